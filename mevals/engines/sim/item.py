"""One line of the answer key: what a request asks and what would be right, as the harness hands it over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from mevals.errors import DataError, did_you_mean


@dataclass(frozen=True, slots=True)
class Item:
    """What the key knows of one request.

    `hash` is message_key or prompt_key of it. `targets` holds every right answer, the first one is what a right reply
    gives; empty where nothing is right or wrong. `kind` names the shape of a reply: number, translation, choice,
    yes_no, short, safety, open, or one that was plugged in (judge). `choices` are the options in order. `prefix` is
    the words before the final answer ("Antwort"). `lang` is the language to answer in, `source_lang` the one that is
    translated from, `reason_lang` the one to reason in ("" = `lang`). `source` is the text to be translated, if
    known.
    """

    hash: str
    targets: tuple[str, ...] = ()
    task: str = ""
    lang: str = ""
    kind: str = "open"
    choices: tuple[str, ...] = ()
    prefix: str = ""
    source_lang: str = ""
    reason_lang: str = ""
    source: str = ""

    @property
    def target(self) -> str:
        """The first right answer; "" where there is none."""
        return self.targets[0] if self.targets else ""


FIELDS = tuple(f.name for f in fields(Item))
_NAMES = frozenset((*FIELDS, "target"))


def parse_item(record: Any) -> Item:
    """An Item from one record of the answer key: Item's fields, and "target" for a single right answer.

    Raises DataError where the hash is missing or malformed, a field is unknown, or a value has the wrong type.
    """
    if not isinstance(record, Mapping):
        raise DataError(f"a record of the answer key is an object, not {type(record).__name__}")
    for name, value in record.items():
        if name not in _NAMES:
            raise DataError(f"the answer key has no field {name!r}{did_you_mean(str(name), _NAMES)}")
        if value is not None and not isinstance(value, list if name in ("targets", "choices") else str):
            raise DataError(f"the field {name!r} of the answer key can't be {type(value).__name__}")
    hashed = record.get("hash") or ""
    if len(hashed) != 32 or not all(c in "0123456789abcdef" for c in hashed):
        raise DataError("each record of the answer key needs a 'hash' of 32 hex digits (message_key or prompt_key)")
    first = [record["target"]] if record.get("target") is not None else []
    targets = tuple(dict.fromkeys(map(str, [*first, *(record.get("targets") or [])])))
    text = {n: record[n] for n in FIELDS if n not in ("targets", "choices") and record.get(n) is not None}
    return Item(targets=targets, choices=tuple(map(str, record.get("choices") or ())), **text)
