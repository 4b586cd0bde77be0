"""The script of a text by its code points alone: a check that no language identifier can spoil."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

NAMED: Mapping[str, str] = MappingProxyType(
    {
        "ARABIC": "Arab",
        "ARMENIAN": "Armn",
        "BENGALI": "Beng",
        "BOPOMOFO": "Bopo",
        "CANADIAN": "Cans",
        "CJK": "Hani",
        "CYRILLIC": "Cyrl",
        "DEVANAGARI": "Deva",
        "ETHIOPIC": "Ethi",
        "GEORGIAN": "Geor",
        "GREEK": "Grek",
        "GUJARATI": "Gujr",
        "GURMUKHI": "Guru",
        "HANGUL": "Hang",
        "HEBREW": "Hebr",
        "HIRAGANA": "Hira",
        "KANNADA": "Knda",
        "KATAKANA": "Kana",
        "KHMER": "Khmr",
        "LAO": "Laoo",
        "LATIN": "Latn",
        "MALAYALAM": "Mlym",
        "MEETEI": "Mtei",
        "MONGOLIAN": "Mong",
        "MYANMAR": "Mymr",
        "NKO": "Nkoo",
        "OL": "Olck",
        "ORIYA": "Orya",
        "SINHALA": "Sinh",
        "TAMIL": "Taml",
        "TELUGU": "Telu",
        "THAI": "Thai",
        "TIBETAN": "Tibt",
        "TIFINAGH": "Tfng",
    }
)
"""First word of a letter's Unicode name -> ISO 15924 code. Names never change once given (Unicode stability policy)."""

WRITTEN_IN: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "Hans": frozenset({"Hani"}),
        "Hant": frozenset({"Hani", "Bopo"}),
        "Jpan": frozenset({"Hani", "Hira", "Kana"}),
    }
)
"""Script of the registry -> the scripts of its letters, where that isn't itself."""

UNSPACED = frozenset({"Hani", "Hira", "Kana", "Thai", "Laoo", "Khmr", "Mymr", "Tibt"})
"""Scripts without spaces between words."""

LETTERS_PER_WORD: Mapping[str, int] = MappingProxyType(
    {
        "Hani": 2, "Hira": 2, "Kana": 2,
        "Beng": 3, "Deva": 3, "Gujr": 3, "Guru": 3, "Hang": 3, "Khmr": 3, "Mymr": 3, "Sinh": 3, "Tibt": 3,
        "Ethi": 4, "Laoo": 4, "Orya": 4, "Telu": 4, "Thai": 4,
    }
)  # fmt: skip
"""Letters (marks not counted) of a usual word, for scripts where that isn't five: measured on FLORES-200 devtest, rounded.

In unspaced scripts the letters of a sentence over the words of its English translation.
"""
LETTERS = 5

MIN_SHARE = 0.5
"""Share of a line that must be in the wanted script: quoted names and terms are no other language."""


@lru_cache(maxsize=65_536)
def script_of(letter: str) -> str:
    """The ISO 15924 code of a letter's script; "" for what is no letter (digits, marks, signs, emoji).

    A letter of a script that no language of the registry uses is "Zyyy".
    """
    if not letter.isalpha():
        return ""
    words = unicodedata.name(letter, "").replace("-", " ").split()
    if words and words[0] in ("FULLWIDTH", "HALFWIDTH"):
        words = words[1:]
    return NAMED.get(words[0], "Zyyy") if words else "Zyyy"


def count_scripts(text: str) -> Counter[str]:
    """How many letters of each script a text has."""
    if text.isascii():
        letters = sum(map(str.isalpha, text))
        return Counter({"Latn": letters} if letters else {})
    counts: Counter[str] = Counter()
    for letter, n in Counter(text).items():
        script = script_of(letter)
        if script:
            counts[script] += n
    return counts


def word_weights(text: str) -> dict[str, float]:
    """How many usual words the letters of each script make: scripts differ in how much a letter holds."""
    return {script: n / LETTERS_PER_WORD.get(script, LETTERS) for script, n in count_scripts(text).items()}


def is_written_in(text: str, script: str) -> bool | None:
    """Whether at least half of a text is in a script of the registry, by usual words; None where it has no letters.

    Han characters count for Japanese only beside kana, and for one of the two Chinese scripts only where the text's
    simplified-only characters don't speak for the other one.
    """
    words = word_weights(text)
    if not words:
        return None
    own = sum(words.get(s, 0.0) for s in WRITTEN_IN.get(script, frozenset({script})))
    if own < MIN_SHARE * sum(words.values()) or (script == "Jpan" and not words.keys() & {"Hira", "Kana"}):
        return False
    return script not in ("Hans", "Hant") or chinese_form(text) in (script, "")


def chinese_form(text: str) -> str:
    """ "Hans" or "Hant", whichever form more of the characters have that have two; "" where neither prevails."""
    forms = Counter(form for form in map(_form, text) if form)
    if forms["Hans"] == forms["Hant"]:
        return ""
    return "Hans" if forms["Hans"] > forms["Hant"] else "Hant"


@lru_cache(maxsize=32_768)
def _form(letter: str) -> str:
    """A character of GB 2312 alone is a simplified form, one of Big5 alone a traditional form; "" for all others."""
    if script_of(letter) != "Hani":
        return ""
    simplified, traditional = (_is_in(letter, charset) for charset in ("gb2312", "big5"))
    if simplified == traditional:
        return ""
    return "Hans" if simplified else "Hant"


def _is_in(letter: str, charset: str) -> bool:
    try:
        letter.encode(charset)
    except UnicodeEncodeError:
        return False
    return True
