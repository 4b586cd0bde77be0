"""Log-probabilities agree with what the model picks."""

from __future__ import annotations

import math

import pytest

from mevals.engines.sim.ability import Outcome, named_profile, plan
from mevals.engines.sim.item import Item
from mevals.engines.sim.key import prompt_key
from mevals.engines.sim.keystore import AnswerKey
from mevals.engines.sim.logprobs import letter_token, prompt_tokens
from mevals.engines.sim.model import Model
from mevals.engines.sim.replies import KINDS, picked

OPTIONS = ("Nairobi", "the city of Addis Ababa in the highlands", "Lagos", "拉各斯")


def outcome(right: bool, style: float) -> Outcome:
    return Outcome(right, "plain", "", 0.5, 0.5, style, 1)


@pytest.mark.parametrize("right", [True, False])
@pytest.mark.parametrize("choices", [("A", "B"), ("A", "B", "C"), tuple("ABCDEFGHIJ"), ("ক", "খ", "গ", "ঘ"), OPTIONS])
def test_the_picked_letter_is_the_most_probable_and_probabilities_stay_below_one(
    choices: tuple[str, ...], right: bool
) -> None:
    for n in range(40):
        item = Item(f"{n:032x}", (choices[1],), "t", "swh_Latn", "choice", choices)
        out = outcome(right, n / 40)
        scored = letter_token(item, out, "Answer:", 20)
        assert scored is not None
        at = picked(item, out)
        assert at is not None
        label = choices[at] if len(choices[at]) <= 2 else "ABCD"[at]
        assert scored.text == " " + label
        assert sum(math.exp(v) for _, v in scored.top) < 1.0
        assert [v for _, v in scored.top] == sorted((v for _, v in scored.top), reverse=True)


@pytest.mark.parametrize(("prompt", "token"), [("Answer:", " B"), ("Answer: ", "B"), ("(", "B"), ("", "B")])
def test_a_space_precedes_the_letter_where_the_prompt_has_none(prompt: str, token: str) -> None:
    item = Item("0" * 32, ("B",), kind="choice", choices=tuple("ABCD"))
    scored = letter_token(item, outcome(True, 0.5), prompt, 5)
    assert scored is not None and scored.text == token
    assert len(scored.top) == 5


def option_scores(item: Item, out: Outcome, context: str) -> list[tuple[float, int]]:
    """Sum and number of the option's tokens, for each option."""
    scores = []
    for index, option in enumerate(item.choices):
        scored = prompt_tokens(f"{context} {option}", (item, out, index, len(context)), bos=True)
        values = [s.logprob or 0.0 for s in scored][len(prompt_tokens(context, None, bos=True)) :]
        scores.append((sum(values), len(values)))
    return scores


@pytest.mark.parametrize("right", [True, False])
@pytest.mark.parametrize("choices", [OPTIONS, tuple("ABCD"), ("x", "y" * 300)])
def test_the_picked_option_wins_by_sum_and_by_every_mean(choices: tuple[str, ...], right: bool) -> None:
    for n in range(20):
        item = Item(f"{n:032x}", (choices[1],), "t", "swh_Latn", "choice", choices)
        out = outcome(right, n / 20)
        at = picked(item, out)
        scores = option_scores(item, out, "Which one?\nAnswer:")
        for lengths in (
            [1] * len(choices),
            [n for _, n in scores],
            [len(c) for c in choices],
            [len(c.encode()) for c in choices],
        ):
            means = [s / length for (s, _), length in zip(scores, lengths, strict=True)]
            assert means.index(max(means)) == at


def model(records: list[dict[str, object]]) -> Model:
    key = AnswerKey()
    key.add(records)
    return Model("demo", named_profile("demo"), key, KINDS)


PROMPT = "Which city?\nA. Nairobi\nB. Lagos\nAnswer:"
RECORD = {"hash": prompt_key(PROMPT), "kind": "choice", "target": "B", "choices": ["A", "B"], "lang": "swh_Latn"}


def complete(simulated: Model, **request: object) -> dict[str, object]:
    reply = simulated.complete(simulated.read_completion({"model": "demo", **request}))
    (choice,) = reply["choices"]
    return {**choice, "usage": reply["usage"]}


def test_one_token_with_top_logprobs_scores_the_letters() -> None:
    simulated = model([RECORD])
    choice = complete(simulated, prompt=PROMPT, max_tokens=1, logprobs=5)
    item = simulated.key.get(prompt_key(PROMPT))
    assert item is not None
    at = picked(item, plan(simulated.profile, "demo", 0, item))
    assert choice["text"] == [" A", " B"][at or 0]
    (top,) = choice["logprobs"]["top_logprobs"]  # type: ignore[index]
    assert len(top) == 5 and max(top, key=top.get) == choice["text"]


def test_echo_gives_the_prompt_s_tokens_and_their_offsets() -> None:
    choice = complete(model([]), prompt=PROMPT, max_tokens=0, logprobs=1, echo=True)
    told = choice["logprobs"]
    assert choice["text"] == PROMPT
    assert told["tokens"][0] == "<BOS_TOKEN>" and "".join(told["tokens"][1:]) == PROMPT  # type: ignore[index]
    assert told["token_logprobs"][0] is None and all(v < 0 for v in told["token_logprobs"][1:])  # type: ignore[index]
    for token, offset in zip(told["tokens"][1:], told["text_offset"][1:], strict=True):  # type: ignore[index]
        assert PROMPT.startswith(token, offset)
    assert choice["usage"]["prompt_tokens"] == len(told["tokens"])  # type: ignore[index]


def test_echo_without_special_tokens_has_no_beginning_token() -> None:
    choice = complete(model([]), prompt=PROMPT, max_tokens=1, logprobs=1, echo=True, add_special_tokens=False)
    assert "".join(choice["logprobs"]["tokens"][:-1]) + choice["logprobs"]["tokens"][-1] == choice["text"]  # type: ignore[index]


def test_prompt_logprobs_have_vllm_s_shape() -> None:
    choice = complete(model([RECORD]), prompt=PROMPT + " B", max_tokens=1, prompt_logprobs=0)
    first, *others = choice["prompt_logprobs"]  # type: ignore[misc]
    assert first is None
    assert "".join(next(iter(o.values()))["decoded_token"] for o in others) == PROMPT + " B"


def test_token_ids_are_as_good_as_text() -> None:
    simulated = model([RECORD])
    ids = simulated.tokenize({"prompt": PROMPT})["tokens"]
    assert complete(simulated, prompt=ids, max_tokens=1, logprobs=5) == complete(
        simulated, prompt=PROMPT, max_tokens=1, logprobs=5
    )
