"""How people write a number in each language: the registry's digits and separators, put to use."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from mevals.errors import UsageError

LARGEST = 10**15
"""Numbers at or above it are printed as they are."""
INDIAN = frozenset(
    {
        "asm_Beng",
        "ben_Beng",
        "dzo_Tibt",
        "guj_Gujr",
        "hin_Deva",
        "mal_Mlym",
        "mar_Deva",
        "npi_Deva",
        "ory_Orya",
        "pan_Guru",
        "san_Deva",
        "tam_Taml",
    }
)
"""Languages whose CLDR 47 number pattern is #,##,##0: groups of two above the thousands."""
FULL_WIDTH = frozenset({"cmn_Hans", "cmn_Hant", "jpn_Jpan", "yue_Hant"})
"""Languages in which full-width digits stand in for native ones."""


@dataclass(frozen=True, slots=True)
class Numerals:
    """One language's numbers. `native_zero` is "" where it has no digits of its own, or we know of none.

    `native_group` and `native_decimal` are the separators between native digits.
    """

    group: str = ""
    decimal: str = "."
    indian: bool = False
    native_zero: str = ""
    native_group: str = ""
    native_decimal: str = "."


@lru_cache(maxsize=1024)
def numerals(lang: str) -> Numerals:
    """Those of a language of the registry; plain ASCII without grouping where we know nothing."""
    from mevals import languages

    try:
        language = languages.get(lang)
    except UsageError:
        return Numerals()
    group, decimal = language.grouping or "", language.decimal or "."
    if group == " ":  # CLDR 47: French has the narrow no-break space, the others the usual one
        group = "\u202f" if lang == "fra_Latn" else "\u00a0"
    if decimal == group:
        group = ""
    zero = "\uff10" if lang in FULL_WIDTH else chr(languages.ZEROS[language.digits]) if language.digits else ""
    arabic = language.digits in ("arab", "arabext")
    return Numerals(
        group=group,
        decimal=decimal,
        indian=lang in INDIAN,
        native_zero=zero,
        native_group="\u066c" if arabic else group,
        native_decimal="\u066b" if arabic else decimal,
    )


def read_number(text: str) -> Decimal | None:
    """The number that an answer key's target is, or None if it is something else. ASCII, with "," as group only."""
    try:
        number = Decimal(text.strip().replace(",", ""))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < LARGEST else None


def write_number(number: Decimal, lang: str, *, native: bool = False, grouped: bool = False) -> str:
    """The number as the language writes it, with native digits or grouping where asked for and where it has them."""
    form = numerals(lang)
    native = native and bool(form.native_zero)
    whole, _, fraction = f"{abs(number):f}".partition(".")
    group, decimal = (form.native_group, form.native_decimal) if native else (form.group, form.decimal)
    if grouped and group:
        whole = group.join(_groups(whole, form.indian))
    text = whole + (decimal + fraction if fraction else "")
    if native:
        text = text.translate({48 + d: chr(ord(form.native_zero) + d) for d in range(10)})
    return ("-" if number < 0 else "") + text


def _groups(whole: str, indian: bool) -> list[str]:
    head, size = whole[:-3], 2 if indian else 3
    first = len(head) % size
    parts = [head[:first]] if first else []
    parts += [head[i : i + size] for i in range(first, len(head), size)]
    return [*parts, whole[-3:]]
