"""The interval of one cell: picks the method that holds at the cell's size, and names it."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from mevals.stats.bootstrap import Aggregate, BootstrapKind, bootstrap_interval, corpus_estimate, corpus_interval
from mevals.stats.clusters import Labels, clustered_mean, clustered_proportion, codes
from mevals.stats.intervals import (
    FEW,
    Floats,
    Interval,
    bounded_interval,
    clopper_pearson,
    needed_for_skewness,
    proportion_interval,
    skewness,
    wilson,
)
from mevals.stats.resampling import Seed, cluster_sums

Kind = Literal["auto", "wilson", "clopper-pearson", "t", "percentile", "expanded", "bca", "studentised"]

MINIMUM: dict[str, int] = {"t": 2, "percentile": 50, "bca": 50, "expanded": 20, "studentised": 10}
"""Independent units (samples, or clusters) from which each kind covers 93-97 % for values of moderate skewness.

For t on skewed values see `needed_for_skewness`; for Wilson ten expected successes and failures. Measured in docs/statistics.md.
"""


def cell_interval(
    values: ArrayLike,
    kind: Kind = "auto",
    *,
    clusters: Labels | None = None,
    stats: ArrayLike | None = None,
    aggregate: Aggregate | None = None,
    scale: tuple[float, float] | None = None,
    level: float = 0.95,
    draws: int = 2000,
    seed: Seed = 0,
) -> Interval | None:
    """The interval of a cell's value from its samples' `values` (n,), NaN = unscored; None where the data can't tell.

    `clusters` (n,) labels samples that share a document, passage or prompt. With `stats` (n, k) and `aggregate` (sums
    (draws, k) to values (draws,)) the value is a corpus metric; otherwise it is the mean. `scale` is the lowest and
    highest possible value: it makes values at its two ends a proportion, and gives a width where all values are equal.

    "auto" takes Wilson's interval for proportions (the exact one where successes or failures are fewer than ten), the t
    interval for means (bootstrap-t where they are too skewed for their number; a conservative one from the scale where
    fewer than ten samples differ from the rest), the expanded percentile bootstrap for corpus metrics (jackknife t below
    20 units). A kind asked for by name is used, with a note below its `MINIMUM`.
    """
    labels = None if clusters is None else np.asarray(clusters)
    if stats is not None:
        if aggregate is None:
            raise ValueError("sufficient statistics need their aggregate")
        return _corpus(np.asarray(stats, dtype=np.float64), aggregate, kind, labels, level, draws, seed)
    y = np.asarray(values, dtype=np.float64).ravel()
    kept = ~np.isnan(y)
    y, labels = y[kept], None if labels is None else labels[kept]
    if not y.size:
        return None
    low, high = scale or (0.0, 1.0)
    if kind in ("wilson", "clopper-pearson") or (kind == "auto" and bool(np.isin(y, (low, high)).all())):
        return _proportion(y, kind, labels, (low, high), level)
    return _mean(y, kind, labels, scale, level, draws, seed)


def _proportion(
    y: Floats, kind: Kind, labels: Labels | None, scale: tuple[float, float], level: float
) -> Interval | None:
    low, high = scale
    if not np.isin(y, scale).all():
        raise ValueError(f"{kind} is for values that are all {low:g} or {high:g}; ask for 't' or 'auto'")
    hits = (y == high).astype(np.float64)
    found: Interval | None
    if labels is not None:
        found = clustered_proportion(hits, labels, level)
    else:
        makers = {"wilson": wilson, "clopper-pearson": clopper_pearson}
        found = makers.get(kind, proportion_interval)(int(hits.sum()), hits.size, level)
    if found is None or (low, high) == (0.0, 1.0):
        return found
    return replace(found, low=low + (high - low) * found.low, high=low + (high - low) * found.high)


def _mean(
    y: Floats,
    kind: Kind,
    labels: Labels | None,
    scale: tuple[float, float] | None,
    level: float,
    draws: int,
    seed: Seed,
) -> Interval | None:
    units, skew = _units(y, labels)
    if kind == "auto" and _nearly_constant(y, labels, units):
        return _from_scale(y, labels, units, scale, level)
    chosen: BootstrapKind | Literal["t"]
    if kind == "auto":
        chosen = "studentised" if MINIMUM["studentised"] <= units < needed_for_skewness(skew) and abs(skew) > 1 else "t"
    else:
        chosen = kind  # type: ignore[assignment]
    if chosen == "t":
        method = "t" if labels is None else "t, cluster-robust (CR2)"
        found = clustered_mean(y, labels).interval(level, method)
        note = "" if units >= needed_for_skewness(skew) or abs(skew) <= 1 else _too_few(units, "t at this skewness")
    else:
        found = bootstrap_interval(y, chosen, clusters=labels, level=level, draws=draws, seed=seed)
        note = "" if units >= MINIMUM[chosen] else _too_few(units, chosen)
    if found is None:
        return None if scale is None else _from_scale(y, labels, units, scale, level)
    return replace(found, note=note, n_clusters=None if labels is None else found.n_clusters)


def _nearly_constant(y: Floats, labels: Labels | None, units: int) -> bool:
    """Whether most units hold one and the same value and fewer than ten don't: s and skewness then say next to nothing."""
    kinds, counts = np.unique(y, return_counts=True)
    differs = y != kinds[np.argmax(counts)]
    others = int(differs.sum()) if labels is None else np.unique(np.asarray(labels)[differs]).size
    return others < FEW and others < units / 2


def _from_scale(
    y: Floats, labels: Labels | None, units: int, scale: tuple[float, float] | None, level: float
) -> Interval | None:
    """The interval of nearly constant values: from their scale; without one a t interval that warns, or none."""
    if scale is None:
        found = clustered_mean(y, labels).interval(level, "t" if labels is None else "t, cluster-robust (CR2)")
        note = "few values differ from the rest and the scale is unknown: may cover far less than its level"
    else:
        found = bounded_interval(y, scale, level, units) if units > 1 else None
        note = "few values differ from the rest: the width comes from the scale, and covers more than its level"
    n_clusters = None if labels is None else units
    return None if found is None else replace(found, note=note, n_clusters=n_clusters)


def _units(y: Floats, labels: Labels | None) -> tuple[int, float]:
    """How many independent units there are, and the skewness of what each adds to the mean."""
    if labels is None:
        return y.size, skewness(y)
    sums = cluster_sums((y - y.mean())[:, None], codes(labels))[:, 0]
    return sums.size, skewness(sums)


def _corpus(
    stats: Floats, aggregate: Aggregate, kind: Kind, labels: Labels | None, level: float, draws: int, seed: Seed
) -> Interval | None:
    if kind in ("wilson", "clopper-pearson", "studentised"):
        raise ValueError(
            f"no {kind} interval for a corpus metric; ask for 'expanded', 'percentile', 'bca', 't' or 'auto'"
        )
    scored = ~np.isnan(stats).any(axis=1)
    units = int(scored.sum()) if labels is None else np.unique(np.asarray(labels)[scored]).size
    if kind == "t" or (kind == "auto" and units < MINIMUM["expanded"]):
        return corpus_estimate(stats, aggregate, labels).interval(level, "t, jackknife")
    chosen: Literal["percentile", "expanded", "bca"] = "expanded" if kind == "auto" else kind  # type: ignore[assignment]
    found = corpus_interval(stats, aggregate, chosen, clusters=labels, level=level, draws=draws, seed=seed)
    if found is None or units >= MINIMUM[chosen]:
        return found
    return replace(found, note=_too_few(units, chosen))


def _too_few(units: int, kind: str) -> str:
    return f"{units} independent units are few for {kind}: may cover less than its level"
