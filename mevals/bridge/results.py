"""`mevals import lm-eval DIR`: what lm-eval wrote (results_*.json and samples_*.jsonl) as cells of our store.

The values are lm-eval's own, per document; they are taken only where their counts and means are those of its results file.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mevals.bridge.language import told_language
from mevals.bridge.requests import split_options
from mevals.bridge.tasks import PREFIX
from mevals.errors import DataError, UsageError
from mevals.imports import Imported, write_manifest
from mevals.records import read_meta
from mevals.store import Store
from mevals.types import Cell, Sample, Subset, user

MEANS = frozenset({"acc", "acc_norm", "acc_bytes", "acc_mutual_info", "exact_match", "em"})
"""Metrics whose aggregation is a mean where the configuration names none."""
CLOSE = 1e-6
"""How far a mean over the samples file may be from the results file's number: both are sums of doubles."""


@dataclass(frozen=True)
class Run:
    """One results file of lm-eval with what it says."""

    path: Path
    said: Mapping[str, Any]

    @property
    def tasks(self) -> list[str]:
        """Its leaf tasks: those that have a configuration and results."""
        return [name for name in self.said.get("configs", {}) if name in self.said["results"]]

    @property
    def model(self) -> str:
        """The model's name; "" where the file doesn't say."""
        return str(self.said.get("model_name") or "")

    def samples_path(self, task: str) -> Path:
        """Where lm-eval puts a task's samples beside this file."""
        return self.path.with_name(f"samples_{task}_{self.path.stem.removeprefix('results_')}.jsonl")

    def top(self, task: str) -> str:
        """The outermost group that a task was asked in, or the task itself."""
        parents = {
            child: group for group, children in self.said.get("group_subtasks", {}).items() for child in children
        }
        seen: set[str] = set()
        while task in parents and task not in seen:
            seen.add(task)
            task = parents[task]
        return task


def import_results(folder: Path, model: str, langs: Sequence[str], results: Path) -> None:
    """Store every task of every results file in `folder` (or of one file) as a cell with lm-eval's values.

    `model` replaces the name that the results give; `langs` are `task=language`. Raises DataError where files are missing
    or disagree, and UsageError where a language can't be told; nothing is written then.
    """
    from mevals.commands import score_stored

    given = dict(_given(langs))
    store = Store(results)
    cells = [c for run in find_runs(folder) for c in read_run(run, model, given)]
    _check_doubles([c.cell for c in cells])
    with store.locked("import lm-eval"):
        for cell in cells:
            _check_free(store, cell.cell)
        for cell in cells:
            cell.write(store)
            write_manifest(store, cell.cell, cell.meta["title"], "results imported from lm-eval", cell.identity)
    tasks = list(dict.fromkeys(c.cell.task for c in cells))
    models = list(dict.fromkeys(c.cell.model for c in cells))
    score_stored(results, models, tasks, {}, "import lm-eval")
    documents = sum(len(c.samples) for c in cells)
    print(
        f"{documents:,} documents in {len(cells)} cells of {', '.join(models)} imported from lm-eval", file=sys.stderr
    )


def _given(langs: Sequence[str]) -> Iterator[tuple[str, str]]:
    for text in langs:
        task, sign, lang = text.partition("=")
        if not sign or not task or not lang:
            raise UsageError(f"--lang {text!r} must be task=language, such as gsm8k=eng_Latn")
        yield task, lang


def find_runs(place: Path) -> list[Run]:
    """Every results file at or below `place`, by name. Raises DataError where there is none or one is broken."""
    paths = [place] if place.is_file() else sorted(place.rglob("results_*.json"))
    if not paths:
        raise DataError(f"{place} holds no results_*.json; name the folder that lm-eval's --output_path wrote")
    runs = [Run(path, _read_json(path)) for path in paths]
    for run in runs:
        if not isinstance(run.said.get("results"), dict) or not run.tasks:
            raise DataError(f"{run.path} is no results file of lm-eval: it needs results and configs")
    return runs


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} can't be read: {error}") from None
    if not isinstance(found, dict):
        raise DataError(f"{path} is no results file of lm-eval")
    return found


def read_run(run: Run, model: str, given: Mapping[str, str]) -> Iterator[Imported]:
    """The cells of one results file, checked against it."""
    name = model or run.model
    if not name:
        raise UsageError(f"{run.path} doesn't say which model it is about: name it with --model")
    for task in run.tasks:
        yield _read_task(run, task, name, given.get(task) or given.get(run.top(task), ""))


def _read_task(run: Run, task: str, model: str, lang: str) -> Imported:
    config = run.said["configs"][task]
    told = told_language(task, config, lang, frozenset(run.tasks))
    path = run.samples_path(task)
    if not path.exists():
        raise DataError(f"{path} is missing: lm-eval writes it with --log_samples; without it no value can be checked")
    rows = _by_filter(path)
    _check_counts(run, task, rows, path)
    values = dict(_values(run, task, config, rows, path))
    if not values:
        raise DataError(f"{run.path}: {task} has no metric that is a mean over documents from 0 to 1")
    documents = next(iter(rows.values()))
    asked = [_sample(row, {m: v[i] for m, v in values.items()}) for i, row in enumerate(documents)]
    total = (run.said.get("n-samples", {}).get(task) or {}).get("original")
    better = run.said.get("higher_is_better", {}).get(task) or {}
    top = run.top(task)
    identity = {
        "imported": hashlib.sha256(path.read_bytes()).hexdigest(),
        "task": PREFIX + top,
        "version": str(run.said.get("versions", {}).get(task, "")),
        "shots": run.said.get("n-shot", {}).get(task),
        "lm_eval": str(run.said.get("lm_eval_version", "")),
        "recorded": [[m, "lower" if better.get(m.partition(":")[0]) is False else "higher"] for m in values],
    }
    meta = {"title": f"{top} (lm-eval)", "documents": total}
    subset = Subset(task, told.lang, told.source, extra={"language_from": told.by})
    cell = Cell(model, PREFIX + top, subset)
    sums = [s for _, _, s in asked]
    return Imported(cell, [s for s, _, _ in asked], [t for _, t, _ in asked], identity, meta, sums if any(sums) else ())


def _by_filter(path: Path) -> dict[str, list[dict[str, Any]]]:
    """The samples file's rows by filter, in the order of their documents. Raises DataError for a doubled document."""
    found: dict[str, dict[int, dict[str, Any]]] = {}
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                row = json.loads(line)
                filtered, document = str(row.get("filter", "none")), int(row["doc_id"])
            except (ValueError, KeyError, TypeError, AttributeError):
                raise DataError(f"{path}, line {number}, is no sample of lm-eval") from None
            mine = found.setdefault(filtered, {})
            if document in mine:
                raise DataError(f"{path}, line {number}: document {document} stands twice under the filter {filtered}")
            mine[document] = row
    if not found:
        raise DataError(f"{path} is empty")
    return {name: [mine[d] for d in sorted(mine)] for name, mine in found.items()}


def _check_counts(run: Run, task: str, rows: Mapping[str, Sequence[Mapping[str, Any]]], path: Path) -> None:
    expected = (run.said.get("n-samples", {}).get(task) or {}).get("effective")
    ids = {name: [r["doc_id"] for r in mine] for name, mine in rows.items()}
    first = next(iter(ids.values()))
    for name, mine in ids.items():
        if expected is not None and len(mine) != expected:
            raise DataError(f"{path} has {len(mine):,} documents under {name}, but {run.path.name} says {expected:,}")
        if mine != first:
            raise DataError(f"{path}: the filters {next(iter(ids))} and {name} have different documents")


def _values(
    run: Run, task: str, config: Mapping[str, Any], rows: Mapping[str, Sequence[Mapping[str, Any]]], path: Path
) -> Iterator[tuple[str, list[float | None]]]:
    """Per metric (`acc`, `exact_match:flexible-extract`) its value of each document, as its mean is in the results."""
    means = _mean_metrics(config)
    for key, reported in run.said["results"][task].items():
        name, _, filtered = key.partition(",")
        if name.endswith("_stderr") or filtered not in rows or isinstance(reported, str | None):
            continue
        if name not in means:
            print(f"{task}: {name} is no mean over documents and is left out", file=sys.stderr)
            continue
        values = [_value(row, name, path) for row in rows[filtered]]
        scored = [v for v in values if v is not None]
        mean = math.fsum(scored) / len(scored) if scored else math.nan
        if not abs(mean - reported) <= CLOSE:
            raise DataError(f"{path}: the mean of {key} is {mean:.6f}, but {run.path.name} says {reported:.6f}")
        yield (name if filtered == "none" else f"{name}:{filtered}"), values


def _mean_metrics(config: Mapping[str, Any]) -> set[str]:
    given = config.get("metric_list")
    if not given:
        return set(MEANS)
    return {
        str(m["metric"])
        for m in given
        if m.get("aggregation") == "mean" or ("aggregation" not in m and m["metric"] in MEANS)
    }


def _value(row: Mapping[str, Any], metric: str, path: Path) -> float | None:
    value = row.get(metric)
    if isinstance(value, bool | int | float):
        if math.isnan(value):
            return None
        if 0.0 <= value <= 1.0:
            return float(value)
    raise DataError(f"{path}: {metric} of document {row['doc_id']} is {value!r}; only values from 0 to 1 can be taken")


def _sample(
    row: Mapping[str, Any], values: Mapping[str, float | None]
) -> tuple[Sample, str | None, tuple[float, ...] | None]:
    """(sample, text, log-probabilities) of one row; the values go along as tags."""
    tags = {f"value:{m}": repr(v) for m, v in values.items() if v is not None}
    pairs = _arguments(row.get("arguments"))
    target = (str(row["target"]),) if row.get("target") is not None else ()
    sums = _sums(row.get("resps"))
    prompt = pairs[0][0] if pairs else ""
    if sums is not None and len(sums) == len(pairs) and len({p for p, _ in pairs}) == 1:
        prompt, choices, delimiter = split_options(prompt, [c for _, c in pairs])
        best = choices[max(range(len(sums)), key=lambda i: (sums[i], -i))]
        sample = Sample(str(row["doc_id"]), (user(prompt),), target, choices=choices, tags=tags | delimiter)
        return sample, best, sums
    text = row["resps"][0][0] if sums is None and row.get("resps") else None
    return Sample(str(row["doc_id"]), (user(prompt),), target, tags=tags), text if isinstance(text, str) else None, None


def _arguments(found: Any) -> list[tuple[str, str]]:
    """(context, continuation or "") of each request, from either of lm-eval's layouts."""
    if isinstance(found, Mapping):
        return [(str(a.get("arg_0", "")), _text(a.get("arg_1"))) for a in found.values()]
    return [(str(a[0]), _text(a[1]) if len(a) > 1 else "") for a in found or ()]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _sums(resps: Any) -> tuple[float, ...] | None:
    """The log-probability of each option; None where the answers are text."""
    try:
        return (
            tuple(float(r[0][0]) if isinstance(r[0], list) else math.nan for r in resps) if _are_pairs(resps) else None
        )
    except (TypeError, ValueError, IndexError):
        return None


def _are_pairs(resps: Any) -> bool:
    return bool(resps) and all(isinstance(r, list) and r and isinstance(r[0], list) and len(r[0]) == 2 for r in resps)


def _check_doubles(cells: Sequence[Cell]) -> None:
    seen: set[tuple[str, str]] = set()
    for cell in cells:
        key = (cell.model, cell.subset.name)
        if key in seen:
            raise DataError(
                f"there are several results of {cell.subset.name} by {cell.model}: name one results_*.json instead of the folder"
            )
        seen.add(key)


def _check_free(store: Store, cell: Cell) -> None:
    path = store.path(cell, "responses")
    if path.exists() and "recorded" not in read_meta(path)["identity"]:
        raise UsageError(
            f"{path} holds answers of a run of mevals: import under another --model name or into another --results folder"
        )
