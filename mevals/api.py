"""mevals from Python: results as long pandas frames, and the command as a function.

`mevals.load_cells()`, `mevals.load_scores()` and `mevals.load_responses()` share their leading columns: model, task,
condition, subset, lang. `about` is the language that a score tells about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mevals.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

    from mevals.stats import GroupMean

KEYS = ("model", "task", "condition", "subset", "lang", "about", "region")


def load_cells(
    results: str | Path = "results", models: Sequence[str] = (), tasks: Sequence[str] = (), reported: Sequence[str] = ()
) -> pd.DataFrame:
    """One row per cell and metric: KEYS, metric, signature, value, low, high (95 %), n, unscored, better, why, tags, marks.

    Slices are rows of their own whose `tags` say which (`culture=CS`). `reported` adds published numbers ("tiny-aya"),
    marked so. Reads cells.json alone.
    """
    import pandas as pd

    from mevals import aggregate
    from mevals.report import reported as published
    from mevals.report.values import region_named

    cells: list[Mapping[str, Any]] = (
        list(aggregate.load_cells(_folder(results))) if not reported or Path(results).is_dir() else []
    )
    for name in reported:
        cells += published.cells(name)
    rows = []
    for cell in cells:
        if (models and cell["model"] not in models) or (tasks and cell["task"] not in tasks):
            continue
        about = cell.get("about") or ""
        base = {
            "model": cell["model"], "task": cell["task"], "condition": cell.get("condition", ""), "subset": cell["subset"],
            "lang": cell.get("lang") or "", "about": about,
            "region": (cell.get("extra") or {}).get("region") or region_named(about),
        }  # fmt: skip
        marks = " ".join(m for m in ("simulated", "imported", "reported") if cell.get(m))
        for m in cell["metrics"]:
            rows.append(
                {**base, "metric": m["metric"], "signature": m["signature"], "value": m["value"], "low": m.get("low"),
                 "high": m.get("high"), "n": m["n"], "unscored": m.get("unscored", 0), "better": m["better"],
                 "why": m.get("why", ""), "tags": _tags(m.get("slice") or {}), "marks": marks}
            )  # fmt: skip
    columns = [*KEYS, "metric", "signature", "value", "low", "high", "n", "unscored", "better", "why", "tags", "marks"]
    return pd.DataFrame(rows, columns=columns)


def load_scores(
    results: str | Path = "results", models: Sequence[str] = (), tasks: Sequence[str] = (), metrics: Sequence[str] = ()
) -> pd.DataFrame:
    """One row per sample and metric: KEYS, item, metric, signature, value (NaN = unscored), detail, tags (a dict).

    Only scores made of the present responses are read.
    """
    import pandas as pd

    from mevals.records import read_scores
    from mevals.report.pairs import sample_tags, score_files

    frames = []
    for answered, keys in _answered(results, models, tasks):
        tags = sample_tags(answered.path)
        for (metric, signature), path in score_files(answered).items():
            if metrics and metric not in metrics:
                continue
            scores = read_scores(path)
            frame = pd.DataFrame({"item": scores.ids, "value": scores.values, "detail": scores.details})
            column = pd.Series([tags.get(i, {}) for i in scores.ids], dtype=object)
            frames.append(frame.assign(**keys, metric=metric, signature=signature, tags=column))
    columns = [*KEYS, "item", "metric", "signature", "value", "detail", "tags"]
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def load_responses(
    results: str | Path = "results", models: Sequence[str] = (), tasks: Sequence[str] = ()
) -> pd.DataFrame:
    """One row per answer: KEYS, item, text (None = no answer), finish, source, targets, output_tokens, latency_s, tags."""
    import pandas as pd

    from mevals.records import read_responses

    rows = [
        {**keys, "item": r.id, "text": r.text, "finish": r.finish, "source": r.source, "targets": list(r.targets),
         "output_tokens": r.output_tokens, "latency_s": r.latency_s, "tags": dict(r.tags)}
        for answered, keys in _answered(results, models, tasks)
        for r in read_responses(answered.path).rows
    ]  # fmt: skip
    columns = [*KEYS, "item", "text", "finish", "source", "targets", "output_tokens", "latency_s", "tags"]
    return pd.DataFrame(rows, columns=columns)


def run(
    models: str | Sequence[str],
    tasks: str | Sequence[str] = (),
    results: str | Path = "results",
    *,
    base_url: str = "",
    **options: Any,
) -> pd.DataFrame:
    """What `mevals run` does without its printed report, then `load_cells` of it.

    `options` are the fields of `mevals.run.Options`, which are the command's flags: suite, langs, limit, seed, conditions,
    where (`--data`), mirror, offline, concurrency, max_tokens, redo. Raises UsageError for one that does not exist,
    CellFailed where a cell could not be completed; what was answered is kept.
    """
    from dataclasses import fields

    from mevals.commands import score_stored
    from mevals.engines.opening import Serving, split_urls
    from mevals.run import Options, make_plan, run_generate

    known = [f.name for f in fields(Options)]
    for name in options:
        if name not in known:
            raise UsageError(f"`mevals run` has no option {name!r}{did_you_mean(name, known)}")
    for name in ("langs", "conditions"):
        if name in options:
            options[name] = _sequence(options[name])
    options.setdefault("serving", Serving(split_urls(base_url)))
    wanted = Options(
        models=_sequence(models), tasks=_sequence(tasks), results=Path(results), **{"command": "mevals.run", **options}
    )
    run_generate(wanted)
    units = make_plan(wanted).units
    names = tuple(dict.fromkeys(u.task for u in units))
    score_stored(wanted.results, wanted.models, names, {u.task: u.scorers for u in units}, wanted.command)
    return load_cells(results, wanted.models, names)


def group_intervals(
    paths: Mapping[tuple[str, str, str, str], Path], draws: int = 2000, seed: int = 1, level: float = 0.95
) -> dict[tuple[str, str, str], GroupMean]:
    """(model, task, group) → mean over the group's cells, languages fixed, with a bootstrap interval over their samples.

    `paths` maps (model, task, group, subset) to a score file. Only the files' `value` column is read, a model at a time, so
    that memory stays small at millions of scores, while a model's cells share their draws' weights (`bootstrap_cells`).
    """
    import numpy as np
    import pyarrow.parquet as pq

    from mevals.stats import bootstrap_cells, group_from_draws

    rng = np.random.default_rng(seed)
    out = {}
    for model in dict.fromkeys(key[0] for key in paths):
        mine = {key: path for key, path in paths.items() if key[0] == model}
        cells = [np.asarray(pq.read_table(f, columns=["value"])["value"].to_numpy(), np.float64) for f in mine.values()]
        sizes = [int((~np.isnan(cell)).sum()) for cell in cells]
        means = [float(np.nanmean(cell)) if size else None for cell, size in zip(cells, sizes, strict=True)]
        drawn = np.asarray(bootstrap_cells(cells, draws, rng), dtype=np.float64)
        groups: dict[tuple[str, str, str], list[int]] = {}
        for i, (_, task, group, _) in enumerate(mine):
            groups.setdefault((model, task, group), []).append(i)
        for key, members in groups.items():
            units = sum(sizes[i] for i in members)
            out[key] = group_from_draws([means[i] for i in members], drawn[members], units, level)
    return out


def export_frame(
    out: Path, what: str, results: str | Path = "results", models: Sequence[str] = (), tasks: Sequence[str] = ()
) -> int:
    """Write a long frame as .parquet or .csv; returns its rows. Raises UsageError for another ending or kind."""
    loaders = {"cells": load_cells, "scores": load_scores, "responses": load_responses}
    if what not in loaders:
        raise UsageError(f"unknown table {what!r}{did_you_mean(what, loaders)} Known: {', '.join(loaders)}")
    if out.suffix not in (".parquet", ".csv"):
        raise UsageError(f"{out} must end in .parquet or .csv")
    frame = loaders[what](results, models, tasks)
    if "tags" in frame and what != "cells":
        frame["tags"] = [_tags(tags) for tags in frame["tags"]]
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix == ".parquet":
        frame.to_parquet(out, index=False)
    else:
        frame.to_csv(out, index=False)
    return len(frame)


def _tags(tags: Mapping[str, str]) -> str:
    """Tags as `name=value` pairs joined by semicolons."""
    return ";".join(f"{k}={v}" for k, v in tags.items())


def _sequence(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _folder(results: str | Path) -> Path:
    folder = Path(results)
    if not folder.is_dir():
        raise UsageError(f"there is no results folder {folder}; run `mevals run` first or name another")
    return folder


def _answered(results: str | Path, models: Sequence[str], tasks: Sequence[str]) -> Iterator[tuple[Any, dict[str, str]]]:
    from mevals.report.values import region_named
    from mevals.score import answered_cells
    from mevals.store import Store

    for answered in answered_cells(Store(_folder(results)), models, tasks):
        cell = answered.cell
        region = cell.subset.extra.get("region") or region_named(cell.subset.about)
        values = (cell.model, cell.task, cell.condition, cell.subset.name, cell.subset.lang, cell.subset.about, region)
        yield answered, dict(zip(KEYS, values, strict=True))
