"""COMET metrics as scorers; the work is done by workers in the COMET environment (mevals.comet)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from mevals.comet.client import CometClient, Settings
from mevals.comet.models import find_model
from mevals.comet.progress import shown
from mevals.comet.worker.job import Result, Segment
from mevals.scorers.values import mean_of_scored, unscored
from mevals.types import Response, Score, Subset


@cache
def client_for(settings: Settings) -> CometClient:
    """The one client of these settings, so that a model is loaded once however many cells it scores."""
    return CometClient(settings)


@dataclass
class NeuralMetric:
    """A Scorer whose values come from a neural model. The first reference counts where a sample has several."""

    metric: str
    scale: tuple[float, float]
    better: Literal["higher", "lower"]
    package: str
    settings: Settings
    needs: str = "comet"

    def signature(self, subset: Subset) -> str:
        """Metric, model, revision, what it reads, package with version, precision.

        Fetches the model where it is not on this machine yet. Raises UsageError where it or its environment is absent.
        """
        about = client_for(self.settings).description
        parts = {
            "model": self.settings.model.source.rstrip("/").rpartition("/")[2],
            "revision": about.revision.removeprefix("sha256:"),
            "input": "+".join((*about.inputs, "mt")),
            "package": f"{self.package}-{about.packages[self.package]}",
            "precision": about.precision,
        }
        return "|".join([self.metric, *(f"{name}:{value}" for name, value in parts.items())])

    def score(self, responses: Sequence[Response], subset: Subset) -> list[Score]:
        """One score per response; unscored (None) where the text, the source or a needed reference is missing.

        An empty text is a translation like any other.
        """
        client = client_for(self.settings)
        inputs = client.description.inputs
        reasons = [_why_not(response, inputs) for response in responses]
        segments = [
            Segment(f"{position}:{response.id}", response.source or "", response.text or "", _first(response.targets))
            for position, (response, reason) in enumerate(zip(responses, reasons, strict=True))
            if reason is None
        ]
        with shown(f"{self.metric} {subset.name}") as show:
            results = iter(client.score(segments, show) if segments else [])
        return [
            reason if reason is not None else _as_score(response, next(results))
            for response, reason in zip(responses, reasons, strict=True)
        ]

    def aggregate(self, values: Any, stats: Any) -> float | None:
        """The mean over scored segments; None where there is none."""
        return mean_of_scored(values)


def comet(
    model: str = "wmt22-comet-da",
    *,
    precision: str = "auto",
    batch_size: int | None = None,
    devices: tuple[str, ...] = (),
) -> NeuralMetric:
    """A COMET metric: a name of `mevals comet models`, a hub repository (either with `@revision`) or a local checkpoint.

    Higher is better; scores lie about 0 to 1. XCOMET's error spans are in each score's detail, as JSON.
    Raises UsageError for an unknown name.
    """
    return NeuralMetric(
        short_name(model),
        (0.0, 1.0),
        "higher",
        "unbabel-comet",
        Settings(find_model(model), precision, batch_size, devices),
    )


def short_name(model: str) -> str:
    """What tables call the metric: its known name, or the last part of its repository or path."""
    return model.partition("@")[0].rstrip("/").rpartition("/")[2].lower()


def _why_not(response: Response, inputs: Sequence[str]) -> Score | None:
    """The unscored score of a response that the model cannot read; None where it can."""
    if (nothing := unscored(response)) is not None:
        return nothing
    if "src" in inputs and response.source is None:
        return Score(response.id, None, "no source")
    if "ref" in inputs and not response.targets:
        return Score(response.id, None, "no reference")
    texts = (response.text or "", response.source or "", *response.targets[:1])
    if any("\ud800" <= letter <= "\udfff" for text in texts for letter in text):
        return Score(response.id, None, "half of a surrogate pair, which is no text")
    return None


def _first(targets: Sequence[str]) -> str | None:
    return targets[0] if targets else None


def _as_score(response: Response, result: Result) -> Score:
    detail = "" if result.spans is None else json.dumps(list(result.spans), ensure_ascii=False)
    return Score(response.id, result.score, detail, parts=dict(result.parts))
