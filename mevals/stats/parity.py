"""How even a model is over languages, and how its score goes with how much of the web a language has."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from mevals.stats.clusters import Labels, clustered_mean
from mevals.stats.groups import fixed_languages
from mevals.stats.intervals import Estimate, Floats, Interval, mean_estimate

MINIMUM_SLOPE = 8
"""Languages from which the slope's interval covers 93-97 % (docs/statistics.md); below it is None."""

MINIMUM_BIN = 5
"""Languages in each bin from which Welch's interval is given."""


@dataclass(frozen=True, slots=True)
class Parity:
    """The evenness of one model on one task over its `n` languages; None where a measure is not defined.

    `sd` is the sample standard deviation (ddof 1), `spread` highest minus lowest, `worst` up to five (language, value)
    from the lowest up. `gap` is the mean of the other languages minus the reference's value. `share_above` is the share of
    languages at or above `floor`. Gini and Theil are 0 where all are equal, and need values ≥ 0 with a mean above 0.
    """

    n: int
    sd: float | None
    spread: float | None
    worst: tuple[tuple[str, float], ...]
    gap: float | None
    gini: float | None
    theil: float | None
    share_above: float | None
    floor: float | None
    reference: str


@dataclass(frozen=True, slots=True)
class Slope:
    """Points of score per tenfold web presence (`value`), over `n` languages; `p` is two-sided for "no slope"."""

    value: float
    interval: Interval | None
    p: float | None
    intercept: float
    n: int
    method: str


@dataclass(frozen=True, slots=True)
class Gap:
    """A difference of two means with its interval; `n` are the languages on each side; None where not defined."""

    value: float | None
    interval: Interval | None
    n: tuple[int, int]
    method: str


def measure_parity(
    values: Mapping[str, float | None],
    *,
    floor: float | None = None,
    reference: str = "eng_Latn",
    better: str = "higher",
) -> Parity:
    """All parity measures of one model on one task, from its value per language (None = missing, left out).

    With better="lower" the worst five are the highest values and the share counts languages at or below the floor.
    """
    present = {lang: float(v) for lang, v in values.items() if v is not None and not math.isnan(v)}
    array = np.array(list(present.values()))
    others = [v for lang, v in present.items() if lang != reference]
    sign = 1 if better == "higher" else -1
    ordered = sorted(present.items(), key=lambda pair: (sign * pair[1], pair[0]))
    gap = float(np.mean(others)) - present[reference] if others and reference in present else None
    above = None
    if floor is not None and array.size:
        above = float(np.mean(sign * array >= sign * floor))
    return Parity(
        n=array.size,
        sd=float(array.std(ddof=1)) if array.size > 1 else None,
        spread=float(np.ptp(array)) if array.size else None,
        worst=tuple(ordered[:5]),
        gap=gap,
        gini=gini(array),
        theil=theil(array),
        share_above=above,
        floor=floor,
        reference=reference,
    )


def gini(values: ArrayLike) -> float | None:
    """Gini's coefficient Σ|xi - xj| / (2 n² mean), 0 (equal) to (n-1)/n; None unless all are ≥ 0 with a mean above 0.

    Source: Gini 1912; Sen 1973 (On Economic Inequality), eq. 2.8.1. NaN is left out.
    """
    array = np.sort(np.asarray(values, dtype=np.float64))
    array = array[~np.isnan(array)]
    n = array.size
    if not n or array[0] < 0 or array.mean() <= 0:
        return None
    return float(np.sum((2 * np.arange(1, n + 1) - n - 1) * array) / (n * n * array.mean()))


def theil(values: ArrayLike) -> float | None:
    """Theil's T, mean of (x/μ)·ln(x/μ) with 0·ln 0 = 0; 0 (equal) to ln n; None unless all are ≥ 0 with a mean above 0.

    Source: Theil 1967 (Economics and Information Theory), chapter 4. NaN is left out.
    """
    array = np.asarray(values, dtype=np.float64)
    array = array[~np.isnan(array)]
    if not array.size or array.min() < 0 or array.mean() <= 0:
        return None
    share = array / array.mean()
    return float(special.xlogy(share, share).mean())


def sd_without_noise(values: Sequence[float | None] | Floats, ses: Sequence[float | None] | Floats) -> float | None:
    """The languages' standard deviation less what the sampling of items adds: √max(0, s² - mean se²).

    A plain SD grows as cells shrink, because noise looks like inequality. None for fewer than two languages with both.
    Source: the method of moments for a random-effects variance, Hedges 1983 (Psychological Bulletin 93:388-395), eq. 9.
    """
    value, se = np.asarray(values, dtype=np.float64), np.asarray(ses, dtype=np.float64)
    kept = ~(np.isnan(value) | np.isnan(se))
    if kept.sum() < 2:
        return None
    return math.sqrt(max(0.0, float(value[kept].var(ddof=1) - np.mean(se[kept] ** 2))))


def gap_to_reference(
    values: Mapping[str, float | None],
    ses: Mapping[str, float | None],
    reference: str = "eng_Latn",
    level: float = 0.95,
) -> Gap:
    """The mean of the other languages minus the reference's value, with the items' noise on both sides.

    The languages are fixed and their items independent; where items are translations of each other use
    `gap_on_shared_items`, which is as a rule narrower. Source: variance of a sum.
    """
    others = [lang for lang, v in values.items() if lang != reference and v is not None]
    base, base_se = values.get(reference), ses.get(reference)
    mean = fixed_languages([values[lang] for lang in others], [ses.get(lang) for lang in others], level=level)
    name = "independent cells, normal"
    if base is None or mean.value is None:
        return Gap(None, None, (mean.n, 0 if base is None else 1), name)
    se = math.nan if base_se is None else math.hypot(mean.se, base_se)
    estimate = Estimate(mean.value - base, se, math.inf, mean.n + 1)
    return Gap(estimate.value, estimate.interval(level, name), (mean.n, 1), name)


def gap_on_shared_items(
    values: Mapping[str, ArrayLike], items: Mapping[str, Labels], reference: str = "eng_Latn", level: float = 0.95
) -> Gap:
    """The mean of the other languages minus the reference's, where languages answer translations of the same items.

    `values` and `items` map each language to its samples' values and item labels (n,). What an item adds to all languages
    cancels. Source: a contrast of `clustered_mean`, with items as clusters over languages as strata.
    """
    names = [lang for lang, column in values.items() if not np.isnan(np.asarray(column, dtype=np.float64)).all()]
    others = [lang for lang in names if lang != reference]
    name = "items as clusters (CR2)"
    if reference not in names or not others:
        return Gap(None, None, (len(others), int(reference in names)), name)
    ordered = [reference, *others]
    y = np.concatenate([np.asarray(values[lang], dtype=np.float64).ravel() for lang in ordered])
    strata = np.repeat(np.arange(len(ordered)), [np.asarray(values[lang]).size for lang in ordered])
    clusters = np.concatenate([np.asarray(items[lang]) for lang in ordered])
    contrast = np.array([-1.0, *[1 / len(others)] * len(others)])
    estimate = clustered_mean(y, clusters, strata, contrast=contrast)
    return Gap(estimate.value, estimate.interval(level, name), (len(others), 1), name)


def slope(
    pages: Sequence[float | None] | Floats,
    values: Sequence[float | None] | Floats,
    weights: Sequence[float | None] | Floats | None = None,
    level: float = 0.95,
) -> Slope | None:
    """The least-squares slope of `values` on log10 of `pages`: points per tenfold web presence, with an HC3 interval.

    Languages with a missing number, or without pages, are left out. `weights` (such as 1/se²) make it weighted least
    squares. The interval is value ± t(n-2) · HC3 error, None below `MINIMUM_SLOPE` languages; the slope itself needs three
    languages with differing pages, else None. Source: MacKinnon & White 1985 (J. Econometrics 29:305-325), eq. 12, in the
    form of Long & Ervin 2000 (The American Statistician 54:217-224), eq. 8.
    """
    count, y = np.asarray(pages, dtype=np.float64), np.asarray(values, dtype=np.float64)
    w = np.ones_like(y) if weights is None else np.asarray(weights, dtype=np.float64)
    kept = (count > 0) & ~np.isnan(y) & (w > 0)
    x, y, root = np.log10(count[kept]), y[kept], np.sqrt(w[kept])
    n = y.size
    name = "OLS, HC3" if weights is None else "WLS, HC3"
    if n < 3 or np.ptp(x) == 0:
        return None
    design = np.stack([root, root * x], axis=1)
    inverse = np.linalg.inv(design.T @ design)
    intercept, value = inverse @ design.T @ (root * y)
    leverage = np.einsum("ij,jk,ik->i", design, inverse, design)
    residual = root * (y - intercept - value * x)
    if leverage.max() > 1 - 1e-9:
        return Slope(float(value), None, None, float(intercept), n, name)
    meat = design * (residual / (1 - leverage))[:, None]
    se = math.sqrt((inverse @ meat.T @ meat @ inverse)[1, 1])
    estimate = Estimate(float(value), se, n - 2, n)
    enough = n >= MINIMUM_SLOPE and se > 0
    p = float(2 * special.stdtr(n - 2, -abs(value) / se)) if enough else None
    interval = estimate.interval(level, name) if enough else None
    return Slope(float(value), interval, p, float(intercept), n, name)


def low_minus_high(low: ArrayLike, high: ArrayLike, level: float = 0.95) -> Gap:
    """The mean of the languages with least web presence minus that of those with most, with Welch's interval.

    Languages are taken as a sample of their bin, so their spread is the noise. The interval is None below `MINIMUM_BIN`
    languages in either bin. Source: Welch 1947 (Biometrika 34:28-35); Satterthwaite 1946 for the degrees of freedom.
    """
    first, second = mean_estimate(low), mean_estimate(high)
    sizes, name = (first.n, second.n), "Welch"
    if not min(sizes):
        return Gap(None, None, sizes, name)
    difference = first.value - second.value
    if min(sizes) < MINIMUM_BIN or not first.se + second.se > 0:
        return Gap(difference, None, sizes, name)
    u, v = first.se**2, second.se**2
    df = (u + v) ** 2 / (u * u / first.df + v * v / second.df)
    return Gap(difference, Estimate(difference, math.sqrt(u + v), df, sum(sizes)).interval(level, name), sizes, name)
