"""The language of an lm-eval task, told from what its YAML says: metadata, data set configuration or its own name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mevals import languages
from mevals.errors import UsageError

BENCHMARKS: Mapping[str, str] = {
    "openai_mmlu": "mmmlu",
    "mmmlu": "mmmlu",
    "global_mmlu": "global_mmlu",
    "global_piqa": "global_piqa",
    "include": "include",
    "mgsm": "mgsm",
    "flores": "flores",
    "wmt24pp": "wmt24pp",
}
"""How lm-eval's task names begin -> the registry's benchmark whose codes they use."""


@dataclass(frozen=True)
class Told:
    """A task's language, the language it translates from if it does, and what said so."""

    lang: str
    source: str | None
    by: str


def told_language(name: str, config: Mapping[str, Any], given: str = "", names: Collection[str] = ()) -> Told:
    """The language of the lm-eval task `name` with the configuration `config`.

    `given` is what the user said. `names` are all task names of the index: a bare two- or three-letter ending counts
    only in a family of tasks that differ in it (xcopa_et, xcopa_id). Raises UsageError where nothing tells it.
    """
    if given:
        return Told(languages.resolve(given, None).key, None, "command line")
    benchmark = next((b for start, b in BENCHMARKS.items() if name.startswith(start)), None)
    metadata = config.get("metadata")
    said = (metadata.get("language") or metadata.get("lang")) if isinstance(metadata, Mapping) else None
    if said:
        return Told(languages.resolve(str(said)).key, None, "metadata")
    dataset = str(config.get("dataset_name") or "")
    for by, text in (("dataset_name", dataset), ("test_split", _key_like(config.get("test_split")))):
        direction = (_pair(text, benchmark) or _whole(text, benchmark)) if text else None
        if direction:
            return Told(direction[0], direction[1], by)
    found = _in_name(name, benchmark, names) or (None if not dataset else _in_dataset(dataset, benchmark))
    if found:
        return Told(found, None, "name")
    raise UsageError(
        f"the language of lm-eval's {name} can't be told from its YAML{_why(dataset)}: say it, as in "
        f"lm_eval:{name}=swh_Latn, or put `language: swh_Latn` under its `metadata:`"
    )


def _key_like(split: Any) -> str:
    return split if isinstance(split, str) and re.fullmatch(r"[a-z]{3}_[A-Z][a-z]{3}", split) else ""


def _why(dataset: str) -> str:
    """The registry's own reason where the configuration's name is an ambiguous code."""
    try:
        languages.resolve(dataset)
    except UsageError as error:
        if "several" in str(error) or "macrolanguage" in str(error):
            return f" ({error})"
    return ""


def _key(code: str, benchmark: str | None) -> str | None:
    """The key that a code means there, None for what is no code or means several."""
    for table in dict.fromkeys((benchmark, None)):
        try:
            return languages.resolve(code, table).key
        except UsageError:
            continue
    return None


def _whole(text: str, benchmark: str | None) -> tuple[str, None] | None:
    key = _key(text, benchmark)
    return (key, None) if key else None


def _pair(text: str, benchmark: str | None) -> tuple[str, str] | None:
    """(target, source) of a translation direction such as eng_Latn-swh_Latn; None for anything else."""
    for separator in ("-", "_to_", "->"):
        parts = text.split(separator)
        if len(parts) == 2:
            source, target = (_key(p, benchmark) for p in parts)
            if source and target and source != target and not parts[1].isupper():
                return target, source
    return None


def _in_dataset(text: str, benchmark: str | None) -> str | None:
    """The one language that a part of a configuration's name says, as in xquad.es."""
    keys = {k for k in (_key(p, benchmark) for p in re.split(r"[.\s]", text) if p) if k}
    return keys.pop() if len(keys) == 1 else None


def _in_name(name: str, benchmark: str | None, names: Collection[str]) -> str | None:
    """The one language that a task's name says: a key, an English name, or a code that sets it apart in its family."""
    keys: dict[str, None] = {}
    taken: set[int] = set()
    parts = name.split("_")
    for start, end in _spans(len(parts)):
        text = "_".join(parts[start:end])
        if taken & set(range(start, end)) or not _says(text, parts, end, benchmark, names):
            continue
        key = _key(text, benchmark)
        if key:
            keys[key] = None
            taken |= set(range(start, end))
    return next(iter(keys)) if len(keys) == 1 else None


def _spans(n: int) -> Iterator[tuple[int, int]]:
    """Runs of three, two and one parts, the later ones first."""
    for width in (3, 2, 1):
        for start in range(n - width, -1, -1):
            yield start, start + width


def _says(text: str, parts: list[str], end: int, benchmark: str | None, names: Collection[str]) -> bool:
    """Whether a part of a name may be read as a language at all."""
    if "_" in text:
        return bool(re.fullmatch(r"[a-z]{2,3}_[A-Z][a-z]{3}|[a-z]{2,3}_[A-Z]{2}", text)) or len(text) > 8
    if len(text) > 3:
        return True
    if end != len(parts):
        return False
    head = "_".join(parts[:-1]) + "_"
    others = {o.removeprefix(head) for o in names if o.startswith(head)} - {text}
    return len({_key(o, benchmark) for o in others if 2 <= len(o) <= 3} - {None}) >= 2
