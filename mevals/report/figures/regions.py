"""Figures 1, 7, 14 and 15: models by region of the world, and variants of a model against the model itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mevals.errors import UsageError
from mevals.report import style
from mevals.report.figures.points import INTERVALS, Point, add_points, mean_of, mean_point, spread
from mevals.report.table import group_of
from mevals.report.values import Value, as_points, common_subsets, grid, models_of, pick

ABBREVIATED = {"Asia Pacific": "Asia<br>Pacific", "West Asia": "West<br>Asia", "South Asia": "South<br>Asia"}


def best_by_region(
    values: Sequence[Value], tasks: Sequence[str] = (), family: str = "", models: Sequence[str] = ()
) -> Any:
    """Figure 1: mean score by region, one panel per task; the best member of `family` in each region as an open ring.

    `family` is what its members' names begin with. Choosing the best member for each region after the fact flatters a
    family, so each fixed member stands beside it. Means are over the languages that all shown models have.
    """
    chosen = list(tasks) or list(dict.fromkeys(v.task for v in values if v.metric not in ("length",)))
    panels = [(task, _panel(values, task, models)) for task in chosen]
    panels = [(task, mine) for task, mine in panels if mine]
    if not panels:
        raise UsageError("figure 1 needs values per language of at least one task")
    names = list(dict.fromkeys(v.model for _, mine in panels for v in mine))
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    fig = style.figure(
        style.PAGE, 185 * rows + 150, rows=rows, cols=columns, vertical_spacing=0.42 / rows, horizontal_spacing=0.08,
        subplot_titles=[f"{style.task_title(task)}, {style.metric_title(mine[0].metric)}" for task, mine in panels],
    )  # fmt: skip
    shown: set[str] = set()
    for k, (_, mine) in enumerate(panels):
        where = {"row": k // columns + 1, "col": k % columns + 1}
        _draw_panel(fig, mine, names, family, where, shown)
    fig.update_layout(margin={"t": 92, "b": 84}, legend={"y": 1.0, "yref": "container", "yanchor": "top"})
    ring = f"<br>Ring: the best of {family}* in that region, chosen after the fact." if family else ""
    style.marked(fig, (mark for _, mine in panels for v in mine for mark in v.marks))
    return style.note(fig, INTERVALS + ring, pixels=-44)


def _panel(values: Sequence[Value], task: str, models: Sequence[str]) -> list[Value]:
    """One task's values on its main metric over the languages that all its models have."""
    mine = [v for v in pick(values, task, models=models) if v.about and "[" not in v.metric]
    mine = [v for v in mine if v.metric == mine[0].metric]
    shared = set(common_subsets(grid(mine)))
    return [v for v in mine if v.subset in shared]


def _draw_panel(
    fig: Any, mine: Sequence[Value], names: Sequence[str], family: str, where: dict[str, Any], shown: set[str]
) -> None:
    regions = style.region_order([v.region for v in mine])
    present = [name for name in names if any(v.model == name for v in mine)]
    offsets = spread(len(present))
    members: dict[int, tuple[float, Point]] = {}
    chosen = family if sum(name.startswith(family) for name in present) > 1 else ""  # of one member there is no best
    sign = 1 if mine[0].better == "higher" else -1
    for model, offset in zip(present, offsets, strict=True):
        points = [mean_of([v for v in mine if v.model == model and v.region == r]) for r in regions]
        places = [k + offset for k in range(len(regions))]
        add_points(
            fig, model, places, points, names.index(model), texts=regions, legend=model not in shown, size=5, **where
        )
        shown.add(model)
        if chosen and model.startswith(chosen):
            for k, point in enumerate(points):
                if point and (k not in members or sign * point.mean > sign * members[k][1].mean):
                    members[k] = (k + offset, point)
    if members:
        _rings(fig, list(members.values()), family, "ring" not in shown, where)
        shown.add("ring")
    counts = {r: len({v.subset for v in mine if v.region == r}) for r in regions}
    labels = [f"{ABBREVIATED.get(r, r)}<br>n={counts[r]}" for r in regions]
    fig.update_xaxes(tickvals=list(range(len(regions))), ticktext=labels, **style.part(len(regions)), **where)


def _rings(fig: Any, members: Sequence[tuple[float, Point]], family: str, legend: bool, where: dict[str, int]) -> None:
    import plotly.graph_objects as go

    fig.add_trace(
        go.Scatter(
            x=[place for place, _ in members],
            y=[point.mean for _, point in members],
            mode="markers",
            name=f"best of {family.strip()}*",
            legendgroup="ring",
            showlegend=legend,
            hoverinfo="skip",
            marker={"size": 12, "symbol": "circle-open", "color": style.GREY, "line": {"width": 1.5}},
        ),
        **where,
    )


def difference_by(
    values: Sequence[Value], task: str, base: str, variants: Sequence[str] = (), by: str = "region", metric: str = ""
) -> Any:
    """Figures 7 (by="region"), 14 (by="all") and 15 (by="web-presence"): each variant minus `base` on the same languages.

    The interval is of the mean difference with languages taken as a sample: pairing by language takes out how hard each is.
    Raises UsageError where `base` or every variant is missing.
    """
    mine = [v for v in pick(values, task, metric) if v.value is not None]
    mine = [v for v in mine if v.metric == mine[0].metric]
    table = grid(mine)
    names = [m for m in variants or models_of(mine) if m != base and m in table]
    if base not in table or not names:
        raise UsageError(f"{task} needs values of {base!r} and of a variant to compare with it")
    groups = _groups([v for v in mine if v.model == base], by)
    fig = style.figure(style.PAGE if len(groups) > 3 else style.COLUMN, 280)
    for i, (name, offset) in enumerate(zip(names, spread(len(names), 0.5), strict=True)):
        points = [_difference(table[base], table[name], subsets) for subsets in groups.values()]
        add_points(fig, name, [k + offset for k in range(len(groups))], points, i, texts=list(groups))
    labels = [f"{ABBREVIATED.get(g, g)}<br>n={len(s)}" for g, s in groups.items()]
    fig.update_xaxes(tickvals=list(range(len(groups))), ticktext=labels, showgrid=False)
    fig.update_yaxes(title_text=f"{style.metric_title(mine[0].metric)}: minus {base}")
    fig.add_hline(y=0, line_width=1, line_color=style.GREY)
    fig.update_layout(margin={"b": 66, "l": 52}, showlegend=True)
    style.marked(fig, (mark for v in mine for mark in v.marks))
    return style.note(
        fig, f"{style.task_title(task)}. Mean of differences language by language; bars: 95 %.", pixels=-42
    )


def _groups(values: Sequence[Value], by: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for value in values:
        group = value.region if by == "region" else group_of(value.about, by)
        found.setdefault(group, []).append(value.subset)
    order = style.region_order(list(found)) if by == "region" else sorted(found)
    return {group: found[group] for group in order}


def _difference(base: dict[str, Value], variant: dict[str, Value], subsets: Sequence[str]) -> Point | None:
    pairs = [(base[s], variant[s]) for s in subsets if s in variant]
    return mean_point([as_points(b, b.value or 0.0) - as_points(a, a.value or 0.0) for a, b in pairs])
