"""Log-likelihood of options against the simulated server, whose picks and token pieces are known."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from mevals.engines.choices import continuation
from mevals.engines.client import Client
from mevals.engines.engine import KeyEntry, Settings
from mevals.engines.simulated import _key
from mevals.errors import Refused, Retryable
from mevals.testing import SimServer
from mevals.types import Response, Sample, Subset, user

SUBSET = Subset("deu_Latn", "deu_Latn")


def question(i: int, choices: tuple[str, ...] = ("A", "B", "C", "D"), right: int = 1) -> Sample:
    return Sample(str(i), (user(f"Frage {i}?\nA. eins\nB. zwei\nAnswer:"),), (choices[right],), choices=choices)


def ask(
    server: SimServer, samples: Sequence[Sample], model: str = "demo-perfect", client: type[Client] = Client
) -> Any:
    server.add_keys(_key(KeyEntry(s, "global_mmlu", SUBSET, "choice", "choose")) for s in samples)

    async def main() -> list[Response]:
        engine = client([server.base_url], model, timeout_s=5)
        await engine.open()
        try:
            return await asyncio.gather(*(engine.ask(s, Settings(seed=7), "choose") for s in samples))
        finally:
            await engine.close()

    return asyncio.run(main())


def test_letters_of_one_token_cost_one_request_each() -> None:
    with SimServer("demo-perfect") as server:
        answers = ask(server, [question(i, right=i % 4) for i in range(200)])
        assert server.stats()["requests"] == 200
    assert [a.text for a in answers] == ["ABCD"[i % 4] for i in range(200)]
    assert all(a.choice_tokens == (1, 1, 1, 1) and max(a.choice_logprobs) > -1.5 for a in answers)
    assert all(a.finish == "stop" and a.output_tokens == 1 for a in answers)


def test_options_of_several_tokens_cost_one_request_per_option() -> None:
    with SimServer("demo-perfect") as server:
        answers = ask(server, [question(i, ("AA", "BB", "CC", "DD"), i % 4) for i in range(10)])
        assert server.stats()["requests"] == 40
    assert [a.text for a in answers] == [("AA", "BB", "CC", "DD")[i % 4] for i in range(10)]
    assert answers[0].choice_tokens == (2, 2, 2, 2)


def test_whole_sentences_are_compared_by_all_their_tokens() -> None:
    choices = ("lege es in eine dicht verschlossene Dose.", "lass es offen liegen.")
    with SimServer("demo-perfect") as server:
        (answer,) = ask(server, [question(1, choices, 1)])
    assert answer.text == choices[1]
    assert answer.choice_tokens[0] > answer.choice_tokens[1] > 3
    assert answer.choice_logprobs[1] > answer.choice_logprobs[0]


def test_both_ways_pick_the_same_option() -> None:
    class Echoing(Client):
        async def call(self, path: str, fields: Any) -> Any:
            if path == "/tokenize":
                raise Refused("this server has no /tokenize")
            return await super().call(path, fields)

    samples = [question(i, right=i % 4) for i in range(60)]
    with SimServer("demo") as server:
        one, four = ask(server, samples, "demo"), ask(server, samples, "demo", Echoing)
        assert server.stats()["requests"] == 60 + 240
    assert [a.text for a in one] == [a.text for a in four]
    assert all(a.choice_tokens == (1, 1, 1, 1) for a in four)


def test_a_letter_that_is_not_among_the_likeliest_is_asked_for_itself() -> None:
    class Blind(Client):
        async def call(self, path: str, fields: Any) -> Any:
            body = await super().call(path, fields)
            if fields.get("max_tokens") == 1:
                del body["choices"][0]["logprobs"]["top_logprobs"][0][" C"]
            return body

    with SimServer("demo-perfect") as server:
        (answer,) = ask(server, [question(1)], client=Blind)
        assert server.stats()["requests"] == 2
    assert answer.text == "B"
    assert len(answer.choice_logprobs) == 4


@pytest.mark.parametrize(
    "broken", [{"choices": []}, {"choices": [{"logprobs": None}]}, {"choices": [{"text": "A"}]}, {}]
)
def test_a_reply_without_log_probabilities_is_no_answer(broken: dict[str, Any]) -> None:
    class Mute(Client):
        async def call(self, path: str, fields: Any) -> Any:
            return broken if path == "/completions" else await super().call(path, fields)

    with SimServer("demo-perfect") as server, pytest.raises(Retryable, match="log-probabilities"):
        ask(server, [question(1)], client=Mute)


def test_a_space_stands_before_an_option_unless_the_prompt_ends_in_one() -> None:
    assert continuation("Answer:", "A") == " A"
    assert continuation("Answer: ", "A") == continuation("Answer:\n", "A") == "A"
