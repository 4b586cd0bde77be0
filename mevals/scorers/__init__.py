"""Scorers: pure functions from the responses of a cell to scores. Each names itself by a full signature."""

from __future__ import annotations

from mevals.scorers.choice import choice, likelihood
from mevals.scorers.exact import exact
from mevals.scorers.fidelity import fidelity
from mevals.scorers.length import length
from mevals.scorers.mt import bleu, chrf, ter
from mevals.scorers.number import number
from mevals.scorers.refusal import refusal
from mevals.scorers.short_answer import short_answer
from mevals.scorers.yes_no import yes_no

__all__ = [
    "bleu",
    "choice",
    "chrf",
    "exact",
    "fidelity",
    "length",
    "likelihood",
    "number",
    "refusal",
    "short_answer",
    "ter",
    "yes_no",
]  # fmt: skip
