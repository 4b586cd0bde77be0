"""Decides what `.` and `,` mean inside one number: by shape first, then by the language, then by the rest of the answer.

The rule. Spaces, apostrophes and ٬ group, ٫ is the decimal point, and of two different marks the last is the decimal one.
One mark that repeats groups. One mark once is a decimal mark unless exactly three digits follow one to three digits
(1.234, but not 0.125, 1.50 or 1234.567). What is left is open, and is settled so:

    ==============================  =====================================================================
    the mark groups in the language grouping: German 1.234 is 1234, English 1,234 is 1234
    a point where it is decimal     decimal: English 1.234 is 1.234; but 64.000 and 1.500 are open
    anything else                   left open: German 1,234 is 1.234, but models mean 1234 by it as often
    ==============================  =====================================================================

Other numbers in the same answer can settle what is left open (12.5 shows that the comma groups), and where they
contradict the language the number is unreadable. What stays open is None: unscored, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from mevals.extract.tables import SPACES, Locale

Role = Literal["group", "decimal"]
Conventions = Mapping[str, Role | Literal["mixed"]]

SEPARATOR = rf"[.,'’٬٫،{SPACES}:/_]"
NUMBER = re.compile(rf"\d+(?:(?:{SEPARATOR}| (?=\d\d\d(?!\d)))\d+)*")
LONGEST = 24  # digits; longer runs are no answers, and decimal arithmetic stays exact below 28
_SPLIT = re.compile(r"(\D)")
_ALWAYS_GROUP = frozenset("'’٬ _" + SPACES)
_OPEN = frozenset(".,،")
_OTHER = {".": ",", ",": "."}


@dataclass(frozen=True, slots=True)
class Reading:
    """A number's value, or None and why it has none; `fraction` holds the two sides of a/b."""

    value: Decimal | None
    why: str = ""
    fraction: tuple[Decimal, Decimal] | None = None


def read_separated(token: str, locale: Locale, seen: Callable[[], Conventions]) -> Reading:
    """The value of a run of digits and separators; `seen` gives what the rest of the answer shows, if it must be asked."""
    if token.isdigit():
        return Reading(Decimal(token)) if len(token) <= LONGEST else Reading(None, "too many digits")
    pieces = _SPLIT.split(token)
    parts, marks = pieces[::2], ["," if m == "،" and token.count("،") > 1 else m for m in pieces[1::2]]
    if sum(map(len, parts)) > LONGEST:
        return Reading(None, "too many digits")
    if ":" in marks:
        return Reading(None, "a time or a ratio")
    if "/" in marks:
        return _slash(parts, marks)
    decimal = _decimal_mark(parts, marks)
    if decimal is None:
        return _single(token, parts, marks[0], locale, seen)
    return _join(token, parts, marks, decimal, locale)


def _slash(parts: Sequence[str], marks: Sequence[str]) -> Reading:
    if list(marks) != ["/"]:
        return Reading(None, "a date")
    return Reading(None, "a fraction among other words", (Decimal(parts[0]), Decimal(parts[1])))


def _decimal_mark(parts: Sequence[str], marks: Sequence[str]) -> str | None:
    """The decimal mark by shape, "" if there is none; None where one open mark leaves it open."""
    last, kinds = marks[-1], set(marks)
    if last == "٫":
        return last
    if last in _OPEN and len(kinds) > 1 and marks.count(last) == 1:
        return last
    if last in _OPEN and len(marks) == 1:
        return None
    return ""


def _join(token: str, parts: Sequence[str], marks: Sequence[str], decimal: str, locale: Locale) -> Reading:
    whole, groups = (parts[:-1], marks[:-1]) if decimal else (parts, marks)
    if len(set(groups)) > 1 or any(m == "٫" for m in groups) or (decimal and decimal in groups):
        return Reading(None, f"mixed separators in {token}")
    if len(whole) > 1 and not _grouped(whole, groups[0]):
        return Reading(None, f"{token} is grouped in no known way")
    plain = groups and groups[0] == " " and locale.decimal != "," and locale.group != " "
    if plain and not any(p.startswith("0") for p in whole[1:]):
        return Reading(None, f"{token} may be two numbers")
    digits = "".join(whole) + ("." + parts[-1] if decimal else "")
    return Reading(Decimal(digits), f"{token} by its shape")


def _grouped(parts: Sequence[str], mark: str) -> bool:
    """Groups of three, or the Indian 1,00,000."""
    if parts[0].startswith("0") or len(parts[0]) > 3 or len(parts[-1]) != 3:
        return False
    middle = {len(p) for p in parts[1:-1]}
    return middle <= {3} or (middle == {2} and len(parts[0]) <= 2 and mark != ".")


def _single(token: str, parts: Sequence[str], mark: str, locale: Locale, seen: Callable[[], Conventions]) -> Reading:
    whole, fraction = parts
    as_decimal = Reading(Decimal(f"{whole}.{fraction}"), f"{mark} read as the decimal mark in {token}")
    if whole.startswith("0") or mark == "٫":
        return as_decimal
    if mark in _ALWAYS_GROUP:
        return _join(token, parts, [mark], "", locale)
    if len(fraction) != 3 or len(whole) > 3:
        comma_fits = locale.decimal == "," or (len(fraction) <= 2 and len(whole) <= LONGEST)
        return as_decimal if mark != "," or comma_fits else Reading(None, f"{token} fits no number format")
    role = _role(mark, fraction, locale, seen().get(mark))
    if role == "group":
        return Reading(Decimal(whole + fraction), f"{mark} read as the grouping mark in {token}")
    return as_decimal if role else Reading(None, f"{token} may be {whole}.{fraction} or {whole}{fraction}")


def _role(mark: str, fraction: str, locale: Locale, seen: Role | Literal["mixed"] | None) -> Role | None:
    firm: Role | None = None
    if mark == locale.group:
        firm = "group"
    elif mark == "." == locale.decimal and not fraction.endswith("0"):
        firm = "decimal"
    if firm:
        return firm if seen in (None, firm) else None
    return None if seen == "mixed" else seen


def conventions(text: str, english: bool) -> Conventions:
    """What `.` and `,` do in those numbers of the text whose shape leaves no doubt; a mark that is not there shows nothing.

    `english` says that the answer stands after English words, which counts as English usage seen.
    """
    seen: dict[str, set[Role]] = {".": set(), ",": set(), "،": set()}
    if english:
        seen["."].add("decimal")
        seen[","].add("group")
    for match in NUMBER.finditer(text):
        for mark, role in _shown(match.group()).items():
            if mark in seen:
                seen[mark].add(role)
            if mark in _OTHER:
                seen[_OTHER[mark]].add("group" if role == "decimal" else "decimal")
    return {mark: roles.pop() if len(roles) == 1 else "mixed" for mark, roles in seen.items() if roles}


def _shown(token: str) -> dict[str, Role]:
    pieces = _SPLIT.split(token)
    parts, marks = pieces[::2], pieces[1::2]
    if any(m in ":/" for m in marks):
        return {}
    if len(marks) == 1:
        certain = parts[0].startswith("0") or len(parts[1]) < 3 or (len(parts[1]) > 3 and marks[0] == ".")
        return {marks[0]: "decimal"} if marks[0] in _OPEN and certain else {}
    kinds = set(marks)
    if len(kinds) == 1 and _grouped(parts, marks[0]):
        return {marks[0]: "group"}
    if len(kinds) == 2 and marks.count(marks[-1]) == 1 and len(set(marks[:-1])) == 1:
        return {marks[-1]: "decimal", marks[0]: "group"}
    return {}
