"""How far a metric agrees with people: over pairs of systems, over segments, and WMT's automatic ranking of systems."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from mevals.errors import DataError
from mevals.stats.agreement import calibrated_tied_accuracy, kendall_tau, pearson, spearman, system_accuracy
from mevals.wmt_ratings import HumanScores

Floats = npt.NDArray[np.float64]
Better = Literal["higher", "lower"]

ALPHA = 0.05
"""Below this p a pair of systems counts as told apart."""


@dataclass(frozen=True)
class MetricScores:
    """One metric on one test set: a score per system and, where it has them, per system and segment id.

    `p_values` says for pairs of systems how sure the metric is of their difference.
    """

    metric: str
    better: Better
    systems: Mapping[str, float]
    segments: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    p_values: Mapping[frozenset[str], float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SystemAgreement:
    """Over all pairs of systems; None where it can't be told.

    `accuracy`: share of pairs that the metric orders as people do (Kocmi et al. 2021, eq. 1). `accuracy_significant`: the
    same over the `significant` pairs that people tell apart. `accuracy_tied`: share of pairs about which both say the
    same, a pair being tied where its difference is not significant; it needs the metric's own p-values.
    """

    systems: int
    pairs: int
    significant: int
    accuracy: float | None
    accuracy_significant: float | None
    accuracy_tied: float | None
    pearson: float | None
    spearman: float | None
    kendall: float | None


@dataclass(frozen=True, slots=True)
class SegmentAgreement:
    """Over rated segments; None where it can't be told.

    `pearson`, `spearman` and `kendall` (τ-b, with ties) are over all (system, segment) pairs at once. `acc_eq` compares
    systems within each segment and averages over segments: the share of system pairs ordered, or tied, as by people,
    with metric differences up to `epsilon`, fitted on the same ratings, counting as ties (Deutsch et al. 2023, §6 and 7).
    """

    ratings: int
    segments: int
    pearson: float | None
    spearman: float | None
    kendall: float | None
    acc_eq: float | None
    epsilon: float | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """One metric against people on one pair; `segment` is None for metrics that are known per system only."""

    pair: str
    metric: str
    system: SystemAgreement
    segment: SegmentAgreement | None


def agreement(metric: MetricScores, human: HumanScores) -> Agreement:
    """How the metric agrees with people over the systems that both scored, better always meaning a higher number.

    DataError where they have fewer than two systems in common.
    """
    common = [system for system in human.systems if system in metric.systems]
    if len(common) < 2:
        raise DataError(f"{metric.metric} and the ratings of {human.pair} have fewer than two systems in common")
    human = human.without(set(human.systems) - set(common))
    sign = 1.0 if metric.better == "higher" else -1.0
    scores = sign * _rounded([metric.systems[system] for system in common])
    system = _system_agreement(scores, human, metric.p_values)
    if not metric.segments:
        return Agreement(human.pair, metric.metric, system, None)
    rows = [metric.segments.get(system, {}) for system in common]
    table = sign * _rounded([[row.get(segment, np.nan) for segment in human.segments] for row in rows])
    return Agreement(human.pair, metric.metric, system, segment_agreement(table, human.scores))


def _rounded(values: Sequence[object]) -> Floats:
    """To nine decimals: whether two scores tie must not hang on the last bit of a sum."""
    return np.asarray(values, dtype=np.float64).round(9)


def _system_agreement(scores: Floats, human: HumanScores, metric_p: Mapping[frozenset[str], float]) -> SystemAgreement:
    people = np.array(list(human.system_scores().values()))
    people_p = _matrix(human.systems, lambda i, j: paired_p(human.scores[i], human.scores[j]))
    told_apart = system_accuracy(people, scores, people_p, alpha=ALPHA)
    tied = None
    if all(frozenset(pair) in metric_p for pair in itertools.combinations(human.systems, 2)):
        own_p = _matrix(human.systems, lambda i, j: metric_p[frozenset((human.systems[i], human.systems[j]))])
        tied = system_accuracy(people, scores, people_p, alpha=ALPHA, tied="tie", metric_p=own_p).value
    return SystemAgreement(
        systems=len(people),
        pairs=len(people) * (len(people) - 1) // 2,
        significant=told_apart.pairs,
        accuracy=system_accuracy(people, scores).value,
        accuracy_significant=told_apart.value,
        accuracy_tied=tied,
        pearson=pearson(scores, people),
        spearman=spearman(scores, people),
        kendall=kendall_tau(scores, people),
    )


def _matrix(systems: Sequence[str], p_value: Callable[[int, int], float]) -> Floats:
    """p-values (systems, systems) of every pair, 1 on the diagonal."""
    table = np.ones((len(systems), len(systems)))
    for i, j in itertools.combinations(range(len(systems)), 2):
        table[i, j] = table[j, i] = p_value(i, j)
    return table


def paired_p(first: Floats, second: Floats) -> float:
    """Two-sided p of Wilcoxon's signed-rank test over the segments that both systems were rated on; 1 without any."""
    from scipy.stats import wilcoxon

    differences = first - second
    differences = differences[~np.isnan(differences)]
    if not differences.any():
        return 1.0
    return float(wilcoxon(differences, alternative="two-sided").pvalue)


def segment_agreement(metric: Floats, human: Floats) -> SegmentAgreement:
    """Agreement of two tables (systems, segments), higher better in both, NaN where there is no score."""
    both = ~(np.isnan(metric) | np.isnan(human))
    segment = np.broadcast_to(np.arange(metric.shape[1]), metric.shape)
    calibrated = calibrated_tied_accuracy(human, metric, segment.ravel())
    return SegmentAgreement(
        ratings=int(both.sum()),
        segments=int(both.any(axis=0).sum()),
        pearson=pearson(metric, human),
        spearman=spearman(metric, human),
        kendall=kendall_tau(metric, human),
        acc_eq=calibrated.value,
        epsilon=None if calibrated.value is None else calibrated.epsilon,
    )


def autorank(columns: Sequence[tuple[Mapping[str, float], Better]]) -> dict[str, float]:
    """WMT24's automatic ranking: each metric scaled linearly to 1 (best) … N + 1 (worst) over N systems, then averaged.

    Kocmi et al. 2024 (findings of WMT24), "AutoRank"; there with MetricX-23-XL and CometKiwi-DA-XL.
    """
    ranks = [scaled_ranks(scores, better) for scores, better in columns]
    if any(set(rank) != set(ranks[0]) for rank in ranks):
        raise DataError("every metric of an automatic ranking needs a score for every system")
    return {system: float(np.mean([rank[system] for rank in ranks])) for system in ranks[0]}


def scaled_ranks(scores: Mapping[str, float], better: Better) -> dict[str, float]:
    """One metric's scores scaled linearly so that the best system gets 1 and the worst N + 1; all 1 where all are equal."""
    values = np.array(list(scores.values()))
    best, worst = (values.max(), values.min()) if better == "higher" else (values.min(), values.max())
    span = worst - best
    ranks = np.ones(len(values)) if span == 0 else 1 + len(values) * (values - best) / span
    return dict(zip(scores, ranks.tolist(), strict=True))
