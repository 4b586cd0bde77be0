"""The table of self-written answers: 99 % right, the rest unscored, none silently wrong.

In answers.csv ⏎ stands for a line break; an empty `expected` means that the answer must stay unscored.
"""

from __future__ import annotations

import csv
import unicodedata
from decimal import Decimal
from pathlib import Path

import pytest

from mevals.extract import extract_choice, extract_number, extract_yes_no, match_short_answer

with (Path(__file__).parent / "answers.csv").open(encoding="utf-8", newline="") as file:
    TABLE = [row | {"text": row["text"].replace("⏎", "\n")} for row in csv.DictReader(file)]


def read(row: dict[str, str]) -> str:
    """What extraction makes of a row, as the table writes it."""
    text, lang = row["text"], row["lang"]
    if row["kind"] == "number":
        number = extract_number(text, lang, row["prefix"] or None).value
        if number is None or not row["expected"]:
            return "" if number is None else str(number)
        return row["expected"] if number == Decimal(row["expected"]) else str(number)
    if row["kind"] == "choice":
        choice = extract_choice(text, row["letters"], lang, row["options"].split("|") if row["options"] else None).value
        return "" if choice is None else str(choice)
    if row["kind"] == "yesno":
        return {True: "yes", False: "no", None: ""}[extract_yes_no(text, lang)]
    votes = {k: int(v) for k, _, v in (x.rpartition("=") for x in row["options"].split("|") if x)}
    weighted = match_short_answer(text, votes, lang).weighted
    return "" if weighted is None else str(weighted)


def test_the_table_is_as_large_as_promised() -> None:
    assert len(TABLE) >= 450
    assert len({row["lang"] for row in TABLE}) >= 30
    assert {row["kind"] for row in TABLE} == {"number", "choice", "yesno", "short"}


def test_the_table_has_every_digit_system_that_this_python_knows() -> None:
    zeros = {chr(c) for c in range(0x20000) if unicodedata.decimal(chr(c), None) == 0}
    used = {
        chr(ord(c) - unicodedata.decimal(c))
        for row in TABLE
        if row["kind"] == "number"
        for c in row["text"]
        if unicodedata.category(c) == "Nd"
    }
    assert zeros - used == set()


@pytest.mark.parametrize("kind", ["number", "choice", "yesno", "short"])
def test_no_answer_of_the_table_is_silently_wrong(kind: str) -> None:
    wrong = [
        (r["lang"], r["text"], r["expected"], found) for r in TABLE if r["kind"] == kind and _wrong(r, found := read(r))
    ]
    assert wrong == []


def _wrong(row: dict[str, str], found: str) -> bool:
    return found != "" and found != row["expected"]


def test_at_least_99_percent_of_the_table_are_right() -> None:
    right = sum(read(row) == row["expected"] for row in TABLE)
    assert right / len(TABLE) >= 0.99


def test_an_unscored_answer_says_why() -> None:
    for row in TABLE:
        if row["kind"] == "number":
            found = extract_number(row["text"], row["lang"])
            assert found.why
            assert found.raw in row["text"]
            assert (found.how == "none") <= (found.value is None)
