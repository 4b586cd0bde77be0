"""The HTTP side of the simulated model: an OpenAI-compatible server on loopback, with faults and counts."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

import orjson
from aiohttp import web

import mevals
from mevals.engines.sim import bodies
from mevals.engines.sim.ability import Profile, named_profile
from mevals.engines.sim.draw import unit
from mevals.engines.sim.faults import Config, draw_fault, parse_config, spoil
from mevals.engines.sim.keystore import AnswerKey, Counts, read_records
from mevals.engines.sim.model import CONTEXT, Model
from mevals.engines.sim.replies import KINDS, Reply
from mevals.errors import DataError, UsageError, did_you_mean

_CHAT, _COMPLETE = "/v1/chat/completions", "/v1/completions"
_FOREVER_S = 86_400.0
_Page = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class SimulatedServer:
    """Answers requests for the models it serves; `refuse` is called when its settings say that it should die.

    `models` maps served names to profiles. All state is in here: an answer key, counts, a Config.
    """

    def __init__(
        self,
        models: Mapping[str, Profile],
        *,
        config: Config | None = None,
        kinds: Mapping[str, Reply] = KINDS,
        api_key: str | None = None,
        context: int = CONTEXT,
    ) -> None:
        self.key = AnswerKey()
        self.counts = Counts()
        self.refuse: Callable[[float], None] = lambda seconds: None
        self._served = dict(models)
        self._base = config or Config()
        self._config = self._base
        self._kinds = kinds
        self._api_key = api_key
        self._context = context
        self._models: dict[str, Model] = {}
        self._generation = 0
        self._tokens, self._filled = 0.0, 0.0
        self._pages: dict[tuple[str, str], _Page] = {
            ("GET", "/v1/models"): self._list_models,
            ("GET", "/version"): self._version,
            ("GET", "/health"): self._health,
            ("POST", "/tokenize"): self._tokenize,
            ("POST", "/detokenize"): self._detokenize,
            ("POST", "/__key"): self._take_key,
            ("POST", "/__reset"): self._take_reset,
            ("GET", "/__stats"): self._stats,
            ("GET", "/__ids"): self._ids,
        }
        self.reset({})

    def reset(self, settings: Mapping[str, Any]) -> None:
        """Zeroes the counts and goes back to the start's settings, changed by these.

        "profile" is a profile's name that every model takes, or fields that change each one's own; "keys": "clear" also
        forgets the answer key. Raises UsageError where a setting is unknown; nothing is changed then.
        """
        own = {k: v for k, v in settings.items() if k not in ("profile", "keys")}
        config = parse_config(own, self._base)
        profiles = {name: _reprofiled(p, settings.get("profile")) for name, p in self._served.items()}
        if settings.get("keys") not in (None, "clear", "keep"):
            raise UsageError('\'keys\' is either "keep" or "clear"')
        if settings.get("keys") == "clear":
            self.key.clear()
        self._config, self.counts = config, Counts()
        self._generation += 1
        self._filled = 0.0
        self._models = {
            name: Model(
                name,
                profile,
                self.key,
                self._kinds,
                config.seed,
                self._context,
                config.template_bos,
                config.template_system,
            )
            for name, profile in profiles.items()
        }

    def add_keys(self, records: list[Any]) -> dict[str, int]:
        """Takes records of the answer key in. Raises DataError, also for a kind that nothing here can answer."""
        for number, record in enumerate(records, 1):
            kind = record.get("kind") if isinstance(record, Mapping) else None
            if kind is not None and kind not in self._kinds:
                raise DataError(
                    f"record {number}: no reply function for kind {kind!r}{did_you_mean(kind, self._kinds)}"
                )
        return self.key.add(records)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Any request: the entry for aiohttp."""
        path = request.path
        try:
            if path in (_CHAT, _COMPLETE) and request.method == "POST":
                return await self._generate(request, path)
            page = self._pages.get((request.method, path))
            if page is None:
                return _error(404, f"there is nothing at {request.method} {path}")
            if path.startswith("/v1/") and self._locked(request):
                return _error(401, "the API key is wrong or missing")
            return await page(request)
        except bodies.BadRequest as error:
            return _error(error.status, str(error))
        except UsageError as error:
            return _error(400, str(error))

    async def _generate(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        body = await request.read()
        counts, generation = self.counts, self._generation
        counts.arrive(path, len(body))
        counts.inflight += 1
        counts.peak = max(counts.peak, counts.inflight)
        try:
            reply = await self._answer(request, path, body)
        except asyncio.CancelledError as end:
            counts.abandoned += not isinstance(end, _EndedByUs)
            raise
        except bodies.BadRequest as error:
            reply = _error(error.status, str(error))
        finally:
            counts.inflight -= 1
            counts.last_done = time.time()
        counts.statuses[str(reply.status)] += 1
        if generation != self._generation:
            await _reset_connection(request)
        return reply

    async def _answer(self, request: web.BaseRequest, path: str, body: bytes) -> web.StreamResponse:
        if self._locked(request):
            return _error(401, "the API key is wrong or missing")
        counts, config = self.counts, self._config
        asked = bodies.read_object(body)
        model = self._model(asked)
        question = model.read_chat(asked) if path == _CHAT else model.read_completion(asked)
        attempts = [counts.attempt(model.name, h) for h in question.hashes]
        fault = draw_fault(config, question.name, attempts[0])
        if fault is not None:
            counts.faults[fault] += 1
        await self._count_down(request)
        if fault == "429" or self._too_many():
            return self._try_later()
        await self._wait(question.name, attempts[0], fault)
        if fault is not None:
            broken = await self._break(request, fault)
            if broken is not None:
                return broken
        reply = model.chat(question) if path == _CHAT else model.complete(question)
        counts.unkeyed += sum(item is None for item in question.items)
        if fault is None or fault == "slow":
            counts.finish(model.name, question.hashes)
        return await self._send(request, asked, spoil(reply, fault or ""), fault)

    async def _send(
        self, request: web.BaseRequest, asked: Mapping[str, Any], reply: dict[str, Any], fault: str | None
    ) -> web.StreamResponse:
        if asked.get("stream"):
            options = asked.get("stream_options") or {}
            data = b"".join(bodies.events(reply, with_usage=bool(options.get("include_usage"))))
            headers = bodies.EVENTS
        else:
            data, headers = orjson.dumps(reply), bodies.JSON
        if fault == "malformed":
            data = data[: len(data) // 2]
        if fault != "cut_body":
            return web.Response(body=data, headers=headers)
        half = web.StreamResponse(headers=headers)
        half.content_length = len(data)
        await half.prepare(request)
        await half.write(data[: len(data) // 2])
        await _close_connection(request)
        return half

    async def _break(self, request: web.BaseRequest, fault: str) -> web.StreamResponse | None:
        """The faults that need no answer; None for those that do."""
        if fault.isdigit():
            return _error(int(fault), f"simulated fault: status {fault}")
        if fault == "redirect":
            return web.Response(status=307, headers={**bodies.JSON, "Location": self._config.redirect_to})
        if fault == "hang":
            await asyncio.sleep(_FOREVER_S)
        if fault == "drop":
            await _reset_connection(request)
        return None

    async def _wait(self, name: str, attempt: int, fault: str | None) -> None:
        config = self._config
        wait_ms = config.latency_ms
        if config.jitter:
            wait_ms *= 1.0 + config.jitter * (2.0 * unit(config.seed, "latency", name, attempt) - 1.0)
        if fault == "slow":
            wait_ms += config.slow_ms
        if wait_ms > 0:
            await asyncio.sleep(wait_ms / 1000.0)

    async def _count_down(self, request: web.BaseRequest) -> None:
        after = self._config.dead_after
        if after is not None and self.counts.requests >= after:
            self._config = replace(self._config, dead_after=None)
            self.refuse(self._config.dead_for_s)
            await _reset_connection(request)

    def _too_many(self) -> bool:
        config = self._config
        if config.max_inflight is not None and self.counts.inflight > config.max_inflight:
            return True
        if config.max_per_s is None:
            return False
        now = time.monotonic()
        most = max(1.0, config.max_per_s / 10)
        self._tokens = min(most, self._tokens + (now - self._filled) * config.max_per_s)
        self._filled = now
        if self._tokens < 1.0:
            return True
        self._tokens -= 1.0
        return False

    def _try_later(self) -> web.Response:
        after = self._config.retry_after_s
        return _error(429, "too many requests: try again later", {} if after is None else {"Retry-After": f"{after:g}"})

    def _model(self, asked: Mapping[str, Any]) -> Model:
        model = self._models.get(str(asked.get("model")))
        if model is None:
            raise bodies.BadRequest(f"The model `{asked.get('model')}` does not exist.", 404)
        return model

    def _locked(self, request: web.BaseRequest) -> bool:
        return self._api_key is not None and request.headers.get("Authorization") != f"Bearer {self._api_key}"

    async def _list_models(self, request: web.BaseRequest) -> web.Response:
        return _json(
            {
                "object": "list",
                "data": [
                    {
                        "id": m.name,
                        "object": "model",
                        "created": 0,
                        "owned_by": "mevals-simulated",
                        "root": m.profile.name,
                        "max_model_len": self._context,
                    }
                    for m in self._models.values()
                ],
            }
        )

    async def _version(self, request: web.BaseRequest) -> web.Response:
        return _json({"version": f"mevals-simulated {mevals.__version__}"})

    async def _health(self, request: web.BaseRequest) -> web.Response:
        return web.Response(headers=bodies.JSON)

    async def _tokenize(self, request: web.BaseRequest) -> web.Response:
        asked = bodies.read_object(await request.read())
        return _json((self._model(asked) if "model" in asked else self._any()).tokenize(asked))

    async def _detokenize(self, request: web.BaseRequest) -> web.Response:
        asked = bodies.read_object(await request.read())
        return _json((self._model(asked) if "model" in asked else self._any()).detokenize(asked))

    def _any(self) -> Model:
        return next(iter(self._models.values()))

    async def _take_key(self, request: web.BaseRequest) -> web.Response:
        return _json(self.add_keys(read_records(await request.read())))

    async def _take_reset(self, request: web.BaseRequest) -> web.Response:
        body = await request.read()
        self.reset(bodies.read_object(body) if body.strip() else {})
        return _json({"reset": True, "config": asdict(self._config), "keys": len(self.key)})

    async def _stats(self, request: web.BaseRequest) -> web.Response:
        return _json({**self.counts.stats(), "keys": len(self.key), "simulated": True})

    async def _ids(self, request: web.BaseRequest) -> web.Response:
        return _json(self.counts.ids(request.query.get("model")))


def _reprofiled(profile: Profile, change: Any) -> Profile:
    if change is None:
        return profile
    if isinstance(change, str):
        return named_profile(change)
    if not isinstance(change, Mapping):
        raise UsageError("'profile' is the name of a profile or an object of its fields")
    return profile.with_changes(change)


def _json(content: Any) -> web.Response:
    return web.Response(body=orjson.dumps(content), headers=bodies.JSON)


def _error(status: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        status=status, body=bodies.error_body(status, message), headers={**bodies.JSON, **(headers or {})}
    )


class _EndedByUs(asyncio.CancelledError):
    """aiohttp cancelled the request because we closed its connection, not because the client went away."""


async def _reset_connection(request: web.BaseRequest) -> None:
    """Ends the connection with a TCP reset and no reply; never returns, since aiohttp cancels the request."""
    transport = request.transport
    if transport is not None:
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    await _be_cancelled()


async def _close_connection(request: web.BaseRequest) -> None:
    """Ends the connection in order after what was written; never returns, since aiohttp cancels the request."""
    if request.transport is not None:
        request.transport.close()
    await _be_cancelled()


async def _be_cancelled() -> None:
    try:
        await asyncio.sleep(_FOREVER_S)
    except asyncio.CancelledError:
        raise _EndedByUs from None
