"""Other people's published result tables, turned into our file of reported numbers (`mevals report --reported mine.csv`).

lm-eval's results and samples come in as cells of their own by `mevals import lm-eval`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from mevals import languages
from mevals.errors import DataError, UsageError, did_you_mean
from mevals.report.reported import COLUMNS

Row = dict[str, str]
NUMBER = re.compile(r"^-?\d+(?:\.\d+)?$")
INTERVAL = re.compile(r"^(-?\d+(?:\.\d+)?)\s*±\s*(\d+(?:\.\d+)?)")


def openai_mmmlu(text: str, task: str = "mmmlu", lang: str = "") -> list[Row]:
    """Rows of the Markdown table of languages × models that OpenAI's simple-evals publishes; shares between 0 and 1.

    Languages stand by name. A line "Average" becomes the models' mean. Raises DataError where there is no such table.
    """
    lines = [line.strip() for line in text.split("\n") if line.strip().startswith("|")]
    if len(lines) < 3:
        raise DataError("the file holds no Markdown table of languages and models")
    head, *body = ([cell.strip().strip("*") for cell in line.strip("|").split("|")] for line in lines)
    out = []
    for cells in body:
        if all(set(cell) <= {":", "-", " "} for cell in cells):
            continue
        label, values = cells[0], cells[1:]
        average = label.casefold().startswith("average")
        about = "" if average else named(label)
        for model, value in zip(head[1:], values, strict=True):
            if NUMBER.match(value):
                out.append(_row(task, model, "accuracy", "mean" if average else "value", label, about, value, "share"))
    return out


def euroeval(text: str, task: str = "", lang: str = "") -> list[Row]:
    """Rows of a EuroEval leaderboard CSV of one language, which must be named: every column with values such as `51.2 ± 0.8`.

    A column becomes the task `euroeval:<column>`; where it holds two metrics joined by "/", the first is taken. Values are per
    cent. Raises UsageError without a language, DataError where no column has such values.
    """
    if not lang:
        raise UsageError("a EuroEval leaderboard is of one language: name it with --lang")
    about = languages.resolve(lang).key
    reader = csv.DictReader(io.StringIO(text))
    names = list(reader.fieldnames or ())
    model_column = next((n for n in names if n.casefold() in ("model", "model id", "model_id")), None)
    if model_column is None:
        raise DataError("the file has no column 'model'")
    out = []
    for line in reader:
        model = re.sub(r"<[^>]*>", "", line[model_column] or "").strip()
        for name in names:
            found = INTERVAL.match((line[name] or "").strip())
            if name != model_column and found:
                label = re.sub(r"<[^>]*>", "", name).strip()
                out.append(_row(f"euroeval:{label}", model, "score", "value", label, about, found[1], "percent"))
    if not out:
        raise DataError("no column holds values such as 51.2 ± 0.8")
    return out


LAYOUTS: Mapping[str, Callable[[str, str, str], list[Row]]] = MappingProxyType(
    {"openai-mmmlu": openai_mmmlu, "euroeval": euroeval}
)


def named(label: str) -> str:
    """The key of a language by its English name; `Arabic`, `Chinese (Simplified)`, `Portuguese (Brazil)` as such tables say."""
    plain = label.partition("(")[0].strip()
    known = {"Arabic": "arb_Arab", "Swahili": "swh_Latn"}
    for name in (known.get(plain, label), label, plain):
        try:
            return languages.resolve(name).key
        except UsageError:
            continue
    return languages.resolve(label).key


def _row(task: str, model: str, metric: str, statistic: str, label: str, about: str, value: str, unit: str) -> Row:
    values = ("", task, model, metric, statistic, label, about, about, "", value, unit, "")
    return dict(zip(COLUMNS, values, strict=True))


def import_published(path: Path, layout: str, out: Path, task: str = "", lang: str = "") -> int:
    """Turn a published table into a file for `--reported`; returns its number of rows. Raises UsageError, DataError."""
    from mevals.report.reported import read_reported
    from mevals.store import write_atomically

    if layout not in LAYOUTS:
        raise UsageError(f"unknown layout {layout!r}{did_you_mean(layout, LAYOUTS)} Known: {', '.join(LAYOUTS)}")
    if not path.is_file():
        raise DataError(f"{path} is missing")
    rows = LAYOUTS[layout](path.read_text(encoding="utf-8-sig"), task or "mmmlu", lang)
    write_atomically(out, to_csv(rows).encode())
    return len(read_reported(out))


def to_csv(rows: Sequence[Row]) -> str:
    """The rows as a file of reported numbers."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
