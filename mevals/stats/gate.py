"""The test behind a gate: did a model get worse on a family of languages? Many small cells together see what none sees alone.

Eight languages of 1,000 items each miss a loss of 3 points one by one; pooled, paired item by item, they do not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from mevals.stats.clusters import Labels, clustered_mean, codes
from mevals.stats.intervals import Estimate, Floats, Interval
from mevals.stats.multiple import benjamini_hochberg
from mevals.stats.paired import FEW_DIFFERENCES, sign_flip_p
from mevals.stats.resampling import Seed, cluster_sums

Outcome = Literal["regression", "improvement", "no regression", "can't tell"]


@dataclass(frozen=True, slots=True)
class FamilyTest:
    """How far a candidate is from the baseline on a family of languages: `difference` = plain mean of the languages' means.

    Positive is better whatever the metric. Of the one-sided p values `p_worse` speaks against "not worse by more than the
    tolerance", `p_better` against "not better", `p_safe` against "worse by the tolerance or more"; None where nothing could
    be tested. `n` counts paired items over all languages, `n_discordant` those that differ, `unpaired` the items that only
    one model has. `se` and `df` belong to the difference.
    """

    difference: float
    interval: Interval | None
    p_worse: float | None
    p_better: float | None
    p_safe: float | None
    tolerance: float
    se: float
    df: float
    n: int
    n_languages: int
    n_discordant: int
    unpaired: int
    method: str

    def detectable(self, alpha: float = 0.05, wanted_power: float = 0.8) -> float | None:
        """The smallest true loss that this comparison finds at one-sided `alpha` with `wanted_power`: tolerance + (z + z')·se.

        None where the error is unknown. Source: Cohen 1988, section 2.5, normal form.
        """
        if not self.se > 0:
            return None
        return self.tolerance + float(special.ndtri(1 - alpha) + special.ndtri(wanted_power)) * self.se


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a gate says of one family: `outcome`, the adjusted p values behind it, and what it could have found.

    *regression*: worse beyond the tolerance. *improvement*: better. *no regression*: a loss beyond the tolerance is ruled
    out. *can't tell*: none of these; `detectable` is the loss that would have been found in 80 % of cases, corrected for
    the number of families.
    """

    outcome: Outcome
    p_worse: float | None
    p_better: float | None
    detectable: float | None
    test: FamilyTest


def paired_family_test(
    baseline: Mapping[str, ArrayLike],
    candidate: Mapping[str, ArrayLike],
    *,
    clusters: Mapping[str, Labels] | None = None,
    tolerance: float = 0.0,
    better: Literal["higher", "lower"] = "higher",
    width: float = 1.0,
    level: float = 0.95,
    seed: Seed = 0,
) -> FamilyTest:
    """The pooled paired test over the languages that both models have, each language counting once.

    `baseline` and `candidate` map a language to values (n,) of the same items in the same order, NaN = unscored. `clusters`
    labels those items: with the items' own ids where languages are translations of each other, since a model that fails an
    item in one language often fails it in all; or with document ids. Without labels all rows count as independent.
    For a corpus metric pass `pseudo_values`.

    t with a CR2 cluster-robust error over languages as strata; the exact sign-flip test where fewer than 25 units differ and
    the tolerance is 0. `tolerance` ≥ 0 is in units of the metric, and so is `width`, the largest difference that one item
    can show: where nothing differs, a loss of the tolerance stays unseen with a chance of at most (1 - tolerance/width)^n.
    Source: `clustered_mean`, `sign_flip`.
    """
    if tolerance < 0:
        raise ValueError("a tolerance is the loss that is accepted, 0 or more")
    languages = [lang for lang in baseline if lang in candidate]
    y, strata, labels, unpaired = _stack(baseline, candidate, languages, clusters, 1 if better == "higher" else -1)
    estimate = clustered_mean(y, labels, strata)
    n_languages = int(np.unique(strata).size)
    worse, better_p, safe, method = _tests(estimate, y, strata, labels, tolerance, width, seed)
    return FamilyTest(
        difference=estimate.value,
        interval=estimate.interval(level, method),
        p_worse=worse,
        p_better=better_p,
        p_safe=safe,
        tolerance=tolerance,
        se=estimate.se,
        df=estimate.df,
        n=estimate.n,
        n_languages=n_languages,
        n_discordant=int(np.count_nonzero(y)),
        unpaired=unpaired,
        method=method,
    )


def judge_families(tests: Mapping[str, FamilyTest], alpha: float = 0.05) -> dict[str, Verdict]:
    """The verdict on each family, false finds held to `alpha` over all of them by Benjamini & Hochberg.

    Worse, better and "no regression" are three questions, each one-sided and adjusted over the families. A gate fails if
    any outcome is "regression"; where no family changed that happens in at most `alpha` of runs.
    Source: Benjamini & Hochberg 1995; for "no regression" the non-inferiority test, Schuirmann 1987 (J. Pharmacokinetics and
    Biopharmaceutics 15:657-680), one side.
    """
    names = list(tests)
    worse = benjamini_hochberg([tests[name].p_worse for name in names])
    better = benjamini_hochberg([tests[name].p_better for name in names])
    safe = benjamini_hochberg([tests[name].p_safe for name in names])
    out = {}
    for i, name in enumerate(names):
        outcome: Outcome = "can't tell"
        if worse[i] <= alpha:
            outcome = "regression"
        elif better[i] <= alpha:
            outcome = "improvement"
        elif safe[i] <= alpha:
            outcome = "no regression"
        detectable = tests[name].detectable(alpha / len(names))
        out[name] = Verdict(outcome, _maybe(worse[i]), _maybe(better[i]), detectable, tests[name])
    return out


def _stack(
    baseline: Mapping[str, ArrayLike],
    candidate: Mapping[str, ArrayLike],
    languages: list[str],
    clusters: Mapping[str, Labels] | None,
    sign: int,
) -> tuple[Floats, NDArray[np.intp], Labels | None, int]:
    """All languages' differences in one column, with their languages and clusters; and how many items lack a partner."""
    columns: list[Floats] = []
    strata: list[NDArray[np.intp]] = []
    labels: list[NDArray[Any]] = []
    unpaired = 0
    for i, lang in enumerate(languages):
        first, second = (np.asarray(side[lang], dtype=np.float64).ravel() for side in (baseline, candidate))
        if first.size != second.size:
            raise ValueError(f"{lang}: paired values must be of the same items: {first.size} and {second.size}")
        gaps = sign * (second - first)
        kept = ~np.isnan(gaps)
        unpaired += int((np.isnan(first) ^ np.isnan(second)).sum())
        columns.append(gaps[kept])
        strata.append(np.full(int(kept.sum()), i))
        if clusters is not None:
            labels.append(np.asarray(clusters[lang])[kept])
    if not columns:
        return np.empty(0), np.empty(0, np.intp), None, 0
    joined = np.concatenate(labels) if clusters is not None else None
    return np.concatenate(columns), np.concatenate(strata), joined, unpaired


def _tests(
    estimate: Estimate,
    y: Floats,
    strata: NDArray[np.intp],
    labels: Labels | None,
    tolerance: float,
    width: float,
    seed: Seed,
) -> tuple[float | None, float | None, float | None, str]:
    """p for worse beyond the tolerance, for better, for "not worse beyond the tolerance", and the method's name."""
    if not y.size:
        return None, None, None, "no paired items"
    if not y.any():
        n_units = y.size if labels is None else int(np.unique(np.asarray(labels)).size)
        return 1.0, 1.0, (1 - min(1.0, tolerance / width)) ** n_units, "nothing differs"
    method = "pooled paired t, cluster-robust (CR2)" if labels is not None else "pooled paired t"
    worse = _lower_tail(estimate, -tolerance)
    up = _lower_tail(estimate, 0.0)
    safe = None if worse is None else 1 - worse
    better = None if up is None else 1 - up
    if tolerance == 0:
        weights = 1 / np.bincount(strata)[strata]
        units = cluster_sums((y * weights)[:, None], None if labels is None else codes(labels))[:, 0]
        units = units[np.abs(units) > 1e-12 * np.abs(units).max()]
        if units.size < FEW_DIFFERENCES:
            worse, better = sign_flip_p(-units, sides=1, seed=seed), sign_flip_p(units, sides=1, seed=seed)
            return worse, better, better, "pooled sign flip"
    return worse, better, safe, method


def _lower_tail(estimate: Estimate, bound: float) -> float | None:
    """P(T ≤ (value - bound)/se): small where the value lies below the bound beyond noise."""
    if not estimate.se > 0:
        return None
    t = (estimate.value - bound) / estimate.se
    return float(special.ndtr(t) if math.isinf(estimate.df) else special.stdtr(estimate.df, t))


def _maybe(p: float) -> float | None:
    return None if math.isnan(p) else float(p)
