"""How long answers are: what can be said of open-ended answers until a judge has read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from mevals.scorers.values import mean_of_scored, unscored
from mevals.types import Response, Score, Scorer, Subset

LONGEST = 1_000_000.0
"""Characters above which no answer is counted further."""


@dataclass(frozen=True)
class Length:
    """The answer's length in code points (Unicode, NFC not applied). Not a measure of quality: neither end is better.

    Compare it within a language only: scripts differ in characters per word.
    """

    metric: ClassVar[str] = "length"
    scale: ClassVar[tuple[float, float]] = (0.0, LONGEST)
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    needs: ClassVar[str] = ""

    def signature(self, subset: Subset) -> str:
        return "length|unit:code points|quality:not judged|version:1"

    def score(self, responses: Sequence[Response], subset: Subset) -> list[Score]:
        return [self._one(r) for r in responses]

    def aggregate(self, values: Any, stats: Any) -> float | None:
        return mean_of_scored(values)

    def _one(self, response: Response) -> Score:
        nothing = unscored(response)
        if nothing or response.text is None:
            return nothing or Score(response.id, None, "no text")
        return Score(response.id, min(LONGEST, float(len(response.text))), "judge not run yet")


def length() -> Scorer:
    """Length of answers in characters."""
    return Length()
