"""From the name of a stored metric back to the scorer that made it."""

from __future__ import annotations

from mevals.errors import DataError
from mevals.scorers.mt import CorpusMetric, bleu, chrf, ter


def scorer_for(metric: str, signature: str) -> CorpusMetric:
    """The corpus metric with this name, whose formula turns stored statistics into a score."""
    if metric == "chrf":
        return chrf()
    if metric == "chrf++":
        return chrf(word_order=2)
    if metric == "bleu":
        return bleu(force=True)
    if metric == "ter":
        return ter()
    raise DataError(f"no corpus metric is called {metric!r} (signature {signature})")
