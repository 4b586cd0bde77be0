"""Agreement of metrics with people, and WMT's automatic ranking."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from mevals.errors import DataError
from mevals.metrics_agreement import MetricScores, agreement, autorank, paired_p, scaled_ranks, segment_agreement
from mevals.wmt_ratings import HumanScores

RNG = np.random.default_rng(5)
SYSTEMS = tuple("ABCDE")
SEGMENTS = tuple(str(i) for i in range(1, 41))
PEOPLE = np.round(np.clip(np.array([90, 88, 80, 60, 59])[:, None] + RNG.normal(0, 9, (5, 40)), 0, 100))
PEOPLE[2, 7] = np.nan
HUMAN = HumanScores("en-cs", SYSTEMS, SEGMENTS, ("news",) * 25 + ("speech",) * 15, PEOPLE)
METRIC = np.nan_to_num(PEOPLE, nan=70) / 100 + RNG.normal(0, 0.15, (5, 40))


def metric(better: str = "higher", sign: float = 1.0, **more: object) -> MetricScores:
    table = sign * METRIC
    rows = {system: dict(zip(SEGMENTS, row.tolist(), strict=True)) for system, row in zip(SYSTEMS, table, strict=True)}
    whole = dict(zip(SYSTEMS, table.mean(axis=1).tolist(), strict=True))
    return MetricScores("m", better, whole, rows, **more)  # type: ignore[arg-type]


def test_system_correlations_are_scipys() -> None:
    people = [np.mean([np.nanmean(row[:25]), np.nanmean(row[25:])]) for row in PEOPLE]
    found = agreement(metric(), HUMAN).system
    assert found.pearson == pytest.approx(stats.pearsonr(METRIC.mean(axis=1), people).statistic)
    assert found.spearman == pytest.approx(stats.spearmanr(METRIC.mean(axis=1), people).statistic)
    assert found.kendall == pytest.approx(stats.kendalltau(METRIC.mean(axis=1), people).statistic)
    assert (found.systems, found.pairs) == (5, 10)


def test_segment_correlations_are_scipys_over_all_rated_segments() -> None:
    found = agreement(metric(), HUMAN).segment
    assert found is not None
    both = ~np.isnan(PEOPLE)
    assert found.pearson == pytest.approx(stats.pearsonr(METRIC[both], PEOPLE[both]).statistic)
    assert found.spearman == pytest.approx(stats.spearmanr(METRIC[both], PEOPLE[both]).statistic)
    assert found.kendall == pytest.approx(stats.kendalltau(METRIC[both], PEOPLE[both]).statistic)
    assert (found.ratings, found.segments) == (199, 40)


def test_tie_calibration_finds_the_best_threshold() -> None:
    def share(epsilon: float) -> float:
        per_segment = []
        for seg in range(40):
            rated = [i for i in range(5) if not np.isnan(PEOPLE[i, seg])]
            right = []
            for i, j in itertools.combinations(rated, 2):
                gap, said = METRIC[i, seg] - METRIC[j, seg], np.sign(PEOPLE[i, seg] - PEOPLE[j, seg])
                right.append(said == (0 if abs(gap) <= epsilon else np.sign(gap)))
            per_segment.append(np.mean(right))
        return float(np.mean(per_segment))

    found = agreement(metric(), HUMAN).segment
    assert found is not None and found.epsilon is not None
    gaps = {abs(METRIC[i, seg] - METRIC[j, seg]) for seg in range(40) for i, j in itertools.combinations(range(5), 2)}
    assert found.acc_eq == pytest.approx(share(found.epsilon))
    assert found.acc_eq == pytest.approx(max(share(gap) for gap in [0.0, *gaps]))


def test_a_metric_whose_lower_values_are_better_agrees_just_as_much() -> None:
    assert agreement(metric("lower", -1.0), HUMAN) == agreement(metric(), HUMAN)
    wrong_way = agreement(metric("lower"), HUMAN).system
    right_way = agreement(metric(), HUMAN).system
    assert wrong_way.pearson == pytest.approx(-(right_way.pearson or 0))


def test_pairs_that_people_do_not_tell_apart_are_counted_apart() -> None:
    found = agreement(metric(), HUMAN).system
    people = list(HUMAN.system_scores().values())
    told = [
        (i, j)
        for i, j in itertools.combinations(range(5), 2)
        if stats.wilcoxon(*PEOPLE[np.ix_([i, j], ~np.isnan(PEOPLE[[i, j]]).any(axis=0))]).pvalue <= 0.05
    ]
    means = METRIC.mean(axis=1)
    right = [np.sign(means[i] - means[j]) == np.sign(people[i] - people[j]) for i, j in told]
    assert 0 < len(told) < 10
    assert (found.significant, found.accuracy_significant) == (len(told), np.mean(right))


def test_a_metric_that_ties_where_people_tie_is_right() -> None:
    same = {
        frozenset((SYSTEMS[i], SYSTEMS[j])): paired_p(PEOPLE[i], PEOPLE[j])
        for i, j in itertools.combinations(range(5), 2)
    }
    never = dict.fromkeys(same, 0.9)
    found = agreement(metric(), HUMAN).system
    assert found.accuracy_tied is None
    assert agreement(metric(p_values=same), HUMAN).system.accuracy_tied == 1.0
    assert agreement(metric(p_values=never), HUMAN).system.accuracy_tied == (10 - found.significant) / 10


def test_a_metric_known_per_system_only_has_no_segment_agreement() -> None:
    whole = MetricScores("m", "higher", dict(zip(SYSTEMS, [5.0, 4.0, 3.0, 2.0, 1.0], strict=True)))
    found = agreement(whole, HUMAN)
    assert found.segment is None
    assert found.system.spearman == pytest.approx(
        stats.spearmanr([5, 4, 3, 2, 1], list(HUMAN.system_scores().values())).statistic
    )


def test_only_systems_that_both_scored_are_compared() -> None:
    some = MetricScores("m", "higher", {"A": 1.0, "C": 0.5, "elsewhere": 9.0})
    assert agreement(some, HUMAN).system.systems == 2
    with pytest.raises(DataError, match="fewer than two systems in common"):
        agreement(MetricScores("m", "higher", {"A": 1.0}), HUMAN)


def test_a_constant_metric_has_no_correlation() -> None:
    found = segment_agreement(np.ones((5, 40)), PEOPLE)
    assert (found.pearson, found.spearman, found.kendall) == (None, None, None)


def test_identical_ratings_have_p_one() -> None:
    assert paired_p(PEOPLE[0], PEOPLE[0]) == 1.0
    assert paired_p(np.full(3, np.nan), PEOPLE[0][:3]) == 1.0


def test_ranks_are_scaled_from_one_to_one_more_than_the_number_of_systems() -> None:
    assert scaled_ranks({"a": 0.9, "b": 0.5, "c": 0.7}, "higher") == pytest.approx({"a": 1, "b": 4, "c": 2.5})
    assert scaled_ranks({"a": 0.9, "b": 0.5}, "lower") == {"a": 3, "b": 1}
    assert scaled_ranks({"a": 0.5, "b": 0.5}, "lower") == {"a": 1, "b": 1}


def test_autorank_is_the_mean_of_scaled_ranks_each_in_its_own_direction() -> None:
    metricx, kiwi = {"a": 1.0, "b": 2.0, "c": 5.0}, {"a": 0.8, "b": 0.9, "c": 0.1}
    assert autorank([(metricx, "lower"), (kiwi, "higher")]) == pytest.approx(
        {"a": (1 + 1.375) / 2, "b": (1.75 + 1) / 2, "c": 4}
    )


def test_autorank_needs_every_metric_for_every_system() -> None:
    with pytest.raises(DataError, match="every metric"):
        autorank([({"a": 1.0}, "lower"), ({"b": 1.0}, "higher")])
