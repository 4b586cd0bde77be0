"""Every language on every task at one look, for one model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mevals import languages
from mevals.errors import UsageError
from mevals.report import style
from mevals.report.parity import by_language
from mevals.report.values import Value


def heatmap(values: Sequence[Value], model: str, metrics: Sequence[str] = ()) -> Any:
    """Languages by region and web presence against tasks; a blank says that there is no value, and hovering says why.

    Each column has its own unit, printed in its label; colours run from the column's worst value to its best.
    """
    import plotly.graph_objects as go

    mine = [
        v
        for v in values
        if v.model == model and v.about and v.metric != "length" and (not metrics or v.metric in metrics)
    ]
    if not mine:
        raise UsageError(f"there is no value per language of {model!r}")
    tasks = list(dict.fromkeys((v.task, v.condition, v.metric, v.signature) for v in mine))
    columns = [[v for v in mine if (v.task, v.condition, v.metric, v.signature) == key] for key in tasks]
    tables = [by_language(column) for column in columns]
    reasons = [{v.about: v.why or "not run" for v in column if v.value is None} for column in columns]
    regions = style.region_order([v.region for v in mine])
    home = {v.about: v.region for v in mine}
    order = sorted(home, key=lambda lang: (regions.index(home[lang]), -(languages.get(lang).pages or 0), lang))
    colours, texts, hovers = [], [], []
    for lang in order:
        colours.append([_place(table, lang, c[0].better) for table, c in zip(tables, columns, strict=True)])
        texts.append([f"{table[lang]:.0f}" if lang in table else "" for table in tables])
        hovers.append(
            [f"{t[lang]:.1f}" if lang in t else w.get(lang, "no data") for t, w in zip(tables, reasons, strict=True)]
        )
    labels = [f"{style.task_title(t)}{'@' + c if c else ''}<br>{style.metric_title(m)}" for t, c, m, _ in tasks]
    fig = style.figure(max(style.COLUMN, min(style.PAGE, 130 + 62 * len(tasks))), 14 * len(order) + 110)
    fig.add_trace(
        go.Heatmap(
            z=colours, x=list(range(len(tasks))), y=list(range(len(order))), text=texts, texttemplate="%{text}",
            customdata=hovers, hovertemplate="%{customdata}<extra></extra>", colorscale="Cividis", showscale=False,
            xgap=1, ygap=1, textfont={"size": style.SMALL},
        )
    )  # fmt: skip
    fig.update_yaxes(
        tickvals=list(range(len(order))),
        ticktext=[style.endonym(x) for x in order],
        autorange="reversed",
        showgrid=False,
    )
    fig.update_xaxes(tickvals=list(range(len(tasks))), ticktext=labels, side="top", showgrid=False)
    fig.update_layout(margin={"l": 118, "t": 60, "b": 20})
    return style.marked(fig, (mark for v in mine for mark in v.marks))


def _place(table: dict[str, float], lang: str, better: str) -> float | None:
    """Where a value lies between its column's worst (0) and best (1); None where there is none."""
    if lang not in table:
        return None
    low, high = min(table.values()), max(table.values())
    place = 0.5 if high == low else (table[lang] - low) / (high - low)
    return place if better == "higher" else 1 - place
