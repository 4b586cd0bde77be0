"""Reports on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from mevals.report.table import CAPTION, HEAD, Row, line, titles


def print_rows(rows: Sequence[Row], by: str) -> None:
    """Print a report as tables, one for each metric of each task."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    for title, mine in titles(rows):
        table = Table(title=Text(title), title_justify="left", header_style="bold", show_edge=False, pad_edge=False)
        for i, name in enumerate((by, *HEAD[1:])):
            table.add_column(name, justify="left" if i in (0, 1, 5, 9) else "right", no_wrap=i in (2, 3, 4))
        last = ""
        for row in mine:
            texts = line(row)
            table.add_row(*(Text(t) for t in (texts[0] if texts[0] != last else "", *texts[1:])))
            last = texts[0]
        console.print(table)
        console.print()
    console.print(Text(CAPTION, style="dim"))
