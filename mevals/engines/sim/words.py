"""Text for the simulated model to say: words of the prompt, a damaged copy of the right text, or a stock phrase."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

ENGLISH = "eng_Latn"
_LOOKED_AT = 400
"""Characters of a paragraph that are used at most: enough words, and the cost of a long prompt stays flat."""
_SCRIPTS = (
    ("\u0400", "\u04ff", "rus_Cyrl"),
    ("\u0600", "\u06ff", "arb_Arab"),
    ("\u0900", "\u097f", "hin_Deva"),
    ("\u4e00", "\u9fff", "cmn_Hans"),
)


@lru_cache(maxsize=1)
def phrases() -> dict[str, dict[str, Any]]:
    """phrases.yaml: language to {say: [...], unsure, choose, refuse, unknown}."""
    from mevals.safe_yaml import load_yaml

    loaded: dict[str, dict[str, Any]] = load_yaml(Path(__file__).with_name("phrases.yaml"))
    return loaded


def phrase(kind: str, lang: str) -> str:
    """A stock phrase in the language, in English where we have none in it."""
    known = phrases()
    return str(known.get(lang, known[ENGLISH])[kind])


def off_target(lang: str, rng: random.Random) -> str:
    """A language with stock phrases that isn't `lang`: English in six of ten cases, as models do."""
    if lang != ENGLISH and rng.random() < 0.6:
        return ENGLISH
    others = [code for code in phrases() if code != lang]
    return others[int(rng.random() * len(others))]


def guess_lang(text: str) -> str:
    """A language with stock phrases whose script most of the first 400 characters have; English where none fits."""
    head = text[:400]
    counts = {lang: sum(first <= c <= last for c in head) for first, last, lang in _SCRIPTS}
    best = max(counts, key=lambda code: counts[code])
    return best if counts[best] > len(head) // 4 else ENGLISH


def paragraph(text: str) -> str:
    """The last paragraph of at least 40 characters: the question, in most prompts."""
    for part in reversed(text.split("\n")):
        if len(part) >= 40:
            return part
    return text


def split_units(text: str) -> tuple[list[str], str]:
    """Words and what joins them: a space, or nothing for scripts written without spaces (cut into four characters)."""
    found = text.split()
    if len(text) <= 15 * len(found) + 15:
        return found, " "
    return [text[i : i + 4] for i in range(0, len(text), 4)], ""


def usable_words(prompt: str, lang: str) -> tuple[list[str], str]:
    """Words of the prompt's question in the script of `lang`, without numbers and single letters, and their joiner.

    From a stock phrase where the prompt has fewer than four.
    """
    found, joiner = split_units(paragraph(prompt)[-_LOOKED_AT:])
    latin = lang.endswith("_Latn")
    kept = [w for w in found if _is_word(w) and _is_latin(w[0]) == latin]
    return (kept, joiner) if len(kept) >= 4 else split_units(" ".join(phrases().get(lang, phrases()[ENGLISH])["say"]))


def sentence(words: Sequence[str], joiner: str, rng: random.Random, length: int) -> str:
    """A run of the words from a place drawn at random, round the end where it must."""
    start = int(rng.random() * len(words))
    return joiner.join(words[(start + i) % len(words)] for i in range(length)).strip(" .,;:!?¿¡،؛؟。！？、")


def damage(text: str, share: float, rng: random.Random, foreign: Sequence[str] = ()) -> str:
    """The text with about `share` of its units dropped, swapped, misspelt, or replaced from elsewhere or `foreign`."""
    if share <= 0.0:
        return text
    words, joiner = split_units(text)
    out: list[str] = []
    for i, word in enumerate(words):
        if rng.random() >= share:
            out.append(word)
            continue
        how = rng.random()
        if how < 0.3:
            continue
        if how < 0.5 and out:
            out.insert(len(out) - 1, word)
        elif how < 0.7:
            out.append(_misspell(word, rng))
        elif how < 0.8 or not foreign:
            out.append(words[(i + 1 + int(rng.random() * len(words))) % len(words)])
        else:
            out.append(foreign[i % len(foreign)])
    return joiner.join(out) if out else words[0] if words else text


def _misspell(word: str, rng: random.Random) -> str:
    at = int(rng.random() * len(word))
    return word[:at] + word[at + 1 :][::-1] if len(word) > 1 else word * 2


def _is_latin(character: str) -> bool:
    return character < "\u0250" or "\u1e00" <= character <= "\u1eff"


def _is_word(word: str) -> bool:
    if word.isascii() and word.isalpha():
        return len(word) > 1
    return len(word.strip(".,;:!?()[]*'\"،؛؟。！？、")) > 1 and not any(map(str.isnumeric, word))
