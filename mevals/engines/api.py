"""Paid APIs through the openai SDK: concurrency that finds the rate limit and stays under it, and a bill."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mevals.engines.client import raise_for
from mevals.engines.engine import KeyEntry, Settings, read_chat
from mevals.engines.opening import OPENAI_HOST, Serving, identity, model_fields
from mevals.errors import EngineError, Refused, Retryable
from mevals.models import OTHER_KEY, Model
from mevals.types import Response, Sample

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from openai import AsyncOpenAI


MAYBE_BILLED = ("timeout", "dropped", "malformed", "other-model")
"""Failures after which the answer may have been made, and charged, although it never came."""
PER_MESSAGE = 16
"""Tokens that a chat format adds to a message, at most."""


class Limit:
    """How many requests may be in flight: finds the server's limit by being refused once, then stays under it.

    Until the first refusal each answer adds one place, which doubles them each round; a refusal cuts them by half (later
    by a quarter) and the number that was refused becomes a ceiling. Below it each round adds one place; every `probe_s`
    seconds without a refusal the ceiling rises by a tenth, because limits change. Slow start and additive increase,
    multiplicative decrease are TCP's (RFC 5681, section 3.1).
    """

    def __init__(self, start: float = 8.0, most: float = 1024.0, probe_s: float = 15.0) -> None:
        self.size = start
        self.busy = 0
        self.refusals = 0
        self._ceiling = most
        self._most = most
        self._probe_s = probe_s
        self._changed = time.monotonic()
        self._free = asyncio.Condition()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[float]:
        """Wait for a free place and hold it; gives the moment at which it was got."""
        async with self._free:
            await self._free.wait_for(lambda: self.busy < self.size)
            self.busy += 1
        try:
            yield time.monotonic()
        finally:
            async with self._free:
                self.busy -= 1
                self._free.notify_all()

    def went_well(self) -> None:
        """One answer came back."""
        now = time.monotonic()
        if self.refusals and now - self._changed > self._probe_s:
            self._changed = now
            self._ceiling = min(self._most, self._ceiling + max(1.0, self._ceiling / 10))
        step = 1.0 / max(1.0, self.size) if self.refusals else 1.0
        self.size = min(self._ceiling, self.size + step)

    def was_refused(self, since: float) -> None:
        """The server said "too many" to a request that got its place at `since`; what was sent before the last cut says
        nothing about the size after it."""
        if since < self._changed and self.refusals:
            return
        share = 0.75 if self.refusals else 0.5
        self.refusals += 1
        self._changed = time.monotonic()
        self._ceiling = max(1.0, min(self._ceiling, self.size, float(self.busy)) - 1)
        self.size = max(1.0, share * self._ceiling)


class Purse:
    """What may be spent, in US dollars: a request is only sent if even its dearest answer can be paid."""

    def __init__(self, most: float | None) -> None:
        self.spent = 0.0
        self._most = math.inf if most is None else most
        self._held: list[float] = []
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def hold(self, dearest: float) -> AsyncIterator[None]:
        """Set `dearest` aside while a request is out. Raises EngineError, once nothing is out, where it is not there."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._held or self._fits(dearest))
            if not self._fits(dearest):
                raise EngineError(
                    f"stopped at --max-cost {self._most:g}: ${self.spent:.4f} are spent and the next request may cost "
                    f"${dearest:.4f}; what was answered is kept: run the same command again to go on"
                )
            self._held.append(dearest)
        try:
            yield
        finally:
            async with self._changed:
                self._held.remove(dearest)
                self._changed.notify_all()

    def _fits(self, dearest: float) -> bool:
        return self.spent + sum(self._held) + dearest <= self._most


class ApiEngine:
    """A model behind an OpenAI-compatible API that costs money. Keys come from the environment only."""

    simulated = False

    def __init__(self, model: Model, serving: Serving, key: str) -> None:
        self.model = model.repository or model.name
        self.identity: Mapping[str, Any] = identity(model)
        self.fields: Mapping[str, Any] = model_fields(model)
        self.purse = Purse(serving.max_cost)
        self._known = model
        self._key = key
        self._serving = serving
        self._client: AsyncOpenAI | None = None
        self._limit = Limit()

    async def open(self) -> None:
        if not self._key and self._known.key != OTHER_KEY:
            raise Refused(f"{self._known.name} needs a key: set {self._known.key or OTHER_KEY} in the environment")
        if self._serving.max_cost is not None and self._known.cost(0, 0) is None:
            raise Refused(
                f"--max-cost needs the price of {self._known.name}: give price_in and price_out in a models.yaml"
            )
        from openai import AsyncOpenAI, DefaultAioHttpClient

        self._client = AsyncOpenAI(
            api_key=self._key or "none",
            base_url=self._known.base_url,
            max_retries=0,  # ours: counted, jittered, and kept apart from answers
            timeout=self._serving.timeout_s,
            http_client=DefaultAioHttpClient(timeout=self._serving.timeout_s, follow_redirects=False),
        )

    async def prepare(self, entries: Sequence[KeyEntry]) -> None:
        """Nothing: a real server gets no key."""

    async def ask(self, sample: Sample, settings: Settings, how: str) -> Response:
        if how != "generate":
            raise Refused(
                f"{self._known.name} is an API without log-probabilities of prompts; use the generation variant"
            )
        dearest = self._dearest(sample, settings)
        async with self.purse.hold(dearest), self._limit.slot() as since:
            started = time.perf_counter()
            try:
                body = await self._create(sample, settings, since)
                took = time.perf_counter() - started
                response = read_chat(body, sample, self.model, self._known.special_tokens, took)
            except Retryable as error:
                if error.kind in MAYBE_BILLED:
                    self.purse.spent += dearest
                raise
            self._limit.went_well()
            self.purse.spent += self._price(response, dearest)
        return response

    def _dearest(self, sample: Sample, settings: Settings) -> float:
        """The most that one request can cost: no tokenizer makes more tokens of a text than it has bytes."""
        size = sum(len(m["content"].encode()) + PER_MESSAGE for m in sample.messages)
        return self._known.cost(size, settings.max_tokens) or 0.0

    def _price(self, response: Response, dearest: float) -> float:
        """What an answer cost; the most that it can have cost where the server does not say."""
        if response.prompt_tokens is None or response.output_tokens is None:
            return dearest
        return self._known.cost(response.prompt_tokens, response.output_tokens) or 0.0

    async def _create(self, sample: Sample, settings: Settings, since: float) -> Any:
        import openai

        assert self._client is not None, "the engine is not open"
        fields = settings.fields()
        if urlsplit(str(self._known.base_url)).hostname == OPENAI_HOST:  # its newer models know no max_tokens
            fields["max_completion_tokens"] = fields.pop("max_tokens")
        body = {"model": self.model, "messages": list(sample.messages), **fields}
        try:
            reply = await self._client.post("/chat/completions", cast_to=object, body=body)
        except openai.APIStatusError as error:
            if error.status_code == 429:
                self._limit.was_refused(since)
            raw, url = error.response.content, str(self._known.base_url)
            raise_for(error.status_code, raw, error.response.headers, url, self.model)
            raise EngineError(str(error)) from None
        except openai.APITimeoutError:
            raise Retryable(f"no answer within {self._serving.timeout_s:g} s", "timeout") from None
        except (openai.APIConnectionError, openai.APIResponseValidationError) as error:
            raise Retryable(f"connection lost: {error}", "dropped") from None
        except (ValueError, UnicodeDecodeError):  # the SDK lets a malformed body through as a JSON error
            raise Retryable("the server's reply is not valid JSON", "malformed") from None
        return reply

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    def facts(self) -> Mapping[str, Any]:
        return {
            "engine": "api",
            "base_url": self._known.base_url,
            "cost": round(self.purse.spent, 6),
            "in_flight": round(self._limit.size, 1),
            "rate_limited": self._limit.refusals,
        }
