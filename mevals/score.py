"""Stage 2: score stored responses. Scores are filed under the scorer's signature and made again only when needed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mevals.errors import DataError, UsageError, did_you_mean
from mevals.records import read_meta, read_responses, write_scores
from mevals.store import Store
from mevals.types import Cell, Response, Scorer, Subset

HEAVY = 400
"""Rows below which a cell isn't worth a process of its own."""


@dataclass(frozen=True)
class Answered:
    """A complete cell in the store: its file and that file's metadata."""

    path: Path
    cell: Cell
    meta: Mapping[str, Any]


def answered_cells(
    store: Store, models: Sequence[str] = (), tasks: Sequence[str] = (), subsets: Sequence[str] = ()
) -> list[Answered]:
    """Every complete cell in the store, or those of the given models, tasks and subsets.

    Raises UsageError where a given model has nothing in the store.
    """
    paths = (p for folder in store.task_folders() for p in sorted((folder / "responses").glob("*.parquet")))
    found = [_answered(path) for path in paths if not _is_archive(path)]
    known = {a.cell.model for a in found}
    for model in models:
        if model not in known:
            raise UsageError(f"{store.folder} holds no answers of the model {model!r}{did_you_mean(model, known)}")
    return [
        a
        for a in found
        if (not models or a.cell.model in models)
        and (not tasks or a.cell.task in tasks)
        and (not subsets or a.cell.subset.name in subsets)
    ]


def _is_archive(path: Path) -> bool:
    """Whether a response file was set aside: `<subset>.<fingerprint8>.parquet`."""
    stem, _, mark = path.name.removesuffix(".parquet").rpartition(".")
    return bool(stem) and len(mark) == 8 and all(c in "0123456789abcdef" for c in mark)


def _answered(path: Path) -> Answered:
    meta = read_meta(path)
    subset = Subset(meta["subset"], meta["lang"], meta.get("source_lang"), "", meta.get("subset_extra") or {})
    return Answered(path, Cell(meta["model"], meta["task"], subset, meta.get("condition", "")), meta)


def subset_with(answered: Answered, reference: str) -> Subset:
    """The cell's subset, saying which of several references is scored against ("" = the first, "all" = every one)."""
    names = answered.meta.get("references") or []
    subset = answered.cell.subset
    if not names:
        return subset
    if reference == "all":
        return replace(subset, extra={**subset.extra, "ref": "+".join(names)})
    return replace(subset, extra={**subset.extra, "ref": reference if reference in names else names[0]})


def _with_reference(rows: list[Response], answered: Answered, subset: Subset) -> list[Response]:
    """The responses with only the references that `subset` names."""
    names = answered.meta.get("references") or []
    chosen = subset.extra.get("ref", "").split("+")
    if len(names) < 2 or chosen == names:
        return rows
    at = names.index(chosen[0])
    return [replace(row, targets=(row.targets[at],)) for row in rows]


def is_scored(store: Store, job: Job) -> bool:
    """Whether scores of this very response file under this signature are stored."""
    signature = job.scorer.signature(subset_with(job.answered, job.reference))
    path = store.path(job.answered.cell, "scores", signature)
    return path.exists() and read_meta(path)["responses"] == job.answered.meta["digest"]


def score_cell(store: Store, job: Job) -> Path:
    """Score one cell with one scorer and store the scores; returns their file."""
    answered, scorer = job.answered, job.scorer
    subset = subset_with(answered, job.reference)
    rows = _with_reference(read_responses(answered.path).rows, answered, subset)
    scores = scorer.score(rows, subset)
    if [s.id for s in scores] != [r.id for r in rows]:
        raise DataError(
            f"the scorer {scorer.metric} returned scores in another order than the responses; this is its bug"
        )
    signature = scorer.signature(subset)
    path = store.path(answered.cell, "scores", signature)
    write_scores(path, scores, scores_meta(answered, scorer, signature))
    return path


def scores_meta(answered: Answered, scorer: Scorer, signature: str) -> dict[str, Any]:
    """What a score file says about itself."""
    cell = answered.cell
    return {
        "model": cell.model,
        "task": cell.task,
        "condition": cell.condition,
        "subset": cell.subset.name,
        "lang": cell.subset.lang,
        "signature": signature,
        "metric": scorer.metric,
        "scale": list(scorer.scale),
        "better": scorer.better,
        "responses": answered.meta["digest"],
    }


@dataclass(frozen=True)
class Job:
    """One cell to score with one scorer, against one of its references where it has several."""

    answered: Answered
    scorer: Scorer
    reference: str = ""


def score_all(
    store: Store, jobs: Iterable[Job], *, workers: int = 0, show: Callable[[Job], None] = lambda job: None
) -> int:
    """Score what is not scored yet; returns how many score files were written.

    Uses `workers` processes (0: one per core) where the work is worth it.
    """
    todo = [j for j in jobs if not is_scored(store, j)]
    light = [j for j in todo if not _is_heavy(j)]
    heavy = [j for j in todo if _is_heavy(j)]
    for job in light:
        score_cell(store, job)
        show(job)
    for job in _in_processes(store, heavy, workers or default_workers()):
        show(job)
    return len(todo)


def default_workers() -> int:
    """One process per core for our own command; one in all elsewhere, for a script may not be safe to import again."""
    return (os.cpu_count() or 1) if Path(sys.argv[0]).name in ("mevals", "-c") else 1


def _is_heavy(job: Job) -> bool:
    return bool(job.answered.meta["counts"].get("rows", 0) >= HEAVY) and job.scorer.metric in (
        "chrf",
        "chrf++",
        "bleu",
        "ter",
        "fidelity",
    )


def _in_processes(store: Store, jobs: Sequence[Job], workers: int) -> Iterator[Job]:
    if workers < 2 or len(jobs) < 2:
        for job in jobs:
            score_cell(store, job)
            yield job
        return
    from mevals.scorers.mt import process_context

    with ProcessPoolExecutor(min(workers, len(jobs)), mp_context=process_context()) as pool:
        running: list[tuple[Job, Future[Path]]] = [(j, pool.submit(score_cell, store, j)) for j in jobs]
        for job, future in running:
            future.result()
            yield job
