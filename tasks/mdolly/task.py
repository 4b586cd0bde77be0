"""mDolly: open-ended prompts that a judge scores. Until it has run, only the answers' length is known."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from mevals import languages
from mevals.task import Card, Sample, Subset, fidelity, layout, length, task, user


@task(scorers=[length(), fidelity()], max_tokens=1024)
def mdolly(card: Card, subset: Subset) -> Iterator[Sample]:
    for i, row in enumerate(card.rows(subset), 1):
        text = row.get("inputs") or row["prompt"]
        yield Sample(str(row.get("id") or i), [user(text)])


@layout
def language_confusion_csv(folder: Path) -> Iterable:
    """The Dolly prompts of the Language Confusion Benchmark: monolingual/dolly/<code>.csv with a column prompt."""
    for path in sorted(folder.rglob("monolingual/dolly/*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows = [{"id": i, **row} for i, row in enumerate(csv.DictReader(file), 1)]
        yield languages.resolve(path.stem, "language_confusion").key, "test", rows
