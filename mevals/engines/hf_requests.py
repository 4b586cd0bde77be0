"""The requests of the OpenAI API as vLLM extends it, read and answered for the transformers server. Knows no torch.

A field that this server can't honour is refused by name: a setting that is silently dropped becomes a wrong number.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class BadRequest(Exception):
    """The request can't be answered as it was asked; becomes an HTTP 400 with this message."""


@dataclass(frozen=True, slots=True)
class Step:
    """One token of a sequence: its natural-log probability, its rank (1 = likeliest) and the likeliest tokens there."""

    token: int
    logprob: float
    rank: int
    top: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One sequence to be continued. `logprobs` and `prompt_logprobs` say how many likeliest tokens are wanted; None: no
    log-probabilities at all. `top_k` 0 means all tokens; `temperature` 0 means greedy."""

    prompt: tuple[int, ...]
    max_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    stop_ids: frozenset[int] = frozenset()
    min_tokens: int = 0
    logprobs: int | None = None
    prompt_logprobs: int | None = None
    skip_special_tokens: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """A continued sequence. `tokens` holds a stop token, `text` does not. `prompt_steps` begins with None."""

    tokens: tuple[int, ...]
    text: str
    finish: str
    stop_reason: int | str | None = None
    steps: tuple[Step, ...] = ()
    prompt_steps: tuple[Step | None, ...] = ()


TAKEN = frozenset(
    {
        *("model", "messages", "prompt", "max_tokens", "max_completion_tokens", "n", "seed", "user"),
        *("temperature", "top_p", "top_k", "min_p", "stop", "stop_token_ids", "min_tokens", "ignore_eos"),
        *("logprobs", "top_logprobs", "prompt_logprobs", "echo", "return_tokens_as_token_ids"),
        *("add_special_tokens", "skip_special_tokens", "add_generation_prompt", "chat_template_kwargs"),
    }
)
ONLY: Mapping[str, Any] = {
    "stream": False,
    "repetition_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "include_stop_str_in_output": False,
    "spaces_between_special_tokens": True,
    "best_of": 1,
    "length_penalty": 1.0,
}
"""Fields that are taken with this value only."""


def check_fields(body: Mapping[str, Any]) -> None:
    """Refuse fields that this server can't honour."""
    for key, value in body.items():
        if key in TAKEN or value is None:
            continue
        if key not in ONLY:
            raise BadRequest(f"the field {key!r} is not supported by the transformers server")
        if value != ONLY[key]:
            raise BadRequest(f"the transformers server takes {key!r} only as {ONLY[key]!r}")


def number(body: Mapping[str, Any], key: str, default: float, low: float, high: float = float("inf")) -> float:
    """A number within [low, high], `default` where it is absent."""
    value = body.get(key)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise BadRequest(f"{key} should be a number from {low:g} to {high:g}")
    return float(value)


def integer(body: Mapping[str, Any], key: str, default: int, low: int, high: float = float("inf")) -> int:
    """A whole number within [low, high], `default` where it is absent."""
    value = number(body, key, default, low, high)
    if value != int(value):
        raise BadRequest(f"{key} should be a whole number")
    return int(value)


MOST_LOGPROBS = 1000


def job_of(
    body: Mapping[str, Any], prompt: Sequence[int], *, stop_ids: frozenset[int], max_model_len: int, chat: bool
) -> Job:
    """The job for one prompt of a request. Raises BadRequest where it does not fit or makes no sense."""
    room = max_model_len - len(prompt)
    asked = body.get("max_completion_tokens", body.get("max_tokens"))
    max_tokens = integer({"max_tokens": asked}, "max_tokens", max(0, room if chat else min(16, room)), 0)
    if not prompt:
        raise BadRequest("the prompt is empty")
    if max_tokens > room:
        raise BadRequest(
            f"This model's maximum context length is {max_model_len} tokens. However, you requested {max_tokens} "
            f"output tokens and your prompt contains {len(prompt)} input tokens"
        )
    extra = frozenset(_integers(body, "stop_token_ids"))
    prompt_logprobs = _prompt_logprobs(body, chat)
    return Job(
        prompt=tuple(prompt),
        max_tokens=max_tokens,
        temperature=number(body, "temperature", 1.0, 0.0),
        top_p=number(body, "top_p", 1.0, 0.0, 1.0),
        top_k=max(0, integer(body, "top_k", 0, -1)),
        min_p=number(body, "min_p", 0.0, 0.0, 1.0),
        seed=None if body.get("seed") is None else integer(body, "seed", 0, 0),
        stop=_strings(body, "stop"),
        stop_ids=extra if body.get("ignore_eos") else stop_ids | extra,
        min_tokens=integer(body, "min_tokens", 0, 0),
        logprobs=_logprobs(body, chat),
        prompt_logprobs=prompt_logprobs,
        skip_special_tokens=body.get("skip_special_tokens") is not False,
    )


def _logprobs(body: Mapping[str, Any], chat: bool) -> int | None:
    if chat:
        return integer(body, "top_logprobs", 0, 0, MOST_LOGPROBS) if body.get("logprobs") else None
    return None if body.get("logprobs") is None else integer(body, "logprobs", 0, 0, MOST_LOGPROBS)


def _prompt_logprobs(body: Mapping[str, Any], chat: bool) -> int | None:
    if body.get("prompt_logprobs") is not None:
        return integer(body, "prompt_logprobs", 0, 0, MOST_LOGPROBS)
    return _logprobs(body, chat) if body.get("echo") and not chat else None


def _integers(body: Mapping[str, Any], key: str) -> list[int]:
    value = body.get(key) or []
    if not isinstance(value, list) or not all(isinstance(v, int) and not isinstance(v, bool) for v in value):
        raise BadRequest(f"{key} should be a list of whole numbers")
    return value


def _strings(body: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = body.get(key) or []
    value = [value] if isinstance(value, str) else value
    if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
        raise BadRequest(f"{key} should be a text or a list of texts")
    return tuple(value)


def prompts_of(body: Mapping[str, Any], encode: Callable[[str, bool], list[int]]) -> list[tuple[str | None, list[int]]]:
    """The prompts of a completion request as (text or None, token ids): text, token ids, or a list of either."""
    prompt = body.get("prompt")
    special = body.get("add_special_tokens") is not False
    if isinstance(prompt, str):
        return [(prompt, encode(prompt, special))]
    if isinstance(prompt, list) and prompt:
        if all(isinstance(p, str) for p in prompt):
            return [(p, encode(p, special)) for p in prompt]
        if all(isinstance(p, int) for p in prompt):
            return [(None, list(prompt))]
        if all(isinstance(p, list) and p and all(isinstance(t, int) for t in p) for p in prompt):
            return [(None, list(p)) for p in prompt]
    raise BadRequest("prompt should be a text, a list of token ids, or a list of either")


@dataclass(frozen=True, slots=True)
class Written:
    """How tokens are written in an answer: as text, or as "token_id:N", which keeps tokens of equal text apart."""

    decode: Callable[[int], str]
    as_ids: bool = False

    def __call__(self, token: int) -> str:
        return f"token_id:{token}" if self.as_ids else self.decode(token)


def completion_choice(
    job: Job, answer: Answer, index: int, echo: str | None, wants_prompt: bool, written: Written
) -> dict[str, Any]:
    """One choice of /v1/completions; `echo` is the prompt's text where it is to be repeated."""
    steps: list[tuple[int, Step | None]] = []
    if job.logprobs is not None:
        if echo is not None:
            steps += zip(job.prompt, answer.prompt_steps, strict=True)
        steps += [(step.token, step) for step in answer.steps]
    return {
        "index": index,
        "text": (echo or "") + answer.text,
        "logprobs": None if job.logprobs is None else _completion_logprobs(steps, written),
        "finish_reason": answer.finish,
        "stop_reason": answer.stop_reason,
        "prompt_logprobs": [_prompt_entry(step, written) for step in answer.prompt_steps] if wants_prompt else None,
    }


def _completion_logprobs(steps: Sequence[tuple[int, Step | None]], written: Written) -> dict[str, Any]:
    tokens = [written(token) for token, _ in steps]
    offsets, at = [], 0
    for token, _ in steps:
        offsets.append(at)
        at += len(written.decode(token))
    return {
        "text_offset": offsets,
        "tokens": tokens,
        "token_logprobs": [None if step is None else step.logprob for _, step in steps],
        "top_logprobs": [None if step is None else _top(step, written) for _, step in steps],
    }


def _top(step: Step, written: Written) -> dict[str, float]:
    """The likeliest tokens and the token itself; where two are written alike, the likelier one counts."""
    found: dict[str, float] = {}
    for token, logprob in ((step.token, step.logprob), *step.top):
        name = written(token)
        found[name] = max(logprob, found.get(name, logprob))
    return found


def _prompt_entry(step: Step | None, written: Written) -> dict[str, Any] | None:
    if step is None:
        return None
    entries = {step.token: (step.logprob, step.rank)}
    entries |= {token: (logprob, rank) for rank, (token, logprob) in enumerate(step.top, 1)}
    return {
        str(token): {"logprob": logprob, "rank": rank, "decoded_token": written.decode(token)}
        for token, (logprob, rank) in entries.items()
    }


def chat_choice(job: Job, answer: Answer, index: int, written: Written) -> dict[str, Any]:
    """One choice of /v1/chat/completions."""

    def entry(token: int, logprob: float) -> dict[str, Any]:
        return {"token": written(token), "logprob": logprob, "bytes": list(written.decode(token).encode())}

    content = [
        entry(step.token, step.logprob) | {"top_logprobs": [entry(*pair) for pair in step.top]} for step in answer.steps
    ]
    return {
        "index": index,
        "message": {"role": "assistant", "content": answer.text},
        "logprobs": None if job.logprobs is None else {"content": content},
        "finish_reason": answer.finish,
        "stop_reason": answer.stop_reason,
    }


def envelope(kind: str, model: str, choices: list[dict[str, Any]], prompt_tokens: int, output_tokens: int) -> Any:
    """A whole answer; `kind` is "text_completion" or "chat.completion"."""
    return {
        "id": f"mevals-{time.monotonic_ns():x}",
        "object": kind,
        "created": int(time.time()),
        "model": model,
        "choices": choices,
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": output_tokens,
            "total_tokens": prompt_tokens + output_tokens,
        },
    }
