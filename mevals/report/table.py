"""Tables of grouped means: which mean, over which languages, with how many missing, in four formats."""

from __future__ import annotations

import csv
import io
import json
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from mevals import languages
from mevals.errors import UsageError, did_you_mean
from mevals.judge.shown import trust_marks

GROUPS: tuple[str, ...] = ("all", "region", "script", "web-presence", "family", "lang")
COLUMNS: tuple[str, ...] = ("direction", "country", "macro", "digits", "unspaced", "iso639_1", "iso639_3", "crawl")
"""Further columns of the language registry that a report can group by."""
Weights = Literal["", "population"]
Cell = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """One line of a report: a group's mean for one model on one metric of one task.

    `low` and `high` end the 95 % interval of the mean with the languages taken as a sample; None below three.
    `mean` is the unweighted mean over the group's subsets that every compared model has (macro), `sd` its sample standard
    deviation over them (ddof 1; None below two), `least` the lowest and `worst` where it is. `n` of `of` subsets are
    averaged. `unscored` and `truncated` are shares of samples. `data` is the origin and licence of the task's data. `marks`
    say what is special (simulated, imported, reported), and how far a judge is to be trusted.
    """

    task: str
    condition: str
    metric: str
    signature: str
    better: str
    group: str
    model: str
    mean: float | None
    low: float | None
    high: float | None
    sd: float | None
    least: float | None
    worst: str
    n: int
    of: int
    unscored: float
    truncated: float
    marks: str
    why: str = ""
    data: str = ""


@dataclass(frozen=True)
class View:
    """What of the cells a report shows. `common` averages over what all compared models have.

    `by` is a grouping, a column of the registry or a sample tag, or two of these joined by a comma. `weights` "population"
    weighs languages by their speakers instead of equally. `scaled` shows (score - chance) / (ceiling - chance) by `levels`
    (task → chance, ceiling).
    """

    by: str = "all"
    models: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    langs: tuple[str, ...] = ()
    common: bool = True
    parts: bool = False
    weights: Weights = ""
    levels: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def group_of(lang: str, by: str) -> str:
    """The group that a language belongs to."""
    if by == "all":
        return "all"
    if not lang:
        return "unknown"
    found = languages.get(lang)
    if by == "lang":
        return found.key
    if by == "script":
        return languages.SCRIPT_NAMES.get(found.script, found.script)
    if by == "family":
        return found.family or "unknown"
    if by == "region":
        return found.region
    if by in COLUMNS:
        return (
            str(getattr(found, by) or "unknown") if by != "unspaced" else ("unspaced" if found.unspaced else "spaced")
        )
    bin_ = languages.web_presence_bin(found.pages)
    return "unknown" if bin_ is None else languages.bin_label(bin_)


def make_rows(cells: Iterable[Cell], view: View) -> list[Row]:
    """The report's rows, in the order task, metric, group, model.

    Raises UsageError for an unknown grouping, model or task, and where nothing is left.
    """
    mine = chosen(list(cells), view)
    tag = check_grouping(view.by, mine)
    tables: dict[tuple[str, str, str], list[tuple[Cell, Mapping[str, Any]]]] = defaultdict(list)
    for cell in mine:
        for metric in cell["metrics"]:
            if tag:
                if tag in metric.get("slice", ()):
                    tables[cell["task"], cell["condition"], metric["metric"].split("[")[0]].append((cell, metric))
            elif view.parts or is_shown(metric):
                tables[cell["task"], cell["condition"], metric["metric"]].append((cell, metric))
    models = list(dict.fromkeys(c["model"] for c in mine))
    rows = [row for key in sorted(tables) for row in _table_rows(key, tables[key], models, view)]
    if not rows:
        raise UsageError("there is nothing to report: no scored cells; run `mevals run` or `mevals score` first")
    return rows


def groupings(by: str) -> list[str]:
    """The one or two groupings that `--by` names."""
    return [part.strip() for part in by.split(",") if part.strip()]


def check_grouping(by: str, cells: Sequence[Cell]) -> str:
    """The sample tag among the groupings, "" for none. Raises UsageError for what is neither grouping, column nor tag."""
    parts = groupings(by)
    tags = {tag for c in cells for m in c["metrics"] for tag in m.get("slice", ())}
    for part in parts:
        if part not in GROUPS and part not in COLUMNS and part not in tags:
            known = (*GROUPS, *COLUMNS, *sorted(tags))
            raise UsageError(f"unknown grouping {part!r}{did_you_mean(part, known)} Known: {', '.join(known)}")
    mine = [part for part in parts if part in tags and part not in GROUPS and part not in COLUMNS]
    if not parts or len(parts) > 2 or len(mine) > 1:
        raise UsageError("a report groups by one or two of these, of which one may be a tag: --by region,culture")
    return mine[0] if mine else ""


def _group(cell: Cell, metric: Mapping[str, Any], by: str) -> str:
    """The group of one number, both halves joined where there are two groupings."""
    return " · ".join(_half(cell, metric, part) for part in groupings(by))


def _half(cell: Cell, metric: Mapping[str, Any], by: str) -> str:
    if by not in GROUPS and by not in COLUMNS:
        return str(metric["slice"][by])
    region = region_of(cell) if by == "region" else None
    return region or group_of(cell["about"] or "", by)


def is_shown(metric: Mapping[str, Any]) -> bool:
    """Whether a report shows this metric without being asked for parts: a metric, it penalised, or a headline slice."""
    if "slice" in metric:
        return bool(metric.get("headline"))
    return "." not in metric["metric"] or metric["metric"].endswith(".penalised")


def region_of(cell: Cell) -> str | None:
    """The region that a cell's country is in, where its card names it; a language has speakers in several."""
    return (cell.get("extra") or {}).get("region")


def chosen(cells: Sequence[Cell], view: View) -> list[Cell]:
    """The cells of the view's models, tasks and languages. Raises UsageError for an unknown model or task."""
    for what, wanted in (("model", view.models), ("task", view.tasks)):
        known = {c[what] for c in cells}
        for name in wanted:
            if name not in known:
                raise UsageError(f"the results hold no {what} {name!r}{did_you_mean(name, known)}")
    langs = set(languages.select(view.langs)) if view.langs else None
    return [
        c
        for c in cells
        if (not view.models or c["model"] in view.models)
        and (not view.tasks or c["task"] in view.tasks)
        and (langs is None or c["about"] in langs)
    ]


def base_signature(signature: str) -> str:
    """A signature without what belongs to the language, so that languages can stand in one mean."""
    return "|".join(p for p in signature.split("|") if not p.startswith(("lang:", "tok:")))


def _table_rows(
    key: tuple[str, str, str], found: Sequence[tuple[Cell, Mapping[str, Any]]], models: Sequence[str], view: View
) -> list[Row]:
    """Rows of one metric of one task; two signatures never meet in one mean."""
    rows = []
    for signature in sorted({base_signature(m["signature"]) for _, m in found}):
        same = [(c, m) for c, m in found if base_signature(m["signature"]) == signature]
        having = [m for m in models if any(c["model"] == m for c, _ in same)]
        groups: dict[str, list[tuple[Cell, Mapping[str, Any]]]] = defaultdict(list)
        for cell, metric in same:
            groups[_group(cell, metric, view.by)].append((cell, metric))
        for group in sorted(groups, key=lambda g: _order(g, view.by)):
            of = len({c["subset"] for c, _ in groups[group]})
            common = _common(groups[group], having) if view.common else None
            for model in having:
                mine = [(c, m) for c, m in groups[group] if c["model"] == model]
                rows.append(_row((*key, signature), group, model, mine, common, of, view))
    return rows


def _common(found: Sequence[tuple[Cell, Mapping[str, Any]]], models: Sequence[str]) -> set[str]:
    """Subsets for which every model has a value."""
    sets = [{c["subset"] for c, m in found if c["model"] == model and m["value"] is not None} for model in models]
    return set.intersection(*sets) if sets else set()


def _row(
    key: tuple[str, str, str, str],
    group: str,
    model: str,
    mine: Sequence[tuple[Cell, Mapping[str, Any]]],
    common: set[str] | None,
    of: int,
    view: View,
) -> Row:
    used = [(c, m) for c, m in mine if m["value"] is not None and (common is None or c["subset"] in common)]
    weights = [_weight(c, view.weights) for c, _ in used]
    used = [cm for cm, weight in zip(used, weights, strict=True) if weight]
    weights = [weight for weight in weights if weight]
    low, high = view.levels.get(key[0], (0.0, 1.0))
    values = [(float(m["value"]) - low) / (high - low) for _, m in used]
    better = mine[0][1]["better"] if mine else "higher"
    pick = min if better == "higher" else max
    worst = pick(used, key=lambda cm: cm[1]["value"])[0]["subset"] if used else ""
    scale = [(end - low) / (high - low) for end in mine[0][1]["scale"]] if mine and mine[0][1]["scale"] else None
    ends = (None, None) if view.weights else interval(values, scale)
    samples = sum(m["n"] + m["unscored"] for _, m in mine) or 1
    rows = sum(c["n"] for c, _ in mine) or 1
    marks = [name for name in ("simulated", "imported", "reported") if any(c.get(name) for c, _ in mine)]
    marks += ["weighted by speakers"] * bool(view.weights) + ["scaled"] * (key[0] in view.levels)
    marks += trust_marks(m for _, m in mine)
    return Row(
        task=key[0],
        condition=key[1],
        metric=key[2],
        signature=key[3],
        better=better,
        group=group,
        model=model,
        mean=statistics.fmean(values, weights) if values else None,
        low=ends[0],
        high=ends[1],
        sd=statistics.stdev(values) if len(values) > 1 else None,
        least=pick(values) if values else None,
        worst=worst,
        n=len(values),
        of=of,
        unscored=sum(m["unscored"] for _, m in mine) / samples,
        truncated=sum(c.get("truncated", 0) for c, _ in mine) / rows,
        marks=" ".join(marks),
        data=str(mine[0][0].get("data", "")) if mine else "",
        why="" if values else _why_missing(mine, common),
    )


def _weight(cell: Cell, weights: Weights) -> float:
    """What a cell's language weighs: 1, or its speakers; 0 where their number is unknown, which leaves it out."""
    if not weights:
        return 1.0
    return float((languages.get(cell["about"]).speakers or 0) if cell["about"] else 0)


def _why_missing(mine: Sequence[tuple[Cell, Mapping[str, Any]]], common: set[str] | None) -> str:
    """Why a group has no mean, in a few words."""
    if not mine:
        return "not run"
    if any(m["value"] is not None for _, m in mine):
        return "no language in common" if common is not None and not common else "speakers unknown"
    reasons = sorted({m.get("why", "") for _, m in mine} - {""})
    return ", ".join(reasons) or "unscored"


def interval(values: Sequence[float], scale: Sequence[float] | None = None) -> tuple[float | None, float | None]:
    """The 95 % interval of a mean over languages taken as a sample (stats.sampled_languages), within the metric's scale."""
    if len(values) < 3:
        return None, None
    from mevals.stats import sampled_languages

    found = sampled_languages(values, draws=1000, seed=1).interval
    if found is None:
        return None, None
    lowest, highest = scale or (-math.inf, math.inf)
    mean = statistics.fmean(values)  # a neural metric can leave its usual scale
    return max(found.low, min(lowest, mean)), min(found.high, max(highest, mean))


def _order(group: str, by: str) -> tuple[int, str]:
    first = group.split(" · ")[0]
    if groupings(by)[0] == "region" and first in languages.REGIONS:
        return languages.REGIONS.index(first), group
    return (99 if group == "unknown" else 0), group


def shown(row: Row, value: float | None) -> str:
    """A value as tables print it: shares as per cent with one decimal, other scales with one decimal."""
    if value is None:
        return "–"
    return f"{100 * value:.1f}" if is_share(row.metric) else f"{value:.1f}"


def is_share(metric: str) -> bool:
    """Whether a metric is a share between 0 and 1, shown as per cent."""
    return metric.split("[")[0].split(".")[0] not in ("chrf", "chrf++", "bleu", "ter", "metricx", "length")


def write_rows(rows: Sequence[Row], format_: str, by: str) -> str:
    """Rows as CSV, JSON or Markdown. Raises UsageError for another format."""
    if format_ == "json":
        return json.dumps([asdict(r) for r in rows], ensure_ascii=False, indent=1) + "\n"
    if format_ == "csv":
        out = io.StringIO()
        writer = csv.DictWriter(out, fieldnames=list(asdict(rows[0])), lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(r) for r in rows)
        return out.getvalue()
    if format_ == "md":
        return _markdown(rows, by)
    raise UsageError(f"unknown format {format_!r}{did_you_mean(format_, ['table', 'csv', 'json', 'md'])}")


HEAD = ("group", "model", "mean", "95 % interval", "SD", "min", "n/N", "unscored", "truncated", "marks")


def line(row: Row) -> tuple[str, ...]:
    """A row as the texts of a printed table, in the order of HEAD."""
    least = f"{shown(row, row.least)} {row.worst}" if row.worst and row.n > 1 else shown(row, row.least)
    return (
        row.group,
        row.model,
        shown(row, row.mean) if row.mean is not None else f"– ({row.why})",
        "" if row.low is None else f"{shown(row, row.low)} … {shown(row, row.high)}",
        shown(row, row.sd),
        least,
        f"{row.n}/{row.of}",
        "–" if "reported" in row.marks else f"{row.unscored:.1%}",
        "–" if "reported" in row.marks else f"{row.truncated:.1%}",
        row.marks,
    )


def titles(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Rows by table, each with its title."""
    tables: dict[str, list[Row]] = defaultdict(list)
    known = {row.task: f" ({row.data})" for row in rows if row.data}
    for row in rows:
        name = row.task + (f" @ {row.condition}" if row.condition else "") + known.get(row.task, "")
        unit = " (%)" if is_share(row.metric) else ""
        arrow = "" if row.better == "higher" else ", lower is better"
        tables[f"{name} · {row.metric}{unit}{arrow} · {row.signature}"].append(row)
    return list(tables.items())


def _markdown(rows: Sequence[Row], by: str) -> str:
    parts = []
    for title, mine in titles(rows):
        head = (by, *HEAD[1:])
        body = ["| " + " | ".join(line(r)) + " |" for r in mine]
        parts.append(
            "\n".join([f"**{title}**", "", "| " + " | ".join(head) + " |", "|" + "---|" * len(head), *body, ""])
        )
    return "\n".join([*parts, CAPTION, ""])


CAPTION = (
    "mean: unweighted over the n subsets (of N) that every compared model has; 95 % interval: with the languages taken as a "
    "sample (bootstrap-t; t for 3 or 4 languages; none for fewer); SD over them (ddof 1); min: the worst of them; "
    "unscored, truncated: shares of samples, which are in no mean as zero."
)
