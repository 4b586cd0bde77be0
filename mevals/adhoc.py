"""Ad-hoc tasks: a JSONL file of prompts, run without writing a task. One cell per language."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from mevals import languages
from mevals.data import _object
from mevals.errors import DataError
from mevals.types import Sample, Subset, user


@dataclass(frozen=True)
class PromptFile:
    """A checked file of prompts. `lines` maps a language to the byte offsets of its lines; the text stays on disk."""

    path: Path
    name: str
    sha: str
    lines: dict[str, list[int]]

    def subsets(self) -> dict[str, Subset]:
        """One subset per language of the file."""
        return {lang: Subset(lang, lang) for lang in self.lines}

    def samples(self, lang: str) -> Iterator[Sample]:
        """The samples in one language, in the order of the file."""
        with self.path.open("rb") as file:
            for offset in self.lines[lang]:
                file.seek(offset)
                row = orjson.loads(file.readline())
                targets = () if row.get("target") is None else (str(row["target"]),)
                yield Sample(str(row["id"]), (user(row["prompt"]),), targets)


def open_prompts(path: Path) -> PromptFile:
    """Read a file of prompts once, checking every line.

    Raises DataError, naming file and line, for malformed JSON, a missing field, a doubled id or an empty file; UsageError
    for an unknown language.
    """
    lines: dict[str, list[int]] = defaultdict(list)
    seen: set[str] = set()
    keys: dict[str, str] = {}
    digest, offset = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                digest.update(line)
                if line.strip():
                    row = _checked(_object(line, path, number), seen, path, number)
                    lang = row["lang"]
                    if lang not in keys:
                        keys[lang] = languages.resolve(lang).key
                    lines[keys[lang]].append(offset)
                offset += len(line)
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror}") from None
    if not seen:
        raise DataError(f"{path} is empty: it needs one JSON object per line with id, lang, prompt and target")
    return PromptFile(path, path.stem, digest.hexdigest(), dict(lines))


def _checked(row: dict[str, Any], seen: set[str], path: Path, number: int) -> dict[str, Any]:
    for name in ("id", "lang", "prompt"):
        if row.get(name) in (None, ""):
            raise DataError(
                f"{path}, line {number}: the field {name!r} is missing; each line needs id, lang and prompt"
            )
    key = str(row["id"])
    if key in seen:
        raise DataError(f"{path}, line {number}: the id {key!r} stands twice; ids must be unique")
    if not isinstance(row["prompt"], str):
        raise DataError(f"{path}, line {number}: the prompt must be a string")
    seen.add(key)
    return row
