"""Bradley–Terry ratings of any set of models from verdicts on pairs, with intervals from a bootstrap by prompt."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csgraph

from mevals.errors import DataError
from mevals.ratings.games import Floats, Games
from mevals.stats import resample_sums

ELO = 400 / math.log(10)
"""Points of the Elo scale per unit of log odds."""
STEPS, TOLERANCE = 100, 1e-11
"""Newton steps at most; the largest change of a rating at which they end."""
BLOCK = 128
"""Bootstrap draws that are solved at once: bounds memory to a few hundred megabytes at a hundred models."""


@dataclass(frozen=True, eq=False)
class Ratings:
    """Ratings in log odds (models,), 0 for `anchor`, and bootstrap draws of them (draws, models).

    `undefined` counts draws left out because in them some model won or lost everything, which has no finite rating.
    """

    names: tuple[str, ...]
    anchor: str
    values: Floats
    draws: Floats
    undefined: int


def win_table(games: Games) -> Floats:
    """Weighted wins (models, models): line i, column j holds what i won against j; a tie is half a win for each."""
    n = len(games.names)
    wins = np.zeros((n, n))
    np.add.at(wins, (games.first, games.second), games.share * games.weight)
    np.add.at(wins, (games.second, games.first), (1.0 - games.share) * games.weight)
    return wins


def log_odds(wins: Floats, anchor: int = 0, start: Floats | None = None) -> Floats:
    """Maximum-likelihood ratings (…, models) in log odds from win tables (…, models, models), 0 for `anchor`.

    P(i beats j) = 1 / (1 + exp(rⱼ - rᵢ)), maximised by Newton's method with step halving. Sources: Bradley & Terry 1952
    (Biometrika 39:324-345); Hunter 2004 (Annals of Statistics 32:384-406) for existence: each model must be linked to each
    other by a chain of wins (see `is_rated`); without that no finite maximum exists, and the caller must not ask.
    """
    tables = np.asarray(wins, dtype=np.float64)
    single = tables.ndim == 2
    stack = tables[None] if single else tables
    games = stack + np.swapaxes(stack, 1, 2)
    won = stack.sum(axis=2)
    ratings = np.zeros(stack.shape[:2]) if start is None else np.broadcast_to(start, stack.shape[:2]).copy()
    ratings -= ratings[:, [anchor]]
    free = np.arange(stack.shape[1]) != anchor
    for _ in range(STEPS):
        step = _newton_step(ratings, games, won, free)
        largest = np.abs(step).max(axis=1)
        # A far start overshoots: no rating moves by more than 2 (odds of 7 to 1) in one step.
        ratings[:, free] += step * np.minimum(1.0, 2.0 / np.maximum(largest, 1e-300))[:, None]
        if largest.max() < TOLERANCE:
            break
    else:
        raise DataError("the ratings did not settle: some model nearly always wins or loses; use a prior above 0")
    return ratings[0] if single else ratings


def _newton_step(ratings: Floats, games: Floats, won: Floats, free: NDArray[np.bool_]) -> Floats:
    chance = 1.0 / (1.0 + np.exp(ratings[:, None, :] - ratings[:, :, None]))
    expected = games * chance
    weight = expected * (1.0 - chance)
    slope = won - expected.sum(axis=2)
    curve = -weight
    diagonal = np.arange(curve.shape[1])
    curve[:, diagonal, diagonal] += weight.sum(axis=2)
    inner = curve[:, free][:, :, free]
    return np.asarray(np.linalg.solve(inner, slope[:, free, None])[:, :, 0])


def is_rated(wins: Floats) -> bool:
    """Whether finite ratings exist: every model is reached from every other by a chain of wins (or ties)."""
    parts, _ = csgraph.connected_components(wins > 0, directed=True, connection="strong")
    return bool(parts == 1)


def fit_ratings(games: Games, anchor: str, *, draws: int = 1000, seed: int = 0, prior: float = 0.0) -> Ratings:
    """Ratings of all models of `games`, and `draws` bootstrap rounds that resample prompts with all their verdicts.

    `prior` adds that many wins each way between `anchor` and every other model, which keeps a model that always won or
    lost finite. Raises DataError where the ratings have no maximum.
    """
    at = games.index(anchor)
    wins = win_table(games)
    extra = _prior(len(games.names), at, prior)
    if not is_rated(wins + extra):
        raise DataError(
            "these verdicts give no finite ratings: some models never beat, or never lost to, the others; "
            "add more prompts, compare win shares instead, or use a prior above 0"
        )
    values = log_odds(wins + extra, at)
    sums = _drawn_tables(games, draws, seed) if draws else np.empty((0, *wins.shape))
    rounds, undefined = [], 0
    for start in range(0, draws, BLOCK):
        block = sums[start : start + BLOCK] + extra
        sound = _are_rated(block, wins + extra)
        undefined += int((~sound).sum())
        if sound.any():
            rounds.append(log_odds(block[sound], at, values))
    drawn = np.concatenate(rounds) if rounds else np.empty((0, len(games.names)))
    return Ratings(games.names, anchor, values, drawn, undefined)


def _are_rated(tables: Floats, rated: Floats) -> NDArray[np.bool_]:
    """Which tables give finite ratings; one with the same pairs of winner and loser as `rated` is known to."""
    same = ((tables > 0) == (rated > 0)).all(axis=(1, 2))
    return np.array([known or is_rated(table) for known, table in zip(same, tables, strict=True)], dtype=bool)


def _prior(n: int, anchor: int, prior: float) -> Floats:
    table = np.zeros((n, n))
    table[anchor, :] = table[:, anchor] = prior
    table[anchor, anchor] = 0.0
    return table


def _drawn_tables(games: Games, draws: int, seed: int) -> Floats:
    """Win tables (draws, models, models) of bootstrap rounds over prompts."""
    n, p = len(games.names), len(games.prompts)
    cell = np.concatenate([games.first * n + games.second, games.second * n + games.first])
    won = np.concatenate([games.share * games.weight, (1.0 - games.share) * games.weight])
    used, column = np.unique(cell, return_inverse=True)
    table = np.zeros((p, used.size))
    np.add.at(table, (np.tile(games.prompt, 2), column), won)
    table = table[table.sum(axis=1) > 0]
    sums = np.zeros((draws, n * n))
    sums[:, used] = resample_sums(table, draws, seed)
    return sums.reshape(draws, n, n)
