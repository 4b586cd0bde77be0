"""Requests read and replies written in the shapes of the OpenAI API, with vLLM's additions."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from mevals.engines.sim.key import content_text
from mevals.engines.sim.replies import Answer
from mevals.errors import MevalsError

JSON = {"Content-Type": "application/json", "x-mevals-simulated": "1"}
EVENTS = {"Content-Type": "text/event-stream", "x-mevals-simulated": "1"}
LONGEST_LIST = 128
"""Choices per prompt that may be asked for."""


class BadRequest(MevalsError):
    """The request can't be answered as it is; `status` is the HTTP status."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def error_body(status: int, message: str) -> bytes:
    """The body of an error reply."""
    kind = {401: "authentication_error", 404: "NotFoundError", 429: "rate_limit_exceeded"}.get(status)
    kind = kind or ("BadRequestError" if status < 500 else "server_error")
    return orjson.dumps({"error": {"message": message, "type": kind, "param": None, "code": status}})


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a request. Raises BadRequest."""
    try:
        raw = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"the request is not valid JSON: {error}") from None
    if not isinstance(raw, dict):
        raise BadRequest("the request must be a JSON object")
    return raw


def read_messages(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The messages of a chat request. Raises BadRequest."""
    messages = request.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(m, dict) for m in messages):
        raise BadRequest("'messages' must be a list of at least one object")
    return messages


def last_user(messages: Sequence[Mapping[str, Any]]) -> str:
    """The text of the last message from the user; "" if there is none."""
    return next((content_text(m.get("content")) for m in reversed(messages) if m.get("role") == "user"), "")


def read_stop(request: Mapping[str, Any]) -> list[str]:
    """Stop strings: one, several or none."""
    stop = request.get("stop") or []
    return [stop] if isinstance(stop, str) else [s for s in stop if isinstance(s, str)]


def read_count(request: Mapping[str, Any], name: str, default: int, low: int, high: int) -> int:
    """A whole number of the request. Raises BadRequest outside low..high."""
    value = request.get(name)
    value = default if value is None else value
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BadRequest(f"{name!r} must be a whole number from {low} to {high}, not {value!r}")
    return value


def read_budget(request: Mapping[str, Any], prompt_tokens: int, context: int, default: int | None, low: int) -> int:
    """Tokens that may be generated. Raises BadRequest where prompt and budget don't fit the context."""
    name = "max_completion_tokens" if request.get("max_completion_tokens") is not None else "max_tokens"
    room = context - prompt_tokens
    budget = read_count(request, name, max(room, low) if default is None else default, low, 10**9)
    if room < budget:
        raise BadRequest(
            f"This model's maximum context length is {context} tokens. However, you requested {budget} output tokens "
            f"and your prompt contains {prompt_tokens} tokens: shorten one of them."
        )
    return budget


def usage(prompt: int, completion: int) -> dict[str, int]:
    """The usage object."""
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def chat_choice(index: int, answer: Answer, logprobs: dict[str, Any] | None) -> dict[str, Any]:
    """One choice of a chat reply; thinking in its own field is `reasoning_content`, as with vLLM's parsers."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": None}
    if answer.reasoning is not None:
        message["reasoning_content"] = answer.reasoning
    if answer.text is None and answer.finish == "length" and answer.reasoning is None:
        message["content"] = ""
    return {"index": index, "message": message, "logprobs": logprobs, "finish_reason": answer.finish}


def reply_body(
    kind: str, name: str, model: str, choices: Sequence[Mapping[str, Any]], spent: Mapping[str, int]
) -> dict[str, Any]:
    """A whole reply; `kind` is "chat.completion" or "text_completion"."""
    prefix = "chatcmpl" if kind == "chat.completion" else "cmpl"
    return {
        "id": f"{prefix}-sim-{name}",
        "object": kind,
        "created": int(time.time()),
        "model": model,
        "choices": choices,
        "usage": spent,
        "system_fingerprint": "mevals-simulated",
    }


def events(reply: Mapping[str, Any], *, with_usage: bool) -> Iterator[bytes]:
    """A reply as server-sent events, a few words at a time."""
    chat = reply["object"] == "chat.completion"
    base = {k: reply[k] for k in ("id", "created", "model", "system_fingerprint")}
    base["object"] = "chat.completion.chunk" if chat else "text_completion"
    for choice in reply["choices"]:
        for delta in _deltas(choice) if chat else _texts(choice):
            yield _event({**base, "choices": [{"index": choice["index"], "logprobs": None, **delta}]})
    if with_usage:
        yield _event({**base, "choices": [], "usage": reply["usage"]})
    yield b"data: [DONE]\n\n"


def _deltas(choice: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    message = choice["message"]
    yield {"delta": {"role": "assistant", "content": ""}, "finish_reason": None}
    for name in ("reasoning_content", "content"):
        for part in _parts(message.get(name) or ""):
            yield {"delta": {name: part}, "finish_reason": None}
    yield {"delta": {}, "finish_reason": choice["finish_reason"]}


def _texts(choice: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for part in _parts(choice["text"] or ""):
        yield {"text": part, "finish_reason": None}
    yield {"text": "", "finish_reason": choice["finish_reason"]}


def _parts(text: str) -> Iterator[str]:
    return (text[i : i + 40] for i in range(0, len(text), 40))


def _event(chunk: Mapping[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(chunk) + b"\n\n"
