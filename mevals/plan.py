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
from mevals.errors import UsageError, did_you_mean
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

    def is_asked(self) -> bool:
        """Whether the task's prompts have the wanted variant in this cell's language."""
        variant = self.condition.get("prompt")
        return not variant or self.task.prompts.has(variant, self.subset.lang)


@dataclass(frozen=True)
class Pick:
    """A task and which of its subsets are meant: languages or subsets as in `--langs` (none: all), less `without`."""

    task: Task
    langs: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    def subsets(self) -> list[Subset]:
        """The meant subsets in the order of the card. Raises UsageError for a name that is neither language nor subset."""
        known = self.task.subsets()
        wanted, unwanted = Wanted.parse(self.langs, set(known)), Wanted.parse(self.without, set(known))
        return [s for s in known.values() if wanted.has(s) and not (self.without and unwanted.has(s))]


def plan_cells(
    picks: Sequence[Pick], conditions: Sequence[Condition], langs: Sequence[str], data: Data
) -> list[Planned]:
    """The cells of these picks in the wanted languages; with mini data, those that have any.

    A condition that a task doesn't know is left out for that task. Raises UsageError where nothing is left, where a
    language is in none of the tasks, or where no task knows a condition.
    """
    wanted = Wanted.parse(langs, {name for pick in picks for name in pick.task.subsets()})
    known = [(pick, c) for pick in picks for c in conditions if misfit(pick.task, c) is None]
    for condition in conditions:
        if not any(c == condition for _, c in known):
            raise UsageError("; ".join(dict.fromkeys(filter(None, (misfit(p.task, condition) for p in picks)))))
    meant = [Planned(pick.task, s, c) for pick, c in known for s in pick.subsets() if wanted.has(s)]
    cells = list({(c.task.name, c.subset.name, str(c.condition)): c for c in meant if c.is_asked()}.values())
    present = [c for c in cells if c.is_in(data)]
    if cells and not present and not isinstance(data, Mini):
        list(cells[0].samples(data))  # let the source itself say what is missing
    cells = present
    if not cells:
        names = ", ".join(p.task.name for p in picks)
        chosen = f" in {', '.join(langs)}" if langs else ""
        raise UsageError(
            f"{names} has no data{chosen}: choose other --langs or --tasks (`mevals ls tasks -v` shows what there is)"
        )
    return cells


def misfit(task: Task, condition: Condition) -> str | None:
    """Why `task` can't be asked under `condition`, in a sentence; None where it can."""
    variant, chosen = condition.get("prompt"), task.spec.variants
    known = [v for v in task.prompts.variants() if chosen is None or v in chosen]
    if variant and variant not in known:
        return (
            f"{task.name} has no prompt {variant!r}{did_you_mean(variant, known)} It has: {', '.join(known) or 'none'}"
        )
    if condition.shots and not task.spec.shots:
        return f"{task.name} has no exemplars, so that {condition} can't be asked"
    return None


@dataclass(frozen=True)
class Wanted:
    """Which subsets a `--langs` argument means: languages by key, region, script or bin, or subsets by their own name."""

    langs: frozenset[str]
    subsets: frozenset[str]
    everything: bool

    @classmethod
    def parse(cls, patterns: Sequence[str], subsets: set[str]) -> Wanted:
        """Read `--langs`. A name that is both means the language, in whatever subsets it has.

        Raises UsageError, with a suggestion, for what is neither a language nor a subset.
        """
        parts = [p.strip() for pattern in patterns for p in pattern.split(",") if p.strip()]
        own = frozenset(p for p in parts if p in subsets)
        rest = [p for p in parts if p not in own or p in languages.load()]
        return cls(frozenset(languages.select(rest)) if rest else frozenset(), own, not parts)

    def has(self, subset: Subset) -> bool:
        """Whether `subset` is meant."""
        return self.everything or subset.name in self.subsets or subset.about in self.langs


def take(
    samples: Iterator[Sample], limit: int | None, seed: int, strata: Sequence[str] = ("domain",)
) -> Iterator[Sample]:
    """At most `limit` samples, drawn by seed and spread in proportion over the values of the tags `strata`, in
    published order.

    Drawing is by the hash of seed and id, so a larger limit contains a smaller one's samples within each stratum.
    """
    if limit is None:
        yield from samples
        return
    every = list(samples)
    chosen = _stratified([(s.id, "\0".join(s.tags.get(t, "") for t in strata)) for s in every], limit, seed)
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
