"""Bootstrap intervals agree with scipy given the same draws, and their spread is the analytic standard error."""

from __future__ import annotations

import math
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats as reference

from mevals import stats

Floats = NDArray[np.float64]
VALUES = np.random.default_rng(1).gamma(2, 3, 60)


def scipy_interval(values: Floats, draws: Floats, method: str) -> tuple[float, float]:
    """scipy's interval from draws made elsewhere: with no new resamples it only reads off the old ones."""
    old: Any = SimpleNamespace(bootstrap_distribution=draws)
    got = reference.bootstrap((values,), np.mean, n_resamples=0, bootstrap_result=old, method=method)
    return float(got.confidence_interval.low), float(got.confidence_interval.high)


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_the_interval_agrees_with_scipy_given_the_same_draws(method: Any) -> None:
    draws = stats.resample_means(VALUES, 1500, 3)
    jackknife = (VALUES.sum() - VALUES) / (VALUES.size - 1)
    got = stats.interval_from_draws(draws, float(VALUES.mean()), method, 0.95, VALUES.size, jackknife)
    assert got == pytest.approx(scipy_interval(VALUES, draws, {"bca": "BCa"}.get(method, method)), abs=1e-9)


def test_the_draws_are_the_same_whether_asked_for_alone_or_through_the_interval() -> None:
    interval = stats.bootstrap_interval(VALUES, "percentile", draws=1500, seed=3)
    draws = stats.resample_sums(np.stack([VALUES, np.ones_like(VALUES)], axis=1), 1500, 3)[:, 0] / VALUES.size
    assert interval is not None and (interval.low, interval.high) == pytest.approx(
        tuple(np.quantile(draws, [0.025, 0.975]))
    )


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(2).normal(size=500),
        (np.arange(500) % 5 == 0).astype(float),
        np.random.default_rng(3).integers(1, 8, 500) / 7,
        np.random.default_rng(4).normal(size=50),
    ],
    ids=["continuous", "0/1", "rubric", "small"],
)
@pytest.mark.parametrize("draws", [1000, 4000])
def test_the_spread_of_the_draws_is_the_standard_error_and_does_not_shrink_with_more_draws(
    values: Floats, draws: int
) -> None:
    spread = stats.resample_means(values, draws, 0).std(ddof=1)
    wanted = values.std() / math.sqrt(values.size)
    assert spread == pytest.approx(wanted, rel=4 / math.sqrt(2 * draws))


@pytest.mark.parametrize("kind", ["percentile", "expanded", "bca", "studentised"])
def test_the_half_width_is_the_analytic_one(kind: Any) -> None:
    values = np.random.default_rng(5).normal(10, 4, 400)
    interval, analytic = stats.bootstrap_interval(values, kind, draws=8000), stats.t_interval(values)
    assert interval is not None and analytic is not None
    assert interval.half_width == pytest.approx(analytic.half_width, rel=0.05)


@pytest.mark.parametrize("kind", ["percentile", "expanded", "bca", "studentised"])
def test_resampling_clusters_gives_the_cluster_robust_width(kind: Any) -> None:
    labels = np.repeat(np.arange(120), 5)
    rng = np.random.default_rng(6)
    values = rng.normal(size=120)[labels] + rng.normal(size=600)
    interval = stats.bootstrap_interval(values, kind, clusters=labels, draws=8000)
    analytic, naive = stats.clustered_mean(values, labels).interval(), stats.t_interval(values)
    assert interval is not None and analytic is not None and naive is not None
    assert interval.half_width == pytest.approx(analytic.half_width, rel=0.05)
    assert interval.half_width > 1.5 * naive.half_width
    assert (interval.n, interval.n_clusters) == (600, 120)


def test_the_expanded_interval_is_wider_as_hesterberg_says() -> None:
    draws = np.sort(np.random.default_rng(7).normal(size=200_000))
    low, high = stats.interval_from_draws(draws, 0.0, "expanded", 0.95, 10)
    wanted = math.sqrt(10 / 9) * reference.t.ppf(0.975, 9)
    assert (low, high) == pytest.approx((-wanted, wanted), rel=0.02)


def ratio(sums: Floats) -> Floats:
    return np.asarray(sums[:, 0] / sums[:, 1])


def test_a_mean_as_a_corpus_metric_gets_the_interval_of_the_mean() -> None:
    table = np.stack([VALUES, np.ones_like(VALUES)], axis=1)
    got = stats.corpus_interval(table, ratio, "bca", seed=4)
    plain = stats.bootstrap_interval(VALUES, "bca", seed=4)
    assert got is not None and plain is not None
    assert (got.low, got.high) == pytest.approx((plain.low, plain.high), abs=1e-9)


def test_the_jackknife_of_a_mean_is_s_over_root_n_and_its_pseudo_values_are_the_values() -> None:
    table = np.stack([VALUES, np.ones_like(VALUES)], axis=1)
    got = stats.corpus_estimate(table, ratio)
    assert got.se == pytest.approx(VALUES.std(ddof=1) / math.sqrt(VALUES.size), abs=1e-9)
    assert stats.pseudo_values(table, ratio) == pytest.approx(VALUES, abs=1e-9)


def test_unscored_lines_are_left_out_of_a_corpus_metric() -> None:
    table = np.stack([VALUES, np.ones_like(VALUES)], axis=1)
    holed = np.vstack([table, [[np.nan, np.nan]]])
    assert stats.corpus_interval(holed, ratio) == stats.corpus_interval(table, ratio)
    assert math.isnan(stats.pseudo_values(holed, ratio)[-1])


def test_a_corpus_metric_of_few_segments_gets_the_jackknife_t_interval() -> None:
    table = np.stack([VALUES, np.ones_like(VALUES)], axis=1)
    few = stats.cell_interval([], stats=table[:12], aggregate=ratio)
    many = stats.cell_interval([], stats=table, aggregate=ratio)
    assert few is not None and few.method == "t, jackknife"
    assert many is not None and many.method == "bootstrap, expanded"


def test_cells_drawn_together_have_the_spread_of_cells_drawn_alone_and_do_not_move_together() -> None:
    rng = np.random.default_rng(8)
    smooth = rng.normal(size=(3, 2000))
    cells = [*smooth, smooth[0], (rng.random(2000) < 0.3).astype(float), rng.normal(size=40), [np.nan] * 5]
    draws = stats.bootstrap_cells(cells, 4000, 0)
    for line, cell in zip(draws[:-1], cells[:-1], strict=True):
        values = np.asarray(cell)
        assert line.mean() == pytest.approx(values.mean(), abs=4 * values.std() / math.sqrt(values.size * 4000))
        assert line.std() == pytest.approx(values.std() / math.sqrt(values.size), rel=0.06)
    assert np.isnan(draws[-1]).all()
    assert np.abs(np.corrcoef(draws[:-1]) - np.eye(6)).max() < 0.08


def test_half_a_million_scores_are_drawn_two_thousand_times_in_seconds() -> None:
    rng = np.random.default_rng(9)
    cells = [rng.random(1000) for _ in range(300)] + [(rng.random(1000) < 0.5).astype(float) for _ in range(200)]
    start = time.process_time()
    stats.bootstrap_cells(cells, 2000, 0)
    assert time.process_time() - start < 10
