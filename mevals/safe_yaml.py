"""YAML as data only: no tags that run code, no alias bombs, no huge files, and duplicate keys are errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from mevals.errors import DataError

LARGEST = 4_000_000
"""Bytes; a card, prompt or policy file is far smaller."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one is faster; not every PyYAML has it


class _StrictLoader(_Loader):  # type: ignore[misc]
    """The safe loader, refusing duplicate keys."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [self.construct_object(k, deep=True) for k, _ in node.value]
        twice = {k for k in keys if isinstance(k, str) and keys.count(k) > 1} if len(keys) < 500 else set()
        if twice:
            raise yaml.YAMLError(f"the key {sorted(twice)[0]!r} stands twice")
        return super().construct_mapping(node, deep)


def load_yaml(path: Path) -> Any:
    """The content of a YAML file. Raises DataError with file and line."""
    try:
        if path.stat().st_size > LARGEST:
            raise DataError(f"{path} is larger than {LARGEST // 1_000_000} MB; this cannot be meant")
        return parse_yaml(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        raise DataError(f"{path} is missing") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} can't be read: {error}") from None


def parse_yaml(text: str, name: str) -> Any:
    """YAML from a string; `name` stands in messages."""
    try:
        if "*" in text and any(isinstance(e, yaml.events.AliasEvent) for e in yaml.parse(text, Loader=_Loader)):
            raise yaml.YAMLError("aliases (*name) are not allowed")
        return yaml.load(text, Loader=_StrictLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise DataError(f"{name}{where}: not valid YAML: {problem}") from None
