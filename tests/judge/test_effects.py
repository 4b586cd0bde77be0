"""What the simulated judge has planted is found again, within its interval as often as the interval promises."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import pytest

from mevals.engines.sim.judge import Asked, Bias, prefer, rate
from mevals.judge.effects import (
    Effect,
    accuracy,
    length_effect,
    noise_share,
    position_effect,
    self_preference,
    share_effect,
)
from mevals.ratings import share_of_first

PROMPTS = 250
SEEDS = 100
FAIR, CHANCE = "deu_Latn", "swh_Latn"
PLANTED = Bias(position=0.1, length=0.05, noise=0.05, ties=0.1, sharpness=0.3, chance=(CHANCE,))


@dataclass(frozen=True)
class Played:
    """Verdicts of one seed in one language: an answer's share when shown first and second, and the retest's labels."""

    first: np.ndarray
    second: np.ndarray
    doublings: np.ndarray
    better: np.ndarray
    labels: list[str]
    again: list[str]


def play(seed: int, lang: str) -> Played:
    """Two games per prompt between answers of random quality and length, the second one asked once more."""
    rng = random.Random(f"{seed}{lang}")
    bias = Bias(**{**PLANTED.__dict__, "seed": seed})
    first, second, doublings, better, labels, again = [], [], [], [], [], []
    for prompt in range(PROMPTS):
        one, other = (f"{seed} {prompt} {side} ".ljust(int(2 ** rng.uniform(7, 10)), "x") for side in "ab")
        quality = rng.random(), rng.random()
        shown_first = {"answer_a": quality[0], "answer_b": quality[1]}
        shown_second = {"answer_a": quality[1], "answer_b": quality[0]}
        game = Asked(f"{prompt}-1", lang, "0")
        label = prefer(bias, game, one, other, shown_first)
        swapped = prefer(bias, Asked(f"{prompt}-2", lang, "0"), other, one, shown_second)
        labels.append(label)
        again.append(prefer(bias, Asked(game.name, lang, "1"), one, other, shown_first))
        first.append(share_of_first(label))
        second.append(1 - share_of_first(swapped))
        doublings.append(np.log2((len(one) + 1) / (len(other) + 1)))
        mean = (first[-1] + second[-1]) / 2
        better.append(mean if quality[0] > quality[1] else 1 - mean)
    return Played(*map(np.array, (first, second, doublings, better)), labels, again)


def covers(effect: Effect | None, value: float) -> bool:
    assert effect is not None and effect.interval is not None
    return effect.interval.contains(value)


def test_planted_biases_are_recovered_within_their_intervals_in_at_least_90_of_100_seeds() -> None:
    prompts = np.arange(PROMPTS)
    found = {"position": 0, "length": 0, "noise": 0, "chance": 0, "fair language is above chance": 0}
    for seed in range(SEEDS):
        fair, chance = play(seed, FAIR), play(seed, CHANCE)
        found["position"] += covers(position_effect(fair.first, fair.second, prompts), 0.1)
        found["length"] += covers(length_effect((fair.first + fair.second) / 2, fair.doublings, prompts), 0.05)
        found["noise"] += covers(noise_share(fair.labels, fair.again, kinds=5), 0.05)
        found["chance"] += covers(accuracy(chance.better, prompts), 0.5)
        seen = accuracy(fair.better, prompts)
        assert seen is not None and seen.interval is not None
        found["fair language is above chance"] += seen.interval.low > 0.5
    assert all(n >= 90 for n in found.values()), found


def test_a_fair_judge_shows_no_effects() -> None:
    rng = np.random.default_rng(1)
    share = rng.choice([0.0, 0.5, 1.0], 400)
    prompts = np.arange(400)
    position = position_effect(share, share, prompts)
    assert position is not None and position.value == 0.0 and position.interval is None
    assert covers(length_effect(share, rng.normal(size=400), prompts), 0.0)


def test_a_judge_that_always_takes_the_first_has_the_largest_position_effect() -> None:
    effect = position_effect([1.0] * 20, [0.0] * 20, range(20))
    assert effect is not None and effect.value == 0.5


def test_length_effect_equals_an_independent_cluster_robust_regression() -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(3)
    prompts = np.repeat(np.arange(40), 5)
    x = rng.normal(size=200) + rng.normal(size=40)[prompts]
    y = 0.1 * x + rng.normal(size=40)[prompts] + rng.normal(size=200)
    fit = sm.OLS(y, sm.add_constant(x)).fit(cov_type="cluster", cov_kwds={"groups": prompts}, use_t=True)
    effect = length_effect(y, x, prompts)
    assert effect is not None and effect.interval is not None
    assert effect.value == pytest.approx(fit.params[1], abs=1e-10)
    assert (effect.interval.low, effect.interval.high) == pytest.approx(tuple(fit.conf_int()[1]), abs=1e-10)


@pytest.mark.parametrize("noise", [0.0, 0.05, 0.3, 1.0])
def test_noise_is_found_from_a_retest(noise: float) -> None:
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 5, 4000)

    def asked() -> list[int]:
        return list(np.where(rng.random(4000) < noise, rng.integers(0, 5, 4000), truth))

    effect = noise_share(asked(), asked(), kinds=5)
    assert effect is not None
    assert effect.value == pytest.approx(noise, abs=0.15 if noise == 1.0 else 0.03)


def test_flip_rates_have_an_interval_by_prompt() -> None:
    flags = [1.0, 0.0] * 30
    own, shared = share_effect(flags, range(60)), share_effect(flags, np.repeat(range(30), 2))
    assert own is not None and own.interval is not None and own.value == 0.5
    assert shared is not None


def test_nothing_measured_is_none_not_zero() -> None:
    assert position_effect([], [], []) is None
    assert length_effect([], [], []) is None
    assert share_effect([], []) is None
    assert noise_share([], [], 5) is None
    assert self_preference([0.1], [0.2], [True], ["p"]) is None


def test_self_preference_is_what_other_judges_do_not_share() -> None:
    rng = np.random.default_rng(7)
    n = 600
    own = np.arange(n) % 2 == 0
    truth = rng.uniform(0.2, 0.8, n) + 0.1 * own  # its family really is better …
    others = truth + rng.normal(0, 0.1, n)
    mine = truth + 0.07 * own + rng.normal(0, 0.1, n)  # … and it adds 0.07 to that
    effect = self_preference(mine, others, own, np.arange(n))
    assert covers(effect, 0.07)


def test_a_rubric_judge_with_a_length_bias_shows_it() -> None:
    bias = Bias(length=0.05, noise=0.0)
    rng = random.Random(2)
    values, doublings = [], []
    for i in range(400):
        answer = f"{i} ".ljust(int(2 ** rng.uniform(7, 10)), "x")
        scores = rate(bias, Asked(str(i), FAIR), [("accuracy", 0, 100)], answer, {"answer": rng.uniform(0.3, 0.7)})
        values.append(scores["accuracy"] / 100)
        doublings.append(np.log2(len(answer)))
    assert covers(length_effect(values, doublings, range(400)), 0.05)
