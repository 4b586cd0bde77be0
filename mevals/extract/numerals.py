"""Reads the numerals that are not decimal digits: Chinese, Japanese, Korean units behind digits, and Ethiopic.

A reading that ordinary use leaves open (一百二 may be 102 or 120) is None, not a guess.
"""

from __future__ import annotations

import re
from decimal import Decimal

LONGEST = 24  # characters; what is longer is no numeral that a person would read

_DIGITS = {c: v for v, row in enumerate((
    "〇零○", "一壱壹弌", "二弐贰貳两兩", "三参叁參", "四肆", "五伍", "六陆陸", "七柒漆", "八捌", "九玖",
)) for c in row}  # fmt: skip
_SMALL = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000, "천": 1000, "백": 100, "십": 10}
_TWENTIES = {"廿": 20, "卅": 30}
_BIG = {"万": 10**4, "萬": 10**4, "만": 10**4, "億": 10**8, "亿": 10**8, "억": 10**8, "兆": 10**12, "조": 10**12}
_ETHIOPIC = {chr(0x1369 + i): v for i, v in enumerate((*range(1, 10), *range(10, 100, 10), 100, 10_000))}

HAN_NUMERAL = re.compile("[" + "".join((*_DIGITS, *_SMALL, *_TWENTIES, *_BIG)) + "点點負负]+")
ETHIOPIC_NUMERAL = re.compile("[፩-፼]+")
# Digits with units behind: 3万5千, 1.5億, 3만 5천, 5百万. 千克 and 兆字 are units of measure, 百分 is percent, 百合 a lily,
# 千纸鹤 a paper crane, 만큼 and 조각 are words. Korean writes the unit close to its digits.
_HAN_UNIT = r"(?:[十万萬億亿]|百(?![分合])|千(?![克米瓦卡焦伏赫帕纸紙])|兆(?![字瓦赫帕]))"
_HANGUL_UNIT = r"(?:[백십천억]|만(?![큼화])|조(?!각))"
_WHOLE = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)"
MIXED_NUMERAL = re.compile(
    rf"(?:{_WHOLE}(?:\.\d+)?(?: ?{_HAN_UNIT}{{1,3}}|{_HANGUL_UNIT}{{1,3}}) ?)+(?:{_WHOLE}(?![\d.,]\d))?"
)
UNIT_BEHIND = re.compile(rf" ?{_HAN_UNIT}|{_HANGUL_UNIT}")
_PART = re.compile(rf"(?P<num>{_WHOLE}(?:\.\d+)?)|(?P<unit>[^\d., ])")


def read_han(text: str) -> Decimal | None:
    """The value of a numeral such as 十八, 二百五十, 三万五千, 一〇五, 三点五 or 负五; None where it is no clear numeral."""
    if len(text) > LONGEST:
        return None
    negative = text[:1] in ("負", "负")
    whole, point, fraction = text[negative:].replace("點", "点").partition("点")
    value = _han_integer(whole)
    if value is None:
        return None
    number = Decimal(value)
    if point:
        if not fraction or any(c not in _DIGITS for c in fraction):
            return None
        number = Decimal(f"{value}.{''.join(str(_DIGITS[c]) for c in fraction)}")
    return number.copy_negate() if negative else number


def _han_integer(text: str) -> int | None:
    if not text or any(c in "负負点" for c in text):
        return None
    if all(c in _DIGITS for c in text):
        return int("".join(str(_DIGITS[c]) for c in text))
    total = section = 0
    digit: int | None = None
    zero = False
    unit, last = 10**16, 10**16
    for c in text:
        if c in _DIGITS:
            if digit is not None:
                return None
            zero, digit = (True, None) if _DIGITS[c] == 0 else (zero, _DIGITS[c])
        elif c in _BIG:
            section += digit or 0
            if not section or _BIG[c] >= last:
                return None
            total, section, digit, unit, last, zero = total + section * _BIG[c], 0, None, _BIG[c], _BIG[c], False
        else:
            size = _SMALL.get(c, 10)
            if size >= unit or (digit is None and size != 10 and not _bare_unit_is_one(c)):
                return None
            section += _TWENTIES.get(c, (1 if digit is None else digit) * size)
            digit, unit, zero = None, size, False
    if digit is not None:
        if not zero and unit > 10:
            return None
        section += digit
    return total + section


def _bare_unit_is_one(unit: str) -> bool:
    """百 and 千 alone mean one hundred and one thousand in Japanese: 百二十, 千五百."""
    return unit in "百千"


def read_mixed(text: str) -> Decimal | None:
    """The value of digits with Chinese, Japanese or Korean units, such as 3万5千 or 1.5억; None where it is unclear."""
    if len(text) > LONGEST:
        return None
    total, section, current = Decimal(0), Decimal(0), None
    big, small, places = 10**16, 10**16, 0
    for match in _PART.finditer(text):
        if match["num"]:
            if current is not None:
                return None
            current = Decimal(match["num"].replace(",", ""))
            continue
        unit = match["unit"]
        if unit in _SMALL:
            size = _SMALL[unit]
            if size >= small:
                return None
            section += (Decimal(1) if current is None else current) * size
            current, small, places = None, size, len(str(size)) - 1
        else:
            size = _BIG[unit]
            section += current or 0
            if size >= big or not section:
                return None
            total, section, current = total + section * size, Decimal(0), None
            big, small, places = size, 10**16, len(str(size)) - 1
    if current is None:
        return total + section
    tail = re.search(r"\d[\d,]*$", text)
    if tail is None or len(tail.group().replace(",", "")) != places:
        return None  # 3万5: five, or five thousand
    return total + section + current


def read_ethiopic(text: str) -> Decimal | None:
    """The value of an Ethiopic numeral such as ፲፰ (18) or ፫፻፳ (320); None where it is no clear numeral."""
    if len(text) > LONGEST:
        return None
    total = group = pair = 0
    for c in text:
        value = _ETHIOPIC[c]
        if value < 10:
            if pair % 10:
                return None
            pair += value
        elif value < 100:
            if pair:
                return None
            pair = value
        elif value == 100:
            if group:
                return None
            group, pair = (pair or 1) * 100, 0
        else:
            total, group, pair = (total + group + pair or 1) * 10_000, 0, 0
    return Decimal(total + group + pair)
