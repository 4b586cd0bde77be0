"""Stage 1 against the simulated server over HTTP: nothing lost, nothing doubled, nothing wrong because of a fault."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from mevals.engines.client import Client
from mevals.engines.engine import Settings
from mevals.errors import CellFailed, DataError, EngineError, Refused
from mevals.generate import Patience, Tally, Work, generate, is_complete, sample_key
from mevals.records import read_meta, read_responses
from mevals.store import Journal, Store
from mevals.testing import SimServer
from mevals.types import Cell, Sample, Subset, user

SUBSET = Subset("swh_Latn", "swh_Latn")
QUICK = Patience(attempts=6, base_s=0.01, cap_s=0.05, silence_s=5)


def make_work(n: int = 40, selection: str = "all", start: int = 0, task: str = "t", **identity: str) -> Work:
    def samples() -> Iterator[Sample]:
        for i in range(start, start + n):
            yield Sample(str(i), (user(f"question {task} {i}"),), (str(i),), tags={"domain": "d"})

    return Work(Cell("demo", task, SUBSET), samples, Settings(max_tokens=64), {"model": "demo", **identity}, selection)


def run(server: SimServer, store: Store, *works: Work, concurrency: int = 8, patience: Patience = QUICK) -> Tally:
    tally = Tally()

    async def main() -> None:
        engine = Client([server.base_url], "demo", timeout_s=5)
        await engine.open()
        try:
            await generate(works, store, engine, concurrency=concurrency, patience=patience, tally=tally)
        finally:
            await engine.close()

    asyncio.run(main())
    return tally


def ids(store: Store, work: Work) -> list[str]:
    return [r.id for r in read_responses(store.path(work.cell, "responses")).rows]


def test_every_sample_is_answered_once_in_published_order(tmp_path: Path) -> None:
    with SimServer("demo") as server:
        store, work = Store(tmp_path), make_work()
        tally = run(server, store, work)
        assert ids(store, work) == [str(i) for i in range(40)]
        assert tally.answered == 40 == server.stats()["requests"]
        stored = read_responses(store.path(work.cell, "responses"))
        assert stored.rows[7].messages == ({"role": "user", "content": "question t 7"},)
        assert stored.rows[7].targets == ("7",)
        assert stored.meta["counts"]["rows"] == 40
        assert not list(tmp_path.rglob("*.jsonl"))


def test_a_complete_cell_is_not_asked_again(tmp_path: Path) -> None:
    with SimServer("demo") as server:
        store, work = Store(tmp_path), make_work()
        run(server, store, work)
        assert is_complete(store, work)
        assert run(server, store, work).requests == 0


def test_a_larger_choice_asks_only_what_is_new(tmp_path: Path) -> None:
    with SimServer("demo") as server:
        store = Store(tmp_path)
        run(server, store, make_work(10, "n=10 seed=1"))
        tally = run(server, store, make_work(40))
        assert (tally.answered, tally.kept) == (30, 10)
        assert ids(store, make_work()) == [str(i) for i in range(40)]


def test_a_smaller_or_other_choice_keeps_what_was_answered(tmp_path: Path) -> None:
    with SimServer("demo") as server:
        store = Store(tmp_path)
        run(server, store, make_work(20, "n=20 seed=1"))
        assert is_complete(store, make_work(10, "n=10 seed=1"))
        assert not is_complete(store, make_work(10, "n=10 seed=2"))
        run(server, store, make_work(10, "n=10 seed=2", start=15))
        assert sorted(map(int, ids(store, make_work()))) == list(range(25))


def test_other_settings_set_the_old_answers_aside_and_fetch_them_back(tmp_path: Path) -> None:
    with SimServer("demo") as server:
        store, one, two = Store(tmp_path), make_work(revision="a"), make_work(revision="b")
        run(server, store, one)
        run(server, store, two)
        assert read_meta(store.path(one.cell, "responses"))["fingerprint"] == two.fingerprint
        assert run(server, store, one).requests == 0
        assert read_meta(store.path(one.cell, "responses"))["fingerprint"] == one.fingerprint
        assert store.path(two.cell, "archive", two.fingerprint).exists()


def test_a_changed_question_is_asked_again_and_the_others_are_not(tmp_path: Path) -> None:
    store, work = Store(tmp_path), make_work(3)
    journal = Journal(store.path(work.cell, "journal", work.fingerprint), work.fingerprint)
    for i, sample in enumerate(work.samples()):
        journal.append({"id": sample.id, "key": sample_key(sample) if i else "old", "text": "kept", "finish": "stop"})
    journal.close()
    with SimServer("demo") as server:
        tally = run(server, store, work)
        assert (tally.requests, tally.kept) == (1, 2)
    texts = [r.text for r in read_responses(store.path(work.cell, "responses")).rows]
    assert texts[0] != "kept"
    assert texts[1:] == ["kept", "kept"]


def test_transient_faults_leave_no_trace_in_the_answers(tmp_path: Path) -> None:
    faults = {"429": 0.1, "500": 0.1, "drop": 0.05, "malformed": 0.05}
    with SimServer("demo") as calm, SimServer("demo", faults=faults) as stormy:
        run(calm, Store(tmp_path / "calm"), make_work(200))
        tally = run(stormy, Store(tmp_path / "stormy"), make_work(200))
    assert tally.retried.total() > 20
    calm_rows, stormy_rows = (
        [(r.id, r.text, r.finish) for r in read_responses(Store(tmp_path / n).path(make_work().cell, "responses")).rows]
        for n in ("calm", "stormy")
    )
    assert calm_rows == stormy_rows


def test_a_sample_that_never_gets_an_answer_leaves_no_row_and_is_asked_by_the_next_run(tmp_path: Path) -> None:
    store, work = Store(tmp_path), make_work(60)
    with (
        SimServer("demo", sticky={"500": 0.1}) as server,
        pytest.raises(CellFailed, match="run the same command again"),
    ):
        run(server, store, work)
    assert not store.path(work.cell, "responses").exists()
    kept = len(Journal(store.path(work.cell, "journal", work.fingerprint), work.fingerprint).keys)
    assert 40 < kept < 60
    with SimServer("demo") as server:
        assert run(server, store, work).answered == 60 - kept
    assert ids(store, work) == [str(i) for i in range(60)]


def test_a_server_that_dies_ends_the_run_with_a_sentence_and_keeps_the_journal(tmp_path: Path) -> None:
    store, work = Store(tmp_path), make_work(50)
    server = SimServer("demo", faults={"500": 1.0})
    with server, pytest.raises(EngineError, match="answered nothing for"):
        run(server, store, work, patience=Patience(attempts=100, base_s=0.01, cap_s=0.05, silence_s=0.5))
    assert store.path(work.cell, "journal", work.fingerprint).exists()


def test_a_server_that_rejects_everything_fills_nothing_with_rejections(tmp_path: Path) -> None:
    store, work = Store(tmp_path), make_work(50)
    with SimServer("demo", context=8) as server, pytest.raises(Refused, match="rejects every request"):
        run(server, store, work)
    journal = Journal(store.path(work.cell, "journal", work.fingerprint), work.fingerprint)
    assert journal.keys == {}


def test_two_samples_with_one_id_are_an_error(tmp_path: Path) -> None:
    sample = Sample("1", (user("x"),))
    work = Work(Cell("demo", "t", SUBSET), lambda: iter([sample, sample]), Settings(), {})
    with SimServer("demo") as server, pytest.raises(DataError, match="stands twice"):
        run(server, Store(tmp_path), work)


def test_cells_overlap_so_that_the_server_never_drains(tmp_path: Path) -> None:
    works = [make_work(10, task=f"t{i}") for i in range(6)]
    with SimServer("demo", latency_ms=60) as server:
        run(server, Store(tmp_path), *works, concurrency=30)
        assert server.stats()["peak"] >= 25
