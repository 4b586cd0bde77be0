"""How far scoring is, on standard error: a live bar on a terminal, elsewhere a plain line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mevals.comet.shard import Show

EVERY_S = 15.0
PHASES = {"load": "loading the model", "embed": "encoding sources and references", "score": "scoring"}


@contextmanager
def shown(title: str) -> Iterator[Show]:
    """A function that shows progress until the block ends."""
    if not sys.stderr.isatty():
        yield _plain(title)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), refresh_per_second=4) as bar:
        tasks: dict[str, Any] = {}

        def show(phase: str, done: int, total: int) -> None:
            if phase not in tasks:
                tasks[phase] = bar.add_task(f"{title}: {PHASES[phase]}", total=total)
            bar.update(tasks[phase], completed=done, total=total)
            if phase != "load" and "load" in tasks:
                bar.update(tasks["load"], visible=False)

        yield show


def _plain(title: str) -> Show:
    last = [time.monotonic()]

    def show(phase: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now - last[0] >= EVERY_S:
            last[0] = now
            print(f"{title}: {PHASES[phase]}, {done:,} of {total:,}", file=sys.stderr, flush=True)

    return show
