"""Token budgets by language: an answer needs several times as many tokens in Burmese as in English."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

LARGEST = 6.0
"""No budget grows more than this."""


@lru_cache(maxsize=1)
def premiums() -> Mapping[str, float]:
    """Tokens per parallel sentence relative to English, by language and by script (`script:Mymr`).

    Measured on FLORES with Tiny Aya's tokenizer where published, else our rounded-up estimate by script; see the file's
    source column.
    """
    path = Path(__file__).parent / "data" / "token_premium.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return {row["key"]: float(row["premium"]) for row in csv.DictReader(file)}


def premium(lang: str) -> float:
    """How many times English's tokens an answer in `lang` may need: the language's own figure, else its script's."""
    table = premiums()
    found = table.get(lang) or table.get("script:" + lang[-4:]) or table["default"]
    return min(LARGEST, max(1.0, found))
