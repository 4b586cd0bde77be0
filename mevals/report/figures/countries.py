"""Figures 9, 11 and 12: knowledge of everyday life and norms, by country, and English against the local language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mevals.errors import UsageError
from mevals.report import style
from mevals.report.figures.points import Point, add_points, mean_point, spread
from mevals.report.values import Value, as_points, common_subsets, grid, models_of, pick

COUNTRIES = {
    "DZ": "Algeria", "ET": "Ethiopia", "NG": "Northern Nigeria", "MX": "Mexico", "US": "United States", "CN": "China",
    "ID": "Indonesia", "KP": "North Korea", "KR": "South Korea", "JB": "West Java", "ES": "Spain", "GB": "United Kingdom",
    "GR": "Greece", "AS": "Assam", "AZ": "Azerbaijan", "IR": "Iran",
}  # fmt: skip
"""BLEnD's codes of countries and regions."""


def countries(values: Sequence[Value], task: str, metric: str = "", models: Sequence[str] = ()) -> Any:
    """Figures 9 and 11: every model's score in each country, countries by region; each cell's own interval where there is one."""
    mine = [v for v in pick(values, task, metric, models=models) if v.value is not None]
    mine = [v for v in mine if v.country and v.metric == mine[0].metric]
    if not mine:
        raise UsageError(f"{task} has no values by country")
    regions = style.region_order([v.region for v in mine])
    places = {v.subset: v for v in mine}
    order = sorted(places, key=lambda s: (regions.index(places[s].region), country(places[s])))
    names = models_of(mine)
    fig = style.figure(style.PAGE, 24 * len(order) + 130)
    for i, (name, offset) in enumerate(zip(names, spread(len(names), 0.6), strict=True)):
        row = {v.subset: v for v in mine if v.model == name}
        points = [_point(row.get(s)) for s in order]
        texts = [country(places[s]) for s in order]
        add_points(fig, name, [k + offset for k in range(len(order))], points, i, horizontal=True, texts=texts, size=5)
    for k in range(1, len(order)):
        if places[order[k]].region != places[order[k - 1]].region:
            fig.add_hline(y=k - 0.5, line_width=1, line_color=style.GREY)
    labels = [f"{country(places[s])} · {style.endonym(places[s].about)}" for s in order]
    fig.update_yaxes(
        tickvals=list(range(len(order))), ticktext=labels, range=[len(order) - 0.5, -0.5], **style.part(len(order))
    )
    fig.update_xaxes(title_text=f"{style.task_title(task)}, {style.metric_title(mine[0].metric)}", rangemode="tozero")
    fig.update_layout(margin={"l": 190, "t": 46, "b": 44})
    return style.marked(fig, (mark for v in mine for mark in v.marks))


def country(value: Value) -> str:
    """A value's country by name."""
    return COUNTRIES.get(
        value.country, value.country.removeprefix("the ")[:1].upper() + value.country.removeprefix("the ")[1:]
    )


def _point(value: Value | None) -> Point | None:
    if value is None or value.value is None:
        return None
    low, high = (None if end is None else as_points(value, end) for end in (value.low, value.high))
    return Point(as_points(value, value.value), low, high, value.n)


def english_minus_local(
    values: Sequence[Value], local: str = "blend_sqa", english: str = "blend_sqa_en", models: Sequence[str] = ()
) -> Any:
    """Figure 12: how many points more a model scores when asked in English, by region; paired by country.

    Countries whose language is English are left out. The interval takes countries as a sample, none below three.
    """
    sides = []
    for task in (local, english):
        mine = [v for v in pick(values, task, models=models) if v.value is not None and v.region]
        sides.append(grid([v for v in mine if v.metric == mine[0].metric]))
    names = [m for m in sides[0] if m in sides[1]]
    if not names:
        raise UsageError(f"no model has both {local} and {english}")
    shared = [s for s in common_subsets(sides[0]) if all(s in sides[1][m] for m in names)]
    shared = [s for s in shared if sides[0][names[0]][s].about != "eng_Latn"]
    regions = style.region_order([sides[0][names[0]][s].region for s in shared])
    fig = style.figure(style.PAGE, 300)
    for i, (name, offset) in enumerate(zip(names, spread(len(names)), strict=True)):
        points = [
            mean_point([_gap(sides[0][name][s], sides[1][name][s]) for s in shared if sides[0][name][s].region == r])
            for r in regions
        ]
        add_points(fig, name, [k + offset for k in range(len(regions))], points, i, texts=regions)
    counts = [sum(sides[0][names[0]][s].region == r for s in shared) for r in regions]
    labels = [f"{r}<br>n={n}" for r, n in zip(regions, counts, strict=True)]
    fig.update_xaxes(
        tickvals=list(range(len(regions))),
        ticktext=labels,
        range=[-0.5, len(regions) - 0.5],
        **style.part(len(regions)),
    )
    fig.add_hline(y=0, line_width=1, line_color=style.GREY)
    fig.update_yaxes(title_text="English minus local language, points")
    fig.update_layout(margin={"t": 46, "b": 66, "l": 52})
    style.marked(fig, (mark for side in sides for row in side.values() for v in row.values() for mark in v.marks))
    return style.note(
        fig, "n: countries, English-speaking ones left out. Bars: 95 %, countries as a sample.", pixels=-40
    )


def _gap(local: Value, english: Value) -> float:
    return as_points(english, english.value or 0.0) - as_points(local, local.value or 0.0)
