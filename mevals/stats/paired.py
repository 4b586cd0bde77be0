"""Differences between two models on the same items. Pairing takes out how hard each item is, and so most of the noise."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from mevals.stats.bootstrap import Aggregate, bootstrap_p, corpus_interval, interval_from_draws
from mevals.stats.clusters import Labels, clustered_mean, codes
from mevals.stats.intervals import Floats, Interval, t_quantile
from mevals.stats.resampling import Seed, cluster_sums, resample_sums

EXACT_UP_TO = 20
"""Units with a difference up to which all 2^m sign patterns are counted; beyond, patterns are drawn."""

FEW_DIFFERENCES = 25
"""Units with a difference below which "auto" takes the exact sign-flip test: too few for a t approximation."""


@dataclass(frozen=True, slots=True)
class PairedResult:
    """How far the second model is from the first: `difference` = mean of b - a over the `n` items that both answered.

    `p` is two-sided for "no difference"; None where nothing could be tested. `interval` is None where nothing differs.
    `n_discordant` counts the items on which the two differ, `n_clusters` the independent units where items share one.
    """

    difference: float
    interval: Interval | None
    p: float | None
    n: int
    method: str
    n_discordant: int
    n_clusters: int | None = None


def paired_difference(
    a: ArrayLike, b: ArrayLike, *, clusters: Labels | None = None, level: float = 0.95, seed: Seed = 0
) -> PairedResult:
    """The difference b - a by the test that fits: McNemar's mid-p for 0/1 values, sign flips for few differences, else t.

    NaN on either side leaves the item out. For corpus metrics see `paired_corpus`.
    """
    first, second, labels = _pairs(a, b, clusters)
    if labels is None and first.size and np.isin(first, (0, 1)).all() and np.isin(second, (0, 1)).all():
        return mcnemar(first, second, level=level)
    if np.count_nonzero(_unit_differences(first, second, labels)) < FEW_DIFFERENCES:
        return sign_flip(first, second, clusters=labels, level=level, seed=seed)
    return paired_t(first, second, clusters=labels, level=level)


def paired_t(a: ArrayLike, b: ArrayLike, *, clusters: Labels | None = None, level: float = 0.95) -> PairedResult:
    """The paired t test; with `clusters` its cluster-robust form (CR2 with Bell-McCaffrey degrees of freedom).

    Documented from 25 units with a difference. Source: Student 1908; Bell & McCaffrey 2002 for clusters.
    """
    first, second, labels = _pairs(a, b, clusters)
    estimate = clustered_mean(second - first, labels)
    name = "paired t" if labels is None else "paired t, cluster-robust (CR2)"
    p = None
    if estimate.se > 0:
        p = float(2 * special.stdtr(estimate.df, -abs(estimate.value) / estimate.se))
    elif estimate.se == 0 and estimate.value == 0:
        p = 1.0
    interval = estimate.interval(level, name)
    return _result(estimate.value, interval, p, first, second, name, labels)


def sign_flip(
    a: ArrayLike,
    b: ArrayLike,
    *,
    clusters: Labels | None = None,
    draws: int = 10_000,
    level: float = 0.95,
    seed: Seed = 0,
) -> PairedResult:
    """The permutation test that swaps the two models' answers, item by item or cluster by cluster; two-sided.

    Exact where differences are all of one size (a binomial), and up to 20 units with a difference (all patterns are
    counted); else p = (1 + hits) / (1 + draws). The interval is that of the paired t. Source: Fisher 1935 (The Design of
    Experiments, section 21); Phipson & Smyth 2010 (SAGMB 9:39), eq. 2, for drawn patterns.
    """
    first, second, labels = _pairs(a, b, clusters)
    units = _unit_differences(first, second, labels)
    units = units[units != 0]
    p, how = _sign_flip_p(units, draws, seed)
    name = f"sign flip, {how}" if labels is None else f"sign flip of clusters, {how}"
    estimate = clustered_mean(second - first, labels)
    return _result(estimate.value, estimate.interval(level, "paired t"), p, first, second, name, labels)


def mcnemar(
    a: ArrayLike, b: ArrayLike, *, kind: Literal["exact", "mid-p"] = "mid-p", level: float = 0.95
) -> PairedResult:
    """McNemar's test for 0/1 values of independent items: are as many won as lost among those that differ?

    *exact* never rejects too often, *mid-p* is nearer to its level and was found to exceed it hardly ever. The interval
    for the difference is Bonett & Price's. Source: McNemar 1947 (Psychometrika 12:153-157); Fagerland, Lydersen & Laake
    2013 (BMC Medical Research Methodology 13:91), eqs. 3 and 5; Bonett & Price 2012 (JEBS 37:479-488), eq. 8.
    """
    first, second, _ = _pairs(a, b, None)
    if not (np.isin(first, (0, 1)).all() and np.isin(second, (0, 1)).all()):
        raise ValueError("McNemar's test is for values that are all 0 or 1")
    won, lost = int((second > first).sum()), int((second < first).sum())
    p = binomial_sign_p(won, lost)
    if kind == "mid-p" and won + lost:
        p -= _binomial_mass(min(won, lost), won + lost) * (0.5 if won == lost else 1.0)
    n = first.size
    interval = bonett_price(won, lost, n, level) if n else None
    difference = (won - lost) / n if n else math.nan
    return _result(difference, interval, p if n else None, first, second, f"McNemar, {kind}", None)


def bonett_price(won: int, lost: int, n: int, level: float = 0.95) -> Interval:
    """The interval for a difference of paired proportions, (won - lost)/n, after adding one to each count.

    Source: Bonett & Price 2012, eq. 8; recommended by Fagerland, Lydersen & Laake 2014 (Statistics in Medicine
    33:2850-2875).
    """
    up, down = (won + 1) / (n + 2), (lost + 1) / (n + 2)
    half = t_quantile(level, math.inf) * math.sqrt((up + down - (up - down) ** 2) / (n + 2))
    return Interval(max(-1.0, up - down - half), min(1.0, up - down + half), level, "Bonett-Price", n)


def paired_bootstrap(
    a: ArrayLike,
    b: ArrayLike,
    *,
    clusters: Labels | None = None,
    level: float = 0.95,
    draws: int = 10_000,
    seed: Seed = 0,
) -> PairedResult:
    """The paired bootstrap of b - a over items, or over clusters: expanded percentile interval, and the p that fits it.

    Documented from 20 units. Source: Koehn 2004 (EMNLP), section 4; Hesterberg 2015 for the expansion.
    """
    first, second, labels = _pairs(a, b, clusters)
    differences = second - first
    name = "paired bootstrap, expanded"
    if not differences.any():
        return _result(0.0 if first.size else math.nan, None, 1.0 if first.size else None, first, second, name, labels)
    table = cluster_sums(np.stack([differences, np.ones_like(differences)], axis=1), _codes(labels))
    units, mean = table.shape[0], float(differences.mean())
    if units < 2 or np.ptp(differences) == 0:
        return _result(mean, None, None, first, second, name, labels)
    sums = resample_sums(table, draws, seed)
    drawn = sums[:, 0] / sums[:, 1]
    low, high = interval_from_draws(drawn, mean, "expanded", level, units)
    interval = Interval(low, high, level, name, first.size, None if labels is None else units)
    return _result(mean, interval, bootstrap_p(drawn, units), first, second, name, labels)


def paired_corpus(
    stats_a: ArrayLike,
    stats_b: ArrayLike,
    aggregate: Aggregate,
    *,
    clusters: Labels | None = None,
    test: Literal["randomisation", "bootstrap"] = "randomisation",
    level: float = 0.95,
    draws: int = 10_000,
    seed: Seed = 0,
) -> PairedResult:
    """The difference b - a of a corpus metric, from both models' sufficient statistics (n, k) on the same items.

    The interval is the paired bootstrap's (expanded percentile). p comes from approximate *randomisation*, which swaps the
    two models' statistics item by item (or cluster by cluster), or from the *bootstrap* draws. Source: Koehn 2004, section
    4; Riezler & Maxwell 2005 (ACL workshop on evaluation measures), section 3.2, for randomisation.
    """
    first, second = np.asarray(stats_a, dtype=np.float64), np.asarray(stats_b, dtype=np.float64)
    kept = ~(np.isnan(first).any(axis=1) | np.isnan(second).any(axis=1))
    labels = None if clusters is None else np.asarray(clusters)[kept]
    k = first.shape[1]
    both = np.concatenate([first[kept], second[kept]], axis=1)
    discordant = int((first[kept] != second[kept]).any(axis=1).sum())
    n = both.shape[0]

    def gap(sums: Floats) -> Floats:
        return np.asarray(aggregate(sums[:, k:])) - np.asarray(aggregate(sums[:, :k]))

    table = cluster_sums(both, _codes(labels))
    units = table.shape[0]
    name = f"paired bootstrap, expanded; p by {test}"
    n_clusters = None if labels is None else units
    difference = float(gap(table.sum(axis=0, keepdims=True))[0]) if n else math.nan
    if not discordant or units < 2:
        return PairedResult(difference, None, 1.0 if n and not discordant else None, n, name, discordant, n_clusters)
    if test == "randomisation":
        interval = corpus_interval(both, gap, clusters=labels, level=level, draws=draws, seed=seed)
        return PairedResult(difference, interval, _swap_p(table, gap, draws, seed), n, name, discordant, n_clusters)
    drawn = gap(resample_sums(table, draws, seed))
    low, high = interval_from_draws(drawn, difference, "expanded", level, units)
    interval = Interval(low, high, level, "paired bootstrap, expanded", n, n_clusters)
    return PairedResult(difference, interval, bootstrap_p(drawn, units), n, name, discordant, n_clusters)


def binomial_sign_p(won: int, lost: int) -> float:
    """The two-sided exact p of `won` against `lost` under a fair coin; 1 where nothing differs."""
    m = won + lost
    return float(min(1.0, 2 * special.bdtr(min(won, lost), m, 0.5))) if m else 1.0


def sign_flip_p(units: ArrayLike, *, sides: Literal[1, 2] = 2, draws: int = 10_000, seed: Seed = 0) -> float:
    """The p of "each unit's sign is a fair coin" against a sum away from 0, or with one side: above 0. As `sign_flip`."""
    array = np.asarray(units, dtype=np.float64)
    return _sign_flip_p(array[array != 0], draws, seed, sides)[0]


def _sign_flip_p(units: Floats, draws: int, seed: Seed, sides: Literal[1, 2] = 2) -> tuple[float, str]:
    if not units.size:
        return 1.0, "exact"
    sizes = np.abs(units)
    observed = float(units.sum()) if sides == 1 else abs(float(units.sum()))
    observed -= 1e-9 * float(sizes.sum())

    def hits(sums: Floats) -> int:
        return int(((sums if sides == 1 else np.abs(sums)) >= observed).sum())

    if np.ptp(sizes) <= 1e-12 * sizes.max():
        won, lost = int((units > 0).sum()), int((units < 0).sum())
        return (binomial_sign_p(won, lost) if sides == 2 else float(special.bdtr(lost, won + lost, 0.5))), "exact"
    if units.size <= EXACT_UP_TO:
        sums = np.zeros(1)
        for unit in sizes:
            sums = np.concatenate([sums + unit, sums - unit])
        return hits(sums) / sums.size, "exact"
    return (1 + hits(_flipped_sums(sizes, draws, np.random.default_rng(seed)))) / (1 + draws), f"{draws} draws"


def _flipped_sums(sizes: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """Sums (draws,) of `sizes` with random signs; sizes that occur often are drawn together, as 2·binomial - count."""
    kinds, counts = np.unique(sizes, return_counts=True)
    if kinds.size <= sizes.size // 8 + 2:
        return np.asarray((2 * rng.binomial(counts, 0.5, size=(draws, kinds.size)) - counts) @ kinds, dtype=np.float64)
    out = np.empty(draws)
    for start in range(0, draws, 500):
        signs = rng.integers(0, 2, size=(min(500, draws - start), sizes.size), dtype=np.int8)
        out[start : start + 500] = (2.0 * signs - 1) @ sizes
    return out


def _swap_p(table: Floats, gap: Callable[[Floats], Floats], draws: int, seed: Seed) -> float:
    """(1 + hits) / (1 + draws) of |gap| when each unit's two halves of `table` (units, 2k) are swapped by a fair coin."""
    rng = np.random.default_rng(seed)
    k = table.shape[1] // 2
    total, turn = table.sum(axis=0), table[:, k:] - table[:, :k]
    observed = abs(float(gap(total[None, :])[0])) * (1 - 1e-12)
    hits = 0
    for start in range(0, draws, 500):
        swaps = rng.integers(0, 2, size=(min(500, draws - start), table.shape[0])).astype(np.float64)
        moved = swaps @ turn
        sums = total + np.concatenate([moved, -moved], axis=1)
        hits += int((np.abs(gap(sums)) >= observed).sum())
    return (1 + hits) / (1 + draws)


def _pairs(a: ArrayLike, b: ArrayLike, clusters: Labels | None) -> tuple[Floats, Floats, Labels | None]:
    """Both models' values, and the clusters, of the items that both answered."""
    first, second = np.asarray(a, dtype=np.float64).ravel(), np.asarray(b, dtype=np.float64).ravel()
    if first.size != second.size:
        raise ValueError(f"paired values must be of the same items: {first.size} and {second.size}")
    kept = ~(np.isnan(first) | np.isnan(second))
    return first[kept], second[kept], None if clusters is None else np.asarray(clusters)[kept]


def _unit_differences(first: Floats, second: Floats, clusters: Labels | None) -> Floats:
    """b - a per item, or summed per cluster; what rounding leaves of a zero sum is 0."""
    sums = cluster_sums((second - first)[:, None], _codes(clusters))[:, 0]
    return np.where(np.abs(sums) < 1e-12, 0.0, sums)


def _codes(clusters: Labels | None) -> NDArray[np.intp] | None:
    return None if clusters is None else codes(clusters)


def _binomial_mass(k: int, m: int) -> float:
    return float(math.exp(math.lgamma(m + 1) - math.lgamma(k + 1) - math.lgamma(m - k + 1) - m * math.log(2)))


def _result(
    difference: float,
    interval: Interval | None,
    p: float | None,
    first: Floats,
    second: Floats,
    method: str,
    labels: Labels | None,
) -> PairedResult:
    n_clusters = None if labels is None else int(np.unique(np.asarray(labels)).size)
    return PairedResult(difference, interval, p, first.size, method, int(np.count_nonzero(first != second)), n_clusters)
