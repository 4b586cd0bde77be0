"""Stage 3: cells.json, the one file per model and task that tables, figures and the site read.

A cell's record says what was asked, what came back (complete, truncated, rejected, unanswered) and, for each metric, the
value with its interval, how many samples were scored and how many were not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from mevals.errors import DataError
from mevals.records import Scores, read_meta, read_scores
from mevals.score import Answered, answered_cells
from mevals.store import SCHEMA, Store, write_atomically

CONFIDENCE = 0.95
"""Level of every interval."""
DRAWS = 1_000
"""Bootstrap resamples of a corpus metric."""


def aggregate(store: Store, models: Sequence[str] = (), show: Callable[[str], None] = lambda what: None) -> list[Path]:
    """Write cells.json of every task folder (of `models`, or all) and return their paths.

    A file that is newer than all it depends on is left alone.
    """
    written = []
    by_folder: dict[Path, list[Answered]] = {}
    for answered in answered_cells(store, models):
        by_folder.setdefault(store.task_folder(answered.cell), []).append(answered)
    for folder, cells in by_folder.items():
        records = [*(cell_record(store, a) for a in cells), *unfinished(folder, cells)]
        content = {"schema": SCHEMA, "cells": sorted(records, key=lambda r: r["subset"])}
        path = folder / "cells.json"
        text = orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
        if not path.exists() or path.read_bytes() != text:
            write_atomically(path, text)
        written.append(path)
        show(folder.name)
    return written


def cell_record(store: Store, answered: Answered) -> dict[str, Any]:
    """The record of one complete cell."""
    meta, cell = answered.meta, answered.cell
    counts = meta["counts"]
    rows = counts.get("rows", 0)
    return {
        "model": cell.model,
        "task": cell.task,
        "title": meta.get("title", cell.task),
        "condition": cell.condition,
        "subset": cell.subset.name,
        "lang": cell.subset.lang,
        "source_lang": cell.subset.source_lang,
        "about": cell.subset.about,
        "state": "complete",
        "simulated": bool(meta.get("simulated")),
        "imported": bool(counts.get("imported")),
        "fingerprint": meta["fingerprint"],
        "selections": meta["selections"],
        "n": rows,
        "truncated": counts.get("length", 0),
        "rejected": counts.get("rejected", 0),
        "specials": counts.get("specials", 0),
        "reasoned": counts.get("reasoned", 0),
        "prompt_tokens": counts.get("prompt_tokens", 0),
        "output_tokens": counts.get("output_tokens", 0),
        "metrics": [m for path in _score_files(store, answered) for m in metric_records(read_scores(path), answered)],
    }


def _score_files(store: Store, answered: Answered) -> list[Path]:
    """The score files of a cell that were made of its present responses."""
    scores = store.task_folder(answered.cell) / "scores"
    paths = sorted(scores.glob(f"*/{answered.path.name}"))
    return [p for p in paths if read_meta(p)["responses"] == answered.meta["digest"]]


def metric_records(scores: Scores, answered: Answered) -> Iterator[dict[str, Any]]:
    """The record of a metric, then one for each of its parts (named `metric.part`)."""
    meta = scores.meta
    base = {"signature": meta["signature"], "better": meta["better"], "scale": meta["scale"]}
    yield {"metric": meta["metric"], **base, **_main(scores, answered)}
    for name, values in scores.parts.items():
        yield {"metric": f"{meta['metric']}.{name}", **base, "scale": None, **_mean(values, len(scores.ids))}


def _main(scores: Scores, answered: Answered) -> dict[str, Any]:
    if scores.stats is None:
        record = _mean(scores.values, len(scores.ids), tuple(scores.meta["scale"]))
        if record["unscored"] and scores.meta["scale"][0] == 0 and scores.meta["better"] == "higher":
            record["strict"] = float(np.nansum(scores.values) / len(scores.ids))
        return record
    return _corpus(scores, answered)


def _mean(values: np.ndarray, rows: int, scale: tuple[float, float] | None = None) -> dict[str, Any]:
    """Mean of the scored values with its interval; value None where nothing is scored."""
    from mevals.stats import cell_interval

    scored = values[~np.isnan(values)]
    counted = {"n": len(scored), "unscored": int(rows - len(scored))}
    if not len(scored):
        return {"value": None, **counted, "why": "nothing could be scored"}
    interval = cell_interval(scored, scale=scale, level=CONFIDENCE)
    return {"value": float(scored.mean()), **counted, **_ends(interval)}


def _ends(interval: Any) -> dict[str, Any]:
    if interval is None:
        return {"low": None, "high": None, "interval": "too few samples"}
    return {"low": interval.low, "high": interval.high, "interval": interval.method}


def _corpus(scores: Scores, answered: Answered) -> dict[str, Any]:
    """A corpus metric: its value from summed statistics, its interval from a bootstrap of segments."""
    from mevals.scorers.find import scorer_for
    from mevals.stats import corpus_interval

    assert scores.stats is not None
    scorer = scorer_for(scores.meta["metric"], scores.meta["signature"])
    scored = ~np.isnan(scores.values)
    counted = {"n": int(scored.sum()), "unscored": int((~scored).sum())}
    value = scorer.aggregate(scores.values, scores.stats)
    if value is None:
        return {"value": None, **counted, "why": "nothing could be scored"}
    interval = corpus_interval(scores.stats[scored], scorer.corpus_from_stats, draws=DRAWS, seed=1, level=CONFIDENCE)
    return {"value": value, **counted, **_ends(interval)}


def unfinished(folder: Path, complete: Sequence[Answered]) -> Iterator[dict[str, Any]]:
    """Records of cells that have only a journal: nothing of them is averaged, and the reason is shown."""
    done = {a.path.name.removesuffix(".parquet") for a in complete}
    manifest = folder / "manifest.json"
    if not manifest.exists():
        return
    said = orjson.loads(manifest.read_bytes())
    for path in sorted((folder / "responses").glob("*.jsonl")):
        subset = path.name.removesuffix(".jsonl").rpartition(".")[0]
        if subset not in done:
            yield {
                "model": said["model"],
                "task": said["task"],
                "title": said.get("card", {}).get("title", said["task"]),
                "condition": said["condition"],
                "subset": subset,
                "about": None,
                "state": "unfinished",
                "simulated": said["simulated"],
                "n": sum(1 for _ in path.open("rb")) - 1,
                "why": "not all samples were answered; run the same command again",
                "metrics": [],
            }


def load_cells(folder: Path, models: Sequence[str] = ()) -> list[Mapping[str, Any]]:
    """Every cell record under a results folder, from the cells.json files alone."""
    found: list[Mapping[str, Any]] = []
    for path in sorted(folder.glob("*/*/cells.json")):
        try:
            content = orjson.loads(path.read_bytes())
            cells = content["cells"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise DataError(f"{path} is damaged: delete it and run `mevals score`") from None
        if content["schema"] > SCHEMA:
            raise DataError(f"{path} was written by a newer mevals: update mevals to read it")
        found += [c for c in cells if not models or c["model"] in models]
    return found
