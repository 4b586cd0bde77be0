"""Cluster-robust errors agree with statsmodels where it has them, and with matrices where it doesn't."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray

from mevals import stats

RNG = np.random.default_rng(0)
LABELS = np.repeat(np.arange(14), RNG.integers(1, 7, 14))
VALUES = RNG.normal(size=14)[LABELS] + RNG.normal(size=LABELS.size)
STRATA = RNG.integers(0, 3, LABELS.size)


def by_matrices(
    y: NDArray[np.float64], clusters: NDArray[np.int64], strata: NDArray[np.int64], share: NDArray[np.float64]
) -> tuple[float, float]:
    """CR2 error and Bell-McCaffrey degrees of freedom as the paper writes them, with n x n matrices."""
    x = (strata[:, None] == np.unique(strata)).astype(float)
    bread = np.linalg.inv(x.T @ x)
    maker = np.eye(y.size) - x @ bread @ x.T
    e, variance, columns = maker @ y, 0.0, []
    for c in np.unique(clusters):
        rows = clusters == c
        values, vectors = np.linalg.eigh(maker[np.ix_(rows, rows)])
        root = vectors @ np.diag(np.where(values > 1e-10, np.maximum(values, 1e-10) ** -0.5, 0)) @ vectors.T
        a = root @ x[rows] @ bread @ share
        variance += float(a @ e[rows]) ** 2
        columns.append(maker[:, rows] @ a)
    g = np.stack(columns, axis=1)
    eigen = np.linalg.eigvalsh(g.T @ g)
    return math.sqrt(variance), float(eigen.sum() ** 2 / (eigen**2).sum())


@pytest.mark.parametrize("strata", [np.zeros_like(STRATA), STRATA], ids=["one stratum", "three strata"])
def test_the_closed_form_of_cr2_equals_the_matrices_of_bell_and_mccaffrey(strata: NDArray[np.int64]) -> None:
    levels = np.unique(strata).size
    got = stats.clustered_mean(VALUES, LABELS, strata)
    assert (got.se, got.df) == pytest.approx(by_matrices(VALUES, LABELS, strata, np.full(levels, 1 / levels)), abs=1e-9)


def test_a_contrast_of_strata_equals_the_matrices_too() -> None:
    share = np.array([-1.0, 0.25, 0.75])
    got = stats.clustered_mean(VALUES, LABELS, STRATA, contrast=share)
    assert (got.se, got.df) == pytest.approx(by_matrices(VALUES, LABELS, STRATA, share), abs=1e-9)
    means = np.array([VALUES[s == STRATA].mean() for s in range(3)])
    assert got.value == pytest.approx(share @ means)


def test_cr0_and_cr1_agree_with_statsmodels() -> None:
    fit = sm.OLS(VALUES, np.ones((VALUES.size, 1)))
    for correction, use in (("CR0", False), ("CR1", True)):
        theirs = fit.fit(cov_type="cluster", cov_kwds={"groups": LABELS, "use_correction": use}).bse[0]
        assert stats.clustered_mean(VALUES, LABELS, correction=correction).se == pytest.approx(theirs, abs=1e-9)  # type: ignore[arg-type]


def test_without_clusters_the_error_is_s_over_root_n() -> None:
    got = stats.clustered_mean(VALUES)
    assert got.se == pytest.approx(VALUES.std(ddof=1) / math.sqrt(VALUES.size), abs=1e-12)
    assert got.df == pytest.approx(VALUES.size - 1)


def test_equal_clusters_have_the_error_of_their_means() -> None:
    table = RNG.normal(size=(9, 4))
    got = stats.clustered_mean(table.ravel(), np.repeat(np.arange(9), 4))
    assert got.se == pytest.approx(table.mean(axis=1).std(ddof=1) / 3, abs=1e-12)
    assert got.df == pytest.approx(8)


def test_rows_copied_three_times_do_not_narrow_the_interval() -> None:
    once = stats.t_interval(VALUES)
    thrice = stats.cell_interval(np.repeat(VALUES, 3), "t", clusters=np.repeat(np.arange(VALUES.size), 3))
    assert once is not None and thrice is not None
    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high), abs=1e-9)
    assert (thrice.n, thrice.n_clusters) == (3 * VALUES.size, VALUES.size)


def test_one_cluster_tells_nothing() -> None:
    assert math.isnan(stats.clustered_mean([1.0, 2.0, 3.0], [0, 0, 0]).se)
    assert stats.cell_interval([1.0, 2.0, 3.0], clusters=[0, 0, 0]) is None
    assert stats.clustered_proportion([0.0, 1.0], [4, 4]) is None


def test_text_labels_and_unscored_rows_are_taken() -> None:
    named = [f"document {c}" for c in LABELS]
    values = VALUES.copy()
    values[3] = np.nan
    kept = ~np.isnan(values)
    got, wanted = stats.clustered_mean(values, named), stats.clustered_mean(values[kept], LABELS[kept])
    assert (got.value, got.se, got.df) == pytest.approx((wanted.value, wanted.se, wanted.df))
    assert (got.n, got.n_clusters) == (wanted.n, wanted.n_clusters)


def test_a_clustered_proportion_without_failures_counts_each_cluster_once() -> None:
    got = stats.clustered_proportion(np.ones(100), np.repeat(np.arange(20), 5))
    assert got is not None and got.high == 1
    assert 0.8 < got.low < stats.clopper_pearson(20, 20).low + 0.02
