"""Keys never reach a log, a manifest or an error: what looks like one is blotted out."""

from __future__ import annotations

import os
import re

KEYLIKE = re.compile(
    r"(?:sk|hf|key|pk|rk)[-_][A-Za-z0-9_-]{12,200}|(?<=://)[^/@\s:]{1,100}:[^/@\s]{1,100}(?=@)|(?<=[Bb]earer )\S{1,300}"
)


def redact(text: str) -> str:
    """`text` with every key of the environment, and everything that looks like a key, replaced by "…"."""
    for name, value in os.environ.items():
        if len(value) >= 8 and name.upper().endswith(("_KEY", "_TOKEN", "_SECRET", "_PASSWORD")):
            text = text.replace(value, "…")
    return KEYLIKE.sub("…", text)
