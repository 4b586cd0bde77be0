"""Finds the numbers in a piece of folded text and says for each what it is worth, or why that is unclear."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from mevals.extract.fold import Folded
from mevals.extract.numerals import (
    ETHIOPIC_NUMERAL,
    HAN_NUMERAL,
    MIXED_NUMERAL,
    UNIT_BEHIND,
    read_ethiopic,
    read_han,
    read_mixed,
)
from mevals.extract.separators import NUMBER, Conventions, Reading, conventions, read_separated
from mevals.extract.tables import any_of, cue_words, locale_of, rows, scales, spaced

MINUS = "-−–"
# Currency signs that may stand before a number; letters are matched as codes, since x2 and H2O are no amounts.
_CURRENCY = "$¢£¤¥฿៛₠-₿﷼৳૱௹꠸元円"
_CODE = re.compile(
    r"(?<![^\W\d_])(?:US|CA|AU|HK|NT|Rs|Rp|RM|Sh|Ksh|Tsh|Ush|KES|TZS|UGX|NGN|ZAR|GHS|ETB|USD|EUR|GBP|INR|PKR|BDT|NPR|LKR|"
    r"JPY|CNY|RMB|KRW|IDR|MYR|PHP|THB|VND|BRL|MXN|ARS|CLP|COP|TRY|RUB|UAH|PLN|CZK|HUF|RON|BGN|CHF|SEK|NOK|DKK|kr|Fr|Lei|"
    r"zł|Kč|Ft|Ar|Nu|Bs|руб|грн|лв|din|FCFA|CFA|XOF|XAF)$",
    re.IGNORECASE,
)
_EXPONENT = re.compile(r"[eE]([+\-−]?\d{1,3})(?!\w)")
_TIMES_TEN = re.compile(
    r" ?[×xX*·⋅] ?10(?:\^ ?\{([-−+]?\d{1,3})\}|\^ ?([-−+]?\d{1,3})|\*\*(-?\d{1,3})|([⁻⁰¹²³⁴-⁹]{1,4}))(?!\d)"
)
_SUPERSCRIPT = {ord(a): b for a, b in zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−", "0123456789--", strict=True)}
_POWER = re.compile(r"\^|\*\*\d|[⁰¹²³⁴-⁹]")
_VULGAR = "¼½¾⅐-⅞"
_LONE_VULGAR = re.compile(f"[{_VULGAR}]")
_KILO = re.compile(r"[kK](?![^\W_])")
_UNKNOWN_UNIT = re.compile(r"(?:[xyzn]| ?[MBT])(?![\w'’])")
_PLAIN_ENDS = frozenset(("", "\n", ".", ",", ")", "*", "}", "]", "।", "。", "€", "%", "-", "=", "$", '"'))
_PLAIN_STARTS = frozenset(("", "\n", " ", "$", "(", "*", "{", ":", "€", "-", "₹", "="))
_ROW_NUMBER = re.compile(r"(?:^|\n)[ \t>*#-]{0,6}$")


@dataclass(frozen=True, slots=True)
class Number:
    """One number of the text at `start:end`; `value` is None where it can't be read, and `why` says so."""

    start: int
    end: int
    value: Decimal | None
    why: str = ""
    fraction: tuple[Decimal, Decimal] | None = None


class Reader:
    """Reads the numbers of one answer in one language.

    `english` says that English words announce them; `start` is where the answer starts in the folded text; `whole` says
    that a whole number was asked for.
    """

    __slots__ = ("_conventions", "english", "folded", "lang", "locale", "start", "text", "whole")

    def __init__(self, folded: Folded, lang: str, english: bool = False, start: int = 0, whole: bool = False) -> None:
        self.whole = whole
        self.folded, self.text, self.lang, self.english, self.start = folded, folded.text, lang, english, start
        self.locale = locale_of(lang)
        self._conventions: Conventions | None = None

    def conventions(self) -> Conventions:
        """What the answer shows of its own use of `.` and `,`."""
        if self._conventions is None:
            asked: Conventions = {}
            if self.whole:
                asked = dict.fromkeys("," if self.locale.decimal in (".", "") else ",.", "group")
            self._conventions = {**asked, **conventions(self.text[self.start :], self.english)}
        return self._conventions

    def numbers(self, start: int, end: int) -> list[Number]:
        """The numbers of `text[start:end]` in order: digits and Ethiopic numerals, else Chinese numerals if that is all."""
        text, at = self.text, start
        found: list[Number] = []
        for match in NUMBER.finditer(text, start, end):
            if match.start() >= at and not _within_word(text, match.start()):
                found.append(self._digits(match.start(), match.end(), end))
                at = found[-1].end
        if text.isascii():
            return found
        for match in ETHIOPIC_NUMERAL.finditer(text, start, end):
            found.append(Number(*match.span(), read_ethiopic(match.group()), "an Ethiopic numeral"))
        read = {n.end for n in found}
        for match in _LONE_VULGAR.finditer(text, start, end):
            if match.end() not in read:  # 2½ was read with its digits
                found.append(Number(*match.span(), None, "a fraction among other words", _vulgar(match.group())))
        return sorted(found, key=lambda n: n.start) or _han_numbers(text, start, end)

    def _digits(self, start: int, end: int, stop: int) -> Number:
        text = self.text
        if (mixed := MIXED_NUMERAL.match(text, start, stop)) and mixed.end() > end - 1:
            token = mixed.group().rstrip()
            end = start + len(token)
            return self._signed(start, end, Reading(read_mixed(token), f"{token} with units"))
        reading = read_separated(text[start:end], self.locale, self.conventions)
        if reading.value is not None:
            reading, end = self._extended(reading, start, end)
        return self._signed(start, end, reading)

    def _extended(self, reading: Reading, start: int, end: int) -> tuple[Reading, int]:
        """The reading with what stands close behind it: exponent, vulgar fraction, power, scale words, unknown units."""
        text, value = self.text, reading.value
        assert value is not None
        if text[end : end + 1] in _PLAIN_ENDS and text[start - 1 : start] in _PLAIN_STARTS:
            return (self._ahead(reading, start, end) if scales(self.lang, before=True) else reading), end
        if match := _EXPONENT.match(text, end) or _TIMES_TEN.match(text, end):
            power = int(next(g for g in match.groups() if g).translate(_SUPERSCRIPT))
            clear = abs(power) <= 30
            return Reading(_times_ten(value, power) if clear else None, "scientific notation"), match.end()
        if match := _VULGAR_BEHIND.match(text, end):
            over = _vulgar(match.group().strip())
            part = over[0] / over[1]
            return Reading(value + part if over[1] in (2, 4, 5, 8, 10) else None, "a mixed number"), match.end()
        if _POWER.match(text, end):
            return Reading(None, "a power"), end + 1
        if _other_numeral(text, start, end):
            return Reading(None, "a numeral that is no decimal digit stands beside it"), end
        if match := UNIT_BEHIND.match(text, end):
            return Reading(None, f"{text[start : match.end()]} is grouped in no known way"), match.end()
        if match := _KILO.match(text, end):
            return Reading(_times_ten(value, 3), "with k for thousand"), match.end()
        if match := _UNKNOWN_UNIT.match(text, end):
            return Reading(None, f"{text[start : match.end()]} may be an amount or an expression"), match.end()
        if text[start - 1 : start] == "." and not text[max(0, start - 2) : start - 1].strip(" $€£(*-:="):
            return Reading(Decimal(f"0.{text[start:end]}"), "no digit before the point"), end
        return self._scaled(reading, start, end)

    def _scaled(self, reading: Reading, start: int, end: int) -> tuple[Reading, int]:
        """The reading times the scale words around it, such as 18 thousand, elfu 18, 2 lakh."""
        text, value = self.text, reading.value
        assert value is not None
        behind, after = scales(self.lang, before=False), _scale_patterns(self.lang)[0]
        if scales(self.lang, before=True) and (ahead := self._ahead(reading, start, end)) is not reading:
            return ahead, end
        first = end
        while match := after.match(text, end):
            power = behind[match[1].casefold()]
            if power is None:
                return Reading(None, f"{text[start : match.end()]} is unclear"), match.end()
            value, end = _times_ten(value, power), match.end()
            reading = Reading(value, f"with {text[first:end].strip()}")
        if end > first and text[end : end + 1] == " " and text[end + 1 : end + 2].isdigit():
            return Reading(None, f"{text[start : end + 2]} goes on after its scale word"), end
        return reading, end

    def _ahead(self, reading: Reading, start: int, end: int) -> Reading:
        """The reading times a scale word that stands before it, as in Swahili elfu 18."""
        match = _scale_patterns(self.lang)[1].search(self.text, max(0, start - 24), start)
        if match is None or reading.value is None:
            return reading
        power = scales(self.lang, before=True)[match[1].casefold()]
        if power is None or reading.value >= 1000:
            return Reading(None, f"{match[1]} before {self.text[start:end]} is unclear")
        return Reading(_times_ten(reading.value, power), f"with {match[1]}")

    def _signed(self, start: int, end: int, reading: Reading) -> Number:
        text, value, at = self.text, reading.value, start
        if _is_currency(text[at - 1 : at]):
            at -= 1
        elif text[at - 1 : at] == " " and _is_currency(text[at - 2 : at - 1]):
            at -= 2
        sign = _sign_start(text, at)
        if sign is None:
            return Number(start, end, None, f"whether {text[max(0, at - 2) : end]!r} is negative is unclear")
        if sign == at and (word := _minus_pattern(self.lang).search(text, max(0, at - 24), at)):
            sign = word.start(1)
        if sign < at:
            start, value = sign, None if value is None else value.copy_negate()
        if value is not None and text[end : end + 1] == "-" and not text[end + 1 : end + 2].strip():
            return Number(start, end + 1, None, "a minus sign may follow the number")
        return Number(start, end, value, reading.why, reading.fraction)


_VULGAR_BEHIND = re.compile(f" ?[{_VULGAR}]")


def _vulgar(char: str) -> tuple[Decimal, Decimal]:
    over, _, under = unicodedata.normalize("NFKC", char).partition("⁄")
    return Decimal(over), Decimal(under)


def is_currency_code(word: str) -> bool:
    """Whether a word is a currency's code or short name, such as USD, Rs or zł."""
    return _CODE.fullmatch(word) is not None


def _is_currency(char: str) -> bool:
    return char != "" and (unicodedata.category(char) == "Sc" or char == "₨")


def _within_word(text: str, start: int) -> bool:
    """Whether the digits belong to a word of a cased script, as in H2O, x2 or COVID19; Rs18 and USD18 are amounts."""
    before = text[start - 1 : start]
    if not before.isalpha() or before.lower() == before.upper():
        return before == "_"
    return _CODE.search(text, max(0, start - 8), start) is None


def _other_numeral(text: str, start: int, end: int) -> bool:
    return any(c and unicodedata.category(c) in ("No", "Nl") for c in (text[start - 1 : start], text[end : end + 1]))


def _sign_start(text: str, at: int) -> int | None:
    """Where the minus sign before position `at` starts; `at` if there is none; None where a dash may or may not be one."""
    mark = text[at - 1 : at]
    if mark == " " and text[at - 2 : at - 1] in ("-", "−"):
        if text[at - 3 : at - 1] == ":-":
            return at  # ":-" is a colon in India
        before = text[max(0, at - 20) : at - 2].rstrip(" ")[-1:]
        if before == "=" or (text[at - 2 : at - 1] == "−" and not _ends_term(before)):
            return at - 2
        return None if before == ":" else at
    if not mark or mark not in MINUS:
        return at
    before = text[at - 2 : at - 1]
    if _ends_term(before):
        return at
    return None if before == ":" and mark == "-" else at - 1


def _ends_term(char: str) -> bool:
    """Whether a dash after this character separates or subtracts rather than negates."""
    return char.isalnum() or char in tuple(")]}%." + MINUS)


def _times_ten(value: Decimal, power: int) -> Decimal:
    """value * 10 ** power, exactly and without an exponent in its digits."""
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    shifted = exponent + power
    return Decimal((sign, digits + (0,) * max(0, shifted), min(0, shifted)))


@cache
def _minus_pattern(lang: str) -> re.Pattern[str]:
    words = any_of(cue_words("minus", lang) + cue_words("minus", "eng_Latn"))
    return re.compile(rf"(?<![^\W_])(?<!\d )({words}) ?$", re.IGNORECASE)


@cache
def _scale_patterns(lang: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Patterns for scale words close behind a number, and close before one.

    A long word of a script without case may carry an ending (হাজারটি), any other must end where it ends (mil, milímetros).
    """
    behind = scales(lang, before=False)
    strict = tuple(
        w
        for w, power in behind.items()
        if w.lower() != w.upper() or (spaced(lang) and len(w) <= 3 and power is not None)
    )
    loose = tuple(w for w in behind if w not in strict)
    return (
        re.compile(rf"[ \u00a0\u202f]?({any_of(loose)}|(?:{any_of(strict)})(?![^\W\d_]))", re.IGNORECASE),
        re.compile(rf"(?<!\w)({any_of(tuple(scales(lang, before=True)))}) $", re.IGNORECASE),
    )


@cache
def _han_ends() -> frozenset[str]:
    """What may stand right after a Chinese numeral that counts something; else it is part of a word (一样, 三角形)."""
    counters = (r["text"] for r in rows("cues.csv") if r["kind"] == "counter")
    return frozenset((*counters, *"。,.;!?、)]} \n\"'*$%¥€"))


def _han_numbers(text: str, start: int, end: int) -> list[Number]:
    """Chinese numerals that plainly count something; one inside a word is no number."""
    found = []
    for match in HAN_NUMERAL.finditer(text, start, end):
        after = text[match.end() : match.end() + 1] if match.end() < end else ""
        if after and after not in _han_ends():
            continue
        value = read_han(match.group())
        found.append(Number(match.start(), match.end(), value, "" if value is not None else "an unclear numeral"))
    return found


def is_row_number(text: str, number: Number) -> bool:
    """Whether the number counts a line of a list, as in "3. Then ..."; such a number is no answer."""
    follows = text[number.end : number.end + 3]
    if not re.match(r"[.)] \S", follows):
        return False
    return _ROW_NUMBER.search(text, max(0, number.start - 8), number.start) is not None
