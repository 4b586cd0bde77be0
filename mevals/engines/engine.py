"""What every engine is to the rest of mevals: something that answers a sample or says why it could not."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from mevals.errors import Retryable
from mevals.types import Response, Sample, Subset


@dataclass(frozen=True)
class Settings:
    """Everything that is sent beside the messages; all of it is part of the fingerprint.

    `max_tokens` counts output tokens. `extra` holds further fields of the request (a chat template's switches).
    """

    max_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    def fields(self) -> dict[str, Any]:
        """The request's fields, each sent explicitly so that no server default applies."""
        sent = {"max_tokens": self.max_tokens, "temperature": self.temperature, "top_p": self.top_p, "seed": self.seed}
        return sent | ({"stop": list(self.stop)} if self.stop else {}) | dict(self.extra)


@dataclass(frozen=True)
class KeyEntry:
    """What a simulated model is told about one item, so that its true ability is known; a real engine never sees it.

    `how` says how it will be asked: "generate" as messages, "choose" as a plain prompt.
    """

    sample: Sample
    task: str
    subset: Subset
    kind: str
    how: str = "generate"


class Engine(Protocol):
    """Answers samples. `identity` names the model for the fingerprint; `simulated` marks every number made with it."""

    simulated: bool

    @property
    def model(self) -> str:
        """The name that requests carry."""
        ...

    @property
    def identity(self) -> Mapping[str, Any]:
        """What of the model can change an answer."""
        ...

    @property
    def fields(self) -> Mapping[str, Any]:
        """Fields that this model's requests carry beside the task's settings."""
        ...

    async def open(self) -> None:
        """Connect and check that the model is there. Raises Refused or EngineError with a sentence."""
        ...

    async def prepare(self, entries: Sequence[KeyEntry]) -> None:
        """Called with the samples that will be asked next; a no-op for real engines."""
        ...

    async def ask(self, sample: Sample, settings: Settings, how: str) -> Response:
        """One answer. Raises Retryable (ask again), Rejected (never) or Refused (the run is over)."""
        ...

    async def close(self) -> None:
        """Let go of connections and of a server that was started for the run."""
        ...

    def facts(self) -> Mapping[str, Any]:
        """What the manifest records: base URL, server version, arguments, failures by kind."""
        ...


THINK = re.compile(r"\A\s*<think(?:ing)?>(.*?)</think(?:ing)?>", re.DOTALL)
SPECIAL = re.compile(r"<\|[A-Za-z0-9_ ▁-]{1,60}\|>|<(?:/s|s|eos|bos|pad|end_of_turn|EOS_TOKEN|BOS_TOKEN)>")
SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Cleaned:
    """An answer's text with thinking and special tokens taken out; `specials` counts the latter."""

    text: str | None
    reasoning: str | None
    specials: int


def clean(text: str | None, reasoning: str | None, specials: Sequence[str] = ()) -> Cleaned:
    """Take thinking text and special tokens out of an answer.

    Thinking counts only at the start of the answer; if it never ends, there is no answer. `specials` are the model's own
    tokens beside the usual `<|…|>`. Lone surrogates become U+FFFD, for no file can hold them.
    """
    if text is None:
        return Cleaned(None, _printable(reasoning), 0)
    text = _printable(text) or ""
    match = THINK.match(text)
    if match:
        reasoning, text = (reasoning or "") + match.group(1).strip(), text[match.end() :].lstrip()
    elif "</think>" in text and not reasoning:  # the template itself opened the thinking block
        reasoning, _, text = text.partition("</think>")
        text = text.lstrip()
    elif text.lstrip().startswith(("<think>", "<thinking>")):
        return Cleaned(None, (reasoning or "") + text.strip(), 0)
    count = 0
    for token in specials:
        count += text.count(token)
        text = text.replace(token, "")
    text, more = SPECIAL.subn("", text) if "<" in text else (text, 0)
    return Cleaned(text, _printable(reasoning), count + more)


def _printable(text: str | None) -> str | None:
    if text is None or text.isascii():
        return text
    return SURROGATE.sub("\ufffd", text)


def read_chat(body: Any, sample: Sample, model: str, specials: Sequence[str], latency: float) -> Response:
    """A chat completion as a response. Raises Retryable where the body is not one."""
    try:
        (choice,) = body["choices"]
        message = choice["message"]
        finish = choice.get("finish_reason") or "stop"
        content, named = message.get("content"), str(body.get("model") or model)
        thought = message.get("reasoning_content") or message.get("reasoning")
        usage = body.get("usage") or {}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Retryable("the server's reply is no chat completion with one choice", "malformed") from None
    if not _same_model(named, model):
        raise Retryable(f"the server answered with the model {named!r} although {model!r} was asked", "other-model")
    if content is not None and not isinstance(content, str):
        content = "".join(str(p.get("text", "")) for p in content if isinstance(p, dict))
    cleaned = clean(content, thought if isinstance(thought, str) else None, specials)
    rejected = content is None and finish not in ("length", "stop", "tool_calls")
    truncated = finish == "length"
    return Response(
        id=sample.id,
        text=cleaned.text,
        finish="length" if truncated else "rejected" if rejected or cleaned.text is None else "stop",
        error=None if cleaned.text is not None else f"no text in the reply (finish_reason {finish})",
        reasoning=cleaned.reasoning,
        specials=cleaned.specials,
        prompt_tokens=_count(usage, "prompt_tokens"),
        output_tokens=_count(usage, "completion_tokens"),
        latency_s=round(latency, 4),
    )


def _same_model(named: str, asked: str) -> bool:
    """Whether a reply's model is the one asked for: the same name, or a dated or prefixed spelling of it.

    APIs answer "gpt-4.1-2025-04-14" for "gpt-4.1", and gateways "org/name" for "name".
    """
    long, short = sorted((named, asked), key=len, reverse=True)
    return (
        long == short or long.endswith("/" + short) or re.fullmatch(re.escape(short) + r"-[0-9@.v-]+", long) is not None
    )


def _count(usage: Any, name: str) -> int | None:
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if isinstance(value, int) else None
