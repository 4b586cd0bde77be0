"""Short answers against what annotators answered: exactly one of theirs, and how many of them said so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from mevals.scorers.values import mean_of_scored, unscored, why_nothing
from mevals.types import Response, Score, Scorer, Subset

VERSION = 1
"""Raised whenever a change can alter a value."""


@dataclass(frozen=True)
class ShortAnswer:
    """1 where the answer equals one of the annotators' answers after script-aware normalisation, else 0.

    `parts["weighted"]` is that answer's count over the highest count (BLEnD, arXiv:2406.09948, section 4.1), 0 where it is
    none of them; `parts["contained"]` is 1 where an annotation stands inside a longer answer, which is no match. The
    targets are the annotators' answers, their counts stand in the sample's tag `counts`, comma-separated in the same order
    (1 each without it). A question that no annotator answered is unscored.
    """

    metric: ClassVar[str] = "exact_match"
    scale: ClassVar[tuple[float, float]] = (0.0, 1.0)
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    needs: ClassVar[str] = ""

    def signature(self, subset: Subset) -> str:
        return f"exact_match|against:annotators|lang:{subset.lang}|norm:script-aware|version:{VERSION}"

    def score(self, responses: Sequence[Response], subset: Subset) -> list[Score]:
        return [self._one(r, subset.lang) for r in responses]

    def aggregate(self, values: Any, stats: Any) -> float | None:
        return mean_of_scored(values)

    def _one(self, response: Response, lang: str) -> Score:
        from mevals.extract import match_short_answer

        nothing = unscored(response)
        if nothing or response.text is None:
            return nothing or Score(response.id, None, "no text")
        if not response.targets:
            return Score(response.id, None, "no annotator answered this question")
        match = match_short_answer(response.text, annotations_of(response), lang)
        if match.exact is None or match.weighted is None:
            return Score(response.id, None, why_nothing(response, "no answer is left to compare"))
        parts = {"weighted": match.weighted, "contained": float(match.contained)}
        detail = f"{match.answer[:200]} = {match.matched}" if match.exact else match.answer[:200]
        return Score(response.id, float(match.exact), detail, parts=parts)


def annotations_of(response: Response) -> Mapping[str, int]:
    """Annotators' answers with their counts; of equal answers the higher count."""
    counts = [int(c) for c in response.tags.get("counts", "").split(",") if c] or [1] * len(response.targets)
    found: dict[str, int] = {}
    for answer, count in zip(response.targets, counts, strict=True):
        found[answer] = max(count, found.get(answer, 0))
    return found


def short_answer() -> Scorer:
    """Exact match against annotators' answers, with a count-weighted part."""
    return ShortAnswer()
