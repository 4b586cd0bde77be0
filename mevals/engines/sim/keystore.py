"""The answer key and the counts, packed small: a run hands over hundreds of thousands of lines."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import orjson

from mevals.engines.sim.item import Item, parse_item
from mevals.errors import DataError

_BREAK = re.compile(r"[\s:\uff1a]")
_TRIED = 256
"""Places at which a prompt is cut when its context is looked for, from the end: an option has fewer words."""


class AnswerKey:
    """Items by the hash of their request; about 300 bytes and the targets' text for each."""

    def __init__(self) -> None:
        self._packed: dict[bytes, bytes] = {}
        self._shapes: dict[tuple[str, ...], int] = {}
        self._shape_of: list[tuple[str, ...]] = []

    def __len__(self) -> int:
        return len(self._packed)

    def add(self, records: Iterable[Any]) -> dict[str, int]:
        """Takes records in; says how many were new, replaced the same, or replaced something else ("conflicts").

        Raises DataError at the first record that can't be read, naming its number; those before it are kept.
        """
        told = {"added": 0, "same": 0, "conflicts": 0}
        for number, record in enumerate(records, 1):
            try:
                item = parse_item(record)
            except DataError as error:
                raise DataError(f"record {number}: {error}") from None
            packed, hashed = self._pack(item), bytes.fromhex(item.hash)
            before = self._packed.get(hashed)
            told["added" if before is None else "same" if before == packed else "conflicts"] += 1
            self._packed[hashed] = packed
        return {**told, "keys": len(self._packed)}

    def get(self, hashed: str) -> Item | None:
        """The item of this hash, or None."""
        packed = self._packed.get(bytes.fromhex(hashed))
        if packed is None:
            return None
        shape, targets, choices, source = orjson.loads(packed)
        task, lang, kind, prefix, source_lang, reason_lang = self._shape_of[shape]
        return Item(hashed, tuple(targets), task, lang, kind, tuple(choices), prefix, source_lang, reason_lang, source)

    def find_option(self, text: str, labels_of: Any) -> tuple[Item, int, int] | None:
        """For a text that is a known context followed by one of its options: item, option's index, context's length.

        `labels_of` gives an item's labels; an option counts in full or as its label.
        """
        for at, hashed in _contexts(text):
            item = self.get(hashed) if bytes.fromhex(hashed) in self._packed else None
            if item is None:
                continue
            option = text[at:].strip()
            for options in (item.choices, labels_of(item)):
                stripped = [o.strip() for o in options]
                if option in stripped:
                    return item, stripped.index(option), at
        return None

    def _pack(self, item: Item) -> bytes:
        shape = (item.task, item.lang, item.kind, item.prefix, item.source_lang, item.reason_lang)
        number = self._shapes.setdefault(shape, len(self._shapes))
        if number == len(self._shape_of):
            self._shape_of.append(shape)
        written = orjson.dumps([number, item.targets, item.choices, item.source])
        return bytes(memoryview(written))  # a copy of the right size: orjson's own keeps a buffer of some kilobytes

    def clear(self) -> None:
        """Forgets every item."""
        self._packed.clear()
        self._shapes.clear()
        self._shape_of.clear()


def read_records(body: bytes) -> list[Any]:
    """Records of a JSON list, or of JSON lines. Raises DataError with the line's number."""
    if body.lstrip()[:1] == b"[":
        try:
            whole = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise DataError(f"the answer key is not valid JSON: {error}") from None
        return list(whole)
    records = []
    for number, line in enumerate(body.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            records.append(orjson.loads(line))
        except orjson.JSONDecodeError as error:
            raise DataError(f"line {number} of the answer key is not valid JSON: {error}") from None
    return records


def _contexts(text: str) -> Iterator[tuple[int, str]]:
    """Prefixes of a text that end at or after white space or a colon, with the hash that each has as a prompt."""
    places = [m.start() for m in _BREAK.finditer(text)][-_TRIED:]
    state, done = blake2b(digest_size=16), 0
    for place in dict.fromkeys(p for at in places for p in (at, at + 1)):
        state.update(text[done:place].encode())
        done = place
        yield place, state.hexdigest()


@dataclass(slots=True)
class Counts:
    """What the server has seen since the last reset. Times are seconds since the epoch."""

    requests: int = 0
    ok: int = 0
    inflight: int = 0
    peak: int = 0
    abandoned: int = 0
    unkeyed: int = 0
    bytes_in: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    paths: Counter[str] = field(default_factory=Counter)
    first: float | None = None
    last: float | None = None
    last_done: float | None = None
    seen: dict[str, dict[bytes, int]] = field(default_factory=dict)
    done: dict[str, dict[bytes, int]] = field(default_factory=dict)

    def arrive(self, path: str, size: int) -> None:
        """Notes one more request."""
        self.requests += 1
        self.bytes_in += size
        self.paths[path] += 1
        self.last = time.time()
        if self.first is None:
            self.first = self.last

    def attempt(self, model: str, hashed: str) -> int:
        """How often this model was asked this before; counts it once more."""
        seen = self.seen.setdefault(model, {})
        name = bytes.fromhex(hashed)
        before = seen.get(name, 0)
        seen[name] = before + 1
        return before

    def finish(self, model: str, hashes: Iterable[str]) -> None:
        """Notes a good reply to these."""
        self.ok += 1
        done = self.done.setdefault(model, {})
        for hashed in hashes:
            name = bytes.fromhex(hashed)
            done[name] = done.get(name, 0) + 1

    def stats(self) -> dict[str, Any]:
        """All counts as JSON; `items` counts pairs of model and hash, `repeated` those asked more than once."""
        per_item = [n for seen in self.seen.values() for n in seen.values()]
        return {
            "requests": self.requests,
            "ok": self.ok,
            "inflight": self.inflight,
            "peak": self.peak,
            "abandoned": self.abandoned,
            "unkeyed": self.unkeyed,
            "bytes_in": self.bytes_in,
            "items": len(per_item),
            "items_ok": sum(len(d) for d in self.done.values()),
            "repeated": sum(n > 1 for n in per_item),
            "statuses": dict(self.statuses),
            "faults": dict(self.faults),
            "paths": dict(self.paths),
            "by_model": {model: sum(seen.values()) for model, seen in self.seen.items()},
            "first": self.first,
            "last": self.last,
            "last_done": self.last_done,
        }

    def ids(self, model: str | None = None) -> dict[str, dict[str, int]]:
        """{"requests": {hash: n}, "ok": {hash: n}} of one model, or summed over all."""

        def total(tables: dict[str, dict[bytes, int]]) -> dict[str, int]:
            summed: Counter[str] = Counter()
            for name, table in tables.items():
                if model in (None, name):
                    summed.update({key.hex(): n for key, n in table.items()})
            return dict(summed)

        return {"requests": total(self.seen), "ok": total(self.done)}
