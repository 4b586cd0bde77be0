"""Batches of like length that shrink when memory runs out, shared by every kind of model."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from .job import Failure

T = TypeVar("T")
P = TypeVar("P")
R = TypeVar("R")

WINDOW = 16384
"""How many texts are held tokenised at once."""


def windows(items: Sequence[T], length: Callable[[T], int]) -> Iterator[list[T]]:
    """All items, longest first, in windows: like beside like, and what needs most memory is met at the start."""
    ordered = sorted(items, key=length, reverse=True)
    for start in range(0, len(ordered), WINDOW):
        yield ordered[start : start + WINDOW]


class Batches:
    """Runs work in batches of at most `size`; out of memory halves the size for good and goes on."""

    def __init__(self, size: int) -> None:
        self.size = size

    def run(self, items: Sequence[T], compute: Callable[[Sequence[T]], R]) -> Iterator[tuple[Sequence[T], R]]:
        """Each batch with what `compute` returned for it, in order. Failure "memory" where not even one item fits."""
        yield from self.run_prepared(items, lambda batch: batch, compute)

    def run_prepared(
        self, items: Sequence[T], prepare: Callable[[Sequence[T]], P], compute: Callable[[P], R]
    ) -> Iterator[tuple[Sequence[T], R]]:
        """The same where `compute` takes what `prepare` makes of a batch, while a thread prepares the next one."""
        start = 0
        with ThreadPoolExecutor(1) as thread:
            ahead: tuple[Sequence[T], Future[P]] | None = None
            while start < len(items):
                batch = items[start : start + self.size]
                after = items[start + len(batch) : start + len(batch) + self.size]
                prepared = ahead[1].result() if ahead and ahead[0] == batch else prepare(batch)
                ahead = (after, thread.submit(prepare, after)) if after else None
                result = _within_memory(compute, prepared)
                if result is not None:
                    yield batch, result
                    start += len(batch)
                    continue
                if len(batch) == 1:
                    raise Failure(
                        "memory",
                        "not even one segment fits into memory: use a smaller model, half precision or a larger device",
                    )
                self.size = len(batch) // 2
                free_memory()


def _within_memory(compute: Callable[[P], R], batch: P) -> R | None:
    """The result, or None where memory ran out. The exception must be gone before memory can be freed."""
    try:
        return compute(batch)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    return None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the device or the host has no memory left: torch has no one exception for all devices."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text


def free_memory() -> None:
    """Give cached device memory back."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
