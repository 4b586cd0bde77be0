"""Paired tests agree with scipy and statsmodels, and with patterns counted by hand."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats as reference
from statsmodels.stats.contingency_tables import mcnemar

from mevals import stats

Floats = NDArray[np.float64]
RNG = np.random.default_rng(0)
MEAN_TESTS = [stats.paired_t, stats.sign_flip, stats.paired_bootstrap, stats.paired_difference]
A, B = RNG.normal(size=40), RNG.normal(0.4, 1, size=40)


def answers(won: int, lost: int, same: int) -> tuple[Floats, Floats]:
    """0/1 answers of two models of which the second wins and loses so many."""
    a = np.array([0.0] * won + [1.0] * lost + [1.0] * same)
    b = np.array([1.0] * won + [0.0] * lost + [1.0] * same)
    return a, b


def test_paired_t_agrees_with_scipy() -> None:
    theirs = reference.ttest_rel(B, A)
    got = stats.paired_t(A, B)
    assert got.p == pytest.approx(theirs.pvalue, abs=1e-9) and got.difference == pytest.approx((B - A).mean())
    ends = theirs.confidence_interval(0.95)
    assert got.interval is not None and (got.interval.low, got.interval.high) == pytest.approx(
        (ends.low, ends.high), abs=1e-9
    )


@pytest.mark.parametrize(("won", "lost"), [(0, 0), (5, 0), (9, 3), (6, 6), (30, 55), (115, 85), (1400, 1300)])
def test_exact_mcnemar_agrees_with_statsmodels(won: int, lost: int) -> None:
    got = stats.mcnemar(*answers(won, lost, 50), kind="exact")
    theirs = mcnemar([[50, lost], [won, 0]], exact=True)
    assert got.p == pytest.approx(min(1.0, theirs.pvalue), abs=1e-9)
    assert (got.n, got.n_discordant, got.difference) == (won + lost + 50, won + lost, (won - lost) / (won + lost + 50))


@pytest.mark.parametrize(("won", "lost"), [(5, 0), (9, 3), (6, 6), (30, 55), (1400, 1300)])
def test_mid_p_counts_half_of_what_was_seen(won: int, lost: int) -> None:
    coin = reference.binom(won + lost, 0.5)
    wanted = 2 * (coin.cdf(min(won, lost) - 1) + coin.pmf(min(won, lost)) / 2)
    if won == lost:  # both tails hold the middle, which is counted half in all
        wanted = 1 - coin.pmf(won) / 2
    assert stats.mcnemar(*answers(won, lost, 10)).p == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("n", [25, 100])
def test_mid_p_rejects_at_most_5_5_percent_of_nulls_whatever_the_share_of_discordant_items(n: int) -> None:
    rejected = [0.0]
    for m in range(1, n + 1):
        significant = [k for k in range(m + 1) if (stats.mcnemar(*answers(k, m - k, 0)).p or 0) <= 0.05]
        rejected.append(float(reference.binom.pmf(significant, m, 0.5).sum()))
    for share in np.linspace(0.02, 0.6, 30):
        assert reference.binom.pmf(np.arange(n + 1), n, share) @ rejected <= 0.055


def test_the_bonett_price_interval_is_as_printed_in_the_formula() -> None:
    got = stats.bonett_price(12, 4, 100)
    up, down = 13 / 102, 5 / 102
    half = 1.959963984540054 * math.sqrt((up + down - (up - down) ** 2) / 102)
    assert (got.low, got.high) == pytest.approx((up - down - half, up - down + half), abs=1e-12)


@pytest.mark.parametrize("size", [4, 9, 12])
def test_the_sign_flip_test_counts_every_pattern_of_a_small_sample(size: int) -> None:
    gaps = (B - A)[:size]
    sums = [abs(np.dot(signs, gaps)) for signs in itertools.product((-1, 1), repeat=size)]
    wanted = float(np.mean(np.array(sums) >= abs(gaps.sum()) - 1e-9))
    got = stats.sign_flip(A[:size], B[:size])
    assert got.p == pytest.approx(wanted, abs=1e-9) and got.method == "sign flip, exact"
    theirs = reference.permutation_test((gaps,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert got.p == pytest.approx(theirs.pvalue, abs=1e-9)


def test_sign_flips_of_0_1_values_are_mcnemars_exact_test() -> None:
    pair = answers(40, 25, 100)
    assert stats.sign_flip(*pair).p == pytest.approx(stats.mcnemar(*pair, kind="exact").p, abs=1e-12)


@pytest.mark.parametrize("rounded", [False, True], ids=["continuous", "few sizes"])
def test_drawn_sign_flips_are_near_the_exact_share(rounded: bool) -> None:
    gaps = RNG.normal(0.5, 1, 60)
    gaps = np.round(2 * gaps) / 2 if rounded else gaps
    got = stats.sign_flip_p(gaps, draws=20_000, seed=1)
    signs = np.random.default_rng(9).integers(0, 2, (20_000, 60)) * 2 - 1
    wanted = np.mean(np.abs(signs @ gaps) >= abs(gaps.sum()))
    assert got == pytest.approx(wanted, abs=0.003) and got > 0


def test_a_one_sided_sign_flip_is_half_of_a_two_sided_one() -> None:
    gaps = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    assert stats.sign_flip_p(gaps) == 2 / 32
    assert stats.sign_flip_p(gaps, sides=1) == 1 / 32
    assert stats.sign_flip_p(-gaps, sides=1) == 1


@pytest.mark.parametrize("test", [*MEAN_TESTS, stats.mcnemar])
def test_two_models_that_answer_alike_have_p_1(test: Any) -> None:
    a = np.array([0.0, 1.0, 1.0, 0.0] * 10)
    got = test(a, a)
    assert (got.p, got.difference, got.n_discordant) == (1.0, 0.0, 0)


@pytest.mark.parametrize("test", MEAN_TESTS)
def test_an_item_that_one_model_lacks_is_left_out(test: Any) -> None:
    a, b = np.append(A, [np.nan, 1.0]), np.append(B, [1.0, np.nan])
    assert test(a, b) == test(A, B)


@pytest.mark.parametrize("test", MEAN_TESTS)
def test_rows_copied_within_their_cluster_do_not_add_evidence(test: Any) -> None:
    once = test(A, B)
    thrice = test(np.repeat(A, 3), np.repeat(B, 3), clusters=np.repeat(np.arange(40), 3))
    assert thrice.p == pytest.approx(once.p, abs=0.01)
    assert (thrice.n, thrice.n_clusters) == (120, 40)


def test_no_items_give_no_p() -> None:
    got = stats.paired_difference([], [])
    assert got.n == 0 and math.isnan(got.difference) and got.interval is None


def test_pairs_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="same items: 2 and 3"):
        stats.paired_t([1, 2], [1, 2, 3])


@pytest.mark.parametrize(
    ("pair", "more", "method"),
    [
        (answers(3, 9, 20), {}, "McNemar, mid-p"),
        ((A, B), {}, "paired t"),
        ((A[:20], B[:20]), {}, "sign flip, exact"),
        ((A, B), {"clusters": np.arange(40) // 4}, "sign flip of clusters, exact"),
    ],
)
def test_the_test_that_fits_is_picked_and_named(pair: tuple[Floats, Floats], more: dict[str, Any], method: str) -> None:
    assert stats.paired_difference(*pair, **more).method == method


def test_the_bootstrap_p_is_near_the_t_tests() -> None:
    got = stats.paired_bootstrap(A, B, draws=50_000)
    assert got.p == pytest.approx(stats.paired_t(A, B).p, rel=0.15)


def ratio(sums: Floats) -> Floats:
    return np.asarray(sums[:, 0] / sums[:, 1])


@pytest.mark.parametrize("test", ["randomisation", "bootstrap"])
def test_a_mean_as_a_paired_corpus_metric_is_tested_as_the_mean(test: Any) -> None:
    ones = np.ones(40)
    got = stats.paired_corpus(np.stack([A, ones], 1), np.stack([B, ones], 1), ratio, test=test, draws=20_000)
    assert got.difference == pytest.approx((B - A).mean())
    assert got.p == pytest.approx(stats.sign_flip(A, B, draws=20_000).p, abs=0.012)
    plain = stats.paired_t(A, B)
    assert got.interval is not None and plain.interval is not None
    assert got.interval.half_width == pytest.approx(plain.interval.half_width, rel=0.06)


def test_corpus_statistics_that_are_equal_have_p_1() -> None:
    table = np.stack([A, np.ones(40)], 1)
    got = stats.paired_corpus(table, table, ratio)
    assert (got.p, got.interval, got.n_discordant) == (1.0, None, 0)
