"""What scorers of right-or-wrong answers have in common: means that leave unscored samples out, and reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mevals.types import Response, Score

if TYPE_CHECKING:
    import numpy as np


def mean_of_scored(values: np.ndarray) -> float | None:
    """Mean of the values that are not NaN; None where there are none."""
    import numpy as np

    scored = values[~np.isnan(values)]
    return float(scored.mean()) if len(scored) else None


def unscored(response: Response) -> Score | None:
    """An unscored score for a response that has no text to score, with the reason; None where there is text."""
    if response.text is not None:
        return None
    return Score(
        response.id,
        None,
        response.error or ("truncated before any answer" if response.finish == "length" else "no text"),
    )


def why_nothing(response: Response, why: str) -> str:
    """The reason why nothing was found in an answer, naming a cut-off answer as such."""
    return f"truncated; {why}" if response.finish == "length" else why
