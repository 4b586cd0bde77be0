"""The nouns that every stage shares. Plain frozen records: no behaviour, no input or output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Message = Mapping[str, str]
"""One chat message: {"role": "system" | "user" | "assistant", "content": text}."""

Finish = Literal["stop", "length", "rejected", "imported"]
"""How an answer ended. *stop*: complete. *length*: cut off by the token budget. *rejected*: the server refused this
prompt for good or returned no text. *imported*: made elsewhere. A sample that was never answered has no response."""


def user(content: str) -> Message:
    """A message from the user."""
    return {"role": "user", "content": content}


def system(content: str) -> Message:
    """A system message."""
    return {"role": "system", "content": content}


def assistant(content: str) -> Message:
    """A message from the model, for exemplars."""
    return {"role": "assistant", "content": content}


@dataclass(frozen=True, slots=True)
class Language:
    """One written language variety of the registry, such as `swh_Latn`.

    `region` is one of the five regions of the Tiny Aya report, or "Americas"; `region_source` is "paper" where its Table 1
    says so and "mevals" where our written rule assigned it. `pages` counts Common Crawl pages in crawl `crawl`; None if
    unknown. `aliases` are other spellings of the same variety; `benchmarks` maps a benchmark to its own code(s) for it.

    `endonym` is "" where we don't know it for certain. `macro` is the ISO 639-3 macrolanguage, `country` the ISO 3166
    country that the region rule used. `digits` is the Unicode numbering system (CLDR's name, "beng") that its writers use
    beside or instead of ASCII digits, "" for none; `decimal` and `grouping` are the separators used with ASCII digits (a
    grouping " " stands for any kind of space), None where unknown. `unspaced` scripts put no space between words.
    `lid176` is the label that fastText's lid.176 gives this variety, "" where it has none.
    """

    key: str
    name: str
    endonym: str
    iso639_1: str | None
    iso639_3: str
    bcp47: str
    glottocode: str | None
    script: str
    direction: Literal["ltr", "rtl"]
    family: str
    region: str
    region_source: Literal["paper", "mevals"]
    pages: int | None
    crawl: str | None
    latitude: float | None
    longitude: float | None
    speakers: int | None
    aliases: tuple[str, ...] = ()
    benchmarks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    macro: str | None = None
    country: str | None = None
    digits: str = ""
    decimal: str | None = None
    grouping: str | None = None
    unspaced: bool = False
    lid176: str = ""


@dataclass(frozen=True, slots=True)
class Subset:
    """A benchmark's own unit, such as `swh_Latn`, `en-pt_BR` or `ja-zh`; it has exactly one target language.

    `lang` and `source_lang` are registry keys. `config` is the data set's own name for it. `extra` holds what else the
    card says about it (country, variety).
    """

    name: str
    lang: str
    source_lang: str | None = None
    config: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def about(self) -> str:
        """The language that a score tells about, by which it is grouped: the source of a translation into English."""
        return self.source_lang if self.lang == "eng_Latn" and self.source_lang else self.lang


@dataclass(frozen=True, slots=True)
class Sample:
    """One question as it will be sent, and what a right answer is.

    `targets` holds one or more references, none where a judge decides. `choices` are the options of a multiple-choice
    item that is scored by log-likelihood. `tags` carry domain, document, culture and the like, for slices and clusters;
    a tag "document" or "passage" names the cluster that the item belongs to. `turns` holds later user messages of a multi-turn
    item; `n` asks for several answers.
    """

    id: str
    messages: Sequence[Message]
    targets: tuple[str, ...] = ()
    source: str | None = None
    choices: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    turns: tuple[str, ...] = ()
    n: int = 1


@dataclass(frozen=True, slots=True)
class Response:
    """What a model answered to one sample. `text` is None where the server gave no text: unscored, never wrong.

    `reasoning` is thinking text, kept apart from the answer. `specials` counts the special tokens that were stripped
    from the text. `choice_logprobs` holds one summed natural-log probability per choice, in the order of the choices.
    Latency is in seconds.
    """

    id: str
    text: str | None
    finish: Finish
    messages: Sequence[Message] = ()
    targets: tuple[str, ...] = ()
    source: str | None = None
    choices: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    reasoning: str | None = None
    error: str | None = None
    specials: int = 0
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    latency_s: float | None = None
    choice_logprobs: tuple[float, ...] | None = None
    choice_tokens: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """The verdict on one response. `value` None means unscored: counted and shown, never averaged as 0.

    `detail` says how the value came about (the extracted number, the label, why it is unscored). `stats` are sufficient
    statistics whose sum over samples gives the corpus score. `parts` are further named values beside the main one.
    """

    id: str
    value: float | None
    detail: str = ""
    stats: tuple[float, ...] | None = None
    parts: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cell:
    """The unit of work: one model on one subset of one task under one condition ("" = none)."""

    model: str
    task: str
    subset: Subset
    condition: str = ""


class Scorer(Protocol):
    """Turns the responses of one cell into scores. Pure: same responses, same scores.

    `metric` is the short name in tables (`chrf`); `scale` is its lowest and highest value; `better` says which end is good.
    `needs` names what it cannot do without: "" for nothing, else "judge", "comet", "gpu".
    """

    @property
    def metric(self) -> str: ...
    @property
    def scale(self) -> tuple[float, float]: ...
    @property
    def better(self) -> Literal["higher", "lower"]: ...
    @property
    def needs(self) -> str: ...

    def signature(self, subset: Subset) -> str:
        """Everything that can change the value, as `name|key:value|…`; scores of two signatures are never averaged."""
        ...

    def score(self, responses: Sequence[Response], subset: Subset) -> list[Score]:
        """One score per response, in order, with the same ids."""
        ...

    def aggregate(self, values: Any, stats: Any) -> float | None:
        """The cell's value from `values` (float array (n,), NaN = unscored) and `stats` (float array (n, k), or None).

        None where nothing is scored.
        """
        ...
