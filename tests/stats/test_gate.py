"""The pooled family test and its verdicts; that it finds what it should is measured in test_coverage.py."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mevals import stats

Floats = NDArray[np.float64]


def family(
    loss: float, languages: int = 8, n: int = 1000, seed: int = 0
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """0/1 answers before and after, 20 % discordant, with exactly `loss` less in every language."""
    won, lost = round(n * (0.1 - loss / 2)), round(n * (0.1 + loss / 2))
    rng = np.random.default_rng(seed)
    before, after = {}, {}
    for i in range(languages):
        a, b = np.zeros(n), np.zeros(n)
        b[:won], a[won : won + lost], a[-n // 2 :], b[-n // 2 :] = 1, 1, 1, 1
        order = rng.permutation(n)
        before[str(i)], after[str(i)] = a[order], b[order]
    return before, after


def verdict(loss: float, tolerance: float = 0.0, **more: int) -> stats.Verdict:
    test = stats.paired_family_test(*family(loss, **more), tolerance=tolerance)
    return stats.judge_families({"only": test})["only"]


def test_the_pooled_difference_and_error_are_those_of_the_formula() -> None:
    got = stats.paired_family_test(*family(0.03))
    assert got.difference == pytest.approx(-0.03)
    assert got.se == pytest.approx(np.sqrt((0.2 - 0.03**2) / 999 / 8), rel=1e-9)
    assert (got.n, got.n_languages, got.n_discordant) == (8000, 8, 1600)


def test_one_language_alone_can_not_tell_what_eight_together_can() -> None:
    assert verdict(0.02, languages=1).outcome == "can't tell"
    assert verdict(0.02).outcome == "regression"


def test_a_gain_is_an_improvement_and_no_loss_beyond_the_tolerance_is_said_only_where_it_is_ruled_out() -> None:
    assert verdict(-0.03).outcome == "improvement"
    assert verdict(0.0, tolerance=0.02).outcome == "no regression"
    assert verdict(0.0, tolerance=0.02, n=100).outcome == "can't tell"
    assert verdict(0.0).outcome == "can't tell"


def test_a_loss_within_the_tolerance_is_no_regression_of_the_gate() -> None:
    assert verdict(0.02, tolerance=0.05).outcome == "no regression"
    assert verdict(0.06, tolerance=0.02).outcome == "regression"


def test_a_verdict_says_what_it_could_have_found() -> None:
    got = verdict(0.0)
    assert got.detectable == pytest.approx((1.6449 + 0.8416) * got.test.se, rel=1e-4)
    two = stats.judge_families({"a": got.test, "b": got.test})["a"]
    assert two.detectable is not None and got.detectable is not None and two.detectable > got.detectable


def test_items_that_fail_in_all_languages_at_once_count_as_one() -> None:
    before, after = family(0.02, languages=1)
    many = ({str(i): before["0"] for i in range(8)}, {str(i): after["0"] for i in range(8)})
    clusters = {str(i): np.arange(1000) for i in range(8)}
    alone, shared = stats.paired_family_test(before, after), stats.paired_family_test(*many, clusters=clusters)
    assert shared.se == pytest.approx(alone.se) and shared.p_worse == pytest.approx(alone.p_worse)
    assert stats.paired_family_test(*many).se < 0.4 * alone.se


def test_few_differences_are_tested_exactly() -> None:
    a, b = np.ones(500), np.ones(500)
    b[:4] = 0
    got = stats.paired_family_test({"x": a}, {"x": b})
    assert got.method == "pooled sign flip" and got.p_worse == pytest.approx(1 / 16) and got.p_better == 1


def test_models_that_answer_alike_rule_out_a_loss_only_with_enough_items() -> None:
    ones = {"x": np.ones(500)}
    got = stats.paired_family_test(ones, ones, tolerance=0.01)
    assert got.p_worse == 1 and got.p_safe == pytest.approx(0.99**500)
    assert stats.judge_families({"f": got})["f"].outcome == "no regression"
    few = {"x": np.ones(50)}
    same = stats.paired_family_test(few, few, tolerance=0.01)
    assert stats.judge_families({"f": same})["f"].outcome == "can't tell"


def test_where_lower_is_better_a_rise_is_a_loss() -> None:
    before, after = family(0.03)
    turned = stats.paired_family_test(after, before, better="lower")
    assert turned.difference == pytest.approx(-0.03)


def test_only_items_and_languages_of_both_models_are_paired_and_the_rest_is_counted() -> None:
    before, after = family(0.03, languages=2)
    after["0"][:7] = np.nan
    before["only before"] = np.ones(5)
    got = stats.paired_family_test(before, after)
    assert (got.n, got.n_languages, got.unpaired) == (1993, 2, 7)


def test_a_family_without_common_items_is_not_tested_and_does_not_count() -> None:
    empty = stats.paired_family_test({"a": np.ones(5)}, {"b": np.ones(5)})
    full = stats.paired_family_test(*family(0.03))
    got = stats.judge_families({"empty": empty, "full": full})
    assert got["empty"].outcome == "can't tell" and got["empty"].p_worse is None
    assert got["full"].p_worse == pytest.approx(full.p_worse)
