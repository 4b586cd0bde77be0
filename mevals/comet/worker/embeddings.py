"""Sentence embeddings kept on disk: the sources and references of a test set are encoded once for all systems.

A store is a folder for one encoder, revision and precision: `vectors.bin` holds the rows, `index.bin` one record for
each (16 bytes of the text's SHA-256 and a CRC-32 of the row). Rows are written before their records and both only grow,
so a killed process leaves a store that is short, never one that is wrong.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

DIGEST_BYTES = 16
RECORD_BYTES = DIGEST_BYTES + 4


def digest(text: str) -> bytes:
    """The 16 bytes by which a text is found again."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:DIGEST_BYTES]


class EmbeddingStore:
    """Rows of float32 or float16 by text. Several processes may read and append at once."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._rows: dict[bytes, tuple[int, int]] = {}
        self._read = 0
        self._mapped: np.ndarray[Any, Any] | None = None
        self._refresh()

    def __contains__(self, text: str) -> bool:
        return digest(text) in self._rows

    def missing(self, texts: Sequence[str]) -> list[str]:
        """The distinct texts that have no row yet, or a damaged one, in order of first appearance."""
        self._refresh()
        found = dict.fromkeys(texts)
        for text in found:
            if text in self and not self._is_sound(text):
                del self._rows[digest(text)]
        return [text for text in found if text not in self]

    def append(self, texts: Sequence[str], vectors: np.ndarray[Any, Any]) -> None:
        """Keep one row of `vectors`, float16 or float32 (n, dim), for each text."""
        with self._locked():
            self._check_shape(vectors)
            self._refresh()
            fresh = {digest(text): row for text, row in zip(texts, vectors, strict=True) if text not in self}
            if not fresh:
                return
            rows = [row.tobytes() for row in fresh.values()]
            count = self._read
            _write_at(self._folder / "vectors.bin", count * len(rows[0]), b"".join(rows))
            records = [key + zlib.crc32(row).to_bytes(4, "little") for key, row in zip(fresh, rows, strict=True)]
            _write_at(self._folder / "index.bin", count * RECORD_BYTES, b"".join(records))
            self._refresh()

    def vectors(self, texts: Sequence[str]) -> np.ndarray[Any, Any]:
        """The rows of texts that the store contains, (len(texts), dim). KeyError where one is absent."""
        return np.array(self._table()[[self._rows[digest(text)][0] for text in texts]])

    def _is_sound(self, text: str) -> bool:
        row, checksum = self._rows[digest(text)]
        return zlib.crc32(self._table()[row].tobytes()) == checksum

    def _table(self) -> np.ndarray[Any, Any]:
        """All rows that were read in so far, mapped from the file."""
        if self._mapped is None or len(self._mapped) < self._read:
            shape = self._shape()
            row_bytes = shape["dim"] * np.dtype(shape["dtype"]).itemsize
            data = np.memmap(self._folder / "vectors.bin", dtype=np.uint8, mode="r")[: self._read * row_bytes]
            self._mapped = data.view(shape["dtype"]).reshape(self._read, shape["dim"])
        return self._mapped

    def _shape(self) -> dict[str, Any]:
        shape: dict[str, Any] = json.loads((self._folder / "shape.json").read_text())
        return shape

    def _check_shape(self, vectors: np.ndarray[Any, Any]) -> None:
        path = self._folder / "shape.json"
        shape = {"dim": int(vectors.shape[1]), "dtype": vectors.dtype.name}
        if not path.exists():
            _replace(path, json.dumps(shape).encode())
        elif self._shape() != shape:
            raise ValueError(f"{self._folder} holds rows of {self._shape()}, not {shape}: delete the folder")

    def _refresh(self) -> None:
        """Take in what was appended since the last look, by this process or another."""
        index, vectors = self._folder / "index.bin", self._folder / "vectors.bin"
        if not (index.exists() and vectors.exists()):
            return
        shape = self._shape()
        row_bytes = shape["dim"] * np.dtype(shape["dtype"]).itemsize
        with index.open("rb") as records:
            records.seek(self._read * RECORD_BYTES)
            data = records.read()
        complete = min(len(data) // RECORD_BYTES, vectors.stat().st_size // row_bytes - self._read)
        for start in range(0, complete * RECORD_BYTES, RECORD_BYTES):
            record = data[start : start + RECORD_BYTES]
            self._rows[record[:DIGEST_BYTES]] = (self._read, int.from_bytes(record[DIGEST_BYTES:], "little"))
            self._read += 1

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self._folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _write_at(path: Path, offset: int, data: bytes) -> None:
    """Put data at the offset, cutting off what an interrupted write left behind it, and bring it to the disk."""
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.truncate(offset)
        file.seek(offset)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _replace(path: Path, data: bytes) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(data)
    part.replace(path)
