"""Win shares against one model, with intervals that take the prompt as the unit, and the naive ones beside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mevals.ratings.games import Floats, Games
from mevals.stats import Interval, interval_from_draws, resample_sums


@dataclass(frozen=True, slots=True)
class WinShare:
    """A model's share of wins against another one, ties counting half; 0 to 1.

    `interval` resamples prompts with all their verdicts; `naive` resamples verdicts (each as often as it weighs) as if
    they were independent, as Arena-Hard does. `ratio` is how many times wider the honest one is; None where either has no
    width.
    """

    name: str
    value: float
    interval: Interval | None
    naive: Interval | None
    ratio: float | None
    prompts: int
    games: int


def win_shares(games: Games, against: str, *, level: float = 0.95, draws: int = 1000, seed: int = 0) -> list[WinShare]:
    """One `WinShare` against the model `against` for every model that met it, in the order of the names.

    The share is Σ weight · share / Σ weight over both orders. Raises DataError where no verdict names `against`.
    """
    anchor = games.index(against)
    met = (games.first == anchor) | (games.second == anchor)
    rows = games.chosen(met)
    own = np.where(rows.first == anchor, rows.second, rows.first)
    share = np.where(rows.first == anchor, 1.0 - rows.share, rows.share)
    found = []
    for code in np.unique(own):
        mine = own == code
        part = share[mine], rows.weight[mine], rows.prompt[mine]
        found.append(_win_share(games.names[code], *part, level=level, draws=draws, seed=seed))
    return found


def _win_share(
    name: str, share: Floats, weight: Floats, prompt: np.ndarray, *, level: float, draws: int, seed: int
) -> WinShare:
    value = float(share @ weight / weight.sum())
    by_prompt: Floats = np.stack([np.bincount(prompt, share * weight), np.bincount(prompt, weight)], axis=1)
    by_prompt = by_prompt[by_prompt[:, 1] > 0]
    honest = _interval(by_prompt, value, "cluster bootstrap by prompt, percentile", level, draws, seed)
    copies: Floats = np.repeat(share, np.maximum(1, np.round(weight)).astype(int)).astype(np.float64)
    rows = np.stack([copies, np.ones_like(copies)], axis=1)
    naive = _interval(rows, float(copies.mean()), "bootstrap of verdicts, percentile (naive)", level, draws, seed)
    ratio = honest.half_width / naive.half_width if honest and naive and naive.half_width > 0 else None
    return WinShare(name, value, honest, naive, ratio, len(by_prompt), len(share))


def _interval(table: Floats, value: float, method: str, level: float, draws: int, seed: int) -> Interval | None:
    """The percentile interval of a ratio of column sums; None below two units or where nothing varies."""
    units = table.shape[0]
    if units < 2 or np.ptp(table[:, 0] / table[:, 1]) == 0:
        return None
    sums = resample_sums(table, draws, seed)
    low, high = interval_from_draws(sums[:, 0] / sums[:, 1], value, "percentile", level, units)
    return Interval(low, high, level, method, int(table[:, 1].sum()), units)
