"""What every kind of model has in common: precision, device, and scores that are numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from .job import Failure, Job, Segment

Report = Callable[[str, int, int], None]
"""Told the phase ("load", "embed" or "score"), how much of it is done, and how much there is."""


class Outcome(NamedTuple):
    """The score of one segment, with whatever further scores and error spans the model gives."""

    score: float
    parts: Mapping[str, float] = {}
    spans: Sequence[Mapping[str, Any]] | None = None


Batch = list[tuple[Segment, Outcome]]


class Scoring(Protocol):
    """A loaded model."""

    def score(self, segments: Sequence[Segment], job: Job, report: Report) -> Iterator[Batch]:
        """The outcome of every segment, batch by batch, in any order."""
        ...


def cast(model: Any, precision: str) -> Any:
    """The model in "fp32", "fp16" (as `comet-score` runs it) or "bf16" (with the small heads left in float32)."""
    import torch

    types = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
    if precision not in types:
        raise Failure("value", f"precision {precision!r} is unknown: choose one of {', '.join(types)}")
    return model.to(types[precision])


def checked(scores: Sequence[float], precision: str) -> Sequence[float]:
    """The scores, all finite. Failure "value" otherwise: an overflow must never look like a score."""
    if not all(math.isfinite(score) for score in scores):
        raise Failure("value", f"the model overflows in {precision}: choose --precision bf16 or fp32")
    return scores
