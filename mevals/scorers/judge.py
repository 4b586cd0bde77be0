"""How a task says that a judge scores it; the judging itself is mevals.judge, which runs as a stage of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from mevals.errors import UsageError
from mevals.scorers.values import mean_of_scored
from mevals.types import Response, Score, Scorer, Subset


@dataclass(frozen=True)
class Judged:
    """Names the judge (a folder of `judges/`) that scores a task. Scores nothing itself: `mevals judge run` does.

    Stages that score without a judge leave out scorers whose `needs` is "judge".
    """

    judge: str
    scale: ClassVar[tuple[float, float]] = (0.0, 1.0)
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    needs: ClassVar[str] = "judge"

    @property
    def metric(self) -> str:
        """The judge's name; score files carry the metric that its judge.yaml names."""
        return self.judge

    def signature(self, subset: Subset) -> str:
        """The judge alone: model, prompt and settings are known when it is run, and stand in the score files."""
        return f"judge|name:{self.judge}"

    def score(self, responses: Sequence[Response], subset: Subset) -> list[Score]:
        """Raises UsageError: a judge must be asked first."""
        raise UsageError(f"{self.judge} is a judge, which has to be asked: run `mevals judge run --judge {self.judge}`")

    def aggregate(self, values: Any, stats: Any) -> float | None:
        return mean_of_scored(values)


def judge(name: str) -> Scorer:
    """The scorer of a task whose answers the judge `name` scores."""
    return Judged(name)
