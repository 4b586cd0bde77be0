"""Scores that credit no answer in a language that wasn't asked for, made from scores and fidelity verdicts in the store.

A metric can't tell: chrF gives 37 points to Spanish sentences where Portuguese was asked for (FLORES-200 devtest). So a
score is shown three times: as it is, fidelity, and penalised, where an off-target answer earns nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

VERSION = 1
"""Raised whenever a change can alter a penalised score."""
UNPENALISED = frozenset({"fidelity", "length"})
"""Metrics for which an answer in another language isn't the worst one."""


def verdicts_of(parts: Mapping[str, Any], n: int) -> Floats:
    """For each of `n` responses 1.0 (on target), 0.0 (off target) or NaN (nobody can say), from a fidelity score's parts.

    Off target is what is clearly in another language outside the confusable set (`lenient`) or in another script
    (`script_pass`): an identifier's doubts between Danish and Norwegian cost no points.
    """
    nobody = np.full(n, np.nan)  # a part that is null everywhere may not be stored
    lenient, script = (np.asarray(parts.get(name, nobody), np.float64) for name in ("lenient", "script_pass"))
    verdicts: Floats = np.where(np.isnan(lenient), np.nan, np.fmin(lenient, script))
    return verdicts


def penalised(values: Floats, verdicts: Floats, worst: float = 0.0, *, lower_is_better: bool = False) -> Floats:
    """The values with `worst` where the verdict is 0; unscored values (NaN) stay unscored, and worse ones as they are.

    A NaN verdict (a number, a line too short to tell) takes nothing away, so that a penalised score is over the same
    samples as the raw one and never better. With `worst` 0 this is value × verdict.
    """
    off = (verdicts == 0) & ~np.isnan(values)
    floor = np.maximum(values, worst) if lower_is_better else np.minimum(values, worst)
    return np.where(off, floor, values)


def penalised_statistics(metric: str, stats: Floats, verdicts: Floats) -> Floats | None:
    """Sufficient statistics (n, k) of which nothing matches where the verdict is 0; None for an unknown metric.

    The answer's and the reference's counts stay: that is a text of the same length that shares nothing with the
    reference. An empty text instead would *raise* corpus chrF where the answer had matched next to nothing, since it takes
    unmatched n-grams out of precision. TER becomes at least as many edits as the reference has words.
    """
    unmatched = _UNMATCHED.get(metric)
    if unmatched is None:
        return None
    return np.where((verdicts == 0)[:, None], unmatched(stats), stats)


def _unmatched_chrf(stats: Floats) -> Floats:
    """[hypothesis, reference, matched] n-grams per order."""
    kept = stats.copy()
    kept[:, 2::3] = 0
    return kept


def _unmatched_bleu(stats: Floats) -> Floats:
    """Hypothesis length, reference length, matched 1- to 4-grams, hypothesis 1- to 4-grams."""
    kept = stats.copy()
    kept[:, 2:6] = 0
    return kept


def _unmatched_ter(stats: Floats) -> Floats:
    """Edits, reference words."""
    return np.stack([stats.max(axis=1), stats[:, 1]], axis=1)


_UNMATCHED = {"chrf": _unmatched_chrf, "chrf++": _unmatched_chrf, "bleu": _unmatched_bleu, "ter": _unmatched_ter}
