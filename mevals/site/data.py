"""What the pages show, as plain records: every mean is a row of `mevals report`, printed by the same functions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from mevals import languages
from mevals.errors import UsageError
from mevals.report.table import Row, View, base_signature, is_share, is_shown, make_rows, shown
from mevals.site.safe import file_name, plain_name

Cell = Mapping[str, Any]
MEANS: Mapping[str, str] = {
    "common": "Common set: languages that every model has",
    "all": "All languages that a model has",
    "worst": "Worst five languages of the common set",
    "population": "Common set, weighted by speakers",
}
GROUPS: Mapping[str, str] = {"region": "Region", "script": "Script", "web-presence": "Web presence"}


@dataclass(frozen=True)
class Column:
    """One column of a board: a metric of a task under one signature."""

    task: str
    condition: str
    metric: str
    signature: str
    better: str

    @property
    def id(self) -> str:
        """A short name that stays the same between builds, for links."""
        name: str = file_name("~".join((self.task, self.condition, self.metric, self.signature)))
        return name[-24:].lstrip("-.")

    @property
    def unit(self) -> str:
        """What the numbers are in."""
        return "%" if is_share(self.metric) else "points"

    @property
    def folder(self) -> str:
        """Task and condition as one name."""
        return self.task + (f"@{self.condition}" if self.condition else "")


def column_of(row: Row) -> Column:
    """The column that a row stands in."""
    return Column(row.task, row.condition, row.metric, row.signature, row.better)


@dataclass(frozen=True)
class Site:
    """All that a site is made of: measured and reported cells, the manifests of the measured ones, where they lie."""

    title: str
    measured: Sequence[Cell]
    reported: Sequence[Cell]
    manifests: Mapping[tuple[str, str], Mapping[str, Any]]
    results: Path | None = None
    samples: int = 0
    noindex: bool = False

    @cached_property
    def cells(self) -> list[Cell]:
        """Measured cells, then reported ones."""
        return [*self.measured, *self.reported]

    @cached_property
    def models(self) -> list[str]:
        """Every model, in order of appearance."""
        return list(dict.fromkeys(c["model"] for c in self.cells))

    @cached_property
    def tasks(self) -> list[str]:
        """Every task, by name."""
        return sorted({c["task"] for c in self.cells})

    @cached_property
    def langs(self) -> list[str]:
        """Every language that a number tells about, in the registry's order."""
        have = {c["about"] for c in self.cells if c["about"]}
        return [key for key in languages.load() if key in have]

    @property
    def simulated(self) -> bool:
        """Whether any number comes from the simulated model."""
        return any(c.get("simulated") for c in self.measured)


def folder_of(cell: Cell) -> str:
    """Task and condition of a cell as one name."""
    return str(cell["task"]) + (f"@{cell['condition']}" if cell["condition"] else "")


def rows_for(cells: Sequence[Cell], by: str, mean: str = "common") -> list[Row]:
    """The rows of `mevals report --by …` under one of the four means; empty where nothing is scored."""
    if not cells:
        return []
    chosen = worst_five(cells, by) if mean == "worst" else cells
    view = View(by, common=mean in ("common", "population"), weights="population" if mean == "population" else "")
    try:
        return make_rows(chosen, view)
    except UsageError:
        return []


def worst_five(cells: Sequence[Cell], by: str, five: int = 5) -> list[Cell]:
    """The cells with only those numbers that are among a model's five worst of the subsets that all models have.

    The choice is made within each group of `by`, for every metric and signature apart.
    """
    from mevals.report.table import group_of, region_of

    found: dict[tuple[Any, ...], dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    sign: dict[tuple[Any, ...], float] = {}

    def key_of(cell: Cell, metric: Mapping[str, Any]) -> tuple[Any, ...]:
        group = (region_of(cell) if by == "region" else None) or group_of(cell["about"] or "", by)
        return cell["task"], cell["condition"], metric["metric"], base_signature(metric["signature"]), group

    for cell in cells:
        for metric in cell["metrics"]:
            if is_shown(metric):
                key = key_of(cell, metric)
                sign[key] = 1.0 if metric["better"] == "higher" else -1.0
                found[key][cell["model"]]
                if metric["value"] is not None:
                    found[key][cell["model"]][cell["subset"]] = metric["value"]
    chosen: dict[tuple[Any, ...], set[tuple[str, str]]] = {}
    for key, models in found.items():
        common = set.intersection(*(set(values) for values in models.values()))
        chosen[key] = {
            (model, subset)
            for model, values in models.items()
            for subset in sorted(common, key=lambda s: (sign[key] * values[s], s))[:five]
        }
    out: list[Cell] = []
    for cell in cells:
        kept = [
            m for m in cell["metrics"]
            if is_shown(m) and (cell["model"], cell["subset"]) in chosen[key_of(cell, m)]
        ]  # fmt: skip
        if kept:
            out.append({**cell, "metrics": kept})
    return out


@dataclass(frozen=True)
class Board:
    """Models × columns for one group: `grid[model][column id]` is a row of the report, or missing where never run."""

    columns: Sequence[Column]
    models: Sequence[str]
    grid: Mapping[str, Mapping[str, Row]]


def boards(rows: Iterable[Row], models: Sequence[str]) -> dict[str, Board]:
    """One board for each group of the rows, with the same columns and the models that have any row."""
    rows = list(rows)
    columns = list(dict.fromkeys(column_of(r) for r in rows))
    by_group: dict[str, dict[str, dict[str, Row]]] = defaultdict(lambda: defaultdict(dict))
    ids = {c: c.id for c in columns}
    for row in rows:
        by_group[row.group][row.model][ids[column_of(row)]] = row
    having = [m for m in models if any(r.model == m for r in rows)]
    return {group: Board(columns, having, grid) for group, grid in by_group.items()}


def number_of(row: Row, value: float | None) -> float | None:
    """A value in shown points, for sorting and charts; texts come from `shown`."""
    if value is None:
        return None
    return round(100 * value if is_share(row.metric) else value, 6)


def row_record(row: Row) -> list[Any]:
    """A row for the page's script: texts as printed, numbers for sorting and charts.

    mean text, low text, high text, mean, low, high, n, of, worst subset with its value, unscored, truncated, marks, why.
    """
    reported = "reported" in row.marks
    return [
        shown(row, row.mean) if row.mean is not None else "",
        "" if row.low is None else shown(row, row.low),
        "" if row.high is None else shown(row, row.high),
        number_of(row, row.mean),
        number_of(row, row.low),
        number_of(row, row.high),
        row.n,
        row.of,
        f"{shown(row, row.least)} {row.worst}" if row.worst else "",
        "–" if reported else f"{row.unscored:.1%}",
        "–" if reported else f"{row.truncated:.1%}",
        row.marks,
        row.why,
    ]


def board_shard(cells: Sequence[Cell], by: str) -> dict[str, Any]:
    """All four means of one grouping: mean → group → model → column id → record of the row."""
    out: dict[str, Any] = {}
    for mean in MEANS:
        groups: dict[str, Any] = {}
        for row in rows_for(cells, by, mean):
            models = groups.setdefault(row.group, {})
            models.setdefault(file_name(row.model), {})[column_of(row).id] = row_record(row)
        out[mean] = groups
    return out


@dataclass(frozen=True)
class Shown:
    """One number of a cell as text, with everything that says where it comes from."""

    cell: Cell
    metric: Mapping[str, Any]
    text: str
    low: str
    high: str
    point: float | None
    low_point: float | None
    high_point: float | None
    unit: str

    @property
    def why(self) -> str:
        """Why there is no number."""
        return str(self.metric.get("why") or self.cell.get("why") or "unscored")


def shown_numbers(cells: Iterable[Cell]) -> list[Shown]:
    """Every number of these cells that reports show, with its own interval; an unfinished cell gives one without any."""
    out = []
    for cell in cells:
        if not cell["metrics"]:
            none = {"metric": "", "signature": "", "value": None, "n": 0, "unscored": 0, "better": "higher"}
            out.append(Shown(cell, none, "", "", "", None, None, None, ""))
        out += [_shown(cell, metric) for metric in cell["metrics"] if is_shown(metric)]
    return out


def _shown(cell: Cell, metric: Mapping[str, Any]) -> Shown:
    share = is_share(metric["metric"])
    factor = 100 if share else 1

    def text(value: float | None) -> str:
        return "" if value is None else f"{factor * value:.1f}"

    def point(value: float | None) -> float | None:
        return None if value is None else round(factor * value, 6)

    ends = metric.get("low"), metric.get("high")
    return Shown(
        cell, metric, text(metric["value"]), text(ends[0]), text(ends[1]), point(metric["value"]), point(ends[0]),
        point(ends[1]), "%" if share else "points",
    )  # fmt: skip


def heat_shards(site: Site, cells: Sequence[Cell]) -> dict[str, dict[str, Any]]:
    """Column id → subset × model values for a heatmap: [text, points, why]."""
    tables: dict[Column, dict[str, dict[str, Any]]] = defaultdict(dict)
    about: dict[str, str] = {}
    for number in shown_numbers(cells):
        metric, cell = number.metric, number.cell
        if metric["metric"]:
            column = Column(
                cell["task"], cell["condition"], metric["metric"], base_signature(metric["signature"]), metric["better"]
            )
            about[cell["subset"]] = cell["about"] or ""
            why = number.why if number.point is None else ""
            tables[column].setdefault(cell["subset"], {})[file_name(cell["model"])] = [number.text, number.point, why]
    return {
        column.id: {"subsets": [[s, *language_label(about[s]), rows] for s, rows in sorted(table.items())]}
        for column, table in tables.items()
    }


def language_label(key: str) -> tuple[str, str, str, str]:
    """English name, endonym, BCP 47 tag and direction of a language; empty where it is unknown."""
    if not key:
        return "", "", "und", "auto"
    found = languages.get(key)
    return found.name, found.endonym, found.bcp47, found.direction


def model_facts(model: str) -> dict[str, str]:
    """Size, licence and openness of a model where models.yaml says so; empty texts for others."""
    found = _known_models().get(model)
    if found is None:
        return {"size": "", "license": "", "open": ""}
    size = f"{found.parameters / 1e9:.2f}".rstrip("0").rstrip(".") + " B" if found.parameters else ""
    weights = {"weights": "open weights", "api": "closed"}.get(found.served, "")
    return {"size": size, "license": found.license or "", "open": weights}


@lru_cache(maxsize=1)
def _known_models() -> Mapping[str, Any]:
    from mevals.models import load_models

    return load_models()


def model_names(models: Sequence[str]) -> dict[str, str]:
    """Model → name as shown; names that look alike once cleaned and cut get their file name added."""
    shown_ = {m: plain_name(m) for m in models}
    seen = list(shown_.values())
    return {m: n if seen.count(n) == 1 else f"{n} ({file_name(m)[-8:]})" for m, n in shown_.items()}
