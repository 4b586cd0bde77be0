"""`mevals ls`: what there is, as a table for people or as CSV, JSON or Markdown for programs."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mevals.errors import UsageError, did_you_mean

Record = Mapping[str, Any]


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a plain table; columns that hold numbers are set to the right."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console() if sys.stdout.isatty() else Console(width=170)
    table = Table(header_style="bold", show_edge=False, pad_edge=False)
    for i, name in enumerate(head):
        numeric = bool(rows) and all(r[i].replace(",", "").replace(".", "").rstrip("%").isdigit() for r in rows)
        table.add_column(name, justify="right" if numeric else "left")
    for row in rows:
        table.add_row(*(Text(t) for t in row))
    console.print(table)


def write_table(records: Sequence[Record], format_: str) -> str:
    """Records as CSV, JSON or Markdown. Raises UsageError for another format."""
    if format_ == "json":
        return json.dumps([dict(r) for r in records], ensure_ascii=False, indent=1, default=str) + "\n"
    names = list(records[0]) if records else []
    if format_ == "csv":
        out = io.StringIO()
        writer = csv.DictWriter(out, fieldnames=names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)
        return out.getvalue()
    if format_ == "md":
        lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
        return "\n".join([*lines, *("| " + " | ".join(str(r[n]) for n in names) + " |" for r in records), ""])
    raise UsageError(f"unknown format {format_!r}{did_you_mean(format_, ['table', 'csv', 'json', 'md'])}")


def show(records: Sequence[Record], format_: str) -> None:
    """Print records as a table or in another format."""
    if format_ != "table":
        sys.stdout.write(write_table(records, format_))
    elif records:
        print_table(list(records[0]), [["" if v is None else str(v) for v in r.values()] for r in records])
    else:
        print("nothing here yet", file=sys.stderr)


def list_tasks(verbose: bool, format_: str) -> None:
    """Tasks by name with title and number of subsets; `verbose` adds licence, origin, gating and scorers."""
    from mevals.registry import all_tasks

    show([_task_record(t, verbose) for t in all_tasks().values()], format_)


def _task_record(task: Any, verbose: bool) -> Record:
    card, subsets = task.card, task.subsets()
    record = {"task": task.name, "title": card.title, "subsets": len(subsets), "origin": card.origin}
    if verbose:
        first = next(iter(subsets.values()))
        record |= {
            "license": card.license,
            "access": f"gated: {card.page}" if card.gated else "open",
            "dataset": card.dataset,
            "revision": card.revision or "pinned by the first fetch",
            "scorers": ", ".join(s.metric for s in task.spec.scorers),
            "signature": "; ".join(s.signature(first) for s in task.spec.scorers),
        }
    return record


def list_suites(format_: str) -> None:
    """Suites by name with what they are for."""
    from mevals.registry import all_suites

    show([{"suite": s.name, "about": s.about, "tasks": ", ".join(s.tasks)} for s in all_suites().values()], format_)


def list_models(format_: str) -> None:
    """Models that are known by name, the simulated ones first."""
    from mevals.engines.sim.ability import profile_names
    from mevals.models import load_models

    simulated = [
        {"model": n, "repository": "embedded, simulated", "parameters": None, "license": "Apache-2.0", "note": ""}
        for n in profile_names()
    ]
    known = [
        {
            "model": m.name,
            "repository": m.repository or m.command,
            "parameters": m.parameters,
            "license": m.license,
            "note": "gated" if m.gated else "",
        }
        for m in load_models().values()
    ]
    show([*simulated, *known], format_)


def list_languages(langs: Sequence[str], format_: str) -> None:
    """The registry's languages, or those that `langs` selects."""
    from mevals import languages

    known = languages.load()
    chosen = languages.select(langs) if langs else list(known)
    show([_language_record(known[key]) for key in chosen], format_)


def _language_record(lang: Any) -> Record:
    from mevals import languages

    bin_ = languages.web_presence_bin(lang.pages)
    return {
        "language": lang.key,
        "name": lang.name,
        "endonym": lang.endonym,
        "bcp47": lang.bcp47,
        "script": lang.script,
        "dir": lang.direction,
        "family": lang.family,
        "region": lang.region + ("" if lang.region_source == "paper" else " *"),
        "pages": lang.pages,
        "bin": bin_,
    }


def list_results(results: Path, format_: str) -> None:
    """Models and tasks of a results folder with their cells."""
    from mevals.aggregate import load_cells

    if not results.is_dir():
        raise UsageError(f"there is no results folder {results}")
    found: dict[tuple[str, str, str], list[Record]] = {}
    for cell in load_cells(results):
        found.setdefault((cell["model"], cell["task"], cell["condition"]), []).append(cell)
    records = [
        {
            "model": model,
            "task": task,
            "condition": condition,
            "cells": sum(c["state"] == "complete" for c in cells),
            "unfinished": sum(c["state"] != "complete" for c in cells),
            "samples": sum(c["n"] for c in cells),
            "simulated": "yes" if any(c["simulated"] for c in cells) else "",
        }
        for (model, task, condition), cells in found.items()
    ]
    show(records, format_)
