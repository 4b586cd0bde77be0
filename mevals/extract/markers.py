"""Finds where an answer is announced: an answer prefix ("Antwort:"), an answer word in a sentence, a box, bold text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from mevals.extract.fold import fold
from mevals.extract.tables import any_of, cue_words

Tier = Literal["local", "english"]

# What may stand for the colon. Visarga is typed for it in Bengali and Hindi, ։ in Armenian, ፡ and ፦ in Amharic.
_COLON = ":=፦፥፡ঃः՝։→⇒"
_WORD = rf"[^\s\d.!?…;,*_{_COLON}]"
_CLOSERS = r"[ *_\"'»”’)\]}]{0,6}"
_TAIL = re.compile(rf"{_WORD}{{0,12}}(?:[ *_]{{1,3}}{_WORD}{{1,20}}){{0,3}}?{_CLOSERS}(?:[{_COLON}]|\n| [-–—]+ |—)")
_CLAUSE_END = re.compile(r"[.!?।॥။።؟۔。;…](?=[\s*_\"'”»)\]]|$)|[。।]|\n")
_BOXED = re.compile(r"\\f?boxed *\{")
_BOLD = re.compile(r"\*\*([^*\n]{1,120})\*\*|__([^_\n]{1,120})__|<(?:b|strong)>([^<\n]{1,120})</")
_BOX_LIMIT = 200
_MOST = 12


@dataclass(frozen=True, slots=True)
class Mark:
    """An announcement: a prefix with its colon, or an answer word in a sentence; the answer should follow `end`.

    The word itself ends at `word`; between it and `end` stand the colon and at most three words.
    `denied` says that it announces what the answer is not ("the wrong answer is 9").
    """

    kind: Literal["prefix", "cue"]
    tier: Tier
    start: int
    word: int
    end: int
    denied: bool = False


@cache
def _announcement(lang: str, prefix: str | None, choice: bool) -> re.Pattern[str]:
    """One pattern for the given prefix, the language's answer words, those that need a colon, and the English ones."""
    given = (fold(prefix).text.strip(" :"),) if prefix and prefix.strip(" :：") else ()
    kinds = ("answer", "pick") if choice else ("answer",)
    groups = {
        "local": given + tuple(w for kind in kinds for w in cue_words(kind, lang)),
        "colon": () if lang.startswith("eng") else cue_words("prefix", lang),
        "english": tuple(w for kind in kinds for w in cue_words(kind, "eng_Latn")),
        "rule": cue_words("prefix", "eng_Latn"),
    }
    return re.compile("|".join(f"(?P<{n}>{_bounded(w)})" for n, w in groups.items() if w), re.IGNORECASE)


def _bounded(words: tuple[str, ...]) -> str:
    """The words; those of cased scripts only where a word starts."""
    cased = tuple(w for w in words if w[:1].lower() != w[:1].upper())
    rest = tuple(w for w in words if w not in cased)
    parts = [rf"(?<![^\W\d_])(?:{any_of(cased)})"] if cased else []
    return "|".join(parts + ([any_of(rest)] if rest else []))


@cache
def _denial(lang: str) -> re.Pattern[str]:
    words = cue_words("wrong", lang) + cue_words("wrong", "eng_Latn")
    cased = tuple(w for w in words if w.lower() != w.upper())
    rest = tuple(w for w in words if w not in cased)
    return re.compile(rf"(?<!\w)(?:{any_of(cased)})(?!\w)|{any_of(rest)}", re.IGNORECASE)


def denied(text: str, start: int, end: int, lang: str) -> bool:
    """Whether words such as "not" or "wrong" stand in `text[start:end]`."""
    if end - start < 2:
        return False
    return _denial(lang).search(text, start, end) is not None


def announcements(text: str, start: int, lang: str, prefix: str | None, choice: bool = False) -> list[Mark]:
    """The last dozen announcements of an answer in `text[start:]`, in order; no answer needs more, and time stays linear.

    `choice` says that the answer is one of several options, for which there are more words."""
    found = []
    for match in _announcement(lang, prefix, choice).finditer(text, start):
        group = match.lastgroup
        tail = None if group == "rule" else _TAIL.match(text, match.end())
        if tail is None and group == "colon":
            continue
        no = denied(text, max(0, match.start() - 25), match.start(), lang) and denied(
            text, _clause_start(text, match.start()), match.start(), lang
        )
        no = no or (tail is not None and denied(text, *tail.span(), lang))
        tier: Tier = "english" if group in ("english", "rule") and not lang.startswith("eng") else "local"
        end = tail.end() if tail else match.end()
        found.append(Mark("prefix" if tail or group == "rule" else "cue", tier, match.start(), match.end(), end, no))
    return found[-_MOST:]


def _clause_start(text: str, at: int) -> int:
    """The start of the clause that holds position `at`, at most 25 characters back."""
    window = text[max(0, at - 25) : at]
    cut = max(window.rfind(c) for c in ",.;:!?\n।。")
    return at - len(window) + cut + 1


def clauses(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The clauses of `text[start:end]` as spans; a point inside a number ends none."""
    at = start
    for match in _CLAUSE_END.finditer(text, start, end):
        yield at, match.start()
        at = match.end()
    if at < end:
        yield at, end


def first_line(text: str, start: int) -> tuple[int, int]:
    """The first line from `start` that is not blank, as a span; an empty span at the end where there is none."""
    at = start
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        if text[at:end].strip(" *_#>`-=|"):
            return at, end
        at = end + 1
    return len(text), len(text)


def last_boxed(text: str, start: int) -> tuple[int, int] | None:
    r"""The inside of the last \boxed{...}, as a span; None where there is none, or it is not closed."""
    if "boxed" not in text:
        return None
    last = None
    for match in _BOXED.finditer(text, start):
        last = match
    if last is None:
        return None
    depth = 1
    for i in range(last.end(), min(len(text), last.end() + _BOX_LIMIT)):
        depth += {"{": 1, "}": -1}.get(text[i], 0)
        if depth == 0:
            return last.end(), i
    return None


def bold_spans(text: str, start: int) -> list[tuple[int, int]]:
    """The insides of bold text, in order."""
    if "**" not in text and "__" not in text and "<" not in text:
        return []
    return [next(m.span(g) for g in (1, 2, 3) if m[g] is not None) for m in _BOLD.finditer(text, start)]
