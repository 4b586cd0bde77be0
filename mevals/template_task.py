"""Tasks without code: a card whose `template` says which kind of task it is and which fields of a row mean what.

::

    template:
      kind: multiple_choice        # translation | multiple_choice | short_answer | open_ended | classification
      explode: items               # optional: each entry of this list is an item; the row's other fields stay
      id: link                     # optional field; otherwise the number of the item
      question: question           # fields may be paths, such as answers.text; {passage} and others go into the prompt
      choices: answers.text
      answer: answers.correct      # a letter, a number, the text, or a list of true and false
      tags: {passage: text}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mevals.card import Card, Row, read_card
from mevals.data import read_jsonl
from mevals.errors import DataError
from mevals.scorers import choice, chrf, fidelity, length, short_answer
from mevals.task import Layout, TaskSpec
from mevals.types import Sample, Scorer, Subset, user

LETTERS = "ABCDEFGHIJ"
Kind = Literal["translation", "multiple_choice", "short_answer", "open_ended", "classification"]
SIMULATED = {
    "translation": "translation",
    "multiple_choice": "choice",
    "short_answer": "short",
    "open_ended": "open",
    "classification": "choice",
}


class TemplateFile(BaseModel):
    """The `template` of a card. `first` is the number of the first option where answers are numbers (0 or 1)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Kind
    question: str = "question"
    answer: str = "answer"
    choices: str | list[str] = Field(default_factory=list)
    labels: dict[str, str] = Field(default_factory=dict)
    explode: str = ""
    id: str = ""
    first: int = 0
    fields: dict[str, str] = Field(default_factory=dict)
    tags: dict[str, str] = Field(default_factory=dict)
    max_tokens: int = 512
    out_of: str = ""
    into: str = ""


def scorers_of(kind: Kind) -> tuple[Scorer, ...]:
    """What a kind of task is scored by."""
    return {
        "translation": (chrf(), fidelity()),
        "multiple_choice": (choice(),),
        "classification": (choice(),),
        "short_answer": (short_answer(),),
        "open_ended": (length(), fidelity()),
    }[kind]


def template_specs(folder: Path) -> list[TaskSpec]:
    """The one task of a folder without code, named for its folder. Raises DataError where its card has no template."""
    card = read_card(folder)
    if card.template is None:
        raise DataError(f"{folder} has neither a task.py nor a `template` in its card.yaml")
    template = TemplateFile.model_validate(card.template)

    def samples(card: Card, subset: Subset) -> Iterator[Sample]:
        return make_samples(template, card, subset)

    return [
        TaskSpec(
            folder.name,
            samples,
            scorers_of(template.kind),
            template.max_tokens,
            kind=SIMULATED[template.kind],
            out_of=template.out_of,
            into=template.into,
        )
    ]


def make_samples(template: TemplateFile, card: Card, subset: Subset) -> Iterator[Sample]:
    """The samples that a template makes of a subset's rows. Raises DataError, naming the item, where a field is missing."""
    for number, row in enumerate(_exploded(card.rows(subset), template.explode), 1):
        try:
            yield _sample(template, card, subset, row, number)
        except (KeyError, IndexError, TypeError) as error:
            have = ", ".join(map(str, row))
            raise DataError(
                f"{card.folder.name} {subset.name}, item {number}: no field {error} (it has {have})"
            ) from None


def _exploded(rows: Iterable[Row], field: str) -> Iterator[Row]:
    for row in rows:
        if not field:
            yield row
        else:
            rest = {k: v for k, v in row.items() if k != field}
            yield from ({**rest, **item} for item in row[field])


def _sample(template: TemplateFile, card: Card, subset: Subset, row: Row, number: int) -> Sample:
    options = _options(template, row)
    targets = _targets(template, row, options)
    fields = {name: str(value_at(row, path)) for name, path in template.fields.items()}
    fields["question"] = str(value_at(row, template.question))
    if options:
        fields["options"] = "\n".join(f"{LETTERS[i]}. {text}" for i, text in enumerate(options))
    tags = {name: str(value_at(row, path)) for name, path in template.tags.items()}
    return Sample(
        id=str(value_at(row, template.id)) if template.id else str(number),
        messages=[user(card.prompt(subset, **fields))],
        targets=targets,
        source=fields["question"],
        choices=tuple(options),
        tags=tags,
    )


def _options(template: TemplateFile, row: Row) -> list[str]:
    if template.kind == "classification":
        return list(template.labels.values())
    if isinstance(template.choices, list):
        return [str(value_at(row, path)) for path in template.choices]
    return [str(text) for text in value_at(row, template.choices)]


def _targets(template: TemplateFile, row: Row, options: list[str]) -> tuple[str, ...]:
    if template.kind == "open_ended":
        return ()
    answer = value_at(row, template.answer)
    if template.kind == "classification":
        return (LETTERS[list(template.labels).index(str(answer))],)
    if not options:
        return tuple(map(str, answer)) if isinstance(answer, list | tuple) else (str(answer),)
    return (LETTERS[_position(answer, options, template.first)],)


def _position(answer: Any, options: list[str], first: int) -> int:
    """Where the right option stands: told by flags, a number, a letter, or its text."""
    if isinstance(answer, list | tuple):
        return [bool(a) for a in answer].index(True)
    text = str(answer).strip()
    if text.isdecimal():
        return int(text) - first
    if text in options:
        return options.index(text)
    return LETTERS.index(text.upper())


def value_at(row: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path; through a list, the list of its entries' values. Raises KeyError."""
    value: Any = row
    for part in path.split("."):
        value = [entry[part] for entry in value] if isinstance(value, list) else value[part]
    return value


def read_plain(folder: Path) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    """The plain layout that every task without a reader of its own takes: `<subset>[.<split>].jsonl|csv|tsv|parquet`."""
    files = [folder] if folder.is_file() else sorted(p for p in folder.rglob("*") if p.suffix in READERS)
    for path in files:
        subset, _, split = path.name.removesuffix(path.suffix).partition(".")
        yield subset, split, READERS[path.suffix](path)


def _read_table(path: Path) -> list[dict[str, Any]]:
    import csv

    with path.open(encoding="utf-8", newline="") as file:
        return [dict(row) for row in csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ",")]


def _read_parquet(path: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    return list(pq.read_table(path).to_pylist())


READERS = {".jsonl": read_jsonl, ".csv": _read_table, ".tsv": _read_table, ".parquet": _read_parquet}


def plain_layout(card: Any) -> Layout:
    """The plain layout for a card: its own split where a file names none, and only subsets that the card has."""

    def read(folder: Path) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
        known = {*card.languages, *card.subsets, *card.mini_only, *card.needs}
        for subset, split, rows in read_plain(folder):
            if subset in known:
                yield subset, split or card.split, rows

    return Layout(read)
