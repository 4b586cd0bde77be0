"""A crude tokenizer that needs no vocabulary file: reversible, without state, the same everywhere.

A token is an optional space and then up to four lower-case ASCII letters, up to three letters of the scripts between
U+0250 and U+1FFF, or any one character; special tokens are whole. So a single letter is one token, with and without a
space.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mevals.engines.sim.key import content_text
from mevals.errors import DataError

BOS = "<BOS_TOKEN>"
SPECIALS = (
    "<PAD>",
    "<UNK>",
    BOS,
    "<EOS_TOKEN>",
    "<|START_OF_TURN_TOKEN|>",
    "<|USER_TOKEN|>",
    "<|END_OF_TURN_TOKEN|>",
    "<|CHATBOT_TOKEN|>",
    "<|SYSTEM_TOKEN|>",
    "<|START_RESPONSE|>",
    "<|END_RESPONSE|>",
)
END_RESPONSE = SPECIALS[10]
_ROLES = {"user": SPECIALS[5], "assistant": SPECIALS[7] + SPECIALS[9], "system": SPECIALS[8]}

_PIECE = re.compile(
    f"<(?:{'|'.join(re.escape(s[1:]) for s in SPECIALS)})| ?(?:[a-z]{{1,4}}|[\u0250-\u1fff]{{1,3}}|.)", re.DOTALL
)
_SPECIAL_IDS = {text: i for i, text in enumerate(SPECIALS)}
_WORD, _CHAR, _RUN = 1_000, 2_000_000, 10_000_000
_FIRST, _SPAN = 0x0250, 0x1FFF - 0x0250 + 2


def pieces(text: str) -> list[str]:
    """The tokens of a text, as text; joined they are the text again."""
    return _PIECE.findall(text)


def count(text: str) -> int:
    """How many tokens a text has."""
    return _PIECE.subn("", text)[1]  # twice as fast as the length of findall


def cut(text: str, limit: int) -> str:
    """The first `limit` tokens of a text, as text."""
    if len(text) <= limit:
        return text
    return "".join(pieces(text)[:limit])


def encode(text: str) -> list[int]:
    """Token ids; ids below 11 are special tokens."""
    return [piece_id(p) for p in pieces(text)]


def piece_id(piece: str) -> int:
    """The id of one token: a number that spells the token out, so that no table is needed."""
    special = _SPECIAL_IDS.get(piece)
    if special is not None:
        return special
    space = len(piece) > 1 and piece[0] == " "
    body = piece[1:] if space else piece
    if "a" <= body[0] <= "z":
        return _WORD + 2 * _number((ord(c) - 96 for c in body), 27) + space
    if "\u0250" <= body[0] <= "\u1fff":
        return _RUN + 2 * _number((ord(c) - _FIRST + 1 for c in body), _SPAN) + space
    return _CHAR + 2 * ord(body) + space


def decode(ids: Sequence[int]) -> str:
    """The text that these ids spell. Raises DataError at an id that is no token."""
    return "".join(map(_piece, ids))


def render(messages: Sequence[Mapping[str, Any]], *, bos: int = 1, system: str = "", generation: bool = True) -> str:
    """The text that the chat template makes of messages.

    `bos` counts the beginning-of-sequence tokens that the template writes (1 is right), `system` is a system prompt
    that the server adds on its own ("" is right); both exist so that a check of the prompt path has faults to find.
    """
    turns = [{"role": "system", "content": system}] if system else []
    start, end = SPECIALS[4], SPECIALS[6]
    text = "".join(
        f"{start}{_ROLES.get(str(m.get('role')), SPECIALS[5])}{content_text(m.get('content'))}{end}"
        for m in [*turns, *messages]
    )
    return BOS * bos + text + (start + _ROLES["assistant"] if generation else "")


def _number(digits: Any, base: int) -> int:
    n = 0
    for d in digits:
        n = n * base + d
    return n


def _piece(number: Any) -> str:
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise DataError(f"{number!r} is no token id")
    if number < len(SPECIALS):
        return SPECIALS[number]
    if number >= _RUN:
        code, space = divmod(number - _RUN, 2)
        body = _spelled(code, _SPAN, _FIRST - 1)
    elif number >= _CHAR:
        code, space = divmod(number - _CHAR, 2)
        body = chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else ""
    else:
        code, space = divmod(number - _WORD, 2)
        body = _spelled(code, 27, 96)
    piece = " " * space + body
    if not body or _PIECE.fullmatch(piece) is None or piece_id(piece) != number:
        raise DataError(f"{number} is no token id")
    return piece


def _spelled(code: int, base: int, offset: int) -> str:
    text = ""
    while code > 0:
        code, digit = divmod(code, base)
        if digit == 0 or len(text) > 4:
            return ""
        text = chr(digit + offset) + text
    return text
