"""Means over languages, in two modes that answer two questions, and always with the number of languages behind them.

*Fixed languages*: "these languages, other items": only the sampling of items makes noise. *Languages as a sample*:
"languages like these": which languages were taken makes noise too. The second interval is usually much the wider one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from mevals.stats.bootstrap import interval_from_draws, studentised_quantiles
from mevals.stats.clusters import Labels, clustered_mean
from mevals.stats.intervals import Estimate, Floats, Interval, effective_bounds, finite, mean_estimate, t_quantile
from mevals.stats.resampling import Seed

Mode = Literal["fixed languages", "languages as a sample"]

MINIMUM_LANGUAGES: dict[Mode, int] = {"fixed languages": 1, "languages as a sample": 3}
"""Fewest languages for an interval. Two languages as a sample give t(1) = 12.7: true, and of no use to a reader."""

STUDENTISED_FROM = 5
"""Languages as a sample from which bootstrap-t takes over from t, which undercovers skewed values (docs/statistics.md)."""


@dataclass(frozen=True, slots=True)
class GroupMean:
    """The plain mean over `n` languages that have a value, of `of` asked for; `interval` is None where it can't be told.

    `se` is the standard error in this `mode`, NaN if unknown.
    """

    value: float | None
    interval: Interval | None
    mode: Mode
    n: int
    of: int
    se: float = math.nan


def fixed_languages(
    values: Sequence[float | None] | Floats,
    ses: Sequence[float | None] | Floats,
    dfs: Sequence[float | None] | Floats | None = None,
    level: float = 0.95,
    *,
    scale: tuple[float, float] | None = None,
) -> GroupMean:
    """The mean over languages whose items were sampled apart: SE = √(Σ se²) / L, with the items' noise alone.

    `ses` are the cells' standard errors, `dfs` their degrees of freedom (inf where not given), joined by the Welch-
    Satterthwaite formula. A language without a value is left out and counted; one with a value and no error leaves the
    interval None. With the metric's `scale` the interval stays within it and holds near its ends too, where ± does not: it
    is a proportion's, for as many samples as would have this error (`effective_bounds`). Where languages share their items
    use `shared_items`: this formula is then too narrow. Source: variance of a sum; Satterthwaite 1946 (Biometrics Bulletin
    2:110-114), eq. 17. From 1 language on.
    """
    value, se = np.asarray(values, dtype=np.float64), np.asarray(ses, dtype=np.float64)
    df = np.full(value.size, math.inf) if dfs is None else np.asarray(dfs, dtype=np.float64)
    kept = ~np.isnan(value)
    n = int(kept.sum())
    if not n:
        return GroupMean(None, None, "fixed languages", 0, value.size)
    variances = se[kept] ** 2
    total = float(variances.sum())
    joint = total**2 / float((variances**2 / df[kept]).sum()) if total > 0 and np.isfinite(df[kept]).any() else math.inf
    estimate = Estimate(float(value[kept].mean()), math.sqrt(total) / n if total >= 0 else math.nan, joint, n)
    return _fixed(estimate, n, value.size, level, "fixed languages", scale)


def sampled_languages(
    values: Sequence[float | None] | Floats, level: float = 0.95, *, draws: int = 2000, seed: Seed = 0
) -> GroupMean:
    """The mean over languages taken as a sample: bootstrap-t over languages from 5 on, mean ± t(L-1) · s/√L with 3 or 4.

    The spread of the observed values already holds the items' noise (E s² = τ² + mean se²), so languages alone are drawn.
    Scores over languages are skewed, a few being far behind: t then covers 91-93 % up to a dozen languages, a percentile
    bootstrap less still, bootstrap-t 94-96 %. With 3 or 4 languages the t interval holds for normal values only, and its
    note says so. Source: Student 1908; `studentised_quantiles`; Davison & Hinkley 1997, section 3.8, for why drawing both
    levels would count the items twice.
    """
    array = np.asarray(values, dtype=np.float64)
    estimate = mean_estimate(array)
    if not estimate.n:
        return GroupMean(None, None, "languages as a sample", 0, array.size)
    return _sample(estimate, finite(array), estimate.n, array.size, level, "", draws, seed)


def shared_items(
    values: Mapping[str, ArrayLike],
    items: Mapping[str, Labels],
    mode: Mode = "fixed languages",
    level: float = 0.95,
    *,
    scale: tuple[float, float] | None = None,
    draws: int = 2000,
    seed: Seed = 0,
) -> GroupMean:
    """The mean over languages that answer the same items, or items of the same documents: an item is hard in all of them.

    `values` and `items` map each language to its values (n,) and the items' labels (n,), equal where items are
    translations of each other (or where they share a document). Fixed languages: a cluster-robust error with items as
    clusters over languages as strata (`clustered_mean`), and `scale` as in `fixed_languages`. Languages as a sample: both
    ways of clustering at once, V(languages) + V(items) - V(rows), with the critical values of `sampled_languages`. Source:
    Cameron, Gelbach & Miller 2011 (J. Business & Economic Statistics 29:238-249), eq. 2.9; Owen 2007 (Annals of Applied
    Statistics 1:386-411) for crossed samples.
    """
    names = [name for name, column in values.items() if not np.isnan(np.asarray(column, dtype=np.float64)).all()]
    if not names:
        return GroupMean(None, None, mode, 0, len(values))
    y = np.concatenate([np.asarray(values[name], dtype=np.float64).ravel() for name in names])
    sizes = [np.asarray(values[name]).size for name in names]
    strata = np.repeat(np.arange(len(names)), sizes)
    clusters = np.concatenate([np.asarray(items[name]) for name in names])
    by_item = clustered_mean(y, clusters, strata)
    if mode == "fixed languages":
        return _fixed(by_item, len(names), len(values), level, "fixed languages, items as clusters", scale)
    apart = clustered_mean(y, None, strata)
    by_language = np.array([np.nanmean(np.asarray(values[name], dtype=np.float64)) for name in names])
    means = mean_estimate(by_language)
    variance = means.se**2 + max(0.0, by_item.se**2 - apart.se**2)
    estimate = Estimate(means.value, math.sqrt(variance), means.df, by_item.n, by_item.n_clusters)
    return _sample(estimate, by_language, len(names), len(values), level, ", two-way clusters", draws, seed)


def group_from_draws(
    values: Sequence[float | None] | Floats, draws: Floats, units: int, level: float = 0.95
) -> GroupMean:
    """The mean over fixed languages with an expanded percentile interval from cell draws (L, B), as `bootstrap_cells` gives.

    `units` is the number of independent samples in all the cells together. A language without a value is left out.
    """
    value = np.asarray(values, dtype=np.float64)
    kept = ~np.isnan(value)
    n = int(kept.sum())
    if not n:
        return GroupMean(None, None, "fixed languages", 0, value.size)
    means = np.asarray(draws, dtype=np.float64)[kept].mean(axis=0)
    mean = float(value[kept].mean())
    low, high = interval_from_draws(means, mean, "expanded", level, units)
    interval = Interval(low, high, level, "fixed languages, bootstrap, expanded", n) if low < high else None
    return GroupMean(mean, interval, "fixed languages", n, value.size, float(means.std(ddof=1)))


def _sample(
    estimate: Estimate, by_language: Floats, n: int, of: int, level: float, more: str, draws: int, seed: Seed
) -> GroupMean:
    """The mean of sampled languages with the interval that holds for so many of them."""
    mode: Mode = "languages as a sample"
    if n < MINIMUM_LANGUAGES[mode] or not estimate.se > 0 or np.ptp(by_language) == 0:
        return GroupMean(estimate.value, None, mode, n, of, estimate.se)
    if n < STUDENTISED_FROM:
        note = f"{n} languages: holds if scores over languages are normal, else covers less"
        lower, upper, method = -t_quantile(level, n - 1), t_quantile(level, n - 1), f"{mode}, t{more}"
    else:
        table = np.stack([by_language, np.ones(n)], axis=1)
        lower, upper, _, _ = studentised_quantiles(table, level, draws, seed)
        note, method = "", f"{mode}, bootstrap-t{more}"
    low, high = estimate.value - upper * estimate.se, estimate.value - lower * estimate.se
    interval = Interval(low, high, level, method, n, estimate.n_clusters, note)
    return GroupMean(estimate.value, interval, mode, n, of, estimate.se)


def _fixed(
    estimate: Estimate, n: int, of: int, level: float, method: str, scale: tuple[float, float] | None
) -> GroupMean:
    """The mean of fixed languages, ± t · se or within its scale."""
    mode: Mode = "fixed languages"
    plain = estimate.interval(level, f"{method}, t")
    if plain is None or scale is None:
        interval = None if plain is None else replace(plain, n=n)
        return GroupMean(estimate.value, interval, mode, n, of, estimate.se)
    bottom, width = scale[0], scale[1] - scale[0]
    p = min(1.0, max(0.0, (estimate.value - bottom) / width))
    low, high, name = effective_bounds(p, p * (1 - p) * (width / estimate.se) ** 2, estimate.df, level)
    name = f"{method}, {name} of the effective size"
    interval = Interval(bottom + width * low, bottom + width * high, level, name, n, estimate.n_clusters)
    return GroupMean(estimate.value, interval, mode, n, of, estimate.se)
