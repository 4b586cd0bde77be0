"""BLEnD: short questions on everyday life, in the local language or in English, against annotators' answers."""

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from mevals import languages
from mevals.errors import DataError
from mevals.task import Card, Row, Sample, Subset, fidelity, layout, short_answer, task, user

COUNTRIES = {
    "Algeria": "DZ",
    "Assam": "AS",
    "Azerbaijan": "AZ",
    "China": "CN",
    "Ethiopia": "ET",
    "Greece": "GR",
    "Indonesia": "ID",
    "Iran": "IR",
    "Mexico": "MX",
    "North_Korea": "KP",
    "Northern_Nigeria": "NG",
    "South_Korea": "KR",
    "Spain": "ES",
    "UK": "GB",
    "US": "US",
    "West_Java": "JB",
}
WITHIN = {"AS": "IN", "JB": "ID"}
"""Regions of a country: Assam, West Java."""


@task(scorers=[short_answer(), fidelity()], max_tokens=128, kind="short")
def blend_sqa(card: Card, subset: Subset) -> Iterator[Sample]:
    for row in card.rows(subset):
        yield sample(card, subset, row, row["question"], "answers")


@task(scorers=[short_answer(), fidelity()], max_tokens=128, kind="short", into="eng_Latn", variants=["default"])
def blend_sqa_en(card: Card, subset: Subset) -> Iterator[Sample]:
    for row in card.rows(subset):
        yield sample(card, subset, row, row["en_question"], "en_answers")


def sample(card: Card, subset: Subset, row: Row, question: str, field: str) -> Sample:
    """One question; its targets are all that annotators answered, their counts stand beside in the same order."""
    pairs = [(str(text), str(each["count"])) for each in row["annotations"] for text in each[field] if text]
    tags = {"counts": ",".join(count for _, count in pairs)}
    if row.get("topic"):
        tags["topic"] = row["topic"]
    targets = tuple(text for text, _ in pairs)
    return Sample(str(row["id"]), [user(card.prompt(subset, question=question))], targets, tags=tags)


@layout
def blend_repository(folder: Path) -> Iterable:
    """The repository's data folder: annotations/<Country>_data.json and questions/<Country>_questions.csv."""
    for path in sorted(folder.rglob("annotations/*_data.json")):
        country = path.stem.removesuffix("_data")
        if country not in COUNTRIES:
            raise DataError(f"{path}: {country!r} is none of BLEnD's 16 countries and regions")
        code = COUNTRIES[country]
        lang = languages.resolve(code, "blend").key
        topics = read_topics(path.parent.parent / "questions" / f"{country}_questions.csv")
        found = json.loads(path.read_text(encoding="utf-8"))
        rows = [{"id": i, "topic": topics.get(i), "country": country, **flat(item)} for i, item in found.items()]
        yield f"{lang}-{WITHIN.get(code, code)}", "test", rows


def flat(item: Row) -> dict:
    """An item with the fields that are asked and scored."""
    return {name: item[name] for name in ("question", "en_question", "annotations")}


def read_topics(path: Path) -> dict[str, str]:
    """Question id → topic; empty where the file is absent."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {row["ID"]: row["Topic"] for row in csv.DictReader(file)}
