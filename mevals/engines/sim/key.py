"""The name by which the harness and the simulated server know one request: a hash of what is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

import orjson


def message_key(messages: Sequence[Mapping[str, Any]]) -> str:
    """32 hex digits: blake2b-128 of the messages as a JSON list of {"content", "role"}, keys sorted, UTF-8, no spaces.

    Further fields of a message are left out; content that comes in parts is joined. Text that isn't valid Unicode (lone
    surrogates) is hashed with each surrogate replaced by "?", since no JSON request can carry it.
    """
    rows = [{"content": content_text(m.get("content")), "role": m.get("role", "")} for m in messages]
    return blake2b(_dumps(rows), digest_size=16).hexdigest()


def prompt_key(prompt: str) -> str:
    """32 hex digits: blake2b-128 of the UTF-8 text of a plain prompt (for /v1/completions)."""
    return blake2b(prompt.encode("utf-8", "replace"), digest_size=16).hexdigest()


def content_text(content: Any) -> str:
    """The text of a message's content: a string, a list of parts of which the text ones count, or nothing."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(str(p.get("text", "")) for p in content if isinstance(p, dict))
    return ""


def _dumps(rows: list[dict[str, Any]]) -> bytes:
    try:
        return orjson.dumps(rows, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        clean = [{k: str(v).encode("utf-8", "replace").decode() for k, v in row.items()} for row in rows]
        return orjson.dumps(clean, option=orjson.OPT_SORT_KEYS)
