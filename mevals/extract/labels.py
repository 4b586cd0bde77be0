"""Which label means which option, in any script.

The labels that were offered come first; then look-alikes of them (Cyrillic А В С for
Latin A B C, as models type them); then, by position, the labels that the language numbers options with (أ ب ج د, क ख ग घ,
ก ข ค ง, 가 나 다 라, ① ② ③ ④). Cyrillic В is the one look-alike that is also another position: it is read as B unless the
answer shows that it counts in Cyrillic (Б, Г or Д stand in it as labels); then it is None. Digits pick an option by
position only where the options are known and none of them starts with a digit. A label that two systems of the language
place differently (Marathi क) is None.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from mevals.extract.fold import fold
from mevals.extract.tables import rows

_LOOKS_LIKE = dict(zip("АВСЕНКМОРТХ" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABCEHKMOPTX" + "ABEZHIKMNOPTYX", strict=True))


@dataclass(frozen=True, slots=True)
class Labels:
    """Every label that may stand for an option: its position, None where that is ambiguous; and how to find them.

    `clash` holds the labels that mean something else where the answer shows any of the letters beside them.
    """

    places: Mapping[str, int | None]
    clash: Mapping[str, str]
    pattern: re.Pattern[str]


def cased(char: str) -> bool:
    """Whether the letter has a small and a capital form in everyday use; Georgian has not."""
    return char.lower() != char.upper() and not "ა" <= char <= "ჿ"


@cache
def labels_for(letters: tuple[str, ...], lang: str, digits: bool) -> Labels:
    """The labels that may stand for the options offered as `letters`; `digits` says that 1, 2, 3 may, too."""
    offered = {fold(x).text: i for i, x in enumerate(letters)}
    systems = _systems(lang, len(letters))
    if digits:
        systems.append({str(i + 1): i for i in range(len(letters))})
    native: dict[str, int | None] = {}
    for system in systems:
        for label, place in system.items():
            native[label] = place if native.get(label, place) == place else None
    look = {a: offered[b] for a, b in _LOOKS_LIKE.items() if b in offered and a not in offered}
    back = {b: offered[a] for a, b in _LOOKS_LIKE.items() if a in offered and b not in offered}
    for label, place in back.items():  # Cyrillic was offered and Latin answered: by shape and by position must agree
        native[label] = place if native.get(label, place) == place else None
    places: dict[str, int | None] = {**native, **look, **offered}
    clash = {x: "БГДбгд" for a, i in look.items() if native.get(a, i) != i for x in (a, a.lower())}
    for label in [x for x in places if cased(x[0]) and x.upper() == x]:
        places.setdefault(label.lower(), places[label])
    pattern = "|".join(re.escape(x) for x in sorted(places, key=lambda x: (-len(x), x)))
    return Labels(places, clash, re.compile(pattern))


def _systems(lang: str, count: int) -> list[dict[str, int]]:
    script = lang.rpartition("_")[2]
    found = []
    for row in rows("labels.csv"):
        if row["script"] in ("*", "Latn", script) and row["lang"] in ("*", lang):
            found.append({fold(x).text: i for i, x in enumerate(row["labels"].split()[:count])})
    return found
