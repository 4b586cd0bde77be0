"""Paid APIs through the openai SDK: concurrency that finds the rate limit and stays under it, and a bill."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from mevals.engines.client import raise_for
from mevals.engines.engine import KeyEntry, Settings, read_chat
from mevals.engines.opening import Serving, identity, model_fields
from mevals.errors import EngineError, Refused, Retryable
from mevals.models import Model
from mevals.types import Response, Sample

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from openai import AsyncOpenAI


class Limit:
    """How many requests may be in flight: grows by one after each round without a refusal, halves on a rate limit.

    Additive increase, multiplicative decrease (Chiu & Jain 1989, Computer Networks and ISDN Systems 17), at most one
    decrease per `calm_s` seconds, because one overload refuses many requests at once.
    """

    def __init__(self, start: float = 8.0, most: float = 256.0, calm_s: float = 2.0) -> None:
        self.size = start
        self.busy = 0
        self._most = most
        self._calm_s = calm_s
        self._lowered = 0.0
        self._free = asyncio.Condition()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for a free place and hold it."""
        async with self._free:
            await self._free.wait_for(lambda: self.busy < self.size)
            self.busy += 1
        try:
            yield
        finally:
            async with self._free:
                self.busy -= 1
                self._free.notify_all()

    def went_well(self) -> None:
        """One answer came back: a full round of them adds one place."""
        self.size = min(self._most, self.size + 1 / max(1.0, self.size))

    def was_refused(self) -> None:
        """The server said: too many."""
        now = time.monotonic()
        if now - self._lowered > self._calm_s:
            self._lowered = now
            self.size = max(1.0, self.size / 2)


class ApiEngine:
    """A model behind an OpenAI-compatible API that costs money. Keys come from the environment only."""

    simulated = False

    def __init__(self, model: Model, serving: Serving, key: str) -> None:
        self.model = model.repository or model.name
        self.identity: Mapping[str, Any] = identity(model)
        self.fields: Mapping[str, Any] = model_fields(model)
        self.cost = 0.0
        self._known = model
        self._key = key
        self._serving = serving
        self._client: AsyncOpenAI | None = None
        self._limit = Limit()

    async def open(self) -> None:
        if not self._key:
            raise Refused(
                f"{self._known.name} needs a key: set {self._known.key or 'MEVALS_API_KEY'} in the environment"
            )
        if self._serving.max_cost is not None and self._known.cost(0, 0) is None:
            raise Refused(
                f"--max-cost needs the price of {self._known.name}: give price_in and price_out in a models.yaml"
            )
        from openai import AsyncOpenAI, DefaultAioHttpClient

        self._client = AsyncOpenAI(
            api_key=self._key,
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
        if self._serving.max_cost is not None and self.cost >= self._serving.max_cost:
            raise EngineError(
                f"stopped at --max-cost: ${self.cost:.2f} spent; what was answered is kept, a higher limit goes on from here"
            )
        started = time.perf_counter()
        async with self._limit.slot():
            body = await self._create(sample, settings)
        self._limit.went_well()
        response = read_chat(body, sample, self.model, self._known.special_tokens, time.perf_counter() - started)
        self.cost += self._known.cost(response.prompt_tokens or 0, response.output_tokens or 0) or 0.0
        return response

    async def _create(self, sample: Sample, settings: Settings) -> Any:
        import openai

        assert self._client is not None, "the engine is not open"
        fields = settings.fields()
        fields["max_completion_tokens"] = fields.pop("max_tokens")
        body = {"model": self.model, "messages": list(sample.messages), **fields}
        try:
            reply = await self._client.post("/chat/completions", cast_to=object, body=body)
        except openai.APIStatusError as error:
            if error.status_code == 429:
                self._limit.was_refused()
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
            "cost": round(self.cost, 4),
            "in_flight": round(self._limit.size, 1),
        }
