"""The embedded simulated model as an engine: starts its server on loopback and hands it the answer key."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from mevals.engines.client import Client, plain_prompt
from mevals.engines.engine import KeyEntry
from mevals.engines.sim.key import message_key, prompt_key
from mevals.errors import EngineError


class Simulated(Client):
    """A model of known ability behind a real server in a process of its own. Everything made with it says "simulated"."""

    simulated = True

    def __init__(
        self, model: str, *, arguments: Sequence[str] = (), base_url: str = "", timeout_s: float = 600.0
    ) -> None:
        super().__init__(
            [base_url] if base_url else [], model, timeout_s=timeout_s, identity={"model": model, "simulated": True}
        )
        self._arguments = list(arguments)
        self._process: subprocess.Popen[bytes] | None = None

    async def open(self) -> None:
        if not self._urls:
            self._urls = [await asyncio.to_thread(self._start)]
            self._busy = [0]
        await super().open()

    def _start(self) -> str:
        with tempfile.TemporaryDirectory() as folder:
            port_file = Path(folder) / "port"
            command = [sys.executable, "-m", "mevals.engines.sim", "--port", "0", "--port-file", str(port_file)]
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
            self._process = subprocess.Popen(
                [*command, "--die-with-parent", *self._arguments], env=environment, stdout=subprocess.DEVNULL
            )
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline and self._process.poll() is None:
                if port_file.exists() and (port := port_file.read_text().strip()):
                    return f"http://127.0.0.1:{port}/v1"
                time.sleep(0.02)
        raise EngineError("the simulated server did not start within 30 s; run `mevals serve-sim` to see why")

    async def prepare(self, entries: Sequence[KeyEntry]) -> None:
        if entries:
            status, raw, _ = await self._exchange(
                "POST", self._urls[0].removesuffix("/v1") + "/__key", orjson.dumps([_key(e) for e in entries])
            )
            if status != 200:
                raise EngineError(f"the simulated server did not take the answer key: {raw[:200]!r}")

    async def close(self) -> None:
        await super().close()
        if self._process is not None:
            self._process.terminate()
            try:
                await asyncio.to_thread(self._process.wait, 5)
            except subprocess.TimeoutExpired:
                self._process.kill()
            self._process = None

    def facts(self) -> Mapping[str, Any]:
        return {"engine": "simulated", "arguments": self._arguments}


def _key(entry: KeyEntry) -> dict[str, Any]:
    sample = entry.sample
    plain = entry.how == "choose"
    return {
        "hash": prompt_key(plain_prompt(sample)) if plain else message_key(sample.messages),
        "targets": list(sample.targets),
        "task": entry.task,
        "lang": entry.subset.lang,
        "source_lang": entry.subset.source_lang or "",
        "kind": entry.kind,
        "choices": list(sample.choices),
        "prefix": sample.tags.get("prefix", ""),
        "source": sample.source or "",
    }
