"""Files of segments that people write, and files of scores for them to read."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from mevals.comet.worker.job import Result, Segment
from mevals.errors import DataError


def load_segments(path: Path) -> list[Segment]:
    """The segments of a file of JSON lines. Raises DataError for a line that cannot be read or an empty file."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})") from error
    segments = [_read(line, path, number) for number, line in enumerate(lines, 1) if line.strip()]
    if not segments:
        raise DataError(f"{path} holds no segments: write one JSON object per line with id, src, mt and ref")
    return segments


def _read(line: bytes, path: Path, number: int) -> Segment:
    try:
        row = json.loads(line)
        segment = Segment(str(row["id"]), row["src"], row["mt"], row.get("ref"))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"{path} line {number} is no segment: write a JSON object with id, src, mt and ref") from error
    if not all(isinstance(text, str) for text in (segment.src, segment.mt, segment.ref or "")):
        raise DataError(f"{path} line {number}: src, mt and ref must be strings")
    return segment


def store_results(results: Sequence[Result], path: Path | None) -> None:
    """Write results as JSON lines to the file, whole or not at all, or to standard output."""
    lines = "".join(json.dumps(_row(result), ensure_ascii=False) + "\n" for result in results)
    if path is None:
        sys.stdout.write(lines)
        return
    part = path.with_name(path.name + ".part")
    part.write_text(lines, encoding="utf-8")
    part.replace(path)


def _row(result: Result) -> dict[str, object]:
    row: dict[str, object] = {"id": result.id, "score": result.score}
    if result.parts:
        row["parts"] = result.parts
    if result.spans is not None:
        row["spans"] = result.spans
    return row
