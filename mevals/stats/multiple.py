"""Adjusted p values, so that testing sixty languages at once does not find three differences where there are none."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mevals.stats.intervals import Floats

PValues = Sequence[float | None] | Floats


def holm(p: PValues) -> Floats:
    """Holm's adjusted p values, in order: rejecting those ≤ α keeps the chance of any false find ≤ α.

    None and NaN mean "not tested": they stay NaN and do not count. Source: Holm 1979 (Scandinavian J. of Statistics
    6:65-70), section 3.
    """

    def adjust(ordered: Floats) -> Floats:
        m = ordered.size
        return np.maximum.accumulate(ordered * np.arange(m, 0, -1))

    return _adjusted(p, adjust)


def benjamini_hochberg(p: PValues) -> Floats:
    """Benjamini & Hochberg's adjusted p values, in order: those ≤ α hold an expected share ≤ α of false finds.

    Holds for independent or positively dependent tests. None and NaN mean "not tested": they stay NaN and do not count.
    Source: Benjamini & Hochberg 1995 (JRSS-B 57:289-300), section 3; Benjamini & Yekutieli 2001 for dependence.
    """

    def adjust(ordered: Floats) -> Floats:
        m = ordered.size
        return np.minimum.accumulate((ordered * m / np.arange(1, m + 1))[::-1])[::-1]

    return _adjusted(p, adjust)


def _adjusted(p: PValues, adjust: Callable[[Floats], Floats]) -> Floats:
    """`adjust` applied to the tested p values in ascending order, back in their places, at most 1."""
    array = np.asarray(p, dtype=np.float64)
    tested = ~np.isnan(array)
    values = array[tested]
    if values.size and (values.min() < 0 or values.max() > 1):
        raise ValueError("p values lie between 0 and 1")
    order = np.argsort(values, kind="stable")
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(1.0, adjust(values[order]))
    out = np.full(array.shape, np.nan)
    out[tested] = adjusted
    return out
