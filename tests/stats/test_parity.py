"""Parity measures by hand, and slopes and gaps against statsmodels and scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats as reference

from mevals import stats

VALUES = {
    "eng_Latn": 0.8,
    "swh_Latn": 0.5,
    "deu_Latn": 0.7,
    "khm_Khmr": 0.2,
    "amh_Ethi": 0.3,
    "hin_Deva": 0.6,
    "tha_Thai": None,
}


def test_parity_measures_are_those_worked_out_by_hand() -> None:
    got = stats.measure_parity(VALUES, floor=0.5)
    array = np.array([v for v in VALUES.values() if v is not None])
    assert got.n == 6
    assert got.sd == pytest.approx(np.std(array, ddof=1)) and got.spread == pytest.approx(0.6)
    assert [lang for lang, _ in got.worst] == ["khm_Khmr", "amh_Ethi", "swh_Latn", "hin_Deva", "deu_Latn"]
    assert got.gap == pytest.approx(0.46 - 0.8)
    assert got.share_above == pytest.approx(4 / 6)
    assert got.gini == pytest.approx(np.abs(array[:, None] - array).sum() / (2 * 36 * array.mean()))
    share = array / array.mean()
    assert got.theil == pytest.approx(np.mean(share * np.log(share)))


def test_where_lower_is_better_the_worst_are_the_highest() -> None:
    got = stats.measure_parity(VALUES, floor=0.3, better="lower")
    assert got.worst[0] == ("eng_Latn", 0.8) and got.share_above == pytest.approx(2 / 6)


@pytest.mark.parametrize(
    ("values", "gini", "theil"),
    [
        ([3, 3, 3], 0.0, 0.0),
        ([0, 0, 1], 2 / 3, math.log(3)),
        ([-1, 2, 3], None, None),
        ([0, 0], None, None),
        ([], None, None),
    ],
)
def test_gini_and_theil_are_given_only_where_they_are_defined(
    values: list[float], gini: float | None, theil: float | None
) -> None:
    assert stats.gini(values) == (gini if gini is None else pytest.approx(gini))
    assert stats.theil(values) == (theil if theil is None else pytest.approx(theil))


def test_one_language_has_no_spread_and_none_has_nothing() -> None:
    one = stats.measure_parity({"swh_Latn": 0.5})
    assert (one.sd, one.spread, one.gap) == (None, 0.0, None)
    assert stats.measure_parity({"swh_Latn": None}).spread is None


def test_the_noise_of_small_cells_is_taken_off_the_spread() -> None:
    assert stats.sd_without_noise([0.4, 0.6], [0.1, 0.1]) == pytest.approx(math.sqrt(0.02 - 0.01))
    assert stats.sd_without_noise([0.5, 0.52], [0.1, 0.1]) == 0.0
    assert stats.sd_without_noise([0.5], [0.1]) is None


@pytest.mark.parametrize("weighted", [False, True])
def test_the_slope_and_its_hc3_interval_agree_with_statsmodels(weighted: bool) -> None:
    rng = np.random.default_rng(0)
    pages = 10 ** rng.uniform(4, 9, 25)
    y = 3 * np.log10(pages) + rng.normal(size=25) * 5
    weights = rng.uniform(0.5, 2, 25) if weighted else np.ones(25)
    fit = sm.WLS(y, sm.add_constant(np.log10(pages)), weights=weights).fit(cov_type="HC3", use_t=True)
    got = stats.slope(pages, y, weights if weighted else None)
    assert got is not None and got.interval is not None
    assert (got.value, got.intercept) == pytest.approx((fit.params[1], fit.params[0]), abs=1e-9)
    assert (got.interval.low, got.interval.high) == pytest.approx(tuple(fit.conf_int()[1]), abs=1e-9)
    assert got.p == pytest.approx(fit.pvalues[1], abs=1e-9)


def test_languages_without_pages_are_left_out_of_the_slope() -> None:
    rng = np.random.default_rng(0)
    pages, y = 10 ** rng.uniform(4, 9, 12), rng.normal(size=12)
    assert stats.slope([*pages, None, 0, 1e6], [*y, 1.0, 1.0, None]) == stats.slope(pages, y)


def test_a_slope_of_few_languages_has_no_interval() -> None:
    got = stats.slope([1e4, 1e5, 1e6, 1e7], [1, 2, 3, 5])
    assert got is not None and got.interval is None and got.p is None
    assert stats.slope([1e4, 1e4, 1e4], [1, 2, 3]) is None


def test_the_low_bin_minus_the_high_bin_agrees_with_scipy() -> None:
    rng = np.random.default_rng(0)
    low, high = rng.normal(40, 9, 7), rng.normal(60, 3, 15)
    got = stats.low_minus_high(low, high)
    theirs = reference.ttest_ind(low, high, equal_var=False).confidence_interval()
    assert got.interval is not None
    assert (got.interval.low, got.interval.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
    assert got.n == (7, 15)


def test_bins_of_few_languages_have_a_difference_without_an_interval() -> None:
    got = stats.low_minus_high([1, 2], [5, 6, 7])
    assert got.value == pytest.approx(-4.5) and got.interval is None
    assert stats.low_minus_high([], [1.0]).value is None


def test_the_gap_to_english_has_the_noise_of_both_sides() -> None:
    got = stats.gap_to_reference(
        {"eng_Latn": 0.8, "a": 0.5, "b": 0.6, "c": None}, {"eng_Latn": 0.03, "a": 0.04, "b": 0.08}
    )
    se = math.hypot(0.03, math.hypot(0.04, 0.08) / 2)
    assert got.value == pytest.approx(-0.25)
    assert got.interval is not None and got.interval.half_width == pytest.approx(1.959964 * se, rel=1e-6)
    assert stats.gap_to_reference({"a": 0.5}, {"a": 0.1}).value is None


def test_the_gap_on_shared_items_is_a_paired_comparison() -> None:
    rng = np.random.default_rng(0)
    hard = rng.normal(size=50)
    values = {"eng_Latn": hard + 0.1 * rng.normal(size=50), "a": hard + 0.1 * rng.normal(size=50)}
    got = stats.gap_on_shared_items(values, {lang: np.arange(50) for lang in values})
    paired = stats.paired_t(values["eng_Latn"], values["a"])
    assert got.interval is not None and paired.interval is not None
    assert (got.interval.low, got.interval.high) == pytest.approx((paired.interval.low, paired.interval.high))
