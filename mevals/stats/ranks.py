"""Ranks of models as intervals, from bootstrap draws that all models share; models that noise can't part share a rank."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from mevals.stats.clusters import Labels, codes
from mevals.stats.intervals import Floats, t_quantile
from mevals.stats.resampling import Seed, cluster_sums, resample_sums


@dataclass(frozen=True, slots=True)
class Rank:
    """The place of one model: 1 is best. It holds between `low` and `high` at the level asked for.

    `rank` is 1 + the number of models that are better beyond noise, so models that can't be told apart share it.
    """

    name: str
    value: float
    rank: int
    low: int
    high: int


def shared_draws(
    tables: Sequence[ArrayLike], draws: int, seed: Seed, clusters: Sequence[Labels] | None = None
) -> Floats:
    """Bootstrap values (draws, models) of the plain mean over cells, every model on the same drawn items.

    Each table (n, models) holds one cell's values, one line per item, NaN = unscored; `clusters` label each table's lines.
    A model's mean is over the drawn items that it has. Cells are drawn independently of each other; stack the tables of
    languages that share items side by side instead. Source: Koehn 2004 (EMNLP), section 4, for shared draws.
    """
    rng = np.random.default_rng(seed)
    total: Floats | None = None
    for i, table in enumerate(tables):
        values = np.asarray(table, dtype=np.float64)
        present = ~np.isnan(values)
        both = np.concatenate([np.where(present, values, 0.0), present], axis=1)
        labels = None if clusters is None else codes(clusters[i])
        sums = resample_sums(cluster_sums(both, labels), draws, rng)
        models = values.shape[1]
        with np.errstate(invalid="ignore"):
            means = sums[:, :models] / sums[:, models:]
        total = means if total is None else total + means
    if total is None:
        raise ValueError("no cells to draw from")
    return np.asarray(total / len(tables))


def rank_intervals(
    names: Sequence[str],
    values: Sequence[float] | Floats,
    draws: Floats,
    *,
    level: float = 0.95,
    better: Literal["higher", "lower"] = "higher",
    simultaneous: bool = False,
) -> list[Rank]:
    """One `Rank` per model, in the order given, from `values` (models,) and shared bootstrap `draws` (draws, models).

    A model's interval runs from 1 + (models better beyond noise) to M - (models worse beyond noise), where "beyond noise"
    is a bound on all of its M-1 differences at once, so that it covers with at least `level` even where models tie (the
    percentiles of drawn ranks don't). `simultaneous` makes all intervals hold at once. Covers more than `level` by design.
    Source: Mogstad, Romano, Shaikh & Wilhelm 2024 (Review of Economic Studies 91:476-518), section 3.1.
    """
    sign = 1.0 if better == "higher" else -1.0
    point, drawn = sign * np.asarray(values, dtype=np.float64), sign * np.asarray(draws, dtype=np.float64)
    if np.isnan(point).any() or np.isnan(drawn).any():
        raise ValueError("ranks need a value for every model: rank over the cells that all models have")
    models = point.size
    criticals, errors = _criticals(point, drawn, level, simultaneous)
    gaps = point[:, None] - point[None, :]
    bound = criticals[:, None] * errors
    ahead = (gaps > bound) & (gaps > 0)
    behind = (-gaps > bound) & (gaps < 0)
    low, high = 1 + behind.sum(axis=1), models - ahead.sum(axis=1)
    return [Rank(name, float(sign * point[i]), int(low[i]), int(low[i]), int(high[i])) for i, name in enumerate(names)]


def competition_ranks(
    values: Sequence[float | None] | Floats, better: Literal["higher", "lower"] = "higher"
) -> list[int | None]:
    """Ranks by value alone, 1 = best; equal values share the better rank (1, 2, 2, 4), a missing value has none."""
    array = np.asarray(values, dtype=np.float64)
    signed = array if better == "higher" else -array
    return [None if math.isnan(v) else int(1 + (signed > v).sum()) for v in signed]


def _criticals(point: Floats, drawn: Floats, level: float, simultaneous: bool) -> tuple[Floats, Floats]:
    """Per model, the bound on its studentised differences to all others; and the differences' errors (models, models)."""
    models = point.size
    errors, worst = np.zeros((models, models)), np.zeros((models, drawn.shape[0]))
    for j in range(models):
        gap = drawn[:, [j]] - drawn
        errors[j] = gap.std(axis=0, ddof=1)
        centred = np.abs(gap - (point[j] - point))
        scaled = np.divide(centred, errors[j], out=np.zeros_like(centred), where=errors[j] > 0)
        worst[j] = scaled.max(axis=1, initial=0.0)
    if simultaneous:
        worst = np.broadcast_to(worst.max(axis=0), worst.shape)
    floor = t_quantile(level, math.inf)
    return np.maximum(np.quantile(worst, level, axis=1), floor), errors
