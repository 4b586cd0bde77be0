"""Real servers leave no process and no port behind, however mevals ends; real failures are told in a sentence."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mevals.engines.supervisor import descendants, session_members, started
from mevals.engines.transformers_engine import start_transformers
from mevals.engines.vllm_server import start_vllm
from mevals.errors import UsageError
from mevals.models import Model
from tests.real_engines.conftest import CHECKOUT, VLLM_ARGS

pytestmark = pytest.mark.engines

MEVALS = """
import sys, time
from dataclasses import replace
from pathlib import Path
from mevals.engines.transformers_engine import start_transformers
from mevals.engines.vllm_server import start_vllm
from mevals.models import find_model
model = replace(find_model(sys.argv[2]), dtype="float32", context=1024)
start = start_vllm if sys.argv[1] == "vllm" else start_transformers
more = ("--enforce-eager",) if sys.argv[1] == "vllm" else ()
with start(model, log_dir=Path(sys.argv[3]), port=int(sys.argv[4]), extra_args=more) as server:
    print("ready", flush=True)
    time.sleep(600)
"""


def run_mevals(engine: str, folder: Path, tmp_path: Path, port: int) -> subprocess.Popen[str]:
    """A process that keeps a server, as mevals does."""
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT), "MEVALS_RUN_DIR": str(tmp_path / "run")}
    command = [sys.executable, "-c", MEVALS, engine, str(folder), str(tmp_path / "logs"), str(port)]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True, start_new_session=True)


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def recorded(tmp_path: Path) -> dict[str, list[int]]:
    """The record of the running server, once there is one."""
    found: list[Path] = []

    def there() -> bool:
        found[:] = [p for p in (tmp_path / "run").glob("*.json") if "server" in json.loads(p.read_text())]
        return bool(found)

    wait_until(there)
    content = json.loads(found[0].read_text())
    assert isinstance(content, dict)
    return content


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize(
    ("engine", "when"), [("vllm", "while it loads"), ("vllm", "while it runs"), ("transformers", "while it runs")]
)
def test_kill_9_of_mevals_leaves_no_process_and_no_port(
    engine: str, when: str, tiny_folder: Path, tmp_path: Path, unused_tcp_port: int
) -> None:
    mevals = run_mevals(engine, tiny_folder, tmp_path, unused_tcp_port)
    server, supervisor = recorded(tmp_path)["server"][0], recorded(tmp_path)["supervisor"][0]
    if when == "while it loads":
        wait_until(lambda: len(session_members(server)) > 1, 120)  # the engine's own process has come up
    else:
        assert mevals.stdout is not None
        assert mevals.stdout.readline() == "ready\n"
        assert not port_is_free(unused_tcp_port)
    all_of_it = {server, supervisor, *session_members(server), *descendants(supervisor)}
    assert len(all_of_it) > (2 if engine == "vllm" else 1)
    mevals.send_signal(signal.SIGKILL)
    mevals.wait()
    wait_until(lambda: not any(started(pid) for pid in all_of_it))
    assert session_members(server) == []
    assert port_is_free(unused_tcp_port)
    wait_until(lambda: not list((tmp_path / "run").iterdir()))


def test_the_next_start_ends_a_vllm_whose_supervisor_was_killed_too(
    tiny: Model, tiny_folder: Path, tmp_path: Path, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    mevals = run_mevals("vllm", tiny_folder, tmp_path, unused_tcp_port)
    server, supervisor = recorded(tmp_path)["server"][0], recorded(tmp_path)["supervisor"][0]
    wait_until(lambda: len(session_members(server)) > 1, 120)
    mevals.send_signal(signal.SIGKILL)
    os.kill(supervisor, signal.SIGKILL)
    mevals.wait()
    monkeypatch.setenv("MEVALS_RUN_DIR", str(tmp_path / "run"))
    with start_transformers(tiny, log_dir=tmp_path / "second", deadline_s=120):
        assert session_members(server) == []
    assert not list((tmp_path / "run").iterdir())


def test_a_real_unknown_architecture_is_told_in_a_sentence(tiny: Model, tiny_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "unknown"
    shutil.copytree(tiny_folder, folder)
    config = (folder / "config.json").read_text()
    (folder / "config.json").write_text(
        config.replace("Cohere2ForCausalLM", "FooForCausalLM").replace('"cohere2"', '"foo"')
    )
    model = replace(tiny, repository=str(folder))
    with pytest.raises(UsageError, match="does not know the architecture foo"):
        start_vllm(model, log_dir=tmp_path, extra_args=VLLM_ARGS, deadline_s=120).start()
    with pytest.raises(UsageError, match="does not know the architecture of"):
        start_transformers(model, log_dir=tmp_path, deadline_s=120).start()
