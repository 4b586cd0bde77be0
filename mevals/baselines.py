"""Answers that take no translator, as rows beside the models: what a metric gives for a copied source or for nothing.

They show a metric's floor per language: chrF of a copied source is far above 0 where languages share a script.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from mevals.errors import DataError, UsageError
from mevals.store import Store
from mevals.types import Response, Sample


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


def add_baselines(store: Store, task: str) -> list[str]:
    """Store both baselines beside the models of a task, made of any model's samples; returns their names.

    Raises UsageError where the store has no answers of the task, DataError where its samples have no source text.
    """
    from mevals.imports import Imported
    from mevals.records import read_responses
    from mevals.score import answered_cells

    cells = {a.cell.subset.name: a for a in answered_cells(store, tasks=[task]) if a.cell.model not in BASELINES}
    if not cells:
        raise UsageError(f"{store.folder} holds no answers of {task!r}: run or import a model first")
    with store.locked("metrics baselines"):
        for answered in cells.values():
            responses = read_responses(answered.path).rows
            kept = {k: answered.meta[k] for k in ("references", "scorers", "title") if k in answered.meta}
            for name, make in BASELINES.items():
                rows = make(responses)
                samples = [Sample(r.id, r.messages, r.targets, r.source, r.choices, r.tags) for r in rows]
                identity = {"baseline": name, "task": task, "answers": answered.meta["fingerprint"]}
                cell = replace(answered.cell, model=name)
                Imported(cell, samples, [r.text for r in rows], identity, kept).write(store)
    return list(BASELINES)
