"""Scores that credit no answer in a language that wasn't asked for, made from scores and fidelity verdicts in the store.

A metric can't tell: chrF gives 37 points to Spanish sentences where Portuguese was asked for (FLORES-200 devtest). So a
score is shown three times: as it is, fidelity, and penalised, where an off-target answer counts as if nothing was said.
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


def penalised(values: Floats, verdicts: Floats, worst: float = 0.0) -> Floats:
    """The values with `worst` where the verdict is 0; unscored values (NaN) stay unscored.

    A NaN verdict (a number, a line too short to tell) takes nothing away, so that a penalised score is over the same
    samples as the raw one and never better. With `worst` 0 this is value × verdict.
    """
    off = (verdicts == 0) & ~np.isnan(values)
    return np.where(off, worst, values)


def penalised_statistics(metric: str, stats: Floats, verdicts: Floats) -> Floats | None:
    """Sufficient statistics (n, k) with those of an empty text where the verdict is 0; None for an unknown metric.

    With one reference these are exactly the statistics of an empty text; of several references the one stays that was
    nearest to the answer.
    """
    empty = _EMPTY.get(metric)
    if empty is None:
        return None
    return np.where((verdicts == 0)[:, None], empty(stats), stats)


def _empty_chrf(stats: Floats) -> Floats:
    """[hypothesis, reference, matched] n-grams per order: the reference's stay."""
    kept = np.zeros_like(stats)
    kept[:, 1::3] = stats[:, 1::3]
    return kept


def _empty_bleu(stats: Floats) -> Floats:
    """Hypothesis length, reference length, matches, n-grams: the reference's length stays."""
    kept = np.zeros_like(stats)
    kept[:, 1] = stats[:, 1]
    return kept


def _empty_ter(stats: Floats) -> Floats:
    """Edits, reference words: every word of the reference has to be put in."""
    return stats[:, [1, 1]]


_EMPTY = {"chrf": _empty_chrf, "chrf++": _empty_chrf, "bleu": _empty_bleu, "ter": _empty_ter}
