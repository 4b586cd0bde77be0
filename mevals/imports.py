"""Take in what exists already: outputs made elsewhere, WMT system trees, and benchmark data in public layouts."""

from __future__ import annotations

import hashlib
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import repeat
from pathlib import Path
from typing import Any

import orjson

import mevals
from mevals import languages
from mevals.condition import Condition
from mevals.data import Hub, Lock, Mirror, open_data, read_jsonl, write_mirror
from mevals.errors import DataError, UsageError, did_you_mean
from mevals.generate import counted_rows, sample_key
from mevals.plan import Pick, Planned, plan_cells
from mevals.records import in_batches, response_row, response_schema, write_rows
from mevals.registry import Task, find_suite, find_tasks, folders, load_folder
from mevals.store import Store, write_atomically
from mevals.template_task import plain_layout
from mevals.types import Cell, Response, Sample, Subset
from mevals.unpack import opened, read_lines


@dataclass(frozen=True)
class Imported:
    """One cell of outputs made elsewhere. `meta` goes into the file's metadata.

    `logprobs`, where given, holds each sample's choice log-probabilities.
    """

    cell: Cell
    samples: Sequence[Sample]
    texts: Sequence[str | None]
    identity: Mapping[str, Any]
    meta: Mapping[str, Any]
    logprobs: Sequence[tuple[float, ...] | None] = ()

    def write(self, store: Store) -> None:
        """Store the cell as complete, beside what a run would have made."""
        if len(self.texts) != len(self.samples) or len(self.logprobs) not in (0, len(self.samples)):
            raise ValueError("every sample needs one text, and log-probabilities where any has them")
        digest, counts = hashlib.sha256(), Counter[str]()
        fingerprint = hashlib.sha256(orjson.dumps(dict(self.identity), option=orjson.OPT_SORT_KEYS)).hexdigest()
        cell = self.cell

        def meta() -> Mapping[str, Any]:
            return {
                "simulated": False,
                "mevals": mevals.__version__,
                **self.meta,
                "model": cell.model,
                "task": cell.task,
                "condition": "",
                "subset": cell.subset.name,
                "lang": cell.subset.lang,
                "source_lang": cell.subset.source_lang,
                "subset_extra": dict(cell.subset.extra),
                "fingerprint": fingerprint,
                "identity": dict(self.identity),
                "selections": ["all"],
                "digest": digest.hexdigest(),
                "counts": dict(counts),
            }

        rows = (
            response_row(_response(sample, text, sums), sample_key(sample))
            for sample, text, sums in zip(self.samples, self.texts, self.logprobs or repeat(None), strict=False)
        )
        batches = (counted_rows(batch, digest, counts) for batch in in_batches(rows))
        write_rows(store.path(cell, "responses"), response_schema(), batches, meta)


def _response(sample: Sample, text: str | None, logprobs: tuple[float, ...] | None) -> Response:
    return Response(
        id=sample.id,
        text=text,
        finish="imported",
        messages=tuple(sample.messages),
        targets=sample.targets,
        source=sample.source,
        choices=sample.choices,
        tags=sample.tags,
        choice_logprobs=logprobs,
    )


def write_manifest(
    store: Store,
    cell: Cell,
    title: str,
    origin: str,
    identity: Mapping[str, Any],
    slicing: Mapping[str, Any] | None = None,
) -> None:
    from mevals.run import command_line

    content = {
        "schema": 1,
        "model": cell.model,
        "task": cell.task,
        "condition": "",
        "simulated": False,
        "imported": True,
        "mevals": mevals.__version__,
        "card": {"title": title, "about": origin, "origin": "unknown", **(slicing or {})},
        "identity": dict(identity),
        "runs": [{"command": command_line(), "started": datetime.now(UTC).isoformat(timespec="seconds")}],
    }
    write_atomically(store.path(cell, "manifest"), orjson.dumps(content, option=orjson.OPT_INDENT_2))


def import_outputs(
    file: Path,
    model: str,
    task: str,
    lang: str,
    results: Path,
    where: Any = "auto",
    mirror: Path | None = None,
    offline: bool = False,
) -> None:
    """Store a file of outputs as the answers of `model` to one subset of `task`, then score it.

    Raises DataError where ids, counts or fields are wrong; nothing is written then.
    """
    from mevals.commands import score_stored
    from mevals.run import data_note

    found = find_tasks([task])
    if len(found) > 1:
        names = ", ".join(t.name for t in found)
        raise UsageError(f"{task!r} stands for several tasks ({names}); name one")
    subset = _subset(found[0].subsets(), lang, task)
    data = open_data(where, mirror, Lock.open(results.parent / "data.lock.json"), offline=offline)
    samples = list(Planned(found[0], subset, Condition()).samples(data))
    texts = _texts(file, [s.id for s in samples])
    card = Planned(found[0], subset, Condition()).card(data)
    sha = hashlib.sha256(file.read_bytes()).hexdigest()
    identity = {
        "imported": sha,
        "task": found[0].name,
        "version": found[0].card.version,
        "data": data.revision(card, subset),
    }
    cell = Cell(model, found[0].name, subset)
    store = Store(results)
    with store.locked("import outputs"):
        about = {"title": found[0].card.title, "data": data_note(vars(found[0].card))}
        Imported(cell, samples, texts, identity, about).write(store)
        slicing = {"slices": found[0].card.slices, "headline": found[0].card.headline}
        write_manifest(store, cell, found[0].card.title, f"outputs imported from {file.name}", identity, slicing)
    score_stored(results, [model], [found[0].name], {found[0].name: found[0].spec.scorers}, "import outputs")
    print(f"{len(samples):,} outputs of {model} for {found[0].name} {subset.name} imported and scored", file=sys.stderr)


def _subset(subsets: Mapping[str, Subset], lang: str, task: str) -> Subset:
    if lang in subsets:
        return subsets[lang]
    key = languages.get(lang).key if "-" not in lang else lang
    mine = [s for s in subsets.values() if s.about == key]
    if len(mine) == 1:
        return mine[0]
    if mine:
        raise UsageError(f"{task} has several subsets in {key}: name one of {', '.join(s.name for s in mine)}")
    raise UsageError(f"{task} has no subset {lang!r}{did_you_mean(lang, subsets)}")


def _texts(file: Path, ids: Sequence[str]) -> list[str | None]:
    """One text per sample, in the samples' order."""
    if file.suffix in (".jsonl", ".json"):
        return _texts_by_id(file, ids)
    lines = read_lines(file)
    if len(lines) != len(ids):
        raise DataError(
            f"{file} has {len(lines):,} lines, but the data has {len(ids):,} samples: one output per line is needed"
        )
    return list(lines)


def _texts_by_id(file: Path, ids: Sequence[str]) -> list[str | None]:
    rows: dict[str, str | None] = {}
    found = read_jsonl(file)
    if not found:
        raise DataError(f"{file} is empty: it needs one JSON object per line with id and text")
    for number, row in enumerate(found, 1):
        if "id" not in row or "text" not in row:
            raise DataError(f"{file}, object {number}: the field {'id' if 'id' not in row else 'text'!r} is missing")
        if not isinstance(row["text"], str | None):
            raise DataError(f"{file}, object {number}: text must be a string or null")
        if str(row["id"]) in rows:
            raise DataError(f"{file}, object {number}: the id {row['id']!r} stands twice")
        rows[str(row["id"])] = row["text"]
    unknown, missing = sorted(set(rows) - set(ids)), sorted(set(ids) - set(rows))
    if unknown or missing:
        what = (
            f"{len(missing):,} ids are missing (such as {missing[0]!r})"
            if missing
            else f"the id {unknown[0]!r} is unknown"
        )
        raise DataError(f"{file} does not fit the data: {what}")
    return [rows[i] for i in ids]


@dataclass(frozen=True)
class Pair:
    """One translation direction of a WMT tree: its lines, references by name and documents."""

    name: str
    subset: Subset
    sources: list[str]
    references: dict[str, list[str]]
    documents: list[tuple[str, str]]

    def samples(self) -> list[Sample]:
        """One sample per line; every reference is a target, in the order of their names."""
        found = []
        for i, source in enumerate(self.sources):
            tags = {}
            if self.documents:
                tags = {"domain": self.documents[i][0], "document": self.documents[i][1]}
            targets = tuple(lines[i] for lines in self.references.values())
            found.append(Sample(str(i + 1), (), targets, source, tags=tags))
        return found


def import_wmt(
    folder: Path, task: str, results: Path, reference: str = "", systems: Sequence[str] = (), pairs: Sequence[str] = ()
) -> None:
    """Store every system of a WMT news-systems `txt` tree as a model and score it with chrF.

    Any year and any direction. Raises DataError where counts differ; nothing is written then.
    """
    from mevals.commands import score_stored

    with opened(folder) as tree:
        root = _wmt_root(tree, folder)
        read = [_read_pair(root, p) for p in _wmt_pairs(root, pairs)]
        outputs = {p.name: _read_systems(root, p, systems) for p in read}
    task = task or _wmt_name(folder)
    if not any(outputs.values()):
        raise UsageError(f"none of the systems {', '.join(systems)} is in {folder}")
    store = Store(results)
    done = set()
    with store.locked("import wmt"):
        for pair in read:
            samples = pair.samples()
            extra = {"references": list(pair.references), "scorers": ["chrf"], "title": task.upper()}
            for system, lines in outputs[pair.name].items():
                sha = hashlib.sha256("\n".join(lines).encode()).hexdigest()
                identity = {"imported": sha, "task": task, "pair": pair.name}
                cell = Cell(system, task, pair.subset)
                Imported(cell, samples, lines, identity, extra).write(store)
                if system not in done:
                    done.add(system)
                    write_manifest(
                        store, cell, task.upper(), f"system outputs of {task}, imported from {folder.name}", identity
                    )
    print(f"{len(read)} pairs and {len(done)} systems imported as {task}; scoring", file=sys.stderr)
    score_stored(results, sorted(done), [task], {}, "import wmt", reference=reference)


def _wmt_root(tree: Path, given: Path) -> Path:
    for root in (tree, tree / "txt", *sorted(p for p in tree.glob("*") if p.is_dir())):
        if (root / "sources").is_dir() and (root / "system-outputs").is_dir():
            return root
    raise DataError(f"{given} is no WMT `txt` tree: it needs the folders sources, references and system-outputs")


def _wmt_name(folder: Path) -> str:
    for part in (folder.name, *reversed(folder.resolve().parts)):
        name = part.split("_")[0].split(".")[0].split("-")[0].lower()
        if name.startswith("wmt") and name[3:].isdigit():
            return name
    raise UsageError(f"the year can't be told from {folder.name}: name the task with --task, such as --task wmt24")


def _wmt_pairs(root: Path, wanted: Sequence[str]) -> list[str]:
    found = sorted(p.stem.removesuffix(".txt") for p in (root / "sources").glob("*-*.txt"))
    for name in wanted:
        if name not in found:
            raise UsageError(f"there is no pair {name!r} here{did_you_mean(name, found)}")
    return list(wanted) or found


def _read_pair(root: Path, name: str) -> Pair:
    source, _, target = name.partition("-")
    sources = read_lines(root / "sources" / f"{name}.txt")
    references = {
        p.name.removeprefix(f"{name}.").removesuffix(".txt"): read_lines(p)
        for p in sorted((root / "references").glob(f"{name}.*.txt"))
    }
    if not references:
        raise DataError(f"{root / 'references'} has no reference for {name}")
    for label, lines in references.items():
        _same_count(lines, sources, f"reference {label} of {name}")
    docs = root / "documents" / f"{name}.docs"
    documents = []
    if docs.exists():
        documents = [(d, i) for d, _, i in (line.partition("\t") for line in read_lines(docs))]
        _same_count(documents, sources, f"the documents of {name}")
    subset = Subset(name, languages.resolve(target, "wmt").key, languages.resolve(source, "wmt").key)
    return Pair(name, subset, sources, references, documents)


def _read_systems(root: Path, pair: Pair, wanted: Sequence[str]) -> dict[str, list[str]]:
    found = {}
    for path in sorted((root / "system-outputs" / pair.name).glob("*.txt")):
        system = path.name.removesuffix(".txt")
        if not wanted or system in wanted:
            found[system] = read_lines(path)
            _same_count(found[system], pair.sources, f"the output of {system} for {pair.name}")
    return found


def _same_count(lines: Sequence[Any], sources: Sequence[str], what: str) -> None:
    if len(lines) != len(sources):
        raise DataError(
            f"{what} has {len(lines):,} lines, but there are {len(sources):,} sources; nothing was imported"
        )


def import_data(task: str, path: Path, mirror: Path | None) -> None:
    """Read a benchmark's public layout into the mirror. Raises DataError where the layout isn't the expected one."""
    target = _mirror_folder(mirror)
    known = {f.name: f for f in folders()}
    if task not in known:
        raise UsageError(f"unknown task folder {task!r}{did_you_mean(task, known)}")
    found = load_folder(known[task])[0]
    reader = found.layout or plain_layout(found.card)
    with opened(path) as place:
        source = {
            "path": path.name,
            "imported": datetime.now(UTC).isoformat(timespec="seconds"),
            "mevals": mevals.__version__,
        }
        counts = write_mirror(target, task, reader.read(place), source)
    print(
        f"{task}: {sum(counts.values()):,} rows in {len(counts)} tables imported into {target / task}", file=sys.stderr
    )


def _mirror_folder(mirror: Path | None) -> Path:
    setting = os.environ.get("MEVALS_MIRROR", "")
    if mirror is None and not setting:
        raise UsageError("name the mirror's folder with --mirror DIR (or set MEVALS_MIRROR)")
    return mirror or Path(setting)


def _suite_tasks(tasks: Sequence[str], suite: str) -> list[Task]:
    if not tasks and not suite:
        raise UsageError("name tasks with --tasks or a suite with --suite")
    names = [*tasks, *(find_suite(suite).tasks if suite else ())]
    return find_tasks(names)


def lock_data(tasks: Sequence[str], suite: str, results: Path) -> None:
    """Pin each task's hub revision in data.lock.json. Raises DataError where the hub can't be asked."""
    lock = Lock.open(results.parent / "data.lock.json")
    hub = Hub(lock)
    for task in _suite_tasks(tasks, suite):
        if task.card.dataset != "self":
            card = Planned(task, next(iter(task.subsets().values())), Condition()).card(hub)
            print(f"{task.card.dataset} is pinned at {hub.pinned(card)}", file=sys.stderr)
    lock.save()


def fetch_data(tasks: Sequence[str], suite: str, langs: Sequence[str], mirror: Path | None, results: Path) -> None:
    """Copy tasks' data from the hub into a mirror. Raises DataError where the hub can't be read or asks for a consent."""
    target = _mirror_folder(mirror)
    lock = Lock.open(results.parent / "data.lock.json")
    hub = Hub(lock)
    done: set[str] = set()
    for task in _suite_tasks(tasks, suite):
        if task.folder.name in done or task.card.dataset == "self":
            continue
        done.add(task.folder.name)
        cells = plan_cells([Pick(task)], [Condition()], langs, hub)
        card = cells[0].card(hub)
        names = dict.fromkeys([*task.card.needs, *(c.subset.name for c in cells)])
        tables = ((n, task.card.split, (dict(r) for r in card.rows(n))) for n in names)
        source = {"dataset": task.card.dataset, "revision": hub.pinned(card), "mevals": mevals.__version__}
        counts = write_mirror(target, task.folder.name, tables, source)
        print(f"{task.folder.name}: {sum(counts.values()):,} rows fetched into {target}", file=sys.stderr)
    lock.save()


def verify_mirror(mirror: Path | None, tasks: Sequence[str]) -> None:
    """Check every file of a mirror against its sums; raises DataError that lists all that is wrong."""
    folder = _mirror_folder(mirror)
    opened_mirror = Mirror(folder, Lock(Path(os.devnull)))
    names = list(tasks) or sorted(p.parent.name for p in folder.glob("*/SHA256SUMS"))
    if not names:
        raise DataError(f"{folder} holds no mirror")
    wrong = [problem for name in names for problem in _wrong_files(opened_mirror, name)]
    if wrong:
        raise DataError(f"{len(wrong)} files are wrong: {'; '.join(wrong[:10])}")
    print(f"{folder}: {', '.join(names)} are as their sums say", file=sys.stderr)


def _wrong_files(mirror: Mirror, task: str) -> Iterator[str]:
    for name, sha in mirror.sums(task).items():
        path = mirror.folder / task / name
        if not path.exists():
            yield f"{task}/{name} is missing"
        elif hashlib.sha256(path.read_bytes()).hexdigest() != sha:
            yield f"{task}/{name} is damaged"
