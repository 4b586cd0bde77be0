"""Intervals agree with statsmodels and scipy, and with what can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as reference
from statsmodels.stats.proportion import proportion_confint

from mevals import stats


@pytest.mark.parametrize(("k", "n"), [(0, 10), (1, 10), (5, 10), (13, 40), (999, 1000), (7021, 14042), (40, 40)])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_wilson_agrees_with_statsmodels_and_scipy(k: int, n: int, level: float) -> None:
    got = stats.wilson(k, n, level)
    assert (got.low, got.high) == pytest.approx(proportion_confint(k, n, 1 - level, "wilson"), abs=1e-9)
    theirs = reference.binomtest(k, n).proportion_ci(level, "wilson")
    assert (got.low, got.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
    assert (got.method, got.n, got.level) == ("wilson", n, level)


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (10, 10), (500, 1000)])
def test_clopper_pearson_agrees_with_statsmodels(k: int, n: int) -> None:
    got = stats.clopper_pearson(k, n)
    assert (got.low, got.high) == pytest.approx(proportion_confint(k, n, 0.05, "beta"), abs=1e-9)


def test_a_proportion_with_few_failures_gets_the_exact_interval_and_says_so() -> None:
    assert stats.proportion_interval(50, 100).method == "wilson"
    assert stats.proportion_interval(91, 100).method == "clopper-pearson"
    assert "exact" in stats.proportion_interval(9, 100).note


@pytest.mark.parametrize("n", [10, 25, 60, 250, 1000])
def test_the_automatic_proportion_interval_covers_at_least_93_percent_at_every_proportion(n: int) -> None:
    ends = [stats.proportion_interval(k, n) for k in range(n + 1)]
    low, high = np.array([e.low for e in ends]), np.array([e.high for e in ends])
    for p in np.linspace(0.005, 0.995, 199):
        mass = reference.binom.pmf(np.arange(n + 1), n, p)
        assert mass[(low <= p) & (p <= high)].sum() >= 0.9299


@pytest.mark.parametrize("n", [30, 50, 100, 500, 1000])
def test_wilson_covers_93_to_97_percent_from_ten_expected_successes_on(n: int) -> None:
    ends = [stats.wilson(k, n) for k in range(n + 1)]
    low, high = np.array([e.low for e in ends]), np.array([e.high for e in ends])
    for p in np.linspace(10 / n, 0.5, 200):
        mass = reference.binom.pmf(np.arange(n + 1), n, p)
        assert 0.93 <= mass[(low <= p) & (p <= high)].sum() <= 0.97


def test_the_t_interval_agrees_with_scipy() -> None:
    values = np.random.default_rng(0).normal(3, 2, 17)
    theirs = reference.ttest_1samp(values, 0).confidence_interval(0.9)
    got = stats.t_interval(values, 0.9)
    assert got is not None
    assert (got.low, got.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_unscored_samples_are_left_out_and_not_counted() -> None:
    got = stats.t_interval([1.0, math.nan, 2.0, 4.0])
    assert got == stats.t_interval([1.0, 2.0, 4.0])
    assert got is not None and got.n == 3


@pytest.mark.parametrize("values", [[], [1.0], [2.0, 2.0, 2.0], [0.1] * 7])
def test_no_interval_is_given_where_nothing_can_be_told(values: list[float]) -> None:
    assert stats.t_interval(values) is None
    assert stats.bootstrap_interval(values) is None


def test_equal_values_get_a_width_from_their_scale_and_not_an_interval_of_nothing() -> None:
    assert stats.cell_interval([7.0] * 20) is None
    got = stats.cell_interval([7.0] * 20, scale=(1, 7))
    assert got is not None and got.method == "clopper-pearson"  # at an end of the scale they are a proportion
    got = stats.cell_interval([4.0] * 20, scale=(1, 7))
    assert got is not None and got.method == "wilson-bounded"
    assert got.low == pytest.approx(1 + 6 * stats.wilson(10, 20).low) and got.high == pytest.approx(8 - got.low)


@pytest.mark.parametrize(
    ("values", "more", "method"),
    [
        ([0, 1] * 30, {}, "wilson"),
        ([0, 1, 1] + [1] * 30, {}, "clopper-pearson"),
        ([0, 100] * 30, {"scale": (0, 100)}, "wilson"),
        ([0, 1] * 30, {"clusters": [i // 4 for i in range(60)]}, "wilson, design effect"),
        ([1, 2, 3, 4.5], {}, "t"),
        ([1, 2, 3, 4.5] * 6, {"clusters": [i // 2 for i in range(24)]}, "t, cluster-robust (CR2)"),
        ([1.4**i for i in range(32)], {}, "bootstrap, studentised"),
        ([0.3, 0.5] * 20, {"kind": "bca"}, "bootstrap, bca"),
        (
            [0.3, 0.5] * 20,
            {"kind": "percentile", "clusters": [i // 2 for i in range(40)]},
            "cluster bootstrap, percentile",
        ),
    ],
)
def test_the_cell_interval_names_the_method_it_picked(
    values: list[float], more: dict[str, object], method: str
) -> None:
    if "clusters" in more and method == "wilson, design effect":
        values = list(np.random.default_rng(0).permutation(values))
    if "clusters" in more and "percentile" in method:
        values = list(np.random.default_rng(0).permutation(values))
    got = stats.cell_interval(values, **more)  # type: ignore[arg-type]
    assert got is not None and got.method == method


def test_a_proportion_on_another_scale_has_its_ends_there() -> None:
    got, unit = stats.cell_interval([0, 100] * 30, scale=(0, 100)), stats.wilson(30, 60)
    assert got is not None and (got.low, got.high) == pytest.approx((100 * unit.low, 100 * unit.high))


def test_a_kind_asked_for_below_its_minimum_is_given_with_a_note() -> None:
    values = np.random.default_rng(0).normal(size=20)
    few, enough = stats.cell_interval(values, "percentile"), stats.cell_interval(values, "expanded")
    assert few is not None and few.note.startswith("20 independent units are few for percentile")
    assert enough is not None and enough.note == ""


def test_wilson_is_refused_for_values_that_are_no_proportion() -> None:
    with pytest.raises(ValueError, match="wilson is for values that are all 0 or 1"):
        stats.cell_interval([0.2, 0.4], "wilson")


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(0).normal(size=40)
    assert stats.cell_interval(values, "bca", seed=5) == stats.cell_interval(values, "bca", seed=5)
    assert stats.cell_interval(values, "bca", seed=5) != stats.cell_interval(values, "bca", seed=6)


def test_scores_that_are_nearly_all_alike_get_their_width_from_the_scale() -> None:
    values = [7.0] * 97 + [5.0, 3.0, 1.0]
    got, blind = stats.cell_interval(values, scale=(1, 7)), stats.cell_interval(values)
    assert got is not None and got.method == "wilson-bounded" and "scale" in got.note
    assert blind is not None and blind.method == "t" and "scale is unknown" in blind.note


def test_draws_of_equal_values_do_not_blow_up_the_bootstrap_t_interval() -> None:
    values = np.where(np.arange(40) < 4, 3.1, 7.3)
    got = stats.bootstrap_interval(values, "studentised", draws=5000)
    plain = stats.t_interval(values)
    assert got is not None and plain is not None and got.half_width < 10 * plain.half_width
