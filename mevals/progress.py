"""A line that says how far a run is: on a terminal a live bar, elsewhere a plain line now and then."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mevals.generate import Tally

EVERY_S = 15.0
"""Seconds between plain lines where there is no terminal."""


class Progress:
    """Shows a run's tally on stderr while it grows."""

    def __init__(self, tally: Tally, concurrency: int) -> None:
        self.tally = tally
        self.concurrency = concurrency
        self._bar: Any = None
        self._id: Any = None
        self._shown = time.monotonic()

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            what, state = TextColumn("{task.description}"), TextColumn("{task.fields[state]}")
            columns = (what, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), state)
            self._bar = Bar(*columns, console=Console(stderr=True), refresh_per_second=4)
            self._bar.start()
            self._id = self._bar.add_task("answering", total=None, state="")
        return self

    def show(self, what: str) -> None:
        """Called after each answer with the task's name; cheap."""
        now = time.monotonic()
        if now - self._shown < (0.25 if self._bar else EVERY_S):
            return
        self._shown = now
        if self._bar:
            done = self.tally.kept + self.tally.answered
            self._bar.update(self._id, description=what, completed=done, total=self.tally.wanted, state=self._state())
        else:
            print(self.line(), file=sys.stderr, flush=True)

    def line(self) -> str:
        """The tally in one line."""
        t = self.tally
        rate = t.answered / max(1e-9, time.monotonic() - t.started)
        return (
            f"{t.cells_done}/{t.cells} cells · {t.kept + t.answered:,} answered ({t.kept:,} of them earlier) · "
            f"{rate:.0f}/s{self._state()}"
        )

    def _state(self) -> str:
        t = self.tally
        said = [
            ("retried", t.retried.total()),
            ("unanswered", t.unanswered.total()),
            ("truncated", t.truncated),
            ("rejected", t.rejected),
        ]
        return "".join(f" · {n:,} {name}" for name, n in said if n)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.update(
                self._id, completed=self.tally.kept + self.tally.answered, total=self.tally.wanted, state=self._state()
            )
            self._bar.stop()
