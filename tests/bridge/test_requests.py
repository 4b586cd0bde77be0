"""lm-eval's requests as our samples and settings; needs no lm-eval."""

from __future__ import annotations

from typing import Any

import pytest

from mevals.bridge.requests import cut, generation, split_options
from mevals.bridge.scoring import checked_value
from mevals.engines.choices import continuation
from mevals.errors import DataError, UsageError


@pytest.mark.parametrize(
    ("context", "continuations"),
    [
        ("Q?\nAnswer:", [" A", " B"]),
        ("Q?\nAnswer: ", ["A", "B"]),
        ("Q?\nAnswer:\n", ["A", "B"]),
        ("问题\n答案:", ["蓝色", "绿色"]),
        ("", [" whole sentence, right? Yes", " whole sentence, right? No"]),
    ],
)
def test_the_engine_scores_the_very_text_that_lm_eval_would(context: str, continuations: list[str]) -> None:
    prompt, choices, tags = split_options(context, continuations)
    verbatim = tags.get("delimiter") == "none"
    sent = [prompt + (c if verbatim else continuation(prompt, c)) for c in choices]
    assert sent == [context + c for c in continuations]
    assert prompt == context.rstrip()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"until": ["\n"], "do_sample": False, "temperature": 0.7}, (("\n",), 256, 0.0)),
        ({"until": "Q:", "max_gen_toks": 32}, (("Q:",), 32, 0.0)),
        ({"until": ["Q:"], "do_sample": True}, (("Q:",), 256, 1.0)),
        ({"max_new_tokens": 5, "temperature": 0.5}, ((), 5, 0.5)),
    ],
)
def test_generation_arguments_have_one_meaning(given: dict[str, Any], expected: tuple[Any, ...]) -> None:
    found = generation(given)
    assert (found["until"], found["max_tokens"], found["temperature"]) == expected


def test_a_generation_argument_without_a_counterpart_is_refused() -> None:
    with pytest.raises(UsageError, match="num_beams"):
        generation({"num_beams": 4})


def test_an_answer_ends_before_the_first_stop_string() -> None:
    assert cut("seven\n\nQ: more</s>", ["</s>", "\n\n", ""]) == "seven"


def test_a_value_outside_the_scale_is_refused_and_nan_is_unscored() -> None:
    assert checked_value(True, "acc") == 1.0
    assert checked_value(float("nan"), "acc") is None
    with pytest.raises(DataError, match=r"23\.4"):
        checked_value(23.4, "bleu")
