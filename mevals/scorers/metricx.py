"""MetricX-24 as a scorer: an error score from 0 (perfect) to 25, so that lower is better."""

from __future__ import annotations

from mevals.comet.client import Settings
from mevals.comet.models import find_model
from mevals.scorers.comet import NeuralMetric, short_name

WORST = 25.0


def metricx(
    model: str = "metricx-24-hybrid-large",
    *,
    precision: str = "auto",
    batch_size: int | None = None,
    devices: tuple[str, ...] = (),
) -> NeuralMetric:
    """A MetricX-24 metric: a name of `mevals comet models`, a hub repository (either with `@revision`) or a local folder.

    Names that end in -qe read no reference. Raises UsageError for an unknown name.
    """
    settings = Settings(find_model(model, family="metricx"), precision, batch_size, devices)
    return NeuralMetric(short_name(model), (0.0, WORST), "lower", "transformers", settings)
