"""Stage 1: ask the model every sample of every cell, keep each answer at once, and write complete cells.

Cells overlap: while the last answers of one are awaited, the next one's samples are already being asked, so that the
server never drains. A sample that could not be answered leaves no row and is asked again by the next run.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from mevals.engines.engine import Engine, KeyEntry, Settings
from mevals.errors import CellFailed, DataError, EngineError, Refused, Rejected, Retryable
from mevals.records import in_batches, read_keys, read_meta, response_row, response_schema, stored_rows, write_rows
from mevals.store import Journal, Store
from mevals.types import Cell, Response, Sample

CHUNK = 256
"""Samples that are rendered at once, in a thread."""


@dataclass(frozen=True)
class Work:
    """A cell and how to ask it. `samples` gives its samples afresh each time it is called.

    `selection` names which of the cell's samples are wanted: "all", or "n=50 seed=1". `meta` goes into the file.
    """

    cell: Cell
    samples: Callable[[], Iterator[Sample]]
    settings: Settings
    identity: Mapping[str, Any]
    selection: str = "all"
    how: str = "generate"
    kind: str = "open"
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Hash of everything but the messages that can change an answer; each row carries its messages' own key."""
        content = {"settings": asdict(self.settings), "how": self.how, **self.identity}
        return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True)
class Patience:
    """How failures are borne: attempts per sample, back-off in seconds, and how long a silent server is waited for."""

    attempts: int = 8
    base_s: float = 0.5
    cap_s: float = 30.0
    silence_s: float = 90.0

    def pause(self, attempt: int, after: float | None, rng: random.Random) -> float:
        """Seconds to wait: full jitter (Brooker 2015, "Exponential Backoff And Jitter"), never less than Retry-After."""
        jitter = rng.uniform(0, min(self.cap_s, self.base_s * 2**attempt))
        return jitter if after is None else after + rng.uniform(0, self.base_s)


@dataclass
class Tally:
    """What happened so far, for progress, manifest and the closing line."""

    cells: int = 0
    cells_done: int = 0
    wanted: int = 0
    kept: int = 0
    answered: int = 0
    requests: int = 0
    retried: Counter[str] = field(default_factory=Counter)
    unanswered: Counter[str] = field(default_factory=Counter)
    rejected: int = 0
    truncated: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0
    started: float = field(default_factory=time.monotonic)

    def count(self, response: Response) -> None:
        """Add one answer."""
        self.answered += 1
        self.rejected += response.finish == "rejected"
        self.truncated += response.finish == "length"
        self.prompt_tokens += response.prompt_tokens or 0
        self.output_tokens += response.output_tokens or 0


def sample_key(sample: Sample) -> str:
    """Hash of what is asked: messages, choices and turns. An answer is reused only for the same key."""
    content = [list(sample.messages), list(sample.choices), list(sample.turns), sample.n]
    return hashlib.blake2b(orjson.dumps(content, option=orjson.OPT_SORT_KEYS), digest_size=12).hexdigest()


def is_complete(store: Store, work: Work) -> bool:
    """Whether the cell's file already holds what is wanted, told from its metadata alone."""
    path = store.path(work.cell, "responses")
    if not path.exists():
        return False
    meta = read_meta(path)
    return meta["fingerprint"] == work.fingerprint and any(_covers(s, work.selection) for s in meta["selections"])


def _covers(stored: str, wanted: str) -> bool:
    """Whether a stored selection ("all", "n=50 seed=1") holds every sample of the wanted one."""
    if stored in ("all", wanted):
        return True
    if wanted == "all":
        return False
    (n, seed), (least, wanted_seed) = stored.split(), wanted.split()
    return seed == wanted_seed and int(n[2:]) >= int(least[2:])


class _Running:
    """One cell while it is being asked."""

    def __init__(self, work: Work, store: Store) -> None:
        self.work = work
        self.store = store
        self.journal = Journal(store.path(work.cell, "journal", work.fingerprint), work.fingerprint)
        self.selections = [work.selection]
        self.stored = self._stored()
        self.pending = 0
        self.all_queued = False
        self.unanswered = 0
        self.total = 0

    def _stored(self) -> dict[str, str]:
        """Keys of answers that a complete file of the same fingerprint holds (it had a smaller selection)."""
        path = self._restored()
        if not path.exists():
            return {}
        self.selections = list(dict.fromkeys([*read_meta(path)["selections"], self.work.selection]))
        return read_keys(path)

    def _restored(self) -> Path:
        """The cell's file; if another fingerprint lies there, it is set aside, and ours is fetched back if kept."""
        path = self.store.path(self.work.cell, "responses")
        if path.exists():
            other = read_meta(path)["fingerprint"]
            if other == self.work.fingerprint:
                return path
            path.replace(self.store.path(self.work.cell, "archive", other))
        ours = self.store.path(self.work.cell, "archive", self.work.fingerprint)
        if ours.exists():
            ours.replace(path)
        return path

    def missing(self, samples: Sequence[Sample]) -> list[tuple[Sample, str]]:
        """The samples that have no answer yet, with their keys."""
        wanted = []
        for sample in samples:
            key = sample_key(sample)
            if self.journal.keys.get(sample.id) != key and self.stored.get(sample.id) != key:
                wanted.append((sample, key))
        self.total += len(samples)
        return wanted

    def keep(self, key: str, response: Response) -> None:
        """Put an answer into the journal. What the sample itself says is joined again when the cell is complete."""
        row = {k: v for k, v in asdict(response).items() if v not in (None, (), {}) or k == "text"}
        self.journal.append({**row, "key": key})

    def complete(self) -> None:
        """Write the cell's file from journal, earlier file and samples, then drop the journal."""
        self.journal.sync()
        digest = hashlib.sha256()
        counts: Counter[str] = Counter()

        def meta() -> Mapping[str, Any]:
            counted = {"digest": digest.hexdigest(), "counts": dict(counts), "selections": self.selections}
            return {**cell_meta(self.work), **counted}

        path = self.store.path(self.work.cell, "responses")
        write_rows(path, response_schema(), self._batches(digest, counts), meta)
        self.journal.remove()

    def _batches(self, digest: Any, counts: Counter[str]) -> Iterator[list[dict[str, Any]]]:
        earlier = self._earlier_rows()
        for samples in in_batches(self.work.samples()):
            mine = [s.id for s in samples if s.id in self.journal.keys]
            answers = dict(zip(mine, self.journal.read(mine), strict=True))
            rows = [_joined(s, answers[s.id]) if s.id in answers else earlier[s.id] for s in samples]
            for sample in samples:
                earlier.pop(sample.id, None)
            yield counted_rows(rows, digest, counts)
        for rows in in_batches(earlier.values()):  # answers of another selection stay
            yield counted_rows(rows, digest, counts)

    def _earlier_rows(self) -> dict[str, dict[str, Any]]:
        if not self.stored:
            return {}
        return {row["id"]: row for row in stored_rows(self.store.path(self.work.cell, "responses"))}


def _joined(sample: Sample, answer: dict[str, Any]) -> dict[str, Any]:
    """An answer from the journal, joined with what its sample says."""
    key = answer.pop("key")
    response = replace(
        Response(**answer),
        messages=tuple(sample.messages),
        targets=sample.targets,
        source=sample.source,
        choices=sample.choices,
        tags=sample.tags,
    )
    return response_row(response, key)


def counted_rows(rows: list[dict[str, Any]], digest: Any, counts: Counter[str]) -> list[dict[str, Any]]:
    """The same rows, after adding them to the file's digest and counts."""
    for row in rows:
        content = (row["id"], row["key"], row["text"], row["finish"], row["targets"])
        digest.update(repr(content).encode("utf-8", "replace"))
        _tally_row(counts, row)
    return rows


def _tally_row(counts: Counter[str], row: Mapping[str, Any]) -> None:
    counts["rows"] += 1
    counts[row["finish"]] += 1
    counts["specials"] += bool(row["specials"])
    counts["reasoned"] += row["reasoning"] is not None
    counts["prompt_tokens"] += row["prompt_tokens"] or 0
    counts["output_tokens"] += row["output_tokens"] or 0


def cell_meta(work: Work) -> dict[str, Any]:
    """What a response file says about itself."""
    cell = work.cell
    return {
        **work.meta,
        "model": cell.model,
        "task": cell.task,
        "condition": cell.condition,
        "subset": cell.subset.name,
        "lang": cell.subset.lang,
        "source_lang": cell.subset.source_lang,
        "subset_extra": dict(cell.subset.extra),
        "fingerprint": work.fingerprint,
        "identity": dict(work.identity),
        "settings": asdict(work.settings),
    }


class _Run:
    """One pass of stage 1 over many cells with one engine."""

    def __init__(
        self, store: Store, engine: Engine, patience: Patience, tally: Tally, show: Callable[[str], None]
    ) -> None:
        self.store = store
        self.engine = engine
        self.patience = patience
        self.tally = tally
        self.show = show
        self.rng = random.Random()
        self.last_answer = time.monotonic()
        self.held: list[tuple[_Running, str, Response]] | None = []
        self.running: list[_Running] = []
        self.writing: list[asyncio.Task[None]] = []
        self.stop: BaseException | None = None

    async def feed(self, works: Sequence[Work], queue: asyncio.Queue[Any]) -> None:
        """Put every missing sample into the queue, cell after cell, rendering ahead in a thread."""
        for work in works:
            running = await asyncio.to_thread(_Running, work, self.store)
            self.running.append(running)
            seen: set[str] = set()
            samples = work.samples()
            while chunk := await asyncio.to_thread(_next_chunk, samples):
                _check_ids(chunk, seen, work.cell)
                todo = running.missing(chunk)
                self.tally.wanted += len(chunk)
                self.tally.kept += len(chunk) - len(todo)
                entries = [KeyEntry(s, work.cell.task, work.cell.subset, work.kind, work.how) for s, _ in todo]
                await self.engine.prepare(entries)
                for sample, key in todo:
                    running.pending += 1
                    await queue.put((running, sample, key))
            running.all_queued = True
            self.settle(running)

    def settle(self, running: _Running) -> None:
        """Write the cell if its last answer is in."""
        if running.all_queued and running.pending == 0 and not running.unanswered and self.held is None:
            running.all_queued = False
            self.writing.append(asyncio.create_task(self.write(running)))

    async def write(self, running: _Running) -> None:
        await asyncio.to_thread(running.complete)
        self.running.remove(running)
        self.tally.cells_done += 1
        self.show(running.work.cell.task)

    async def work(self, queue: asyncio.Queue[Any]) -> None:
        """Answer samples from the queue until it is shut down."""
        while True:
            running, sample, key = await queue.get()
            try:
                response = await self.answer(running.work, sample)
            except Retryable as error:
                running.unanswered += 1
                self.tally.unanswered[error.kind] += 1
            else:
                self.keep(running, key, response)
            running.pending -= 1
            self.settle(running)
            queue.task_done()

    async def answer(self, work: Work, sample: Sample) -> Response:
        """One answer, asked as often as patience allows. Raises Retryable when it is exhausted."""
        for attempt in itertools.count():
            self.tally.requests += 1
            try:
                response = await self.engine.ask(sample, work.settings, work.how)
            except Rejected as error:
                self.last_answer = time.monotonic()
                return Response(sample.id, None, "rejected", error=str(error)[:500])
            except Retryable as error:
                self.tally.retried[error.kind] += 1
                self.check_silence(error)
                if attempt + 1 >= self.patience.attempts:
                    raise
                await asyncio.sleep(self.patience.pause(attempt, error.after, self.rng))
            else:
                self.last_answer = time.monotonic()
                return response
        raise AssertionError("unreachable")

    def check_silence(self, error: Retryable) -> None:
        """Give the whole run up when nothing at all has been answered for a while."""
        silence = time.monotonic() - self.last_answer
        if silence > self.patience.silence_s:
            raise EngineError(f"the server has answered nothing for {silence:.0f} s (last failure: {error})")

    def keep(self, running: _Running, key: str, response: Response) -> None:
        """Journal an answer. Refusals are held back until something was answered: a server that rejects everything
        is a mistake of ours, and must not fill the store with rejected samples."""
        if self.held is None:
            running.keep(key, response)
        else:
            self.held.append((running, key, response))
            if response.error is None or not response.error.startswith("HTTP"):
                self.release()
            elif len(self.held) >= 16:
                raise Refused(f"the server rejects every request; the first answer was {self.held[0][2].error}")
        self.tally.count(response)
        self.show(running.work.cell.task)

    def release(self) -> None:
        """Journal what was held back; the server is known to answer."""
        held, self.held = self.held or [], None
        for running, key, response in held:
            running.keep(key, response)

    async def sync(self) -> None:
        """Make journals safe from a power cut every two seconds."""
        while True:
            await asyncio.sleep(2)
            for running in list(self.running):
                await asyncio.to_thread(running.journal.sync)

    def close(self) -> None:
        for running in self.running:
            running.journal.close()


def _next_chunk(samples: Iterator[Sample]) -> list[Sample]:
    return list(itertools.islice(samples, CHUNK))


def _check_ids(samples: Sequence[Sample], seen: set[str], cell: Cell) -> None:
    for sample in samples:
        if sample.id in seen:
            raise DataError(f"{cell.task} {cell.subset.name}: the id {sample.id!r} stands twice; ids must be unique")
        seen.add(sample.id)


async def generate(
    works: Sequence[Work],
    store: Store,
    engine: Engine,
    *,
    concurrency: int,
    patience: Patience,
    tally: Tally,
    show: Callable[[str], None] = lambda task: None,
) -> None:
    """Ask everything in `works` that is not stored yet.

    Raises CellFailed where some samples were not answered, EngineError or Refused where the server failed altogether,
    StoreError where the disk did; what was answered is kept in each case.
    """
    run = _Run(store, engine, patience, tally, show)
    queue: asyncio.Queue[Any] = asyncio.Queue(maxsize=max(64, 2 * concurrency))
    todo = [w for w in works if not is_complete(store, w)]
    tally.cells, tally.cells_done = len(works), len(works) - len(todo)
    jobs = [asyncio.create_task(run.work(queue)) for _ in range(concurrency)] if todo else []
    jobs.append(asyncio.create_task(run.sync()))
    feeding = asyncio.create_task(_feed_and_drain(run, todo, queue))
    try:
        done, _ = await asyncio.wait([feeding, *jobs], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in (feeding, *jobs):
            task.cancel()
        await asyncio.gather(feeding, *jobs, *run.writing, return_exceptions=True)
        run.close()
    if tally.unanswered:
        raise CellFailed(_unanswered(tally))


async def _feed_and_drain(run: _Run, works: Sequence[Work], queue: asyncio.Queue[Any]) -> None:
    await run.feed(works, queue)
    await queue.join()
    run.release()
    for running in list(run.running):
        run.settle(running)
    await asyncio.gather(*run.writing)


def _unanswered(tally: Tally) -> str:
    kinds = ", ".join(f"{n} × {kind}" for kind, n in tally.unanswered.most_common())
    return (
        f"{tally.unanswered.total():,} of {tally.wanted:,} samples were not answered ({kinds}); what was answered is kept: "
        "run the same command again to ask only these"
    )
