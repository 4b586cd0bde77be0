"""Bootstrap of corpus metrics from kept statistics: one matrix product, then one formula over all draws."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from mevals.scorers.mt_stats import Floats

Formula = Callable[[Floats], Floats]
"""Summed statistics (…, k) to corpus scores (…,): `CorpusMetric.corpus_from_stats`."""

SACREBLEU_SEED = 12345
"""sacrebleu's own default, so that draws and p-values can be held against its output."""


@dataclass(frozen=True, slots=True)
class PairedBootstrap:
    """Two systems on the same segments: `difference` = score of a − score of b, with its 95 % percentile interval."""

    score_a: float
    score_b: float
    difference: float
    low: float
    high: float
    p_value: float
    draws: int


BLOCK = 64
"""Draws that are made at once: what they need stays in the processor's cache, and memory does not grow with their number."""


def resample_counts(n: int, draws: int, seed: int = SACREBLEU_SEED) -> Iterator[Floats]:
    """How often each of n segments is in each draw, in blocks (up to 64, n); the draws that sacrebleu makes from a seed."""
    generator = np.random.default_rng(seed)
    for start in range(0, draws, BLOCK):
        rows = min(BLOCK, draws - start)
        picked = generator.choice(n, size=(rows, n), replace=True)
        picked += np.arange(rows)[:, None] * n
        yield np.bincount(picked.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float64)


def bootstrap_scores(formula: Formula, stats: Floats, draws: int = 1000, seed: int = SACREBLEU_SEED) -> Floats:
    """Corpus scores of every draw: `stats` (n, k) gives (draws,), those of s systems (s, n, k) give (draws, s)."""
    stats = np.asarray(stats, np.float64)
    n, k = stats.shape[-2:]
    side_by_side = np.ascontiguousarray(np.moveaxis(stats.reshape(-1, n, k), 0, 1)).reshape(n, -1)
    sums = np.concatenate([counts @ side_by_side for counts in resample_counts(n, draws, seed)])
    scores = formula(sums.reshape(draws, -1, k))
    return scores[:, 0] if stats.ndim == 2 else scores


def paired_bootstrap(
    formula: Formula, stats_a: Floats, stats_b: Floats, draws: int = 1000, seed: int = SACREBLEU_SEED
) -> PairedBootstrap:
    """Paired bootstrap resampling (Koehn 2004, §3) of two systems whose rows are the same segments in the same order.

    `p_value` is two-sided and sacrebleu's: the share of draws in which the absolute difference exceeds its own mean
    over the draws by as much as the observed one, with one added to both counts.
    """
    both = np.stack([stats_a, stats_b])
    drawn = bootstrap_scores(formula, both, draws, seed)
    score_a, score_b = formula(both.sum(axis=1)).tolist()
    differences = drawn[:, 0] - drawn[:, 1]
    low, high = np.percentile(differences, [2.5, 97.5]).tolist()
    p_value = float(shifted_p_values(np.abs(differences), abs(score_a - score_b)))
    return PairedBootstrap(score_a, score_b, score_a - score_b, low, high, p_value, draws)


def paired_p_values(formula: Formula, stats: Floats, draws: int = 1000, seed: int = SACREBLEU_SEED) -> Floats:
    """p-values (s, s) of every pair of systems (s, n, k) from one set of draws; 1 on the diagonal."""
    drawn = bootstrap_scores(formula, stats, draws, seed)
    scores = formula(np.asarray(stats, np.float64).sum(axis=1))
    p_values = np.ones((len(stats), len(stats)))
    for i in range(len(stats) - 1):
        absolute = np.abs(drawn[:, i + 1 :] - drawn[:, i, None])
        p_values[i, i + 1 :] = p_values[i + 1 :, i] = shifted_p_values(absolute, np.abs(scores[i + 1 :] - scores[i]))
    return p_values


def shifted_p_values(absolute: Floats, observed: Floats | float) -> Floats:
    """p of absolute differences (draws, …) under the null that centres them on zero; see `paired_bootstrap`."""
    # sacrebleu has > here, which calls two identical outputs significantly different (p = 1 / 1001)
    exceeding = (absolute - absolute.mean(axis=0) >= observed).sum(axis=0)
    p_values: Floats = (exceeding + 1) / (len(absolute) + 1)
    return p_values
