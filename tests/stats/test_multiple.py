"""Adjusted p values agree with statsmodels and scipy, and skip what was not tested."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as reference
from statsmodels.stats.multitest import multipletests

from mevals import stats

TABLES = [
    [0.01, 0.04, 0.03, 0.005],
    [0.5],
    [0.0, 1.0, 0.5, 0.5, 0.02],
    list(np.random.default_rng(0).random(60) ** 3),
]


@pytest.mark.parametrize("p", TABLES)
def test_holm_agrees_with_statsmodels(p: list[float]) -> None:
    assert stats.holm(p) == pytest.approx(multipletests(p, method="holm")[1], abs=1e-9)


@pytest.mark.parametrize("p", TABLES)
def test_benjamini_hochberg_agrees_with_statsmodels_and_scipy(p: list[float]) -> None:
    assert stats.benjamini_hochberg(p) == pytest.approx(multipletests(p, method="fdr_bh")[1], abs=1e-9)
    assert stats.benjamini_hochberg(p) == pytest.approx(reference.false_discovery_control(p), abs=1e-9)


@pytest.mark.parametrize("adjust", [stats.holm, stats.benjamini_hochberg])
def test_what_was_not_tested_stays_missing_and_does_not_count(adjust) -> None:  # type: ignore[no-untyped-def]
    got = adjust([0.01, None, 0.04, float("nan"), 0.03])
    assert np.isnan(got[[1, 3]]).all()
    assert got[[0, 2, 4]] == pytest.approx(adjust([0.01, 0.04, 0.03]))
    assert adjust([]).size == 0
    assert np.isnan(adjust([None, None])).all()


def test_a_p_value_outside_0_and_1_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        stats.holm([0.2, 1.2])
