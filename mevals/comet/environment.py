"""The environment of the COMET worker: found, made by one command, and explained in one sentence when it is broken."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mevals.errors import UsageError

PYTHON_SETTING = "MEVALS_COMET_PYTHON"
HOME_SETTING = "MEVALS_COMET_HOME"
PYTHONS = ("3.11", "3.12")
"""Versions of Python for which numpy 1.26, which COMET pins, has wheels."""

WORKER = Path(__file__).parent / "worker" / "start.py"
REQUIREMENTS = Path(__file__).parent / "requirements.txt"
MARK = "mevals-comet.json"


def home() -> Path:
    """Where the environment, the kept embeddings and unfinished jobs live: $MEVALS_COMET_HOME or the user's cache."""
    if setting := os.environ.get(HOME_SETTING):
        return Path(setting).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "mevals" / "comet"


def find_python() -> Path:
    """The Python of the COMET environment: $MEVALS_COMET_PYTHON, or the one that `mevals comet install` made.

    Raises UsageError where there is none.
    """
    if setting := os.environ.get(PYTHON_SETTING):
        path = Path(setting).expanduser()
        if not path.is_file():
            raise UsageError(
                f"{PYTHON_SETTING} names {path}, which does not exist: "
                "give the Python of an environment that has unbabel-comet"
            )
        return path
    folder = home() / "env"
    if not (folder / MARK).is_file():
        raise UsageError(
            "COMET is not installed: run `mevals comet install`, "
            f"or set {PYTHON_SETTING} to the Python of an environment that has it"
        )
    return _python_of(folder)


def worker_command(python: Path) -> list[str]:
    """The command that starts the worker in that environment."""
    return [str(python), str(WORKER)]


def clean_environment() -> dict[str, str]:
    """This process's environment without what would leak our packages into another Python."""
    leaks = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"}
    return {name: value for name, value in os.environ.items() if name not in leaks}


def check(python: Path) -> Mapping[str, Any]:
    """Versions and devices of the environment, after importing COMET there. Raises UsageError where it is broken."""
    return ask_worker(worker_command(python), ["--check"], "environment")


def ask_worker(command: Sequence[str], arguments: Sequence[str], event: str) -> Mapping[str, Any]:
    """What a worker that runs to its end says in that event. Raises UsageError with the reason if it fails."""
    try:
        done = subprocess.run(
            [*command, *arguments], env=clean_environment(), capture_output=True, stdin=subprocess.DEVNULL
        )
    except OSError as error:
        raise UsageError(explain_start(command, f"cannot be started ({error.strerror})")) from error
    found: Mapping[str, Any] = last_event(done.stdout)
    if found.get("event") == "failed":
        raise UsageError(explain_failure(command, found["kind"], found["message"]))
    if found.get("event") != event:
        raise UsageError(explain_start(command, explain_exit(done.returncode, done.stderr)))
    return found


def last_event(output: bytes) -> Mapping[str, Any]:
    """The last line of a worker's output as an event; empty where it is none."""
    lines = [line for line in output.split(b"\n") if line.startswith(b'{"event"')]
    event: Mapping[str, Any] = json.loads(lines[-1]) if lines else {}
    return event


def explain_failure(command: Sequence[str], kind: str, message: str) -> str:
    """One sentence for a `failed` event."""
    return explain_start(command, f"is broken ({message})") if kind == "environment" else message


def explain_start(command: Sequence[str], what: str) -> str:
    """One sentence for an environment that cannot be used."""
    mend = f"run `mevals comet install --force`, or set {PYTHON_SETTING} to another"
    return f"the COMET environment of {command[0]} {what}: {mend}"


def explain_exit(code: int, errors: bytes) -> str:
    """How a worker ended that said nothing: its signal or exit code, and the last line that it left."""
    lines = [line for line in errors.decode("utf-8", "replace").split("\n") if line.strip()]
    said = f": {lines[-1].strip()}" if lines else ""
    return f"was killed by signal {-code}{said}" if code < 0 else f"ended with exit code {code}{said}"


def install(wheels: Path | None = None, *, force: bool = False) -> Path:
    """Make the environment, with uv where it is found and venv and pip elsewhere; returns its Python.

    `wheels` is a folder of wheel files to use instead of any index. An environment that is already as it should be is
    left alone unless `force`. Raises UsageError where a step fails; a half-made environment is never taken for a whole.
    """
    if wheels is not None and not wheels.is_dir():
        raise UsageError(f"--wheels {wheels} is no folder: fill one with `pip download -r {REQUIREMENTS} -d {wheels}`")
    folder = home() / "env"
    if is_current(folder) and not force:
        return _python_of(folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    uv = find_uv()
    for command in _with_uv(uv, folder, wheels) if uv else _with_pip(folder, wheels):
        _run(command)
    python = _python_of(folder)
    found = check(python)
    mark = {"requirements": _requirements_digest(), "python": found["python"], "packages": found["packages"]}
    (folder / MARK).write_text(json.dumps(mark, indent=1), encoding="utf-8")
    return python


def is_current(folder: Path) -> bool:
    """Whether the environment there is complete and was made from the requirements that we ship."""
    mark = folder / MARK
    return mark.is_file() and json.loads(mark.read_text(encoding="utf-8"))["requirements"] == _requirements_digest()


def find_uv() -> str | None:
    """The uv command: on the path, or beside our own Python."""
    beside = Path(sys.executable).with_name("uv")
    return shutil.which("uv") or (str(beside) if beside.is_file() else None)


def _with_uv(uv: str, folder: Path, wheels: Path | None) -> list[list[str]]:
    offline = ["--no-index", "--find-links", str(wheels)] if wheels else []
    return [
        [uv, "venv", "--quiet", "--python", _wanted_python(), str(folder)],
        [
            uv,
            "pip",
            "install",
            "--python",
            str(_python_of(folder)),
            "--compile-bytecode",
            *offline,
            "-r",
            str(REQUIREMENTS),
        ],
    ]


def _with_pip(folder: Path, wheels: Path | None) -> list[list[str]]:
    if _our_python() not in PYTHONS:
        raise UsageError(
            f"COMET needs Python {' or '.join(PYTHONS)} and this is {_our_python()}: "
            "install uv, which brings one, and run again"
        )
    offline = ["--no-index", "--find-links", str(wheels)] if wheels else []
    pip = [str(_python_of(folder)), "-m", "pip", "install", "--compile", "--disable-pip-version-check"]
    return [[sys.executable, "-m", "venv", str(folder)], [*pip, *offline, "-r", str(REQUIREMENTS)]]


def _wanted_python() -> str:
    return _our_python() if _our_python() in PYTHONS else PYTHONS[-1]


def _our_python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _run(command: Sequence[str]) -> None:
    """Run one step, its output on standard error."""
    done = subprocess.run(command, env=uv_environment(), stdout=sys.stderr, stdin=subprocess.DEVNULL)
    if done.returncode:
        shown = " ".join(command[:3])
        raise UsageError(
            f"the COMET environment could not be made: `{shown} …` ended with exit code {done.returncode} "
            "(its own message is above)"
        )


def uv_environment() -> dict[str, str]:
    """Our environment, with pip's index settings said in uv's words: a machine that is set up for pip serves uv too."""
    environment = clean_environment()
    if (links := environment.get("PIP_FIND_LINKS")) and "UV_FIND_LINKS" not in environment:
        environment["UV_FIND_LINKS"] = ",".join(links.split())
    if (index := environment.get("PIP_INDEX_URL")) and not {"UV_DEFAULT_INDEX", "UV_INDEX_URL"} & set(environment):
        environment["UV_DEFAULT_INDEX"] = index
    return environment


def _python_of(folder: Path) -> Path:
    return folder / "bin" / "python"


def _requirements_digest() -> str:
    return hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
