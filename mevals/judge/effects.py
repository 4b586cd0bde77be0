"""What is wrong with a judge, as numbers with intervals: position, length, noise, accuracy against a known truth.

Pure functions of verdicts. Every interval takes the prompt as the unit. The simulated judge plants exactly these effects.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mevals.stats import Estimate, Interval, cell_interval, clustered_mean, proportion_interval
from mevals.stats.clusters import Labels, codes
from mevals.stats.intervals import Floats


@dataclass(frozen=True, slots=True)
class Effect:
    """A measured property of a judge: its value, its interval, and how many answers and prompts it rests on.

    `interval` is None where there are too few, or nothing varies.
    """

    value: float
    interval: Interval | None
    n: int


def position_effect(first: ArrayLike, second: ArrayLike, prompts: Labels, level: float = 0.95) -> Effect | None:
    """What being shown first adds to the chance to win: half the difference of an answer's shares in its two games.

    `first` and `second` (n,) are the shares when the answer stood first and second. 0 for a fair judge; 0.5 for one that
    always takes the first. None without answers.
    """
    half = (np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)) / 2
    return _mean(half, prompts, level)


def _mean(values: Floats, prompts: Labels, level: float) -> Effect | None:
    if not values.size:
        return None
    estimate = clustered_mean(values, prompts)
    interval = estimate.interval(level, "t, cluster-robust (CR2)")
    return Effect(estimate.value, interval, values.size)


def length_effect(values: ArrayLike, doublings: ArrayLike, prompts: Labels, level: float = 0.95) -> Effect | None:
    """What each doubling of an answer's length goes with, in points of `values` (n,): the least-squares slope.

    `doublings` (n,) is log2 of the length ratio (pairs) or of the length. An association: longer answers may be better.
    The interval is cluster-robust by prompt. None below 10 prompts, or where lengths don't differ. Source: Liang & Zeger
    1986 (Biometrika 73:13-22), with the factor G/(G-1) · (n-1)/(n-2) and G-1 degrees of freedom.
    """
    y, x = np.asarray(values, dtype=np.float64), np.asarray(doublings, dtype=np.float64)
    if not y.size or np.ptp(x) == 0:
        return None
    label = codes(prompts)
    groups = int(label.max()) + 1
    if groups < 10:
        return None
    centred = x - x.mean()
    spread = float(centred @ centred)
    value = float(centred @ y) / spread
    residual = y - y.mean() - value * centred
    scores = np.bincount(label, centred * residual)
    factor = groups / (groups - 1) * (y.size - 1) / (y.size - 2)
    se = math.sqrt(factor * float(scores @ scores)) / spread
    estimate = Estimate(value, se, groups - 1, y.size, groups)
    return Effect(value, estimate.interval(level, "OLS, cluster-robust by prompt"), y.size)


def share_effect(flags: ArrayLike, prompts: Labels, level: float = 0.95) -> Effect | None:
    """The share of 1 among 0/1 `flags` (n,), such as the order-flip rate, with an interval by prompt. None without any."""
    values = np.asarray(flags, dtype=np.float64)
    if not values.size:
        return None
    own = np.unique(np.asarray(prompts)).size == values.size
    interval = cell_interval(values, clusters=None if own else prompts, scale=(0.0, 1.0), level=level)
    return Effect(float(values.mean()), interval, values.size)


def accuracy(shares: ArrayLike, prompts: Labels, level: float = 0.95) -> Effect | None:
    """The mean share that the truly better answer gets, with an interval by prompt; 0.5 is chance."""
    return _mean(np.asarray(shares, dtype=np.float64), prompts, level)


def noise_share(first: Sequence[Any], second: Sequence[Any], kinds: int, level: float = 0.95) -> Effect | None:
    """The share of verdicts that are drawn at random, from the same questions asked twice.

    A judge that otherwise repeats itself and draws a share ν of its verdicts uniformly from `kinds` agrees with itself with
    probability A = (1-ν)² (1-1/k) + 1/k, so ν = 1 - √((A - 1/k) / (1 - 1/k)). The interval is that of A, carried over. 1
    where the agreement is no better than chance. None without questions.
    """
    if not len(first):
        return None
    agreed = sum(a == b for a, b in zip(first, second, strict=True))
    interval = proportion_interval(agreed, len(first), level)

    def noise(agreement: float) -> float:
        return 1 - math.sqrt(max(0.0, (agreement - 1 / kinds) / (1 - 1 / kinds)))

    ends = Interval(noise(interval.high), noise(interval.low), level, f"{interval.method}, carried over", len(first))
    return Effect(noise(agreed / len(first)), ends, len(first))


def self_preference(
    values: ArrayLike, others: ArrayLike, own: ArrayLike, prompts: Labels, level: float = 0.95
) -> Effect | None:
    """How much more a judge gives to its own family than other judges do, beyond how much more it gives to the rest.

    `values` (n,) are its scores, `others` those of the other judges on the same answers, `own` (n,) says which answers come
    from its family. None where either side is empty.
    """
    mine = np.asarray(own, dtype=bool)
    gap = np.asarray(values, dtype=np.float64) - np.asarray(others, dtype=np.float64)
    if not mine.any() or mine.all():
        return None
    estimate = clustered_mean(gap, prompts, mine.astype(int), contrast=(-1.0, 1.0))
    return Effect(estimate.value, estimate.interval(level, "t, cluster-robust (CR2)"), gap.size)
