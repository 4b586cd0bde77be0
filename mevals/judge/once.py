"""Asks each question to a judge once ever: what a results folder holds already is not asked again, for any model or task."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from mevals.engines.engine import Engine, KeyEntry, Settings
from mevals.errors import EngineError
from mevals.generate import sample_key
from mevals.records import read_keys, stored_rows
from mevals.types import Response, Sample

_FIELDS = ("text", "finish", "error", "reasoning", "specials", "prompt_tokens", "output_tokens", "latency_s")


class Memory:
    """The replies of one judge in a results folder, by key: an index of keys, and the last few files read.

    `view` is the judge's folder below each task's, such as `judgements/tinyaya_rubric-1a2b3c4d`.
    """

    def __init__(self, results: Path, view: str) -> None:
        self._where: dict[str, Path] = {}
        self._files: dict[Path, dict[str, Mapping[str, Any]]] = {}
        for folder in sorted(results.glob(f"*/*/{view}")):
            self._index(folder)

    def _index(self, folder: Path) -> None:
        for path in sorted(folder.glob("*.jsonl")):
            self._where |= dict.fromkeys(_journal_rows(path), path)
        for path in sorted(folder.glob("*.parquet")):
            self._where |= dict.fromkeys(read_keys(path).values(), path)

    def __len__(self) -> int:
        return len(self._where)

    def __contains__(self, key: str) -> bool:
        return key in self._where

    def recall(self, key: str) -> Response | None:
        """The stored reply to the question with this key, without an id; None where there is none, or it holds no text."""
        path = self._where.get(key)
        if path is None:
            return None
        if path not in self._files and not path.exists():  # completed, or set aside, since it was indexed
            self._index(path.parent)
            path = self._where[key]
        row = self._rows(path).get(key)
        if row is None or row.get("text") is None:
            return None
        return Response(id="", **{name: row[name] for name in _FIELDS if row.get(name) is not None})

    def _rows(self, path: Path) -> Mapping[str, Mapping[str, Any]]:
        if path not in self._files:
            if len(self._files) >= 8:
                self._files.pop(next(iter(self._files)))
            self._files[path] = _read_rows(path)
        return self._files[path]


def _read_rows(path: Path) -> dict[str, Mapping[str, Any]]:
    """Rows by key; empty where the file is gone."""
    if not path.exists():
        return {}
    if path.suffix == ".jsonl":
        return _journal_rows(path)
    return {row["key"]: row for row in stored_rows(path)}


def _pack(reply: Response) -> bytes:
    """A reply in little memory: a run may hold a hundred thousand of them."""
    return zlib.compress(orjson.dumps({name: getattr(reply, name) for name in _FIELDS}), 1)


def _unpack(packed: bytes) -> Response:
    return Response(id="", **orjson.loads(zlib.decompress(packed)))


def _journal_rows(path: Path) -> dict[str, Mapping[str, Any]]:
    """The rows of a running or interrupted cell by key; torn and foreign lines are passed over."""
    rows: dict[str, Mapping[str, Any]] = {}
    for line in path.read_bytes().split(b"\n"):
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(row, dict) and isinstance(row.get("key"), str) and "finish" in row:
            rows[row["key"]] = row
    return rows


class OnceEngine:
    """An engine that asks nothing twice: it recalls what is stored, and waits where the same question is in flight.

    `recalled` counts questions that cost no request.
    """

    def __init__(self, inner: Engine, memory: Memory) -> None:
        self.simulated = inner.simulated
        self.inner = inner
        self.memory = memory
        self.recalled = 0
        self._flying: dict[str, asyncio.Future[Response]] = {}
        self._done: dict[str, bytes] = {}

    @property
    def model(self) -> str:
        return self.inner.model

    @property
    def identity(self) -> Mapping[str, Any]:
        return self.inner.identity

    @property
    def fields(self) -> Mapping[str, Any]:
        return self.inner.fields

    async def open(self) -> None:
        """Nothing: the engine within is opened by whoever made it."""

    async def close(self) -> None:
        """Nothing: see `open`."""

    async def prepare(self, entries: Sequence[KeyEntry]) -> None:
        """Tell a simulated judge what is true of the questions that it will be asked."""
        await self.inner.prepare([e for e in entries if sample_key(e.sample) not in self.memory])

    async def ask(self, sample: Sample, settings: Settings, how: str) -> Response:
        """The stored reply, that of a request in flight, or a new one. Raises what the engine within raises."""
        key = sample_key(sample)
        known = _unpack(self._done[key]) if key in self._done else self.memory.recall(key)
        if known is None and key in self._flying:
            known = await asyncio.shield(self._flying[key])
        if known is not None:
            self.recalled += 1
            return replace(known, id=sample.id)
        return await self._ask_first(key, sample, settings, how)

    async def _ask_first(self, key: str, sample: Sample, settings: Settings, how: str) -> Response:
        flying = self._flying[key] = asyncio.get_running_loop().create_future()
        try:
            reply = await self.inner.ask(sample, settings, how)
        except EngineError as error:
            flying.set_exception(error)
            flying.exception()  # whoever waits gets it too; nobody need be waiting
            raise
        else:
            flying.set_result(reply)
            self._done[key] = _pack(reply)
            return reply
        finally:
            flying.cancel()
            del self._flying[key]

    def facts(self) -> Mapping[str, Any]:
        return {**self.inner.facts(), "recalled": self.recalled}
