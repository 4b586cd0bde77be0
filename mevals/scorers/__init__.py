"""Scorers: pure functions from the responses of a cell to scores. Each names itself by a full signature."""

from __future__ import annotations

from mevals.scorers.exact import exact
from mevals.scorers.mt import bleu, chrf, ter
from mevals.scorers.number import number

__all__ = ["bleu", "chrf", "exact", "number", "ter"]
