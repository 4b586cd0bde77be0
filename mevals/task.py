"""What a task is: a generator function, its card and its scorers. The one import that a task.py needs.

::

    from mevals.task import Card, Sample, Subset, chrf, task, user

    @task(scorers=[chrf()], max_tokens=512)
    def my_task(card: Card, subset: Subset) -> Iterator[Sample]:
        for row in card.rows(subset):
            yield Sample(id=str(row["id"]), messages=[user(card.prompt(subset, text=row["text"]))], targets=(row["target"],))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from mevals.card import Card, Prompts, Row
from mevals.scorers import choice, chrf, exact, fidelity, length, likelihood, number, refusal, short_answer, yes_no
from mevals.types import Sample, Scorer, Subset, assistant, system, user

__all__ = [
    "Card",
    "Layout",
    "Prompts",
    "Row",
    "Sample",
    "Scorer",
    "Subset",
    "TaskSpec",
    "assistant",
    "choice",
    "chrf",
    "exact",
    "fidelity",
    "layout",
    "length",
    "likelihood",
    "number",
    "refusal",
    "short_answer",
    "system",
    "task",
    "user",
    "yes_no",
]  # fmt: skip

Samples = Callable[[Card, Subset], Iterator[Sample]]
How = Literal["generate", "choose"]


@dataclass(frozen=True)
class TaskSpec:
    """What the decorator knows about a task.

    `how` is "choose" where options are compared by log-likelihood. `out_of` names the language that every subset is
    asked in (translated from); `into` the one that every language of the card is brought into. `only` says which of the
    card's subsets are this task's. `shots` says that the task can show exemplars, `variants` which of its folder's
    prompts it can be asked with (None: all of them).
    """

    name: str
    samples: Samples
    scorers: tuple[Scorer, ...]
    max_tokens: int
    how: How = "generate"
    kind: str = "open"
    out_of: str = ""
    into: str = ""
    only: Callable[[Subset], bool] | None = None
    shots: bool = False
    variants: tuple[str, ...] | None = None

    def directed(self, subset: Subset) -> Subset | None:
        """The card's subset as this task asks it; None where it is not this task's, or would go from a language into itself."""
        if subset.lang in (self.out_of, self.into) or (self.only and not self.only(subset)):
            return None
        if self.into:
            return replace(subset, lang=self.into, source_lang=subset.lang)
        return replace(subset, source_lang=self.out_of) if self.out_of else subset


def task(
    *,
    scorers: Sequence[Scorer],
    max_tokens: int,
    how: How = "generate",
    kind: str = "open",
    out_of: str = "",
    into: str = "",
    only: Callable[[Subset], bool] | None = None,
    shots: bool = False,
    variants: Sequence[str] | None = None,
) -> Callable[[Samples], TaskSpec]:
    """Make a generator function a task.

    `max_tokens` is the budget of an answer in English; it grows with the language's token premium. `kind` tells the
    simulated model what sort of answer is asked: number, translation, choice, yes_no, short, safety or open. A task that
    goes from or into one language for all its subsets names it in `out_of` or `into`. `only` chooses among the subsets
    of a card that several tasks share. `shots` says that the task heeds the conditions shots-N and exemplars-…, and
    `variants` which prompt-… it heeds where its folder's prompts are not all meant for it.
    """

    chosen = None if variants is None else tuple(variants)

    def wrap(samples: Samples) -> TaskSpec:
        return TaskSpec(
            samples.__name__, samples, tuple(scorers), max_tokens, how, kind, out_of, into, only, shots, chosen
        )

    return wrap


Tables = Iterable[tuple[str, str, Iterable[dict[str, Any]]]]


@dataclass(frozen=True)
class Layout:
    """A reader of a public layout of this task's data: folder → (subset, split, rows)."""

    read: Callable[[Path], Tables]


def layout(read: Callable[[Path], Tables]) -> Layout:
    """Make a function the reader that `mevals data import` uses for this folder's tasks.

    It gets a folder (archives are unpacked before) or a file and yields (subset name of ours, split, rows with the data
    set's own field names). Raises DataError where the layout is not the expected one.
    """
    return Layout(read)


def with_scorers(spec: TaskSpec, scorers: Sequence[Scorer]) -> TaskSpec:
    """The same task with other scorers."""
    return replace(spec, scorers=tuple(scorers))
