"""Choices by log-likelihood on real servers: the short way, the long way and a plain reckoning give the same numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from mevals.engines.client import Client
from mevals.engines.engine import Settings
from mevals.engines.server_process import ManagedServer
from mevals.models import Model
from mevals.types import Response, Sample, user
from tests.real_engines.asking import post, texts

pytestmark = pytest.mark.engines
LETTERS = ("A", "B", "C", "D")
SENTENCES = ("the boat on the lake", "ruhig am Morgen", "湖面 平静", "শান্ত")


class Counting(Client):
    """A client that counts requests, and can be kept from finding out about tokens or likeliest tokens."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.asked = 0
        self.hide_likeliest = False

    async def call(self, path: str, fields: Any) -> Any:
        self.asked += path == "/completions"
        body = await super().call(path, fields)
        if self.hide_likeliest and fields.get("max_tokens") == 1:
            body["choices"][0]["logprobs"]["top_logprobs"] = [{}]
        return body


def ask(server: ManagedServer, model: str, samples: Sequence[Sample], *, hide: bool) -> tuple[list[Response], int]:
    async def main() -> tuple[list[Response], int]:
        client = Counting([server.base_url], model)
        client.hide_likeliest = hide
        await client.open()
        try:
            found = await asyncio.gather(*(client.ask(s, Settings(), "choose") for s in samples))
            return list(found), client.asked
        finally:
            await client.close()

    return asyncio.run(main())


def reckoned(server: ManagedServer, model: str, prompt: str, option: str) -> float:
    """The sum over the tokens that the option adds to the whole prompt, from one echoed request."""
    ids = [
        post(server.base_url, "/tokenize", {"model": model, "prompt": t, "add_special_tokens": True})["tokens"]
        for t in (prompt, f"{prompt} {option}")
    ]
    body = {"model": model, "prompt": ids[1], "max_tokens": 1, "prompt_logprobs": 0, "temperature": 0.0}
    (choice,) = post(server.base_url, "/v1/completions", body)["choices"]
    own = list(zip(ids[1], choice["prompt_logprobs"], strict=True))[len(ids[0]) :]
    return sum(entry[str(token)]["logprob"] for token, entry in own)


@pytest.mark.parametrize("name", ["vllm", "transformers"])
@pytest.mark.parametrize("choices", [LETTERS, SENTENCES])
def test_both_ways_and_a_plain_reckoning_agree(
    name: str, choices: tuple[str, ...], request: pytest.FixtureRequest, tiny: Model
) -> None:
    server: ManagedServer = request.getfixturevalue(name)
    prompts = [f"{text}\nA. x\nB. y\nAnswer:" for text in texts(12, 20)]
    samples = [Sample(str(i), (user(p),), (choices[0],), choices=choices) for i, p in enumerate(prompts)]
    short, cost = ask(server, tiny.name, samples, hide=False)
    long, _ = ask(server, tiny.name, samples, hide=True)
    print(f"{name}: {len(samples)} questions with options such as {choices[0]!r} cost {cost} requests")
    for prompt, one, other in zip(prompts, short, long, strict=True):
        expected = [reckoned(server, tiny.name, prompt, option) for option in choices]
        assert one.choice_logprobs == pytest.approx(expected, abs=2e-3)
        assert other.choice_logprobs == pytest.approx(expected, abs=2e-3)


def likeliest(server: ManagedServer, model: str, prompt: str) -> tuple[str, ...]:
    """Options that are one token each behind the prompt and among its likeliest next ones."""
    body = {"model": model, "prompt": prompt, "max_tokens": 1, "logprobs": 20, "temperature": 0.0}
    (choice,) = post(server.base_url, "/v1/completions", body)["choices"]

    def size(text: str) -> int:
        return len(post(server.base_url, "/tokenize", {"model": model, "prompt": text})["tokens"])

    words = (t for t in choice["logprobs"]["top_logprobs"][0] if t.strip() and t.isprintable() and "\ufffd" not in t)
    return tuple(t for t in words if size(prompt + t) == size(prompt) + 1)[:4]


@pytest.mark.parametrize("name", ["vllm", "transformers"])
def test_likely_options_of_one_token_cost_one_request(name: str, request: pytest.FixtureRequest, tiny: Model) -> None:
    server: ManagedServer = request.getfixturevalue(name)
    samples = []
    for i, text in enumerate(texts(12, 20)):
        prompt = f"{text}\nAnswer:\n"  # options follow without a space
        options = likeliest(server, tiny.name, prompt)
        if len(options) > 1:
            samples.append(Sample(str(i), (user(prompt),), (options[0],), choices=options))
    assert len(samples) >= 6
    short, cost = ask(server, tiny.name, samples, hide=False)
    long, costly = ask(server, tiny.name, samples, hide=True)
    assert cost == len(samples)
    assert costly == sum(1 + len(s.choices) for s in samples)
    for one, other in zip(short, long, strict=True):
        assert one.choice_logprobs == pytest.approx(other.choice_logprobs, abs=2e-3)
        assert one.text == other.text
