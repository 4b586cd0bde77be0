"""Figure 4: which regions' languages each mix of training data holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mevals.report import style
from mevals.report.reported import DATA_MIX, Reported


def data_mixes(rows: Sequence[Reported]) -> Any:
    """Figure 4 from the published shares (Tables 8-14): one bar per mix, one segment per region, English and code."""
    import plotly.graph_objects as go

    mine = [r for r in rows if r.task == DATA_MIX and (r.statistic == "total" or r.table in ("8", "14"))]
    mixes = list(dict.fromkeys(r.model for r in mine))
    groups = ["English", *style.region_order([r.region for r in mine if r.statistic == "total"]), "Code"]
    fig = style.figure(style.PAGE, 60 + 42 * len(mixes) + 60)
    for i, group in enumerate(groups):
        shares = [next((100 * r.value for r in mine if (r.model, r.region) == (m, group)), None) for m in mixes]
        fig.add_trace(
            go.Bar(
                y=mixes, x=shares, name=group, orientation="h",
                marker={"color": style.colour(i), "line": {"color": "white", "width": 1}},
                text=[f"{s:.0f}" if s and s >= 4 else "" for s in shares], textposition="inside", insidetextanchor="middle",
                textangle=0, textfont={"color": "white", "size": style.SMALL},
            )
        )  # fmt: skip
    fig.update_layout(barmode="stack", bargap=0.3, margin={"l": 96, "t": 46})
    fig.update_yaxes(autorange="reversed")
    fig.update_xaxes(title_text="share of the mix, %")
    return style.marked(fig, ["reported"])
