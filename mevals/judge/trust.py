"""How far a judge can be trusted in each language: measures with intervals, a badge, and the file that reports read.

`results/judges.json` holds it all; `mevals judge trust` renews and prints it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from mevals.judge.badge import BARS, Evidence, badge
from mevals.judge.check import HitRate, stored_hit_rates
from mevals.judge.effects import (
    Effect,
    length_effect,
    noise_share,
    position_effect,
    self_preference,
    share_effect,
)
from mevals.judge.evidence import Judging, Row, gather, only, without_prompt_means
from mevals.judge.families import shared_family
from mevals.judge.human import Rating, stored_ratings
from mevals.judge.setup import signature
from mevals.judge.shown import FILE
from mevals.stats import krippendorff_alpha, spearman, weighted_kappa
from mevals.store import Store, write_atomically

SCHEMA = 1


@dataclass(frozen=True)
class Trust:
    """One judge in one language: badge, reason, and every measure by name; `answers` counts what it judged."""

    signature: str
    judge: str
    model: str
    lang: str
    badge: str
    why: str
    answers: int
    unscored: float
    measures: Mapping[str, Effect] = field(default_factory=dict)
    families: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """As judges.json holds it."""
        shown = {name: _shown(effect) for name, effect in self.measures.items()}
        names = ("signature", "judge", "model", "lang", "badge", "why", "answers", "unscored", "families")
        return {**{n: getattr(self, n) for n in names}, "measures": shown}


def _shown(effect: Effect) -> dict[str, Any]:
    i = effect.interval
    return {"value": effect.value, "low": i and i.low, "high": i and i.high, "n": effect.n}


def measure_trust(results: Path) -> list[Trust]:
    """Trust in every judge of a results folder, by language, in the order of their names."""
    store = Store(results)
    judgings, ratings = gather(store), stored_ratings(store)
    checks = {(signature(record), rate.lang): rate for record, rate in stored_hit_rates(results)}
    found = [_trust(j, lang, judgings, ratings, checks) for j in judgings for lang in j.langs]
    return sorted(found, key=lambda t: (t.judge, t.model, t.signature, t.lang))


def write_trust(results: Path) -> list[Trust]:
    """Measure, and write `judges.json`; returns what was measured."""
    found = measure_trust(results)
    content = {"schema": SCHEMA, "rule": {k: v.about for k, v in BARS.items()}, "judges": [t.record() for t in found]}
    write_atomically(results / FILE, orjson.dumps(content, option=orjson.OPT_INDENT_2))
    return found


def _trust(
    judging: Judging,
    lang: str,
    every: Sequence[Judging],
    ratings: Sequence[Rating],
    checks: Mapping[tuple[str, str], HitRate],
) -> Trust:
    rows = only(judging.rows, lang)
    measures = dict(_measures(judging, rows))
    check = checks.get((_calibrated(judging), lang))
    if check is not None:
        measures["calibration"] = Effect(check.value, check.interval, check.n)
    measures |= dict(_against_people(judging, rows, ratings))
    measures |= dict(_against_judges(judging, rows, every))
    found = [Evidence(k, e.value, e.n) for k, e in measures.items() if k in BARS]
    colour, why = badge(found)
    asked = sum(r.asked for r in rows)
    unscored = sum(r.asked and r.value is None for r in rows) / asked if asked else 0.0
    related = tuple(sorted({r.model for r in rows if shared_family(judging.record["model"], r.model)}))
    record = judging.record
    return Trust(
        judging.signature, record["judge"], record["model"], lang, colour, why, asked, unscored, measures, related
    )


def _calibrated(judging: Judging) -> str:
    """The signature under which the judge was checked: without the baseline, which calibration has none of."""
    return signature({**judging.record, "baseline": ""})


def _measures(judging: Judging, rows: Sequence[Row]) -> Iterator[tuple[str, Effect]]:
    """What the judge's own verdicts show."""
    scored = [r for r in rows if r.value is not None]
    pairs = [r for r in scored if r.first is not None and r.second is not None]
    if pairs:
        prompts = [r.prompt for r in pairs]
        first, second = [r.first or 0.0 for r in pairs], [r.second or 0.0 for r in pairs]
        flips = [float({a, b} == {0.0, 1.0}) for a, b in zip(first, second, strict=True)]
        yield from _some("order_flip", share_effect(flips, prompts))
        yield from _some("position", position_effect(first, second, prompts))
        yield from _some(
            "length", length_effect([r.value or 0.0 for r in pairs], [r.doublings for r in pairs], prompts)
        )
    elif scored:
        yield from _some("length", length_effect(*without_prompt_means(scored)))
    yield from _retest(judging, scored)
    if judging.judge.file.kind == "scores":
        yield from _use_of_scale(judging, scored)


def _some(name: str, effect: Effect | None) -> Iterator[tuple[str, Effect]]:
    if effect is not None:
        yield name, effect


def _retest(judging: Judging, rows: Sequence[Row]) -> Iterator[tuple[str, Effect]]:
    """The share of verdicts that stay: the same label, the same winner of a pair's game, or scores at most one step apart."""
    twice = [(r, judging.again[r.answer]) for r in rows if judging.again.get(r.answer)]
    same = [float(_alike(judging, a, b)) for r, other in twice for a, b in zip(r.verdicts, other, strict=True)]
    prompts = [r.prompt for r, other in twice for _ in other]
    yield from _some("retest", share_effect(same, prompts))
    kinds = {"pair": 5, "label": len(judging.judge.rule.labels)}.get(judging.judge.file.kind)
    if kinds:
        firsts = [v for r, _ in twice for v in r.verdicts]
        seconds = [v for _, other in twice for v in other]
        yield from _some("noise", noise_share(firsts, seconds, kinds))


def _alike(judging: Judging, a: Any, b: Any) -> bool:
    if judging.judge.file.kind == "pair":
        return _winner(a) == _winner(b)
    if judging.judge.file.kind == "label":
        return bool(a == b)
    low, high = judging.judge.rule.scale
    step = (high - low) / 6
    return bool(abs(sum(a) / len(a) - sum(b) / len(b)) <= step + 1e-9)


def _winner(label: str) -> str:
    return label[0] if ">" in label else "="


def _use_of_scale(judging: Judging, rows: Sequence[Row]) -> Iterator[tuple[str, Effect]]:
    """Shares of single scores at the lowest and the highest point."""
    low, high = judging.judge.rule.scale
    single = [(r.prompt, s) for r in rows for v in r.verdicts if isinstance(v, tuple) for s in v]
    prompts = [p for p, _ in single]
    yield from _some("floor", share_effect([float(s == low) for _, s in single], prompts))
    yield from _some("ceiling", share_effect([float(s == high) for _, s in single], prompts))


def _against_people(judging: Judging, rows: Sequence[Row], ratings: Sequence[Rating]) -> Iterator[tuple[str, Effect]]:
    """Agreement with imported ratings: on winners, on labels, or in rank."""
    values = {r.answer: r for r in rows if r.value is not None}
    if judging.judge.file.kind == "pair":
        yield from _people_pairs(values, ratings, judging.record["baseline"])
        return
    own: dict[tuple[str, str, str, str], list[Any]] = defaultdict(list)
    labels = judging.judge.file.kind == "label"
    for rating in ratings:
        key = (rating.task, rating.subset, rating.item, rating.model)
        if key in values and not rating.other and (rating.label if labels else rating.value is not None):
            own[key].append(rating.label if labels else rating.value)
    if not own:
        return
    if labels:
        order = {name: i for i, name in enumerate(judging.judge.rule.labels)}
        said = [
            (order.get(str(values[k].verdicts[0]), -1), order.get(_most(v), -2))
            for k, v in own.items()
            if values[k].verdicts
        ]
        kappa = weighted_kappa([a for a, _ in said], [b for _, b in said], "none")
        yield from _some("people_labels", None if kappa is None else Effect(kappa, None, len(said)))
        return
    rho = spearman([values[k].value or 0.0 for k in own], [sum(v) / len(v) for v in own.values()])
    yield from _some("people_ranks", None if rho is None else Effect(rho, None, len(own)))


def _most(labels: Sequence[str]) -> str:
    return max(sorted(set(labels)), key=labels.count)


def _people_pairs(
    values: Mapping[tuple[str, str, str, str], Row], ratings: Sequence[Rating], baseline: str
) -> Iterator[tuple[str, Effect]]:
    """Where people name a winner between an answer and the baseline's: the share of it that the judge gives."""
    from mevals.ratings.games import share_of_first

    votes: dict[tuple[str, str, str, str], list[float]] = defaultdict(list)
    for r in ratings:
        for model, other, flip in ((r.model, r.other, False), (r.other, r.model, True)):
            key = (r.task, r.subset, r.item, model)
            if r.other and other == baseline and key in values:
                share = share_of_first(r.label)
                votes[key].append(1 - share if flip else share)
    agreed, prompts = [], []
    for key, said in votes.items():
        people, judged = sum(said) / len(said), values[key].value or 0.0
        if people != 0.5:
            agreed.append(0.5 if judged == 0.5 else float((judged > 0.5) == (people > 0.5)))
            prompts.append(values[key].prompt)
    if agreed:
        yield "people_pairs", share_or_mean(agreed, prompts)


def share_or_mean(values: Sequence[float], prompts: Sequence[str]) -> Effect:
    """A mean of values in [0, 1] with its interval by prompt."""
    from mevals.judge.effects import accuracy

    effect = accuracy(values, prompts)
    assert effect is not None
    return effect


def _against_judges(judging: Judging, rows: Sequence[Row], every: Sequence[Judging]) -> Iterator[tuple[str, Effect]]:
    """Agreement with other judge models on the same answers by the same metric, and preference for its own family."""
    rivals = [
        {r.answer: r.value for r in j.rows if r.value is not None}
        for j in every
        if j.judge.file.metric == judging.judge.file.metric
        and j.record["model"] != judging.record["model"]
        and j.record["baseline"] == judging.record["baseline"]
    ]
    mine = {r.answer: r for r in rows if r.value is not None}
    shared = [a for a in mine if any(a in rival for rival in rivals)]
    if not shared:
        return
    nan = float("nan")
    own = [mine[a].value or 0.0 for a in shared]
    alpha = krippendorff_alpha([own, *([rival.get(a, nan) for a in shared] for rival in rivals)], "interval")
    yield from _some("judges", None if alpha is None else Effect(alpha, None, len(shared)))
    others = [_mean([rival[a] for rival in rivals if a in rival]) for a in shared]
    family = [bool(shared_family(judging.record["model"], a[3])) for a in shared]
    prompts = [mine[a].prompt for a in shared]
    yield from _some("self_preference", self_preference(own, others, family, prompts))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
