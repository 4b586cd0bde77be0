"""Brings every way of writing digits, signs and separators to one, and remembers where each character came from.

Models answer with Bengali, Thai or full-width digits, with bidi marks inside numbers and with LaTeX spacing; the readers
see none of that, and what they quote is still a piece of the model's own text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

# Decimal digit systems that Unicode added after version 14, which is all that Python 3.11 knows: the code point of each
# zero, from the Unicode Character Database (DerivedGeneralCategory.txt, Nd), versions 15.0 to 16.0.
_LATER_ZEROS = (
    0x10D40,  # Garay
    0x116D0,  # Myanmar Pao Karen
    0x116DA,  # Myanmar Eastern Pwo Karen
    0x11BF0,  # Sunuwar
    0x11F50,  # Kawi
    0x16130,  # Gurung Khema
    0x16D70,  # Kirat Rai
    0x1CCF0,  # outlined
    0x1E4F0,  # Nag Mundari
    0x1E5F1,  # Ol Onal
)
_FULL_WIDTH = "．，：＇％＋－＝／（）［］＄￥＊＾！？；～｛｝＿＃＂"
_HALF_WIDTH = ".,:'%+-=/()[]$¥*^!?;~{}_#\""
_SAME = {
    "٪": "%", "﹪": "%", "﹕": ":", "︰": ":", "៖": ":", "꞉": ":", "∶": ":", "﹣": "-", "‐": "-", "‑": "-",
    "‘": "’", "ʼ": "’", "′": "’", "⁄": "/", "∕": "/", "﹒": ".", "﹐": ",", "\u3000": " ", "\u2008": "\u2009", "\u200a": "\u2009",
    "\u2007": "\u2009", "\u2006": "\u2009", "\u2005": "\u2009", "\u2002": " ", "\u2003": " ", "\t": " ", "\r": "\n",
    "\x85": "\n", "\u2028": "\n", "\u2029": "\n", "\x0b": "\n", "\x0c": "\n",
}  # fmt: skip
# Soft hyphen, zero-width characters, bidi controls, variation selectors and the keycap: they carry no meaning here.
_DROPPED = "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff\u20e3"
_EDITS = re.compile(
    rf"(?P<drop>[{_DROPPED}]+)"
    r"|(?P<thin>\\[,;: ]|,\\!|\\!,)"
    r"|(?P<comma>\{,\})"
    r"|(?P<point>\{\.\})"
    r"|(?P<times>\\times|\\cdot)"
    r"|(?P<near>\\approx|\\simeq)"
    r"|(?P<wrap>\\(?:text(?:bf|rm|it)?|mathrm|mathbf|mathit|mbox|left|right|displaystyle)\b|\\(?=[$%()\[\]]))"
    r"|\\[dt]?frac\{(?P<over>[^{}\n]{1,20})\}\{(?P<under>[^{}\n]{1,20})\}"
)
_MAYBE = re.compile(rf"[{_DROPPED}\\]|\{{[,.]\}}")


@dataclass(frozen=True, slots=True)
class Folded:
    """A text ready to be read: `text` is folded, `source` is as it came, `index[i]` is where `text[i]` stood in `source`.

    `index` is None where nothing was dropped or replaced by something of another length.
    """

    text: str
    source: str
    index: tuple[int, ...] | None = None

    def raw(self, start: int, end: int) -> str:
        """The piece of the source that `text[start:end]` was made of."""
        if start >= end:
            return ""
        if self.index is None:
            return self.source[start:end]
        return self.source[self.index[start] : self.index[end - 1] + 1]


@cache
def _table() -> Mapping[int, str]:
    table = {ord(a): b for a, b in zip(_FULL_WIDTH, _HALF_WIDTH, strict=True)} | {ord(a): b for a, b in _SAME.items()}
    for code in range(0x80, 0x20000):
        if unicodedata.category(chr(code)) == "Nd":
            table[code] = str(unicodedata.decimal(chr(code)))
    for zero in _LATER_ZEROS:
        table.update({zero + i: str(i) for i in range(10)})
    for code in (*range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B), *range(0x1D400, 0x1D6A4)):
        table[code] = unicodedata.normalize("NFKC", chr(code))
    return table


def fold(text: str) -> Folded:
    """The text with ASCII digits, ASCII forms of full-width signs, plain LaTeX, and no invisible characters."""
    if text.isascii() and "\\" not in text and "{" not in text and "\t" not in text and "\r" not in text:
        return Folded(text, text)
    folded = text.translate(_table())
    if not _MAYBE.search(folded):
        return Folded(folded, text)
    return _edit(folded, text)


def _edit(folded: str, source: str) -> Folded:
    pieces: list[str] = []
    index: list[int] = []

    def keep(start: int, end: int) -> None:
        pieces.append(folded[start:end])
        index.extend(range(start, end))

    def put(char: str, at: int) -> None:
        pieces.append(char)
        index.append(at)

    at = 0
    for match in _EDITS.finditer(folded):
        keep(at, match.start())
        at = match.end()
        if match["over"] is not None:
            keep(*match.span("over"))
            put("/", match.end("over"))
            keep(*match.span("under"))
        elif char := _REPLACED.get(match.lastgroup or ""):
            put(char, match.start())
    keep(at, len(folded))
    return Folded("".join(pieces), source, tuple(index))


_REPLACED = {"thin": "\u2009", "comma": ",", "point": ".", "times": "×", "near": "≈"}


def after_thinking(folded: Folded) -> int | None:
    """Where the answer starts once thinking text is passed; None where the thinking was never closed."""
    close = folded.text.rfind("</think>")
    if close >= 0:
        return close + len("</think>")
    return None if "<think>" in folded.text else 0
