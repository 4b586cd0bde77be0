"""Agreement between judges, people and metrics: on labels, on orders, and on which of two systems is better."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mevals.stats.clusters import Labels, codes
from mevals.stats.intervals import Floats

Scale = Literal["nominal", "ordinal", "interval"]


@dataclass(frozen=True, slots=True)
class PairAccuracy:
    """The share `value` of `pairs` that metric and people order alike; `tied` of them are ties to the people.

    `epsilon` is the metric difference up to which two values count as tied. `value` is None where there is no pair.
    """

    value: float | None
    pairs: int
    tied: int
    epsilon: float = 0.0


def krippendorff_alpha(ratings: ArrayLike, scale: Scale = "nominal") -> float | None:
    """Krippendorff's α of `ratings` (raters, units), NaN = not rated: 1 perfect, 0 chance, below 0 worse than chance.

    Labels are numbers; for "ordinal" their order counts, for "interval" their distance. Units rated less than twice say
    nothing and are left out. None where no unit is rated twice or all ratings are alike (chance can't disagree).
    Source: Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", sections C to E; Krippendorff 2004 (Content
    Analysis), chapter 11.
    """
    table = np.asarray(ratings, dtype=np.float64)
    labels, code = np.unique(table[~np.isnan(table)], return_inverse=True)
    counts = np.zeros((table.shape[1], labels.size))
    np.add.at(counts, (np.nonzero(~np.isnan(table))[1], code), 1)
    per_unit = counts.sum(axis=1)
    counts, per_unit = counts[per_unit >= 2], per_unit[per_unit >= 2]
    if not counts.size:
        return None
    together = (counts / (per_unit - 1)[:, None]).T @ counts - np.diag((counts / (per_unit - 1)[:, None]).sum(axis=0))
    totals = together.sum(axis=1)
    n = float(totals.sum())
    distance = _distances(labels, totals, scale)
    expected: float = float(totals @ distance @ totals) / (n - 1)
    if expected == 0:
        return None
    return 1 - float((together * distance).sum()) / expected


def _distances(labels: Floats, totals: Floats, scale: Scale) -> Floats:
    """The squared difference of every two labels (V, V): Krippendorff 2011, section E."""
    if scale == "nominal":
        return 1.0 - np.eye(labels.size)
    if scale == "interval":
        return np.asarray((labels[:, None] - labels[None, :]) ** 2)
    middle = np.cumsum(totals) - totals / 2
    return np.asarray((middle[:, None] - middle[None, :]) ** 2)


def weighted_kappa(
    a: ArrayLike, b: ArrayLike, weights: Literal["none", "linear", "quadratic"] = "quadratic"
) -> float | None:
    """Cohen's κ of two raters' labels (n,), NaN pairs left out; None where chance alone would agree wholly.

    Labels are numbers, and disagreement is weighed by their distance ("none": any counts alike). Source: Cohen 1960
    (Educational and Psychological Measurement 20:37-46); Cohen 1968 (Psychological Bulletin 70:213-220), eq. 5, for weights.
    """
    first, second = _both(a, b)
    if not first.size:
        return None
    labels, code = np.unique(np.concatenate([first, second]), return_inverse=True)
    v, n = labels.size, first.size
    table = np.zeros((v, v))
    np.add.at(table, (code[:n], code[n:]), 1)
    step = np.abs(labels[:, None] - labels[None, :])
    penalty = {"none": (step > 0).astype(np.float64), "linear": step, "quadratic": step**2}[weights]
    chance = float((penalty * np.outer(table.sum(axis=1), table.sum(axis=0))).sum()) / n
    return 1 - float((penalty * table).sum()) / chance if chance > 0 else None


def kendall_tau(a: ArrayLike, b: ArrayLike) -> float | None:
    """Kendall's τ-b, which allows for ties; NaN pairs left out; None where either side is constant.

    Source: Kendall 1945 (Biometrika 33:239-251), by scipy.stats.kendalltau.
    """
    from scipy import stats

    first, second = _both(a, b)
    return _defined(stats.kendalltau(first, second).statistic) if _varies(first, second) else None


def pearson(a: ArrayLike, b: ArrayLike) -> float | None:
    """Pearson's correlation; NaN pairs left out; None where either side is constant.

    Source: Pearson 1895 (Proc. Royal Society 58:240-242), by scipy.stats.pearsonr.
    """
    from scipy import stats

    first, second = _both(a, b)
    return _defined(stats.pearsonr(first, second).statistic) if _varies(first, second) else None


def spearman(a: ArrayLike, b: ArrayLike) -> float | None:
    """Spearman's rank correlation with mean ranks for ties; NaN pairs left out; None where either side is constant.

    Source: Spearman 1904 (American J. of Psychology 15:72-101), by scipy.stats.spearmanr.
    """
    from scipy import stats

    first, second = _both(a, b)
    return _defined(stats.spearmanr(first, second).statistic) if _varies(first, second) else None


def tied_accuracy(
    human: ArrayLike, metric: ArrayLike, groups: Labels | None = None, epsilon: float = 0.0
) -> PairAccuracy:
    """acc_eq: the share of pairs that people and metric order alike, a tie of both counting as right.

    (C + T_hm) / (C + D + T_h + T_m + T_hm) over the pairs within each group, averaged over groups that have pairs (group by
    item, as WMT does); one group by default. Metric values up to `epsilon` apart are tied. NaN pairs are left out.
    Source: Deutsch, Foster & Freitag 2023, "Ties Matter" (EMNLP), section 6, eq. 8.
    """
    found = [_pair_signs(*pair) for pair in _by_group(human, metric, groups)]
    found = [pair for pair in found if pair[0].size]
    if not found:
        return PairAccuracy(None, 0, 0, epsilon)
    shares = [float(np.mean(h == np.where(np.abs(m) <= epsilon, 0, np.sign(m)))) for h, m in found]
    pairs, tied = sum(h.size for h, _ in found), sum(int((h == 0).sum()) for h, _ in found)
    return PairAccuracy(float(np.mean(shares)), pairs, tied, epsilon)


def calibrated_tied_accuracy(human: ArrayLike, metric: ArrayLike, groups: Labels | None = None) -> PairAccuracy:
    """acc_eq at the tie threshold that suits the metric best, found by trying every difference between its values.

    So a metric that never ties can be compared with one that does. Fit and measured on the same pairs: a little
    optimistic. Source: Deutsch, Foster & Freitag 2023, section 7, "tie calibration".
    """
    found = [_pair_signs(*pair) for pair in _by_group(human, metric, groups)]
    found = [pair for pair in found if pair[0].size]
    if not found:
        return PairAccuracy(None, 0, 0)
    gaps = np.concatenate([np.abs(m) for _, m in found])
    weight = np.concatenate([np.full(h.size, 1 / (h.size * len(found))) for h, _ in found])
    human_sign = np.concatenate([h for h, _ in found])
    metric_sign = np.concatenate([np.sign(m) for _, m in found])
    # Raising the threshold past a pair's gap turns it into a tie: right if people tie, no longer right if they agreed.
    gain = weight * ((human_sign == 0) * 1.0 - (human_sign == metric_sign))
    order = np.argsort(gaps, kind="stable")
    steps, last = gaps[order], np.append(np.diff(gaps[order]) > 0, True)
    accuracy = (weight * (human_sign == metric_sign)).sum() + np.cumsum(gain[order])
    best = int(np.argmax(np.where(last, accuracy, -np.inf)))
    plain = tied_accuracy(human, metric, groups)
    if plain.value is not None and plain.value >= accuracy[best]:
        return plain
    return PairAccuracy(float(accuracy[best]), plain.pairs, plain.tied, float(steps[best]))


def system_accuracy(
    human: ArrayLike,
    metric: ArrayLike,
    human_p: ArrayLike | None = None,
    *,
    alpha: float = 0.05,
    tied: Literal["exclude", "tie"] = "exclude",
    metric_p: ArrayLike | None = None,
) -> PairAccuracy:
    """The share of system pairs that the metric orders as people do, from one value per system (systems,).

    `human_p` (systems, systems) holds the p values of the people's differences. Pairs that are not significant at `alpha`
    are left out ("exclude", as Kocmi et al. do), or are ties that only a tie of the metric gets right ("tie"; the metric
    ties where `metric_p` > alpha, or values are equal). Source: Kocmi et al. 2021, "To Ship or Not to Ship" (WMT), section
    4.1; Deutsch et al. 2023, eq. 8, for ties.
    """
    h, m = np.asarray(human, dtype=np.float64), np.asarray(metric, dtype=np.float64)
    i, j = np.triu_indices(h.size, 1)
    human_sign, metric_sign = np.sign(h[i] - h[j]), np.sign(m[i] - m[j])
    kept = ~(np.isnan(human_sign) | np.isnan(metric_sign))
    if human_p is not None:
        human_sign = np.where(np.asarray(human_p, dtype=np.float64)[i, j] > alpha, 0.0, human_sign)
    if metric_p is not None and tied == "tie":
        metric_sign = np.where(np.asarray(metric_p, dtype=np.float64)[i, j] > alpha, 0.0, metric_sign)
    if tied == "exclude":
        kept &= human_sign != 0
    right = (human_sign == metric_sign)[kept]
    value = float(right.mean()) if right.size else None
    return PairAccuracy(value, int(kept.sum()), int((human_sign[kept] == 0).sum()))


def _both(a: ArrayLike, b: ArrayLike) -> tuple[Floats, Floats]:
    first, second = np.asarray(a, dtype=np.float64).ravel(), np.asarray(b, dtype=np.float64).ravel()
    if first.size != second.size:
        raise ValueError(f"agreement needs two ratings of the same units: {first.size} and {second.size}")
    kept = ~(np.isnan(first) | np.isnan(second))
    return first[kept], second[kept]


def _varies(a: Floats, b: Floats) -> bool:
    return a.size >= 2 and bool(np.ptp(a) > 0 and np.ptp(b) > 0)


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _by_group(human: ArrayLike, metric: ArrayLike, groups: Labels | None) -> list[tuple[Floats, Floats]]:
    """Both sides' values, split by group, without NaN pairs."""
    h, m = np.asarray(human, dtype=np.float64).ravel(), np.asarray(metric, dtype=np.float64).ravel()
    label: NDArray[np.intp] = np.zeros(h.size, np.intp) if groups is None else codes(groups)
    kept = ~(np.isnan(h) | np.isnan(m))
    h, m, label = h[kept], m[kept], label[kept]
    order = np.argsort(label, kind="stable")
    cuts = np.nonzero(np.diff(label[order]))[0] + 1
    return list(zip(np.split(h[order], cuts), np.split(m[order], cuts), strict=True))


def _pair_signs(human: Floats, metric: Floats) -> tuple[Floats, Floats]:
    """For every pair of one group: the sign of the people's difference, and the metric's difference."""
    i, j = np.triu_indices(human.size, 1)
    return np.sign(human[i] - human[j]), metric[i] - metric[j]
