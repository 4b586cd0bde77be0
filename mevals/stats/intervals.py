"""Intervals with a formula: for a proportion, a mean, and an estimate that brings its own standard error.

They need no random numbers, so they are what the other modules fall back on where resampling would mislead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]

FEW = 10
"""Expected successes, and failures, from which Wilson's interval covers 93-97 % at every proportion (docs/statistics.md)."""


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high` at confidence `level`; `method` names how it was made.

    `n` counts the samples behind it, or the languages for a mean over languages.
    `n_clusters` counts independent units where samples share a document, passage or prompt. `note` is one sentence for
    the reader where the method is used outside the sizes it is documented for, or is conservative; "" otherwise.
    """

    low: float
    high: float
    level: float
    method: str
    n: int
    n_clusters: int | None = None
    note: str = ""

    @property
    def half_width(self) -> float:
        """Half the distance between the ends, for "±" in tables; the interval itself need not be symmetric."""
        return (self.high - self.low) / 2

    def contains(self, value: float) -> bool:
        """Whether `value` lies inside, ends included."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its standard error `se` and the degrees of freedom `df` of that error.

    `se` is NaN where the data can't tell (fewer than two independent units); `df` is inf for a normal error.
    """

    value: float
    se: float
    df: float
    n: int
    n_clusters: int | None = None

    def interval(self, level: float = 0.95, method: str = "t", note: str = "") -> Interval | None:
        """value ± t(df) · se; None where the standard error is unknown, or is 0 because nothing varied."""
        if not self.se > 0:
            return None
        half = t_quantile(level, self.df) * self.se
        return Interval(self.value - half, self.value + half, level, method, self.n, self.n_clusters, note)


def finite(values: ArrayLike | Sequence[float | None]) -> Floats:
    """The values as a float array without the missing ones (None and NaN)."""
    array = np.asarray(values, dtype=np.float64).ravel()
    return array[~np.isnan(array)]


def t_quantile(level: float, df: float) -> float:
    """The two-sided critical value of Student's t at confidence `level`; the normal one where `df` is inf."""
    if not 0 < level < 1:
        raise ValueError(f"a confidence level lies between 0 and 1, not at {level}")
    tail = (1 + level) / 2
    return float(special.ndtri(tail) if math.isinf(df) else special.stdtrit(df, tail))


def wilson_bounds(p: float, n: float, critical: float) -> tuple[float, float]:
    """Both ends of the score interval for a proportion `p` of `n` (which may be an effective size).

    Source: Wilson 1927 (JASA 22:209-212); Brown, Cai & DasGupta 2001 (Statistical Science 16:101-133), eq. 4.
    """
    square = critical * critical
    centre = (p + square / (2 * n)) / (1 + square / n)
    half = critical / (1 + square / n) * math.sqrt(p * (1 - p) / n + square / (4 * n * n))
    low = 0.0 if p == 0 else max(0.0, centre - half)
    high = 1.0 if p == 1 else min(1.0, centre + half)
    return low, high


def wilson(successes: int, n: int, level: float = 0.95) -> Interval:
    """The score interval for `successes` of `n` independent trials, within [0, 1].

    Covers 93-97 % (at 95 %) wherever at least ten successes and ten failures are expected; on average over all
    proportions it covers 95 % from n = 10. Source: Wilson 1927; Brown, Cai & DasGupta 2001, eq. 4.
    """
    low, high = wilson_bounds(successes / n, n, t_quantile(level, math.inf))
    return Interval(low, high, level, "wilson", n)


def clopper_pearson_bounds(successes: float, n: float, level: float) -> tuple[float, float]:
    """Both ends of the exact interval by quantiles of the beta distribution; counts may be effective ones.

    Source: Brown, Cai & DasGupta 2001, section 4.2.1.
    """
    tail = (1 - level) / 2
    low = 0.0 if successes <= 0 else float(special.betaincinv(successes, n - successes + 1, tail))
    high = 1.0 if successes >= n else float(special.betaincinv(successes + 1, n - successes, 1 - tail))
    return low, high


def clopper_pearson(successes: int, n: int, level: float = 0.95) -> Interval:
    """The exact binomial interval: covers at least `level` at every n and proportion, usually more.

    Source: Clopper & Pearson 1934 (Biometrika 26:404-413).
    """
    low, high = clopper_pearson_bounds(successes, n, level)
    note = "exact: covers at least its level, and more where successes or failures are few"
    return Interval(low, high, level, "clopper-pearson", n, note=note)


def proportion_interval(successes: int, n: int, level: float = 0.95) -> Interval:
    """Wilson's interval, or the exact one where fewer than ten successes or failures were seen (Wilson can undercover)."""
    if min(successes, n - successes) < FEW:
        return clopper_pearson(successes, n, level)
    return wilson(successes, n, level)


def effective_bounds(p: float, effective: float, df: float, level: float) -> tuple[float, float, str]:
    """Both ends for a proportion worth `effective` independent samples, and the name of the formula.

    Wilson's with the critical value of Student's t (Dean & Pagano 2015, J. Survey Statistics and Methodology 3:484-503), or
    where fewer than ten successes or failures are left, Clopper & Pearson's with the size cut further by (z/t)² (Korn &
    Graubard 1998, Survey Methodology 24:193-201, section 2).
    """
    critical = t_quantile(level, df)
    if min(p, 1 - p) * effective >= FEW:
        return *wilson_bounds(p, effective, critical), "wilson"
    worth = effective * (t_quantile(level, math.inf) / critical) ** 2
    return *clopper_pearson_bounds(p * worth, worth, level), "clopper-pearson"


def t_interval(values: ArrayLike, level: float = 0.95) -> Interval | None:
    """mean ± t(n-1) · s/√n of independent values; None for fewer than two values, or where all are equal.

    Exact for normal values from n = 2; for skewed ones from n > 28 + 25 g², g the skewness (`needed_for_skewness`).
    Source: Student 1908 (Biometrika 6:1-25).
    """
    return mean_estimate(values).interval(level, "t")


def mean_estimate(values: ArrayLike) -> Estimate:
    """The mean of independent values with its standard error s/√n (ddof 1) and n-1 degrees of freedom; NaN is skipped."""
    array = finite(values)
    n = array.size
    if n < 2:
        return Estimate(float(array[0]) if n else math.nan, math.nan, math.nan, n)
    spread = float(array.std(ddof=1))
    # A constant column leaves rounding noise in the sum of squares: that is no spread.
    spread = 0.0 if np.ptp(array) == 0 else spread
    return Estimate(float(array.mean()), spread / math.sqrt(n), n - 1, n)


def skewness(values: ArrayLike) -> float:
    """The moment coefficient of skewness g1 = m3 / m2^1.5; 0 where nothing varies. NaN is skipped."""
    array = finite(values)
    if array.size < 2 or np.ptp(array) == 0:
        return 0.0
    centred = array - array.mean()
    return float(np.mean(centred**3) / np.mean(centred**2) ** 1.5)


def needed_for_skewness(g: float) -> float:
    """How many samples make a t interval trustworthy at skewness `g`: n > 28 + 25 g².

    Source: Sugden, Smith & Jones 2000 (JRSS-D 49:373-383), who mend Cochran's rule n > 25 g² (Sampling Techniques 1977,
    section 2.15).
    """
    return 28 + 25 * g * g


def bounded_interval(
    values: ArrayLike, scale: tuple[float, float], level: float = 0.95, units: int | None = None
) -> Interval | None:
    """A conservative interval for a mean of values within `scale`; of use where all are equal and s = 0 says nothing.

    `units` is how many of them are independent, all by default.

    A variable on [0, 1] with mean p varies by at most p(1-p), the variance of a coin (Bhatia & Davis 2000, American
    Mathematical Monthly 107:353-357, eq. 1), so Wilson's interval for the rescaled mean is wide enough. None for no values.
    """
    array = finite(values)
    if not array.size:
        return None
    low, width = scale[0], scale[1] - scale[0]
    share = min(1.0, max(0.0, (float(array.mean()) - low) / width))
    ends = wilson_bounds(share, units or array.size, t_quantile(level, math.inf))
    note = "the width comes from the scale: covers more than its level"
    return Interval(low + width * ends[0], low + width * ends[1], level, "wilson-bounded", array.size, note=note)
