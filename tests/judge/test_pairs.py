"""Win shares and ratings from stored verdicts, costs of judging, families, and the list of judges."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mevals.judge.cost import judge_costs
from mevals.judge.families import maker_of, shared_family
from mevals.judge.pairs import PairOptions, rate_pairs
from tests.judge.test_stage import ToldServer, serve

Import = Callable[..., Path]


def strength(ask: Any) -> str:
    """Judges by who answered: three beats two beats one beats base, but for two prompts of ten."""
    prompt = ask.prompt
    first = prompt.split("<<<ANSWER_A")[1].split("<<<END")[0]
    names = ("base", "one", "two", "three")
    second = prompt.split("<<<ANSWER_B")[1]
    a, b = (max(i for i, n in enumerate(names) if n in text) for text in (first, second))
    number = int(first.split("Nummer ")[1].split()[0])
    if number % 10 < 2:  # now and then the weaker one wins
        a, b = b, a
    return "[[A>>B]]" if a > b + 1 else "[[A>B]]" if a > b else "[[B>>A]]" if b > a + 1 else "[[B>A]]"


def judged(import_answers: Import) -> Path:
    results = import_answers({m: [f"Nummer {i} von {m}" for i in range(50)] for m in ("base", "one", "two", "three")})
    with serve(strength) as server:
        ToldServer(server).judge(results, "arena_pairwise", baseline="base")
    return results


def test_boards_rate_every_model_that_met_the_baseline(import_answers: Import, mevals: Any) -> None:
    results = judged(import_answers)
    (board,) = rate_pairs(PairOptions(results, draws=100))
    assert {s.name: s.value for s in board.shares} == {"one": 0.8, "two": 0.8, "three": 0.8}
    assert board.ratings[-1].name == "base" and board.ratings[-1].elo == 1000.0
    strong = rate_pairs(PairOptions(results, draws=100, strong=3.0))[0]
    assert {s.name: round(s.value, 3) for s in strong.shares} == {"one": 0.8, "two": 0.8, "three": 0.8}
    ran = mevals("judge", "pairs", "--results", results, "--draws", "50", "--format", "json")
    rows = json.loads(ran.out)
    assert ran.code == 0 and [r["model"] for r in rows][-1] == "base" and rows[0]["win share %"] == "80.0"
    assert rows[0]["ratio"] != "–" and rows[-1]["elo 95 %"] == "fixed"


def test_style_control_runs_on_stored_answers(import_answers: Import) -> None:
    results = judged(import_answers)
    (board,) = rate_pairs(PairOptions(results, draws=20, style=True))
    assert set(board.style) <= {"length", "headers", "lists", "bold"} and "length" in board.style


def test_no_pairs_is_one_sentence(import_answers: Import, mevals: Any) -> None:
    ran = mevals("judge", "pairs", "--results", import_answers({"m": ["Ja."]}))
    assert ran.code == 2 and "no verdicts on pairs" in ran.err


@pytest.mark.parametrize(
    ("model", "maker"),
    [
        ("tinyaya-global", "cohere"),
        ("CohereLabs/aya-expanse-8b", "cohere"),
        ("CohereForAI__aya-expanse-32b", "cohere"),
        ("command-r-plus", "cohere"),
        ("gpt-4.1", "openai"),
        ("gpt-4o-mini", "openai"),
        ("o3-mini", "openai"),
        ("google/gemma-3-4b-it", "google"),
        ("translategemma-4b", "google"),
        ("qwen3.5-4b", "alibaba"),
        ("meta-llama/Llama-3-8B", "meta"),
        ("smollm3-3b", "huggingface"),
        ("my-own-model", None),
        ("gptlike", None),
        ("demo-strong", "simulated"),
    ],
)
def test_makers_are_told_by_name(model: str, maker: str | None) -> None:
    assert maker_of(model) == maker


def test_a_shared_family_is_a_shared_maker_or_the_same_model() -> None:
    assert shared_family("command-a", "aya-expanse-8b") == "cohere"
    assert shared_family("gpt-4.1", "aya-expanse-8b") is None
    assert shared_family("mine", "mine") == "mine"
    assert shared_family("mine", "yours") is None


def planned(task: str, langs: list[str]) -> list[Any]:
    from mevals.condition import Condition
    from mevals.data import Lock, open_data
    from mevals.plan import Pick, plan_cells
    from mevals.registry import find_tasks

    data = open_data("mini", None, Lock.open(Path("none.json")), offline=True)
    return plan_cells([Pick(t) for t in find_tasks([task])], [Condition()], langs, data)


def test_costs_count_calls_tokens_and_price_before_anything_is_asked() -> None:
    cells = planned("mdolly", ["deu_Latn", "swh_Latn"])
    (cost,) = judge_costs(cells, models=2, count=lambda cell: 100)
    assert (cost.judge, cost.model, cost.task, cost.cells, cost.calls) == (
        "tinyaya_rubric",
        "gpt-4.1",
        "mdolly",
        2,
        400,
    )
    assert cost.price == pytest.approx((cost.prompt_tokens * 2 + cost.output_tokens * 8) / 1e6, rel=0.01)
    assert judge_costs(cells, judge_model="someone/unknown")[0].price is None
    assert judge_costs(cells, judge_model="demo-judge")[0].price == 0.0
    (pairs,) = judge_costs(cells, models=2, count=lambda cell: 100, judges=["arena_pairwise"])
    assert pairs.calls == 800


def test_the_plan_shows_what_judging_would_cost(mevals: Any) -> None:
    ran = mevals("plan", "--model", "demo", "--tasks", "mdolly,flores_en_xx", "--data", "mini", "--langs", "de")
    assert ran.code == 0, ran.err
    line = next(row for row in ran.out.splitlines() if "tinyaya_rubric" in row)
    assert [c.strip() for c in line.split("│")][:4] == ["mdolly", "tinyaya_rubric", "gpt-4.1", "6"]


def test_a_task_without_a_judge_costs_nothing() -> None:
    assert judge_costs(planned("flores_en_xx", ["deu_Latn"])) == []


def test_judges_are_listed(mevals: Any) -> None:
    ran = mevals("judge", "ls", "--format", "csv")
    assert ran.code == 0 and "arena_pairwise,pair,win_share,gpt-4.1" in ran.out
