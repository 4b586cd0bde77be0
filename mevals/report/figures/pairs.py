"""Figure 6 and its kin: two models language by language, and models between two conditions or tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mevals import languages
from mevals.errors import UsageError
from mevals.report import style
from mevals.report.figures.points import mean_of
from mevals.report.values import Value, as_points, common_subsets, grid, models_of, pick

PANEL = 40
"""Languages in one column of a dumbbell chart; more make two columns."""


def dumbbell(values: Sequence[Value], task: str, first: str, second: str, metric: str = "") -> Any:
    """Figure 6: both models' score in each language, joined by a line; languages by region, then by web presence.

    Each cell's own 95 % interval is drawn where the values have one. Raises UsageError where a model is missing.
    """
    mine = pick(values, task, metric, models=(first, second))
    mine = [v for v in mine if v.metric == mine[0].metric]
    table = grid(mine)
    if first not in table or second not in table:
        raise UsageError(f"{task} needs values of both {first!r} and {second!r}")
    subsets = _ordered([table[first][s] for s in common_subsets(table)])
    half = -(-len(subsets) // 2) if len(subsets) > PANEL else len(subsets)
    panels = [subsets[:half], subsets[half:]] if half < len(subsets) else [subsets]
    fig = style.figure(
        style.PAGE if len(panels) == 2 else style.COLUMN, 13 * half + 110, rows=1, cols=len(panels), shared_xaxes=True,
        horizontal_spacing=0.26,
    )  # fmt: skip
    ends = [as_points(v, v.value or 0.0) for name in (first, second) for v in table[name].values()]
    for column, names in enumerate(panels, 1):
        _draw(fig, [[table[model][s] for s in names] for model in (first, second)], (first, second), column)
        fig.update_yaxes(
            tickvals=list(range(len(names))), ticktext=_labels(table[first], names), autorange="reversed", showgrid=False,
            row=1, col=column,
        )  # fmt: skip
    fig.update_xaxes(range=[min(0.0, *ends), max(ends) * 1.05], title_text=style.metric_title(mine[0].metric))
    fig.update_layout(margin={"l": 118, "t": 34, "b": 62})
    wins = sum((table[second][s].value or 0) < (table[first][s].value or 0) for s in subsets)
    ties = sum(table[second][s].value == table[first][s].value for s in subsets)
    said = f"{style.task_title(task)}: {first} is above in {wins}, equal as printed in {ties} of {len(subsets)}."
    style.marked(fig, (mark for v in mine for mark in v.marks))
    return style.note(fig, said, pixels=-42)


def _ordered(values: Sequence[Value]) -> list[str]:
    regions = style.region_order([v.region for v in values])

    def place(value: Value) -> tuple[int, int, str]:
        return regions.index(value.region), -(languages.get(value.about).pages or 0), value.subset

    return [v.subset for v in sorted(values, key=place)]


def _labels(row: dict[str, Value], subsets: Sequence[str]) -> list[str]:
    """Endonyms; where a language has several subsets, its territory too."""
    abouts = [row[s].about for s in row]
    return [style.endonym(row[s].about) + (f"-{s[-2:]}" if abouts.count(row[s].about) > 1 else "") for s in subsets]


def _draw(fig: Any, rows: Sequence[Sequence[Value]], names: Sequence[str], column: int) -> None:
    import plotly.graph_objects as go

    xs = [[as_points(v, v.value or 0.0) for v in row] for row in rows]
    lines_x = [x for pair in zip(*xs, strict=True) for x in (*pair, None)]
    lines_y = [y for k in range(len(rows[0])) for y in (k, k, None)]
    fig.add_trace(
        go.Scatter(x=lines_x, y=lines_y, mode="lines", line={"color": "#B5B5B5", "width": 2}, showlegend=False, hoverinfo="skip"),
        row=1, col=column,
    )  # fmt: skip
    for i, (name, row, x) in enumerate(zip(names, rows, xs, strict=True)):
        bars = {
            "type": "data", "symmetric": False, "thickness": 1, "width": 0,
            "array": [0 if v.high is None else as_points(v, v.high) - p for v, p in zip(row, x, strict=True)],
            "arrayminus": [0 if v.low is None else p - as_points(v, v.low) for v, p in zip(row, x, strict=True)],
        }  # fmt: skip
        fig.add_trace(
            go.Scatter(
                x=x, y=list(range(len(row))), error_x=bars, mode="markers", name=name, legendgroup=name,
                showlegend=column == 1, text=[languages.get(v.about).name for v in row],
                hovertemplate="%{text}: %{x:.1f}<extra>" + name + "</extra>",
                marker={"size": 6, "color": style.colour(i), "symbol": style.symbol(i)},
            ),
            row=1, col=column,
        )  # fmt: skip


def slope_chart(values: Sequence[Value], left: str, right: str, models: Sequence[str] = ()) -> Any:
    """Every model's mean on two tasks (or conditions, as task@condition), joined by a line, over what all models have."""
    import plotly.graph_objects as go

    sides = []
    for name in (left, right):
        task, _, condition = name.partition("@")
        mine = pick(values, task, condition=condition, models=models)
        mine = [v for v in mine if v.metric == mine[0].metric]
        shared = set(common_subsets(grid(mine)))
        sides.append([v for v in mine if v.subset in shared])
    names = [m for m in models_of(sides[0]) if m in models_of(sides[1])]
    if not names:
        raise UsageError(f"no model has both {left} and {right}")
    fig = style.figure(style.COLUMN, 300)
    for i, name in enumerate(names):
        points = [mean_of([v for v in side if v.model == name]) for side in sides]
        fig.add_trace(
            go.Scatter(
                x=[0, 1], y=[p and p.mean for p in points], mode="lines+markers+text", name=name, showlegend=False,
                text=["", name], textposition="middle right", textfont={"size": style.SMALL, "color": style.colour(i)},
                line={"color": style.colour(i)}, marker={"symbol": style.symbol(i), "size": 7},
            )
        )  # fmt: skip
    labels = [f"{style.task_title(n.partition('@')[0])}<br>{n.partition('@')[2]}" for n in (left, right)]
    fig.update_xaxes(tickvals=[0, 1], ticktext=labels, range=[-0.15, 1.7], showgrid=False)
    fig.update_yaxes(title_text=style.metric_title(sides[0][0].metric))
    return style.marked(fig, (mark for side in sides for v in side for mark in v.marks))
