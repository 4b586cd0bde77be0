"""Results that people hand on: packed into one archive, verified number by number, merged without overwriting.

A submission is believed as far as it can be recomputed: cells from score files, scores from answers where the task's own
scorer needs no judge and no COMET. Text that may not be passed on is left out of the archive; ids and scores stay.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from mevals.aggregate import Slicing, _score_files, cell_record, load_cells, read_cells
from mevals.errors import DataError, UsageError
from mevals.records import read_responses, read_scores, response_schema, stored_rows, write_rows
from mevals.run import read_manifest
from mevals.score import Answered, answered_cells
from mevals.store import Store, safe

LARGEST = 20_000_000_000
"""Unpacked bytes of an archive at most."""
TEXTS = ("messages", "targets", "source", "choices", "text", "reasoning", "error")
"""Columns of a response file that hold text of the data or of the model."""
COUNTS = frozenset({"n", "truncated", "rejected", "fingerprint"})
NUMBERS = frozenset({"value", "low", "high", "n", "unscored", "strict", "judged", "off"})
"""Compared always; whatever else both records say is compared too. A newer mevals may say more about a number."""


@dataclass
class Verdict:
    """What verification found: cells whose numbers came out the same, and how far the evidence went."""

    cells: int = 0
    recomputed: int = 0
    rescored: int = 0
    not_rescored: Counter[str] = field(default_factory=Counter)

    def lines(self) -> list[str]:
        """The verdict in sentences."""
        out = [
            f"{self.cells} cells, {self.recomputed} recomputed from score files: all numbers are the same",
            f"{self.rescored} score files made again from the answers: all scores are the same",
        ]
        taken = self.cells - self.recomputed
        if taken:
            out.append(f"{taken} cells came without answers and scores: their numbers are taken on trust")
        return out + [f"{n} score files not made again: {why}" for why, n in sorted(self.not_rescored.items())]


def pack_results(results: Path, file: Path, models: Sequence[str] = (), evidence: bool = True) -> str:
    """Write an archive of manifests, cells.json and (with `evidence`) answers and scores; returns what it holds.

    Raises UsageError where there is nothing to pack or the file exists.
    """
    if file.exists():
        raise UsageError(f"{file} exists: name another file or move it away")
    if not results.is_dir():
        raise UsageError(f"there is no results folder {results}; name another with --results")
    wanted = {safe(m) for m in models}
    folders = [p.parent for p in sorted(results.glob("*/*/cells.json")) if not wanted or p.parent.parent.name in wanted]
    if not folders:
        raise UsageError(f"{results} holds no scored cells of these models: run `mevals score` first")
    hidden = 0
    partial = file.with_name(f".{file.name}.tmp")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive, tempfile.TemporaryDirectory() as temporary:
        for folder in folders:
            base = f"{folder.parent.name}/{folder.name}"
            manifest = read_manifest(folder / "manifest.json")
            closed = _withheld(manifest)
            archive.writestr(f"{base}/manifest.json", _manifest_bytes(manifest, closed))
            archive.write(folder / "cells.json", f"{base}/cells.json")
            for path in sorted(folder.glob("scores/*/*.parquet")) if evidence else ():
                archive.write(path, f"{base}/scores/{path.parent.name}/{path.name}")
            for path in sorted((folder / "responses").glob("*.parquet")) if evidence else ():
                source = _without_text(path, Path(temporary) / "answers.parquet") if closed else path
                archive.write(source, f"{base}/responses/{path.name}")
            hidden += closed
    partial.replace(file)
    said = f"packed {len(folders)} task folders into {file} ({file.stat().st_size / 1e6:.1f} MB)"
    return said + (f"; of {hidden} of them ids and scores only: their data may not be passed on" if hidden else "")


def _withheld(manifest: Mapping[str, Any]) -> bool:
    from mevals.site.pages import withheld

    return withheld(manifest.get("card") or {})


def _manifest_bytes(manifest: Mapping[str, Any], closed: bool) -> bytes:
    """The manifest as JSON, without its first prompt where the data's text may not be passed on."""
    import orjson

    kept = {k: v for k, v in manifest.items() if not (closed and k == "first_prompt")}
    return orjson.dumps(kept, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)


def _without_text(path: Path, to: Path) -> Path:
    """A copy of a response file whose texts are null; ids, tags, counts and metadata stay."""
    from mevals.records import read_meta

    meta = {**read_meta(path), "text_withheld": True}
    rows = [{**row, **dict.fromkeys(TEXTS)} for row in stored_rows(path)]
    write_rows(to, response_schema(), [rows], lambda: meta)
    return to


@contextmanager
def _opened(file: Path) -> Iterator[Path]:
    """The results folder that a file or folder means; an archive is unpacked, and only plain relative paths are."""
    if file.is_dir():
        yield file
        return
    try:
        archive = zipfile.ZipFile(file)
    except (OSError, zipfile.BadZipFile):
        raise DataError(f"{file} is no archive of `mevals results pack`: pack the results again") from None
    with archive, tempfile.TemporaryDirectory() as temporary:
        entries = archive.infolist()
        if sum(e.file_size for e in entries) > LARGEST:
            raise DataError(f"{file} unpacks to more than {LARGEST / 1e9:.0f} GB: send it in parts")
        for entry in entries:
            parts = PurePosixPath(entry.filename).parts
            if not _expected(parts):
                raise DataError(f"{file} holds {entry.filename!r}, which is no part of results: pack them again")
            target = Path(temporary, *parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as source, target.open("wb") as out:
                shutil.copyfileobj(source, out)
        yield Path(temporary)


def _expected(parts: Sequence[str]) -> bool:
    """Whether this is the place of a manifest, cells.json, response or score file."""
    plain = all(
        p not in ("", ".", "..") and "\\" not in p and "\0" not in p and not p.startswith((".", "/")) for p in parts
    )
    if not plain or len(parts) < 3:
        return False
    kind, last = parts[2], parts[-1]
    return (
        (len(parts) == 3 and kind in ("manifest.json", "cells.json"))
        or (len(parts) == 4 and kind == "responses" and last.endswith(".parquet"))
        or (len(parts) == 5 and kind == "scores" and last.endswith(".parquet"))
    )


def verify_results(file: Path) -> Verdict:
    """Recompute what can be recomputed. Raises DataError, naming cell and number, at the first that differs."""
    with _opened(file) as folder:
        return verify_folder(folder)


def verify_folder(folder: Path) -> Verdict:
    """`verify_results` of a results folder."""
    store, verdict = Store(folder), Verdict()
    answered = {_key(a): a for a in answered_cells(store)}
    paths = sorted(folder.glob("*/*/cells.json"))
    if not paths:
        raise DataError(f"{folder.name} holds no cells.json: nothing to verify")
    for path in paths:
        manifest = read_manifest(path.parent / "manifest.json")
        if not manifest:
            raise DataError(f"{_where(path)} has no manifest.json: pack the results again")
        for cell in read_cells(path):
            _check_place(cell, manifest, path)
            if cell["state"] != "complete":
                continue
            verdict.cells += 1
            mine = answered.pop((cell["model"], cell["task"], cell["condition"], cell["subset"]), None)
            if mine is not None:
                _check_cell(store, mine, cell, Slicing.of(path.parent), verdict)
    if answered:
        raise DataError(
            f"answers of {' / '.join(map(str, next(iter(answered))))} have no record in cells.json: run `mevals score`"
        )
    return verdict


def _key(answered: Answered) -> tuple[str, str, str, str]:
    cell = answered.cell
    return cell.model, cell.task, cell.condition, cell.subset.name


def _where(path: Path) -> str:
    return f"{path.parent.parent.name}/{path.parent.name}"


def _check_place(cell: Mapping[str, Any], manifest: Mapping[str, Any], path: Path) -> None:
    """A record must belong to its folder and manifest, and hold values within their scales."""
    said = tuple(manifest.get(k) or "" for k in ("model", "task", "condition"))
    if said != (cell["model"], cell["task"], cell["condition"]):
        raise DataError(f"{_where(path)}: a record of {cell['model']} / {cell['task']} stands under another manifest")
    if bool(manifest.get("simulated")) != bool(cell.get("simulated")):
        raise DataError(f"{_where(path)}: {cell['subset']} and the manifest disagree on whether it is simulated")
    for metric in cell["metrics"]:
        low, high = metric["scale"] or (None, None)
        value = metric["value"]
        if value is not None and low is not None and not low <= value <= (high if high is not None else value):
            raise DataError(f"{_where(path)}: {cell['subset']} {metric['metric']} is {value}, outside its scale")


def _check_cell(store: Store, mine: Answered, cell: Mapping[str, Any], slicing: Slicing, verdict: Verdict) -> None:
    """Raise DataError where the record is not what its own files give."""
    where = " / ".join(part for part in _key(mine) if part)
    _check_digest(mine, where)
    made = dict(cell_record(store, mine, {}, slicing))
    for name in sorted((made.keys() & cell.keys() | COUNTS) - {"metrics", "basis"}):
        if made.get(name) != cell.get(name):
            raise DataError(
                f"{where}: {name} is {cell.get(name)!r} in cells.json, but the answers say {made.get(name)!r}"
            )
    ours, theirs = ({(m["metric"], m["signature"]): m for m in c["metrics"]} for c in (made, cell))
    if ours.keys() != theirs.keys():
        odd = sorted(k[0] for k in ours.keys() ^ theirs.keys())
        raise DataError(f"{where}: {', '.join(odd[:3])}: the score files and cells.json do not hold the same metrics")
    for key, metric in ours.items():
        for name in sorted(metric.keys() & theirs[key].keys() | NUMBERS):
            if not _same(metric.get(name), theirs[key].get(name)):
                raise DataError(
                    f"{where}: {key[0]} {name} is {theirs[key].get(name)} in cells.json, but the score files give "
                    f"{metric.get(name)}: an edited number is refused; run `mevals score` and pack again"
                )
    verdict.recomputed += 1
    _rescore(store, mine, where, verdict)


def _same(ours: Any, theirs: Any) -> bool:
    """Equal, or equal up to what another machine's arithmetic may change."""
    if isinstance(ours, float) and isinstance(theirs, (int, float)):
        return abs(ours - theirs) <= 1e-9 * max(1.0, abs(ours))
    return bool(ours == theirs)


def _check_digest(mine: Answered, where: str) -> None:
    """The answers must be those that the file's own digest was made of.

    Texts that were left out can't be checked, nor can a file that grew in several runs, whose digest depends on them.
    """
    if mine.meta.get("text_withheld") or len(mine.meta.get("selections") or ()) > 1:
        return
    rows = list(stored_rows(mine.path))
    if mine.meta["digest"] not in (_digest(rows, tuple), _digest(rows, list)):
        raise DataError(f"{where}: the answers were changed after they were made (their digest differs)")


def _digest(rows: Sequence[Mapping[str, Any]], form: Any) -> str:
    """The digest of response rows; references count as tuple or list, as they came from a run or from a file."""
    import hashlib

    from mevals.generate import counted_rows

    digest = hashlib.sha256()
    counted_rows([{**row, "targets": form(row["targets"] or ())} for row in rows], digest, Counter())
    return digest.hexdigest()


def _rescore(store: Store, mine: Answered, where: str, verdict: Verdict) -> None:
    """Score the answers again with the task's own scorers and compare every value."""
    import numpy as np

    from mevals.commands import scorers_of

    files = _score_files(store, mine)
    if mine.meta.get("text_withheld"):
        verdict.not_rescored["the text may not be passed on"] += len(files)
        return
    rows = read_responses(mine.path).rows
    pure = {s.signature(mine.cell.subset): s for s in scorers_of(mine.cell.task, mine.meta) if not s.needs}
    for path in files:
        scores = read_scores(path)
        scorer = pure.get(scores.meta["signature"])
        if scorer is None:
            verdict.not_rescored["it needs a judge, COMET, or another version of the scorer"] += 1
            continue
        made = scorer.score(rows, mine.cell.subset)
        values = np.array([np.nan if s.value is None else s.value for s in made])
        if [s.id for s in made] != scores.ids or not np.allclose(values, scores.values, atol=1e-9, equal_nan=True):
            raise DataError(
                f"{where}: {scores.meta['metric']}: the scores are not those of the answers; an edited score is refused"
            )
        verdict.rescored += 1


def merge_results(file: Path, results: Path) -> str:
    """Verify, then copy what `results` lacks; what it has stays, and a different version of it is refused."""
    with _opened(file) as folder:
        verify_folder(folder)
        load_cells(folder)
        store = Store(results)
        with store.locked("results merge"):
            wanted = [p.parent.relative_to(folder) for p in sorted(folder.glob("*/*/cells.json"))]
            clash = [w for w in wanted if (results / w).exists()]
            if clash:
                raise UsageError(
                    f"{results} has {clash[0].as_posix()} already: merge into another folder or move it away"
                )
            for path in wanted:
                partial = results / path.parent / f".{path.name}.tmp"
                shutil.copytree(folder / path, partial)
                partial.replace(results / path)
    return f"merged {len(wanted)} task folders into {results}"
