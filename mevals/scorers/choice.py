"""Multiple choice, right or wrong: by the log-probabilities of the options, or by the option that an answer names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from mevals.scorers.values import mean_of_scored, unscored, why_nothing
from mevals.types import Response, Score, Scorer, Subset

VERSION = 1
"""Raised whenever a change can alter a value."""
LETTERS = "ABCDEFGHIJ"


@dataclass(frozen=True)
class Likelihood:
    """1 where the right option has the highest summed log-probability, else 0; of equal ones the first counts.

    Where options differ in length, `parts` says what dividing by it changes: `per_char` divides by the option's
    characters, as lm-eval's acc_norm does, `per_token` by its tokens.
    """

    metric: ClassVar[str] = "accuracy"
    scale: ClassVar[tuple[float, float]] = (0.0, 1.0)
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    needs: ClassVar[str] = ""

    def signature(self, subset: Subset) -> str:
        return f"accuracy|by:log-likelihood|of:sum|ties:first|version:{VERSION}"

    def score(self, responses: Sequence[Response], subset: Subset) -> list[Score]:
        return [self._one(r) for r in responses]

    def aggregate(self, values: Any, stats: Any) -> float | None:
        return mean_of_scored(values)

    def _one(self, response: Response) -> Score:
        sums = response.choice_logprobs
        if sums is None or len(sums) != len(response.choices):
            return Score(response.id, None, response.error or "no log-probabilities of the options")
        right = right_option(response)
        if right is None:
            return Score(response.id, None, "the target is none of the options")
        best = _largest(sums)
        rules = _normalised(sums, response)
        parts = {name: float(_largest(values) == right) for name, values in rules.items()}
        return Score(response.id, float(best == right), f"{response.choices[best][:200]}", parts=parts)


def _normalised(sums: Sequence[float], response: Response) -> dict[str, list[float]]:
    """The sums divided by the options' lengths, where these differ."""
    chars = [max(1, len(choice)) for choice in response.choices]
    tokens = response.choice_tokens or ()
    rules = {}
    if len(set(chars)) > 1:
        rules["per_char"] = [s / n for s, n in zip(sums, chars, strict=True)]
    if len(set(tokens)) > 1:
        rules["per_token"] = [s / max(1, n) for s, n in zip(sums, tokens, strict=True)]
    return rules


def _largest(values: Sequence[float]) -> int:
    return max(range(len(values)), key=lambda i: (values[i], -i))


@dataclass(frozen=True)
class Choice:
    """1 where the option that the answer names is the right one, 0 where it is another; unscored where none can be told.

    `parts["extracted"]` is 1 or 0 per sample: its mean's complement is the extraction-failure rate. The labels that were
    offered come from the sample's tag `letters` (else A, B, C, …), the answer prefix from its tag `prefix`.
    """

    metric: ClassVar[str] = "accuracy"
    scale: ClassVar[tuple[float, float]] = (0.0, 1.0)
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    needs: ClassVar[str] = ""

    def signature(self, subset: Subset) -> str:
        return f"accuracy|by:letter|lang:{subset.lang}|prefix:localised|version:{VERSION}"

    def score(self, responses: Sequence[Response], subset: Subset) -> list[Score]:
        return [self._one(r, subset.lang) for r in responses]

    def aggregate(self, values: Any, stats: Any) -> float | None:
        return mean_of_scored(values)

    def _one(self, response: Response, lang: str) -> Score:
        from mevals.extract import extract_choice

        nothing = unscored(response)
        if nothing or response.text is None:
            return nothing or Score(response.id, None, "no text")
        right = right_option(response)
        if right is None:
            return Score(response.id, None, "the target is none of the options")
        letters = offered(response)
        found = extract_choice(response.text, letters, lang, response.choices or None, response.tags.get("prefix"))
        if response.finish == "length" and found.how not in ("prefix", "cue", "boxed"):
            return Score(response.id, None, "truncated; no final answer", parts={"extracted": 0.0})
        if found.value is None:
            return Score(response.id, None, why_nothing(response, found.why), parts={"extracted": 0.0})
        return Score(
            response.id, float(found.value == right), f"{letters[found.value]} ({found.how})", parts={"extracted": 1.0}
        )


def offered(response: Response) -> str:
    """The labels of the options as they were asked."""
    return response.tags.get("letters") or LETTERS[: len(response.choices) or 4]


def right_option(response: Response) -> int | None:
    """The position of the right option: where the target is one of the options or one of their labels; None if neither."""
    target = response.targets[0] if response.targets else ""
    if target in response.choices:
        return response.choices.index(target)
    letters = offered(response)
    return letters.index(target) if len(target) == 1 and target in letters else None


def likelihood() -> Scorer:
    """Accuracy by the options' log-probabilities."""
    return Likelihood()


def choice() -> Scorer:
    """Accuracy by the option that an answer names."""
    return Choice()
