"""The Tiny Aya report's tables for any models: 4-7, 16, 17 and 19-26, best within noise in bold."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from mevals import languages
from mevals.errors import UsageError, did_you_mean
from mevals.report import style
from mevals.report.reported import Reported
from mevals.report.values import Value, as_points, common_subsets, grid, models_of, pick
from mevals.report.write import Sheet


@dataclass(frozen=True)
class Column:
    """One measure of a table: a task's metric, under any of these names, and how it is summed up over languages."""

    task: str
    metrics: tuple[str, ...]
    title: str
    summary: str = "mean"


@dataclass(frozen=True)
class Table:
    """A table of the paper. `kind`: summary (models × columns), languages, countries or regions (× models)."""

    number: str
    title: str
    kind: str
    columns: tuple[Column, ...]


JUDGED, SAFE = ("rubric",), ("safe_rate",)
MATCH = ("match", "exact_match", "accuracy")
OVER = ("over_refusal", "refusal_error[label=safe]", "refusal[label=safe]")
UNDER = ("under_refusal", "refusal_error[label=unsafe]", "refusal[label=unsafe]")
PASS = ("lpr", "fidelity", "line_pass_rate")


def _one(number: str, title: str, kind: str, task: str, *metrics: str) -> Table:
    return Table(number, title, kind, (Column(task, metrics, title),))


_TABLES = (
    Table("4", "Discriminative tasks: mean (SD over languages)", "summary", (
        Column("global_mmlu", ("accuracy",), "Global-MMLU"), Column("include", ("accuracy",), "INCLUDE"),
        Column("global_piqa", ("accuracy",), "Global PIQA"))),
    Table("5", "Generative tasks: mean (SD over languages)", "summary", (
        Column("mdolly", JUDGED, "mDolly"), Column("marena_hard", JUDGED, "m-ArenaHard"),
        Column("global_mgsm", ("accuracy",), "GlobalMGSM"), Column("flores_en_xx", ("chrf",), "FLORES chrF"),
        Column("wmt24pp", ("chrf",), "WMT24++ chrF"))),
    Table("6", "Line pass rate: mean (SD over languages)", "summary", (
        Column("mdolly", PASS, "mDolly"), Column("marena_hard", PASS, "m-ArenaHard"), Column("global_mgsm", PASS, "GlobalMGSM"))),
    Table("7", "Safety", "summary", (
        Column("multijail", SAFE, "MultiJail safe, lowest", "min"), Column("multijail", SAFE, "MultiJail safe, mean"),
        Column("xstest", OVER, "XSTest over-refusal", "plain"), Column("xstest", UNDER, "XSTest under-refusal", "plain"))),
    _one("16", "NormAd by region, English stories", "regions", "normad", "accuracy"),
    _one("17", "NormAd by region, source-language stories", "regions", "normad_source", "accuracy"),
    _one("19", "BLEnD by country, local language", "countries", "blend_sqa", *MATCH),
    _one("20", "BLEnD by country, English", "countries", "blend_sqa_en", *MATCH),
    _one("21", "FLORES, English into each language, chrF", "languages", "flores_en_xx", "chrf"),
    _one("22", "WMT24++, chrF", "languages", "wmt24pp", "chrf"),
    _one("23", "GlobalMGSM, accuracy", "languages", "global_mgsm", "accuracy"),
    _one("24", "m-ArenaHard, judge score", "languages", "marena_hard", *JUDGED),
    _one("25", "mDolly, judge score", "languages", "mdolly", *JUDGED),
    _one("26", "MultiJail, safe rate", "languages", "multijail", *SAFE),
)  # fmt: skip
TABLES: Mapping[str, Table] = MappingProxyType({t.number: t for t in _TABLES})


def make_table(values: Sequence[Value], number: str, models: Sequence[str] = ()) -> Sheet:
    """A table of the paper for these values. Raises UsageError for another number, and where the values hold nothing of it."""
    if number not in TABLES:
        raise UsageError(f"there is no table {number!r}{did_you_mean(number, TABLES)} Known: {', '.join(TABLES)}")
    table = TABLES[number]
    found = {c: _values(values, c, models) for c in table.columns}
    if not any(found.values()):
        wanted = ", ".join(dict.fromkeys(c.task for c in table.columns))
        raise UsageError(f"table {number} needs scores on {wanted}, of which there are none")
    makers: dict[str, Callable[[Table, dict[Column, list[Value]]], Sheet]] = {
        "summary": _summary, "languages": _by_row, "countries": _by_row, "regions": _by_region,
    }  # fmt: skip
    return makers[table.kind](table, found)


def _values(values: Iterable[Value], column: Column, models: Sequence[str]) -> list[Value]:
    kept = list(values)
    for metric in column.metrics:
        mine = pick(kept, column.task, metric, condition="", models=models)
        if mine:
            return mine
    return []


def _marks(values: Iterable[Value]) -> str:
    marks = sorted({m for v in values for m in v.marks})
    return f"Marked: {', '.join(marks)}. " if marks else ""


BOLD = "Bold: best, and not told apart from it, at 5 % (paired t over languages, Holm); none where all are alike. "


def _summary(table: Table, found: dict[Column, list[Value]]) -> Sheet:
    """Models × columns, over the subsets that every model with a value has."""
    models = list(dict.fromkeys(m for mine in found.values() for m in models_of(mine)))
    lines: list[list[str]] = [[m] for m in models]
    bold: set[tuple[int, int]] = set()
    records = []
    for j, (column, mine) in enumerate(found.items(), 1):
        rows = grid(mine)
        shared = common_subsets(rows)
        points = {m: [as_points(row[s], row[s].value or 0.0) for s in shared] for m, row in rows.items()}
        better = mine[0].better if mine else "higher"
        if column.summary == "mean":
            bold |= {(models.index(m), j) for m in best_within_noise(points, better)}
        for i, model in enumerate(models):
            xs = points.get(model, [])
            lines[i].append(_cell(xs, column.summary))
            mean, sd = (statistics.fmean(xs) if xs else None), (statistics.stdev(xs) if len(xs) > 1 else None)
            records.append(
                {"model": model, "task": column.task, "column": column.title, "mean": mean, "sd": sd,
                 "lowest": min(xs, default=None), "n": len(xs), "why": "" if xs else "not run"}
            )  # fmt: skip
    counts = ", ".join(f"{c.title} n={len(common_subsets(grid(mine)))}" for c, mine in found.items())
    caption = f"{_marks(v for mine in found.values() for v in mine)}{BOLD}Languages that all models have: {counts}."
    head = ("model", *(c.title for c in found))
    return Sheet(f"Table {table.number}: {table.title}", head, lines, caption, frozenset(bold), records)


def _cell(xs: Sequence[float], summary: str) -> str:
    if not xs:
        return "–"
    if summary == "min":
        return f"{min(xs):.1f}"
    mean = statistics.fmean(xs)
    return f"{mean:.1f} ({statistics.stdev(xs):.1f})" if summary == "mean" and len(xs) > 1 else f"{mean:.1f}"


def best_within_noise(points: Mapping[str, Sequence[float]], better: str = "higher") -> list[str]:
    """The models whose mean over the same languages can't be told from the best one's; empty where that is all of them.

    Paired t over languages against the best, Holm-adjusted over the models. Fewer than three languages tell nothing.
    """
    import numpy as np

    from mevals.stats import holm, paired_t

    rows = {m: np.asarray(xs, dtype=np.float64) for m, xs in points.items() if len(xs) > 2}
    if len(rows) < 2:
        return []
    sign = 1 if better == "higher" else -1
    best = max(rows, key=lambda m: sign * float(rows[m].mean()))
    others = [m for m in rows if m != best]
    adjusted = holm([paired_t(rows[m], rows[best]).p for m in others])
    alike = [m for m, p in zip(others, adjusted, strict=True) if not p <= 0.05]
    return [] if len(alike) == len(others) else [best, *alike]


def _by_row(table: Table, found: dict[Column, list[Value]]) -> Sheet:
    """Languages (or countries) × models, with mean and SD over what all models have."""
    mine = next(iter(found.values()))
    rows = grid(mine)
    models = list(rows)
    about = {v.subset: v for v in mine}
    lines, records, bold = [], [], set()
    for i, (subset, value) in enumerate(about.items()):
        present = {m: rows[m][subset] for m in models if subset in rows[m]}
        missing = {v.model: v.why or "unscored" for v in mine if v.subset == subset and v.value is None}
        label = subset if table.kind == "languages" else value.country or subset
        lines.append([label, _name(value), *(_text(present.get(m)) for m in models)])
        bold |= {(i, 2 + models.index(m)) for m in best_cells(present)}
        for m in models:
            v = present.get(m)
            ends = (None, None) if v is None else (v.low, v.high)
            records.append(
                {"subset": subset, "language": value.about, "model": m, "value": v and v.value, "low": ends[0], "high": ends[1],
                 "n": v.n if v else 0, "why": "" if v else missing.get(m, "not run"), "marks": " ".join(v.marks) if v else ""}
            )  # fmt: skip
    shared = common_subsets(rows)
    points = {m: [as_points(row[s], row[s].value or 0.0) for s in shared] for m, row in rows.items()}
    best = best_within_noise(points, mine[0].better)
    bold |= {(len(lines), 2 + models.index(m)) for m in best}
    lines.append(
        ["Avg", f"n={len(shared)}", *(f"{statistics.fmean(points[m]):.1f}" if shared else "–" for m in models)]
    )
    lines.append(["Std", "", *(f"{statistics.stdev(points[m]):.1f}" if len(shared) > 1 else "–" for m in models)])
    caption = (
        f"{_marks(mine)}Rows: bold where the cells' own 95 % intervals tell the best from another (reported numbers have none). "
        f"{BOLD}Avg and Std (ddof 1) over the {len(shared)} of {len(about)} rows that all models have."
    )
    head = ("subset" if table.kind == "languages" else "country", "language", *models)
    return Sheet(f"Table {table.number}: {table.title}", head, lines, caption, frozenset(bold), records, left=2)


def _name(value: Value) -> str:
    return languages.get(value.about).name if value.about else ""


def _text(value: Value | None) -> str:
    return "–" if value is None or value.value is None else f"{as_points(value, value.value):.1f}"


def best_cells(row: Mapping[str, Value]) -> list[str]:
    """The models of one cell that can't be told from the best, by a normal test on both intervals, Holm-adjusted.

    The errors are taken from the intervals' widths and the models as independent, which for answers to the same items is
    cautious. Empty where a model has no interval, or nothing can be told apart.
    """
    import math

    from scipy import special

    from mevals.stats import holm

    values = list(row.values())
    if len(values) < 2 or any(v.low is None or v.high is None or v.value is None for v in values):
        return []
    sign = 1 if values[0].better == "higher" else -1
    error = {m: ((v.high or 0.0) - (v.low or 0.0)) / 3.92 for m, v in row.items()}
    best = max(row, key=lambda m: sign * (row[m].value or 0.0))
    others = [m for m in row if m != best]
    ps = []
    for m in others:
        se = math.hypot(error[m], error[best])
        gap = abs((row[best].value or 0.0) - (row[m].value or 0.0))
        ps.append(float(2 * special.ndtr(-gap / se)) if se > 0 else float(gap == 0))
    alike = [m for m, p in zip(others, holm(ps), strict=True) if p > 0.05]
    return [] if len(alike) == len(others) else [best, *alike]


def _by_region(table: Table, found: dict[Column, list[Value]]) -> Sheet:
    """Models × regions; each a plain mean over the countries that all models have (or the one published number)."""
    mine = next(iter(found.values()))
    rows = grid(mine)
    shared = common_subsets(rows)
    regions = style.region_order([v.region for v in mine])
    lines, bold, records = [[m] for m in rows], set(), []
    for j, region in enumerate(regions, 1):
        inside = [s for s in shared if next(iter(rows.values()))[s].region == region]
        points = {m: [as_points(row[s], row[s].value or 0.0) for s in inside] for m, row in rows.items()}
        bold |= {(list(rows).index(m), j) for m in best_within_noise(points, mine[0].better)}
        for i, m in enumerate(rows):
            lines[i].append(f"{statistics.fmean(points[m]):.1f}" if inside else "–")
            records.append(
                {
                    "model": m,
                    "region": region,
                    "mean": statistics.fmean(points[m]) if inside else None,
                    "n": len(inside),
                }
            )
    head = ("model", *regions)
    return Sheet(f"Table {table.number}: {table.title}", head, lines, _marks(mine) + BOLD, frozenset(bold), records)


def printed_table(rows: Iterable[Reported], number: str) -> Sheet:
    """A summary table (4-7) as it was published, for the numbers that stand in no table per language.

    Raises UsageError where the publication has no such summaries.
    """
    mine = [r for r in rows if r.table == number and r.statistic != "total"]
    keys = list(dict.fromkeys((r.task, r.metric, r.statistic) for r in mine if r.statistic != "sd"))
    if not keys:
        raise UsageError(f"no summaries of a table {number!r} were published")
    found = {(r.model, r.task, r.metric, r.statistic): r for r in mine}
    lines = []
    for model in dict.fromkeys(r.model for r in mine):
        line = [model]
        for task, metric, statistic in keys:
            row, sd = found.get((model, task, metric, statistic)), found.get((model, task, metric, "sd"))
            text = "–" if row is None else row.printed
            line.append(f"{text} ({sd.printed})" if sd is not None and statistic == "mean" else text)
        lines.append(line)
    head = ("model", *(f"{style.task_title(t)} {m}{'' if s == 'mean' else ', ' + s}" for t, m, s in keys))
    return Sheet(f"Table {number}, as published", head, lines, "Marked: reported. Per cent, as printed: mean (SD).")
