"""Ends servers that an earlier mevals left behind because its supervisor was killed too, by the records they wrote.

Only a process whose pid *and* start time stand in the record is touched, and only where the mevals that owned it is
gone.
"""

from __future__ import annotations

import json
import os
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

from mevals.engines.supervisor import kill, place, session_members, started
from mevals.errors import UsageError


def record_folder() -> Path:
    """Where running servers are recorded: $MEVALS_RUN_DIR, else a private folder of this user on this machine.

    Raises UsageError where another user made that folder.
    """
    named = os.environ.get("MEVALS_RUN_DIR")
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if named:
        folder = Path(named)
    elif runtime and Path(runtime).is_dir():
        folder = Path(runtime) / "mevals"
    else:
        folder = Path(tempfile.gettempdir()) / f"mevals-{os.getuid()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise UsageError(f"{folder} belongs to another user; set MEVALS_RUN_DIR to a folder of your own")
    return folder


def end_leftovers(folder: Path, grace: float = 20.0) -> list[list[str]]:
    """End every recorded server whose mevals is gone; the commands of those that were still running."""
    ended = []
    for record in sorted(folder.glob("*.json")):
        try:
            content = json.loads(record.read_text(encoding="utf-8"))
        except FileNotFoundError:  # its supervisor has just finished
            continue
        except ValueError:
            record.unlink(missing_ok=True)
            continue
        if content.get("place") != place() or _alive(content.get("owner")):
            _forget_other_boot(record, content)
            continue
        if _end_one(content, grace):
            ended.append(list(content.get("command", ())))
        record.unlink(missing_ok=True)
    return ended


def _alive(process: Any) -> bool:
    """Whether [pid, start time] is still running."""
    return bool(process) and process[1] is not None and started(int(process[0])) == process[1]


def _forget_other_boot(record: Path, content: dict[str, Any]) -> None:
    """Remove a record of an earlier boot; one of another container on this boot is not ours to judge."""
    theirs, ours = str(content.get("place", "")).split(" ")[0], place().split(" ")[0]
    if ours and theirs != ours:
        record.unlink(missing_ok=True)


def _end_one(content: dict[str, Any], grace: float) -> bool:
    """End one server with its supervisor; whether anything was running."""
    supervisor: Any = content.get("supervisor")
    server: Any = content.get("server")
    found = False
    if _alive(supervisor):  # it knows best, and is ending the server already: its mevals is gone
        found = True
        kill(supervisor[0], signal.SIGTERM)
        _wait_gone(supervisor, grace)
        if _alive(supervisor):
            kill(supervisor[0], signal.SIGKILL)
    if server and started(server[0]) in (None, server[1]):
        while members := session_members(server[0]):
            found = True
            for pid in members:
                kill(pid, signal.SIGKILL)
            time.sleep(0.05)
    return found


def _wait_gone(process: Any, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while _alive(process) and time.monotonic() < deadline:
        time.sleep(0.1)
