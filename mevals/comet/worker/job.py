"""The files through which mevals and its worker talk: a job, its segments, and results that are only ever appended.

Read and written by both sides, so this file needs nothing but the standard library.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple


class Failure(Exception):
    """The worker cannot go on, and starting it again would not help.

    `kind` is one of environment, missing, gated, memory, value; the message is one sentence that says what to do.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


def first_line(error: BaseException) -> str:
    """What an exception says, cut to one line."""
    return str(error).strip().split("\n")[0] or "no message"


class Segment(NamedTuple):
    """One translation to score. An empty `mt` is scored as such; `ref` is None where the metric reads no reference."""

    id: str
    src: str
    mt: str
    ref: str | None = None

    @property
    def key(self) -> str:
        """32 hex digits of what is scored, so that a result proves which texts it belongs to."""
        texts = json.dumps([self.src, self.mt, self.ref]).encode()
        return hashlib.sha256(texts).hexdigest()[:32]


class Result(NamedTuple):
    """What the model said about one segment; `spans` are its error spans, None where the model marks none at all."""

    id: str
    key: str
    score: float
    parts: Mapping[str, float] = {}
    spans: Sequence[Mapping[str, Any]] | None = None


@dataclass(frozen=True)
class Model:
    """Which weights to load, and how: everything that the worker must know about a metric.

    `source` is a Hugging Face repository, a checkpoint file or a folder. `reference` False scores without references a
    model that could read them. `tokenizer` names another repository or folder where the checkpoint carries none.
    """

    family: str
    source: str
    revision: str | None = None
    reference: bool | None = None
    tokenizer: str | None = None


@dataclass(frozen=True)
class Job:
    """One file of segments to score with one model on one device.

    `identity` stands for everything that can change an embedding; `inputs` are what the model reads beside the
    translation ("src", "ref"); `segments` and `scores` are files, `embeddings` a folder.
    """

    model: Model
    checkpoint: str
    identity: str
    inputs: Sequence[str]
    precision: str
    device: str
    batch_size: int
    segments: str
    scores: str
    embeddings: str

    def write(self, path: Path) -> None:
        """Store the job as JSON."""
        path.write_text(json.dumps(asdict(self), ensure_ascii=False), encoding="utf-8")

    @staticmethod
    def read(path: Path) -> Job:
        """The job that was written there."""
        values = json.loads(path.read_text(encoding="utf-8"))
        return Job(**{**values, "model": Model(**values["model"])})


def write_segments(path: Path, segments: Iterable[Segment]) -> None:
    """Store segments as JSON lines."""
    with path.open("w", encoding="utf-8", newline="\n") as lines:
        for segment in segments:
            lines.write(json.dumps(segment._asdict()) + "\n")


def read_segments(path: Path) -> list[Segment]:
    """The segments of a file of JSON lines, in its order."""
    return [Segment(**json.loads(line)) for line in path.read_bytes().split(b"\n") if line]


def read_results(path: Path) -> tuple[list[Result], int]:
    """The complete results of a file, and how many of its bytes they fill.

    A line that was being written when the process died ends the file: it and all after it are scored again.
    """
    results: list[Result] = []
    size = 0
    for line in path.read_bytes().split(b"\n")[:-1] if path.exists() else []:
        try:
            results.append(Result(**json.loads(line)))
        except (ValueError, TypeError):
            break
        size += len(line) + 1
    return results, size


class ResultFile:
    """Results, appended batch by batch; what an earlier process completed is in `done` as (id, key)."""

    def __init__(self, path: Path) -> None:
        results, size = read_results(path)
        self.done = {(result.id, result.key) for result in results}
        self._lines = path.open("ab")
        self._lines.truncate(size)

    def append(self, results: Iterable[Result]) -> None:
        """Write results and hand them to the operating system, so that they outlive this process."""
        text = "".join(json.dumps(result._asdict(), ensure_ascii=False) + "\n" for result in results)
        self._lines.write(text.encode())
        self._lines.flush()

    def close(self) -> None:
        """Close the file."""
        self._lines.close()
