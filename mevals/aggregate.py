"""Stage 3: cells.json, the one file per model and task that tables, figures and the site read.

A cell's record says what was asked, what came back (complete, truncated, rejected, unanswered) and, for each metric, the
value with its interval, how many samples were scored and how many were not.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from mevals.errors import DataError
from mevals.fidelity.rates import off_target
from mevals.records import Scores, read_meta, read_scores
from mevals.score import Answered, answered_cells
from mevals.scorers.penalty import UNPENALISED, penalised, penalised_statistics, verdicts_of
from mevals.scorers.penalty import VERSION as PENALTY_VERSION
from mevals.store import SCHEMA, Store, write_atomically

CONFIDENCE = 0.95
"""Level of every interval."""
DRAWS = 1_000
"""Bootstrap resamples of a corpus metric."""
CLUSTERS = ("document", "passage")
"""Tags whose samples share a text: they are resampled together."""
FIDELITY = "fidelity"
"""The metric whose verdicts penalise the others."""
VERSION = 5
"""Raised whenever a record made of the same files would come out differently."""


def aggregate(store: Store, models: Sequence[str] = (), show: Callable[[str], None] = lambda what: None) -> list[Path]:
    """Write cells.json of every task folder (of `models`, or all) and return their paths.

    Records whose answers and scores are unchanged are taken over from the earlier file.
    """
    written = []
    by_folder: dict[Path, list[Answered]] = {}
    for answered in answered_cells(store, models):
        by_folder.setdefault(store.task_folder(answered.cell), []).append(answered)
    for folder, cells in by_folder.items():
        path = folder / "cells.json"
        earlier = {(c["subset"], c.get("basis")): c for c in read_cells(path)} if path.exists() else {}
        slicing = Slicing.of(folder)
        records = [*(cell_record(store, a, earlier, slicing) for a in cells), *unfinished(folder, cells)]
        content = {"schema": SCHEMA, "cells": sorted(records, key=lambda r: r["subset"])}
        text = orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
        if not path.exists() or path.read_bytes() != text:
            write_atomically(path, text)
        written.append(path)
        show(folder.name)
    return written


@dataclass(frozen=True)
class Slicing:
    """The tags by whose values a task's scores are also reported, and those of them that reports always show."""

    tags: tuple[str, ...] = ()
    headline: tuple[str, ...] = ()

    @classmethod
    def of(cls, folder: Path) -> Slicing:
        """What the card says in a task folder's manifest."""
        path = folder / "manifest.json"
        card = orjson.loads(path.read_bytes()).get("card", {}) if path.exists() else {}
        return cls(tuple(card.get("slices") or ()), tuple(card.get("headline") or ()))


def cell_record(
    store: Store, answered: Answered, earlier: Mapping[Any, Mapping[str, Any]], slicing: Slicing = Slicing()
) -> Mapping[str, Any]:
    """The record of one complete cell; an earlier one where its `basis` (answers, scores and slices) is the same."""
    meta, cell = answered.meta, answered.cell
    files = _score_files(store, answered)
    basis = _basis(meta, files, slicing)
    if (cell.subset.name, basis) in earlier:
        return earlier[cell.subset.name, basis]
    counts = meta["counts"]
    tags = _tags(answered.path)
    scored = [read_scores(path) for path in files]
    return {
        "basis": basis,
        "model": cell.model,
        "task": cell.task,
        "title": meta.get("title", cell.task),
        "data": meta.get("data", ""),
        "condition": cell.condition,
        "subset": cell.subset.name,
        "lang": cell.subset.lang,
        "source_lang": cell.subset.source_lang,
        "about": cell.subset.about,
        "extra": dict(cell.subset.extra),
        "state": "complete",
        "simulated": bool(meta.get("simulated")),
        "imported": bool(counts.get("imported")),
        "fingerprint": meta["fingerprint"],
        "selections": meta["selections"],
        "n": counts.get("rows", 0),
        "truncated": counts.get("length", 0),
        "rejected": counts.get("rejected", 0),
        "specials": counts.get("specials", 0),
        "reasoned": counts.get("reasoned", 0),
        "prompt_tokens": counts.get("prompt_tokens", 0),
        "output_tokens": counts.get("output_tokens", 0),
        "metrics": [*(m for s in scored for m in metric_records(s, tags, slicing)), *penalised_records(scored, tags)],
    }


def _basis(meta: Mapping[str, Any], files: Sequence[Path], slicing: Slicing) -> str:
    """What a record was made of: the answers' digest, the score files, the slices, and this module's version."""
    parts = [str(VERSION), meta["fingerprint"], meta["digest"], repr(slicing), *(f.parent.name for f in files)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _score_files(store: Store, answered: Answered) -> list[Path]:
    """The score files of a cell that were made of its present responses."""
    scores = store.task_folder(answered.cell) / "scores"
    paths = sorted(scores.glob(f"*/{answered.path.name}"))
    return [p for p in paths if read_meta(p)["responses"] == answered.meta["digest"]]


Tags = Mapping[str, Mapping[str, str]]
"""Sample id → its tags."""


def _tags(path: Path) -> Tags:
    """The tags of every sample of a response file."""
    import pyarrow.parquet as pq

    table = pq.read_table(path, columns=["id", "tags"])
    return {i: dict(tags or ()) for i, tags in zip(table["id"].to_pylist(), table["tags"].to_pylist(), strict=True)}


def _clusters(ids: Sequence[str], tags: Tags) -> np.ndarray | None:
    """The document or passage that each sample shares with others; None where all stand alone."""
    labels = [next((v for k, v in tags[i].items() if k in CLUSTERS), None) for i in ids]
    if all(label is None for label in labels):
        return None
    return np.array([f"\0{i}" if label is None else label for i, label in zip(ids, labels, strict=True)])


def metric_records(scores: Scores, tags: Tags, slicing: Slicing = Slicing()) -> Iterator[dict[str, Any]]:
    """The record of a metric, one for each of its parts (`metric.part`) and one for each slice (`metric[tag=value]`).

    A slice's record says which `slice` it is and whether reports always show it (`headline`).
    """
    meta = scores.meta
    base = {"signature": meta["signature"], "better": meta["better"], "scale": meta["scale"]}
    yield {"metric": meta["metric"], **base, **_main(scores, _clusters(scores.ids, tags)), **_off_target(scores)}
    scale = meta["scale"] if meta["metric"] == FIDELITY else None  # its parts are rates too
    for name, values in scores.parts.items():
        part = _record(values, _clusters(scores.ids, tags), scale)
        yield {"metric": f"{meta['metric']}.{name}", **base, "scale": scale, **part}
    for tag in slicing.tags:
        headline = {"headline": True} if tag in slicing.headline else {}
        for value in sorted({tags[i][tag] for i in scores.ids if tags[i].get(tag)}):
            mine = _slice(scores, np.array([tags[i].get(tag) == value for i in scores.ids]))
            said = {"slice": {tag: value}, **headline}
            name = f"{meta['metric']}[{tag}={value}]"
            yield {"metric": name, **said, **base, **_main(mine, _clusters(mine.ids, tags))}


def _off_target(scores: Scores) -> dict[str, Any]:
    """Of fidelity scores how many answers were in which language instead, most frequent first; why if none is scored."""
    if scores.meta["metric"] != FIDELITY:
        return {}
    counts = Counter(key for key in map(off_target, scores.details) if key)
    why = {"why": Counter(scores.details).most_common(1)[0][0]} if np.isnan(scores.values).all() else {}
    return {"off_target": dict(counts.most_common()), **(why if scores.details else {})}


def penalised_records(scored: Sequence[Scores], tags: Tags) -> Iterator[dict[str, Any]]:
    """For each metric and each fidelity score of a cell a record `metric.penalised`: off-target answers earn nothing.

    `judged` counts the answers whose language could be told, `off` those among them in another one. Null where none
    could be told.
    """
    for fidelity in (s for s in scored if s.meta["metric"] == FIDELITY):
        verdicts = dict(zip(fidelity.ids, verdicts_of(fidelity.parts, len(fidelity.ids)), strict=True))
        for scores in (s for s in scored if s.meta["metric"] not in UNPENALISED):
            mine = np.array([verdicts.get(i, np.nan) for i in scores.ids])
            yield from _penalised(scores, mine, fidelity, tags)


def _penalised(scores: Scores, verdicts: np.ndarray, fidelity: Scores, tags: Tags) -> Iterator[dict[str, Any]]:
    meta = scores.meta
    signature = f"{meta['signature']}|penalised:{PENALTY_VERSION}|{fidelity.meta['signature']}"
    base = {
        "metric": f"{meta['metric']}.penalised",
        "signature": signature,
        "better": meta["better"],
        "scale": meta["scale"],
    }
    judged = ~np.isnan(verdicts) & ~np.isnan(scores.values)
    counted = {"judged": int(judged.sum()), "off": int((judged & (verdicts == 0)).sum())}
    if not counted["judged"]:
        told = fidelity.details and np.isnan(verdicts).all()
        why = f"fidelity: {Counter(fidelity.details).most_common(1)[0][0]}" if told else "nothing could be scored"
        yield {**base, "value": None, "n": 0, "unscored": len(scores.ids), **counted, "why": why}
        return
    worst = meta["scale"][0] if meta["better"] == "higher" else meta["scale"][1]
    stats = None if scores.stats is None else penalised_statistics(meta["metric"], scores.stats, verdicts)
    if (scores.stats is None) != (stats is None) or (stats is None and not np.isfinite(worst)):
        return  # nobody has said what the worst answer scores
    values = penalised(scores.values, verdicts, worst, lower_is_better=meta["better"] == "lower")
    mine = replace(scores, values=values, stats=stats, parts={})
    yield {**base, **_main(mine, _clusters(mine.ids, tags)), **counted}


def _slice(scores: Scores, chosen: np.ndarray) -> Scores:
    """The scores of the chosen samples alone, without their parts."""
    return Scores(
        scores.meta,
        [i for i, wanted in zip(scores.ids, chosen, strict=True) if wanted],
        scores.values[chosen],
        [],
        None if scores.stats is None else scores.stats[chosen],
        {},
    )


def _main(scores: Scores, labels: np.ndarray | None) -> dict[str, Any]:
    low, high = scores.meta["scale"]
    if scores.stats is not None:
        return _corpus(scores, labels)
    record = _record(scores.values, labels, (low, high))
    if record["unscored"] and (low, high) == (0, 1) and scores.meta["better"] == "higher":
        record["strict"] = float(np.nansum(scores.values) / len(scores.ids))
    return record


def _record(values: np.ndarray, labels: np.ndarray | None, scale: tuple[float, float] | None) -> dict[str, Any]:
    """Mean of the scored values with its interval; value None where nothing is scored."""
    from mevals.stats import cell_interval

    n = int((~np.isnan(values)).sum())
    counted = {"n": n, "unscored": len(values) - n}
    if not n:
        return {"value": None, **counted, "why": "nothing could be scored"}
    interval = cell_interval(values, clusters=labels, scale=scale, level=CONFIDENCE, draws=DRAWS)
    return {"value": float(np.nanmean(values)), **counted, **_ends(interval)}


def _corpus(scores: Scores, labels: np.ndarray | None) -> dict[str, Any]:
    """A corpus metric: its value from summed statistics, its interval from a bootstrap of segments or documents."""
    from mevals.scorers.find import scorer_for
    from mevals.stats import cell_interval

    assert scores.stats is not None
    scorer = scorer_for(scores.meta["metric"], scores.meta["signature"])
    scored = ~np.isnan(scores.values)
    counted = {"n": int(scored.sum()), "unscored": int((~scored).sum())}
    value = scorer.aggregate(scores.values, scores.stats)
    if value is None:
        return {"value": None, **counted, "why": "nothing could be scored"}
    stats = np.where(scored[:, None], scores.stats, np.nan)
    interval = cell_interval(
        scores.values,
        clusters=labels,
        stats=stats,
        aggregate=scorer.corpus_from_stats,
        level=CONFIDENCE,
        draws=DRAWS,
    )
    return {"value": value, **counted, **_ends(interval, scores.meta["scale"])}


def _ends(interval: Any, scale: Sequence[float | None] = (None, None)) -> dict[str, Any]:
    """An interval's record; what lies outside the metric's possible values is cut off, which costs no coverage."""
    if interval is None:
        return {"low": None, "high": None, "interval": "too few samples"}
    lowest, highest = (math.inf if end is None else end for end in scale)
    low = interval.low if lowest == math.inf else max(interval.low, lowest)
    ends = {"low": low, "high": min(interval.high, highest), "interval": interval.method}
    return ends | ({"note": interval.note} if interval.note else {})


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


def read_cells(path: Path) -> list[Mapping[str, Any]]:
    """The records of one cells.json. Raises DataError where it is damaged or from a newer mevals."""
    try:
        content = orjson.loads(path.read_bytes())
        cells, schema = content["cells"], content["schema"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise DataError(f"{path} is damaged: delete it and run `mevals score`") from None
    if schema > SCHEMA:
        raise DataError(f"{path} was written by a newer mevals: update mevals to read it")
    return list(cells)


def load_cells(folder: Path, models: Sequence[str] = ()) -> list[Mapping[str, Any]]:
    """Every cell record under a results folder, from cells.json files, with how far judges are trusted (judges.json)."""
    from mevals.judge.shown import with_trust

    cells = (c for path in sorted(folder.glob("*/*/cells.json")) for c in read_cells(path))
    return with_trust([c for c in cells if not models or c["model"] in models], folder)
