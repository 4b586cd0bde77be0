"""Identifiers as plug-ins."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mevals.errors import UsageError
from mevals.fidelity import identify
from mevals.fidelity.identify import chosen_identifier, identifier_name, load_identifier


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.delenv("MEVALS_LID", raising=False)
    load_identifier.cache_clear()
    identify._plugins.cache_clear()
    yield
    load_identifier.cache_clear()
    identify._plugins.cache_clear()


def test_the_default_ships_with_its_package_and_gives_probabilities() -> None:
    found = load_identifier(chosen_identifier())
    assert found.name.startswith("py3langid-")
    assert {"en", "sw", "th", "yo"} <= found.labels
    guesses = found.identify(["Leo asubuhi nilienda sokoni kununua samaki na mboga", "วันนี้ฝนตกหนักมากที่กรุงเทพ"])
    assert [label for label, _ in guesses] == ["sw", "th"]
    assert all(0.5 < probability <= 1 for _, probability in guesses)


def test_the_same_line_has_the_same_label_beside_other_lines() -> None:
    found = load_identifier("py3langid")
    lines = ["Der Hund schläft im Garten", "12 34", "", "der hund", "\ud800 x"]
    assert found.identify(lines) == [found.identify([line])[0] for line in lines]


def test_the_environment_chooses_unless_the_task_does(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen_identifier() == "py3langid"
    monkeypatch.setenv("MEVALS_LID", "fasttext:/models/lid.176.bin")
    assert chosen_identifier() == "fasttext:/models/lid.176.bin"
    assert chosen_identifier("glotlid:/m") == "glotlid:/m"


@pytest.mark.parametrize(
    ("specification", "said"),
    [
        ("py3langit", "did you mean 'py3langid'"),
        ("fasttext:/nowhere/lid.176.bin", "no language identification model at '/nowhere/lid.176.bin'"),
        ("fasttext", "give it as fasttext:/path/lid.176.bin"),
        ("py3langid:/a/model", "takes no argument"),
    ],
)
def test_what_cannot_be_loaded_says_what_to_do(specification: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        load_identifier(specification)


class FakeModel:
    """What fasttext's model object offers us."""

    def __init__(self, labels: Sequence[str], lists: bool) -> None:
        self.f = SimpleNamespace(predict=self.predict)
        self.seen: list[str] = []
        self.known = [f"__label__{label}" for label in labels]
        if lists:
            self.get_labels: Callable[[], list[str]] = lambda: self.known

    def predict(self, text: str, k: int, threshold: float, errors: str) -> list[tuple[float, str]]:
        self.seen.append(text)
        text.encode("utf-8", errors)
        if k == -1:
            return [(1 / len(self.known), label) for label in self.known]
        return [(1.00002, self.known[len(text) % len(self.known)])] if text != "\n" else []


@pytest.mark.parametrize("lists", [True, False], ids=["fasttext", "fasttext-predict"])
def test_a_fasttext_model_is_read_by_path(lists: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel(["en", "de"], lists)
    monkeypatch.setitem(sys.modules, "fasttext", SimpleNamespace(load_model=lambda path: model))
    (tmp_path / "lid.176.bin").write_bytes(b"a model")
    found = load_identifier(f"fasttext:{tmp_path}/lid.176.bin")
    assert found.labels == {"en", "de"}
    assert found.identify(["abc", "ab\ncd", "", "\ud800"]) == [("en", 1.0), ("en", 1.0), ("", 0.0), ("en", 1.0)]
    assert model.seen[-4:] == ["abc\n", "ab cd\n", "\n", "?\n"]
    # sha256 of b"a model"
    assert found.name == identifier_name(f"fasttext:{tmp_path}/lid.176.bin") == "fasttext-lid.176.bin-97ff8a35"


def test_another_model_file_is_another_name(tmp_path: Path) -> None:
    names = []
    for content in (b"one", b"two!"):
        (tmp_path / "model.bin").write_bytes(content)
        names.append(identifier_name(f"glotlid:{tmp_path}/model.bin"))
    assert names[0] != names[1]


def test_without_the_package_the_message_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fasttext", None)
    (tmp_path / "lid.176.bin").write_bytes(b"a model")
    with pytest.raises(UsageError, match=r"install mevals\[fasttext\]"):
        load_identifier(f"fasttext:{tmp_path}/lid.176.bin")


def test_a_real_fasttext_model_labels_lines(tmp_path: Path) -> None:
    fasttext = pytest.importorskip("fasttext", reason="the fasttext package is not installed")
    if not hasattr(fasttext, "train_supervised"):
        pytest.skip("this fasttext package can't train a model")
    lines = {
        "en": ["the cat sat on the mat", "we walk to the river every morning", "they have seen the moon"],
        "de": ["die Katze sitzt auf der Matte", "wir gehen jeden Morgen zum Fluss", "sie haben den Mond gesehen"],
    }
    train = tmp_path / "train.txt"
    train.write_text("".join(f"__label__{k} {x}\n" for k, xs in lines.items() for x in xs), encoding="utf-8")
    options = {"epoch": 200, "lr": 1.0, "dim": 8, "minn": 2, "maxn": 4, "bucket": 5000, "thread": 1, "verbose": 0}
    fasttext.train_supervised(str(train), **options).save_model(str(tmp_path / "tiny.bin"))
    found = load_identifier(f"fasttext:{tmp_path}/tiny.bin")
    assert found.labels == {"en", "de"}
    guesses = found.identify(["the moon and the river", "der Fluss und die Katze"])
    assert [label for label, _ in guesses] == ["en", "de"]
    (tmp_path / "broken.bin").write_bytes(b"no model")
    with pytest.raises(UsageError, match="is no fastText model"):
        load_identifier(f"fasttext:{tmp_path}/broken.bin")


class Constant:
    """An identifier of a plug-in: everything is in one language."""

    def __init__(self, argument: str) -> None:
        self.name, self.labels, self.argument = f"constant-{argument}", frozenset({argument}), argument

    def identify(self, lines: Sequence[str]) -> list[tuple[str, float]]:
        return [(self.argument, 1.0)] * len(lines)


def test_an_installed_plug_in_is_found_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("constant", f"{__name__}:Constant", "mevals.identifiers")
    monkeypatch.setattr(
        "importlib.metadata.entry_points", lambda group: [point] if group == "mevals.identifiers" else []
    )
    found = load_identifier("constant:sw")
    assert found.identify(["x", "y"]) == [("sw", 1.0), ("sw", 1.0)]
    assert identifier_name("constant:sw") == "constant-sw"
    with pytest.raises(UsageError, match="Known: py3langid, fasttext, glotlid, constant"):
        load_identifier("other")
