"""Chance that repeats itself: uniform numbers that are a pure function of names."""

from __future__ import annotations

import struct
from hashlib import blake2b

_SCALE = 2.0**-64
_EIGHT = struct.Struct("<8Q")


def unit(*parts: object) -> float:
    """A uniform number in [0, 1), set by the parts alone."""
    digest = blake2b("|".join(map(str, parts)).encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "little") * _SCALE


def units(*parts: object) -> tuple[float, ...]:
    """Eight independent uniform numbers in [0, 1), set by the parts alone."""
    digest = blake2b("|".join(map(str, parts)).encode("utf-8", "replace"), digest_size=64).digest()
    return tuple(n * _SCALE for n in _EIGHT.unpack(digest))
