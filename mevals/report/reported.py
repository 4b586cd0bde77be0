"""Numbers that others published, as cells: the same tables and figures show them, marked "reported", without any run.

They carry a signature of their own (`reported|…`), so that no mean ever holds a published and a measured number at once.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mevals.errors import DataError, UsageError, did_you_mean

COLUMNS = (
    "table", "task", "model", "metric", "statistic", "printed_label", "subset", "about", "region", "value", "unit", "flag",
)  # fmt: skip
STATISTICS = ("value", "mean", "sd", "min", "total")
MISALIGNED = "misaligned"
SOURCES: Mapping[str, str] = MappingProxyType({"tiny-aya": "arXiv:2603.11510v1"})
LOWER_IS_BETTER = frozenset({"invalid_rate", "over_refusal", "under_refusal", "ter", "metricx"})
DATA_MIX = "posttraining_mix"
"""Not a task: shares of training data, whose "models" are mixes. Figure 4 shows them."""
CORPUS = frozenset({"chrf", "chrf++", "bleu", "ter"})
"""Metrics that we keep on a scale of 0 to 100, whatever the paper prints."""


@dataclass(frozen=True, slots=True)
class Reported:
    """One published number. `printed` is the text as it stands there; `value` is on our scale (shares 0-1, chrF 0-100).

    `statistic` is "value" for one cell's number, else which summary it is. `half` is half a unit of its last printed digit,
    on our scale: what rounding can have moved it by.
    """

    table: str
    task: str
    model: str
    metric: str
    statistic: str
    label: str
    subset: str
    about: str
    region: str
    printed: str
    value: float
    half: float
    flag: str


def known() -> list[str]:
    """Names that `--reported` takes besides the path of a CSV file."""
    return sorted(SOURCES)


def load(name: str) -> tuple[Reported, ...]:
    """The published numbers of `tiny-aya`, or of a CSV file with the same columns. Raises UsageError, DataError."""
    if name in SOURCES:
        return _shipped(name)
    path = Path(name)
    if path.suffix == ".csv" and path.exists():
        return read_reported(path)
    raise UsageError(
        f"there are no published numbers {name!r}{did_you_mean(name, known())} Known: {', '.join(known())}"
    )


@lru_cache(maxsize=4)
def _shipped(name: str) -> tuple[Reported, ...]:
    return read_reported(Path(__file__).parents[1] / "data" / "reported" / f"{name.replace('-', '_')}.csv")


def read_reported(path: Path) -> tuple[Reported, ...]:
    """The rows of a file of published numbers. Raises DataError with the line that can't be read."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise DataError(f"{path} must have the columns {', '.join(COLUMNS)}")
        return tuple(_reported(path, i, row) for i, row in enumerate(reader, 2))


def _reported(path: Path, line: int, row: Mapping[str, str]) -> Reported:
    text, unit = row["value"], row["unit"]
    try:
        value = float(text)
    except ValueError:
        raise DataError(f"{path}, line {line}: {text!r} is no number") from None
    if row["statistic"] not in STATISTICS or unit not in ("percent", "share"):
        raise DataError(f"{path}, line {line}: statistic is one of {', '.join(STATISTICS)}, unit percent or share")
    factor = (1.0 if unit == "percent" else 100.0) if row["metric"] in CORPUS else (0.01 if unit == "percent" else 1.0)
    digits = len(text.partition(".")[2])
    return Reported(
        row["table"], row["task"], row["model"], row["metric"], row["statistic"], row["printed_label"], row["subset"],
        row["about"], row["region"], text, value * factor, factor * 0.5 * 10.0**-digits, row["flag"],
    )  # fmt: skip


def signature(name: str, row: Reported) -> str:
    """`reported|<metric>|<source>`: never equal to a measured one."""
    return f"reported|{row.metric}|{SOURCES.get(name, Path(name).stem)}"


def cells(name: str, rows: Sequence[Reported] | None = None) -> list[Mapping[str, Any]]:
    """The per-cell numbers in the shape of cells.json: marked `reported`, with neither samples nor intervals.

    Summaries and misaligned rows are no cells. One cell holds all metrics that a table prints for it.
    """
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in load(name) if rows is None else rows:
        if row.statistic != "value" or row.flag or not row.subset or row.task == DATA_MIX:
            continue
        key = (row.model, row.task, row.subset)
        cell = found.setdefault(key, _cell(row, SOURCES.get(name, Path(name).stem)))
        cell["metrics"].append(
            {
                "metric": row.metric,
                "signature": signature(name, row),
                "better": "lower" if row.metric in LOWER_IS_BETTER else "higher",
                "scale": [0.0, 100.0] if row.metric in CORPUS else [0.0, 1.0],
                "value": row.value,
                "low": None,
                "high": None,
                "n": 0,
                "unscored": 0,
                "table": row.table,
            }
        )
    return list(found.values())


def _cell(row: Reported, source: str) -> dict[str, Any]:
    return {
        "model": row.model,
        "task": row.task,
        "title": row.task,
        "condition": "",
        "subset": row.subset,
        "lang": row.about,
        "source_lang": None,
        "about": row.about,
        "extra": {"region": row.region, "country": row.label} if row.region else {},
        "state": "reported",
        "simulated": False,
        "imported": False,
        "reported": source,
        "n": 0,
        "truncated": 0,
        "metrics": [],
    }


def summaries(rows: Iterable[Reported], table: str) -> dict[tuple[str, str, str, str], Reported]:
    """A table's printed summaries by task, model, metric and statistic."""
    return {(r.task, r.model, r.metric, r.statistic): r for r in rows if r.table == table and r.statistic != "value"}


@dataclass(frozen=True, slots=True)
class Check:
    """A printed summary beside what the table's own rows give; `within` says whether rounding explains the difference."""

    table: str
    model: str
    metric: str
    statistic: str
    printed: str
    recomputed: float
    within: bool


def check_summaries(rows: Sequence[Reported], tables: Sequence[str] = ("21", "22", "23", "24", "25")) -> list[Check]:
    """Every printed mean and SD (ddof 1) of these tables, recomputed from the values above it.

    A difference counts as rounding where it is at most half a unit of the summary's last digit plus half a unit of the
    values' last digit: for a mean the values' own rounding can add up to no more than that, for an SD as well, because the
    SD of a vector moves by no more than its largest change times √(n/(n-1)).
    """
    import statistics

    groups: dict[tuple[str, str, str], list[Reported]] = {}
    for row in rows:
        if row.table in tables:
            groups.setdefault((row.table, row.model, row.metric), []).append(row)
    out = []
    for (table, model, metric), mine in groups.items():
        cells_ = [r for r in mine if r.statistic == "value"]
        for row in (r for r in mine if r.statistic in ("mean", "sd")):
            values = [r.value for r in cells_]
            found = statistics.fmean(values) if row.statistic == "mean" else statistics.stdev(values)
            room = row.half + max(r.half for r in cells_) * (len(values) / max(len(values) - 1, 1)) ** 0.5
            out.append(
                Check(table, model, metric, row.statistic, row.printed, found, abs(found - row.value) <= room + 1e-12)
            )
    return out
