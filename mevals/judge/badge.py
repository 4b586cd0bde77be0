"""The trust badge of a judge in a language: high, fair, low or unknown, by a written rule over measured evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Badge = Literal["high", "fair", "low", "unknown"]


@dataclass(frozen=True, slots=True)
class Bar:
    """Where a kind of evidence is good and where it is bad; between lies fair. `least` is the n below which it is not used.

    `more` is True where higher is better. `outside` marks evidence from outside the judge: known answers or people.
    """

    about: str
    good: float
    bad: float
    least: int
    more: bool = True
    outside: bool = False


BARS: Mapping[str, Bar] = {
    "calibration": Bar("hit rate on items with a known right verdict", 0.9, 0.75, 12, outside=True),
    "people_pairs": Bar("agreement with people on which answer is better", 0.8, 0.65, 30, outside=True),
    "people_labels": Bar("Cohen's kappa with people's labels", 0.6, 0.4, 30, outside=True),
    "people_ranks": Bar("Spearman's correlation with people's scores", 0.5, 0.3, 30, outside=True),
    "order_flip": Bar("share of prompts on which the two orders name opposite winners", 0.15, 0.3, 30, more=False),
    "retest": Bar("share of verdicts that stay when the same question is asked again", 0.9, 0.75, 30),
    "judges": Bar("Krippendorff's alpha with other judges", 0.667, 0.333, 30),
}
"""docs/judges.md gives this rule in words. Alpha's bars are those of Krippendorff 2004 (Content Analysis), chapter 11; the
others are our choice."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One piece of evidence: its kind (a key of BARS), value and number of cases."""

    kind: str
    value: float
    n: int

    @property
    def grade(self) -> Literal["good", "fair", "bad", "too few"]:
        """How it stands against its bar."""
        bar = BARS[self.kind]
        if self.n < bar.least:
            return "too few"
        sign = 1 if bar.more else -1
        if sign * self.value >= sign * bar.good:
            return "good"
        return "bad" if sign * self.value < sign * bar.bad else "fair"


def badge(found: Sequence[Evidence]) -> tuple[Badge, str]:
    """The badge and its reason in a few words.

    low: some evidence is bad. high: something from outside the judge (known answers, people) is good, something about its
    steadiness (order, retest, other judges) is good, and nothing is less than good. unknown: no evidence with enough cases.
    fair: everything else.
    """
    used = [e for e in found if e.grade != "too few"]
    if not used:
        return "unknown", "not measured" if not found else "too few cases"
    bad = [e for e in used if e.grade == "bad"]
    if bad:
        return "low", ", ".join(_said(e) for e in bad)
    good = [e for e in used if e.grade == "good"]
    outside = any(BARS[e.kind].outside for e in good)
    steady = any(not BARS[e.kind].outside for e in good)
    if len(good) == len(used) and outside and steady:
        return "high", ", ".join(_said(e) for e in used)
    lacking = [] if outside else ["no known answers or people"]
    lacking += [] if steady else ["no retest, order or other judge"]
    fair = [_said(e) for e in used if e.grade == "fair"]
    return "fair", ", ".join(fair or lacking)


def _said(evidence: Evidence) -> str:
    return f"{evidence.kind.replace('_', ' ')} {evidence.value:.2f}"
