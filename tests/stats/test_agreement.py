"""Agreement against scipy, scikit-learn and worked examples."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from scipy import stats as reference
from sklearn.metrics import cohen_kappa_score

from mevals import stats

RNG = np.random.default_rng(0)
A = RNG.integers(1, 8, 80).astype(float)
B = np.clip(A + RNG.integers(-2, 3, 80), 1, 7)
NAN = np.nan

# Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", section C: four observers, twelve units.
OBSERVERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
)


@pytest.mark.parametrize(("scale", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_krippendorffs_alpha_is_that_of_his_own_example(scale: Any, alpha: float) -> None:
    assert stats.krippendorff_alpha(OBSERVERS, scale) == pytest.approx(alpha, abs=0.0005)


def alpha_by_pairs(table: np.ndarray[Any, Any]) -> float:
    """Interval α straight from its definition, pair by pair."""
    units = [column[~np.isnan(column)] for column in table.T]
    units = [u for u in units if u.size >= 2]
    pooled = np.concatenate(units)
    seen = sum(((u[:, None] - u) ** 2).sum() / (u.size - 1) for u in units) / pooled.size
    chance = ((pooled[:, None] - pooled) ** 2).sum() / (pooled.size * (pooled.size - 1))
    return float(1 - seen / chance)


def test_interval_alpha_equals_its_definition_over_all_pairs() -> None:
    table = np.where(RNG.random((5, 30)) < 0.3, NAN, RNG.normal(size=(5, 30)) + RNG.normal(size=30))
    assert stats.krippendorff_alpha(table, "interval") == pytest.approx(alpha_by_pairs(table), abs=1e-9)


def test_alpha_is_1_for_raters_who_agree_and_none_where_chance_can_not_disagree() -> None:
    assert stats.krippendorff_alpha([[1, 2, 3], [1, 2, 3]]) == 1
    assert stats.krippendorff_alpha([[1, 1], [1, 1]]) is None
    assert stats.krippendorff_alpha([[1, NAN], [NAN, 2]]) is None


@pytest.mark.parametrize(("ours", "theirs"), [("none", None), ("linear", "linear"), ("quadratic", "quadratic")])
def test_weighted_kappa_agrees_with_scikit_learn(ours: Any, theirs: str | None) -> None:
    wanted = cohen_kappa_score(A, B, weights=theirs, labels=np.arange(1, 8))
    assert stats.weighted_kappa(A, B, ours) == pytest.approx(wanted, abs=1e-9)
    assert stats.weighted_kappa([*A, NAN], [*B, 3.0], ours) == pytest.approx(wanted, abs=1e-9)


def test_kappa_of_one_label_is_undefined() -> None:
    assert stats.weighted_kappa([2, 2], [2, 2]) is None
    assert stats.weighted_kappa([], []) is None


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (stats.kendall_tau, reference.kendalltau),
        (stats.pearson, reference.pearsonr),
        (stats.spearman, reference.spearmanr),
    ],
)
def test_correlations_agree_with_scipy_and_skip_missing_pairs(ours: Any, theirs: Any) -> None:
    wanted = theirs(A, B).statistic
    assert ours(A, B) == pytest.approx(wanted, abs=1e-9)
    assert ours([*A, NAN, 2], [*B, 1, NAN]) == pytest.approx(wanted, abs=1e-9)
    assert ours([1, 1, 1], [1, 2, 3]) is None


def accuracy_by_pairs(h: list[float], m: list[float], epsilon: float = 0.0) -> float:
    right = [
        np.sign(h[i] - h[j]) == (0 if abs(m[i] - m[j]) <= epsilon else np.sign(m[i] - m[j]))
        for i, j in itertools.combinations(range(len(h)), 2)
    ]
    return float(np.mean(right))


def test_tied_accuracy_counts_a_tie_of_both_as_right() -> None:
    human, metric = [1.0, 1.0, 2.0, 3.0], [0.5, 0.5, 0.4, 0.9]
    # pairs: 01 tie/tie right, 02 </> wrong, 03 right, 12 wrong, 13 right, 23 right
    got = stats.tied_accuracy(human, metric)
    assert (got.value, got.pairs, got.tied) == (pytest.approx(4 / 6), 6, 1)


def test_tied_accuracy_is_averaged_over_items() -> None:
    human, metric = RNG.integers(0, 4, 30).astype(float), RNG.normal(size=30)
    groups = np.repeat(np.arange(5), 6)
    wanted = np.mean([accuracy_by_pairs(list(human[groups == g]), list(metric[groups == g]), 0.2) for g in range(5)])
    assert stats.tied_accuracy(human, metric, groups, 0.2).value == pytest.approx(wanted)


@pytest.mark.parametrize("grouped", [False, True])
def test_tie_calibration_finds_the_best_of_all_thresholds(grouped: bool) -> None:
    human = RNG.integers(0, 3, 24).astype(float)
    metric = np.round(human + RNG.normal(size=24), 1)
    groups = np.repeat(np.arange(3), 8) if grouped else None
    got = stats.calibrated_tied_accuracy(human, metric, groups)
    tried = {0.0, *(abs(x - y) for x in metric for y in metric)}
    best = max(stats.tied_accuracy(human, metric, groups, e).value or 0 for e in tried)
    assert got.value == pytest.approx(best)
    assert stats.tied_accuracy(human, metric, groups, got.epsilon).value == pytest.approx(got.value)


def test_system_accuracy_leaves_out_or_ties_the_pairs_that_people_can_not_part() -> None:
    human, metric = [3.0, 2.0, 1.0], [0.9, 0.5, 0.6]
    p = np.array([[1, 0.01, 0.01], [0.01, 1, 0.4], [0.01, 0.4, 1]])
    assert stats.system_accuracy(human, metric).value == pytest.approx(2 / 3)
    apart = stats.system_accuracy(human, metric, p)
    assert (apart.value, apart.pairs) == (1.0, 2)
    tied = stats.system_accuracy(human, metric, p, tied="tie")
    assert (tied.value, tied.pairs, tied.tied) == (pytest.approx(2 / 3), 3, 1)
    assert stats.system_accuracy(human, metric, p, tied="tie", metric_p=p).value == 1.0


def test_no_pairs_have_no_accuracy() -> None:
    assert stats.tied_accuracy([1.0], [1.0]).value is None
    assert stats.calibrated_tied_accuracy([NAN, 1.0], [1.0, 2.0]).value is None
    assert stats.system_accuracy([1.0, 1.0], [1.0, 2.0]).value is None
