"""Exact match of what stands after the last answer prefix; the scorer of ad-hoc prompts with a target."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from mevals.scorers.values import mean_of_scored, unscored, why_nothing
from mevals.types import Response, Score, Scorer, Subset


@dataclass(frozen=True)
class Exact:
    """1 where the text after the last `prefix` (else the last line) equals a target, else 0.

    Both sides are NFC-normalised and stripped of white space. A cut-off answer without a prefix is unscored.
    """

    prefix: str = "Answer:"
    metric: ClassVar[str] = "exact"
    scale: ClassVar[tuple[float, float]] = (0.0, 1.0)
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    needs: ClassVar[str] = ""

    def signature(self, subset: Subset) -> str:
        return f"exact|prefix:{self.prefix}|norm:NFC|version:1"

    def score(self, responses: Sequence[Response], subset: Subset) -> list[Score]:
        return [self._one(r) for r in responses]

    def aggregate(self, values: Any, stats: Any) -> float | None:
        return mean_of_scored(values)

    def _one(self, response: Response) -> Score:
        nothing = unscored(response)
        if nothing or response.text is None:
            return nothing or Score(response.id, None, "no text")
        if not response.targets:
            return Score(response.id, None, "the sample has no target")
        head, found, answer = response.text.rpartition(self.prefix)
        if not found and response.finish == "length":
            return Score(response.id, None, why_nothing(response, "no answer prefix"))
        lines = (answer if found else head or response.text).strip().splitlines()
        answer = _plain((lines[0] if found else lines[-1]) if lines else "")
        right = any(answer == _plain(target) for target in response.targets)
        return Score(response.id, float(right), answer[:200])


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()


def exact(prefix: str = "Answer:") -> Scorer:
    """Exact match after the last `prefix`."""
    return Exact(prefix)
