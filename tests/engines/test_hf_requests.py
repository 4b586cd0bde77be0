"""Requests of the transformers server: what they mean, what is refused, and how answers are written. No torch needed."""

from __future__ import annotations

from typing import Any

import pytest

from mevals.engines.hf_requests import (
    Answer,
    BadRequest,
    Job,
    Step,
    Written,
    chat_choice,
    check_fields,
    completion_choice,
    envelope,
    job_of,
    prompts_of,
)
from mevals.models import GREEDY

STOPS = frozenset({3})


def job(body: dict[str, Any], prompt: tuple[int, ...] = (2, 5), chat: bool = False) -> Job:
    return job_of(body, prompt, stop_ids=STOPS, max_model_len=10, chat=chat)


def test_every_field_that_a_greedy_run_sends_is_taken() -> None:
    body = {"model": "m", "messages": [], "max_tokens": 4, "seed": 0, "stop": [], **GREEDY}
    check_fields({**body, "stop_token_ids": [3, 6], "skip_special_tokens": False, "chat_template_kwargs": {}})
    assert job(body).temperature == 0.0
    assert job(body).top_k == 0


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"guided_regex": "a"}, "'guided_regex' is not supported"),
        ({"frequency_penalty": 0.5}, "takes 'frequency_penalty' only as 0.0"),
        ({"structured_outputs": {"choice": ["A"]}}, "'structured_outputs' is not supported"),
    ],
)
def test_a_field_that_can_not_be_honoured_is_refused(body: dict[str, Any], says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        check_fields(body)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"max_tokens": 9}, "maximum context length is 10 tokens.*9 output tokens.*2 input tokens"),
        ({"max_tokens": -1}, "max_tokens should be a number from 0"),
        ({"max_tokens": 1.5}, "max_tokens should be a whole number"),
        ({"max_tokens": True}, "max_tokens should be a number"),
        ({"max_tokens": 1, "top_p": 2}, "top_p should be a number from 0 to 1"),
        ({"max_tokens": 1, "stop": [""]}, "stop should be a text"),
        ({"max_tokens": 1, "stop_token_ids": [True]}, "stop_token_ids should be a list of whole numbers"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(body: dict[str, Any], says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        job(body)


def test_a_prompt_without_tokens_is_refused() -> None:
    with pytest.raises(BadRequest, match="the prompt is empty"):
        job({"max_tokens": 1}, ())


def test_stop_ids_add_to_the_models_own_unless_these_are_ignored() -> None:
    assert job({"max_tokens": 1, "stop_token_ids": [6]}).stop_ids == {3, 6}
    assert job({"max_tokens": 1, "stop_token_ids": [6], "ignore_eos": True}).stop_ids == {6}


def test_a_chat_without_a_budget_has_all_the_room_there_is() -> None:
    assert job({}, chat=True).max_tokens == 8
    assert job({"max_completion_tokens": 3}, chat=True).max_tokens == 3


def test_log_probabilities_are_asked_for_as_each_route_does() -> None:
    assert job({"logprobs": 5}).logprobs == 5
    assert job({"logprobs": 5}).prompt_logprobs is None
    assert job({"logprobs": 0, "echo": True}).prompt_logprobs == 0
    assert job({"prompt_logprobs": 2}).prompt_logprobs == 2
    assert job({"logprobs": True, "top_logprobs": 4}, chat=True).logprobs == 4
    assert job({"top_logprobs": 4}, chat=True).logprobs is None


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("ab", [("ab", [2, 97, 98])]),
        (["a", "b"], [("a", [2, 97]), ("b", [2, 98])]),
        ([5, 6], [(None, [5, 6])]),
        ([[5], [6, 7]], [(None, [5]), (None, [6, 7])]),
    ],
)
def test_a_prompt_is_text_or_tokens_or_a_list_of_either(prompt: Any, expected: Any) -> None:
    def encode(text: str, special: bool) -> list[int]:
        return [2] * special + [ord(c) for c in text]

    assert prompts_of({"prompt": prompt}, encode) == expected


@pytest.mark.parametrize("prompt", [None, [], 5, [["a"]], [5, "a"], [[]]])
def test_anything_else_is_no_prompt(prompt: Any) -> None:
    with pytest.raises(BadRequest, match="prompt should be"):
        prompts_of({"prompt": prompt}, lambda text, special: [1])


ANSWER = Answer(
    tokens=(7, 3),
    text="x",
    finish="stop",
    stop_reason=3,
    steps=(Step(7, -0.5, 1, ((7, -0.5), (8, -1.0))), Step(3, -0.25, 1, ((3, -0.25), (7, -2.0)))),
    prompt_steps=(None, Step(5, -4.0, 9, ((6, -0.1),))),
)
WRITTEN = Written(lambda token: {7: "x", 8: "x", 3: "<eos>", 2: "<bos>", 5: "p", 6: "q"}[token])


def test_an_echo_repeats_the_prompt_and_its_log_probabilities() -> None:
    asked = Job(prompt=(2, 5), max_tokens=2, logprobs=2, prompt_logprobs=2)
    choice = completion_choice(asked, ANSWER, 0, "p", False, WRITTEN)
    assert choice["text"] == "px"
    assert choice["logprobs"]["tokens"] == ["<bos>", "p", "x", "<eos>"]
    assert choice["logprobs"]["token_logprobs"] == [None, -4.0, -0.5, -0.25]
    assert choice["logprobs"]["text_offset"] == [0, 5, 6, 7]
    assert (choice["finish_reason"], choice["stop_reason"], choice["prompt_logprobs"]) == ("stop", 3, None)


def test_of_two_tokens_that_are_written_alike_the_likelier_counts() -> None:
    choice = completion_choice(Job(prompt=(2,), max_tokens=2, logprobs=2), ANSWER, 0, None, False, WRITTEN)
    assert choice["logprobs"]["top_logprobs"][0] == {"x": -0.5}


def test_token_ids_keep_tokens_that_are_written_alike_apart() -> None:
    written = Written(WRITTEN.decode, as_ids=True)
    choice = completion_choice(Job(prompt=(2,), max_tokens=2, logprobs=2), ANSWER, 0, None, False, written)
    assert choice["logprobs"]["top_logprobs"][0] == {"token_id:7": -0.5, "token_id:8": -1.0}


def test_prompt_log_probabilities_carry_ranks() -> None:
    choice = completion_choice(Job(prompt=(2, 5), max_tokens=1, prompt_logprobs=1), ANSWER, 0, None, True, WRITTEN)
    assert choice["logprobs"] is None
    assert choice["prompt_logprobs"] == [
        None,
        {
            "5": {"logprob": -4.0, "rank": 9, "decoded_token": "p"},
            "6": {"logprob": -0.1, "rank": 1, "decoded_token": "q"},
        },
    ]


def test_a_chat_answer_has_its_log_probabilities_beside_it() -> None:
    choice = chat_choice(Job(prompt=(2,), max_tokens=2, logprobs=2), ANSWER, 1, WRITTEN)
    assert choice["index"] == 1
    assert choice["message"] == {"role": "assistant", "content": "x"}
    assert [c["token"] for c in choice["logprobs"]["content"]] == ["x", "<eos>"]
    assert choice["logprobs"]["content"][0]["top_logprobs"][1] == {"token": "x", "logprob": -1.0, "bytes": [120]}


def test_an_answer_counts_its_tokens() -> None:
    answer = envelope("chat.completion", "m", [], 5, 7)
    assert answer["usage"] == {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
    assert (answer["object"], answer["model"]) == ("chat.completion", "m")
