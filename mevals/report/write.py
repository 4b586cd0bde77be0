"""Plain tables of text in every format: Markdown, CSV, JSON, LaTeX (booktabs) and the terminal."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mevals.errors import UsageError, did_you_mean

FORMATS = ("table", "md", "csv", "json", "latex")


@dataclass(frozen=True)
class Sheet:
    """A table to print: a title, a head, lines of texts, a caption.

    `bold` holds the (line, column) of cells that are best within noise; `records` are the plain rows behind it, for CSV and
    JSON (the printed lines where empty); `left` counts the leading columns of text, the others are numbers.
    """

    title: str
    head: Sequence[str]
    lines: Sequence[Sequence[str]]
    caption: str = ""
    bold: frozenset[tuple[int, int]] = frozenset()
    records: Sequence[Mapping[str, Any]] = field(default_factory=list)
    left: int = 1


def render(sheets: Sequence[Sheet], format_: str) -> str:
    """The sheets as one text. Raises UsageError for an unknown format."""
    if format_ == "json":
        rows = [{"title": s.title, "caption": s.caption, "rows": _records(s)} for s in sheets]
        return json.dumps(rows, ensure_ascii=False, indent=1) + "\n"
    if format_ == "csv":
        return _csv(sheets)
    if format_ in ("md", "table"):
        return "\n".join(_markdown(sheet) for sheet in sheets)
    if format_ == "latex":
        return "\n".join(_latex(sheet) for sheet in sheets)
    raise UsageError(f"unknown format {format_!r}{did_you_mean(format_, FORMATS)} Known: {', '.join(FORMATS)}")


def _records(sheet: Sheet) -> list[Mapping[str, Any]]:
    return list(sheet.records) or [dict(zip(sheet.head, line, strict=True)) for line in sheet.lines]


def _csv(sheets: Sequence[Sheet]) -> str:
    """All sheets under one head: a row for each record, with its sheet's title in front."""
    rows = [{"table": sheet.title, **record} for sheet in sheets for record in _records(sheet)]
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _markdown(sheet: Sheet) -> str:
    def cell(i: int, j: int, text: str) -> str:
        text = text.replace("|", "\\|")
        return f"**{text}**" if (i, j) in sheet.bold else text

    head = "| " + " | ".join(sheet.head) + " |"
    rule = "|" + "---|" * sheet.left + "--:|" * (len(sheet.head) - sheet.left)
    body = ["| " + " | ".join(cell(i, j, t) for j, t in enumerate(line)) + " |" for i, line in enumerate(sheet.lines)]
    return "\n".join([f"**{sheet.title}**", "", head, rule, *body, "", sheet.caption, ""])


LATEX = str.maketrans(
    {
        "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}", "\\": r"\textbackslash{}", "−": "$-$", "–": "--", "…": r"\dots{}", "±": r"$\pm$",
        "≥": r"$\geq$", "·": r"$\cdot$",
    }
)  # fmt: skip


def _latex(sheet: Sheet) -> str:
    """A booktabs table; texts in other scripts need XeLaTeX or LuaLaTeX with a font that has them."""

    def cell(i: int, j: int, text: str) -> str:
        text = text.translate(LATEX)
        return rf"\textbf{{{text}}}" if (i, j) in sheet.bold else text

    columns = "l" * sheet.left + "r" * (len(sheet.head) - sheet.left)
    body = [" & ".join(cell(i, j, t) for j, t in enumerate(line)) + r" \\" for i, line in enumerate(sheet.lines)]
    parts = [
        r"% needs \usepackage{booktabs}", r"\begin{table}", r"\centering", r"\small",
        rf"\begin{{tabular}}{{{columns}}}", r"\toprule", " & ".join(t.translate(LATEX) for t in sheet.head) + r" \\",
        r"\midrule", *body, r"\bottomrule", r"\end{tabular}",
        rf"\caption{{{f'{sheet.title}. {sheet.caption}'.translate(LATEX)}}}", r"\end{table}", "",
    ]  # fmt: skip
    return "\n".join(parts)


def print_sheets(sheets: Sequence[Sheet]) -> None:
    """Print the sheets on a terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console = Console(width=180)
    for sheet in sheets:
        table = Table(
            title=Text(sheet.title), title_justify="left", header_style="bold", show_edge=False, pad_edge=False
        )
        for j, name in enumerate(sheet.head):
            table.add_column(Text(name), justify="left" if j < sheet.left else "right")
        for i, line in enumerate(sheet.lines):
            table.add_row(*(Text(t, style="bold" if (i, j) in sheet.bold else "") for j, t in enumerate(line)))
        console.print(table)
        console.print(Text(sheet.caption, style="dim"))
        console.print()
