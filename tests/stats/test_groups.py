"""Means over languages: the two modes, and items that languages share."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mevals import stats


def test_fixed_languages_add_variances_and_divide_by_their_number() -> None:
    got = stats.fixed_languages([0.5, 0.7, None, 0.9], [0.03, 0.04, 0.1, 0.12])
    assert got.value == pytest.approx(0.7)
    assert got.se == pytest.approx(0.13 / 3)
    assert got.interval is not None and got.interval.half_width == pytest.approx(1.959964 * 0.13 / 3, rel=1e-6)
    assert (got.n, got.of, got.mode) == (3, 4, "fixed languages")


def test_with_its_scale_a_mean_near_the_ceiling_stays_below_it() -> None:
    plain = stats.fixed_languages([0.99, 0.97], [0.01, 0.02])
    scaled = stats.fixed_languages([99, 97], [1, 2], scale=(0, 100))
    assert plain.interval is not None and plain.interval.high > 1
    assert scaled.interval is not None and scaled.interval.high < 100
    assert scaled.interval.method == "fixed languages, clopper-pearson of the effective size"
    middle = stats.fixed_languages([0.4, 0.6], [0.02, 0.02])
    same = stats.fixed_languages([0.4, 0.6], [0.02, 0.02], scale=(0, 1))
    assert middle.interval is not None and same.interval is not None
    assert same.interval.half_width == pytest.approx(middle.interval.half_width, rel=0.01)


def test_degrees_of_freedom_are_joined_as_welch_and_satterthwaite_do() -> None:
    got = stats.fixed_languages([0.0, 1.0], [0.3, 0.4], [4, 9])
    df = (0.09 + 0.16) ** 2 / (0.09**2 / 4 + 0.16**2 / 9)
    wanted = stats.Estimate(0.5, 0.25, df, 2).interval()
    assert got.interval is not None and wanted is not None and got.interval.high == pytest.approx(wanted.high)


def test_a_language_whose_error_is_unknown_leaves_the_interval_open() -> None:
    got = stats.fixed_languages([0.5, 0.7], [0.03, None])
    assert got.value == pytest.approx(0.6) and got.interval is None


def test_a_few_languages_as_a_sample_are_a_t_interval_of_their_values_with_a_note() -> None:
    values = [0.41, 0.55, 0.62, 0.71]
    got = stats.sampled_languages([*values, None])
    plain = stats.t_interval(values)
    assert got.interval is not None and plain is not None
    assert (got.interval.low, got.interval.high) == pytest.approx((plain.low, plain.high))
    assert (got.n, got.of, got.mode) == (4, 5, "languages as a sample")
    assert "normal" in got.interval.note


def test_five_languages_as_a_sample_are_a_bootstrap_t_interval_of_their_values() -> None:
    values = [0.41, 0.55, 0.62, 0.71, 0.2]
    got, plain = (
        stats.sampled_languages([*values, None], seed=3),
        stats.bootstrap_interval(values, "studentised", seed=3),
    )
    assert got.interval is not None and plain is not None
    assert (got.interval.low, got.interval.high) == pytest.approx((plain.low, plain.high))
    assert got.interval.method == "languages as a sample, bootstrap-t" and got.interval.note == ""


def test_two_languages_are_too_few_for_a_sample_of_languages() -> None:
    assert stats.sampled_languages([0.4, 0.6]).interval is None
    assert stats.fixed_languages([0.4, 0.6], [0.1, 0.1]).interval is not None


@pytest.mark.parametrize(
    "group", [stats.fixed_languages([None], [None]), stats.sampled_languages([]), stats.shared_items({}, {})]
)
def test_no_language_gives_no_mean(group: stats.GroupMean) -> None:
    assert group.value is None and group.interval is None and group.n == 0


def test_shared_items_that_are_answered_alike_count_once() -> None:
    row = np.random.default_rng(0).normal(size=50)
    values, items = dict.fromkeys("abcd", row), {lang: np.arange(50) for lang in "abcd"}
    got = stats.shared_items(values, items)
    assert got.se == pytest.approx(row.std(ddof=1) / math.sqrt(50))


def test_items_of_their_own_give_the_plain_fixed_error() -> None:
    rng = np.random.default_rng(0)
    values = {lang: rng.normal(size=20 + 10 * i) for i, lang in enumerate("abc")}
    items = {lang: [f"{lang}{i}" for i in range(v.size)] for lang, v in values.items()}
    cells = [stats.mean_estimate(v) for v in values.values()]
    apart = stats.fixed_languages([c.value for c in cells], [c.se for c in cells])
    got = stats.shared_items(values, items)
    assert (got.value, got.se) == pytest.approx((apart.value, apart.se))


def test_two_way_clustering_is_never_narrower_than_languages_alone() -> None:
    rng = np.random.default_rng(0)
    hard = rng.normal(size=40)
    values = {lang: rng.normal() + hard + 0.3 * rng.normal(size=40) for lang in "abcdef"}
    items = {lang: np.arange(40) for lang in values}
    alone = stats.sampled_languages([float(v.mean()) for v in values.values()])
    got = stats.shared_items(values, items, "languages as a sample")
    assert got.value == pytest.approx(alone.value) and got.se > alone.se
    within = math.sqrt(sum(v.var(ddof=1) / 40 for v in values.values())) / 6
    shared = stats.shared_items(values, items).se
    assert got.se == pytest.approx(math.sqrt(alone.se**2 + shared**2 - within**2))


def test_bootstrap_draws_of_cells_give_the_fixed_languages_interval() -> None:
    rng = np.random.default_rng(0)
    cells = [rng.normal(i, 1 + i, 300) for i in range(5)]
    draws = stats.bootstrap_cells(cells, 6000, 1)
    got = stats.group_from_draws([float(c.mean()) for c in cells], draws, 1500)
    estimates = [stats.mean_estimate(c) for c in cells]
    analytic = stats.fixed_languages([e.value for e in estimates], [e.se for e in estimates])
    assert got.interval is not None and analytic.interval is not None
    assert got.value == pytest.approx(analytic.value)
    assert got.interval.half_width == pytest.approx(analytic.interval.half_width, rel=0.05)
