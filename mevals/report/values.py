"""One flat record per number of cells.json, which is all that figures and tables look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from mevals import languages
from mevals.report.table import base_signature, region_of

Cell = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Value:
    """One cell's number on one metric. `low` and `high` end its 95 % interval; None where there is none.

    `about` is the language that the number tells about ("" where it is known for a whole region only), `tags` the slice
    that it is of (empty: all samples). `value` None has its reason in `why`. `marks` are simulated, imported, reported.
    """

    model: str
    task: str
    condition: str
    metric: str
    signature: str
    better: str
    scale: tuple[float, float] | None
    subset: str
    about: str
    region: str
    country: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    why: str
    marks: tuple[str, ...]
    tags: Mapping[str, str]

    @property
    def name(self) -> str:
        """Task, condition and metric as one name, unique within a set of signatures."""
        return f"{self.task}{'@' + self.condition if self.condition else ''}·{self.metric}"


NO_TAGS: Mapping[str, str] = MappingProxyType({})


@lru_cache(maxsize=4096)
def region_named(about: str) -> str:
    """The region of a language key; "unknown" for none."""
    return languages.get(about).region if about else "unknown"


def values_of(cells: Iterable[Cell], *, slices: bool = False, parts: bool = False) -> list[Value]:
    """Every number of these cells; slices (`metric[tag=value]`) and parts (`metric.part`) only where asked for."""
    out = []
    for cell in cells:
        about = cell.get("about") or ""
        region = region_of(cell) or region_named(about)
        marks = tuple(name for name in ("simulated", "imported", "reported") if cell.get(name))
        country = (cell.get("extra") or {}).get("country", "")
        for metric in cell["metrics"]:
            if ("slice" in metric and not slices) or ("." in metric["metric"].split("[")[0] and not parts):
                continue
            out.append(
                Value(
                    cell["model"], cell["task"], cell.get("condition", ""), metric["metric"],
                    base_signature(metric["signature"]), metric["better"],
                    tuple(metric["scale"]) if metric.get("scale") else None,
                    cell["subset"], about, region, country, metric["value"], metric.get("low"), metric.get("high"),
                    metric["n"], metric.get("why", ""), marks, metric.get("slice") or NO_TAGS,
                )
            )  # fmt: skip
    return out


def pick(
    values: Iterable[Value], task: str, metric: str = "", *, condition: str | None = None, models: Sequence[str] = ()
) -> list[Value]:
    """The values of a task on one metric (of one condition, of some models). Of several signatures the most frequent is taken.

    Without a metric named it is the task's main one (`main_metric`). Two signatures are never shown as if they were one.
    """
    values = list(values)
    metric = metric or main_metric(v for v in values if v.task == task and (not models or v.model in models))
    mine = [
        v
        for v in values
        if v.task == task
        and (not metric or v.metric == metric)
        and (condition is None or v.condition == condition)
        and (not models or v.model in models)
    ]
    counts: dict[str, int] = {}
    for value in mine:
        counts[value.signature] = counts.get(value.signature, 0) + 1
    if len(counts) < 2:
        return mine
    chosen = max(sorted(counts), key=lambda s: counts[s])
    return [v for v in mine if v.signature == chosen]


BESIDE = ("length", "fidelity", "lpr")
"""Metrics that stand beside a task's main one."""


def main_metric(values: Iterable[Value]) -> str:
    """The first metric that is neither a slice, nor a part, nor one that stands beside another; the first of all if none is."""
    names = list(dict.fromkeys(v.metric for v in values))
    plain = [n for n in names if "[" not in n and "." not in n]
    return next((n for n in plain if n not in BESIDE), next(iter(plain or names), ""))


def models_of(values: Iterable[Value]) -> list[str]:
    """The models in order of appearance."""
    return list(dict.fromkeys(v.model for v in values))


def grid(values: Iterable[Value]) -> dict[str, dict[str, Value]]:
    """Model → subset → value, of those that have one."""
    out: dict[str, dict[str, Value]] = {}
    for value in values:
        if value.value is not None:
            out.setdefault(value.model, {})[value.subset] = value
    return out


def common_subsets(table: Mapping[str, Mapping[str, Value]]) -> list[str]:
    """The subsets that every model of a grid has, in the order of the first."""
    if not table:
        return []
    first, *others = table.values()
    return [s for s in first if all(s in row for row in others)]


def number(value: Value) -> float:
    """The value on a 0-100 scale where it is a share, else as it is. Raises ValueError where there is none."""
    if value.value is None:
        raise ValueError(f"{value.subset} has no value: {value.why}")
    return as_points(value, value.value)


def as_points(value: Value, x: float) -> float:
    """`x` in the points that figures show: per cent for shares."""
    return 100 * x if value.scale == (0.0, 1.0) else x
