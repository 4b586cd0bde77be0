"""What a command will do: which cells it means, how many requests and tokens they cost, and what is done already."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mevals import languages
from mevals.card import Card
from mevals.condition import Condition
from mevals.data import Mini
from mevals.errors import UsageError
from mevals.registry import Task
from mevals.types import Sample, Subset

if TYPE_CHECKING:
    from mevals.data import Data


@dataclass(frozen=True)
class Planned:
    """One cell that is meant, before any model is named."""

    task: Task
    subset: Subset
    condition: Condition

    def card(self, data: Data) -> Card:
        """The task's card bound to `data` and this cell's condition."""
        return Card(self.task.folder, self.task.card, self.task.prompts, data, self.condition)

    def samples(self, data: Data) -> Iterator[Sample]:
        """The cell's samples, lazily."""
        return self.task.samples(self.subset, data, self.condition)

    def is_in(self, data: Data) -> bool:
        """Whether `data` holds this cell and what else it reads."""
        card = self.card(data)
        return all(data.has(card, name) for name in (*self.task.card.needs, self.subset.name))


def plan_cells(
    tasks: Sequence[Task], conditions: Sequence[Condition], langs: Sequence[str], data: Data
) -> list[Planned]:
    """The cells of these tasks in the wanted languages; with mini data, those that have any.

    Raises UsageError where nothing is left, or where a language is in none of the tasks.
    """
    known = {name for task in tasks for name in task.subsets()}
    wanted = Wanted.parse(langs, known)
    cells = [
        Planned(task, subset, condition)
        for task in tasks
        for condition in conditions
        for subset in task.subsets().values()
        if wanted.has(subset)
    ]
    present = [c for c in cells if c.is_in(data)]
    if cells and not present and not isinstance(data, Mini):
        list(cells[0].samples(data))  # let the source itself say what is missing
    cells = present
    if not cells:
        names = ", ".join(t.name for t in tasks)
        chosen = f" in {', '.join(langs)}" if langs else ""
        raise UsageError(
            f"{names} has no data{chosen}: choose other --langs or --tasks (`mevals ls tasks -v` shows what there is)"
        )
    return cells


@dataclass(frozen=True)
class Wanted:
    """Which subsets a `--langs` argument means: languages by key, region, script or bin, or subsets by their own name."""

    langs: frozenset[str]
    subsets: frozenset[str]
    everything: bool

    @classmethod
    def parse(cls, patterns: Sequence[str], subsets: set[str]) -> Wanted:
        """Read `--langs`. Raises UsageError, with a suggestion, for what is neither a language nor a subset."""
        parts = [p.strip() for pattern in patterns for p in pattern.split(",") if p.strip()]
        own = frozenset(p for p in parts if p in subsets)
        rest = [p for p in parts if p not in own]
        return cls(frozenset(languages.select(rest)) if rest else frozenset(), own, not parts)

    def has(self, subset: Subset) -> bool:
        """Whether `subset` is meant."""
        return self.everything or subset.name in self.subsets or subset.about in self.langs


def take(samples: Iterator[Sample], limit: int | None, seed: int) -> Iterator[Sample]:
    """At most `limit` samples, drawn by seed and spread over the domains in proportion, in published order.

    Drawing is by the hash of seed and id, so a larger limit contains a smaller one's samples within each domain.
    """
    if limit is None:
        yield from samples
        return
    every = list(samples)
    chosen = _stratified([(s.id, s.tags.get("domain", "")) for s in every], limit, seed)
    yield from (s for s in every if s.id in chosen)


def _stratified(items: Sequence[tuple[str, str]], limit: int, seed: int) -> set[str]:
    """Ids drawn so that each stratum gets its share by the largest-remainder method."""
    if limit >= len(items):
        return {i for i, _ in items}
    strata: dict[str, list[str]] = defaultdict(list)
    for item, stratum in items:
        strata[stratum].append(item)
    exact = {s: limit * len(ids) / len(items) for s, ids in strata.items()}
    shares = {s: int(e) for s, e in exact.items()}
    for s in sorted(exact, key=lambda s: (shares[s] - exact[s], s))[: limit - sum(shares.values())]:
        shares[s] += 1
    return {i for s, ids in strata.items() for i in sorted(ids, key=lambda i: _rank(seed, i))[: shares[s]]}


def _rank(seed: int, item: str) -> bytes:
    return hashlib.blake2b(f"{seed}\0{item}".encode(), digest_size=8).digest()


def check_models(names: Sequence[str]) -> list[str]:
    """Model names without doubles. Raises UsageError where there are none."""
    found = list(dict.fromkeys(names))
    if not found:
        raise UsageError("name a model with --model (try --model demo, the embedded simulated one)")
    return found
