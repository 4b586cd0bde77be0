"""`lm_eval:<task or group>` of a command line as cells to run: one per leaf task, in its language."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from mevals.bridge.language import told_language
from mevals.bridge.requests import samples_of, settings_of
from mevals.bridge.scoring import scorers_for
from mevals.bridge.tasks import PREFIX, Leaf, check_leaves, find_leaves, known_names, lm_eval_version, open_task
from mevals.condition import Condition
from mevals.errors import UsageError
from mevals.plan import Wanted, take
from mevals.run import Options, Unit
from mevals.types import Sample, Scorer, Subset

HEEDED = frozenset({"shots", "think", "variant"})
"""Conditions that have a meaning for lm-eval's tasks."""


def is_bridged(name: str) -> bool:
    """Whether a `--tasks` entry means a task of lm-eval."""
    return name.startswith(PREFIX)


def bridged_units(names: Sequence[str], options: Options) -> list[Unit]:
    """The cells that these `--tasks` entries mean, without loading data.

    Raises UsageError where a task is unknown, can't be asked or scored here, or its language can't be told.
    """
    if options.offline or options.where in ("mini", "mirror"):
        for variable in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
            os.environ[variable] = "1"
    conditions = [Condition.parse(c) for c in options.conditions] or [Condition()]
    return [u for name in dict.fromkeys(names) for c in conditions for u in _units(name, c, options)]


def _units(name: str, condition: Condition, options: Options) -> Iterator[Unit]:
    spec, _, lang = name.removeprefix(PREFIX).partition("=")
    unheeded = set(condition.changes) - HEEDED
    if unheeded:
        raise UsageError(f"{PREFIX}{spec} knows no condition {sorted(unheeded)[0]}-…; it heeds shots-N")
    leaves = find_leaves(spec)
    check_leaves(spec, leaves)
    shots = condition.shots if condition.get("shots") else None
    _check_shots(spec, leaves, shots)
    scorers, siblings = scorers_for(spec, leaves, shots), known_names()
    subsets = {leaf.name: _subset(leaf, lang, siblings) for leaf in leaves}
    wanted = Wanted.parse(options.langs, set(subsets))
    chosen = [leaf for leaf in leaves if wanted.has(subsets[leaf.name])]
    if not chosen:
        raise UsageError(f"{PREFIX}{spec} has no task in {', '.join(options.langs)}")
    for leaf in chosen:
        yield _unit(spec, leaf, subsets[leaf.name], condition, shots, scorers, options)


def _check_shots(spec: str, leaves: Sequence[Leaf], shots: int | None) -> None:
    """As in lm-eval, a task whose YAML says 0 exemplars stays without."""
    for leaf in leaves:
        if shots and leaf.config.get("num_fewshot") == 0:
            raise UsageError(f"{PREFIX}{spec}: {leaf.name} is asked without exemplars by its own YAML (num_fewshot: 0)")


def _subset(leaf: Leaf, lang: str, names: frozenset[str]) -> Subset:
    told = told_language(leaf.name, leaf.config, lang, names)
    return Subset(leaf.name, told.lang, told.source, extra={"language_from": told.by})


def _unit(
    spec: str,
    leaf: Leaf,
    subset: Subset,
    condition: Condition,
    shots: int | None,
    scorers: tuple[Scorer, ...],
    options: Options,
) -> Unit:
    chooses = leaf.kind == "multiple_choice"
    return Unit(
        task=PREFIX + spec,
        subset=subset,
        condition=str(condition),
        scorers=scorers,
        samples=partial(_samples, leaf, shots, options.limit, options.seed),
        settings=settings_of(leaf, options.max_tokens),
        how="choose" if chooses else "generate",
        kind="choice" if chooses else "short",
        identity={
            "task": PREFIX + spec,
            "spec": spec,
            "shots": shots,
            "version": leaf.version,
            "condition": str(condition),
            "prompts": config_sha(leaf.config),
            "code": f"lm-eval {lm_eval_version()}",
            "data": data_name(leaf.config),
        },
        entry={"card": _card(spec, leaf), "folder": ""},
    )


def _samples(leaf: Leaf, shots: int | None, limit: int | None, seed: int) -> Iterator[Sample]:
    yield from take(samples_of(open_task(leaf, shots)), limit, seed)


def _card(spec: str, leaf: Leaf) -> dict[str, Any]:
    source = str(leaf.config.get("dataset_path") or "its own code")
    return {
        "title": f"{spec} (lm-eval)",
        "about": f"lm-eval's {spec} through mevals' engine; data from {source}",
        "origin": "unknown",
        "dataset": source,
        "version": leaf.version,
    }


def config_sha(config: Mapping[str, Any]) -> str:
    """Hash of a task's configuration; a function counts by its source text, a path of the machine not at all."""
    return hashlib.sha256(orjson.dumps(_plain(config), option=orjson.OPT_SORT_KEYS)).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items() if k not in ("config_source", "data_files", "data_dir")}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if callable(value):
        from inspect import getsource

        try:
            return getsource(value)
        except (OSError, TypeError):
            return getattr(value, "__qualname__", type(value).__name__)
    return value if isinstance(value, str | int | float | bool | None) else repr(value)


def data_name(config: Mapping[str, Any]) -> str:
    """What identifies a task's data: the hub's name and revision, or the hash of its local files."""
    kwargs = config.get("dataset_kwargs") or {}
    digest = hashlib.sha256()
    local = sorted(p for p in map(Path, _files(kwargs.get("data_files"))) if p.is_file())
    for path in local:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    name = f"{config.get('dataset_path') or 'code'}/{config.get('dataset_name') or ''}"
    if local:
        return f"file:{digest.hexdigest()}"
    return f"hub:{name}@{kwargs.get('revision') or 'unpinned'}"


def _files(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    parts = list(value.values()) if isinstance(value, Mapping) else list(value or ())
    return [f for part in parts for f in _files(part)]
