"""Numeric exact match in any script: the last line's number, in the language's own digits and separators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from mevals.scorers.values import mean_of_scored, unscored, why_nothing
from mevals.types import Response, Score, Scorer, Subset

VERSION = 2
"""Raised whenever a change can alter a value."""


@dataclass(frozen=True)
class Number:
    """1 where the extracted number equals the target, 0 where it is another one; unscored where none can be extracted.

    The tasks ask for whole numbers, which settles separators that a language's habits leave open (`1,250`).

    The share of answers without a number is the extraction-failure rate: `parts["extracted"]` is 1 or 0 per sample, and
    `parts["fallback"]` is 1 where only the last number of the text could be taken. The answer prefix comes from the
    sample's tag `prefix`.
    """

    metric: ClassVar[str] = "accuracy"
    scale: ClassVar[tuple[float, float]] = (0.0, 1.0)
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    needs: ClassVar[str] = ""

    def signature(self, subset: Subset) -> str:
        return f"accuracy|by:number|lang:{subset.lang}|prefix:localised|fallback:last|whole|version:{VERSION}"

    def score(self, responses: Sequence[Response], subset: Subset) -> list[Score]:
        return [self._one(r, subset.lang) for r in responses]

    def aggregate(self, values: Any, stats: Any) -> float | None:
        return mean_of_scored(values)

    def _one(self, response: Response, lang: str) -> Score:
        from mevals.extract import extract_number, same_number

        nothing = unscored(response)
        if nothing or response.text is None:
            return nothing or Score(response.id, None, "no text")
        found = extract_number(response.text, lang, response.tags.get("prefix"), whole=True)
        if response.finish == "length" and found.how == "last":
            return Score(response.id, None, "truncated; no final answer", parts={"extracted": 0.0})
        if found.value is None:
            return Score(response.id, None, why_nothing(response, found.why), parts={"extracted": 0.0})
        right = any(same_number(found.value, target) for target in response.targets)
        parts = {"extracted": 1.0, "fallback": float(found.how == "last")}
        return Score(response.id, float(right), f"{found.value} ({found.how})", parts=parts)


def number() -> Scorer:
    """Numeric exact match."""
    return Number()
