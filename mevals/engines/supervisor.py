"""Keeps one server and all that it starts, and ends them for certain when it is told to or when mevals is gone.

Run as a program of its own, with nothing but the standard library, so that neither a crash nor `kill -9` of mevals
leaves a server behind: `python -I supervisor.py PARENT GRACE RECORD -- COMMAND…`. It writes RECORD (a JSON file that
says what runs) and removes it when all is gone; where the supervisor itself is killed, the next start of mevals reads
it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

SUBREAPER = 36
"""prctl PR_SET_CHILD_SUBREAPER: orphans of the server become our children, wherever they moved."""
DEATH_SIGNAL = 1
"""prctl PR_SET_PDEATHSIG."""
POLL = 0.1
"""Seconds between looks at the parent and the server."""


def stat_fields(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat after the program's name (state, parent, group, session, …); None where it is gone.

    A zombie counts as gone: it holds neither memory nor port.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return None
    return None if fields[0] in "ZX" else fields


def started(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None where it is gone. With the pid it names one process."""
    fields = stat_fields(pid)
    return int(fields[19]) if fields else None


def _all() -> Iterator[tuple[int, list[str]]]:
    for entry in Path("/proc").iterdir() if Path("/proc/self").exists() else ():
        if entry.name.isdigit() and (fields := stat_fields(int(entry.name))):
            yield int(entry.name), fields


def session_members(session: int) -> list[int]:
    """The living processes of a session."""
    return [pid for pid, fields in _all() if int(fields[3]) == session]


def descendants(root: int) -> list[int]:
    """The living processes below `root`, children before grandchildren."""
    children: dict[int, list[int]] = {}
    for pid, fields in _all():
        children.setdefault(int(fields[1]), []).append(pid)
    found, todo = [], [root]
    while todo:
        below = children.get(todo.pop(0), [])
        found += below
        todo += below
    return found


def kill(pid: int, number: int) -> None:
    """Send a signal; nothing happens where the process is gone already."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def place() -> str:
    """What pids mean here: this boot of this machine and this process namespace."""
    try:
        return (
            Path("/proc/sys/kernel/random/boot_id").read_text().strip()
            + " "
            + str(Path("/proc/self/ns/pid").readlink())
        )
    except OSError:
        return ""


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _write(record: Path, content: dict[str, object]) -> None:
    draft = record.with_suffix(".draft")
    draft.write_text(json.dumps(content), encoding="utf-8")
    draft.replace(record)


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _end(server: subprocess.Popen[bytes], grace: float) -> None:
    """End the server: ask it, give it and its children `grace` seconds, then kill whatever is left."""
    if server.poll() is None:
        kill(server.pid, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while _left(server) and time.monotonic() < deadline:
        time.sleep(POLL / 3)
        if server.poll() is not None:  # what its children could not finish soon after it, they will not
            deadline = min(deadline, time.monotonic() + 3)
            _reap()
    while left := _left(server):
        for pid in left:
            kill(pid, signal.SIGKILL)
        time.sleep(POLL / 3)
        if server.poll() is not None:
            _reap()


def _left(server: subprocess.Popen[bytes]) -> list[int]:
    if not Path("/proc/self").exists():  # no /proc: the server's process group is what we know
        try:
            os.killpg(server.pid, 0)
        except (ProcessLookupError, PermissionError):
            return []
        return [-server.pid]
    return sorted({*descendants(os.getpid()), *session_members(server.pid)} - {os.getpid()})


def main() -> int:
    """Run the command until it ends, SIGTERM comes or the parent is gone; its exit code, 0 if we ended it."""
    parent, grace, record, command = int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]), sys.argv[5:]
    stop: list[int] = []
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda got, _: stop.append(got))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _prctl(SUBREAPER, 1)
    us = os.getpid()

    def before_exec() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        _prctl(DEATH_SIGNAL, signal.SIGTERM)
        if os.getppid() != us:
            os._exit(1)

    content: dict[str, object] = {
        "place": place(),
        "owner": [parent, started(parent)],
        "supervisor": [us, started(us)],
        "command": command,
    }
    _write(record, content)
    try:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=before_exec)
    except OSError as error:
        print(f"mevals: {command[0]} could not be started: {error.strerror}", file=sys.stderr, flush=True)
        record.unlink(missing_ok=True)
        return 127
    _write(record, {**content, "server": [server.pid, started(server.pid)]})
    ours = True
    while not stop and os.getppid() == parent:
        if server.poll() is not None:
            ours = False
            break
        time.sleep(POLL)
    _end(server, grace)
    record.unlink(missing_ok=True)
    return 0 if ours else int(server.returncode)


if __name__ == "__main__":
    sys.exit(main() & 0xFF)
