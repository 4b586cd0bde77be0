"""Bootstrap draws, fast and exact: sums over rows drawn with replacement, from one sample or from thousands of cells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mevals.stats.intervals import Floats, finite

Seed = int | np.random.Generator
"""A whole number, so that the same call gives the same draws, or a generator that goes on where it was."""

BLOCK = 4_000_000
"""Weights held at once: bounds memory to about 64 MB."""

POISSON_FROM = 200
"""Cell size from which `bootstrap_cells` uses shared Poisson weights: their extra variance is below 1/(2·200)."""


def resample_sums(table: ArrayLike, draws: int, seed: Seed) -> Floats:
    """Column sums (draws, k) of n rows drawn with replacement from `table` (n, k): Efron's bootstrap, nothing approximate.

    Rows that are equal are drawn together by their multinomial count (for 0/1 values: one binomial), which is the same
    distribution at a fraction of the cost. Source: Efron 1979 (Annals of Statistics 7:1-26), section 2.
    """
    rows = np.asarray(table, dtype=np.float64)
    rows = rows[:, None] if rows.ndim == 1 else rows
    rng = np.random.default_rng(seed)
    n = rows.shape[0]
    few = n // 8 + 2
    if np.unique(rows[:, 0]).size <= few:
        kinds, counts = np.unique(rows, axis=0, return_counts=True)
        if kinds.shape[0] <= few:
            return np.asarray(rng.multinomial(n, counts / n, size=draws) @ kinds, dtype=np.float64)
    return np.concatenate([weights @ rows for weights in resample_weights(n, draws, rng)])


def resample_weights(n: int, draws: int, rng: np.random.Generator) -> Iterable[Floats]:
    """How often each of n rows is drawn, as blocks (b, n) that sum to `draws` lines; each line sums to n."""
    block = max(1, BLOCK // max(n, 1))
    for start in range(0, draws, block):
        b = min(block, draws - start)
        picks = rng.integers(0, n, size=(b, n))
        picks += n * np.arange(b)[:, None]
        yield np.bincount(picks.ravel(), minlength=b * n).reshape(b, n).astype(np.float64)


def resample_means(values: ArrayLike, draws: int, seed: Seed) -> Floats:
    """Bootstrap means (draws,) of the values that are not NaN."""
    array = finite(values)
    return resample_sums(array, draws, seed)[:, 0] / array.size


def bootstrap_cells(
    cells: Sequence[ArrayLike], draws: int, seed: Seed, dtype: type = np.float64
) -> NDArray[np.floating]:
    """Bootstrap means (cells, draws) of many cells at once, independent between cells; a cell without values gives NaN.

    Made for millions of scores. Cells of few distinct values, and those of fewer than `POISSON_FROM` samples, are drawn
    exactly. The others share one matrix of Poisson(1) weights, each mean divided by its weights' sum (the Poisson
    bootstrap: Hanley & MacGibbon 2006, Computer Methods and Programs in Biomedicine 83:57-62; Chamandy et al. 2012,
    "Estimating uncertainty for massive data streams", section 3); each cell's draws are then shuffled, because shared
    weights would tie languages together that were sampled apart.
    """
    rng = np.random.default_rng(seed)
    out: NDArray[np.floating] = np.full((len(cells), draws), np.nan, dtype=dtype)
    smooth: dict[int, list[int]] = {}
    for i, values in enumerate(cells):
        array = finite(values)
        if array.size >= POISSON_FROM and not _is_lumpy(array):
            smooth.setdefault(array.size, []).append(i)
        elif array.size:
            out[i] = resample_means(array, draws, rng)
    if smooth:
        weights = _poisson_weights(draws, max(smooth), rng)
        for n, members in smooth.items():
            for start in range(0, len(members), 32):
                _fill_by_weights(out, members[start : start + 32], cells, weights[:, :n], rng)
    return out


def _is_lumpy(array: Floats) -> bool:
    """Whether few distinct values make multinomial counts cheap. A short head is looked at first: sorting all is slow."""
    return np.unique(array[:256]).size <= 34 and np.unique(array).size <= 34


def _poisson_weights(draws: int, n: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Poisson(1) weights (draws, n) in single precision, made line by line to keep memory low."""
    weights = np.empty((draws, n), dtype=np.float32)
    for line in weights:
        line[:] = rng.poisson(1.0, n)
    return weights


def _fill_by_weights(
    out: NDArray[np.floating],
    members: Sequence[int],
    cells: Sequence[ArrayLike],
    weights: NDArray[np.float32],
    rng: np.random.Generator,
) -> None:
    """Writes the self-normalised weighted means of `members`, cells of one size, into their lines of `out`."""
    n = weights.shape[1]
    stack = np.stack([finite(cells[i]) for i in members], axis=1)
    centre = stack.mean(axis=0)
    # Centred before the product, so that single precision costs nothing that shows.
    columns = np.concatenate([stack - centre, np.ones((n, 1))], axis=1).astype(np.float32)
    sums = (weights @ columns).astype(np.float64)
    means = centre + sums[:, :-1] / sums[:, -1:]
    for column, i in enumerate(members):
        out[i] = means[rng.permutation(means.shape[0]), column]


def cluster_sums(table: ArrayLike, clusters: NDArray[np.intp] | None) -> Floats:
    """Rows of `table` (n, k) added up by cluster code (G, k); the table itself without clusters."""
    rows = np.asarray(table, dtype=np.float64)
    if clusters is None:
        return rows
    return np.stack([np.bincount(clusters, column) for column in rows.T], axis=1)
