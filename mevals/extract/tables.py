"""What the readers know about languages, from the CSV files beside this module; each row names its source."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from mevals.extract.fold import fold

SPACES = "\u00a0\u202f\u2009"
_UNSPACED = {"Thai", "Laoo", "Khmr", "Mymr", "Tibt", "Hans", "Hant", "Jpan"}


@dataclass(frozen=True, slots=True)
class Locale:
    """How a language separates: `decimal` is "." or ","; `group` is ".", ",", "'" or " " (any space); "" is unknown."""

    decimal: str
    group: str


@cache
def rows(name: str) -> tuple[Mapping[str, str], ...]:
    """The rows of one of this package's CSV files."""
    text = resources.files("mevals.extract").joinpath(name).read_text(encoding="utf-8")
    return tuple(csv.DictReader(io.StringIO(text, newline="")))


@cache
def locale_of(lang: str) -> Locale:
    """The separators of a language key; of the same language in another script where ours has no row; else unknown."""
    iso3 = lang.split("_")[0]
    near = None
    for row in rows("locales.csv"):
        if row["lang"] == lang:
            near = row
            break
        if row["lang"].split("_")[0] == iso3:
            near = row
    if near is None:
        return Locale("", "")
    group = near["group"]
    return Locale(near["decimal"], " " if group in SPACES else "," if group == "،" else group)


@cache
def cue_words(kind: str, lang: str) -> tuple[str, ...]:
    """The words of one kind in one language, longest first, folded; none where we know none.

    Kinds: answer, prefix (answer words that need a colon), option, correct, wrong, minus, half, conj, counter,
    article, because, copula,
    pick (words that announce a choice).
    """
    found = {fold(r["text"]).text for r in rows("cues.csv") if r["lang"] == lang and r["kind"] == kind}
    return tuple(sorted(found, key=lambda w: (-len(w), w)))


@cache
def scales(lang: str, before: bool) -> Mapping[str, int | None]:
    """Scale words that stand before or behind a number, in a language and in English, folded and casefolded.

    Each with the power of ten that it multiplies by; None where what it does is unclear, as with "dozen".
    """
    found: dict[str, int | None] = {}
    for row in rows("scales.csv"):
        if row["lang"] in (lang, "eng_Latn") and (row["place"] == "before") == before:
            found[fold(row["word"]).text.casefold()] = int(row["power"]) if row["power"] else None
    return found


def spaced(lang: str) -> bool:
    """Whether the language writes spaces between words."""
    return lang.rpartition("_")[2] not in _UNSPACED


def spellings(word: str) -> Iterator[str]:
    """The word as it is, composed and decomposed, as regular expressions; a space stands for any run of spaces."""
    for form in dict.fromkeys((word, unicodedata.normalize("NFC", word), unicodedata.normalize("NFD", word))):
        yield re.escape(form).replace(r"\ ", r"[ \u00a0]+")


def any_of(words: tuple[str, ...]) -> str:
    """A pattern that matches any of the words, longest first; matches nothing where there are none."""
    patterns = [p for word in sorted(words, key=len, reverse=True) for p in spellings(word)]
    return "|".join(dict.fromkeys(patterns)) or r"(?!)"
