"""A lean client for any OpenAI-compatible server: the hot path to a local vLLM, on aiohttp.

Measured beside the openai SDK (see docs/performance.md): the SDK costs several times the client CPU per request, so it
serves paid APIs, where its retries and types are worth it, and this serves local servers.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import orjson

from mevals.engines.engine import KeyEntry, Settings, read_chat
from mevals.errors import EngineError, Refused, Rejected, Retryable, did_you_mean
from mevals.types import Response, Sample

if TYPE_CHECKING:
    import aiohttp

    from mevals.engines.choices import Measured


class Client:
    """An OpenAI-compatible server at one or several base URLs (each ending in /v1), balanced by requests in flight.

    `form` is a model's kind: "chat" gets messages, "base" plain text, "translategemma" messages of its own form.
    """

    simulated = False

    def __init__(
        self,
        base_urls: Sequence[str],
        model: str,
        *,
        key: str = "",
        timeout_s: float = 600.0,
        specials: Sequence[str] = (),
        identity: Mapping[str, Any] | None = None,
        fields: Mapping[str, Any] | None = None,
        form: str = "chat",
    ) -> None:
        self.model = model
        self.identity: Mapping[str, Any] = dict(identity or {"model": model})
        self.fields: Mapping[str, Any] = dict(fields or {})
        self._urls = [u.rstrip("/") for u in base_urls]
        self._busy = [0] * len(self._urls)
        self._headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if key else {})
        self._timeout_s = timeout_s
        self._specials = tuple(specials)
        self.form = form
        self._session: aiohttp.ClientSession | None = None
        self.measured: dict[tuple[str, ...], Measured | None] = {}
        self.measuring = asyncio.Lock()
        self.version: str | None = None

    async def open(self) -> None:
        import aiohttp

        limits = aiohttp.ClientTimeout(total=self._timeout_s, connect=30)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=limits, headers=self._headers, auto_decompress=True
        )
        for url in self._urls:
            await self._check(url)

    async def prepare(self, entries: Sequence[KeyEntry]) -> None:
        """Nothing: a real server gets no key."""

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def facts(self) -> Mapping[str, Any]:
        return {"engine": "openai-compatible", "base_urls": self._urls, "server_version": self.version}

    async def _check(self, url: str) -> None:
        """See that the server is there and serves the model."""
        try:
            status, raw, _ = await self._exchange("GET", f"{url}/models", None)
        except Retryable as error:
            raise EngineError(f"no server answers at {url} ({error}): start it, or correct --base-url") from None
        if status in (401, 403):
            raise Refused(_wrong_key(url))
        if status != 200:
            return  # some servers have no list of models; the first request will tell
        try:
            names = [str(m["id"]) for m in orjson.loads(raw)["data"]]
        except (ValueError, KeyError, TypeError):
            return
        if names and self.model not in names:
            raise Refused(
                f"{url} does not serve {self.model!r}{did_you_mean(self.model, names)} It serves: {', '.join(sorted(names)[:8])}"
            )

    async def ask(self, sample: Sample, settings: Settings, how: str) -> Response:
        started = time.perf_counter()
        if how == "choose":
            from mevals.engines.choices import ask_choice

            return await ask_choice(self, sample, settings)
        if self.form == "base":
            body = await self.call("/completions", {"prompt": plain_prompt(sample), **settings.fields()})
            body = _as_chat(body)
        else:
            body = await self.call("/chat/completions", {"messages": self.messages(sample), **settings.fields()})
        return read_chat(body, sample, self.model, self._specials, time.perf_counter() - started)

    def messages(self, sample: Sample) -> list[Any]:
        """The messages as they go out; TranslateGemma's are parts, which records hold as JSON."""
        if self.form != "translategemma":
            return list(sample.messages)
        return [{**m, "content": orjson.loads(m["content"])} for m in sample.messages]

    async def call(self, path: str, fields: Mapping[str, Any]) -> Any:
        """POST `fields` with the model's name and return the reply's JSON.

        Raises Retryable, Rejected or Refused; nothing else comes out of a bad server.
        """
        at = min(range(len(self._urls)), key=self._busy.__getitem__)
        self._busy[at] += 1
        try:
            url = self._urls[at] if path.startswith("/c") else self._urls[at].removesuffix("/v1")
            status, raw, headers = await self._exchange(
                "POST", url + path, orjson.dumps({"model": self.model, **fields})
            )
        finally:
            self._busy[at] -= 1
        if status != 200:
            raise_for(status, raw, headers, self._urls[at], self.model)
        return read_json(raw)

    async def _exchange(self, method: str, url: str, body: bytes | None) -> tuple[int, bytes, Mapping[str, str]]:
        import aiohttp

        assert self._session is not None, "the client is not open"
        try:
            async with self._session.request(method, url, data=body, allow_redirects=False) as reply:
                return reply.status, await reply.read(), reply.headers
        except TimeoutError:
            raise Retryable(f"no answer within {self._timeout_s:g} s", "timeout") from None
        except aiohttp.ClientConnectorError as error:
            raise Retryable(f"connection refused: {error.os_error.strerror or error}", "refused") from None
        except aiohttp.InvalidURL:
            raise Refused(f"{url} is no URL; --base-url looks like http://localhost:8000/v1") from None
        except (aiohttp.ClientError, ConnectionError, asyncio.IncompleteReadError) as error:
            raise Retryable(f"connection lost: {error!r}", "dropped") from None


def plain_prompt(sample: Sample) -> str:
    """The text for a base model: the messages' contents without any chat template."""
    return "\n\n".join(m["content"] for m in sample.messages)


def _as_chat(body: Any) -> Any:
    try:
        for choice in body["choices"]:
            choice["message"] = {"content": choice["text"]}
    except (KeyError, TypeError):
        raise Retryable("the server's reply is no completion", "malformed") from None
    return body


def read_json(raw: bytes) -> Any:
    """JSON from a server. Lone surrogates are let through here and mended later. Raises Retryable where it is broken."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        try:
            return json.loads(raw)
        except (ValueError, RecursionError):
            raise Retryable("the server's reply is not valid JSON", "malformed") from None


def raise_for(status: int, raw: bytes, headers: Mapping[str, str], url: str, model: str) -> None:
    """Raise what an HTTP status means for us."""
    message = _message(raw) or f"HTTP {status}"
    if status in (401, 403):
        raise Refused(_wrong_key(url))
    if 300 <= status < 400:
        raise Refused(
            f"{url} redirects to {headers.get('location', 'elsewhere')}: give the final address as --base-url"
        )
    if status == 404:
        raise Refused(f"{url} does not know the model {model!r} or this kind of request ({message})")
    if status == 429 and "insufficient_quota" in message:
        raise Refused(f"{url}: the quota is used up ({message})")
    if status in (408, 409, 425, 429) or status >= 500:
        raise Retryable(message, str(status), retry_after(headers))
    raise Rejected(f"HTTP {status}: {message}")


def _wrong_key(url: str) -> str:
    name = "OPENAI_API_KEY" if url.startswith("https://api.openai.com/") else "MEVALS_API_KEY"
    return f"{url} refuses the key: set {name} to one that is valid there"


def _message(raw: bytes) -> str:
    try:
        error = orjson.loads(raw)
        error = error.get("error", error)
        text = error if isinstance(error, str) else " ".join(str(error[k]) for k in ("code", "message") if error.get(k))
        return str(text)[:300]
    except (ValueError, AttributeError, TypeError):
        return raw[:200].decode("utf-8", "replace")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks us to wait (Retry-After in seconds or as a date; RFC 9110, 10.2.3); None if unsaid."""
    text = headers.get("retry-after") or headers.get("Retry-After")
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
