"""What the transformers server promises by itself: batches change nothing, seeds repeat, nothing is silently dropped."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mevals.engines.server_process import ManagedServer
from mevals.engines.transformers_engine import start_transformers
from mevals.models import Model
from tests.real_engines.asking import GREEDY, post, post_all, refusal, texts

pytestmark = pytest.mark.engines


def test_a_batch_gives_what_each_sequence_gives_alone(transformers: ManagedServer, tiny: Model) -> None:
    bodies = [{"model": tiny.name, "prompt": text, "max_tokens": 24, "logprobs": 0, **GREEDY} for text in texts(12)]
    alone = post_all(transformers.base_url, "/v1/completions", bodies, at_once=1)
    together = post_all(transformers.base_url, "/v1/completions", bodies, at_once=12)
    assert [a["choices"][0]["text"] for a in alone] == [a["choices"][0]["text"] for a in together]
    for one, other in zip(alone, together, strict=True):
        pair = (a["choices"][0]["logprobs"]["token_logprobs"] for a in (one, other))
        assert all(abs(a - b) < 1e-4 for a, b in zip(*pair, strict=True))


def test_a_long_prompt_is_scored_in_pieces_as_in_one(transformers: ManagedServer, tiny: Model, tmp_path: Path) -> None:
    bodies = [
        {"model": tiny.name, "prompt": text, "max_tokens": 4, "echo": True, "logprobs": 2, **GREEDY}
        for text in texts(8, 200, 1)
    ]
    whole = post_all(transformers.base_url, "/v1/completions", bodies)
    small = ("--logit-memory", "0.2")  # 69 positions of 758 tokens
    with start_transformers(tiny, log_dir=tmp_path, extra_args=small, deadline_s=120) as server:
        pieces = post_all(server.base_url, "/v1/completions", bodies)
    for one, other in zip(whole, pieces, strict=True):
        a, b = (answer["choices"][0]["logprobs"] for answer in (one, other))
        assert a["tokens"] == b["tokens"]
        assert a["token_logprobs"][0] is b["token_logprobs"][0] is None
        gaps = [abs(x - y) for x, y in zip(a["token_logprobs"][1:], b["token_logprobs"][1:], strict=True)]
        assert max(gaps) < 1e-4
    assert max(answer["usage"]["prompt_tokens"] for answer in whole) > 300


def test_a_seed_repeats_a_drawn_answer_and_another_does_not(transformers: ManagedServer, tiny: Model) -> None:
    body = {"model": tiny.name, "prompt": "lake", "max_tokens": 16, "temperature": 1.0, "seed": 3, "n": 4}
    first, again = (post(transformers.base_url, "/v1/completions", body)["choices"] for _ in range(2))
    assert [c["text"] for c in first] == [c["text"] for c in again]
    assert len({c["text"] for c in first}) == 4
    other = post(transformers.base_url, "/v1/completions", {**body, "seed": 30})["choices"]
    assert [c["text"] for c in other] != [c["text"] for c in first]


def test_the_likeliest_token_alone_is_greedy(transformers: ManagedServer, tiny: Model) -> None:
    body = {"model": tiny.name, "prompt": "lake", "max_tokens": 16}
    greedy = post(transformers.base_url, "/v1/completions", {**body, **GREEDY})
    for narrow in ({"top_k": 1}, {"top_p": 0.0}, {"min_p": 1.0}):
        drawn = post(transformers.base_url, "/v1/completions", {**body, "temperature": 1.0, **narrow})
        assert drawn["choices"][0]["text"] == greedy["choices"][0]["text"]


def test_a_stop_text_ends_the_answer_before_it(transformers: ManagedServer, tiny: Model) -> None:
    body = {"model": tiny.name, "prompt": "lake", "max_tokens": 24, **GREEDY}
    whole = post(transformers.base_url, "/v1/completions", body)["choices"][0]["text"]
    stop = whole[len(whole) // 2 : len(whole) // 2 + 2]
    choice = post(transformers.base_url, "/v1/completions", {**body, "stop": [stop]})["choices"][0]
    assert choice["text"] == whole[: whole.index(stop)]
    assert (choice["finish_reason"], choice["stop_reason"]) == ("stop", stop)


def test_scoring_a_prompt_generates_nothing(transformers: ManagedServer, tiny: Model) -> None:
    body = {"model": tiny.name, "prompt": "lake", "max_tokens": 0, "echo": True, "logprobs": 0}
    answer = post(transformers.base_url, "/v1/completions", body)
    assert answer["choices"][0]["text"] == "lake"
    assert answer["usage"]["completion_tokens"] == 0


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ({"guided_choice": ["A", "B"]}, "'guided_choice' is not supported"),
        ({"response_format": {"type": "json_object"}}, "'response_format' is not supported"),
        ({"repetition_penalty": 1.1}, "takes 'repetition_penalty' only as 1.0"),
        ({"temperature": -1}, "temperature should be a number"),
        ({"stop_token_ids": ["6"]}, "stop_token_ids should be a list"),
        ({"stream": True}, "takes 'stream' only as False"),
    ],
)
def test_what_can_not_be_honoured_is_refused_by_name(
    transformers: ManagedServer, tiny: Model, field: dict[str, object], says: str
) -> None:
    status, message = refusal(
        transformers.base_url, "/v1/completions", {"model": tiny.name, "prompt": "x", "max_tokens": 1, **field}
    )
    assert status == 400
    assert says in message


def test_requests_are_batched(transformers: ManagedServer, tiny: Model) -> None:
    bodies = [
        {"model": tiny.name, "prompt": text, "max_tokens": 64, "ignore_eos": True, **GREEDY} for text in texts(32, 20)
    ]
    started = time.monotonic()
    post_all(transformers.base_url, "/v1/completions", bodies[:4], at_once=1)
    each = (time.monotonic() - started) / 4
    started = time.monotonic()
    post_all(transformers.base_url, "/v1/completions", bodies, at_once=32)
    together = time.monotonic() - started
    print(f"one by one {each:.2f} s each; 32 together {together:.2f} s, {32 * 64 / together:.0f} tokens/s")
    assert together < 32 * each / 2
