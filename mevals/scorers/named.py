"""Scorers by the name that people type."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mevals.errors import UsageError, did_you_mean
from mevals.scorers import (
    bleu,
    choice,
    chrf,
    exact,
    fidelity,
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
    "fidelity": fidelity,
}


def named_scorer(name: str) -> Scorer:
    """The scorer called `name`, or a neural metric as `comet:MODEL` or `metricx:MODEL`.

    Raises UsageError with a suggestion for an unknown one.
    """
    family, _, model = name.partition(":")
    if family == "comet":
        from mevals.scorers.comet import comet

        return comet(model) if model else comet()
    if family == "metricx":
        from mevals.scorers.metricx import metricx

        return metricx(model) if model else metricx()
    if name not in NAMES:
        known = f"{', '.join(NAMES)}, comet:MODEL, metricx:MODEL"
        raise UsageError(f"unknown scorer {name!r}{did_you_mean(name, NAMES)} Known: {known}")
    return NAMES[name]()
