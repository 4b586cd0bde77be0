"""JSON objects out of a judge's reply: strict JSON first, then what models write instead of it.

Comments, trailing commas, single or typographic quotes, bare keys, Python literals and digits of any script are read.
Bare numbers stay text, as they were written. Nothing is guessed: an object that is cut off, or whose strings hold
unescaped quotes, is no object.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_QUOTES = {'"': '"', "'": "'", "“": "”", "„": "“”", "‘": "’", "«": "»", "「": "」", "＂": "＂"}
_SKIP = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/|#[^\n]*)*", re.DOTALL)
_BARE = re.compile(r"[^,，{}\[\]\n]*")
_KEY = re.compile(r"[^\W\d][\w \-]*")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_LITERALS = {"true": True, "false": False, "null": None, "none": None}
_DEEPEST = 40


@dataclass(frozen=True, slots=True)
class Found:
    """An object with its place in the text; `closed` is False for one that never ends."""

    content: dict[str, Any]
    start: int
    end: int


class _Broken(Exception):
    """The text here is not an object after all."""


def find_objects(text: str) -> Iterator[Found]:
    """Every top-level JSON object of `text` in order. What stands inside one, or inside a broken one, is not looked at."""
    at, only_lines = 0, False
    while (at := text.find("{", at)) >= 0:
        if only_lines and text[text.rfind("\n", 0, at) + 1 : at].strip():
            at += 1
            continue
        found = _object_at(text, at)
        if found is not None:
            yield found
            at = found.end
            continue
        closing = _balanced_end(text, at)
        # A brace that never closes (code, a set, a cut reply) may hide all that follows: then only a new line starts afresh.
        only_lines = only_lines or closing is None
        at = closing or at + 1


def _object_at(text: str, at: int) -> Found | None:
    try:
        content, end = json.JSONDecoder(strict=False).raw_decode(text, at)
    except (json.JSONDecodeError, RecursionError):
        try:
            content, end = _read_object(text, at, 0)
        except _Broken:
            return None
    return Found(content, at, end) if isinstance(content, dict) else None


def _balanced_end(text: str, at: int) -> int | None:
    """Where the braces that open at `at` balance, strings not considered; None where they never do."""
    depth = 0
    for match in re.compile(r"[{}]").finditer(text, at):
        depth += 1 if match.group() == "{" else -1
        if depth == 0:
            return match.end()
    return None


def _skip(text: str, at: int) -> int:
    match = _SKIP.match(text, at)
    return match.end() if match else at


def _read_object(text: str, at: int, depth: int) -> tuple[dict[str, Any], int]:
    content: dict[str, Any] = {}
    at = _skip(text, at + 1)
    while text[at : at + 1] != "}":
        key, at = _read_key(text, at)
        at = _skip(text, at)
        if text[at : at + 1] not in (":", "：", "="):
            raise _Broken
        value, at = _read_value(text, _skip(text, at + 1), depth)
        content[key] = value
        at = _after_item(text, at, "}")
    return content, at + 1


def _read_array(text: str, at: int, depth: int) -> tuple[list[Any], int]:
    content: list[Any] = []
    at = _skip(text, at + 1)
    while text[at : at + 1] != "]":
        value, at = _read_value(text, at, depth)
        content.append(value)
        at = _after_item(text, at, "]")
    return content, at + 1


def _after_item(text: str, at: int, closing: str) -> int:
    at = _skip(text, at)
    if text[at : at + 1] in (",", "，"):
        return _skip(text, at + 1)
    if text[at : at + 1] != closing:
        raise _Broken
    return at


def _read_key(text: str, at: int) -> tuple[str, int]:
    if text[at : at + 1] in _QUOTES:
        return _read_string(text, at)
    match = _KEY.match(text, at)
    if match is None:
        raise _Broken
    return match.group().strip(), match.end()


def _read_value(text: str, at: int, depth: int) -> tuple[Any, int]:
    if depth > _DEEPEST or at >= len(text):
        raise _Broken
    if text[at] == "{":
        return _read_object(text, at, depth + 1)
    if text[at] == "[":
        return _read_array(text, at, depth + 1)
    if text[at] in _QUOTES:
        return _read_string(text, at)
    match = _BARE.match(text, at)
    bare = match.group() if match else ""
    bare = re.split(r"//|#|/\*", bare)[0]
    word = bare.strip()
    if not word:
        raise _Broken
    return _LITERALS.get(word.casefold(), word), at + len(bare.rstrip())


def _read_string(text: str, at: int) -> tuple[str, int]:
    closing = _QUOTES[text[at]]
    said: list[str] = []
    at += 1
    while at < len(text):
        letter = text[at]
        if letter == "\\" and at + 1 < len(text):
            said.append(_ESCAPES.get(text[at + 1], text[at + 1]))
            at += 2
        elif letter in closing:
            return "".join(said), at + 1
        else:
            said.append(letter)
            at += 1
    raise _Broken
