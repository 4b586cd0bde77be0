"""Multiple choice by log-likelihood: which option does the model find likeliest after the question?

The protocol is lm-eval's: a plain prompt without chat template, each option after it with a space between (none
where the
prompt ends in white space or the sample's tag `delimiter` is "none"), and the option's tokens summed. Chat models
are asked the same way, so that base and chat
models can stand in one table. Where every option is one token behind this prompt, which /tokenize proves once per
prompt
ending, one request shows all of them among the likeliest next tokens; what isn't among them, and options of several
tokens, are read from echoed prompts, one request each.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mevals.engines.engine import Settings
from mevals.errors import Refused, Rejected, Retryable
from mevals.types import Response, Sample

if TYPE_CHECKING:
    from mevals.engines.client import Client

TOP = 20
"""Likeliest tokens asked for: the most that vLLM gives unless it is started with more."""
SHORT_TAIL, SHORT_OPTION = 80, 8
"""Characters up to which a prompt's last line, and an option, are kept: "Answer:" and " A" come back in every sample."""
CHAT_ONLY = ("chat_template_kwargs", "stop", "stop_token_ids")
"""Fields that have no meaning where nothing is generated."""


@dataclass(frozen=True, slots=True)
class Measured:
    """How many tokens each option adds to a prompt, and, where that is one each, its id."""

    sizes: tuple[int, ...]
    single: tuple[int, ...] | None


async def ask_choice(client: Client, sample: Sample, settings: Settings) -> Response:
    """The summed natural-log probability of each of the sample's choices; `text` is the likeliest choice.

    Raises Retryable, Rejected or Refused.
    """
    from mevals.engines.client import plain_prompt

    started = time.perf_counter()
    asked = _Asked(client, plain_prompt(sample), settings)
    verbatim = sample.tags.get("delimiter") == "none"
    options = [choice if verbatim else continuation(asked.prompt, choice) for choice in sample.choices]
    measured = await measure(client, asked.prompt, options)
    sums: list[float | None] = [None] * len(options)
    if measured and measured.single:
        sums = await asked.next_token(options, measured.single)
    sizes = list(measured.sizes) if measured else [0] * len(options)
    values = []
    for at, option in enumerate(options):
        value = sums[at]
        if value is None:
            value, sizes[at] = await asked.echoed(option, sizes[at])
        values.append(value)
    return Response(
        id=sample.id,
        text=sample.choices[values.index(max(values))],
        finish="stop",
        prompt_tokens=asked.prompt_tokens,
        output_tokens=asked.output_tokens,
        latency_s=round(time.perf_counter() - started, 4),
        choice_logprobs=tuple(values),
        choice_tokens=tuple(sizes),
    )


def continuation(prompt: str, choice: str) -> str:
    """A choice as it follows the prompt: behind a space, unless the prompt ends in white space."""
    return choice if prompt[-1:].isspace() else f" {choice}"


async def measure(client: Client, prompt: str, options: Sequence[str]) -> Measured | None:
    """What each option adds to the prompt in tokens; None where the server has no /tokenize.

    A line's tokens don't depend on the lines before it, so the prompt's last line stands for all of it; it is looked up
    once per server where it is short. Counted as lm-eval does: the tokens of both together, less those of the prompt.
    """
    tail = prompt.rpartition("\n")[2] or prompt[-SHORT_TAIL:]
    if len(tail) > SHORT_TAIL or any(len(o) > SHORT_OPTION for o in options):
        return await _measure(client, tail, options)
    key = (tail, *options)
    async with client.measuring:
        if key not in client.measured:
            client.measured[key] = await _measure(client, tail, options)
    return client.measured[key]


async def _measure(client: Client, tail: str, options: Sequence[str]) -> Measured | None:
    before = await _tokenize(client, tail)
    if before is None:
        return None
    sizes, ids = [], []
    for option in options:
        both = await _tokenize(client, tail + option) or []
        sizes.append(max(1, len(both) - len(before)))
        if both[:-1] == before:
            ids.append(both[-1])
    distinct = len(set(ids)) == len(options)
    return Measured(tuple(sizes), tuple(ids) if distinct else None)


async def _tokenize(client: Client, text: str) -> list[int] | None:
    try:
        body = await client.call("/tokenize", {"prompt": text, "add_special_tokens": False})
        return [int(t) for t in body["tokens"]]
    except (Refused, Rejected):
        return None  # there is no /tokenize here; a wrong key shows at the next request
    except (KeyError, TypeError, ValueError):
        raise Retryable("the server's reply to /tokenize holds no tokens", "malformed") from None


class _Asked:
    """The requests for one sample, and what they cost."""

    def __init__(self, client: Client, prompt: str, settings: Settings) -> None:
        self.client = client
        self.prompt = prompt
        self.fields = {k: v for k, v in settings.fields().items() if k not in CHAT_ONLY} | {"temperature": 0.0}
        self.prompt_tokens = 0
        self.output_tokens = 0

    async def next_token(self, options: Sequence[str], ids: Sequence[int]) -> list[float | None]:
        """Each option's log-probability as the next token; None for one that isn't among the likeliest."""
        fields = {**self.fields, "max_tokens": 1, "logprobs": TOP, "return_tokens_as_token_ids": True}
        body = await self.client.call("/completions", {"prompt": self.prompt, **fields})
        try:
            (choice,) = body["choices"]
            likeliest = dict(choice["logprobs"]["top_logprobs"][0])
            found = [likeliest.get(f"token_id:{i}", likeliest.get(o)) for o, i in zip(options, ids, strict=True)]
            values = [None if value is None else _checked(value) for value in found]
        except (KeyError, TypeError, ValueError, IndexError):
            raise Retryable(_NO_LOGPROBS, "malformed") from None
        self._count(body)
        return values

    async def echoed(self, option: str, size: int) -> tuple[float, int]:
        """The option's summed log-probability behind the prompt, and of how many tokens; `size` 0 means unknown."""
        fields = {**self.fields, "max_tokens": 0, "logprobs": 1, "echo": True}
        body = await self.client.call("/completions", {"prompt": self.prompt + option, **fields})
        try:
            (choice,) = body["choices"]
            values, offsets = choice["logprobs"]["token_logprobs"], choice["logprobs"]["text_offset"]
            values = values[: body["usage"]["prompt_tokens"]]  # some servers make a token that was not asked for
            size = size or sum(at >= len(self.prompt) for at in offsets[: len(values)]) or 1
            mine = [_checked(value) for value in values[-size:]]
        except (KeyError, TypeError, ValueError):
            raise Retryable(_NO_LOGPROBS, "malformed") from None
        self._count(body)
        return math.fsum(mine), size

    def _count(self, body: Any) -> None:
        usage = body.get("usage") or {}
        self.prompt_tokens += usage.get("prompt_tokens") or 0
        self.output_tokens += usage.get("completion_tokens") or 0


_NO_LOGPROBS = (
    "the server's reply holds no log-probabilities; this task needs them from /v1/completions (or ask its _gen task)"
)


def _checked(value: Any) -> float:
    """A log-probability. Raises ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value > 1e-6:
        raise ValueError(f"{value!r} is no log-probability")
    return float(value)
