"""Parquet files of responses and scores: schemas written out, read and written in batches."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mevals.errors import DataError
from mevals.store import SCHEMA, reach, sync_folder
from mevals.types import Response, Score

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

BATCH = 2_000
"""Rows that are held in memory at once while a file is written."""


@lru_cache(maxsize=1)
def response_schema() -> pa.Schema:
    """One row per answered sample. A null text is no answer (rejected); latency is in seconds."""
    import pyarrow as pa

    text = pa.string()
    return pa.schema(
        [
            pa.field("id", text, nullable=False),
            pa.field("key", text, nullable=False),
            ("messages", pa.list_(pa.struct([("role", text), ("content", text)]))),
            ("targets", pa.list_(text)),
            ("source", text),
            ("choices", pa.list_(text)),
            ("tags", pa.map_(text, text)),
            ("text", text),
            pa.field("finish", text, nullable=False),
            ("error", text),
            ("reasoning", text),
            ("specials", pa.int32()),
            ("prompt_tokens", pa.int32()),
            ("output_tokens", pa.int32()),
            ("latency_s", pa.float32()),
            ("choice_logprobs", pa.list_(pa.float64())),
            ("choice_tokens", pa.list_(pa.int32())),
        ]
    )


@lru_cache(maxsize=1)
def score_schema() -> pa.Schema:
    """One row per response. A null value is unscored; `stats` are sufficient statistics; `parts` further values."""
    import pyarrow as pa

    text = pa.string()
    return pa.schema(
        [
            pa.field("id", text, nullable=False),
            ("value", pa.float64()),
            ("detail", text),
            ("stats", pa.list_(pa.float64())),
            ("parts", pa.map_(text, pa.float64())),
        ]
    )


@dataclass(frozen=True)
class Responses:
    """A complete cell as stored: its metadata and its responses in published order."""

    meta: Mapping[str, Any]
    rows: list[Response]


@dataclass(frozen=True)
class Scores:
    """A scored cell as columns: ids, values (n,), NaN = unscored, details, stats (n, k) or None, parts by name (n,)."""

    meta: Mapping[str, Any]
    ids: list[str]
    values: np.ndarray
    details: list[str]
    stats: np.ndarray | None
    parts: Mapping[str, np.ndarray]


def write_rows(
    path: Path, schema: pa.Schema, batches: Iterable[list[dict[str, Any]]], meta: Callable[[], Mapping[str, Any]]
) -> None:
    """Write a parquet file atomically, batch by batch.

    `meta` is called after the last batch; what it returns goes into the file's metadata as JSON under `mevals`.
    """
    import os

    import pyarrow as pa
    import pyarrow.parquet as pq

    from mevals.store import _explained

    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                with pq.ParquetWriter(file, schema, compression="zstd") as writer:
                    for batch in batches:
                        writer.write_table(pa.Table.from_pylist(batch, schema=schema))
                    said = json.dumps({"schema": SCHEMA, **meta()}, ensure_ascii=False, sort_keys=True)
                    writer.add_key_value_metadata({"mevals": said})
                reach("parquet.before-sync")
                file.flush()
                os.fsync(file.fileno())
            reach("parquet.before-rename")
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        reach("parquet.after-rename")
        sync_folder(path.parent)


def read_meta(path: Path) -> dict[str, Any]:
    """The metadata of one of our parquet files. Raises DataError where it is none or from a newer mevals."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        raw = pq.read_metadata(path).metadata or {}
        meta = json.loads(raw[b"mevals"])
    except (pa.ArrowInvalid, OSError, KeyError, ValueError):
        raise DataError(
            f"{path} is damaged or was not written by mevals: move it away (or delete it) and run again"
        ) from None
    if meta["schema"] > SCHEMA:
        raise DataError(f"{path} was written by a newer mevals (schema {meta['schema']}): update mevals to read it")
    return dict(meta)


def _read_table(path: Path) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path)
    except (pa.ArrowInvalid, OSError):
        raise DataError(f"{path} is damaged: move it away (or delete it) and run again") from None


def response_row(response: Response, key: str) -> dict[str, Any]:
    """A response as a row of its parquet file."""
    return {**asdict(response), "key": key, "tags": list(response.tags.items())}


def read_responses(path: Path) -> Responses:
    """The responses of a complete cell."""
    meta = read_meta(path)
    return Responses(meta, [_response(row) for row in _read_table(path).to_pylist()])


def _response(row: dict[str, Any]) -> Response:
    row.pop("key")
    for name in ("targets", "choices"):
        row[name] = tuple(row[name] or ())
    for name in ("choice_logprobs", "choice_tokens"):
        row[name] = None if row[name] is None else tuple(row[name])
    row["messages"] = tuple(row["messages"] or ())
    row["tags"] = dict(row["tags"] or ())
    return Response(**row)


def read_keys(path: Path) -> dict[str, str]:
    """Sample id → key of a complete cell."""
    import pyarrow.parquet as pq

    table = pq.read_table(path, columns=["id", "key"])
    return dict(zip(table["id"].to_pylist(), table["key"].to_pylist(), strict=True))


def stored_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a response file as plain rows, batch by batch, ready to be written again."""
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(path).iter_batches(batch_size=BATCH):
        yield from batch.to_pylist()


def write_scores(path: Path, scores: Sequence[Score], meta: Mapping[str, Any]) -> None:
    """Write the scores of one cell under one signature."""
    rows = [
        {
            "id": s.id,
            "value": s.value,
            "detail": s.detail,
            "stats": None if s.stats is None else list(s.stats),
            "parts": list(s.parts.items()),
        }
        for s in scores
    ]
    write_rows(path, score_schema(), in_batches(rows), lambda: meta)


def read_scores(path: Path) -> Scores:
    """The scores of one cell as columns."""
    import numpy as np

    meta = read_meta(path)
    table = _read_table(path)
    values = np.asarray(table["value"].to_numpy(zero_copy_only=False), dtype=float)
    stats = _stats(table["stats"], len(values))
    return Scores(meta, table["id"].to_pylist(), values, table["detail"].to_pylist(), stats, _parts(table["parts"]))


def _stats(column: Any, n: int) -> np.ndarray | None:
    """Sufficient statistics as (n, k); rows without any are zero, which adds nothing to a sum."""
    import numpy as np

    array = column.combine_chunks()
    filled = array.drop_null()
    if len(filled) == 0:
        return None
    width = len(filled[0])
    stats = np.zeros((n, width))
    stats[np.asarray(array.is_valid())] = np.asarray(filled.flatten()).reshape(-1, width)
    return stats


def _parts(column: Any) -> dict[str, np.ndarray]:
    import numpy as np

    rows = column.to_pylist()
    names = dict.fromkeys(name for row in rows for name, _ in row or ())
    values = {name: np.full(len(rows), np.nan) for name in names}
    for i, row in enumerate(rows):
        for name, value in row or ():
            values[name][i] = np.nan if value is None else value
    return values


def in_batches(rows: Iterable[Any]) -> Iterator[list[Any]]:
    """`rows` in lists of at most BATCH."""
    batch: list[Any] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
