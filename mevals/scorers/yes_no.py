"""Yes or no in the language of the prompt: right, wrong, or not told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from mevals.scorers.values import mean_of_scored, unscored, why_nothing
from mevals.types import Response, Score, Scorer, Subset

VERSION = 1
"""Raised whenever a change can alter a value."""


@dataclass(frozen=True)
class YesNo:
    """1 where the answer says what the target ("yes" or "no") says, in the subset's language or in English, else 0.

    Unscored where the answer says neither, or both; `parts["extracted"]` is 1 or 0 per sample.
    """

    metric: ClassVar[str] = "accuracy"
    scale: ClassVar[tuple[float, float]] = (0.0, 1.0)
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    needs: ClassVar[str] = ""

    def signature(self, subset: Subset) -> str:
        return f"accuracy|by:yes-no|lang:{subset.lang}|version:{VERSION}"

    def score(self, responses: Sequence[Response], subset: Subset) -> list[Score]:
        return [self._one(r, subset.lang) for r in responses]

    def aggregate(self, values: Any, stats: Any) -> float | None:
        return mean_of_scored(values)

    def _one(self, response: Response, lang: str) -> Score:
        from mevals.extract import extract_yes_no

        nothing = unscored(response)
        if nothing or response.text is None:
            return nothing or Score(response.id, None, "no text")
        if response.targets not in (("yes",), ("no",)):
            return Score(response.id, None, "the target is neither yes nor no")
        said = extract_yes_no(response.text, lang)
        if said is None:
            why = why_nothing(response, "neither yes nor no is said")
            return Score(response.id, None, why, parts={"extracted": 0.0})
        word = "yes" if said else "no"
        return Score(response.id, float(word == response.targets[0]), word, parts={"extracted": 1.0})


def yes_no() -> Scorer:
    """Accuracy on yes/no questions."""
    return YesNo()
