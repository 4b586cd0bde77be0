"""Ranks as intervals: models that noise can't part share one."""

from __future__ import annotations

import numpy as np
import pytest

from mevals import stats


def table(truth: list[float], n: int = 400, seed: int = 0) -> np.ndarray:  # type: ignore[type-arg]
    rng = np.random.default_rng(seed)
    return np.array(truth) + rng.normal(size=(n, 1)) + 0.3 * rng.normal(size=(n, len(truth)))


def ranked(values: np.ndarray, **more: object) -> list[stats.Rank]:  # type: ignore[type-arg]
    draws = stats.shared_draws([values], 2000, 1)
    return stats.rank_intervals("abcd", values.mean(axis=0), draws, **more)  # type: ignore[arg-type]


def test_models_far_apart_have_ranks_without_doubt() -> None:
    got = ranked(table([4, 3, 2, 1]))
    assert [(r.rank, r.low, r.high) for r in got] == [(1, 1, 1), (2, 2, 2), (3, 3, 3), (4, 4, 4)]


def test_models_that_can_not_be_told_apart_share_the_better_rank() -> None:
    got = ranked(table([4, 3, 3.001, 1]))
    assert [(r.rank, r.low, r.high) for r in got] == [(1, 1, 1), (2, 2, 3), (2, 2, 3), (4, 4, 4)]


def test_where_lower_is_better_the_order_turns() -> None:
    assert [r.rank for r in ranked(table([4, 3, 2, 1]), better="lower")] == [4, 3, 2, 1]


def test_shared_draws_take_out_how_hard_the_items_are() -> None:
    values = table([0.1, 0.0, 0, 0])
    draws = stats.shared_draws([values], 4000, 0)
    assert (draws[:, 0] - draws[:, 1]).std() == pytest.approx(0.3 * 2**0.5 / 20, rel=0.1)
    assert draws[:, 0].std() == pytest.approx(values[:, 0].std() / 20, rel=0.1)


def test_draws_over_cells_average_them_and_skip_unscored_answers() -> None:
    values = table([1, 2, 3, 4])
    values[::7, 2] = np.nan
    draws = stats.shared_draws([values, values + 10], 500, 0)
    assert draws.shape == (500, 4)
    assert draws.mean(axis=0) == pytest.approx(np.nanmean(values, axis=0) + 5, abs=0.02)


def test_simultaneous_intervals_are_no_narrower() -> None:
    values = table([0.06, 0.04, 0.02, 0.0])
    for one, all_at_once in zip(ranked(values), ranked(values, simultaneous=True), strict=True):
        assert all_at_once.low <= one.low and all_at_once.high >= one.high


def test_models_with_the_same_answers_share_every_rank() -> None:
    row = np.random.default_rng(0).normal(size=(50, 1))
    assert [(r.low, r.high) for r in ranked(np.repeat(row, 4, axis=1))] == [(1, 4)] * 4


def test_a_model_without_a_value_can_not_be_ranked() -> None:
    with pytest.raises(ValueError, match="value for every model"):
        stats.rank_intervals("ab", [1.0, float("nan")], np.ones((5, 2)))


def test_equal_values_share_the_better_rank_and_a_missing_one_has_none() -> None:
    assert stats.competition_ranks([5, 7, None, 5, 2]) == [2, 1, None, 2, 4]
    assert stats.competition_ranks([5, 7, 2], "lower") == [2, 3, 1]
