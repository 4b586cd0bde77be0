"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder of real benchmark data, named by MEVALS_GOLDEN; the test is skipped where there is none.

    With MEVALS_GOLDEN_REQUIRED=1 (as in CI) a missing folder fails instead of skipping.
    """
    folder = os.environ.get("MEVALS_GOLDEN", "")
    if folder and Path(folder).is_dir():
        return Path(folder)
    reason = "real benchmark data is absent: set MEVALS_GOLDEN to its folder"
    if os.environ.get("MEVALS_GOLDEN_REQUIRED") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass(frozen=True)
class Ran:
    """What a command did: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


@pytest.fixture
def mevals(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Ran]:
    """Runs the command line in this process, in an empty folder, and returns what it did."""
    monkeypatch.chdir(tmp_path)
    for name in ("MEVALS_MIRROR", "MEVALS_PATH", "MEVALS_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: object) -> Ran:
        from mevals.cli import main

        monkeypatch.setattr("sys.argv", ["mevals", *map(str, arguments)])
        try:
            main()
            code: object = 0
        except SystemExit as end:
            code = end.code
        out, err = capsys.readouterr()
        return Ran(int(code or 0), out, err)  # type: ignore[call-overload]

    return run
