"""Figures as files: HTML that needs nothing but itself, and PNG, SVG or PDF through a local Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mevals.errors import UsageError, did_you_mean

FORMATS = ("html", "png", "svg", "pdf")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SCALE = 3
"""Pixels of a PNG per pixel of the figure: 288 an inch."""


def check_formats(formats: Sequence[str]) -> None:
    """Raises UsageError for an unknown format, and where static export has no kaleido or no browser, saying what to install."""
    for name in formats:
        if name not in FORMATS:
            raise UsageError(f"unknown format {name!r}{did_you_mean(name, FORMATS)} Known: {', '.join(FORMATS)}")
    if set(formats) <= {"html"}:
        return
    try:
        import kaleido  # noqa: F401
    except ImportError:
        raise UsageError("PNG, SVG and PDF need kaleido: pip install 'mevals[images]'; HTML needs nothing") from None
    if browser() is None:
        raise UsageError(
            "PNG, SVG and PDF need a local Chromium or Chrome: install the package chromium, or set BROWSER_PATH to one; "
            "HTML needs none"
        )


def browser() -> str | None:
    """The browser that draws static images: $BROWSER_PATH, or the first that is installed."""
    import os

    named = os.environ.get("BROWSER_PATH")
    return named or next((found for name in BROWSERS if (found := shutil.which(name))), None)


def write_figures(figures: Mapping[str, Any], folder: Path, formats: Sequence[str] = ("html",)) -> list[Path]:
    """Writes every figure in every format as `<folder>/<name>.<format>`; returns the paths."""
    check_formats(formats)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in figures:
        if "html" in formats:
            written.append(_html(figures[name], folder / f"{name}.html", name))
    written += _images(figures, folder, [f for f in FORMATS if f in formats and f != "html"])
    return written


def _html(figure: Any, path: Path, title: str) -> Path:
    """One page that holds plotly itself, so that it opens offline."""
    from mevals.store import write_atomically

    config = {"displaylogo": False, "responsive": False}
    body = figure.to_html(full_html=False, include_plotlyjs=True, config=config)
    page = (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{title}</title></head>\n<body dir="ltr">\n'
        f"{body}\n</body>\n</html>\n"
    )
    write_atomically(path, page.encode())
    return path


def _images(figures: Mapping[str, Any], folder: Path, formats: Sequence[str]) -> list[Path]:
    if not formats:
        return []
    import os

    import plotly.io as pio

    os.environ.setdefault("BROWSER_PATH", browser() or "")
    jobs = [(figure, folder / f"{name}.{f}", f) for name, figure in figures.items() for f in formats]
    pio.write_images(
        fig=[figure for figure, _, _ in jobs],
        file=[str(path) for _, path, _ in jobs],
        format=[f for _, _, f in jobs],
        scale=[SCALE if f == "png" else 1 for _, _, f in jobs],
        width=[figure.layout.width for figure, _, _ in jobs],
        height=[figure.layout.height for figure, _, _ in jobs],
    )
    return [path for _, path, _ in jobs]
