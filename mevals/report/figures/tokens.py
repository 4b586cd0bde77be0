"""Figure 3: tokens per character by script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mevals import languages
from mevals.report import style
from mevals.tokenizer_report import ScriptTokens


def tokens_by_script(rows: Sequence[ScriptTokens]) -> Any:
    """Figure 3: tokens per character, tokenizers stacked, scripts by total height, the number of languages over each bar.

    Scripts are not comparable per character; beside the paper's view use tokens per parallel sentence (`premium`).
    """
    import plotly.graph_objects as go

    heights: dict[str, float] = {}
    for row in rows:
        heights[row.script] = heights.get(row.script, 0.0) + row.per_character
    order = sorted(heights, key=lambda s: (heights[s], s))
    names = list(dict.fromkeys(r.tokenizer for r in rows))
    labels = [languages.SCRIPT_NAMES.get(s, s) for s in order]
    fig = style.figure(style.PAGE, 330)
    for i, name in enumerate(names):
        mine = {r.script: r for r in rows if r.tokenizer == name}
        ys = [mine[s].per_character if s in mine else None for s in order]
        fig.add_trace(
            go.Bar(
                x=labels, y=ys, name=name, marker={"color": style.colour(i), "line": {"color": "white", "width": 0.5}}
            )
        )
    counts = {r.script: r.languages for r in rows}
    fig.add_trace(
        go.Scatter(
            x=labels, y=[heights[s] for s in order], mode="text", text=[str(counts[s]) for s in order],
            textposition="top center", textfont={"size": style.SMALL}, showlegend=False, hoverinfo="skip",
        )
    )  # fmt: skip
    fig.update_layout(barmode="stack", bargap=0.25, margin={"b": 96})
    fig.update_xaxes(tickangle=-50)
    fig.update_yaxes(title_text="tokens per character, stacked")
    return fig
