"""Figure 5: score against how much of the web a language has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mevals import languages
from mevals.errors import UsageError
from mevals.report import style
from mevals.report.figures.points import INTERVALS, add_points, mean_of, spread
from mevals.report.values import Value, common_subsets, grid, models_of, pick


def by_web_presence(values: Sequence[Value], task: str, metric: str = "", models: Sequence[str] = ()) -> Any:
    """Figure 5: mean score in five bins of equal width on log10 of Common Crawl pages, with the number of languages of each.

    Over the languages that all models have and whose pages are known. Raises UsageError where there are none.
    """
    mine = [v for v in pick(values, task, metric, models=models) if v.about]
    mine = [v for v in mine if v.metric == mine[0].metric]
    shared = set(common_subsets(grid(mine)))
    mine = [v for v in mine if v.subset in shared]
    bins: dict[int, list[Value]] = {}
    for value in mine:
        found = languages.web_presence_bin(languages.get(value.about).pages)
        if found is not None:
            bins.setdefault(found, []).append(value)
    if not bins:
        raise UsageError(f"{task} has no values of languages whose web presence is known")
    names, order = models_of(mine), sorted(bins)
    fig = style.figure(style.PAGE, 300)
    for i, (name, offset) in enumerate(zip(names, spread(len(names), 0.6), strict=True)):
        points = [mean_of([v for v in bins[b] if v.model == name]) for b in order]
        add_points(fig, name, [b + offset for b in order], points, i, texts=[languages.bin_label(b) for b in order])
    labels = [_label(b, len({v.subset for v in bins[b]})) for b in order]
    fig.update_xaxes(tickvals=order, ticktext=labels, **style.part(order[-1] - order[0] + 1, order[0] + 0.5))
    fig.update_yaxes(title_text=f"{style.task_title(task)}, {style.metric_title(mine[0].metric)}")
    fig.update_layout(margin={"b": 66, "t": 46})
    style.marked(fig, (mark for v in mine for mark in v.marks))
    return style.note(fig, f"Pages in Common Crawl CC-MAIN-2026-04. {INTERVALS}", pixels=-40)


def _label(web_bin: int, n: int) -> str:
    text = languages.bin_label(web_bin)
    return f"{text.partition('(')[2].rstrip(')')}<br>n={n}"
