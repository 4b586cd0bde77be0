"""One worker process: started, spoken to in lines, and never left behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mevals.comet.environment import clean_environment, explain_exit, explain_start
from mevals.errors import UsageError

PATIENCE_S = 5.0
"""How long a worker may take to end when asked before it is killed."""


class WorkerProcess:
    """A running worker in a process group of its own; it dies with this process, because its standard input ends.

    `ready` says whether it came far enough to take jobs.
    """

    def __init__(self, command: Sequence[str], log: Path, device: str = "cpu") -> None:
        self._command = list(command)
        self._log = log
        self.ready = False
        environment = clean_environment()
        if device.startswith("cuda:"):
            environment["CUDA_VISIBLE_DEVICES"] = physical_device(device.removeprefix("cuda:"))
        with log.open("ab") as errors:
            try:
                self._process = subprocess.Popen(
                    [*self._command, "--serve"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    env=environment,
                    start_new_session=True,
                )
            except OSError as error:
                raise UsageError(explain_start(self._command, f"cannot be started ({error.strerror})")) from error

    @property
    def pid(self) -> int:
        """The worker's process id, which is also its process group's."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def send(self, job: Path) -> None:
        """Ask for a job; if the worker is dead already, `events` will say so."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(str(job).encode() + b"\n")
            self._process.stdin.flush()

    def events(self) -> Iterator[Mapping[str, Any]]:
        """Events as they come; ends when the worker does."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event = json.loads(line)
            self.ready = self.ready or event["event"] == "ready"
            yield event

    def exit_code(self) -> int:
        """The exit code, once the process has ended; negative for a signal."""
        return self._process.wait()

    def how_it_ended(self) -> str:
        """The end of a dead worker in words: signal or exit code, and the last line of its log."""
        return explain_exit(self.exit_code(), self._log.read_bytes()[-4000:])

    def stop(self) -> None:
        """End the worker and whatever it started: asked first, killed after a few seconds."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, sign)
            try:
                self._process.wait(PATIENCE_S)
                break
            except subprocess.TimeoutExpired:
                continue
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


def physical_device(index: str) -> str:
    """The device's name in CUDA_VISIBLE_DEVICES, where the user may have chosen among several already."""
    visible = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    return visible[int(index)] if visible else index
