"""The language of an lm-eval task, told from what its YAML says: metadata, data set configuration or its own name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
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
KEY = re.compile(r"[a-z]{3}_[A-Z][a-z]{3}")
"""The form of a registry key, such as swh_Latn."""


@dataclass(frozen=True)
class Told:
    """A task's language, the language it translates from if it does, and what said so."""

    lang: str
    source: str | None
    by: str


def told_language(name: str, config: Mapping[str, Any], given: str = "", names: Collection[str] = ()) -> Told:
    """The language of the lm-eval task `name` with the configuration `config`.

    `given` is what the user said. `names` are all task names of the index: a word or code in a name counts only
    in a family of tasks that differ in it (xcopa_et, xcopa_id). Raises UsageError where nothing tells it.
    """
    if given:
        target, source = _pair(given, None) or (languages.resolve(given).key, None)
        return Told(target, source, "command line")
    benchmark = next((b for start, b in BENCHMARKS.items() if name.startswith(start)), None)
    metadata = config.get("metadata")
    said = (metadata.get("language") or metadata.get("lang")) if isinstance(metadata, Mapping) else None
    if said:
        return Told(languages.resolve(str(said)).key, None, "metadata")
    dataset = str(config.get("dataset_name") or "")
    for by, text in (("dataset_name", dataset), ("test_split", _key_like(config.get("test_split")))):
        direction = (_pair(text, benchmark) or _whole(text, benchmark)) if text else None
        if direction and not (direction[1] and _names_other_way(name, direction, benchmark)):
            return Told(direction[0], direction[1], by)
    part = _in_dataset(dataset, benchmark)
    if part:
        return Told(part, None, "dataset_name")
    said_by_name = None if "-" in dataset and _pair(dataset, benchmark) else _in_name(name, benchmark, names)
    if said_by_name:
        return Told(said_by_name[0], said_by_name[1], "name")
    raise UsageError(
        f"the language of lm-eval's {name} can't be told from its YAML{_why(dataset)}: say it, as in "
        f"lm_eval:{name}=swh_Latn, or put `language: swh_Latn` under its `metadata:`"
    )


def _key_like(split: Any) -> str:
    return split if isinstance(split, str) and KEY.fullmatch(split) else ""


def _why(dataset: str) -> str:
    """The registry's own reason where the configuration's name is an ambiguous code."""
    try:
        languages.resolve(dataset)
    except UsageError as error:
        if _is_ambiguous(error):
            return f" ({error})"
    return ""


@lru_cache(maxsize=8192)
def _key(code: str, benchmark: str | None) -> str | None:
    """The key that a code means there, "" for a code with several meanings, None for what is no code."""
    if len(code) <= 3 and not code.islower() and benchmark is None:
        return None  # csatqa's LI is no Limburgish
    ambiguous = False
    for table in dict.fromkeys((benchmark, None)):
        try:
            return languages.resolve(code, table).key
        except UsageError as error:
            ambiguous |= _is_ambiguous(error)
    return "" if ambiguous else None


def _is_ambiguous(error: UsageError) -> bool:
    return "several varieties" in str(error) or "macrolanguage" in str(error)


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
    keys = {_key(p, benchmark) for p in text.split(".") if p} - {None}
    return (keys.pop() or None) if len(keys) == 1 else None


def _in_name(name: str, benchmark: str | None, names: Collection[str]) -> tuple[str, str | None] | None:
    """(language, source) that a task's name says: a direction, a key, or the one part that sets it apart in its family.

    A word alone proves nothing: `chinese_remainder_theorem` is asked in English.
    """
    parts = name.split("_")
    directions = _directions(name, benchmark)
    if directions:
        return directions[0] if len(directions) == 1 else None
    keys: dict[str, None] = {}
    taken: set[int] = set()
    for start, end in _spans(len(parts)):
        text, mine = "_".join(parts[start:end]), set(range(start, end))
        key = None if taken & mine or "-" in text else _key(text, benchmark)
        if key is None and KEY.fullmatch(text):
            return None  # npi_Latn is not npi in another script
        if key is not None and (KEY.fullmatch(text) or _in_family(parts, start, end, key, benchmark, names)):
            keys[key] = None
            taken |= mine
    only = next(iter(keys)) if len(keys) == 1 else ""
    return (only, None) if only else None


def _directions(name: str, benchmark: str | None) -> list[tuple[str, str]]:
    """(target, source) of each direction that a name holds, such as ca-de or ace_Arab-eng_Latn."""
    whole = re.findall(rf"{KEY.pattern}-{KEY.pattern}", name)
    return [d for d in (_pair(p, benchmark) for p in whole or name.split("_")) if d]


def _names_other_way(name: str, direction: tuple[str, str | None], benchmark: str | None) -> bool:
    """Whether a name gives a direction that its data set's configuration contradicts (data of en-amh, asked amh-en)."""
    return any(d != direction for d in _directions(name, benchmark))


def _spans(n: int) -> Iterator[tuple[int, int]]:
    """Runs of three, two and one parts, the later ones first."""
    for width in (3, 2, 1):
        for start in range(n - width, -1, -1):
            yield start, start + width


def _in_family(
    parts: Sequence[str], start: int, end: int, key: str, benchmark: str | None, names: Collection[str]
) -> bool:
    """Whether at least two other tasks have the same name with another language in this place."""
    head = "_".join([*parts[:start], ""])
    tail = "_".join(["", *parts[end:]])
    room = len(head) + len(tail)
    others = {
        o[len(head) : len(o) - len(tail)] for o in names if len(o) > room and o.startswith(head) and o.endswith(tail)
    }
    found: set[str] = set()
    for other in others:
        if other.count("_") < 3 and (another := _key(other, benchmark)) and another != key:
            found.add(another)
            if len(found) == 2:
                return True
    return False
