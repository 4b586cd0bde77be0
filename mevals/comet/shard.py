"""One device's part of a job: a worker is followed, and started again when it dies."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import Any

from mevals.comet.environment import explain_failure, explain_start
from mevals.comet.process import WorkerProcess
from mevals.comet.worker.job import Job, read_results
from mevals.errors import CellFailed, MevalsError, UsageError

RESTARTS = 3
"""How often a worker that dies is started again without one more segment being finished in between."""

Show = Callable[[str, int, int], None]
"""Told the phase ("load", "embed" or "score"), how many are done and how many there are."""


class Stopped(MevalsError):
    """This shard ended because another failed or the user stopped."""


class Workers:
    """One running worker per shard; once stopped, none is ever started again."""

    def __init__(self, command: Sequence[str]) -> None:
        self.command = command
        self._running: dict[int, WorkerProcess] = {}
        self._stopped = False
        self._lock = threading.Lock()

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped

    def get(self, number: int, device: str, log: Path) -> WorkerProcess:
        """The worker of that shard on its device, started if there is none that lives."""
        with self._lock:
            if self._stopped:
                raise Stopped("stopped")
            worker = self._running.get(number)
            if worker is None or not worker.alive:
                worker = self._running[number] = WorkerProcess(self.command, log, device)
            return worker

    def stop(self) -> None:
        """End every worker, for good."""
        with self._lock:
            self._stopped = True
        for worker in self._running.values():
            worker.stop()


class Tally:
    """Adds up the progress of all shards."""

    def __init__(self, show: Show) -> None:
        self._show = show
        self._counts: dict[str, dict[int, tuple[int, int]]] = {}
        self._lock = threading.Lock()

    def count(self, shard: int, phase: str, done: int, total: int) -> None:
        """Take in one shard's state and show the sum of its phase."""
        with self._lock:
            states = self._counts.setdefault(phase, {})
            states[shard] = (done, total)
            self._show(phase, sum(state[0] for state in states.values()), sum(state[1] for state in states.values()))


class Shard:
    """One job file for one device, its segments already written; `number` tells shards apart."""

    def __init__(self, workers: Workers, job: Job, number: int, device: str, tally: Tally) -> None:
        self._workers = workers
        self._job = job
        self._number = number
        self._device = device
        self._tally = tally
        self._file = Path(job.segments).with_name(f"job.{number}.json")
        self._log = Path(job.segments).with_name(f"worker.{number}.log")

    def run(self) -> None:
        """Return when every segment has its result.

        Raises UsageError for what the user can mend, CellFailed for a worker that dies again and again.
        """
        futile = 0
        while True:
            before = self._finished()
            self._job.write(self._file)
            worker = self._workers.get(self._number, self._device, self._log)
            worker.send(self._file)
            if self._follow(worker):
                return
            code = worker.exit_code()
            if self._workers.stopped:
                raise Stopped("stopped")
            if not worker.ready:
                raise UsageError(explain_start(self._workers.command, worker.how_it_ended()))
            futile = 0 if self._finished() > before else futile + 1
            if futile > RESTARTS:
                raise CellFailed(
                    f"the COMET worker died {futile} times in a row without finishing a segment "
                    f"(it {worker.how_it_ended()}): see {self._log}, then run again to go on"
                )
            if code == -signal.SIGKILL:  # what the kernel does to a process that takes too much memory
                self._job = replace(self._job, batch_size=max(1, self._job.batch_size // 2))

    def _finished(self) -> int:
        return len(read_results(Path(self._job.scores))[0])

    def _follow(self, worker: WorkerProcess) -> bool:
        """Take in events until the job is finished (True) or the worker is dead (False)."""
        for event in worker.events():
            if event["event"] == "progress":
                self._tally.count(self._number, event["phase"], event["done"], event["total"])
            elif event["event"] == "finished":
                return True
            elif event["event"] == "failed":
                raise _error(self._workers.command, event)
        return False


def _error(command: Sequence[str], event: Mapping[str, Any]) -> MevalsError:
    message = explain_failure(command, event["kind"], event["message"])
    return CellFailed(message) if event["kind"] == "memory" else UsageError(message)


def run_shards(shards: Sequence[Shard], workers: Workers) -> None:
    """Run all shards at once; the first error, or Ctrl-C, stops every worker and is raised."""
    with ThreadPoolExecutor(len(shards)) as threads:
        futures = [threads.submit(shard.run) for shard in shards]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            failed = any(future.exception() for future in done)
        except BaseException:
            workers.stop()
            raise
        if failed:
            workers.stop()
    errors = [error for future in futures if (error := future.exception())]
    for error in sorted(errors, key=lambda error: isinstance(error, Stopped)):
        raise error
