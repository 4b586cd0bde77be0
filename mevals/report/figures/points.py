"""Means over languages with their intervals, as figures place them: one dot each, models side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mevals.report import style
from mevals.report.values import Value, as_points


@dataclass(frozen=True, slots=True)
class Point:
    """A mean over `n` languages in shown points, and its 95 % interval (None below three languages)."""

    mean: float
    low: float | None
    high: float | None
    n: int


def mean_point(values: Sequence[float]) -> Point | None:
    """The mean with the languages taken as a sample; None for no value."""
    from mevals.stats import sampled_languages

    if not values:
        return None
    found = sampled_languages(values, seed=1, draws=1000)
    low, high = (None, None) if found.interval is None else (found.interval.low, found.interval.high)
    return Point(sum(values) / len(values), low, high, len(values))


def mean_of(values: Sequence[Value]) -> Point | None:
    """The mean of the values that there are, its interval within the metric's scale."""
    present = [as_points(v, v.value) for v in values if v.value is not None]
    found = mean_point(present)
    if found is None or found.low is None or found.high is None:
        return found
    scale = next((v.scale for v in values if v.scale), None)
    if scale is None:
        return found
    low, high = (as_points(values[0], end) for end in scale)
    return Point(found.mean, max(low, found.low), min(high, found.high), found.n)


def add_points(
    fig: Any,
    name: str,
    places: Sequence[float],
    points: Sequence[Point | None],
    i: int,
    *,
    horizontal: bool = False,
    texts: Sequence[str] = (),
    legend: bool = True,
    look: Mapping[str, Any] | None = None,
    size: float = 6,
    **where: Any,
) -> None:
    """Adds one model's dots at `places`, with intervals as thin bars. `horizontal` puts the values on x."""
    import plotly.graph_objects as go

    kept = [
        (place, p, t) for place, p, t in zip(places, points, texts or [""] * len(points), strict=True) if p is not None
    ]
    means = [p.mean for _, p, _ in kept]
    up = [0.0 if p.high is None else p.high - p.mean for _, p, _ in kept]
    down = [0.0 if p.low is None else p.mean - p.low for _, p, _ in kept]
    bars = {"type": "data", "symmetric": False, "array": up, "arrayminus": down, "thickness": 1, "width": 0}
    axes = {"x": means, "y": [q for q, _, _ in kept], "error_x": bars}
    if not horizontal:
        axes = {"y": means, "x": [q for q, _, _ in kept], "error_y": bars}
    fig.add_trace(
        go.Scatter(
            **axes,
            mode="markers",
            name=name,
            legendgroup=name,
            showlegend=legend,
            text=[f"{t} n={p.n}".strip() for _, p, t in kept],
            hovertemplate="%{text}: %{" + ("x" if horizontal else "y") + ":.1f}<extra>" + name + "</extra>",
            marker={"size": size, "color": style.colour(i), "symbol": style.symbol(i), **(look or {})},
        ),
        **where,
    )


def spread(count: int, room: float = 0.7) -> list[float]:
    """Offsets that put `count` models side by side around a place."""
    if count < 2:
        return [0.0]
    return [room * (k / (count - 1) - 0.5) for k in range(count)]


INTERVALS = "Bars: 95 % interval of the mean, languages taken as a sample (none below three)."
