"""How far a judge can be trusted, language by language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mevals.errors import UsageError
from mevals.report import style


def judge_trust(evidence: Mapping[str, Sequence[Any]]) -> Any:
    """Each language's evidence about a judge (`mevals.judge.badge.Evidence`) between its bad and its good bar, one panel a kind.

    Points left of the dotted line are bad, right of the solid one good; for shares that should be low it is turned round.
    """
    from mevals.judge.badge import BARS

    kinds = [k for k in BARS if any(e.kind == k for found in evidence.values() for e in found)]
    if not kinds:
        raise UsageError("there is no evidence about a judge yet: run its calibration, order or retest checks first")
    langs = sorted(evidence)
    fig = style.figure(
        style.PAGE, 14 * len(langs) + 120, rows=1, cols=len(kinds), shared_yaxes=True, subplot_titles=kinds
    )
    for column, kind in enumerate(kinds, 1):
        _panel(fig, kind, langs, evidence, column)
    fig.update_yaxes(tickvals=list(range(len(langs))), ticktext=[style.endonym(x) for x in langs], autorange="reversed")
    fig.update_layout(margin={"l": 118, "t": 40}, showlegend=False)
    return fig


def _panel(fig: Any, kind: str, langs: Sequence[str], evidence: Mapping[str, Sequence[Any]], column: int) -> None:
    import plotly.graph_objects as go

    from mevals.judge.badge import BARS

    bar = BARS[kind]
    found = [(k, e) for k, lang in enumerate(langs) for e in evidence[lang] if e.kind == kind]
    fig.add_trace(
        go.Scatter(
            x=[e.value for _, e in found], y=[k for k, _ in found], mode="markers",
            marker={"color": style.colour(0), "symbol": ["circle" if e.n >= bar.least else "circle-open" for _, e in found]},
            text=[f"n={e.n}" for _, e in found], hovertemplate="%{x:.2f} (%{text})<extra></extra>",
        ),
        row=1, col=column,
    )  # fmt: skip
    fig.add_vline(x=bar.good, line_width=1, line_color=style.GREY, row=1, col=column)
    fig.add_vline(x=bar.bad, line_width=1, line_dash="dot", line_color=style.GREY, row=1, col=column)
    fig.update_xaxes(autorange=None if bar.more else "reversed", row=1, col=column)
