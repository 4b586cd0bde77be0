"""Reads yes or no in any language, and brings short answers to a form in which equal answers are equal strings."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from mevals.extract.fold import after_thinking, fold
from mevals.extract.markers import announcements, bold_spans, clauses, first_line
from mevals.extract.tables import cue_words, rows, spaced

_MARKS = re.compile(r"[\s*_`#>\"'“”«»„‘’()\[\]{}|$\\:=.,;!?。،؛؟।॥၊။።፣៖՞՜、…–—-]+")
_OPENING = re.compile(r"^[\s*_`#>\"'“”«»„‘(\[{|$\\:=-]+")
_LATIN_DIACRITIC_FREE = frozenset({"yor_Latn", "ibo_Latn", "hau_Latn", "twi_Latn", "ewe_Latn", "lin_Latn", "wol_Latn"})
# Arabic vowel signs, Quranic marks and tatweel; Hebrew points and accents. The letters without them are the usual spelling.
_POINTS = {
    "Arab": re.compile("[\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed]"),
    "Hebr": re.compile("[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7]"),
}
_LETTERS = {
    "Arab": str.maketrans("أإآٱىيكۀةہۃ", "ااااییکهههه"),
    "Cyrl": str.maketrans("ё", "е"),
}
_NUKTA = "\u093c"
_APOSTROPHES = re.compile("['’`´׳״]")
_UNSPACED_SCRIPT = (
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3005"
)
_INNER_SPACE = re.compile(rf"(?<=[{_UNSPACED_SCRIPT}]) +(?=[{_UNSPACED_SCRIPT}\d])|(?<=[\d]) +(?=[{_UNSPACED_SCRIPT}])")
_LISTED = re.compile(r"[\"']answers?[\"']\s*:\s*\[([^\[\]]{0,500})\]")
_QUOTED = re.compile(r"\"([^\"]{1,200})\"|'([^']{1,200})'")


@dataclass(frozen=True, slots=True)
class ShortMatch:
    """How a short answer compares with what annotators answered.

    `exact`: it is one of their answers. `weighted`: that answer's count over the highest count, 0 where it is none of them
    (BLEnD, exact_match.py at 24e7d73: v / max_vote). Both None where there is nothing to compare: an empty answer, or a
    question without annotations. `matched` is the annotation as it was written, `answer` the answer as it was compared.
    `contained`: an annotation stands as whole words inside a longer answer; no match, but worth a look.
    """

    exact: bool | None
    weighted: float | None
    matched: str | None
    answer: str
    contained: bool = False


def extract_yes_no(text: str, lang: str) -> bool | None:
    """True for yes, False for no, in `lang` or in English; None for anything else, "neutral" and "yes and no" included.

    Read after the last answer prefix or answer word; else from how the answer starts and from its last line, which must
    not disagree.
    """
    folded = fold(text)
    start = after_thinking(folded)
    if start is None:
        return None
    body = folded.text
    marks = [m for m in announcements(body, start, lang, None) if not m.denied]
    for mark in reversed(marks):
        begin, end = first_line(body, mark.end)
        if mark.kind == "prefix":
            return _leading(body[begin:end], lang)
        clause = next(clauses(body, begin, end), (begin, end))
        if (verdict := _within(body[slice(*clause)], lang)) is not None:
            return verdict
    lines = [line for line in body[start:].split("\n") if line.strip(" *_#>`-")]
    if not lines:
        return None
    bold = [v for a, b in bold_spans(body, start) if (v := _whole(body[a:b], lang)) is not None]
    said = {_leading(lines[0], lang), _whole(lines[-1], lang), *bold} - {None}
    return said.pop() if len(said) == 1 else None


@cache
def _yes_no(lang: str) -> Mapping[str, bool]:
    """The words for yes and no of a language and of English, as they compare; a word that says both is left out."""
    found: dict[str, bool] = {}
    clash = set()
    for code in dict.fromkeys((lang, "eng_Latn")):
        for row in (r for r in rows("yesno.csv") if r["lang"] == code):
            word, value = _comparable(row["word"], lang), row["value"] == "yes"
            if code == lang and found.get(word, value) != value:
                clash.add(word)
            found.setdefault(word, value)
    # "No" is said for "yeah" in Czech, Slovak and Polish: whose word it is can't be told.
    if lang in ("ces_Latn", "slk_Latn", "pol_Latn"):
        clash.add("no")
    return {word: value for word, value in found.items() if word not in clash}


def _comparable(text: str, lang: str) -> str:
    text = unicodedata.normalize("NFC", fold(text).text).replace("’", "'").casefold()
    if lang in _LATIN_DIACRITIC_FREE:
        text = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return text.strip()


def _whole(line: str, lang: str) -> bool | None:
    words = _yes_no(lang)
    return words.get(_comparable(_MARKS.sub(" ", line), lang), words.get(_comparable(line.strip(' *_."'), lang)))


def _leading(line: str, lang: str) -> bool | None:
    """Yes or no if the line starts with the word and goes on as a sentence of its own, not as "yes and no"."""
    if (whole := _whole(line, lang)) is not None:
        return whole
    words, text = _yes_no(lang), _OPENING.sub("", _comparable(line, lang))
    for word in sorted(words, key=len, reverse=True):
        if not text.startswith(word):
            continue
        rest = text[len(word) :]
        if (
            not rest[:1].isalpha()
            and unicodedata.category(rest[:1] or " ")[0] != "M"
            and rest[:1] not in ("/", "|", "'")
        ):
            return words[word] if _goes_on(word, rest, lang) else None
    return None


def _goes_on(word: str, rest: str, lang: str) -> bool:
    """Whether what follows the word leaves it standing: no "or", "and", no opposite word, and after "no" no "no problem"."""
    value, next_word = _yes_no(lang)[word], next(iter(w for w in _MARKS.split(rest[:40]) if w), "")
    if _yes_no(lang).get(_comparable(next_word, lang), value) != value:
        return False
    if (
        not spaced(lang)
        or not rest.startswith(" ")
        or not next_word
        or rest.lstrip(" *_`")[:1] in tuple(",.;:!-–—(،。")
    ):
        return True
    joined = (*cue_words("conj", lang), *cue_words("conj", "eng_Latn"), *cue_words("wrong", lang), "not")
    interjection = word in ("yes", "yeah") or word[:1].lower() == word[:1].upper()
    return value and interjection and next_word not in joined


def _within(clause: str, lang: str) -> bool | None:
    """Yes or no if exactly one of them is a word of a short clause, as in "the answer is yes"."""
    words, known = [_comparable(w, lang) for w in _MARKS.split(clause)[:8]], _yes_no(lang)
    denials = {*cue_words("wrong", lang), *cue_words("wrong", "eng_Latn")} - known.keys()
    found = {known[w] for w in words if w in known}
    return found.pop() if len(found) == 1 and spaced(lang) and denials.isdisjoint(words) else None


def normalise_answer(text: str, lang: str) -> str:
    """A short answer as it compares: composed, caseless, without punctuation, leading articles and optional points.

    Arabic loses vowel signs, tatweel and the article, and its alef, ya, kaf and ta marbuta variants become one; Hebrew
    loses niqqud, Devanagari its nuktas; digits become ASCII; spaces inside Thai, Lao, Khmer, Burmese, Chinese and Japanese
    go. Simplified and traditional characters stay apart.
    """
    script = lang.rpartition("_")[2]
    text = unicodedata.normalize("NFC", fold(text).text).casefold()
    if script == "Deva":
        text = unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).replace(_NUKTA, ""))
    if script in _POINTS:
        text = _POINTS[script].sub("", text)
    text = _without_article(text.strip(" .,;:!?\"'’*_`([{"), lang).translate(_LETTERS.get(script, {}))
    text = " ".join("".join(c if _kept(c) else " " for c in _APOSTROPHES.sub("", text)).split())
    return _INNER_SPACE.sub("", text)


def _kept(char: str) -> bool:
    return unicodedata.category(char)[0] in "LMN" or char in "%+"


@cache
def _articles(lang: str) -> frozenset[str]:
    return frozenset(fold(r["text"]).text for r in rows("cues.csv") if r["kind"] == "article" and r["lang"] == lang)


def _without_article(text: str, lang: str) -> str:
    articles = _articles(lang)
    if "ال" in articles:
        return " ".join(w[2:] if w.startswith("ال") and len(w) >= 5 else w for w in text.split())
    while True:
        first, _, rest = text.partition(" ")
        if rest.strip() and first in articles:
            text = rest.strip()
            continue
        glued = next(
            (a for a in articles if a[-1] in "'’-" and text.replace("’", "'").startswith(a) and text != a), None
        )
        if glued is None:
            return text
        text = text[len(glued) :]


def match_short_answer(answer: str, annotations: Mapping[str, int], lang: str) -> ShortMatch:
    """How `answer` compares with the annotators' answers, each with how many gave it.

    Where several annotations compare equal, the highest count is taken. An answer prefix, and the JSON list that BLEnD's
    prompts ask for, are stripped first.
    """
    given = normalise_answer(_short(answer, lang), lang)
    votes: dict[str, tuple[int, str]] = {}
    for annotation, count in annotations.items():
        key = normalise_answer(annotation, lang)
        if key and count > votes.get(key, (0, ""))[0]:
            votes[key] = (count, annotation)
    if not given or not votes:
        return ShortMatch(None, None, None, given)
    if given in votes:
        count, annotation = votes[given]
        return ShortMatch(True, count / max(c for c, _ in votes.values()), annotation, given)
    inside = any(_contains(given, key, lang) for key in votes)
    return ShortMatch(False, 0.0, None, given, inside)


def _contains(answer: str, annotation: str, lang: str) -> bool:
    return f" {annotation} " in f" {answer} " if spaced(lang) else annotation in answer


def _short(answer: str, lang: str) -> str:
    """What stands in the last JSON list of answers, after the last answer prefix, or on the only line."""
    folded = fold(answer)
    start = after_thinking(folded)
    if start is None:
        return ""
    text = folded.text
    if listed := list(_LISTED.finditer(text, start)):
        items: Sequence[tuple[str, str]] = _QUOTED.findall(listed[-1][1])
        return items[0][0] or items[0][1] if len(items) == 1 else listed[-1][1] if not items else ""
    prefixes = [m for m in announcements(text, start, lang, None) if m.kind == "prefix" and not m.denied]
    begin = prefixes[-1].end if prefixes else start
    line, end = first_line(text, begin)
    return text[line:end] if prefixes or not text[end:].strip() else text[begin:]
