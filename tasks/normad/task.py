"""NormAd: is what happens in a story acceptable in its country? Yes and no items, with the country as only context."""

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from mevals.card import card_subsets, read_card
from mevals.errors import DataError
from mevals.task import Card, Sample, Subset, fidelity, layout, task, user, yes_no


@task(
    scorers=[yes_no(), fidelity()],
    max_tokens=512,
    kind="yes_no",
    only=lambda s: s.lang == "eng_Latn",
    variants=["default", "cot"],
)
def normad(card: Card, subset: Subset) -> Iterator[Sample]:
    yield from samples(card, subset)


@task(scorers=[yes_no(), fidelity()], max_tokens=512, kind="yes_no", only=lambda s: s.lang != "eng_Latn")
def normad_source(card: Card, subset: Subset) -> Iterator[Sample]:
    yield from samples(card, subset)


def samples(card: Card, subset: Subset) -> Iterator[Sample]:
    """The country's stories whose label is yes or no; the published table holds all countries."""
    english = card.condition.get("prompt", "default").endswith("english")
    where = subset.extra["country"] if english else subset.extra.get("native", subset.extra["country"])
    for row in card.rows(subset):
        label = row["Gold Label"].strip().lower()
        if row["Country"] == subset.extra["code"] and label in ("yes", "no"):
            prompt = card.prompt(subset, where=where, story=row["Story"].strip())
            yield Sample(
                f"{row['ID']}:{label}", [user(prompt)], (label,), tags={"label": label, "topic": row["Subaxis"]}
            )


@layout
def normad_csv(path: Path) -> Iterable:
    """The published table as CSV (a file, or a folder that holds one), split by country."""
    files = [path] if path.is_file() else sorted(path.rglob("*.csv"))
    if len(files) != 1:
        raise DataError(f"{path} must hold one CSV file, not {len(files)}")
    by_country = defaultdict(list)
    with files[0].open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            by_country[row.get("Country", "")].append(row)
    names = {s.extra["code"]: name for name, s in card_subsets(read_card(Path(__file__).parent)).items() if s.config}
    for country, rows in by_country.items():
        if country not in names:
            raise DataError(f"{files[0]}: {country!r} is none of NormAd's countries; the column Country is needed")
        yield names[country], "train", rows
