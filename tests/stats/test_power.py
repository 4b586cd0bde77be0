"""Power agrees with statsmodels, and with what simulated tests find."""

from __future__ import annotations

import math

import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from mevals import stats


@pytest.mark.parametrize("n", [5, 30, 100])
@pytest.mark.parametrize("effect", [0.05, 0.3, 0.8])
@pytest.mark.parametrize(("sides", "alternative"), [(2, "two-sided"), (1, "larger")])
def test_the_power_of_a_paired_t_test_agrees_with_statsmodels(
    n: int, effect: float, sides: int, alternative: str
) -> None:
    got = stats.paired_power(stats.PairedDesign(n, sd=2.0, sides=sides), 2 * effect)
    assert got == pytest.approx(TTestPower().power(effect, n, 0.05, alternative=alternative), abs=1e-9)


def test_a_difference_of_nothing_is_found_as_often_as_alpha_says() -> None:
    assert stats.paired_power(stats.PairedDesign(100, sd=1.0), 0.0) == pytest.approx(0.05, abs=1e-9)


def test_the_minimum_detectable_difference_is_found_with_the_wanted_power() -> None:
    for design in (stats.PairedDesign(1000, discordant=0.2), stats.PairedDesign(50, sd=3.0, alpha=0.01)):
        smallest = stats.minimum_detectable_difference(design, 0.9)
        assert smallest is not None and stats.paired_power(design, smallest) == pytest.approx(0.9, abs=1e-9)


def test_a_thousand_items_with_a_fifth_discordant_find_four_points() -> None:
    smallest = stats.minimum_detectable_difference(stats.PairedDesign(1000, discordant=0.2))
    assert smallest == pytest.approx(0.0395, abs=0.0005)


def test_what_can_not_be_found_at_all_is_none() -> None:
    assert stats.minimum_detectable_difference(stats.PairedDesign(5, discordant=0.05)) is None


def test_the_needed_number_is_the_smallest_that_reaches_the_power() -> None:
    n = stats.needed_n(0.03, discordant=0.2)
    assert stats.paired_power(stats.PairedDesign(n, discordant=0.2), 0.03) >= 0.8
    assert stats.paired_power(stats.PairedDesign(n - 1, discordant=0.2), 0.03) < 0.8
    assert stats.needed_n(0.5, sd=1.0) == 34


def test_the_formula_for_discordant_items_is_what_simulated_mcnemar_tests_find() -> None:
    rng = np.random.default_rng(0)
    lost, won = rng.multinomial(1000, [0.12, 0.08, 0.8], 4000).T[:2]
    z = (lost - won) / np.sqrt(lost + won)
    formula = stats.paired_power(stats.PairedDesign(1000, discordant=0.2), 0.04)
    assert formula == pytest.approx(np.mean(np.abs(z) > 1.959964), abs=0.02)


def test_the_nightly_subset_has_the_standard_error_of_a_stratified_sample() -> None:
    sds, n, population = [0.4, 0.5], [100, 50], [1000, 200]
    assert stats.stratified_se(sds, n) == pytest.approx(math.sqrt(0.16 / 100 + 0.25 / 50) / 2)
    corrected = math.sqrt(0.16 * 0.9 / 100 + 0.25 * 0.75 / 50) / 2
    assert stats.stratified_se(sds, n, population=population) == pytest.approx(corrected)
    smallest = stats.stratified_detectable(sds, n)
    assert stats.stratified_power(smallest, sds, n) == pytest.approx(0.8, abs=1e-4)
    assert stats.stratified_power(0.0, sds, n) == pytest.approx(0.05)


def test_the_whole_benchmark_has_no_noise_about_itself() -> None:
    assert stats.stratified_se([0.4], [100], population=[100]) == 0
    with pytest.raises(ValueError, match="larger than the stratum"):
        stats.stratified_se([0.4], [101], population=[100])


def test_a_design_needs_one_measure_of_noise() -> None:
    with pytest.raises(ValueError, match="either"):
        stats.PairedDesign(10)
