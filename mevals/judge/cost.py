"""What judging costs before it is run: calls, tokens and price of every judge that the tasks of a plan name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from mevals.budget import premium
from mevals.card import published_samples
from mevals.judge.folder import Judge, find_judge
from mevals.judge.opening import is_simulated_judge
from mevals.judge.stage import judges_of
from mevals.plan import Planned

CHARS_PER_TOKEN = 4.0
"""Characters of English per token, for the judge's own prompt."""
REPLY_TOKENS = {"scores": 60, "label": 40, "pair": 350}
"""Estimated output tokens: per criterion with its rationale, per label with its rationale, per game with its reasons."""


@dataclass(frozen=True)
class JudgeCost:
    """One judge on one task, for `models` models. Tokens are estimates; `price` is in US dollars, None where none is known."""

    judge: str
    model: str
    task: str
    cells: int
    calls: int
    prompt_tokens: int
    output_tokens: int
    price: float | None

    def record(self) -> dict[str, Any]:
        """As one row of a table."""
        return asdict(self)

    def shown(self) -> dict[str, str]:
        """As a table prints it."""
        price = "unknown" if self.price is None else f"{self.price:,.2f}"
        numbers = {"calls": self.calls, "prompt tokens": self.prompt_tokens, "output tokens": self.output_tokens}
        named = {"task": self.task, "judge": self.judge, "model": self.model}
        return {**named, **{name: f"{n:,}" for name, n in numbers.items()}, "US dollars": price}


def judge_costs(
    cells: Sequence[Planned],
    models: int = 1,
    *,
    judge_model: str = "",
    judges: Sequence[str] = (),
    count: Callable[[Planned], int] | None = None,
) -> list[JudgeCost]:
    """Costs of judging these cells for `models` models, by judge and task, in the order of the plan.

    `judges` overrides those that the tasks name, `judge_model` the one of judge.yaml. `count` says how many samples a cell
    has, by default as many as the published data. Answers that are known from before cost nothing and are not taken off:
    this is the most that it can cost.
    """
    found: dict[tuple[str, str], JudgeCost] = {}
    for cell in cells:
        for name in judges or judges_of(cell.task.name):
            judge = find_judge(name)
            samples = count(cell) if count else published_samples(cell.task.card, cell.subset.name)
            one = _cell_cost(judge, judge_model or judge.file.model, cell, models * samples)
            key = (name, cell.task.name)
            found[key] = _added(found[key], one) if key in found else one
    return list(found.values())


def _cell_cost(judge: Judge, model: str, cell: Planned, answers: int) -> JudgeCost:
    games = 2 if judge.file.kind == "pair" else 1
    calls = answers * games
    texts = max(len("".join(roles.values())) for roles in judge.templates.values()) / CHARS_PER_TOKEN
    tokens, times = cell.task.card.tokens, premium(cell.subset.lang)
    prompt = texts + (tokens.prompt + games * tokens.output) * times
    reply = REPLY_TOKENS[judge.file.kind] * max(1, len(judge.rule.criteria))
    return JudgeCost(
        judge.name,
        model,
        cell.task.name,
        1,
        calls,
        round(calls * prompt),
        round(calls * reply),
        _price(model, calls * prompt, calls * reply),
    )


def _price(model: str, prompt: float, output: float) -> float | None:
    from mevals.models import load_models

    if is_simulated_judge(model):
        return 0.0
    known = load_models().get(model)
    return known.cost(round(prompt), round(output)) if known else None


def _added(a: JudgeCost, b: JudgeCost) -> JudgeCost:
    price = None if a.price is None or b.price is None else a.price + b.price
    return replace(
        a,
        cells=a.cells + b.cells,
        calls=a.calls + b.calls,
        prompt_tokens=a.prompt_tokens + b.prompt_tokens,
        output_tokens=a.output_tokens + b.output_tokens,
        price=price,
    )
