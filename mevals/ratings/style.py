"""Style control: ratings that hold the length and the markdown of answers fixed, as Chatbot Arena and Arena-Hard do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mevals.errors import DataError
from mevals.ratings.bradley_terry import STEPS, TOLERANCE, fit_ratings
from mevals.ratings.games import Floats, Games
from mevals.stats import Interval, interval_from_draws
from mevals.stats.resampling import resample_weights

FEATURES = ("length", "headers", "lists", "bold")
"""What counts as style, in this order everywhere."""
_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_HEADER = re.compile(r"^#{1,6}\s", re.MULTILINE)
_ITEM = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s", re.MULTILINE)
_BOLD = re.compile(r"\*\*[^*\n]+\*\*|__[^_\n]+__")


@dataclass(frozen=True, slots=True)
class Style:
    """Length in characters (code points) and counts of markdown headers, list items and bold spans, code left out."""

    length: float
    headers: float
    lists: float
    bold: float


@dataclass(frozen=True, eq=False)
class StyleFit:
    """Ratings at equal style: log odds (models,), 0 for `anchor`, with draws (draws, models).

    `effects` maps each feature to its log odds per standard deviation of the difference, with its interval; a feature that
    never differs is left out.
    """

    names: tuple[str, ...]
    anchor: str
    values: Floats
    draws: Floats
    effects: Mapping[str, tuple[float, Interval]]


def measure_style(text: str) -> Style:
    """The style of one answer. Length counts characters, not tokens, because tokens differ by language and tokenizer."""
    plain = _CODE.sub("", text)
    return Style(len(text), len(_HEADER.findall(plain)), len(_ITEM.findall(plain)), len(_BOLD.findall(plain)))


def style_differences(first: Style, second: Style) -> tuple[float, ...]:
    """(a - b) / (a + b) of each feature, 0 where both are 0; markdown counts are taken per character.

    Source: Li, Angelopoulos & Chiang 2024, "Does style matter?" (lmsys.org/blog/2024-08-28-style-control); Arena-Hard
    divides markdown counts by length first (lmarena/arena-hard-auto, show_result.py).
    """
    a, b = _densities(first), _densities(second)
    return tuple((x - y) / (x + y) if x + y else 0.0 for x, y in zip(a, b, strict=True))


def _densities(style: Style) -> tuple[float, ...]:
    size = style.length + 1.0
    return style.length, style.headers / size, style.lists / size, style.bold / size


def fit_with_style(
    games: Games, differences: Floats, anchor: str, *, draws: int = 200, seed: int = 0, level: float = 0.95
) -> StyleFit:
    """Bradley–Terry ratings with the style differences (g, features) of first minus second as further regressors.

    Each feature is scaled to standard deviation 1 first. Logistic regression without penalty by Newton's method; intervals
    resample prompts. Raises DataError where there is no finite maximum.
    """
    scale = differences.std(axis=0)
    kept = np.flatnonzero(scale > 0)
    design = differences[:, kept] / scale[kept]
    start = fit_ratings(games, anchor, draws=0).values
    at, n = games.index(anchor), len(games.names)
    merged = _Merged.of(games, design)
    theta = merged.fit(np.concatenate([start, np.zeros(kept.size)]), merged.weight, at)
    rng = np.random.default_rng(seed)
    rounds: list[Floats] = []
    for block in resample_weights(len(games.prompts), draws, rng):
        for line in block:
            found = merged.try_fit(theta, merged.weight * line[merged.prompt], at)
            if found is not None:
                rounds.append(found)
    drawn = np.array(rounds) if rounds else np.empty((0, n + kept.size))
    effects = {}
    for j, feature in enumerate(kept):
        if len(drawn):
            ends = interval_from_draws(drawn[:, n + j], theta[n + j], "percentile", level, len(games.prompts))
            interval = Interval(*ends, level, "cluster bootstrap by prompt, percentile", len(games.share))
            effects[FEATURES[feature]] = (float(theta[n + j]), interval)
    return StyleFit(games.names, anchor, theta[:n], drawn[:, :n], effects)


@dataclass(frozen=True, eq=False)
class _Merged:
    """Verdicts that share models, prompt and style, added up, both orders brought to one: far fewer rows to fit."""

    models: int
    low: np.ndarray
    high: np.ndarray
    prompt: np.ndarray
    design: Floats
    share: Floats
    weight: Floats

    @classmethod
    def of(cls, games: Games, design: Floats) -> _Merged:
        swap = games.first > games.second
        low, high = np.minimum(games.first, games.second), np.maximum(games.first, games.second)
        share = np.where(swap, 1.0 - games.share, games.share)
        signed = np.where(swap[:, None], -design, design)
        keys = np.concatenate([low[:, None], high[:, None], games.prompt[:, None], np.round(signed, 12)], axis=1)
        _, index, group = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        group = group.ravel()
        weight: Floats = np.bincount(group, games.weight).astype(np.float64)
        won: Floats = np.bincount(group, games.weight * share).astype(np.float64)
        return cls(
            len(games.names),
            low[index],
            high[index],
            games.prompt[index],
            np.ascontiguousarray(signed[index]),
            won / weight,
            weight,
        )

    def fit(self, start: Floats, weight: Floats, anchor: int) -> Floats:
        """Coefficients (models + features,) at which the likelihood is largest; the anchor's is 0."""
        theta = start.copy()
        theta[: self.models] -= theta[anchor]
        free = np.arange(theta.size) != anchor
        for _ in range(STEPS):
            slope, curve = self._derivatives(theta, weight)
            try:
                step = np.linalg.solve(curve[np.ix_(free, free)], slope[free])
            except np.linalg.LinAlgError:
                break
            largest = float(np.abs(step).max())
            theta[free] += step * min(1.0, 2.0 / max(largest, 1e-300))
            if largest < TOLERANCE * 100:
                return theta
        raise DataError("ratings at equal style have no finite value: some model nearly always wins or loses")

    def try_fit(self, start: Floats, weight: Floats, anchor: int) -> Floats | None:
        """`fit`, or None where this bootstrap round has no finite maximum."""
        try:
            return self.fit(start, weight, anchor)
        except DataError:
            return None

    def _derivatives(self, theta: Floats, weight: Floats) -> tuple[Floats, Floats]:
        m = self.models
        eta = theta[self.low] - theta[self.high] + self.design @ theta[m:]
        chance = 1.0 / (1.0 + np.exp(-eta))
        rest = weight * (self.share - chance)
        curved = weight * chance * (1.0 - chance)
        slope = np.concatenate([_signed(self.low, self.high, rest, m), self.design.T @ rest])
        curve = np.zeros((theta.size, theta.size))
        pair = np.bincount(self.low * m + self.high, curved, minlength=m * m).reshape(m, m)
        pair = pair + pair.T
        curve[:m, :m] = np.diag(pair.sum(axis=1)) - pair
        cross = np.stack([_signed(self.low, self.high, curved * column, m) for column in self.design.T], axis=1)
        if self.design.shape[1]:
            curve[:m, m:], curve[m:, :m] = cross, cross.T
            curve[m:, m:] = self.design.T @ (curved[:, None] * self.design)
        return slope, curve


def _signed(low: np.ndarray, high: np.ndarray, values: Floats, models: int) -> Floats:
    gain: Floats = np.bincount(low, values, minlength=models).astype(np.float64)
    return gain - np.bincount(high, values, minlength=models)
