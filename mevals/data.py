"""Where a task's rows come from: shipped mini data, a local mirror, or the hub at a pinned revision.

A mirror is `<mirror>/<task>/<subset>/<split>.parquet` with `SHA256SUMS` and `source.json` beside them. What was read is
pinned in `data.lock.json` beside the results: later runs must find the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import orjson

from mevals.errors import DataError, did_you_mean
from mevals.types import Subset

if TYPE_CHECKING:
    from mevals.card import Card, Row

Where = Literal["auto", "mini", "mirror", "hub"]


class Data(Protocol):
    """A source of rows."""

    def rows(self, card: Card, subset: Subset, split: str) -> Iterable[Row]:
        """The rows of one subset in published order. Raises DataError where they can't be had."""
        ...

    def has(self, card: Card, subset: str) -> bool:
        """Whether a subset can be expected here; True where only a request would tell."""
        ...

    def revision(self, card: Card, subset: Subset) -> str:
        """What identifies these very rows, such as `mirror:<sha256>`; part of a cell's fingerprint."""
        ...


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSONL file, split on "\\n" only (strings may hold U+2028). Raises DataError with the line."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror}") from None
    return [_object(line, path, i) for i, line in enumerate(raw.split(b"\n"), 1) if line.strip()]


def _object(line: bytes, path: Path, number: int) -> dict[str, Any]:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise DataError(f"{path}, line {number}: not valid JSON ({error.msg}); mend or remove the line") from None
    if not isinstance(value, dict):
        raise DataError(f"{path}, line {number}: must be a JSON object, not {type(value).__name__}")
    return value


@dataclass
class Mini:
    """The small self-written data that ships with each task."""

    def rows(self, card: Card, subset: Subset, split: str) -> Iterable[Row]:
        return read_jsonl(self._path(card, subset, split))

    def revision(self, card: Card, subset: Subset) -> str:
        names = [*card.file.needs, subset.name]
        paths = [p for n in names for p in sorted((card.folder / "mini").glob(f"{n}.*"))]
        return "mini:" + hashlib.sha256(b"\0".join(p.read_bytes() for p in paths)).hexdigest()[:16]

    def has(self, card: Card, subset: str) -> bool:
        return (card.folder / "mini" / f"{subset}.jsonl").exists()

    def _path(self, card: Card, subset: Subset, split: str) -> Path:
        own = card.folder / "mini" / f"{subset.name}.{split}.jsonl"
        path = own if split != card.file.split else card.folder / "mini" / f"{subset.name}.jsonl"
        if not path.exists():
            have = sorted(p.name.split(".")[0] for p in (card.folder / "mini").glob("*.jsonl"))
            raise DataError(f"{card.folder.name} has no mini data for {subset.name}{did_you_mean(subset.name, have)}")
        return path


@dataclass
class Mirror:
    """A folder of parquet files made by `mevals data import` or `mevals data fetch`."""

    folder: Path
    lock: Lock
    _sums: dict[str, dict[str, str]] = field(default_factory=dict)

    def has(self, card: Card, subset: str) -> bool:
        return f"{subset}/{card.file.split}.parquet" in self.sums(card.folder.name)

    def holds(self, task: str) -> bool:
        """Whether this mirror has a task folder at all."""
        return (self.folder / task).is_dir()

    def rows(self, card: Card, subset: Subset, split: str) -> Iterable[Row]:
        import pyarrow.parquet as pq

        path, sha = self._checked(card, subset, split)
        self.lock.hold(f"{card.folder.name}/{subset.name}/{split}", f"sha256:{sha}")
        try:
            return list(pq.read_table(path).to_pylist())
        except Exception as error:
            raise DataError(f"{path} is no readable parquet file ({error}); import it again") from None

    def revision(self, card: Card, subset: Subset) -> str:
        sums = self.sums(card.folder.name)
        parts = [f"{n}={sums.get(f'{n}/{card.file.split}.parquet', '')}" for n in (*card.file.needs, subset.name)]
        return "mirror:" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    def sums(self, task: str) -> dict[str, str]:
        """Relative path → sha256 of one task's files. Raises DataError where the mirror is half-made."""
        if task not in self._sums:
            path = self.folder / task / "SHA256SUMS"
            if not self.folder.is_dir():
                raise DataError(f"the mirror {self.folder} is no folder; check --mirror or MEVALS_MIRROR")
            if not path.exists():
                raise DataError(
                    f"the mirror {self.folder} has no complete data for {task!r} ({path.name} is missing): "
                    f"make it with `mevals data import {task} PATH --mirror {self.folder}`"
                )
            lines = path.read_text(encoding="utf-8").split("\n")
            self._sums[task] = {n: s for s, _, n in (line.partition("  ") for line in lines if line)}
        return self._sums[task]

    def _checked(self, card: Card, subset: Subset, split: str) -> tuple[Path, str]:
        task = card.folder.name
        sums = self.sums(task)
        name = f"{subset.name}/{split}.parquet"
        if name not in sums:
            have = sorted({n.split("/")[0] for n in sums})
            raise DataError(f"the mirror of {task} has no {name}{did_you_mean(subset.name, have)}")
        path = self.folder / task / name
        if not path.exists():
            raise DataError(f"{path} is listed in SHA256SUMS but missing; import {task} again")
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != sums[name]:
            raise DataError(f"{path} is damaged: its sha256 differs from SHA256SUMS; import {task} again")
        return path, found


@dataclass
class Hub:
    """Data sets on the Hugging Face hub, at the card's revision or the one that the first fetch pinned."""

    lock: Lock
    offline: bool = False

    def has(self, card: Card, subset: str) -> bool:
        return subset not in card.file.mini_only

    def rows(self, card: Card, subset: Subset, split: str) -> Iterable[Row]:
        if self.offline:
            raise DataError(
                f"{card.folder.name} needs {card.file.dataset} from the hub, but --offline is set: give a mirror with --mirror"
            )
        import datasets

        revision = self.pinned(card)
        config = subset.config or subset.name
        with _explained(card):
            return datasets.load_dataset(card.file.dataset, config, split=split, revision=revision)  # type: ignore[no-any-return]

    def revision(self, card: Card, subset: Subset) -> str:
        return f"hub:{card.file.dataset}@{self.pinned(card)}"

    def pinned(self, card: Card) -> str:
        """The commit that is read: the card's, the lock's, or today's, which is then written to the lock."""
        key = f"hub/{card.file.dataset}"
        revision = card.file.revision or self.lock.get(key) or ("" if self.offline else self._newest(card))
        if not revision:
            raise DataError(
                f"the revision of {card.file.dataset} is not pinned yet and --offline is set: give a mirror with --mirror, "
                "use --data mini, or run once with a network"
            )
        self.lock.hold(key, revision)
        return revision

    def _newest(self, card: Card) -> str:
        from huggingface_hub import HfApi

        with _explained(card):
            return str(HfApi().dataset_info(card.file.dataset, timeout=20).sha)


FOREIGN = ("httpx", "httpcore", "requests", "urllib3", "aiohttp", "huggingface_hub", "datasets", "fsspec")
"""Modules whose exceptions mean that the hub could not be read, whichever transport the library uses this year."""


@contextmanager
def _explained(card: Card) -> Iterator[None]:
    """Turn what goes wrong between us and the hub into a sentence; bugs of ours still crash."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise DataError(_hub_problem(card, error)) from None
    except Exception as error:
        if not type(error).__module__.startswith(FOREIGN):
            raise
        raise DataError(_hub_problem(card, error)) from None


def _hub_problem(card: Card, error: Exception) -> str:
    name = card.file.dataset
    page = card.file.page or f"https://huggingface.co/datasets/{name}"
    if card.file.gated and ("gated" in str(error).lower() or "401" in str(error) or "403" in str(error)):
        return f"{name} is gated: accept its terms at {page}, then `huggingface-cli login` (or set HF_TOKEN), and run again"
    return (
        f"{name} can't be read from the hub ({type(error).__name__}): check the network, give a local copy with --mirror "
        f"(`mevals data import {card.folder.name} PATH`), or use --data mini"
    )


@dataclass
class Auto:
    """The mirror where it holds the task, else the hub."""

    mirror: Mirror | None
    hub: Hub

    def rows(self, card: Card, subset: Subset, split: str) -> Iterable[Row]:
        return self.chosen(card).rows(card, subset, split)

    def has(self, card: Card, subset: str) -> bool:
        return self.chosen(card).has(card, subset)

    def revision(self, card: Card, subset: Subset) -> str:
        return self.chosen(card).revision(card, subset)

    def chosen(self, card: Card) -> Data:
        """The source that holds this card's data."""
        return self.mirror if self.mirror and self.mirror.holds(card.folder.name) else self.hub


@dataclass
class Lock:
    """`data.lock.json`: what was read, so that later runs read the same."""

    path: Path
    entries: dict[str, str] = field(default_factory=dict)
    changed: bool = False

    @classmethod
    def open(cls, path: Path) -> Lock:
        """The lock at `path`; empty where there is none yet."""
        if not path.exists():
            return cls(path)
        try:
            entries = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            raise DataError(f"{path} is not valid JSON; restore it or delete it to pin the data afresh") from None
        return cls(path, dict(entries))

    def get(self, key: str) -> str:
        """What `key` is pinned to; empty if it is not."""
        return self.entries.get(key, "")

    def hold(self, key: str, value: str) -> None:
        """Pin `key`, or check that it is still what it was pinned to."""
        old = self.entries.get(key)
        if old is not None and old != value:
            raise DataError(
                f"{key} is not the data that {self.path} pinned ({value} instead of {old}): restore the data, or delete that "
                "entry to accept the change (results on the old data stay as they are)"
            )
        if old is None:
            self.entries[key] = value
            self.changed = True

    def save(self) -> None:
        """Write what was pinned since the lock was opened."""
        if self.changed:
            from mevals.store import write_atomically

            text = json.dumps(dict(sorted(self.entries.items())), indent=1, ensure_ascii=False) + "\n"
            write_atomically(self.path, text.encode())
            self.changed = False


def open_data(where: Where, mirror: Path | None, lock: Lock, *, offline: bool) -> Data:
    """The source of rows that the command asked for; `mirror` defaults to $MEVALS_MIRROR.

    Raises DataError where the mirror is asked for but not there.
    """
    setting = os.environ.get("MEVALS_MIRROR", "")
    folder = mirror or (Path(setting) if setting else None)
    if folder is not None and not folder.is_dir():
        raise DataError(f"the mirror {folder} is no folder; check --mirror or MEVALS_MIRROR")
    opened = Mirror(folder, lock) if folder else None
    if where == "mini":
        return Mini()
    if where == "mirror":
        if opened is None:
            raise DataError("--data mirror needs a folder: give --mirror DIR or set MEVALS_MIRROR")
        return opened
    hub = Hub(lock, offline)
    return hub if where == "hub" else Auto(opened, hub)


def write_mirror(
    folder: Path, task: str, tables: Iterable[tuple[str, str, Iterable[dict[str, Any]]]], source: Mapping[str, Any]
) -> dict[str, int]:
    """Write tables (subset, split, rows) as a task's mirror; the sums come last, so a half mirror is known as such.

    Returns rows per `subset/split`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from mevals.store import safe, write_atomically

    target = folder / task
    (target / "SHA256SUMS").unlink(missing_ok=True)
    sums: dict[str, str] = {}
    counts: dict[str, int] = {}
    for subset, split, rows in tables:
        table = pa.Table.from_pylist(list(rows))
        if table.num_rows == 0:
            raise DataError(f"{subset}/{split} of {task} is empty; nothing was imported")
        name = f"{safe(subset)}/{safe(split)}.parquet"
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        content = sink.getvalue().to_pybytes()
        write_atomically(target / name, content)
        sums[name] = hashlib.sha256(content).hexdigest()
        counts[f"{subset}/{split}"] = table.num_rows
    if not counts:
        raise DataError(f"nothing of {task} was found there; nothing was imported")
    write_atomically(target / "source.json", json.dumps(dict(source), indent=1, ensure_ascii=False).encode())
    write_atomically(target / "SHA256SUMS", "".join(f"{s}  {n}\n" for n, s in sorted(sums.items())).encode())
    return counts
