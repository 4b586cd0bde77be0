"""Reads the number that an answer ends in, in any language's digits and format, or says why it can't.

Where to look, in this order: after the last answer prefix in the language ("উত্তর:", or the task's own); after the last
English one; in the last \\boxed{}; after an answer word in a sentence; in bold text; and only then, marked as such, the
last number of all. What is announced but can't be read as one number is None, and so is a number that a later
announcement contradicts: unscored, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Literal

from mevals.errors import DataError
from mevals.extract.fold import Folded, after_thinking, fold
from mevals.extract.markers import (
    Mark,
    announcements,
    bold_spans,
    clauses,
    denied,
    first_line,
    last_boxed,
)
from mevals.extract.tables import any_of, cue_words
from mevals.extract.tokens import Number, Reader, is_currency_code, is_row_number

How = Literal["prefix", "cue", "boxed", "bold", "last", "none"]

_EQUALS = re.compile("[=≈→⇒≃≅]")
_MARKUP = re.compile(r"[*_`#>$\\{}()\[\]\"'“”«»„‘’|:=~≈-]")
_WORDS = re.compile(r"\S+")
_MIXED = re.compile(r"(\d{1,9}) (\d{1,3})/(\d{1,3})")
# Languages in which a slash between digits is a decimal mark as often as a fraction bar.
_SLASH_DECIMAL = frozenset({"pes_Arab", "prs_Arab", "azb_Arab", "pbt_Arab"})
_CUE_GAP = 60


@dataclass(frozen=True, slots=True)
class Extraction:
    """The number of an answer. `value` is None where there is none or it is unclear: unscored, never wrong.

    `raw` is the piece of the answer that it was read from, `how` where that stood ("last" is the fallback that wants to
    be counted), `why` one sentence on what decided.
    """

    value: Decimal | None
    raw: str
    how: How
    why: str


@dataclass(frozen=True, slots=True)
class _Answer:
    """One answer to read: its folded text, its language, where it starts, and whether a whole number was asked for."""

    folded: Folded
    lang: str
    start: int
    whole: bool

    def reader(self, english: bool = False) -> Reader:
        """A reader of its numbers; `english` says that English words announce them."""
        return Reader(self.folded, self.lang, english, self.start, self.whole)


@dataclass(frozen=True, slots=True)
class _Found:
    """What stands at one announcement: a number, or why there is none; `empty` if nothing numeric stands there."""

    value: Decimal | None
    start: int = 0
    end: int = 0
    why: str = ""
    empty: bool = False
    denied: bool = False


def extract_number(text: str, lang: str, prefix: str | None = None, whole: bool = False) -> Extraction:
    """The number that `text` gives as its answer, read by the conventions of `lang` (a key such as `swh_Latn`).

    `prefix` is the answer prefix that the task asked for, with or without colon; it ranks with the language's own.
    `whole` says that the task asked for a whole number: then a mark that may group or be decimal groups (German 1,250),
    unless it is the language's decimal point. The target is never looked at.
    """
    folded = fold(text)
    start = after_thinking(folded)
    if start is None:
        return Extraction(None, "", "none", "the thinking was cut off before an answer")
    answer = _Answer(folded, lang, start, whole)
    marks = announcements(folded.text, start, lang, prefix)
    for how, found, at in _announced(answer, marks):
        raw = folded.raw(found.start, found.end)
        if later := _contradiction(answer, marks, at, found):
            return Extraction(None, raw, how, later)
        return Extraction(found.value, raw, how, found.why)
    return _last(answer)


def _announced(answer: _Answer, marks: Sequence[Mark]) -> Iterable[tuple[How, _Found, int]]:
    """The readings of the announcements, best first, each with the place that it stands at; at most one is used."""
    text = answer.folded.text
    for tier in ("local", "english"):
        prefixes = [m for m in marks if m.kind == "prefix" and m.tier == tier and not m.denied]
        if prefixes:
            found, at = _at_prefix(answer, prefixes)
            if found.value is None and (better := _after(answer, marks, at)):
                yield better
            yield "prefix", found, at
    if box := last_boxed(text, answer.start):
        yield "boxed", _read_span(answer.reader(), *box), box[0]
    cues = [(m, f) for m in marks if (m.kind == "cue" or m.denied) and not (f := _at_cue(answer, m)).empty]
    cues = [(m, f) for m, f in cues if not f.denied] or cues[-1:]
    if cues:
        yield "cue", cues[-1][1], cues[-1][0].end
    if bold := _bold(answer):
        yield "bold", bold, bold.start


def _at_prefix(answer: _Answer, prefixes: Sequence[Mark]) -> tuple[_Found, int]:
    last = prefixes[-1]
    found = _read_after(answer.reader(last.tier == "english"), last.end)
    if found.value is not None or answer.folded.text[last.end : _line_end(answer.folded.text, last.end)].strip(" *_#"):
        return found, last.end
    if last.end >= len(answer.folded.text.rstrip()):
        return _Found(None, why="the answer was cut off after its prefix"), last.end
    # A heading such as "How I got this answer:" after the answer itself: take what earlier prefixes agree on.
    earlier = [_read_after(answer.reader(m.tier == "english"), m.end) for m in prefixes[:-1]]
    values = {f.value for f in earlier}
    if len(values) == 1 and None not in values:
        return earlier[-1], last.end
    return found, last.end


def _after(answer: _Answer, marks: Sequence[Mark], at: int) -> tuple[How, _Found, int] | None:
    """What a later box or sentence announces, where the prefix itself is followed by something else."""
    reader = answer.reader()
    if (box := last_boxed(answer.folded.text, answer.start)) and box[0] >= at:
        found = _read_span(reader, *box)
        return ("boxed", found, box[0]) if found.value is not None else None
    for mark in reversed(marks):
        if mark.start >= at and (found := _at_cue(answer, mark)).value is not None:
            return "cue", found, mark.end
    return None


def _contradiction(answer: _Answer, marks: Sequence[Mark], at: int, found: _Found) -> str:
    """Why a later announcement forbids `found`; empty where none does."""
    if found.value is None:
        return ""
    others = [_at_cue(answer, m) for m in marks if m.end > at and m.start >= found.end]
    if (box := last_boxed(answer.folded.text, answer.start)) and box[0] > found.end:
        others.append(_read_span(answer.reader(), *box))
    for other in others:
        if other.value is not None and other.value != found.value:
            return f"{found.value} is announced, and later {other.value}"
    return ""


def _at_cue(answer: _Answer, mark: Mark) -> _Found:
    """What follows an answer word in its own clause; empty where the clause holds no number near the word."""
    reader = answer.reader(mark.tier == "english")
    if mark.kind == "prefix" and not mark.denied:
        return _read_after(reader, mark.end)
    start, end = next(
        clauses(answer.folded.text, mark.end, _line_end(answer.folded.text, mark.end)), (mark.end, mark.end)
    )
    numbers = reader.numbers(start, min(end, start + 4 * _CUE_GAP))
    if not numbers or numbers[0].start - start > _CUE_GAP:
        return _Found(None, empty=True)
    if mark.denied or denied(answer.folded.text, start, numbers[0].start, answer.lang):
        return _Found(None, *_span(numbers[0]), "the text says what the answer is not", denied=True)
    if not _is_statement(answer.folded.text[start : numbers[0].start], answer.lang):
        # "To find the answer we add 5" announces nothing, unless no other number follows it.
        rest = {n.value for n in reader.numbers(start, len(answer.folded.text))}
        if len(rest) > 1:
            return _Found(None, empty=True)
    return _resolve(reader, numbers, start, end)


def _is_statement(gap: str, lang: str) -> bool:
    """Whether nothing but a word for "is" joins an answer word to its number; longer words may stand before that word."""
    words = _MARKUP.sub(" ", gap).strip(" .")
    return not words or is_currency_code(words) or _copula(lang).search(words) is not None


@cache
def _copula(lang: str) -> re.Pattern[str]:
    words = cue_words("copula", lang) + cue_words("copula", "eng_Latn")
    cased = tuple(w for w in words if w.lower() != w.upper())
    rest = tuple(w for w in words if w not in cased)
    return re.compile(rf"(?:(?<!\w)(?:{any_of(cased)})|{any_of(rest)})$", re.IGNORECASE)


def _span(number: Number) -> tuple[int, int]:
    return number.start, number.end


def _read_span(reader: Reader, start: int, end: int) -> _Found:
    numbers = reader.numbers(start, end)
    if not numbers:
        return _Found(None, start, end, "no number in digits is given")
    return _resolve(reader, numbers, start, end)


def _read_after(reader: Reader, at: int) -> _Found:
    """The number right after a prefix: in the first clause of its line, or of the next, that has one."""
    text = reader.text
    start, end = first_line(text, at)
    for clause in clauses(text, start, end):
        if numbers := reader.numbers(*clause):
            break
    else:
        return _Found(None, start, end, "no number in digits follows the prefix", empty=True)
    found = _resolve(reader, numbers, *clause)
    if found.value is None or _stands_alone(text, clause, numbers):
        return found
    rest = {n.value for n in reader.numbers(clause[1], len(text)) if not is_row_number(text, n)}
    if rest <= {found.value}:
        return found
    return _Found(None, found.start, found.end, "several numbers follow the prefix")


def _stands_alone(text: str, clause: tuple[int, int], numbers: Sequence[Number]) -> bool:
    """Whether a clause is a number with at most a currency and a short unit, as in "$18 per day"."""
    before = _MARKUP.sub(" ", text[clause[0] : numbers[0].start])
    after = _MARKUP.sub(" ", text[numbers[-1].end : clause[1]])
    values = {n.value for n in numbers}
    amount = not before.strip(" .") or is_currency_code(before.strip(" ."))
    return len(values) == 1 and amount and len(after.strip()) <= 24 and len(after.split()) <= 3


def _resolve(reader: Reader, numbers: Sequence[Number], start: int, end: int) -> _Found:
    """The one number that the numbers of a clause amount to: all equal, behind the last =, or before a bracket."""
    text = reader.text
    kept = numbers
    if len(numbers) > 1:
        kept = _behind_equals(text, numbers, start, end)
        kept = _outside_brackets(text, kept, start, end) or kept
    values = {n.value for n in kept}
    if len(kept) <= 2 and None in values:
        whole = _whole_fraction(reader, kept, start, end)
        if whole is not None:
            return _Found(whole, kept[0].start, kept[-1].end, "a fraction that is the whole answer")
    if None in values:
        unclear = next(n for n in kept if n.value is None)
        return _Found(None, unclear.start, unclear.end, unclear.why)
    if len(values) > 1:
        listed = ", ".join(str(n.value) for n in kept[:4])
        return _Found(None, kept[0].start, kept[-1].end, f"several numbers are given: {listed}")
    number = kept[-1]
    if end - start > number.end - number.start and _half_pattern(reader.lang).search(
        text[max(start, number.start - 8) : min(end, number.end + 16)]
    ):
        return _Found(None, number.start, number.end, "a fraction in words stands beside the number")
    return _Found(number.value, number.start, number.end, number.why or "the number announced")


def _behind_equals(text: str, numbers: Sequence[Number], start: int, end: int) -> Sequence[Number]:
    signs = list(_EQUALS.finditer(text, start, end))
    if not signs:
        return numbers
    last = signs[-1].start()
    behind = [n for n in numbers if n.start > last]
    ahead = [n for n in numbers if n.end <= last]
    if len({n.value for n in behind}) > 1 and len(ahead) == 1:
        return ahead  # 18 = 9 × 2
    return behind or numbers


def _outside_brackets(text: str, numbers: Sequence[Number], start: int, end: int) -> Sequence[Number]:
    """The numbers before the first bracket, where others stand in brackets behind them."""
    cut = text.find("(", numbers[0].end, end)
    if cut < 0:
        return numbers
    close = text.find(")", cut, end)
    return [n for n in numbers if n.end <= cut or (0 <= close < n.start)]


def _whole_fraction(reader: Reader, numbers: Sequence[Number], start: int, end: int) -> Decimal | None:
    text = reader.text
    words = _MARKUP.sub(" ", text[start : numbers[0].start] + text[numbers[-1].end : end])
    if words.strip(" .%"):
        return None
    over = numbers[-1].fraction
    if over is None or over[1] == 0 or ("/" in text[start:end] and reader.lang in _SLASH_DECIMAL):
        return None
    if len(numbers) == 1:
        return over[0] / over[1]
    if _MIXED.fullmatch(text, numbers[0].start, numbers[1].end) and numbers[0].value is not None and over[0] < over[1]:
        return numbers[0].value + over[0] / over[1]
    return None


@cache
def _half_pattern(lang: str) -> re.Pattern[str]:
    words = cue_words("half", lang) + cue_words("half", "eng_Latn")
    cased = tuple(w for w in words if w.lower() != w.upper())
    rest = tuple(w for w in words if w not in cased)
    return re.compile(rf"(?<!\w)(?:{any_of(cased)})(?!\w)|{any_of(rest)}", re.IGNORECASE)


def _bold(answer: _Answer) -> _Found | None:
    """The last bold number that stands alone, unless other numbers follow it."""
    reader, text = answer.reader(), answer.folded.text
    for span in reversed(bold_spans(text, answer.start)):
        numbers = reader.numbers(*span)
        if not numbers or not _stands_alone(text, span, numbers):
            continue
        found = _resolve(reader, numbers, *span)
        rest = {n.value for n in reader.numbers(span[1], len(text))}
        return found if rest <= {found.value} else None
    return None


def _last(answer: _Answer) -> Extraction:
    reader, text, start = answer.reader(), answer.folded.text, answer.start
    numbers = [n for n in reader.numbers(start, len(text)) if not is_row_number(text, n)]
    if not numbers:
        return Extraction(None, "", "none", "no number in digits is given")
    last = numbers[-1]
    raw = answer.folded.raw(last.start, last.end)
    if len(numbers) <= 2 and "\n" not in text[start:].strip():
        whole = _resolve(reader, numbers, start, len(text))
        raw = answer.folded.raw(whole.start, whole.end)
        if whole.value is not None:
            return Extraction(whole.value, raw, "last", "the only number; " + whole.why)
        if len(numbers) == 1:
            return Extraction(None, raw, "last", whole.why)
    if last.value is None:
        return Extraction(None, raw, "last", last.why)
    return Extraction(last.value, raw, "last", "nothing announces an answer: the last number")


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def same_number(value: Decimal, target: str) -> bool:
    """Whether the value equals a target such as "70,000", "18.0" or "1/2"; targets group with commas, as MGSM's do.

    Raises DataError where the target is no number.
    """
    found = extract_number(target, "eng_Latn")
    if found.value is None:
        raise DataError(f"the target {target!r} is not a number; give it in plain digits")
    return value == found.value
