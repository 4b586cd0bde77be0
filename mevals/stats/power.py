"""What a comparison can find before it is run, so that a report can say "can't tell" instead of "no change"."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from mevals.stats.intervals import Floats, t_quantile


@dataclass(frozen=True, slots=True)
class PairedDesign:
    """A paired comparison on `n` items: give the `discordant` share of items (0/1 values) or the differences' `sd`.

    `discordant` is the share on which the two models are expected to differ, such as 0.2. `alpha` is two-sided, or for one
    side with `sides` = 1.
    """

    n: int
    discordant: float | None = None
    sd: float | None = None
    alpha: float = 0.05
    sides: int = 2

    def __post_init__(self) -> None:
        if (self.discordant is None) == (self.sd is None):
            raise ValueError("give either the discordant share or the standard deviation of the differences")


def paired_power(design: PairedDesign, difference: float) -> float:
    """The chance that the design finds a true `difference`, 0 to 1.

    Discordant share ψ: Φ((√n |d| - z √ψ) / √(ψ - d²)) (Connor 1987, Biometrics 43:207-211, eq. 3; the far tail left out). SD:
    the non-central t of a paired t test, both tails (Cohen 1988, Statistical Power Analysis, section 2.5).
    """
    d = abs(difference)
    if design.discordant is not None:
        if d > design.discordant:
            raise ValueError(f"a difference of {d:g} needs at least that share of discordant items")
        spread = math.sqrt(max(design.discordant - d * d, 1e-300))
        z = (math.sqrt(design.n) * d - _z(design) * math.sqrt(design.discordant)) / spread
        return float(special.ndtr(z))
    df = design.n - 1
    shift = d / _sd(design) * math.sqrt(design.n)
    critical = t_quantile(1 - design.alpha * 2 / design.sides, df)
    found = 1 - _noncentral_t(df, shift, critical)
    return found if design.sides == 1 else found + _noncentral_t(df, shift, -critical)


def minimum_detectable_difference(design: PairedDesign, wanted_power: float = 0.8) -> float | None:
    """The smallest true difference that the design finds with `wanted_power`; None where even the largest is missed.

    The root of `paired_power` in the difference.
    """
    largest = design.discordant if design.discordant is not None else 100 * _sd(design)
    if paired_power(design, largest) < wanted_power:
        return None
    if paired_power(design, 0.0) >= wanted_power:
        return 0.0
    return float(
        optimize.brentq(lambda d: paired_power(design, d) - wanted_power, 0.0, largest, xtol=1e-14, rtol=1e-13)
    )


def needed_n(
    difference: float,
    *,
    discordant: float | None = None,
    sd: float | None = None,
    alpha: float = 0.05,
    sides: int = 2,
    wanted_power: float = 0.8,
) -> int:
    """How many paired items find a true `difference` with `wanted_power`: the smallest n for which `paired_power` reaches it."""
    if difference == 0:
        raise ValueError("no number of items finds a difference of 0")

    def reaches(n: int) -> bool:
        return paired_power(PairedDesign(n, discordant, sd, alpha, sides), difference) >= wanted_power

    low, high = 2, 4
    while not reaches(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    return low if reaches(low) else high


def stratified_power(
    difference: float,
    sds: Sequence[float] | Floats,
    n: Sequence[int],
    *,
    population: Sequence[int] | None = None,
    alpha: float = 0.05,
) -> float:
    """The chance that a stratified subset, such as the nightly one, finds a true `difference` in the strata's plain mean.

    `sds` are the standard deviations of paired differences per stratum (√ψ for 0/1 values with discordant share ψ), `n` its
    items. With `population` (items per stratum of the whole benchmark) the question is whether the whole benchmark would
    differ, and the finite-population factor 1 - n/N applies. Normal, two-sided. Source: Cochran 1977, eqs. 5.7 and 5.12.
    """
    se = stratified_se(sds, n, population=population)
    z = t_quantile(1 - alpha, math.inf)
    if se == 0:
        return 1.0 if difference else alpha
    return float(special.ndtr(abs(difference) / se - z) + special.ndtr(-abs(difference) / se - z))


def stratified_detectable(
    sds: Sequence[float] | Floats,
    n: Sequence[int],
    *,
    population: Sequence[int] | None = None,
    alpha: float = 0.05,
    wanted_power: float = 0.8,
) -> float:
    """The smallest true difference in the strata's plain mean that the subset finds with `wanted_power`: (z + z') · se.

    Source: as `stratified_power`, the far tail left out.
    """
    z = t_quantile(1 - alpha, math.inf) + float(special.ndtri(wanted_power))
    return z * stratified_se(sds, n, population=population)


def stratified_se(sds: Sequence[float] | Floats, n: Sequence[int], *, population: Sequence[int] | None = None) -> float:
    """The standard error of the strata's plain mean: √(Σ s² (1 - n/N) / n) / L. Source: Cochran 1977, eq. 5.7."""
    spread, size = np.asarray(sds, dtype=np.float64), np.asarray(n, dtype=np.float64)
    left = np.ones_like(size) if population is None else 1 - size / np.asarray(population, dtype=np.float64)
    if left.min() < 0:
        raise ValueError("a stratum's subset can't be larger than the stratum")
    return math.sqrt(float(np.sum(spread**2 * left / size))) / size.size


def _noncentral_t(df: int, shift: float, x: float) -> float:
    """P(T ≤ x). scipy gives NaN far out in the tails, where the normal value differs from the true one by nothing visible."""
    found = float(special.nctdtr(df, shift, x))
    return float(special.ndtr(x - shift)) if math.isnan(found) else found


def _z(design: PairedDesign) -> float:
    return float(special.ndtri(1 - design.alpha / design.sides))


def _sd(design: PairedDesign) -> float:
    if design.sd is None or not design.sd > 0:
        raise ValueError("the standard deviation of the differences must be above 0")
    return design.sd
