"""The main job on real engines, from the command line: everything runs, and nothing is left behind."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mevals.engines.supervisor import started
from tests.real_engines.conftest import CHECKOUT

pytestmark = pytest.mark.engines

MAIN = "from mevals.cli import main; main()"
RUN = ("run", "--model", "./tiny-cohere2", "--suite", "mini", "--engine", "vllm")
LIMITED = ("--limit", "1", "--max-tokens", "16", "--server-arg=--enforce-eager")
"""What fits into the minutes that CI has; a shared machine without a GPU makes some hundred tokens a second."""


def mevals(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, in `folder`."""
    paths = {"PYTHONPATH": str(CHECKOUT), "MEVALS_RUN_DIR": str(folder / "run")}
    return subprocess.run(
        [sys.executable, "-c", MAIN, *arguments],
        cwd=folder,
        env={**os.environ, **paths, **more},
        capture_output=True,
        text=True,
        timeout=360,
    )


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    """An empty folder with a copy of the tiny model, by whose path its processes are known from those of other tests."""
    shutil.copytree(tiny_folder, tmp_path / "tiny-cohere2")
    (tmp_path / "run").mkdir()
    return tmp_path


def recorded(folder: Path) -> list[int]:
    """Processes that the records of running servers name."""
    contents = [json.loads(p.read_text()) for p in (folder / "run").glob("*.json")]
    return [content[who][0] for content in contents for who in ("server", "supervisor") if who in content]


def manifests(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(p.read_text()) for p in sorted((folder / "results").glob("tiny-cohere2/*/manifest.json"))]


def assert_nothing_is_left(folder: Path) -> None:
    """No record of a server, no process with this model's folder or our marker, and no one at any port that was used."""
    assert list((folder / "run").iterdir()) == []
    commands = [p.read_bytes().split(b"\0") for p in Path("/proc").glob("[0-9]*/cmdline") if _readable(p)]
    model = str((folder / "tiny-cohere2").resolve()).encode()
    assert [c for c in commands if model in c] == []
    for manifest in manifests(folder):
        for run in manifest["runs"]:
            words = run["engine"].get("arguments", [])
            if "--port" in words:
                with socket.socket() as probe:
                    assert probe.connect_ex(("127.0.0.1", int(words[words.index("--port") + 1]))) != 0


def _readable(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:
        return False
    return True


def test_the_mini_suite_runs_on_real_vllm_also_after_kill_9_and_leaves_nothing(folder: Path) -> None:
    killed = mevals(folder, *RUN, *LIMITED, MEVALS_KILL_AT="journal.after:40")
    assert killed.returncode == -9, killed.stderr
    journals = list((folder / "results").glob("*/*/responses/*.jsonl"))
    assert journals
    left = recorded(folder)  # a supervisor may still be ending its server
    whole = mevals(folder, *RUN, *LIMITED)
    assert whole.returncode == 0, whole.stderr
    assert not any(started(pid) for pid in left)
    assert_nothing_is_left(folder)
    done = re.search(r"(\d+)/(\d+) cells complete · (\d+) answered now · (\d+) kept", whole.stderr)
    assert done is not None, whole.stderr
    assert done[1] == done[2] and int(done[1]) > 100
    assert int(done[4]) > 0  # what was answered before the kill was not asked again
    found = manifests(folder)
    assert len(found) >= 12
    for manifest in found:
        first = manifest["first_prompt"]
        assert first["token_ids"][0] == 2 and first["token_ids"][1] != 2, manifest["task"]
        assert all(message["content"] in first["rendered"] for message in first["messages"])
        assert manifest["prompt_path"]["template"].startswith("sha256:")
        assert manifest["prompt_path"]["findings"] == []
        assert manifest["runs"][-1]["engine"]["server_version"][0].isdigit()
        assert not manifest["simulated"]


def test_a_second_run_of_the_same_cells_asks_nothing_whatever_serves_them(folder: Path) -> None:
    few = ("--tasks", "global_mgsm", "--data", "mini", "--langs", "deu_Latn", "--limit", "2", "--max-tokens", "8")
    run = ("run", "--model", "./tiny-cohere2", "--engine", "transformers", "--max-model-len", "1024", *few)
    first, second = mevals(folder, *run), mevals(folder, *run)
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    assert "2 answered now" in first.stderr
    assert "0 answered now" in second.stderr
    assert_nothing_is_left(folder)


TEMPLATE_FAULTS = {
    "double-bos": ("{{ bos_token }}", "{{ bos_token }}{{ bos_token }}"),
    "dropped-system": ("<|SYSTEM_TOKEN|>{{ message['content'] }}", "<|SYSTEM_TOKEN|>"),
    "reasoning": (
        "<|CHATBOT_TOKEN|><|START_RESPONSE|>{% endif %}",
        "<|CHATBOT_TOKEN|><|START_RESPONSE|><think>{% endif %}",
    ),
}


def test_doctor_finds_faults_that_are_planted_in_a_real_template(folder: Path) -> None:
    broken = folder / "tiny-cohere2"
    config = json.loads((broken / "tokenizer_config.json").read_text())
    for old, new in TEMPLATE_FAULTS.values():
        assert old in config["chat_template"]
        config["chat_template"] = config["chat_template"].replace(old, new)
    (broken / "tokenizer_config.json").write_text(json.dumps(config))
    arguments = ("--engine", "transformers", "--max-model-len", "4096", "--max-tokens", "8", "--tasks", "global_mgsm")
    ran = mevals(folder, "doctor", "--model", "./tiny-cohere2", *arguments)
    assert ran.returncode == 1, ran.stderr
    for fault in TEMPLATE_FAULTS:
        assert f"WRONG ({fault})" in ran.stdout
    assert "missing-bos" not in ran.stdout
    assert_nothing_is_left(folder)


def test_doctor_finds_nothing_wrong_with_the_template_as_it_is(folder: Path) -> None:
    arguments = ("--engine", "transformers", "--max-model-len", "4096", "--max-tokens", "16")
    ran = mevals(folder, "doctor", "--model", "./tiny-cohere2", *arguments)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert len(re.findall(r"^  ok    \w+", ran.stdout, re.MULTILINE)) == 12
