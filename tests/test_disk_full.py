"""A full disk ends a run with one sentence and exit code 1; what was answered is kept, and the next run goes on."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mevals.testing import SimServer


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KB; needs the right to mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True).returncode
    ):
        pytest.skip("no right to mount a small file system here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_keeps_what_was_answered_and_the_next_run_goes_on(
    mevals: Callable[..., Any], tmp_path: Path, small_disk: Path
) -> None:
    lines = [{"id": i, "lang": "swh_Latn", "prompt": f"swali la {i} " * 40, "target": "x"} for i in range(1000)]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with SimServer("demo", served_names=["real"]) as server:
        words = [
            "run",
            "--model",
            "real",
            "--base-url",
            server.base_url,
            "--prompts",
            tmp_path / "p.jsonl",
            "--results",
            small_disk / "results",
        ]
        ran = mevals(*words)
        assert ran.code == 1
        assert "is full: free some space and run again" in ran.err
        assert "Traceback" not in ran.err
        (journal,) = small_disk.rglob("*.jsonl")
        kept = len(journal.read_bytes().split(b"\n")) - 2  # the header, and nothing after the last line end
        assert kept > 20
        subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
        asked = server.stats()["requests"]
        ran = mevals(*words)
        assert ran.code == 0, ran.err
        assert server.stats()["requests"] - asked == 1000 - kept
