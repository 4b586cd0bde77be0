"""Which labels of an identifier mean which language of the registry, which it can't tell apart, and which it misses."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from mevals import languages
from mevals.types import Language

RELIABLE = 0.5
"""Share of human-written sentences that an identifier must recognise before its verdict on a language counts."""

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Target:
    """What a text must be labelled to be in the language that was asked for.

    `right` are the identifier's labels for it, empty where it has none; `lenient` adds those of its confusable set.
    `why` says why the strict verdict is withheld, "" where it isn't.
    """

    key: str
    script: str
    right: frozenset[str]
    lenient: frozenset[str]
    why: str = ""


@lru_cache(maxsize=1024)
def target_of(key: str, identifier: str, labels: frozenset[str]) -> Target:
    """The target for a language of the registry and an identifier, by its name and its labels."""
    language = languages.get(key)
    right = labels_of(language, labels)
    near = {label for member in confusable(language.key) for label in _labels_of_member(member, labels)}
    why = "" if right else f"{identifier} has no label for {language.key}"
    recall = recalls().get((identifier, language.key))
    if right and recall is not None and recall < RELIABLE:
        why = f"{identifier} recognises only {recall:.0%} of human-written {language.key}"
    return Target(language.key, language.script, right, right | near, why)


def labels_of(language: Language, labels: frozenset[str]) -> frozenset[str]:
    """Those of `labels` that mean this language and nothing else.

    Labels of two or three letters are ISO 639 codes or lid.176's and mean a language in its usual script; those like
    `cmn_Hani` name the script too (GlotLID, OpenLID). Where an identifier has a label for each script or variety, the
    nearest counts.
    """
    return frozenset(spelling for spelling in _spellings(language) if spelling in labels)


def _spellings(language: Language) -> Iterable[str]:
    usual = "-" not in language.bcp47
    bare = (language.iso639_1, language.iso639_3) if usual else ()
    scripts = {language.script, *_WIDER.get(language.script, ())}
    tagged = {f"{language.iso639_3}_{script}" for script in scripts}
    extra = (spelling for spelling, key in _extra_labels() if key == language.key)
    return {s for s in (language.lid176, *bare, language.key, *language.aliases, *tagged, *extra) if s}


_WIDER = {"Hans": ("Hani",), "Hant": ("Hani",), "Jpan": ("Hira",), "Hang": ("Kore",)}


@lru_cache(maxsize=1)
def _extra_labels() -> tuple[tuple[str, str], ...]:
    return tuple((row["label"], row["key"]) for row in _read("labels.csv"))


def key_of(label: str, labels: frozenset[str]) -> str:
    """The registry key that a label stands for, to name an off-target language; the label itself where there is none."""
    return _keys(labels).get(label, label)


@lru_cache(maxsize=8)
def _keys(labels: frozenset[str]) -> dict[str, str]:
    """Label -> the first language that it means; lid.176's own assignments count before others."""
    rows = sorted(languages.load().values(), key=lambda x: (x.region_source != "paper", x.key))
    own = {x.lid176: x.key for x in reversed(rows) if x.lid176}
    found = {label: x.key for x in reversed(rows) for label in labels_of(x, labels)}
    return {**found, **{label: key for label, key in own.items() if label in labels}}


def confusable(key: str) -> frozenset[str]:
    """The members of the sets that a language is in, itself too; registry keys, or labels of what the registry lacks."""
    return frozenset(m for members in _sets().values() if key in members for m in members)


@lru_cache(maxsize=1)
def _sets() -> dict[str, tuple[str, ...]]:
    return {row["set"]: tuple(row["members"].split()) for row in _read("confusable.csv")}


def _labels_of_member(member: str, labels: frozenset[str]) -> frozenset[str]:
    known = languages.load().get(member)
    return labels_of(known, labels) if known else frozenset({member} & labels)


@lru_cache(maxsize=1)
def recalls() -> dict[tuple[str, str], float]:
    """(Identifier, language) -> share of human-written sentences that it labels rightly."""
    return {(row["identifier"], row["key"]): float(row["strict"]) for row in _read("recall.csv")}


def _read(name: str) -> list[dict[str, str]]:
    with (_FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
