"""Reads which option a multiple-choice answer picks: by a label of any script (labels.py), or by the option's own text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from mevals.extract.fold import Folded, after_thinking, fold
from mevals.extract.labels import cased, labels_for
from mevals.extract.markers import (
    announcements,
    bold_spans,
    clauses,
    denied,
    first_line,
    last_boxed,
)
from mevals.extract.phrases import normalise_answer
from mevals.extract.tables import any_of, cue_words

How = Literal["prefix", "cue", "boxed", "bold", "bare", "option", "none"]

_OPENERS = re.compile(r"[\s*_`\"'“”«»„‘’(\[{<$\\|:=-]{0,12}")
_CLOSES = ".)]}:,;*_\"'”»’|>、。，।॥።၊။፣!?"
_GAP = 60
_RISKY = frozenset("AEIOUYaeiouyАВЕИКОСУЯІЗаикосуяіз")  # single letters that are words in some language
_ENDINGS = re.compile(
    r"です|だ(?![ぁ-んァ-ヶ])|である|选项|選項|[项項]|입니다|이다|이며|번|예요|이에요|이고|[이가을를는은와과](?![가-힣])|항|라고"
)


@dataclass(frozen=True, slots=True)
class ChoiceExtraction:
    """The option that an answer picks: its position from 0; None where there is none or it is unclear (unscored).

    `raw` is the piece of the answer it was read from, `how` where that stood ("bare": the answer, or a line of it, is the
    label; "option": the option's text), `why` one sentence on what decided.
    """

    value: int | None
    raw: str
    how: How
    why: str


@dataclass(frozen=True, slots=True)
class _Label:
    """A label found at `start:end`; `value` is None where two systems place it differently."""

    value: int | None
    start: int
    end: int
    why: str = ""


def extract_choice(
    text: str,
    letters: Sequence[str],
    lang: str,
    options: Sequence[str] | None = None,
    prefix: str | None = None,
) -> ChoiceExtraction:
    """The option that `text` picks of those labelled `letters` ("ABCD", or a list), whose texts are `options` if known.

    The last announcement wins ("the answer is", the language's answer words, `prefix`, a box); without one the answer must
    be a label, start with one, name exactly one, or repeat an option's text.
    """
    folded = fold(text)
    start = after_thinking(folded)
    if start is None:
        return ChoiceExtraction(None, "", "none", "the thinking was cut off before an answer")
    answer = _Answer(folded, start, lang, tuple(letters), tuple(options or ()))
    for how, found in answer.places(prefix):
        if found is not None:
            return answer.extraction(how, found)
    return ChoiceExtraction(None, "", "none", "no option is named")


class _Answer:
    """One answer and the options it may pick; each method is one place to look, and gives None where nothing stands."""

    def __init__(
        self, folded: Folded, start: int, lang: str, letters: tuple[str, ...], options: tuple[str, ...]
    ) -> None:
        self.folded, self.text, self.start, self.lang, self.options = folded, folded.text, start, lang, options
        digits = bool(options) and not any(fold(o).text.strip()[:1].isdigit() for o in options)
        self.labels = labels_for(letters, lang, digits)

    def places(self, prefix: str | None) -> Iterator[tuple[How, _Label | None]]:
        """What stands at each place to look, best first."""
        yield self.announced(prefix)
        yield self.called_correct()
        yield self.whole()
        yield self.own_line()
        yield self.bold()
        yield self.named()
        yield self.bracketed()
        yield self.last_line()

    def extraction(self, how: How, found: _Label) -> ChoiceExtraction:
        """What the caller gets for a label: unclear where systems clash, or where the text behind it is another option."""
        raw = self.folded.raw(found.start, found.end)
        label = self.text[found.start : found.end]
        if found.value is None:
            return ChoiceExtraction(None, raw, how, found.why or f"{label} may be more than one option")
        if label in self.labels.clash and self._shows(self.labels.clash[label]):
            return ChoiceExtraction(None, raw, how, f"{label} may be the letter that looks like it")
        if self._option_at(found.end) not in (None, found.value) and not found.why:
            return ChoiceExtraction(None, raw, how, "the label and the text behind it are different options")
        if not found.why and self._equal(label) not in (None, found.value):
            return ChoiceExtraction(None, raw, how, f"{label} is a label, and the text of another option")
        return ChoiceExtraction(found.value, raw, how, found.why or f"{label} is option {found.value + 1}")

    def announced(self, prefix: str | None) -> tuple[How, _Label | None]:
        """The label that the last announcement with one gives; an announcement of something else says so."""
        best: tuple[How, _Label | None] = ("prefix", None)
        marks = announcements(self.text, self.start, self.lang, prefix, choice=True)
        for mark in reversed(marks):
            if mark.denied:
                continue
            inside = self._in_clause(mark.word, mark.end) if mark.kind == "prefix" else None
            found = inside or (self._after_prefix(mark.end) if mark.kind == "prefix" else self._after_cue(mark.end))
            if found is not None:
                best = (mark.kind, found)
                break
            if mark.kind == "prefix" and self._content(mark.end):
                return "prefix", _Label(None, mark.end, mark.end, "what follows the prefix is no option")
        box = last_boxed(self.text, self.start)
        if box and (best[1] is None or box[0] > best[1].start) and (found := self._read(*box)):
            return "boxed", found
        return best

    def _content(self, at: int) -> bool:
        line = first_line(self.text, at)
        return bool(self.text[slice(*line)].strip(" *_`#"))

    def _after_prefix(self, at: int) -> _Label | None:
        start, end = first_line(self.text, at)
        found = self._read(start, end)
        if found is not None and found.value is not None:
            return found
        if (option := self._option_in(start, end)) is not None:
            return _Label(option, start, end, "the text of one option follows the prefix")
        return found or self._after_cue(start)

    def _after_cue(self, at: int) -> _Label | None:
        line_end = self.text.find("\n", at)
        stop = len(self.text) if line_end < 0 else line_end
        clause = next(clauses(self.text, at, stop), None)
        if clause is None or denied(self.text, clause[0], min(clause[1], clause[0] + _GAP), self.lang):
            return None
        found = self._in_clause(clause[0], min(clause[1], clause[0] + _GAP))
        if found is None and (option := self._option_in(*clause)) is not None:
            return _Label(option, *clause, "the text of one option follows the answer word")
        return found

    def _read(self, start: int, end: int) -> _Label | None:
        """The label that `text[start:end]` begins with, after quotes, brackets and words such as "option"."""
        at = _OPENERS.match(self.text, start, end).end()  # type: ignore[union-attr]
        for _ in range(2):
            if match := _option_words(self.lang).match(self.text, at, end):
                at = _OPENERS.match(self.text, match.end(), end).end()  # type: ignore[union-attr]
        match = self.labels.pattern.match(self.text, at, end)
        if match is None or not self._ends(match):
            return None
        if not self._is_label(match, anchored=True):
            return _Label(None, *match.span(), f"{match.group()} may be a word")
        return self._with_others(match, end)

    def _in_clause(self, start: int, end: int) -> _Label | None:
        """The first label inside a clause: a capital that is no word, or a letter of a script without case, by itself."""
        for match in self.labels.pattern.finditer(self.text, start, end):
            if self._starts(match) and self._ends(match) and self._is_label(match, anchored=False):
                return self._with_others(match, min(len(self.text), match.end() + _GAP))
        return None

    def _with_others(self, match: re.Match[str], end: int) -> _Label:
        """The label, or None as its value where another is joined to it, as in "A and C"."""
        value = self.labels.places[match.group()]
        if (joint := _conjunctions(self.lang).match(self.text, match.end(), end)) and joint.end() > match.end():
            other = self.labels.pattern.match(self.text, joint.end(), end)
            plain = (
                other and self._ends(other) and (not other.group().islower() or other.group().upper() == other.group())
            )
            if other and plain and self.labels.places[other.group()] != value:
                return _Label(None, match.start(), other.end(), "more than one option is given")
        return _Label(value, match.start(), match.end())

    def _unless_denied(self, start: int, end: int) -> _Label:
        """The label at `start:end`, without its value where its line goes on with words such as "wrong"."""
        stop = self.text.find("\n", end)
        stop = min(len(self.text) if stop < 0 else stop, end + _GAP)
        if denied(self.text, end, stop, self.lang):
            return _Label(None, start, end, "the option is named to be rejected")
        return _Label(self.labels.places[self.text[start:end]], start, end)

    def _starts(self, match: re.Match[str]) -> bool:
        before = self.text[match.start() - 1 : match.start()]
        if not before or not (before.isalnum() or unicodedata.category(before)[0] == "M"):
            return True
        if cased(match.group()[0]) or match.group()[0].isdigit():
            return not cased(before) and not before.isdigit()
        return bool(_option_words(self.lang).search(self.text, max(0, match.start() - 12), match.start()))

    def _ends(self, match: re.Match[str]) -> bool:
        """Whether the label is a word by itself where it stands."""
        after, label = self.text[match.end() : match.end() + 1], match.group()
        if not after or not (after.isalnum() or unicodedata.category(after)[0] == "M" or after in "%_"):
            return not (label[-1].isdigit() and re.match(r"[.,:/]\d", self.text[match.end() : match.end() + 2]))
        if unicodedata.category(after)[0] == "M" or after.isdigit() or after in "%_" or cased(after):
            return unicodedata.category(label[-1]) in ("No", "So")
        if cased(label[-1]) or label[-1].isdigit() or unicodedata.category(label[-1]) in ("No", "So"):
            return True
        if "\uac00" <= after <= "\ud7a3":
            return _ENDINGS.match(self.text, match.end()) is not None
        if "\u30a0" <= label <= "\u30ff":
            return not "\u30a0" <= after <= "\u30ff"
        return after in "项項选選"

    def _is_label(self, match: re.Match[str], anchored: bool) -> bool:
        """Whether a label is no plain word: a small letter, or a capital that is a word, must be closed by a mark or the end."""
        label, after = match.group(), self.text[match.end() : match.end() + 1]
        closed = not after or after == "\n" or after in _CLOSES
        if not cased(label[0]):
            return True
        if label.islower() and len(label) == 1:
            before = self.text[match.start() - 1 : match.start()]
            return closed and (anchored or before in tuple("(*\"'“«"))
        if label not in _RISKY or closed or (after and not after.isspace()):
            return True
        joint = _conjunctions(self.lang).match(self.text, match.end())
        if joint and (other := self.labels.pattern.match(self.text, joint.end())) and self._ends(other):
            return True
        rest = self.text[match.end() : match.end() + 30].strip(" ")
        return not rest or rest[0] in _CLOSES + "-–—=(\n" or bool(_because(self.lang).match(rest))

    def _shows(self, others: str) -> bool:
        """Whether any of these letters stands as a label in the answer."""
        return any(re.search(rf"(?<!\w){c}(?:[.):]|$|\s*\n)", self.text) for c in others)

    def called_correct(self) -> tuple[How, _Label | None]:
        """The one label that is said to be correct, as in "B is correct"."""
        found = []
        for match in self.labels.pattern.finditer(self.text, self.start):
            if not _correct(self.lang).match(self.text, match.end()):
                continue
            if self._starts(match) and not (match.group().islower() and cased(match.group()[0])):
                found.append(_Label(self.labels.places[match.group()], *match.span()))
        return "cue", _only(found)

    def own_line(self) -> tuple[How, _Label | None]:
        """The label that the first or last line consists of, or the one that any line starts with."""
        alone: list[_Label] = []
        leading: list[_Label] = []
        lines = [m.span() for m in re.finditer(r"[^\n]+", self.text[self.start :]) if m.group().strip(" *_#>`-")]
        for a, b in lines:
            start, end = a + self.start, b + self.start
            at = _OPENERS.match(self.text, start, end).end()  # type: ignore[union-attr]
            if word := _option_words(self.lang).match(self.text, at, end):
                at = _OPENERS.match(self.text, word.end(), end).end()  # type: ignore[union-attr]
            match = self.labels.pattern.match(self.text, at, end)
            if match is None or not self._ends(match):
                continue
            ending = _ENDINGS.match(self.text, match.end(), end) or match
            rest = self.text[ending.end() : end].strip()
            label = self._with_others(match, end)
            if not rest.strip(_CLOSES + " "):
                if (a, b) in (lines[0], lines[-1]):
                    alone.append(label)
            elif self._delimited(match, rest):
                leading.append(label if label.value is None else self._unless_denied(*match.span()))
        return "bare", _only(alone) if alone else _only(leading)

    def _delimited(self, match: re.Match[str], rest: str) -> bool:
        if unicodedata.category(match.group()[-1]) in ("No", "So"):
            return True
        small = match.group().islower() and cased(match.group()[0])
        if match.group()[-1].isdigit() and rest[0] in ".,":
            return False
        return rest[0] in (")]" if small else ").]:：、．,*") or (not small and bool(re.match(r"[-–—] ", rest)))

    def bold(self) -> tuple[How, _Label | None]:
        """The one label that bold text starts with."""
        found = []
        for span in bold_spans(self.text, self.start):
            label = self._read(*span)
            if label and label.value is not None and (label.end == span[1] or self.text[label.end] in ").:]"):
                found.append(label)
        return "bold", _only(found)

    def named(self) -> tuple[How, _Label | None]:
        """The one label that follows a word such as "option"."""
        found = []
        for word in _option_words(self.lang).finditer(self.text, self.start):
            at = _OPENERS.match(self.text, word.end()).end()  # type: ignore[union-attr]
            match = self.labels.pattern.match(self.text, at)
            if match and self._ends(match) and self._is_label(match, anchored=False) and at > word.end():
                found.append(self._unless_denied(*match.span()))
        return "cue", _only(found)

    def bracketed(self) -> tuple[How, _Label | None]:
        """The one label in brackets."""
        found = []
        for match in re.finditer(r"[(\[]([^()\[\]\s]{1,4})[)\]]", self.text[self.start :]):
            label = match[1]
            if label in self.labels.places and not (label.islower() and cased(label[0])) and not label.isdigit():
                at = self.start + match.start(1)
                found.append(self._unless_denied(at, at + len(label)))
        return "bare", _only(found)

    def whole(self) -> tuple[How, _Label | None]:
        """The option whose text is the whole answer; unclear if that is another option's label."""
        body = self.text[self.start :]
        option = self._equal(body)
        if option is None:
            return "option", None
        place = self.labels.places.get(body.strip(" \n.*()"), option)
        end = len(self.text.rstrip())
        return "option", _Label(
            option if place == option else None, self.start, end, "the text of one option is repeated"
        )

    def last_line(self) -> tuple[How, _Label | None]:
        """The option whose text is the last line."""
        text = self.text.rstrip()
        start = max(self.start, text.rfind("\n") + 1)
        option = self._equal(text[start:])
        return "option", None if option is None else _Label(
            option, start, len(text), "the last line is one option's text"
        )

    def _equal(self, text: str) -> int | None:
        said = normalise_answer(text, self.lang)
        same = [i for i, o in enumerate(self.options) if said and normalise_answer(o, self.lang) == said]
        return same[0] if len(same) == 1 else None

    def _option_in(self, start: int, end: int) -> int | None:
        """The one option whose text is in `text[start:end]` as whole words, not inside another option's text."""
        if not self.options:
            return None
        if (same := self._equal(self.text[start:end])) is not None:
            return same
        said = f" {normalise_answer(self.text[start:end], self.lang)} "
        texts = [normalise_answer(o, self.lang) for o in self.options]
        inside = [i for i, o in enumerate(texts) if len(o) >= 3 and f" {o} " in said]
        return inside[0] if len(inside) == 1 else None

    def _option_at(self, at: int) -> int | None:
        end = self.text.find("\n", at)
        return self._equal(self.text[at : len(self.text) if end < 0 else end].strip(" .):]-*–—"))


def _only(labels: Sequence[_Label]) -> _Label | None:
    """The label all agree on; one without a value where they don't; None where there are none."""
    if not labels:
        return None
    if len({label.value for label in labels}) == 1:
        return labels[-1]
    return _Label(None, labels[0].start, labels[-1].end, "several options are named, none as the answer")


@cache
def _option_words(lang: str) -> re.Pattern[str]:
    words = cue_words("option", lang) + cue_words("option", "eng_Latn")
    latin = tuple(w for w in words if cased(w[0]))
    rest = tuple(w for w in words if w not in latin)
    return re.compile(rf"(?:(?<!\w)(?:{any_of(latin)})(?![^\W\d_])|{any_of(rest)})", re.IGNORECASE)


@cache
def _correct(lang: str) -> re.Pattern[str]:
    words = cue_words("correct", lang) + cue_words("correct", "eng_Latn")
    return re.compile(rf"[\s*_`\"')\].]{{0,5}}(?:{any_of(words)})", re.IGNORECASE)


@cache
def _conjunctions(lang: str) -> re.Pattern[str]:
    """What joins two labels: a comma, a slash, or a word for "and" or "or"."""
    words = cue_words("conj", lang) + cue_words("conj", "eng_Latn")
    han = any_of(tuple(w for w in words if "\u3040" <= w[0] <= "\ud7a3"))
    return re.compile(
        rf"[*)\].\"']{{0,3}}\s{{0,2}}(?:[,/&+،、;]|{han}|(?:{any_of(words)})(?=[\s*(\[]))\s{{0,2}}[*(\[\"']{{0,3}}",
        re.IGNORECASE,
    )


@cache
def _because(lang: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{any_of(cue_words('because', lang) + cue_words('because', 'eng_Latn'))})", re.IGNORECASE)
