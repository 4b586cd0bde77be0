"""Standard errors for samples that hang together: items of one passage, rows of one prompt, one item in many languages.

Treating such rows as independent makes intervals too narrow; everything here takes the cluster as the unit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from mevals.stats.intervals import Estimate, Floats, Interval, effective_bounds

Labels = Sequence[Any] | NDArray[Any]
Correction = Literal["CR0", "CR1", "CR2"]

FEW_CLUSTERS = 12
"""Clusters below which the interval of a clustered proportion is only rough (docs/statistics.md)."""


def clustered_mean(
    values: ArrayLike,
    clusters: Labels | None = None,
    strata: Labels | None = None,
    *,
    correction: Correction = "CR2",
    contrast: Sequence[float] | Floats | None = None,
) -> Estimate:
    """The mean of `values` (n,), or the plain mean of the strata's means, with a cluster-robust standard error.

    `clusters` (n,) labels what shares fate, None if rows are independent; one cluster may reach over several strata
    (the same item asked in many languages). `strata` (n,) labels the groups that count alike, such as languages. Rows
    with a NaN value are left out. Without clusters and strata this is exactly s/√n with n-1 degrees of freedom.
    `contrast` weighs the strata's means, in sorted order of their labels, in place of 1/L each: (-1, ½, ½) is the mean of
    the last two less the first.

    The strata's means are least-squares coefficients on dummies, so with S the residual sum and m the rows of a cluster in
    a stratum of n rows, CR2 scales S by (1 - m/n)^-½ in closed form. Source: Bell & McCaffrey 2002 (Survey Methodology
    28:169-181), eq. 7 for CR2 and section 4 for the degrees of freedom; Liang & Zeger 1986 (Biometrika 73:13-22) for CR0;
    CR1 multiplies CR0 by G/(G-1) · (n-1)/(n-L) as Stata and statsmodels do, with G-1 degrees of freedom.
    `se` is NaN where a stratum holds fewer than two clusters.
    """
    y, c, s = _coded(values, clusters, strata)
    n, n_strata, n_clusters = y.size, int(s.max(initial=-1)) + 1, int(c.max(initial=-1)) + 1
    if not n:
        return Estimate(math.nan, math.nan, math.nan, 0, 0)
    size = np.bincount(s).astype(np.float64)
    means = np.bincount(s, y) / size
    share = np.full(n_strata, 1 / n_strata) if contrast is None else np.asarray(contrast, dtype=np.float64)
    value = float(share @ means)
    pairs, pair = np.unique(c.astype(np.int64) * n_strata + s, return_inverse=True)
    pair_cluster, pair_stratum = pairs // n_strata, pairs % n_strata
    rows = np.bincount(pair).astype(np.float64)
    if np.bincount(pair_stratum, minlength=n_strata).min() < 2:
        return Estimate(value, math.nan, math.nan, n, n_clusters)
    residual = np.bincount(pair, y - means[s])
    weight = (share / size)[pair_stratum]
    if correction == "CR2":
        weight = weight / np.sqrt(1 - rows / size[pair_stratum])
    score = np.bincount(pair_cluster, weight * residual)
    variance = float(score @ score)
    if np.ptp(y) == 0:
        variance = 0.0
    if correction != "CR2":
        if correction == "CR1":
            variance *= n_clusters / (n_clusters - 1) * (n - 1) / (n - n_strata)
        return Estimate(value, math.sqrt(variance), n_clusters - 1, n, n_clusters)
    df = _bell_mccaffrey_df(weight, rows, size, pair_cluster, pair_stratum)
    return Estimate(value, math.sqrt(variance), df, n, n_clusters)


def _coded(
    values: ArrayLike, clusters: Labels | None, strata: Labels | None
) -> tuple[Floats, NDArray[np.intp], NDArray[np.intp]]:
    """Values without NaN, and their clusters and strata as integers from 0."""
    y = np.asarray(values, dtype=np.float64).ravel()
    kept = ~np.isnan(y)
    c = np.arange(kept.sum()) if clusters is None else codes(np.asarray(clusters)[kept])
    s = np.zeros(int(kept.sum()), np.intp) if strata is None else codes(np.asarray(strata)[kept])
    return y[kept], c, s


def codes(labels: Labels) -> NDArray[np.intp]:
    """The labels as integers from 0, equal labels alike."""
    return np.unique(np.asarray(labels), return_inverse=True)[1].ravel()


def _bell_mccaffrey_df(
    weight: Floats, rows: Floats, size: Floats, cluster: NDArray[np.int64], stratum: NDArray[np.int64]
) -> float:
    """(tr A)² / tr A² of the matrix whose quadratic form is the CR2 variance under equal, independent errors.

    A = diag(d) - V V' over clusters, from Bell & McCaffrey 2002, section 4, with the closed form of the dummies' residuals.
    """
    d = np.bincount(cluster, weight**2 * rows)
    v = sparse.csr_matrix((weight * rows / np.sqrt(size[stratum]), (cluster, stratum)))
    own = np.asarray(v.multiply(v).sum(axis=1)).ravel()
    gram = (v.T @ v).toarray()
    trace = d.sum() - own.sum()
    return float(trace**2 / (d @ d - 2 * (d @ own) + (gram**2).sum()))


def clustered_proportion(values: ArrayLike, clusters: Labels, level: float = 0.95) -> Interval | None:
    """An interval for the share of 1 among 0/1 `values`, for the number of independent samples that they are worth.

    n is divided by the design effect (Kish 1965, Survey Sampling, section 8.1); the rest is `effective_bounds` with the
    Bell-McCaffrey degrees of freedom. Where all values are equal each cluster counts once. None for fewer than two clusters.
    Where ten successes and failures are left it covers 93-97 % from 12 clusters on.
    """
    estimate = clustered_mean(values, clusters)
    groups = estimate.n_clusters or 0
    if groups < 2:
        return None
    p = min(1.0, max(0.0, estimate.value))
    effective, df = float(groups), float(groups - 1)
    if estimate.se > 0:
        effective, df = p * (1 - p) / estimate.se**2, estimate.df
    low, high, name = effective_bounds(p, effective, df, level)
    note = "few successes or failures: covers at least its level, as a rule more" if name != "wilson" else ""
    note = f"fewer than {FEW_CLUSTERS} clusters: rough" if groups < FEW_CLUSTERS else note
    return Interval(low, high, level, f"{name}, design effect", estimate.n, groups, note)
