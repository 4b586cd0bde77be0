"""The results folder, which is also the cache: one path function, journals, parquet files, manifests and the lock.

A cell is an append-only journal while it runs and one parquet file once it is complete::

    results/<model>/<task>/responses/<subset>.<fingerprint8>.jsonl    running: one line per answer
    results/<model>/<task>/responses/<subset>.parquet                 complete
    results/<model>/<task>/responses/<subset>.<fingerprint8>.parquet  complete, but made with other settings than the last run
    results/<model>/<task>/judgements/<judge>/<subset>.parquet        a judge's replies about these answers; its journal beside it
    results/<model>/<task>/scores/<signature>/<subset>.parquet
    results/<model>/<task>/{cells,manifest}.json
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import orjson

from mevals.errors import StoreError, UsageError
from mevals.types import Cell

SCHEMA = 1
"""Version of every file in the store; a file with a higher one was written by a newer mevals."""


def safe(name: str) -> str:
    """`name` as one path component: anything but A-Za-z0-9._- is percent-encoded, and so is a leading dot."""
    if not name:
        raise UsageError("an empty name can't be a path")
    text = quote(name, safe="").replace("~", "%7E")
    text = "%2E" + text[1:] if text.startswith(".") else text
    if len(text) > 200:
        text = text[:180] + "-" + hashlib.sha256(name.encode()).hexdigest()[:16]
    return text


def signature_folder(signature: str) -> str:
    """A folder name for a signature: a slug and eight hex digits; the full signature is in each file's metadata."""
    slug = safe(signature.split("|")[0])[:40]
    return f"{slug}-{hashlib.sha256(signature.encode()).hexdigest()[:8]}"


def reach(point: str) -> None:
    """Mark a named point of the program where fault tests may kill it (MEVALS_KILL_AT=point or point:n)."""
    wanted = os.environ.get("MEVALS_KILL_AT")
    if wanted is None:
        return
    name, _, count = wanted.partition(":")
    if name == point:
        left = int(count or "1") - 1
        if left <= 0:
            os.kill(os.getpid(), 9)
        os.environ["MEVALS_KILL_AT"] = f"{name}:{left}"


def write_atomically(path: Path, content: bytes) -> None:
    """Replace `path` by `content` so that a reader sees the old file or the new one, also after a crash.

    Raises StoreError where the disk is full or the folder can't be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                reach("write.before")
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            reach("rename.before")
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        reach("rename.after")
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn an operating-system error into a sentence that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreError(
                f"the disk of {path.parent} is full: free some space and run again; nothing answered is lost"
            ) from error
        raise StoreError(
            f"{path} can't be written ({error.strerror}): mend that and run again; nothing answered is lost"
        ) from error


@dataclass(frozen=True)
class Store:
    """A results folder.

    `answers` names the folder of each task in which answers lie: the models' own, or those of a judge about them.
    """

    folder: Path
    answers: str = "responses"

    def task_folder(self, cell: Cell) -> Path:
        """`results/<model>/<task>[@condition]`."""
        task = safe(cell.task) + (f"@{safe(cell.condition)}" if cell.condition else "")
        return self.folder / safe(cell.model) / task

    def path(self, cell: Cell, kind: str, detail: str = "") -> Path:
        """THE path function: `kind` is responses, journal, archive (detail = fingerprint), scores (detail = signature),
        cells or manifest."""
        base, subset = self.task_folder(cell), safe(cell.subset.name)
        if kind == "responses":
            return base / self.answers / f"{subset}.parquet"
        if kind == "journal":
            return base / self.answers / f"{subset}.{detail[:8]}.jsonl"
        if kind == "archive":
            return base / self.answers / f"{subset}.{detail[:8]}.parquet"
        if kind == "scores":
            return base / "scores" / signature_folder(detail) / f"{subset}.parquet"
        return base / f"{kind}.json"

    def task_folders(self) -> list[Path]:
        """Every task folder of every model, by name."""
        found = (p for p in self.folder.glob("*/*") if p.is_dir())
        return sorted(p for p in found if not p.name.startswith(".") and not p.parent.name.startswith("."))

    @contextmanager
    def locked(self, command: str) -> Iterator[None]:
        """Hold this folder for one writing command. Raises UsageError where another one holds it."""
        path = self.folder / ".lock"
        with _explained(path):
            self.folder.mkdir(parents=True, exist_ok=True)
            file = path.open("a+")
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UsageError(_who_holds(file, self.folder)) from None
            file.truncate(0)
            file.write(json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "command": command}))
            file.flush()
            yield
            file.truncate(0)


def _who_holds(file: IO[str], folder: Path) -> str:
    file.seek(0)
    try:
        who = json.loads(file.read())
        holder = f"process {who['pid']} on {who['host']} ({who['command']})"
    except (ValueError, KeyError):
        holder = "another mevals command"
    return f"{folder} is in use by {holder}: wait for it, stop it, or choose another folder with --results"


class Journal:
    """The answers of a running cell, one JSON line each, in the order in which they came.

    Survives kill -9 at any moment: a torn last line is cut off when it is opened again, and its sample asked again.
    Line 1 names schema and fingerprint.
    """

    def __init__(self, path: Path, fingerprint: str) -> None:
        self.path = path
        self.offsets: dict[str, int] = {}
        self.keys: dict[str, str] = {}
        with _explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a+b", buffering=0)
        self._end = self._read(fingerprint)
        self._unsynced = False

    def _read(self, fingerprint: str) -> int:
        """Index what is there, cut off a torn last line, and return where the next line goes.

        A line in the middle that is no row of ours is passed over: what stands after it stays.
        """
        end = position = 0
        with self.path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                row = _row(line)
                if position == 0:
                    self._check(row or {}, fingerprint)
                elif row is not None and "id" in row:
                    self.offsets[row["id"]] = position
                    self.keys[row["id"]] = row["key"]
                position += len(line)
                end = position
        self._end = end
        with _explained(self.path):
            self._file.truncate(end)
            if end == 0:
                end = self._write(orjson.dumps({"mevals_journal": SCHEMA, "fingerprint": fingerprint}) + b"\n")
        return end

    def _check(self, row: dict[str, Any], fingerprint: str) -> None:
        if row.get("mevals_journal") != SCHEMA:
            raise UsageError(f"{self.path} is no journal of this version of mevals; move it away and run again")
        if row["fingerprint"] != fingerprint:
            raise UsageError(
                f"{self.path} belongs to other settings (its fingerprint differs); move it away and run again"
            )

    def _write(self, line: bytes) -> int:
        written = self._file.write(line)
        if written != len(line):  # a short write is how a full disk shows first
            self._file.truncate(self._end)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return written

    def append(self, row: Mapping[str, Any]) -> None:
        """Keep one answer; `row` has at least id and key. Raises StoreError where it could not be written."""
        line = orjson.dumps(row) + b"\n"
        reach("journal.before")
        with _explained(self.path):
            self._write(line)
        reach("journal.after")
        self.offsets[row["id"]] = self._end
        self.keys[row["id"]] = row["key"]
        self._end += len(line)
        self._unsynced = True

    def read(self, ids: list[str]) -> list[dict[str, Any]]:
        """The rows of `ids`, in that order."""
        descriptor = self._file.fileno()
        rows = []
        for offset in (self.offsets[i] for i in ids):
            rows.append(orjson.loads(_line_at(descriptor, offset)))
        return rows

    def sync(self) -> None:
        """Make what was appended survive a power cut."""
        if self._unsynced:
            self._unsynced = False
            with _explained(self.path):
                os.fsync(self._file.fileno())

    def close(self) -> None:
        """Sync and close."""
        self.sync()
        self._file.close()

    def remove(self) -> None:
        """Delete the journal, once its cell is safe in a parquet file."""
        self._file.close()
        reach("journal.remove")
        self.path.unlink(missing_ok=True)


def _line_at(descriptor: int, offset: int) -> bytes:
    size = 8192
    while True:
        chunk = os.pread(descriptor, size, offset)
        end = chunk.find(b"\n")
        if end >= 0:
            return chunk[:end]
        size *= 4


def _row(line: bytes) -> dict[str, Any] | None:
    """A journal line as a row (or the header); None for a foreign one."""
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(row, dict):
        return None
    ours = isinstance(row.get("id"), str) and isinstance(row.get("key"), str)
    return row if ours or "mevals_journal" in row else None
