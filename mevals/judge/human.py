"""Ratings by people, imported beside the answers that they are about, so that judges can be held against them."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from mevals import languages
from mevals.errors import DataError, UsageError, did_you_mean
from mevals.judge.tags import pair_label
from mevals.score import answered_cells
from mevals.store import Store, safe, write_atomically


@dataclass(frozen=True, slots=True)
class Rating:
    """What one person said: about an answer a number (`value`) or a class (`label`), or about two answers `label` alone.

    For a pair `model` stood as A and `other` as B, and the label is A>>B … B>>A.
    """

    task: str
    subset: str
    item: str
    model: str
    rater: str
    value: float | None = None
    label: str = ""
    other: str = ""


def read_ratings(path: Path, task: str, subset: str = "") -> list[Rating]:
    """Ratings from JSON lines or CSV: id, model (or model_a and model_b), value or label, and lang and rater if there are.

    `subset` stands where a row names no lang. Raises DataError, naming the line, for a row that can't be used.
    """
    found = [_rating(row, task, subset, f"{path}, line {number}") for number, row in _rows(path)]
    if not found:
        raise DataError(f"{path} holds no ratings")
    return found


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        if path.suffix == ".csv":
            with path.open(encoding="utf-8-sig", newline="") as file:
                yield from (
                    (n, {k: v for k, v in row.items() if v not in (None, "")})
                    for n, row in enumerate(csv.DictReader(file), 2)
                )
            return
        for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
            if line.strip():
                row = orjson.loads(line)
                if not isinstance(row, dict):
                    raise DataError(f"{path}, line {number}: a rating is an object")
                yield number, row
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror}") from None
    except (orjson.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is neither JSON lines nor CSV: {error}") from None


_KNOWN = {"id", "lang", "model", "model_a", "model_b", "value", "label", "rater", "task"}


def _rating(row: Mapping[str, Any], task: str, subset: str, where: str) -> Rating:
    unknown = sorted(set(row) - _KNOWN)
    if unknown:
        raise DataError(f"{where}: unknown field {unknown[0]!r}{did_you_mean(unknown[0], _KNOWN)}")
    name = str(row.get("lang") or subset)
    if not name or "id" not in row:
        raise DataError(f"{where}: a rating needs id and lang (or --lang)")
    rater = str(row.get("rater", ""))
    if "model_a" in row:
        label = pair_label(str(row.get("label", "")))
        if "model_b" not in row or label is None:
            raise DataError(f"{where}: a rating of two answers needs model_b and a label A>>B, A>B, A=B, B>A or B>>A")
        return Rating(task, name, str(row["id"]), str(row["model_a"]), rater, None, label, str(row["model_b"]))
    if "model" not in row or ("value" in row) == ("label" in row):
        raise DataError(f"{where}: a rating needs model, and either value or label")
    try:
        value = None if "label" in row else float(row["value"])
    except (TypeError, ValueError):
        raise DataError(f"{where}: {row['value']!r} is no number") from None
    return Rating(task, name, str(row["id"]), str(row["model"]), rater, value, str(row.get("label", "")))


def import_ratings(path: Path, task: str, results: Path, lang: str = "", source: str = "") -> int:
    """Store a file of ratings beside the answers of `task`; returns how many. A file of the same name replaces itself.

    Raises UsageError or DataError where a rating is about an answer that the results folder does not hold.
    """
    if not results.is_dir():
        raise UsageError(f"there is no results folder {results}; import the answers first")
    store = Store(results)
    ratings = read_ratings(path, task, lang)
    with store.locked("import ratings"):
        cells = {(a.cell.model, a.cell.subset.name): a for a in answered_cells(store, tasks=(task,))}
        models, subsets = {m for m, _ in cells}, {s for _, s in cells}
        grouped: dict[tuple[str, str], list[Rating]] = defaultdict(list)
        for rating in ratings:
            for model in filter(None, (rating.model, rating.other)):
                if model not in models:
                    raise UsageError(f"{results} holds no answers of {model!r} to {task}{did_you_mean(model, models)}")
            grouped[rating.model, _subset(rating.subset, subsets, task)].append(rating)
        name = f"{safe(path.stem)}.jsonl"
        for (model, subset), own in grouped.items():
            if (model, subset) not in cells:
                raise UsageError(f"{results} holds no answers of {model!r} to {task} {subset}")
            _check_ids(cells[model, subset].path, own, f"{model} {task} {subset}")
        for old in results.glob(f"*/{safe(task)}/ratings/*/{name}"):
            old.unlink()
        for (model, subset), own in grouped.items():
            folder = store.task_folder(cells[model, subset].cell) / "ratings" / safe(subset)
            content = [{"source": source or path.name, **_record(r)} for r in own]
            write_atomically(folder / name, b"".join(orjson.dumps(c) + b"\n" for c in content))
    return len(ratings)


def _subset(name: str, known: set[str], task: str) -> str:
    if name in known:
        return name
    key = languages.resolve(name).key
    if key not in known:
        raise UsageError(f"no answers to {task} in {name!r}{did_you_mean(key, known)}")
    return key


def _check_ids(path: Path, ratings: Sequence[Rating], where: str) -> None:
    import pyarrow.parquet as pq

    ids = set(pq.read_table(path, columns=["id"])["id"].to_pylist())
    for rating in ratings:
        if rating.item not in ids:
            raise DataError(f"{where} holds no answer to the sample {rating.item!r}{did_you_mean(rating.item, ids)}")


def _record(rating: Rating) -> dict[str, Any]:
    record = {"id": rating.item, "model": rating.model, "rater": rating.rater, "other": rating.other}
    return record | {"value": rating.value, "label": rating.label}


def stored_ratings(store: Store) -> list[Rating]:
    """Every imported rating of a results folder; each file name counts once, however often it was imported."""
    found: list[Rating] = []
    for folder in store.task_folders():
        for path in sorted((folder / "ratings").glob("*/*.jsonl")):
            for line in path.read_bytes().split(b"\n"):
                if line:
                    row = orjson.loads(line)
                    task = folder.name
                    found.append(
                        Rating(
                            task,
                            path.parent.name,
                            row["id"],
                            row["model"],
                            row["rater"],
                            row["value"],
                            row["label"],
                            row["other"],
                        )
                    )
    return found


def mean_by_answer(ratings: Iterable[Rating]) -> Mapping[tuple[str, str, str, str], float]:
    """(task, subset, item, model) → mean of the people's numbers."""
    values: dict[tuple[str, str, str, str], list[float]] = defaultdict(list)
    for r in ratings:
        if r.value is not None and not r.other:
            values[r.task, r.subset, r.item, r.model].append(r.value)
    return {key: sum(v) / len(v) for key, v in values.items()}
