"""What people write about a task: card.yaml and prompts.yaml, read strictly so that a slip is found and named."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from mevals import languages
from mevals.condition import Condition
from mevals.errors import DataError, UsageError, did_you_mean
from mevals.safe_yaml import load_yaml
from mevals.types import Subset

if TYPE_CHECKING:
    from mevals.data import Data

Origin = Literal["native", "human-translated", "machine-translated", "post-edited", "mixed"]
Row = Mapping[str, Any]


class SubsetFile(BaseModel):
    """A subset that is not simply a language: a locale, a country, a translation pair."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    lang: str
    source_lang: str | None = None
    config: str = ""
    extra: dict[str, str] = Field(default_factory=dict)


class Tokens(BaseModel):
    """Estimated tokens of one request in English, for plans made before any data is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    prompt: int
    output: int


class CardFile(BaseModel):
    """card.yaml.

    `revision` is a 40-digit commit hash, or null until the first fetch pins it in data.lock.json. `languages` maps our
    keys to the data set's own names; `mini_only` lists languages or subsets that the published data set lacks: our mini
    data has them, and a mirror may. `needs` names subsets that
    every other one reads too. `samples` are counts per subset of the published data; `tokens` are those of one request.
    `slices` are tags by whose values every score is also reported, `headline` those of them that reports always show.
    `template` makes a task without code (see template_task.py).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    title: str
    version: int = Field(ge=1)
    about: str
    license: str
    citation: str
    dataset: str
    revision: str | None
    split: str = "test"
    origin: Origin
    gated: bool = False
    redistributable: bool = True
    page: str = ""
    languages: dict[str, str] = Field(default_factory=dict)
    subsets: dict[str, SubsetFile] = Field(default_factory=dict)
    mini_only: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    samples: int | dict[str, int]
    tokens: Tokens
    chance: float = 0.0
    ceiling: float = 1.0
    slices: tuple[str, ...] = ()
    headline: tuple[str, ...] = ()
    template: dict[str, Any] | None = None

    @field_validator("revision")
    @classmethod
    def _a_commit_not_a_branch(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[0-9a-f]{40}", value):
            raise ValueError("must be a 40-digit commit hash or null (a branch or tag can move)")
        return value


def read_card(folder: Path) -> CardFile:
    """The card in `folder`.

    Raises DataError that lists everything that is wrong with it.
    """
    path = folder / "card.yaml"
    try:
        card = CardFile.model_validate(load_yaml(path))
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'card'}: {e['msg']}" for e in error.errors())
        raise DataError(f"{path}: {problems}") from None
    return card


def card_subsets(card: CardFile) -> dict[str, Subset]:
    """The card's subsets by name, each with registry keys. Raises UsageError for a language the registry lacks."""
    found = {name: Subset(name, languages.get(name).key, None, config) for name, config in card.languages.items()}
    found |= {n: Subset(n, languages.get(n).key, None, "") for n in card.mini_only if n not in card.subsets}
    for name, spec in card.subsets.items():
        lang = languages.get(spec.lang).key
        source = languages.get(spec.source_lang).key if spec.source_lang else None
        found[name] = Subset(name, lang, source, spec.config, spec.extra)
    return found


def published_samples(card: CardFile, subset: str) -> int:
    """How many samples the published data set has for `subset`, by the card."""
    if isinstance(card.samples, int):
        return card.samples
    return card.samples.get(subset, card.samples.get("default", 0))


@dataclass(frozen=True)
class Prompts:
    """prompts.yaml: name → text, or name → {language key: text}. `sha` is the hash of the file."""

    path: Path
    texts: Mapping[str, str | Mapping[str, str]]
    sha: str

    def find(self, name: str, lang: str) -> str:
        """The text called `name`, in the version for `lang` where it has several."""
        if name not in self.texts:
            raise UsageError(f"{self.path} has no prompt {name!r}{did_you_mean(name, self.texts)}")
        entry = self.texts[name]
        if isinstance(entry, str):
            return entry
        if lang in entry:
            return entry[lang]
        if "default" in entry:
            return entry["default"]
        raise UsageError(f"{self.path}: prompt {name!r} has no text for {lang} and no 'default'")

    def has(self, name: str, lang: str) -> bool:
        """Whether `name` has a text for `lang`: its own, or one for every language."""
        entry = self.texts.get(name)
        return isinstance(entry, str) or (entry is not None and (lang in entry or "default" in entry))

    def variants(self) -> list[str]:
        """The names that `prompt-…` may choose: all but helpers, whose names begin with "_"."""
        return [name for name in self.texts if not name.startswith("_")]


def read_prompts(folder: Path) -> Prompts:
    """The prompts in `folder`; an empty set where there is no prompts.yaml."""
    path = folder / "prompts.yaml"
    if not path.exists():
        return Prompts(path, {}, "")
    texts = load_yaml(path)
    if not isinstance(texts, dict) or not all(_is_prompt(t) for t in texts.values()):
        raise DataError(f"{path}: every prompt must be a text or a mapping from language to text")
    return Prompts(path, texts, hashlib.sha256(path.read_bytes()).hexdigest())


def _is_prompt(entry: object) -> bool:
    if isinstance(entry, dict):
        return all(isinstance(k, str) and isinstance(v, str) for k, v in entry.items())
    return isinstance(entry, str)


class _Fields(dict[str, str]):
    """Fields of a prompt; a name that nobody filled is an error that says so."""

    def __missing__(self, key: str) -> str:
        raise UsageError(f"a prompt asks for {{{key}}}, which the task does not fill{did_you_mean(key, self)}")


@dataclass(frozen=True)
class Card:
    """What a task function gets: the card, its prompts and its rows, bound to one source of data and one condition."""

    folder: Path
    file: CardFile
    prompts: Prompts
    data: Data
    condition: Condition = field(default_factory=Condition)

    def rows(self, subset: Subset | str, split: str = "") -> Iterable[Row]:
        """The rows of a subset in published order, as mappings with the data set's own field names."""
        return self.data.rows(self, self._subset(subset), split or self.file.split)

    def exemplars(self, subset: Subset, split: str = "dev") -> list[Row]:
        """The rows that exemplars are taken from: in the language of `subset`, or in English where the condition says so."""
        return list(self.rows("eng_Latn" if self.condition.exemplars == "english" else subset, split))

    def parallel(self, *subsets: Subset | str) -> Iterator[tuple[Row, ...]]:
        """Rows of several subsets side by side. Raises DataError where their counts differ."""
        try:
            yield from zip(*(self.rows(s) for s in subsets), strict=True)
        except ValueError:
            names = ", ".join(s if isinstance(s, str) else s.name for s in subsets)
            raise DataError(f"{self.folder.name}: {names} differ in length; the data is not parallel") from None

    def prompt(self, subset: Subset, name: str = "", **fields: str) -> str:
        """A prompt filled for `subset`.

        `{language}` and `{source_language}` are the full names; the condition chooses the variant where `name` is empty.
        """
        name = name or self.condition.get("prompt", "default")
        values = _Fields(fields)
        values.setdefault("language", languages.full_name(subset.lang))
        if subset.source_lang:
            values.setdefault("source_language", languages.full_name(subset.source_lang))
        for key, value in subset.extra.items():
            values.setdefault(key, value)
        return self.prompts.find(name, subset.lang).rstrip("\n").format_map(values)

    def _subset(self, subset: Subset | str) -> Subset:
        if isinstance(subset, Subset):
            return subset
        known = card_subsets(self.file)
        return known.get(subset) or Subset(subset, subset, None, subset)
