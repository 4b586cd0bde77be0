"""Figure 13: how fast models answer, from the times that runs recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mevals.errors import UsageError
from mevals.report import style


def throughput(times: Mapping[str, Sequence[tuple[float, int]]]) -> Any:
    """Output tokens a second of single requests: median (dot) and middle half (bar) for each model.

    `times` holds (latency in seconds, output tokens) of each request. Requests in flight together slow each other: the
    figure compares runs made with the same concurrency on the same machine only.
    """
    import numpy as np
    import plotly.graph_objects as go

    rates = {m: np.array([n / s for s, n in rows if s > 0 and n > 0]) for m, rows in times.items()}
    rates = {m: r for m, r in rates.items() if r.size}
    if not rates:
        raise UsageError("no answer has both a latency and a count of output tokens")
    names = sorted(rates, key=lambda m: -float(np.median(rates[m])))
    quarters = np.array([np.quantile(rates[m], [0.25, 0.5, 0.75]) for m in names])
    fig = style.figure(style.COLUMN, 28 * len(names) + 100)
    fig.add_trace(
        go.Scatter(
            x=quarters[:, 1], y=names, mode="markers", marker={"size": 7, "color": style.colour(0)}, showlegend=False,
            error_x={"type": "data", "symmetric": False, "array": quarters[:, 2] - quarters[:, 1],
                     "arrayminus": quarters[:, 1] - quarters[:, 0], "thickness": 3, "width": 0},
        )
    )  # fmt: skip
    fig.update_yaxes(autorange="reversed")
    fig.update_xaxes(title_text="output tokens per second of one request", rangemode="tozero")
    fig.update_layout(margin={"l": 120})
    return fig
