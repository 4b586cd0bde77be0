"""The worker's parts that need no model: kept embeddings, shrinking batches, result files, checkpoints."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mevals.comet.worker import checkpoint, scoring
from mevals.comet.worker.batches import Batches, windows
from mevals.comet.worker.embeddings import EmbeddingStore
from mevals.comet.worker.job import (
    Failure,
    Model,
    Result,
    ResultFile,
    Segment,
    read_results,
    read_segments,
    write_segments,
)

ROWS = np.arange(12, dtype=np.float32).reshape(3, 4) / 7


def test_kept_embeddings_come_back_bit_for_bit_in_any_order(tmp_path: Path) -> None:
    EmbeddingStore(tmp_path).append(["a", "b", "ç"], ROWS)
    found = EmbeddingStore(tmp_path)
    assert found.missing(["b", "x", "a", "x"]) == ["x"]
    assert (found.vectors(["ç", "a", "ç"]) == ROWS[[2, 0, 2]]).all()


def test_what_another_process_appended_is_found(tmp_path: Path) -> None:
    one, other = EmbeddingStore(tmp_path), EmbeddingStore(tmp_path)
    one.append(["a"], ROWS[:1])
    other.append(["a", "b"], ROWS[:2])
    assert one.missing(["a", "b"]) == []
    assert (one.vectors(["b"]) == ROWS[1]).all()
    assert (tmp_path / "vectors.bin").stat().st_size == 2 * ROWS[0].nbytes


@pytest.mark.parametrize("file", ["index.bin", "vectors.bin"])
def test_a_write_that_was_cut_off_loses_only_its_own_row(tmp_path: Path, file: str) -> None:
    EmbeddingStore(tmp_path).append(["a", "b", "c"], ROWS)
    path = tmp_path / file
    path.write_bytes(path.read_bytes()[:-3])
    store = EmbeddingStore(tmp_path)
    assert store.missing(["a", "b", "c"]) == ["c"]
    store.append(["c"], ROWS[2:])
    assert (EmbeddingStore(tmp_path).vectors(["a", "b", "c"]) == ROWS).all()


def test_a_damaged_row_is_missing_and_can_be_replaced(tmp_path: Path) -> None:
    EmbeddingStore(tmp_path).append(["a", "b"], ROWS[:2])
    path = tmp_path / "vectors.bin"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    store = EmbeddingStore(tmp_path)
    assert store.missing(["a", "b"]) == ["b"]
    store.append(["b"], ROWS[1:2])
    again = EmbeddingStore(tmp_path)
    assert again.missing(["a", "b"]) == []
    assert (again.vectors(["a", "b"]) == ROWS[:2]).all()


def test_rows_of_another_width_are_refused(tmp_path: Path) -> None:
    store = EmbeddingStore(tmp_path)
    store.append(["a"], ROWS[:1])
    with pytest.raises(ValueError, match="delete the folder"):
        store.append(["b"], ROWS[:1, :2])


def test_windows_hold_everything_longest_first() -> None:
    assert list(windows(["a", "ccc", "bb"], len)) == [["ccc", "bb", "a"]]


def test_a_batch_that_does_not_fit_is_halved_for_good() -> None:
    tried: list[int] = []

    def compute(batch: list[int]) -> int:
        tried.append(len(batch))
        if len(batch) > 3:
            raise RuntimeError("CUDA error: out of memory")
        return sum(batch)

    batches = Batches(10)
    done = list(batches.run(list(range(10)), compute))  # type: ignore[arg-type]
    assert [batch for batch, _ in done] == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]
    assert tried == [10, 5, 2, 2, 2, 2, 2]
    assert batches.size == 2


def test_batches_are_prepared_ahead_and_anew_where_memory_shrank_them() -> None:
    prepared: list[str] = []

    def prepare(batch: str) -> str:
        prepared.append(batch)
        return batch.upper()

    def compute(batch: str) -> str:
        if len(batch) > 2:
            raise MemoryError
        return batch + "!"

    done = list(Batches(4).run_prepared("abcdefg", prepare, compute))  # type: ignore[arg-type]
    assert done == [("ab", "AB!"), ("cd", "CD!"), ("ef", "EF!"), ("g", "G!")]
    assert set(prepared) == {"abcd", "efg", "ab", "cd", "ef", "g"}


def test_what_fails_while_it_is_prepared_ahead_fails_the_run() -> None:
    def prepare(batch: str) -> str:
        if "c" in batch:
            raise ValueError("no such letter")
        return batch

    run = Batches(2).run_prepared("abcd", prepare, lambda batch: batch)  # type: ignore[arg-type]
    assert next(run) == ("ab", "ab")
    with pytest.raises(ValueError, match="no such letter"):
        next(run)


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    def compute(batch: object) -> int:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        list(Batches(4).run([1, 2], compute))


def test_one_segment_that_does_not_fit_is_a_failure() -> None:
    def compute(batch: object) -> int:
        raise MemoryError

    with pytest.raises(Failure, match="not even one segment"):
        list(Batches(4).run([1, 2], compute))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_is_a_failure(bad: float) -> None:
    with pytest.raises(Failure, match="overflows in fp16"):
        scoring.checked([0.5, bad], "fp16")


def test_results_are_appended_and_found_again(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    spans = [{"text": "né", "start": 0, "end": 2}]
    file = ResultFile(path)
    file.append([Result("a", "k1", 0.1234567890123, {"mqm": 0.5}, spans)])
    file.close()
    again = ResultFile(path)
    assert again.done == {("a", "k1")}
    again.append([Result("b", "k2", -1.0)])
    again.close()
    assert read_results(path)[0] == [Result("a", "k1", 0.1234567890123, {"mqm": 0.5}, spans), Result("b", "k2", -1.0)]


def test_texts_of_any_kind_survive_the_segment_file(tmp_path: Path) -> None:
    segments = [
        Segment("1", "line\u2028separator\nand newline", "", None),
        Segment("2", "\u200fעברית", "\U0001f600", "\x00"),
    ]
    write_segments(tmp_path / "s", segments)
    assert read_segments(tmp_path / "s") == segments


def test_a_key_tells_texts_apart_however_they_are_cut() -> None:
    keys = {
        Segment("x", *texts).key for texts in [("ab", "c", "d"), ("a", "bc", "d"), ("ab", "c", None), ("ab", "c", "")]
    }
    assert len(keys) == 4
    assert Segment("x", "a", "b").key == Segment("y", "a", "b").key


def checkpoint_at(folder: Path, **settings: object) -> Path:
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "model.ckpt").write_bytes(b"weights")
    (folder / "hparams.yaml").write_text(json.dumps(settings))
    return folder


KINDS = {
    "regression": {"class_identifier": "regression_metric"},
    "referenceless": {"class_identifier": "referenceless_regression_metric"},
    "kiwi": {"class_identifier": "unified_metric", "input_segments": ["mt", "src"]},
    "unite": {"class_identifier": "unified_metric", "input_segments": ["mt", "src", "ref"]},
    "xcomet": {"class_identifier": "xcomet_metric"},
}


@pytest.mark.parametrize(
    ("kind", "reference", "inputs"),
    [
        ("regression", None, ("src", "ref")),
        ("referenceless", None, ("src",)),
        ("referenceless", False, ("src",)),
        ("kiwi", None, ("src",)),
        ("unite", None, ("src", "ref")),
        ("unite", False, ("src",)),
        ("xcomet", None, ("src", "ref")),
        ("xcomet", False, ("src",)),
    ],
)
def test_a_checkpoint_says_what_it_reads(
    tmp_path: Path, kind: str, reference: bool | None, inputs: tuple[str, ...]
) -> None:
    folder = checkpoint_at(tmp_path / "m", **KINDS[kind])
    found = checkpoint.find_checkpoint(Model("comet", str(folder), reference=reference))
    assert found.inputs == inputs
    assert found.path == folder / "checkpoints" / "model.ckpt"


@pytest.mark.parametrize(("kind", "reference"), [("regression", False), ("referenceless", True), ("kiwi", True)])
def test_references_that_a_model_cannot_do_with_or_without_are_refused(
    tmp_path: Path, kind: str, reference: bool
) -> None:
    folder = checkpoint_at(tmp_path / "m", **KINDS[kind])
    with pytest.raises(Failure, match="references"):
        checkpoint.find_checkpoint(Model("comet", str(folder), reference=reference))


def test_the_revision_of_local_files_changes_with_weights_and_settings_but_not_with_the_place(tmp_path: Path) -> None:
    def revision(name: str, **settings: object) -> str:
        return checkpoint.find_checkpoint(Model("comet", str(checkpoint_at(tmp_path / name, **settings)))).revision

    same = revision("one", **KINDS["kiwi"])
    assert same == revision("two", **KINDS["kiwi"])
    assert same != revision("three", **KINDS["unite"])
    (tmp_path / "one" / "checkpoints" / "model.ckpt").write_bytes(b"other")
    assert checkpoint.find_checkpoint(Model("comet", str(tmp_path / "one"))).revision != same


def test_a_checkpoint_file_can_be_named_itself(tmp_path: Path) -> None:
    file = checkpoint_at(tmp_path / "m", **KINDS["kiwi"]) / "checkpoints" / "model.ckpt"
    assert checkpoint.find_checkpoint(Model("comet", str(file))).path == file.resolve()


@pytest.mark.parametrize("source", ["/nowhere/model", "./nowhere", "model.ckpt"])
def test_a_path_that_holds_nothing_is_not_looked_for_on_the_hub(source: str) -> None:
    with pytest.raises(Failure, match="there is no checkpoint at"):
        checkpoint.find_checkpoint(Model("comet", source))


def test_a_folder_without_settings_is_refused(tmp_path: Path) -> None:
    folder = checkpoint_at(tmp_path / "m")
    (folder / "hparams.yaml").unlink()
    with pytest.raises(Failure, match=r"hparams.yaml is missing"):
        checkpoint.find_checkpoint(Model("comet", str(folder)))


def test_the_worker_needs_nothing_of_ours_to_start() -> None:
    worker = Path(checkpoint.__file__).with_name("start.py")
    done = subprocess.run([sys.executable, "-I", "-S", str(worker), "--help"], capture_output=True, text=True)
    assert (done.returncode, "The mevals COMET worker" in done.stdout) == (0, True)
