"""Answers that take no translator, as rows beside the models: what a metric gives for a copied source or for nothing.

They show a metric's floor per language: chrF of a copied source is far above 0 where languages share a script.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from mevals.errors import DataError
from mevals.types import Response


def copy_source(responses: Sequence[Response]) -> list[Response]:
    """The same samples, answered with their own source text. DataError where a sample has none."""
    missing = next((r.id for r in responses if r.source is None), None)
    if missing is not None:
        raise DataError(f"sample {missing!r} has no source text to copy; this baseline is for translation tasks only")
    return [_answered(r, r.source or "") for r in responses]


def empty_output(responses: Sequence[Response]) -> list[Response]:
    """The same samples, answered with the empty text."""
    return [_answered(r, "") for r in responses]


BASELINES: Mapping[str, Callable[[Sequence[Response]], list[Response]]] = MappingProxyType(
    {"baseline:copy-source": copy_source, "baseline:empty-output": empty_output}
)
"""Row names and what makes the rows, from any model's responses of the same cell."""


def _answered(response: Response, text: str) -> Response:
    """The sample with another answer, and nothing left of how the first one came about."""
    return replace(
        response,
        text=text,
        finish="imported",
        reasoning=None,
        error=None,
        specials=0,
        prompt_tokens=None,
        output_tokens=None,
        latency_s=None,
        choice_logprobs=None,
        choice_tokens=None,
    )
