"""Tells a judge's own words from what it repeats of the text that it judges."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from mevals.judge.loose_json import Found

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_OPENING = "\"'`“”„‘’«»‹›「『《＂"
_CLOSING = "\"'`“”‘’«»‹›」』》＂"
_OWN_LINE = re.compile(
    r"[\W_]*(?:(?:my|the|so|thus|hence|therefore|overall|final|verdict|decision|judge?ment|answer|conclusion|is)[\W_]*)*",
    re.IGNORECASE,
)


def visible(text: str) -> str:
    """The text in NFC, without characters that nobody sees: they would hide a tag, or tell a copy apart from its source."""
    return _INVISIBLE.sub("", unicodedata.normalize("NFC", text))


class Quoted:
    """What was judged, and whether a piece of the reply is taken from it."""

    def __init__(self, judged: Sequence[str]) -> None:
        self._texts = [visible(t) for t in judged]
        self._squeezed = [_squeeze(t) for t in self._texts]

    def holds_object(self, found: Found, text: str) -> bool:
        """Whether an object is a copy from a judged text.

        A short one that is the whole reply is the judge's own all the same: an answer may hold the right verdict by chance,
        but not the judge's reasons for it.
        """
        copied = _squeeze(text[found.start : found.end])
        if len(copied) < 6 or not any(copied in t for t in self._squeezed):
            return False
        rest = re.sub(r"[`\s]|json", "", text[: found.start] + text[found.end :], flags=re.IGNORECASE)
        return bool(rest) or len(copied) >= 40

    def holds_line(self, line: str) -> bool:
        """Whether a line stands in a judged text."""
        copied = _squeeze(line)
        return len(copied) >= 4 and any(copied in t for t in self._squeezed)

    def plants(self, mark: str) -> bool:
        """Whether a tag stands in a judged text."""
        squeezed = _squeeze(mark)
        return any(squeezed in t for t in self._squeezed)

    def holds_mark(self, text: str, start: int, end: int) -> bool:
        """Whether a tag in the reply is a mention of one in a judged text: anywhere but at the end of a closing line."""
        if not self.plants(text[start:end]):
            return False
        return not _closes(text, start, end)


def _closes(text: str, start: int, end: int) -> bool:
    """Whether a tag ends the reply, alone on its line or after no more than "My final verdict is:"."""
    begin = text.rfind("\n", 0, start) + 1
    if _is_in_quotes(text, start, end) or re.search(r"\w", text[end:]):
        return False
    return bool(_OWN_LINE.fullmatch(text[begin:start]))


def _is_in_quotes(text: str, start: int, end: int) -> bool:
    """Whether quotation marks enclose this place on its line, or the line is a quotation (`> …`)."""
    begin = text.rfind("\n", 0, start) + 1
    stop = text.find("\n", end)
    before, after = text[begin:start], text[end : stop if stop >= 0 else len(text)]
    if before.lstrip().startswith(">"):
        return True
    if before[-1:] == "`" and after[:1] == "`":
        return False  # code marks around a closing tag are emphasis
    return bool(before[-1:] and before[-1:] in _OPENING and after[:1] and after[:1] in _CLOSING)


def _squeeze(text: str) -> str:
    """Text without white space, quotation marks and backslashes, so that a re-spaced or escaped copy is still found."""
    return re.sub(r"[\s\"'\\“”„‘’«»]+", "", text).casefold()
