"""The store: paths, journals that survive anything, atomic files, and the lock."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import orjson
import pytest

from mevals.errors import StoreError, UsageError
from mevals.store import Journal, Store, safe, signature_folder, write_atomically
from mevals.types import Cell, Subset

SWAHILI = Cell("org/model", "flores_en_xx", Subset("swh_Latn", "swh_Latn"))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("swh_Latn", "swh_Latn"),
        ("en-pt_BR", "en-pt_BR"),
        ("org/model", "org%2Fmodel"),
        ("..", "%2E."),
        (".hidden", "%2Ehidden"),
        ("a b\n", "a%20b%0A"),
        ("модель", "%D0%BC%D0%BE%D0%B4%D0%B5%D0%BB%D1%8C"),
        ("~root", "%7Eroot"),
    ],
)
def test_any_name_becomes_one_harmless_path_component(name: str, path: str) -> None:
    assert safe(name) == path


def test_long_names_stay_apart_and_fit_a_file_system() -> None:
    one, two = safe("x" * 500 + "1"), safe("x" * 500 + "2")
    assert one != two
    assert max(len(one), len(two)) <= 200


def test_an_empty_name_is_refused() -> None:
    with pytest.raises(UsageError):
        safe("")


def test_the_path_function_keeps_conditions_and_signatures_apart(tmp_path: Path) -> None:
    store = Store(tmp_path)
    thinking = Cell("m", "global_mgsm", Subset("swh_Latn", "swh_Latn"), "think-off")
    assert store.path(thinking, "responses") == tmp_path / "m/global_mgsm@think-off/responses/swh_Latn.parquet"
    assert (
        store.path(SWAHILI, "journal", "abcdef0123")
        == tmp_path / "org%2Fmodel/flores_en_xx/responses/swh_Latn.abcdef01.jsonl"
    )
    chrf, chrfpp = (store.path(SWAHILI, "scores", f"chrF2|nw:{n}") for n in (0, 2))
    assert chrf.parent.name == signature_folder("chrF2|nw:0") != chrfpp.parent.name


def test_a_journal_gives_back_what_was_appended(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.jsonl", "f")
    journal.append({"id": "a", "key": "k", "text": "zwei\u2028Zeilen"})
    journal.append({"id": "b", "key": "k", "text": "x" * 100_000})
    assert [r["text"] for r in journal.read(["b", "a"])] == ["x" * 100_000, "zwei\u2028Zeilen"]
    journal.close()
    assert Journal(tmp_path / "j.jsonl", "f").keys == {"a": "k", "b": "k"}


def test_a_torn_last_line_is_cut_off_and_its_sample_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    journal = Journal(path, "f")
    journal.append({"id": "a", "key": "k"})
    journal.close()
    with path.open("ab") as file:
        file.write(b'{"id": "b", "key": "k", "te')
    again = Journal(path, "f")
    assert set(again.keys) == {"a"}
    again.append({"id": "b", "key": "k2"})
    again.close()
    assert Journal(path, "f").keys == {"a": "k", "b": "k2"}


def test_a_foreign_line_in_the_middle_hides_nothing_after_it(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    Journal(path, "f").close()
    with path.open("ab") as file:
        file.write(b"garbage \xff\xfe\n[1]\n" + orjson.dumps({"id": "b", "key": "k"}) + b"\n")
    assert set(Journal(path, "f").keys) == {"b"}


def test_a_journal_of_other_settings_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    Journal(path, "old").close()
    before = path.read_bytes()
    with pytest.raises(UsageError, match="other settings"):
        Journal(path, "new")
    assert path.read_bytes() == before


def test_a_full_disk_is_said_and_leaves_no_half_line(tmp_path: Path) -> None:
    journal = Journal(Path("/dev/shm") / f"mevals-{os.getpid()}.jsonl", "f")
    try:
        journal.append({"id": "a", "key": "k"})
        size = journal.path.stat().st_size
        writing = journal._write

        def full(line: bytes) -> int:
            journal._file.write(line[:5])
            journal._file.truncate(size)
            raise OSError(errno.ENOSPC, "No space left on device")

        journal._write = full  # type: ignore[method-assign]
        with pytest.raises(StoreError, match="disk of .* is full"):
            journal.append({"id": "b", "key": "k"})
        journal._write = writing  # type: ignore[method-assign]
        assert set(journal.keys) == {"a"}
        assert journal.path.stat().st_size == size
    finally:
        journal.remove()


def test_an_atomic_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cells.json"
    write_atomically(path, b"old")

    def broken(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(StoreError, match="can't be written"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["cells.json"]


def test_two_commands_on_one_folder_refuse_each_other_politely(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with (
        store.locked("first"),
        pytest.raises(UsageError, match=r"in use by process \d+ .*first"),
        store.locked("second"),
    ):
        pass
    with store.locked("third"):
        pass
