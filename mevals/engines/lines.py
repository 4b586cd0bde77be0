"""MT systems that are not language models: any command that reads lines on its input and writes as many lines."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import Mapping, Sequence
from typing import Any

from mevals.engines.engine import KeyEntry, Settings
from mevals.errors import EngineError, Refused, Retryable, UsageError
from mevals.models import Model
from mevals.types import Response, Sample


class LinesEngine:
    """Sends the source text of each sample as one line and takes one line back, in order.

    `{source}` and `{target}` can't be told to it: give one command per direction with `--langs`. The command must flush
    each line (Apertium: `-z`; Marian: as it is). It is started once and asked one line at a time.
    """

    simulated = False
    fields: Mapping[str, Any] = {}

    def __init__(self, model: Model) -> None:
        self.model = model.name
        self.identity: Mapping[str, Any] = {"model": model.name, "command": model.command}
        self._words = shlex.split(model.command or "")
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def open(self) -> None:
        if not self._words:
            raise UsageError("cmd: needs a command that reads lines and writes lines, as in cmd:'apertium en-es'")
        pipe = asyncio.subprocess.PIPE
        try:
            self._process = await asyncio.create_subprocess_exec(*self._words, stdin=pipe, stdout=pipe, limit=1 << 22)
        except OSError as error:
            raise Refused(f"the command {self._words[0]!r} can't be started: {error.strerror}") from None

    async def prepare(self, entries: Sequence[KeyEntry]) -> None:
        """Nothing: a command gets no key."""

    async def ask(self, sample: Sample, settings: Settings, how: str) -> Response:
        if sample.source is None or how != "generate":
            raise Refused(f"{self.model} translates lines; it can only be run on translation tasks")
        started = time.perf_counter()
        async with self._turn:
            text = await self._line(" ".join(sample.source.split()))
        return Response(sample.id, text, "stop", latency_s=round(time.perf_counter() - started, 4))

    async def _line(self, source: str) -> str:
        assert self._process is not None and self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(source.encode() + b"\n")
            await self._process.stdin.drain()
            async with asyncio.timeout(120):
                raw = await self._process.stdout.readline()
        except TimeoutError:
            raise EngineError(f"{self._words[0]!r} gave no line back within 120 s; does it flush each line?") from None
        except (BrokenPipeError, ConnectionResetError):
            raw = b""
        if not raw.endswith(b"\n"):
            raise EngineError(f"{self._words[0]!r} ended after a line instead of answering it")
        try:
            return raw[:-1].decode("utf-8").removesuffix("\r")
        except UnicodeDecodeError:
            raise Retryable("the command's line is not UTF-8", "malformed") from None

    async def close(self) -> None:
        if self._process is not None:
            if self._process.stdin is not None:
                self._process.stdin.close()
            try:
                async with asyncio.timeout(5):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
            self._process = None

    def facts(self) -> Mapping[str, Any]:
        return {"engine": "command", "command": self._words}
