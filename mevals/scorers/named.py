"""Scorers by the name that people type."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mevals.errors import UsageError, did_you_mean
from mevals.scorers import (
    bleu,
    choice,
    chrf,
    exact,
    length,
    likelihood,
    number,
    refusal,
    short_answer,
    ter,
    yes_no,
)
from mevals.types import Scorer

NAMES: Mapping[str, Callable[[], Scorer]] = {
    "chrf": chrf,
    "chrf++": lambda: chrf(word_order=2),
    "bleu": bleu,
    "ter": ter,
    "exact": exact,
    "number": number,
    "choice": choice,
    "likelihood": likelihood,
    "short_answer": short_answer,
    "yes_no": yes_no,
    "refusal": refusal,
    "length": length,
}


def named_scorer(name: str) -> Scorer:
    """The scorer called `name`. Raises UsageError with a suggestion for an unknown one."""
    if name not in NAMES:
        raise UsageError(f"unknown scorer {name!r}{did_you_mean(name, NAMES)} Known: {', '.join(NAMES)}")
    return NAMES[name]()
