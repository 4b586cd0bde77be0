"""The one house style of figures: real paper widths, a colour-blind safe palette, and every language in its own script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

COLUMN = 336
"""Width of one paper column in pixels: 3.5 inches at 96 pixels an inch."""
PAGE = 672
"""Width of both columns: 7 inches."""
TEXT = 10.7
"""8 points, in pixels: the smallest that stays readable in print."""
SMALL = 9.3
"""7 points, for labels of sixty languages."""

FONTS = (
    "Noto Sans, Noto Sans Arabic, Noto Sans Hebrew, Noto Sans Devanagari, Noto Sans Bengali, Noto Sans Gujarati, "
    "Noto Sans Gurmukhi, Noto Sans Tamil, Noto Sans Telugu, Noto Sans Kannada, Noto Sans Malayalam, Noto Sans Sinhala, "
    "Noto Sans Thai, Noto Sans Lao, Noto Sans Khmer, Noto Sans Myanmar, Noto Sans Ethiopic, Noto Sans Georgian, "
    "Noto Sans Armenian, Noto Sans CJK SC, Noto Sans CJK JP, Noto Sans CJK KR, Noto Sans CJK TC, Arial Unicode MS, sans-serif"
)

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6BB1", "#7F7F7F", "#B2A100")
"""Okabe & Ito's colours (2008, Color Universal Design), in an order that parts neighbours, and three more at the end."""
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "pentagon", "star", "cross", "x", "hexagon")
"""A symbol beside every colour, so that no figure depends on colour alone."""
GREY, LINE = "#5A5A5A", "#D9D9D9"


def colour(i: int) -> str:
    """The i-th colour; they repeat after ten."""
    return PALETTE[i % len(PALETTE)]


def symbol(i: int) -> str:
    """The i-th symbol; they repeat after ten."""
    return SYMBOLS[i % len(SYMBOLS)]


def figure(width: int = PAGE, height: int = 300, **axes: Any) -> Any:
    """An empty plotly figure in the house style; `axes` go to `make_subplots`."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    found = make_subplots(**axes) if axes else go.Figure()
    return dress(found, width, height)


def dress(found: Any, width: int, height: int) -> Any:
    """`found` with the house style on it."""
    found.update_layout(
        width=width,
        height=height,
        template="none",
        font={"family": FONTS, "size": TEXT, "color": "#1A1A1A"},
        margin={"l": 46, "r": 8, "t": 26, "b": 40},
        paper_bgcolor="white",
        plot_bgcolor="white",
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "font": {"size": TEXT}, "tracegroupgap": 2},
        hoverlabel={"font": {"family": FONTS}},
    )
    quiet = {"gridcolor": LINE, "zeroline": False, "linecolor": GREY, "ticks": "", "tickfont": {"size": SMALL}}
    found.update_xaxes(**quiet, showline=False, title_font_size=TEXT, title_standoff=6)
    found.update_yaxes(**quiet, showline=False, title_font_size=TEXT)
    found.update_annotations(font_size=TEXT)
    return found


def note(found: Any, text: str, y: float = 0, pixels: int = -34) -> Any:
    """Adds a line of small print under the figure, such as what the intervals are."""
    found.add_annotation(
        text=text, xref="paper", yref="paper", x=0, y=y, yshift=pixels, xanchor="left", yanchor="top", showarrow=False,
        align="left", font={"size": SMALL, "color": GREY},
    )  # fmt: skip
    return found


def marked(found: Any, marks: Iterable[str]) -> Any:
    """The figure with "reported" or "simulated" in its corner where it shows such numbers."""
    words = sorted(set(marks) & {"reported", "simulated", "imported"})
    if words:
        found.add_annotation(
            text=" and ".join(words) + " numbers", xref="paper", yref="paper", x=1, y=0, xanchor="right", yanchor="bottom",
            yshift=-float(found.layout.margin.b) + 1, showarrow=False, font={"size": SMALL, "color": PALETTE[1]},
        )  # fmt: skip
    return found


def part(count: int, first: float = 0.5) -> dict[str, Any]:
    """Axis settings that draw a thin line between `count` groups at whole places, which is far faster than shapes are."""
    lines = [first + k for k in range(count - 1)]
    return {"minor": {"tickvals": lines, "showgrid": True, "gridcolor": LINE, "gridwidth": 1}, "showgrid": False}


def endonym(lang: str) -> str:
    """A language's own name and its ISO code: `Kiswahili swh`; isolated, so that direction never spills over."""
    from mevals import languages

    found = languages.get(lang)
    # First strong isolate … pop: right-to-left names must not turn the code beside them round.
    return f"\u2068{found.endonym or found.name}\u2069 {found.iso639_3}"


def region_order(names: Sequence[str]) -> list[str]:
    """Region names in the paper's order, others after them."""
    from mevals import languages

    known = [r for r in languages.REGIONS if r in names]
    return known + sorted(set(names) - set(known))


TITLES = {
    "mdolly": "mDolly", "marena_hard": "m-ArenaHard", "global_mgsm": "GlobalMGSM", "flores_en_xx": "FLORES en→xx",
    "flores_xx_en": "FLORES xx→en", "wmt24pp": "WMT24++", "global_mmlu": "Global-MMLU", "include": "INCLUDE",
    "global_piqa": "Global PIQA", "blend_sqa": "BLEnD", "blend_sqa_en": "BLEnD, English", "normad": "NormAd",
    "normad_source": "NormAd, source language", "multijail": "MultiJail", "xstest": "XSTest",
}  # fmt: skip


def task_title(task: str) -> str:
    """The name that readers know a task by."""
    return TITLES.get(task, task)


METRICS = {
    "chrf": "chrF",
    "chrf++": "chrF++",
    "accuracy": "accuracy, %",
    "rubric": "judge score, %",
    "match": "match, %",
}


def metric_title(metric: str) -> str:
    """The name of a metric's axis."""
    return METRICS.get(metric, metric)
