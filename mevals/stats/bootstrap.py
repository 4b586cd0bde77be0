"""Bootstrap intervals for means and for corpus metrics, over samples or over clusters of them.

Every statistic here is a function of column sums, so one resampling of sums serves all: a mean is sum over count, corpus
chrF is a function of summed match counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from mevals.stats.clusters import Labels, codes
from mevals.stats.intervals import Estimate, Floats, Interval, t_quantile
from mevals.stats.resampling import Seed, cluster_sums, resample_sums

Aggregate = Callable[[Floats], Floats]
"""From summed sufficient statistics (draws, k) to one value per line (draws,)."""

BootstrapKind = Literal["percentile", "expanded", "bca", "studentised"]


def bootstrap_interval(
    values: ArrayLike,
    kind: BootstrapKind = "expanded",
    *,
    clusters: Labels | None = None,
    level: float = 0.95,
    draws: int = 2000,
    seed: Seed = 0,
) -> Interval | None:
    """A bootstrap interval for the mean of `values` (NaN left out); `clusters` are drawn whole where they are given.

    None for fewer than two units, or where all values are equal. Sizes at which each kind is documented: `MINIMUM`.
    Sources: see `interval_from_draws` and, for "studentised", `_studentised_ends`.
    """
    y = np.asarray(values, dtype=np.float64).ravel()
    kept = ~np.isnan(y)
    labels = None if clusters is None else codes(np.asarray(clusters)[kept])
    y = y[kept]
    if y.size < 2 or np.ptp(y) == 0 or (labels is not None and labels.max() == 0):
        return None
    table = cluster_sums(np.stack([y, np.ones_like(y)], axis=1), labels)
    units = table.shape[0]
    n_clusters = None if clusters is None else units
    if kind == "studentised":
        low, high = _studentised_ends(table, level, draws, seed)
        return Interval(low, high, level, _name(kind, clusters), y.size, n_clusters)
    sums = resample_sums(table, draws, seed)
    jackknife = _leave_one_out(table, _ratio) if kind == "bca" else None
    low, high = interval_from_draws(sums[:, 0] / sums[:, 1], float(y.mean()), kind, level, units, jackknife)
    return Interval(low, high, level, _name(kind, clusters), y.size, n_clusters)


def corpus_interval(
    stats: ArrayLike,
    aggregate: Aggregate,
    kind: Literal["percentile", "expanded", "bca"] = "expanded",
    *,
    clusters: Labels | None = None,
    level: float = 0.95,
    draws: int = 2000,
    seed: Seed = 0,
) -> Interval | None:
    """A bootstrap interval for a corpus metric from sufficient statistics `stats` (n, k) of n samples.

    `aggregate` maps sums (draws, k) to values (draws,), so exact corpus chrF of every draw costs one matrix product. Lines
    of `stats` that hold NaN are unscored and left out. None for fewer than two units. Source: Koehn 2004 (EMNLP), section 3.
    """
    table, n = _corpus_table(stats, clusters)
    units = table.shape[0]
    if units < 2:
        return None
    values = np.asarray(aggregate(resample_sums(table, draws, seed)), dtype=np.float64)
    jackknife = _leave_one_out(table, aggregate) if kind == "bca" else None
    estimate = float(aggregate(table.sum(axis=0, keepdims=True))[0])
    low, high = interval_from_draws(values, estimate, kind, level, units, jackknife)
    return Interval(low, high, level, _name(kind, clusters), n, None if clusters is None else units)


def corpus_estimate(stats: ArrayLike, aggregate: Aggregate, clusters: Labels | None = None) -> Estimate:
    """A corpus metric with its delete-one jackknife standard error and n-1 degrees of freedom; for small corpora.

    Source: Tukey 1958; Efron & Tibshirani 1993 (An Introduction to the Bootstrap), eq. 11.5.
    """
    table, n = _corpus_table(stats, clusters)
    units = table.shape[0]
    value = float(aggregate(table.sum(axis=0, keepdims=True))[0]) if units else math.nan
    if units < 2:
        return Estimate(value, math.nan, math.nan, n, units)
    left = _leave_one_out(table, aggregate)
    se = math.sqrt((units - 1) / units * float(np.sum((left - left.mean()) ** 2)))
    return Estimate(value, se, units - 1, n, None if clusters is None else units)


def pseudo_values(stats: ArrayLike, aggregate: Aggregate) -> Floats:
    """One number per sample whose mean is the corpus metric (less its 1/n bias) and whose spread gives its error.

    n·θ - (n-1)·θ without the sample: they let a corpus metric enter every method made for means (groups, paired families).
    A sample without statistics (NaN) gives NaN. Source: Tukey 1958; Efron & Tibshirani 1993, eq. 11.17.
    """
    table = np.asarray(stats, dtype=np.float64)
    kept = ~np.isnan(table).any(axis=1)
    out = np.full(table.shape[0], np.nan)
    n = int(kept.sum())
    if n >= 2:
        whole = float(aggregate(table[kept].sum(axis=0, keepdims=True))[0])
        out[kept] = n * whole - (n - 1) * _leave_one_out(table[kept], aggregate)
    return out


def interval_from_draws(
    draws: Floats,
    estimate: float,
    kind: Literal["percentile", "expanded", "bca"],
    level: float,
    units: int,
    jackknife: Floats | None = None,
) -> tuple[float, float]:
    """Both ends from bootstrap `draws` of a statistic over `units` independent units.

    *percentile*: quantiles of the draws (Efron & Tibshirani 1993, eq. 13.5). *expanded*: the same, further out, to undo
    that draws of a mean spread by √((n-1)/n) too little and that z is not t: tail Φ(-√(n/(n-1)) t(n-1)) (Hesterberg 2015,
    The American Statistician 69:371-386, "expanded percentile interval"). *bca*: corrected for bias and acceleration,
    needs the `jackknife` values (units,) (Efron 1987, JASA 82:171-185; Efron & Tibshirani 1993, eqs. 14.9-14.15).
    """
    tail = (1 - level) / 2
    if kind == "expanded":
        tail = float(special.ndtr(-math.sqrt(units / (units - 1)) * t_quantile(level, units - 1)))
    tails = np.array([tail, 1 - tail])
    if kind == "bca":
        if jackknife is None:
            raise ValueError("a BCa interval needs the jackknife values")
        tails = _bca_tails(draws, estimate, jackknife, tails)
    low, high = np.quantile(draws, tails)
    return float(low), float(high)


def bootstrap_p(draws: Floats, units: int) -> float:
    """The two-sided p value of "the statistic is 0" that goes with the expanded percentile interval of `draws`.

    The share of draws on the far side of 0, (1 + count) / (1 + draws) (Davison & Hinkley 1997, eq. 4.11), read as a normal
    tail and widened to Student's as Hesterberg 2015 widens the interval. Cannot fall below about 2 / draws.
    """
    count = min(int((draws <= 0).sum()), int((draws >= 0).sum()))
    z = special.ndtri((1 + count) / (1 + draws.size))
    if z >= 0:
        return 1.0
    return float(min(1.0, 2 * special.stdtr(units - 1, z * math.sqrt((units - 1) / units))))


def _corpus_table(stats: ArrayLike, clusters: Labels | None) -> tuple[Floats, int]:
    """The scored lines of `stats`, added up by cluster, and how many lines they were."""
    table = np.asarray(stats, dtype=np.float64)
    kept = ~np.isnan(table).any(axis=1)
    labels = None if clusters is None else codes(np.asarray(clusters)[kept])
    return cluster_sums(table[kept], labels), int(kept.sum())


def _ratio(sums: Floats) -> Floats:
    return np.asarray(sums[:, 0] / sums[:, 1])


def _leave_one_out(table: Floats, aggregate: Aggregate) -> Floats:
    return np.asarray(aggregate(table.sum(axis=0) - table), dtype=np.float64)


def _bca_tails(draws: Floats, estimate: float, jackknife: Floats, tails: Floats) -> Floats:
    """The tails of the draws that BCa reads off instead of `tails`."""
    below = ((draws < estimate).mean() + (draws <= estimate).mean()) / 2
    bias = special.ndtri(below)
    gap = jackknife.mean() - jackknife
    spread = np.sum(gap**2)
    acceleration = np.sum(gap**3) / (6 * spread**1.5) if spread > 0 else 0.0
    z = bias + special.ndtri(tails)
    return np.asarray(special.ndtr(bias + z / (1 - acceleration * z)), dtype=np.float64)


def _studentised_ends(table: Floats, level: float, draws: int, seed: Seed) -> tuple[float, float]:
    """Bootstrap-t ends for sum/count over units: θ - t*·se, with the quantiles of `studentised_quantiles`."""
    lower, upper, theta, se = studentised_quantiles(table, level, draws, seed)
    return theta - upper * se, theta - lower * se


def studentised_quantiles(table: Floats, level: float, draws: int, seed: Seed = 0) -> tuple[float, float, float, float]:
    """The quantiles of t* = (θ* - θ)/se* of every draw, lower and upper, and θ and se; θ is sum/count over units (G, 2).

    se is the linearised error of a ratio, √(Σ (s - θ m)²)/Σ m, with the factor G/(G-1); its square expands into sums, so
    every draw's se* is exact and costs nothing more. A draw without spread has no t* and is left out.
    Source: Efron & Tibshirani 1993, section 12.5; Davison & Hinkley 1997, eq. 5.7; Cochran 1977, eq. 6.13 for the ratio.
    """
    s, m = table[:, 0], table[:, 1]
    # Centred, so that squares lose no digits: a shift of every value shifts θ and leaves the rest.
    centre = float(s.sum() / m.sum())
    s = s - centre * m
    units = table.shape[0]

    def parts(sums: Floats) -> tuple[Floats, Floats]:
        theta = sums[:, 0] / sums[:, 1]
        square = sums[:, 2] - 2 * theta * sums[:, 3] + theta**2 * sums[:, 4]
        return theta, np.sqrt(np.maximum(square, 0) * units / (units - 1)) / sums[:, 1]

    moments = np.stack([s, m, s * s, s * m, m * m], axis=1)
    theta, se = parts(moments.sum(axis=0, keepdims=True))
    drawn, errors = parts(resample_sums(moments, draws, seed))
    # Rounding leaves about 1e-8 of an error in a draw of equal values; its t* would be in the millions.
    sound = errors > 1e-5 * se[0]
    t = (drawn[sound] - theta[0]) / errors[sound]
    tail = (1 - level) / 2
    lower, upper = np.quantile(t, [tail, 1 - tail])
    return float(lower), float(upper), centre + float(theta[0]), float(se[0])


def _name(kind: str, clusters: Labels | None) -> str:
    return f"bootstrap, {kind}" if clusters is None else f"cluster bootstrap, {kind}"
