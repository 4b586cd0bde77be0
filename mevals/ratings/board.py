"""A leaderboard from verdicts on pairs: ratings on the Elo scale, win shares and ranks, each as an interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mevals.errors import DataError
from mevals.ratings.bradley_terry import ELO
from mevals.ratings.games import Floats
from mevals.stats import Interval, interval_from_draws, rank_intervals

ORIGIN = 1000.0
"""Elo points of the anchor."""


@dataclass(frozen=True, slots=True)
class Rating:
    """One model: Elo points with the anchor at 1,000, the chance to beat the anchor, and the rank's interval.

    Intervals are None without bootstrap rounds, and for the anchor itself, whose points are fixed.
    """

    name: str
    elo: float
    interval: Interval | None
    win_chance: float
    rank_low: int | None
    rank_high: int | None


def make_board(
    names: Sequence[str], values: Floats, draws: Floats, *, prompts: int, level: float = 0.95
) -> list[Rating]:
    """The board, best first, from log odds (models,) and bootstrap rounds (draws, models).

    `prompts` is how many were resampled. Raises DataError where fewer than 20 rounds are given, unless it is none.
    """
    if 0 < len(draws) < 20:
        raise DataError(f"{len(draws)} bootstrap rounds with finite ratings are too few; use more prompts or a prior")
    ranks = rank_intervals(names, values, draws, level=level) if len(draws) else []
    board = []
    for i, name in enumerate(names):
        rank = ranks[i] if ranks else None
        interval = None
        if len(draws) and np.ptp(draws[:, i]) > 0:
            low, high = interval_from_draws(draws[:, i], float(values[i]), "percentile", level, prompts)
            method = "cluster bootstrap by prompt, percentile"
            interval = Interval(ORIGIN + ELO * low, ORIGIN + ELO * high, level, method, prompts, prompts)
        chance = float(1.0 / (1.0 + np.exp(-values[i])))
        board.append(
            Rating(
                name,
                ORIGIN + ELO * float(values[i]),
                interval,
                chance,
                rank.low if rank else None,
                rank.high if rank else None,
            )
        )
    return sorted(board, key=lambda r: -r.elo)
