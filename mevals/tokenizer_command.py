"""`mevals tokenizers`: the tokenizer report on FLORES, from whatever holds FLORES here."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from mevals import languages
from mevals.card import card_subsets
from mevals.data import Data, Lock, Mini, Where, open_data
from mevals.errors import DataError, UsageError, did_you_mean
from mevals.models import load_models
from mevals.registry import find_tasks
from mevals.task import Card
from mevals.tokenizer_report import ENGLISH, TokenCounter, by_script, load_tokenizer, measure

TASK = "flores_xx_en"
"""Any task of the FLORES folder: only its sentences are read."""


def report_tokenizers(
    sources: Sequence[str],
    by: str,
    langs: Sequence[str],
    graphemes: bool,
    where: str,
    mirror: Path | None,
    offline: bool,
    results: Path,
    format_: str,
    out: Path | None,
) -> None:
    """Print or write the report of the tokenizers `sources`, by language or by script.

    Raises UsageError or DataError for a word that is unknown, a tokenizer that is not there, and sentences that are not.
    """
    places = ("auto", "mini", "mirror", "hub")
    formats = ("table", "csv", "json", "md")
    for given, known, flag in (
        (by, ("lang", "script"), "--by"),
        (format_, formats, "--format"),
        (where, places, "--data"),
    ):
        if given not in known:
            raise UsageError(f"unknown {flag} {given!r}{did_you_mean(given, known)} Known: {', '.join(known)}")
    found = [find_tokenizer(source) for source in sources]
    data = open_data(cast(Where, where), mirror, Lock.open(results.parent / "data.lock.json"), offline=offline)
    texts = sentences(data, langs)
    rows = measure(texts, found, graphemes=graphemes)
    records = [_record(r) for r in (rows if by == "lang" else by_script(rows))]
    _say(len(texts), len(texts[ENGLISH]), isinstance(data, Mini))
    _show(records, by, format_, out)


def find_tokenizer(source: str) -> TokenCounter:
    """The tokenizer of a known model, a repository, a folder or a file. Raises UsageError or DataError."""
    known = load_models()
    model = known.get(source)
    if model is not None and model.served == "weights":
        return load_tokenizer(str(model.repository), name=source, revision=model.revision)
    if "/" not in source and not Path(source).exists():
        raise UsageError(
            f"there is no tokenizer {source!r}{did_you_mean(source, known)} (org/name, a model folder or a tokenizer.json)"
        )
    return load_tokenizer(source, name=Path(source).name if Path(source).exists() else source)


def sentences(data: Data, langs: Sequence[str]) -> dict[str, list[str]]:
    """The FLORES sentences of every language that `data` holds (or of `langs`), English always among them."""
    (task,) = find_tasks([TASK])
    card = Card(task.folder, task.card, task.prompts, data)
    wanted = set(languages.select(list(langs))) | {ENGLISH} if langs else None
    found: dict[str, list[str]] = {}
    for subset in card_subsets(task.card).values():
        if (wanted is None or subset.lang in wanted) and data.has(card, subset.name):
            found[subset.name] = [row["text"] for row in card.rows(subset)]
    if ENGLISH not in found:
        raise DataError(
            "the FLORES sentences are not here: give --mirror DIR (`mevals data import flores PATH` makes it), or --data mini"
        )
    return found


def _record(row: Any) -> dict[str, Any]:
    values = {key: value for key, value in asdict(row).items() if value is not None}
    return {key: round(value, 6) if isinstance(value, float) else value for key, value in values.items()}


def _say(count: int, lines: int, mini: bool) -> None:
    note = "; the self-written mini sentences: a real report needs FLORES" if mini else ""
    print(f"{lines:,} parallel sentences in {count} languages{note}", file=sys.stderr)


def _show(records: Sequence[Mapping[str, Any]], by: str, format_: str, out: Path | None) -> None:
    from mevals.commands import emit
    from mevals.listing import print_table, write_table

    if format_ != "table" or out is not None:
        emit(write_table(records, "md" if format_ == "table" else format_), out)
        return
    names = [n for n in records[0] if n not in ("lines", "tokens", "characters", "bytes", "graphemes", "premium_total")]
    names = [n for n in names if n != "script"] if by == "lang" else names
    rows = [[f"{r[n]:.3f}" if isinstance(r[n], float) else str(r[n]) for n in names] for r in records]
    print_table([n.replace("_", " ") for n in names], rows)
