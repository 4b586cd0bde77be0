"""How even each model is over languages, and whether that goes with how much of the web a language has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mevals.report.values import Value, as_points, models_of


@dataclass(frozen=True, slots=True)
class ParityRow:
    """One model on one metric of one task, over the `n` languages that every compared model has; in shown points.

    Where a language has several subsets (locales, countries) they are averaged first. `slope` is points per tenfold web
    presence, `low_high` the mean of the two lowest web-presence bins minus that of the two highest, each with its interval.
    `share_above` counts languages at or above `floor`. None where a measure is not defined.
    """

    task: str
    condition: str
    metric: str
    signature: str
    model: str
    n: int
    mean: float | None
    sd: float | None
    spread: float | None
    worst: str
    gap_english: float | None
    gini: float | None
    theil: float | None
    share_above: float | None
    floor: float | None
    slope: float | None
    slope_low: float | None
    slope_high: float | None
    low_high: float | None
    low_high_low: float | None
    low_high_high: float | None
    marks: str


def parity_rows(values: Iterable[Value], floor: float | None = None, common: bool = True) -> list[ParityRow]:
    """Parity of every model on every metric, in the order task, metric, model. `floor` is in shown points."""
    groups: dict[tuple[str, str, str, str], list[Value]] = {}
    for value in values:
        if value.about and value.metric != "length":
            groups.setdefault((value.task, value.condition, value.metric, value.signature), []).append(value)
    rows = []
    for key in sorted(groups):
        mine = groups[key]
        tables = {model: by_language([v for v in mine if v.model == model]) for model in models_of(mine)}
        shared = set.intersection(*(set(t) for t in tables.values()))
        for model, table in tables.items():
            kept = {lang: x for lang, x in table.items() if not common or lang in shared}
            rows.append(_row(key, model, kept, mine, floor))
    return rows


def by_language(values: Sequence[Value]) -> dict[str, float]:
    """Language → plain mean of its subsets' values, in shown points; those without a value are left out."""
    found: dict[str, list[float]] = {}
    for value in values:
        if value.value is not None:
            found.setdefault(value.about, []).append(as_points(value, value.value))
    return {lang: sum(xs) / len(xs) for lang, xs in found.items()}


def _row(
    key: tuple[str, str, str, str], model: str, table: Mapping[str, float], mine: Sequence[Value], floor: float | None
) -> ParityRow:
    from mevals import languages
    from mevals.stats import low_minus_high, measure_parity, slope

    better = mine[0].better
    found = measure_parity(dict(table), floor=floor, better=better)
    pages = {lang: languages.get(lang).pages for lang in table}
    line = slope([pages[lang] for lang in table], list(table.values())) if table else None
    bins = {lang: languages.web_presence_bin(pages[lang]) for lang in table}
    low = [x for lang, x in table.items() if bins[lang] in (1, 2)]
    high = [x for lang, x in table.items() if bins[lang] in (4, 5)]
    gap = low_minus_high(low, high) if low and high else None
    ends: dict[str, Any] = {
        "slope": line and line.value,
        "slope_low": line and line.interval and line.interval.low,
        "slope_high": line and line.interval and line.interval.high,
        "low_high": gap and gap.value,
        "low_high_low": gap and gap.interval and gap.interval.low,
        "low_high_high": gap and gap.interval and gap.interval.high,
    }
    return ParityRow(
        *key,
        model,
        n=found.n,
        mean=sum(table.values()) / len(table) if table else None,
        sd=found.sd,
        spread=found.spread,
        worst=", ".join(f"{lang} {x:.1f}" for lang, x in found.worst),
        gap_english=found.gap,
        gini=found.gini,
        theil=found.theil,
        share_above=found.share_above,
        floor=floor,
        **ends,
        marks=" ".join(dict.fromkeys(m for v in mine if v.model == model for m in v.marks)),
    )


HEAD = (
    "model", "n", "mean", "SD", "range", "gap to English", "Gini", "Theil", "at or above floor", "per tenfold web presence",
    "low minus high bins", "worst five", "marks",
)  # fmt: skip


def line(row: ParityRow) -> tuple[str, ...]:
    """A row as the texts of a printed table, in the order of HEAD."""

    def text(x: float | None, digits: int = 1, sign: bool = False) -> str:
        return "–" if x is None else f"{x:{'+' if sign else ''}.{digits}f}".replace("-", "−")

    def ends(x: float | None, low: float | None, high: float | None) -> str:
        return text(x, 1, True) + ("" if low is None else f" ({text(low, 1, True)} … {text(high, 1, True)})")

    above = "–" if row.share_above is None else f"{row.share_above:.0%} ≥ {row.floor:g}"
    return (
        row.model, str(row.n), text(row.mean), text(row.sd), text(row.spread), text(row.gap_english, 1, True),
        text(row.gini, 3), text(row.theil, 4), above, ends(row.slope, row.slope_low, row.slope_high),
        ends(row.low_high, row.low_high_low, row.low_high_high), row.worst, row.marks,
    )  # fmt: skip


CAPTION = (
    "In points (per cent for shares). n: languages that every compared model has; SD (ddof 1), range, Gini and Theil over "
    "them; gap to English: mean of the others minus English; per tenfold web presence: least-squares slope on log10 Common "
    "Crawl pages (HC3 interval); low minus high bins: web-presence bins 1-2 minus 4-5 (Welch)."
)
"""What the columns are."""
