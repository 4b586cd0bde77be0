"""Which languages a neural metric can judge: those that its encoder was trained on. Outside them a score means little.

The table is mevals/data/encoder_languages.csv, from the encoders' own lists. Languages of those lists that our registry
lacks are left out of it (Breton, Western Frisian and Latin; for mT5 also Corsican and Hmong).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal, cast

from mevals import languages

Covers = Literal["yes", "part", "no"]
"""*part*: the encoder's list names only a wider language, such as Arabic for Egyptian Arabic."""

STRING_METRICS = frozenset({"chrf", "chrf+", "chrf++", "bleu", "ter"})
"""Metrics that compare strings, and so know no languages."""

ENCODER_FAMILIES = {
    "afro-xlmr-large-76l": "",
    "afro-xlmr": "afro-xlmr",
    "infoxlm": "xlm-r",
    "xlm-r": "xlm-r",
    "mt5": "mt5",
}
"""What an encoder's name holds -> its list in the table ("" = not in it). COMET's authors give XLM-R's list for InfoXLM."""


def unsupported(metric: str, lang: str) -> bool | None:
    """Whether the metric's encoder does not cover a language: such scores are flagged in every report.

    `metric` is a name as in tables (`wmt22-comet-da`), `lang` a registry key or alias. None where nobody can say: the
    metric's encoder is not in the table, or its list names only a wider language. False for string metrics.
    """
    if metric in STRING_METRICS:
        return False
    encoder = encoder_of(metric)
    if encoder is None:
        return None
    covers = covered(encoder).get(languages.get(lang).key, "no")
    return None if covers == "part" else covers == "no"


def encoder_of(metric: str) -> str | None:
    """The encoder's name in the table, by the metric's known name or repository; None where the table lacks it."""
    from mevals.comet.models import model_cards

    name = metric.partition("@")[0].rstrip("/").lower()
    cards = model_cards()
    known = cards.get(name) or cards.get(name.rpartition("/")[2])
    card = known or next((c for c in cards.values() if c.repository.lower() == name), None)
    if card is None:
        return None
    encoder = card.encoder.lower().replace("xlm-roberta", "xlm-r")
    return next((family for part, family in ENCODER_FAMILIES.items() if part in encoder), "") or None


@cache
def covered(encoder: str) -> Mapping[str, Covers]:
    """Registry key -> whether the encoder covers it, for one encoder of the table; what is absent is not covered."""
    text = files("mevals").joinpath("data/encoder_languages.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.split("\n"))
    return {row["lang"]: cast(Covers, row["covers"]) for row in rows if row["encoder"] == encoder}
