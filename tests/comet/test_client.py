"""Workers die, clients die, orders change: results stay whole. Run with a model that needs no torch."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from mevals.comet.client import CometClient, Settings, choose_precision
from mevals.comet.worker.job import Model, Result, Segment
from mevals.errors import CellFailed, DataError, UsageError

FAKE = [sys.executable, str(Path(__file__).with_name("fake_worker.py"))]
ROOT = Path(__file__).parents[2]


def some(count: int) -> list[Segment]:
    """Segments whose translation has as many letters as their number."""
    return [Segment(str(n), f"source {n}", "x" * n, f"reference {n}") for n in range(count)]


def client(folder: Path, **settings: object) -> CometClient:
    return CometClient(Settings(Model("comet", "fake"), **settings), command=FAKE, folder=folder)  # type: ignore[arg-type]


@pytest.fixture
def seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which the fake model lists the ids that it scored."""
    path = tmp_path / "seen"
    path.touch()
    monkeypatch.setenv("FAKE_SEEN", str(path))
    return path


def counted(seen: Path) -> Counter[str]:
    return Counter(seen.read_text().split())


@pytest.mark.parametrize("devices", [("cpu",), ("cpu", "cpu", "cpu")])
def test_results_come_in_the_order_of_the_segments_on_any_number_of_devices(
    tmp_path: Path, devices: tuple[str, ...]
) -> None:
    segments = sorted(some(20), key=lambda segment: hash(segment.id))
    with client(tmp_path, devices=devices, batch_size=3) as comet:
        results = comet.score(segments)
    assert [(r.id, r.key, r.score) for r in results] == [(s.id, s.key, float(len(s.mt))) for s in segments]


def test_one_worker_serves_job_after_job(tmp_path: Path) -> None:
    with client(tmp_path) as comet:
        assert [r.score for r in comet.score(some(3))] == [0.0, 1.0, 2.0]
        assert comet._workers is not None
        first = comet._workers.get(0, "cpu", tmp_path / "log").pid
        assert [r.score for r in comet.score(some(5))][4] == 4.0
        assert comet._workers.get(0, "cpu", tmp_path / "log").pid == first


def test_equal_segments_are_scored_once_and_answered_each(tmp_path: Path, seen: Path) -> None:
    twins = [Segment(str(n), "s", "same", "r") for n in range(4)]
    with client(tmp_path) as comet:
        assert [r.score for r in comet.score(twins)] == [4.0] * 4
    assert counted(seen).total() == 1


def test_an_empty_translation_is_scored(tmp_path: Path) -> None:
    with client(tmp_path) as comet:
        assert comet.score([Segment("a", "source", "", "reference")])[0].score == 0.0


def test_a_worker_killed_again_and_again_still_ends_with_every_segment_once(
    tmp_path: Path, seen: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_DIE_AFTER", "5")
    with client(tmp_path, batch_size=2) as comet:
        results = comet.score(some(11))
    assert [r.score for r in results] == [float(n) for n in range(11)]
    lost_with_their_batch = sum(count - 1 for count in counted(seen).values())
    assert lost_with_their_batch <= 2


def test_a_worker_that_never_finishes_a_segment_is_given_up_and_the_finished_ones_are_kept(
    tmp_path: Path, seen: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_DIE_AFTER", "0")
    with client(tmp_path, batch_size=2) as comet:
        with pytest.raises(
            CellFailed, match=r"died 4 times in a row without finishing a segment \(it was killed by signal 9"
        ):
            comet.score(some(4))
        monkeypatch.delenv("FAKE_DIE_AFTER")
        assert len(comet.score(some(4))) == 4


def test_a_finished_job_leaves_nothing_behind(tmp_path: Path) -> None:
    with client(tmp_path) as comet:
        comet.score(some(2))
    assert list((tmp_path / "jobs").iterdir()) == []


SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.comet.test_client import client, some
print([r.score for r in client(Path({folder!r}), batch_size=1).score(some(12))])
"""


def run_client(folder: Path) -> subprocess.Popen[bytes]:
    script = SCRIPT.format(root=str(ROOT), folder=str(folder))
    return subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)


def test_kill_9_of_mevals_takes_the_worker_along_and_the_next_run_goes_on(
    tmp_path: Path, seen: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_SLEEP_S", "0.1")
    first = run_client(tmp_path)
    wait_until(lambda: counted(seen).total() >= 4)
    worker = children_of(first.pid)
    assert len(worker) == 1
    first.send_signal(signal.SIGKILL)
    first.wait()
    wait_until(lambda: not is_running(worker[0]))
    finished = len(read_scores(tmp_path))
    assert 3 <= finished < 12

    monkeypatch.setenv("FAKE_SLEEP_S", "0")
    again = run_client(tmp_path)
    assert json.loads(again.communicate()[0]) == [float(n) for n in range(12)]
    scored_again = [name for name, count in counted(seen).items() if count > 1]
    assert len(scored_again) <= 1  # only the one that was being scored when the worker died


def read_scores(folder: Path) -> list[str]:
    return [line for path in (folder / "jobs").rglob("scores.*.jsonl") for line in path.read_text().split("\n") if line]


def wait_until(true: object, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def children_of(pid: int) -> list[int]:
    import psutil

    return [child.pid for child in psutil.Process(pid).children()]


def is_running(pid: int) -> bool:
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    return False


def test_closing_ends_the_worker(tmp_path: Path) -> None:
    comet = client(tmp_path)
    comet.score(some(1))
    assert comet._workers is not None
    pid = comet._workers.get(0, "cpu", tmp_path / "log").pid
    comet.close()
    assert not is_running(pid)


def test_an_interrupt_ends_the_workers_and_keeps_what_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_SLEEP_S", "0.05")
    running = run_client(tmp_path)
    wait_until(lambda: len(read_scores(tmp_path)) >= 2)
    worker = children_of(running.pid)
    running.send_signal(signal.SIGINT)
    assert running.wait(10) != 0
    assert not is_running(worker[0])
    assert len(read_scores(tmp_path)) >= 2


def test_a_line_cut_off_by_a_crash_is_scored_again_and_all_others_are_kept(
    tmp_path: Path, seen: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with client(tmp_path) as comet:
        monkeypatch.setattr("shutil.rmtree", lambda folder: None)
        comet.score(some(3))
        (scores,) = (tmp_path / "jobs").rglob("scores.0.jsonl")
        scores.write_bytes(scores.read_bytes()[:-10])
        seen.write_text("")
        assert [r.score for r in comet.score(some(3))] == [0.0, 1.0, 2.0]
    assert counted(seen).total() == 1


def test_a_result_of_other_texts_is_never_taken_for_a_segments_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment = Segment("0", "source", "translation", "reference")
    with client(tmp_path) as comet:
        monkeypatch.setattr("shutil.rmtree", lambda folder: None)
        comet.score([segment])
        (scores,) = (tmp_path / "jobs").rglob("scores.0.jsonl")
        foreign = Result("0", Segment("0", "source", "another", "reference").key, 99.0)
        scores.write_text(json.dumps(foreign._asdict()) + "\n")
        assert comet.score([segment])[0].score == 11.0


def test_out_of_memory_halves_the_batch_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_MEMORY", "3")
    with client(tmp_path, batch_size=16) as comet:
        assert [r.score for r in comet.score(some(20))] == [float(n) for n in range(20)]


def test_a_model_that_cannot_hold_one_segment_is_a_failed_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_MEMORY", "0")
    with client(tmp_path) as comet, pytest.raises(CellFailed, match="not even one segment fits into memory"):
        comet.score(some(2))


def test_segments_with_one_id_are_refused(tmp_path: Path) -> None:
    with client(tmp_path) as comet, pytest.raises(DataError, match="same id"):
        comet.score([Segment("a", "s", "m", "r"), Segment("a", "s", "n", "r")])


def test_a_missing_reference_is_refused_by_a_model_that_needs_one(tmp_path: Path) -> None:
    with client(tmp_path) as comet, pytest.raises(DataError, match="segment a has no reference"):
        comet.score([Segment("a", "s", "m")])


def test_a_model_without_references_ignores_them(tmp_path: Path, seen: Path) -> None:
    settings = Settings(Model("comet", "fake", reference=False))
    with CometClient(settings, command=FAKE, folder=tmp_path) as comet:
        comet.score([Segment("a", "s", "m", "one"), Segment("b", "s", "m", "two"), Segment("c", "s", "m")])
    assert counted(seen).total() == 1


@pytest.mark.parametrize(("kind", "error"), [("gated", UsageError), ("value", UsageError), ("memory", CellFailed)])
def test_what_the_worker_reports_becomes_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, error: type[Exception]
) -> None:
    monkeypatch.setenv("FAKE_FAIL", kind)
    with client(tmp_path) as comet, pytest.raises(error, match=r"^the fake model was told to fail$"):
        comet.score(some(1))


def test_progress_counts_every_segment_over_all_devices(tmp_path: Path) -> None:
    shown: list[tuple[str, int, int]] = []
    with client(tmp_path, devices=("cpu", "cpu")) as comet:
        comet.score(some(7), lambda *state: shown.append(state))
    assert shown[-1] == ("score", 7, 7)
    assert {phase for phase, _, _ in shown} == {"load", "embed", "score"}


@pytest.mark.parametrize(
    ("asked", "family", "devices", "bf16", "chosen"),
    [
        ("auto", "comet", ("cpu",), False, "fp32"),
        ("auto", "comet", ("cuda:0",), True, "fp16"),
        ("auto", "metricx", ("cuda:0",), True, "bf16"),
        ("auto", "metricx", ("cuda:0",), False, "fp32"),
        ("fp32", "comet", ("cuda:0",), True, "fp32"),
    ],
)
def test_precision_is_what_was_asked_or_what_the_device_does_well(
    asked: str, family: str, devices: tuple[str, ...], bf16: bool, chosen: str
) -> None:
    assert choose_precision(Settings(Model(family, "m"), asked), devices, bf16=bf16) == chosen


def test_a_worker_sees_one_gpu_and_respects_the_users_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    from mevals.comet.process import physical_device

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert physical_device("1") == "1"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    assert physical_device("1") == "7"
