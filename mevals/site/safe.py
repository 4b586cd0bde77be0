"""Text from models, data and strangers on its way into a page: cleaned, cut, named, linked; never markup.

Jinja escapes every text; here is what escaping alone does not do.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'none'; "
    "base-uri 'none'; form-action 'none'"
)
"""What a page may load: its own script and style, nothing inline, nothing from elsewhere."""
LONGEST_NAME = 80
LONGEST_TEXT = 4_000
_BAD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_CONTROLS = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad]")


def clean(text: str) -> str:
    """The text without what HTML can't hold (NUL, C0 and C1 controls, lone surrogates), each replaced by U+FFFD."""
    return _BAD.sub("\ufffd", text)


def cut(text: str, longest: int = LONGEST_TEXT) -> str:
    """The text itself, or its first characters and how many there are."""
    return text if len(text) <= longest else f"{text[:longest]}… (cut: {len(text):,} characters)"


def plain_name(name: str) -> str:
    """A name on one short line: no line breaks, no bidirectional or invisible controls."""
    text = " ".join(_CONTROLS.sub("", clean(name)).split())
    return (text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1] + "…") or "(unnamed)"


def file_name(name: str) -> str:
    """A file name and URL part of letters, digits, dot, dash and underscore; different names never get the same one."""
    text = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:60].strip(".-")
    if text == name and text.lower() == text:
        return text
    return f"{text or 'x'}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def web_link(address: Any) -> str:
    """The address where it is an ordinary web address, else "": `javascript:` and its kind are never linked."""
    text = str(address or "").strip()
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return text if parts.scheme in ("https", "http") and parts.netloc and not _BAD.search(text) else ""


def shard(name: str, content: Mapping[str, Any]) -> str:
    """A data file as a classic script that only calls `mevals.put(name, content)`; pages from file:// can load it.

    ASCII only, and `<`, `>` and `&` are escaped as well, so that it is no markup wherever it ends up.
    """
    return f"mevals.put({script_json(name)},{script_json(content)});\n"


def script_json(value: Any) -> str:
    """A value as JSON that is safe inside a script."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
