"""The same items through real vLLM and through transformers give the same texts, choices and log-probabilities."""

from __future__ import annotations

from typing import Any

import pytest

from mevals.engines.server_process import ManagedServer
from mevals.models import Model
from tests.real_engines.asking import GREEDY, post, post_all, refusal, texts

pytestmark = pytest.mark.engines

BOS, STOPS = 2, [3, 6]
OPTIONS = ("A", "B", "C", "D", " sieben Boote", " the lake is calm")
LETTERS = 4
"""The first four options are one token each."""


def chats(model: str, count: int, **more: Any) -> list[dict[str, Any]]:
    """Greedy chat requests that end at Tiny Aya's stop ids and show special tokens."""
    common = {"model": model, "max_tokens": 32, "skip_special_tokens": False, **GREEDY, **more}
    return [{**common, "messages": [{"role": "user", "content": text}]} for text in texts(count)]


def stop_ids(server: ManagedServer, model: str) -> list[int]:
    (end,) = post(
        server.base_url, "/tokenize", {"model": model, "prompt": "<|END_RESPONSE|>", "add_special_tokens": False}
    )["tokens"]
    return [*STOPS, end]


def test_both_name_themselves_and_their_arguments(vllm: ManagedServer, transformers: ManagedServer) -> None:
    assert vllm.version[0].isdigit()
    assert "transformers 5" in transformers.version or "transformers 4" in transformers.version
    assert "--generation-config" in vllm.arguments
    assert "1024" in transformers.arguments


def test_greedy_texts_agree(vllm: ManagedServer, transformers: ManagedServer, tiny: Model) -> None:
    bodies = chats(tiny.name, 200, stop_token_ids=stop_ids(vllm, tiny.name))
    theirs = [a["choices"][0] for a in post_all(vllm.base_url, "/v1/chat/completions", bodies)]
    ours = [a["choices"][0] for a in post_all(transformers.base_url, "/v1/chat/completions", bodies)]
    different = [
        f"{i}: vLLM {a['message']['content']!r} ({a['finish_reason']}), "
        f"transformers {b['message']['content']!r} ({b['finish_reason']})"
        for i, (a, b) in enumerate(zip(theirs, ours, strict=True))
        if (a["message"]["content"], a["finish_reason"]) != (b["message"]["content"], b["finish_reason"])
    ]
    print(f"greedy texts: {len(bodies) - len(different)} of {len(bodies)} agree", *different, sep="\n")
    assert len(different) <= 0.01 * len(bodies), different
    assert {a["finish_reason"] for a in theirs} == {"stop", "length"}


def test_a_stop_token_ends_the_answer_and_is_not_in_its_text(
    vllm: ManagedServer, transformers: ManagedServer, tiny: Model
) -> None:
    stops = stop_ids(vllm, tiny.name)
    for server in (vllm, transformers):
        answers = post_all(server.base_url, "/v1/chat/completions", chats(tiny.name, 60, stop_token_ids=stops))
        stopped = [a["choices"][0] for a in answers if a["choices"][0]["finish_reason"] == "stop"]
        assert stopped
        assert not any(c["message"]["content"].endswith("<|END_RESPONSE|>") for c in stopped)
        assert {c["stop_reason"] for c in stopped} <= {*stops, None}


def option_scores(server: ManagedServer, model: str, count: int) -> list[list[float]]:
    """The summed log-probability of every option after every question."""
    bodies, starts = [], []
    for question in texts(count, 40):
        ids = post(server.base_url, "/tokenize", {"model": model, "prompt": question})["tokens"]
        for option in OPTIONS:
            more = {"model": model, "prompt": option, "add_special_tokens": False}
            full = ids + post(server.base_url, "/tokenize", more)["tokens"]
            bodies.append({"model": model, "prompt": full, "max_tokens": 1, "echo": True, "logprobs": 1, **GREEDY})
            starts.append((len(ids), len(full)))
    answers = post_all(server.base_url, "/v1/completions", bodies)
    sums = [
        sum(a["choices"][0]["logprobs"]["token_logprobs"][low:high])
        for a, (low, high) in zip(answers, starts, strict=True)
    ]
    return [sums[i : i + len(OPTIONS)] for i in range(0, len(sums), len(OPTIONS))]


def test_every_choice_agrees_and_scores_are_equal(
    vllm: ManagedServer, transformers: ManagedServer, tiny: Model
) -> None:
    theirs = option_scores(vllm, tiny.name, 50)
    ours = option_scores(transformers, tiny.name, 50)
    choices = [[scores.index(max(scores[:LETTERS])) for scores in all_scores] for all_scores in (theirs, ours)]
    assert choices[0] == choices[1]
    assert len(set(choices[0])) > 1
    gap = max(abs(a - b) for one, other in zip(theirs, ours, strict=True) for a, b in zip(one, other, strict=True))
    print(f"options: {len(theirs)} questions, largest difference of a score {gap:.2e}")
    assert gap < 1e-3


def prompt_gap(one: ManagedServer, other: ManagedServer, model: str, prompts: list[str]) -> tuple[float, int]:
    """The largest difference of a prompt token's log-probability, and the length of the longest prompt in tokens."""
    bodies = [{"model": model, "prompt": p, "max_tokens": 1, "prompt_logprobs": 3, **GREEDY} for p in prompts]
    found = [
        [a["choices"][0]["prompt_logprobs"] for a in post_all(server.base_url, "/v1/completions", bodies)]
        for server in (one, other)
    ]
    gap, longest = 0.0, 0
    for theirs, ours in zip(*found, strict=True):
        assert len(theirs) == len(ours)
        assert theirs[0] is ours[0] is None
        longest = max(longest, len(ours))
        for a, b in zip(theirs[1:], ours[1:], strict=True):
            same = set(a) & set(b)
            assert same
            gap = max(gap, *(abs(a[token]["logprob"] - b[token]["logprob"]) for token in same))
    return gap, longest


def test_log_probabilities_of_prompts_agree(vllm: ManagedServer, transformers: ManagedServer, tiny: Model) -> None:
    gap, longest = prompt_gap(vllm, transformers, tiny.name, texts(60))
    print(f"prompts of up to {longest} tokens: largest difference of a log-probability {gap:.2e}")
    assert gap < 1e-3


def test_beyond_the_sliding_window_they_differ_by_one_position_of_it(
    vllm: ManagedServer, transformers: ManagedServer, transformers_wider: ManagedServer, tiny: Model
) -> None:
    """vLLM lets a Cohere2 layer see `sliding_window` tokens before the current one, transformers one fewer."""
    long = texts(20, 200, 120)
    gap, longest = prompt_gap(vllm, transformers_wider, tiny.name, long)
    print(f"prompts of up to {longest} tokens, transformers' window one wider: largest difference {gap:.2e}")
    assert longest > 512
    assert gap < 1e-3
    gap, _ = prompt_gap(vllm, transformers, tiny.name, long)
    print(f"prompts of up to {longest} tokens, the same config: largest difference {gap:.2e}")
    assert gap > 1e-3, "the engines agree now: take this test and the note in docs/engines.md out"


def test_the_likeliest_next_tokens_agree(vllm: ManagedServer, transformers: ManagedServer, tiny: Model) -> None:
    bodies = [
        {
            "model": tiny.name,
            "prompt": text,
            "max_tokens": 1,
            "logprobs": 20,
            "return_tokens_as_token_ids": True,
            **GREEDY,
        }
        for text in texts(40)
    ]
    found = [
        [a["choices"][0]["logprobs"]["top_logprobs"][0] for a in post_all(server.base_url, "/v1/completions", bodies)]
        for server in (vllm, transformers)
    ]
    for theirs, ours in zip(*found, strict=True):
        assert set(theirs) == set(ours)
        assert len(ours) == 20
        assert all(abs(theirs[token] - ours[token]) < 1e-3 for token in ours)


def test_prompts_become_the_same_tokens_with_one_beginning(
    vllm: ManagedServer, transformers: ManagedServer, tiny: Model
) -> None:
    messages = [
        {"role": "system", "content": "Answer in Thai."},
        {"role": "user", "content": "今朝の湖は静かです。"},
        {"role": "assistant", "content": "ทะเลสาบสงบ"},
        {"role": "user", "content": "How many boats?"},
    ]
    for body in ({"messages": messages, "add_generation_prompt": True}, {"prompt": "湖 lake بحيرة"}):
        asked = {"model": tiny.name, **body}
        theirs, ours = (post(server.base_url, "/tokenize", asked) for server in (vllm, transformers))
        assert theirs["tokens"] == ours["tokens"]
        assert theirs["max_model_len"] == ours["max_model_len"] == 1024
        assert ours["tokens"].count(BOS) == 1
        assert ours["tokens"][0] == BOS


def test_both_refuse_what_does_not_fit_and_what_they_do_not_serve(
    vllm: ManagedServer, transformers: ManagedServer, tiny: Model
) -> None:
    long = {"model": tiny.name, "messages": [{"role": "user", "content": "x " * 2000}], "max_tokens": 8, **GREEDY}
    for server in (vllm, transformers):
        status, message = refusal(server.base_url, "/v1/chat/completions", long)
        assert status == 400
        assert "maximum context length is 1024" in message
        status, _ = refusal(server.base_url, "/v1/chat/completions", {**long, "model": "other"})
        assert status == 404
