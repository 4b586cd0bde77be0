"""Conditions: read strictly, heeded by the tasks that know them, and never silently ignored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mevals.condition import Condition
from mevals.engines.client import Client
from mevals.engines.engine import Settings
from mevals.errors import UsageError
from mevals.run import thinking_fields, with_model


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("shots-5", "shots-5"),
        ("shots=5", "shots-5"),
        ("shots-5+prompt-native", "prompt-native+shots-5"),
        ("prompt-cot-english", "prompt-cot-english"),
        ("variant-q4_k_m", "variant-q4_k_m"),
    ],
)
def test_a_condition_is_read_and_shown_in_one_way(text: str, shown: str) -> None:
    assert str(Condition.parse(text)) == shown


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("shot-5", "did you mean 'shots'"),
        ("shots-five", "must be a whole number"),
        ("shots-", "unknown condition"),
        ("exemplars-english", "needs shots-N"),
        ("shots-5+exemplars-german", "Known: target, english"),
        ("think-maybe", "Known: on, off"),
        ("native", "unknown condition"),
    ],
)
def test_a_condition_that_means_nothing_is_refused(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Condition.parse(text)


def test_a_condition_is_left_out_for_tasks_that_do_not_know_it(mevals: Callable[..., Any]) -> None:
    ran = mevals(
        *("run", "-m", "demo", "-t", "global_mgsm,flores_en_xx", "-l", "deu_Latn", "--data", "mini"),
        *("--condition", "prompt-english", "--format", "json"),
    )
    assert ran.code == 0, ran.err
    assert '"global_mgsm"' in ran.out
    assert "flores" not in ran.out


def test_a_prompt_in_the_questions_language_is_only_asked_where_there_is_one(mevals: Callable[..., Any]) -> None:
    ran = mevals("plan", "-t", "global_mmlu", "--condition", "prompt-native", "--format", "json")
    assert '"cells": 17' in ran.out  # of 42 languages
    none = mevals("run", "-m", "demo", "-t", "global_mmlu", "-l", "ibo_Latn", "--condition", "prompt-native")
    assert none.code == 2


def test_thinking_is_switched_by_the_models_own_template_option() -> None:
    assert thinking_fields("qwen3-4b", "") == {}
    assert thinking_fields("qwen3-4b", "think-on") == {"chat_template_kwargs": {"enable_thinking": True}}
    assert thinking_fields("qwen3-4b", "think-off") == {"chat_template_kwargs": {"enable_thinking": False}}
    for model in ("tinyaya-global", "demo", "somebody/elses-model"):
        with pytest.raises(UsageError, match="no switch for thinking"):
            thinking_fields(model, "think-on")


def test_what_the_condition_sets_wins_over_the_models_default() -> None:
    fields = {"chat_template_kwargs": {"enable_thinking": False}, "repetition_penalty": 1.0}
    engine = Client(["http://127.0.0.1:1/v1"], "qwen", fields=fields)
    changed = with_model(Settings(), engine, thinking_fields("qwen3-4b", "think-on"))
    assert changed.extra == {"chat_template_kwargs": {"enable_thinking": True}, "repetition_penalty": 1.0}
