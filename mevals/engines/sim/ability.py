"""What the simulated models can do, by formula: the ground truth that scorers, intervals and reports are held against.

The formula stands in docs/simulated-model.md, its numbers in profiles.yaml. Everything here is pure: the same seed,
model name and item give the same outcome in every process, whichever attempt it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from statistics import NormalDist
from typing import Any, Literal

from mevals.engines.sim.draw import unit, units
from mevals.engines.sim.item import Item
from mevals.errors import DataError, UsageError, did_you_mean

Form = Literal["plain", "wrong_language", "truncated", "unparsable", "no_text"]
Wrap = Literal["", "thinking_content", "thinking_field", "specials"]

FORMS: tuple[Form, ...] = ("wrong_language", "truncated", "unparsable", "no_text")
WRAPS: tuple[Wrap, ...] = ("thinking_content", "thinking_field", "specials")
EXTRACTED = frozenset({"number", "choice", "yes_no"})
"""Kinds whose answer is read out of the reply, so that a reply can be unparsable."""
BUILT_IN = EXTRACTED | {"translation", "short", "safety", "open"}
"""Kinds that the model answers itself, with its flaws; a plugged-in kind brings its own."""
RICH, POOR = 8.0, 4.0
"""log10 of web pages at and above, at and below which a flaw has its first and second share."""


@dataclass(frozen=True, eq=False)
class Profile:
    """One simulated model, as profiles.yaml describes it. Strength, regions and tasks are in logits."""

    name: str
    title: str = ""
    strength: float = 0.0
    slope: float = 1.0
    centre: float = 6.5
    ceiling: float = 1.0
    unknown_pages: float = 10_000.0
    item_correlation: float = 0.0
    perfect: bool = False
    tasks: Mapping[str, float] = field(default_factory=dict)
    regions: Mapping[str, float] = field(default_factory=dict)
    flaws: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def with_changes(self, changes: Mapping[str, Any]) -> Profile:
        """This profile with some fields replaced; `tasks`, `regions` and `flaws` are merged. Raises DataError."""
        return _profile(self.name, {**self.__dict__, "flaws": dict(self.flaws)}, changes)


@dataclass(frozen=True, slots=True)
class Rates:
    """Expected shares among all answers of one cell, given a token budget that no plain reply exhausts.

    right + wrong + truncated + unparsable + no_text = 1, where right and wrong count complete, parsable answers. The
    others overlap with these: `wrong_language` (in another language, though its number or letter may be right),
    thinking as <think> text or in its own field, special tokens left in. `edit_share` is the expected share of edited
    units of a plain translation, None for other kinds.
    """

    right: float
    wrong: float
    truncated: float
    unparsable: float
    no_text: float
    wrong_language: float
    thinking_content: float
    thinking_field: float
    specials: float
    edit_share: float | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one model does with one item, before any text is made.

    `right` holds with probability `ability`. `edit_share` in [0, 1] has mean 1 − ability. `style` is a uniform number
    in [0, 1) and `seed` a whole one, both for choosing words.
    """

    right: bool
    form: Form
    wrap: Wrap
    ability: float
    edit_share: float
    style: float
    seed: int


@dataclass(frozen=True, slots=True)
class _Odds:
    ability: float
    forms: tuple[tuple[Form, float], ...]
    wraps: tuple[tuple[Wrap, float], ...]


def load_profiles(path: Path | None = None) -> dict[str, Profile]:
    """Every profile of a file (the shipped one by default) by name. Raises DataError where the file is not right."""
    from mevals.safe_yaml import load_yaml

    path = path or Path(__file__).with_name("profiles.yaml")
    raw = load_yaml(path)
    if not isinstance(raw, dict) or not isinstance(raw.get("profiles"), dict):
        raise DataError(f"{path} needs a mapping 'profiles'")
    common = raw.get("common") or {}
    return {name: _profile(name, common, own or {}) for name, own in raw["profiles"].items()}


def true_ability(profile: str | Profile, task: str, lang: str, *, source_lang: str = "", choices: int = 0) -> float:
    """The probability in (0, 1) that a complete, parsable answer is right; for translation, 1 − the mean edit share.

    a = chance + (ceiling − chance) · σ(strength + slope · (log10 pages − centre) + region − task difficulty), with
    chance = 1 / choices (0 without choices). Where there are two languages, the one with fewer web pages decides.
    """
    p = named_profile(profile)
    if p.perfect:
        return 1.0
    chance = 1.0 / choices if choices else 0.0
    pages, region = _weaker(p, lang, source_lang)
    z = p.strength + p.slope * (math.log10(pages) - p.centre) + p.regions.get(region, 0.0) - _difficulty(p, task)
    return chance + (p.ceiling - chance) / (1.0 + math.exp(-z))


def expected_rates(
    profile: str | Profile, task: str, lang: str, *, kind: str = "number", source_lang: str = "", choices: int = 0
) -> Rates:
    """The shares that a large sample of one cell tends to; see Rates."""
    odds = _odds(named_profile(profile), task, lang, source_lang, kind, choices)
    form = dict(odds.forms)
    wrap = dict(odds.wraps)
    truncated, unparsable, no_text = form["truncated"], form["unparsable"], form["no_text"]
    whole = 1.0 - truncated - unparsable - no_text
    return Rates(
        right=odds.ability * whole,
        wrong=(1.0 - odds.ability) * whole,
        truncated=truncated,
        unparsable=unparsable,
        no_text=no_text,
        wrong_language=form["wrong_language"],
        thinking_content=wrap["thinking_content"] * (1.0 - no_text),
        thinking_field=wrap["thinking_field"] * (1.0 - no_text),
        specials=wrap["specials"] * (1.0 - no_text - truncated),
        edit_share=1.0 - odds.ability if kind == "translation" else None,
    )


def plan(profile: str | Profile, model: str, seed: int, item: Item, sample: str = "") -> Outcome:
    """What the model of this name does with this item; a pure function of all five.

    `sample` tells several answers to one request apart ("" is the first). Whether two models are right about one item
    is correlated (Gaussian copula with the profile's item_correlation); each one's share of right answers is its
    ability.
    """
    p = named_profile(profile)
    odds = _odds(p, item.task, item.lang, item.source_lang, item.kind, len(item.choices))
    own, form, wrap, style, noise, *_ = units(seed, model, item.hash, sample)
    luck = _copula(unit(seed, item.hash), own, p.item_correlation)
    reach = min(0.5 * (1.0 - odds.ability), 0.5 * odds.ability)
    chosen: Form = _pick(odds.forms, form) or "plain"
    wrapped: Wrap = _pick(odds.wraps, wrap) or ""
    if chosen == "no_text" or (chosen == "truncated" and wrapped == "specials"):
        wrapped = ""
    edits = 1.0 - odds.ability + reach * (2.0 * luck - 1.0)
    return Outcome(luck < odds.ability, chosen, wrapped, odds.ability, edits, style, int(noise * 2**53))


@lru_cache(maxsize=8192)
def _odds(p: Profile, task: str, lang: str, source_lang: str, kind: str, choices: int) -> _Odds:
    if p.perfect:
        return _Odds(1.0, tuple((f, 0.0) for f in FORMS), tuple((w, 0.0) for w in WRAPS))
    ability = true_ability(p, task, lang, source_lang=source_lang, choices=choices)
    pages, _ = _weaker(p, lang, source_lang)
    poverty = min(1.0, max(0.0, (RICH - math.log10(pages)) / (RICH - POOR)))

    def share(flaw: str) -> float:
        if kind not in BUILT_IN or (flaw == "unparsable" and kind not in EXTRACTED):
            return 0.0
        rich, poor = p.flaws.get(flaw, (0.0, 0.0))
        return rich + (poor - rich) * poverty

    return _Odds(ability, tuple((f, share(f)) for f in FORMS), tuple((w, share(w)) for w in WRAPS))


def _pick(shares: tuple[tuple[Any, float], ...], u: float) -> Any:
    for name, share in shares:
        if u < share:
            return name
        u -= share
    return None


def _copula(shared: float, own: float, correlation: float) -> float:
    """A uniform number whose normal score correlates with that of `shared`; each margin stays exactly uniform."""
    if correlation <= 0.0:
        return own
    normal = NormalDist()
    low = 1e-12
    a = normal.inv_cdf(min(max(shared, low), 1 - low))
    b = normal.inv_cdf(min(max(own, low), 1 - low))
    return normal.cdf(math.sqrt(correlation) * a + math.sqrt(1.0 - correlation) * b)


@lru_cache(maxsize=4096)
def _facts(lang: str) -> tuple[float | None, str]:
    """Web pages and region of a language of the registry; (None, "") for one that it doesn't know."""
    from mevals import languages

    try:
        language = languages.get(lang)
    except UsageError:
        return None, ""
    return (float(language.pages) if language.pages else None), language.region


def _weaker(p: Profile, lang: str, source_lang: str) -> tuple[float, str]:
    """Pages and region of whichever of the two languages has fewer pages."""
    both = [_facts(code) for code in (lang, source_lang) if code] or [(None, "")]
    return min(((pages or p.unknown_pages, region) for pages, region in both), key=lambda x: x[0])


def _difficulty(p: Profile, task: str) -> float:
    """That of the longest listed name with which the task's name begins; 0 for a task that isn't listed."""
    best = max((name for name in p.tasks if task.startswith(name)), key=len, default=None)
    return p.tasks[best] if best is not None else 0.0


def profile_names() -> tuple[str, ...]:
    """The names of the shipped profiles, `demo` first."""
    return tuple(_shipped())


@lru_cache(maxsize=1)
def _shipped() -> dict[str, Profile]:
    return load_profiles()


def named_profile(profile: str | Profile) -> Profile:
    """The shipped profile of this name; a Profile is returned as it is. Raises UsageError for an unknown name."""
    if isinstance(profile, Profile):
        return profile
    known = _shipped()
    if profile not in known:
        raise UsageError(f"there is no simulated model {profile!r}{did_you_mean(profile, known)}")
    return known[profile]


def _profile(name: str, common: Mapping[str, Any], own: Mapping[str, Any]) -> Profile:
    known = Profile.__dataclass_fields__
    for key in (*common, *own):
        if key not in known:
            raise DataError(f"profile {name!r} has an unknown field {key!r}{did_you_mean(key, known)}")
    merged: dict[str, Any] = {**common, **own, "name": name}
    for part in ("tasks", "regions", "flaws"):
        merged[part] = {**(common.get(part) or {}), **(own.get(part) or {})}
    merged["flaws"] = {flaw: _shares(name, flaw, pair) for flaw, pair in merged["flaws"].items()}
    profile = replace(Profile(name), **merged)
    worst = sum(max(profile.flaws.get(f, (0.0, 0.0))) for f in FORMS)
    if worst > 1.0 or sum(max(profile.flaws.get(w, (0.0, 0.0))) for w in WRAPS) > 1.0:
        raise DataError(f"the flaws of profile {name!r} add up to more than 1")
    return profile


def _shares(name: str, flaw: str, pair: Any) -> tuple[float, float]:
    if flaw not in (*FORMS, *WRAPS):
        raise DataError(f"profile {name!r} has an unknown flaw {flaw!r}{did_you_mean(flaw, (*FORMS, *WRAPS))}")
    if not isinstance(pair, list | tuple) or len(pair) != 2 or not all(0.0 <= float(x) <= 1.0 for x in pair):
        raise DataError(f"flaw {flaw!r} of profile {name!r} needs two shares between 0 and 1")
    return float(pair[0]), float(pair[1])
