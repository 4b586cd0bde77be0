"""One report as one HTML page: opens from a file, needs no script, loads nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from mevals.report.table import CAPTION, HEAD, Row, line, titles

TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{{ title }}</title>
<style>
:root { color-scheme: light dark;
  --line: color-mix(in srgb, currentColor 18%, transparent);
  --quiet: color-mix(in srgb, currentColor 65%, transparent); }
body { font: 15px/1.5 system-ui, "Noto Sans", sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem } h2 { font-size: 1.05rem; margin: 2rem 0 .25rem }
p.note { color: var(--quiet); margin: 0 0 1rem; overflow-wrap: anywhere }
p.mark { border: 1px solid; border-radius: .4rem; padding: .4rem .7rem; display: inline-block; font-weight: 600 }
.scroll { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; min-width: 40rem }
th, td { text-align: end; padding: .25rem .7rem; border-bottom: 1px solid var(--line); white-space: nowrap }
th:nth-child(-n+2), td:nth-child(-n+2), th:last-child, td:last-child { text-align: start }
tr.next td { border-top: 1px solid currentColor }
</style>
</head>
<body>
<h1>{{ title }}</h1>
<p class="note">mevals {{ version }} · {{ made }}</p>
{% if simulated %}<p class="mark">Simulated:
these numbers come from mevals' own simulated model. They say nothing about any real one.</p>{% endif %}
{% for heading, signature, rows in tables %}
<h2>{{ heading }}</h2>
<p class="note">{{ signature }}</p>
<div class="scroll"><table>
<thead><tr>{% for name in head %}<th scope="col">{{ name }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in rows %}<tr{% if row.first %} class="next"{% endif %}>
{% for text in row.texts %}<td><bdi>{{ text }}</bdi></td>{% endfor %}</tr>
{% endfor %}</tbody>
</table></div>
{% endfor %}
<p class="note">{{ caption }}</p>
</body>
</html>
"""


def render_page(rows: Sequence[Row], by: str, title: str = "") -> str:
    """The page for a report's rows; every text in it is escaped."""
    import jinja2

    import mevals

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    tables = []
    for name, mine in titles(rows):
        heading, _, signature = name.rpartition(" · ")
        tables.append((heading, signature, [_texts(row, mine[i - 1] if i else None) for i, row in enumerate(mine)]))
    return environment.from_string(TEMPLATE).render(
        title=title or f"Results by {by}",
        version=mevals.__version__,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        simulated=any("simulated" in row.marks for row in rows),
        tables=tables,
        head=(by, *HEAD[1:]),
        caption=CAPTION,
    )


def _texts(row: Row, before: Row | None) -> dict[str, object]:
    texts = line(row)
    first = before is None or before.group != row.group
    return {"texts": texts if first else ("", *texts[1:]), "first": first}
