"""Ranks as intervals, because a place in a table is an estimate like any other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from mevals.errors import UsageError
from mevals.report import style
from mevals.report.values import Value, common_subsets, grid, pick


def rank_chart(
    values: Sequence[Value], task: str, metric: str = "", models: Sequence[str] = (), draws: int = 2000
) -> Any:
    """Each model's place and its 95 % interval, over the languages that all have, taken as a sample of languages."""
    import plotly.graph_objects as go

    from mevals.stats import rank_intervals, shared_draws

    mine = [v for v in pick(values, task, metric, models=models) if v.value is not None]
    mine = [v for v in mine if v.metric == mine[0].metric]
    table = grid(mine)
    shared, names = common_subsets(table), list(table)
    if len(names) < 2 or len(shared) < 3:
        raise UsageError(f"ranks on {task} need at least two models with three languages in common")
    matrix = np.array([[table[m][s].value for m in names] for s in shared], dtype=np.float64)
    ranks = rank_intervals(
        names, matrix.mean(axis=0), shared_draws([matrix], draws, 1), better=cast(Any, mine[0].better)
    )
    ordered = sorted(ranks, key=lambda r: (r.low, r.high, -r.value))
    fig = style.figure(style.COLUMN, 24 * len(names) + 110)
    middle = [(r.low + r.high) / 2 for r in ordered]
    fig.add_trace(
        go.Scatter(
            x=middle, y=[r.name for r in ordered], mode="markers", marker={"size": 1, "color": style.colour(0)}, showlegend=False,
            error_x={
                "type": "data", "array": [(r.high - r.low) / 2 + 0.12 for r in ordered], "thickness": 8, "width": 0,
                "color": style.colour(0),
            },
            text=[f"{r.low}-{r.high}" for r in ordered], hovertemplate="%{y}: rank %{text}<extra></extra>",
        )
    )  # fmt: skip
    fig.update_yaxes(autorange="reversed")
    fig.update_xaxes(title_text=f"rank on {style.task_title(task)}", dtick=1, range=[0.5, len(names) + 0.5])
    fig.update_layout(margin={"l": 120, "b": 62})
    style.marked(fig, (mark for v in mine for mark in v.marks))
    return style.note(fig, f"95 % intervals over {len(shared)} languages as a sample.", pixels=-42)
