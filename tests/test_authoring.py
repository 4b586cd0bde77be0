"""Tasks without code: written from a template, validated in one go, and run like any other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mevals.authoring import KINDS
from mevals.template_task import value_at

Mevals = Callable[..., Any]


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_task_of_every_kind_runs_as_it_is_written(
    mevals: Mevals, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    assert mevals("new", "task", "mine", "--kind", kind, "--langs", "swh_Latn,hin_Deva").code == 0
    assert mevals("validate", "my_tasks/mine").code == 0
    monkeypatch.setenv("MEVALS_PATH", "my_tasks")
    ran = mevals("run", "--model", "demo-perfect", "--tasks", "mine", "--data", "mini", "--format", "json")
    assert ran.code == 0, ran.err
    rows = json.loads(ran.out)
    assert {r["task"] for r in rows} == {"mine"}
    assert rows[0]["n"] == 2
    if kind in ("multiple_choice", "classification"):
        assert rows[0]["mean"] == 1.0


def test_validate_says_everything_that_is_wrong_at_once(mevals: Mevals, tmp_path: Path) -> None:
    mevals("new", "task", "mine", "--kind", "multiple_choice", "--langs", "swh_Latn,hin_Deva")
    folder = tmp_path / "my_tasks/mine"
    row = {"question": "?", "a": "1", "b": "2", "answer": "B"}
    (folder / "mini/swh_Latn.jsonl").write_text(json.dumps(row) + "\n")
    (folder / "mini/hin_Deva.jsonl").write_text('{"question": "?"\n')
    ran = mevals("validate", folder)
    assert ran.code == 2
    assert "2 problems" in ran.err
    assert "swh_Latn" in ran.err
    assert "'c'" in ran.err
    assert "hin_Deva" in ran.err
    assert "line 1" in ran.err
    (folder / "card.yaml").write_text("title: x\nversion: 0\nlanguges: {}\n")
    ran = mevals("validate", folder)
    assert ran.code == 2
    for word in ("version", "languges", "license", "samples"):
        assert word in ran.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["mine", "--kind", "multiple-choice"], "did you mean 'multiple_choice'"),
        (["my task", "--kind", "translation"], "plain word"),
        (["global_mgsm", "--kind", "translation"], "no other task has"),
        (["mine", "--kind", "translation", "--langs", "zho"], "cmn_Hans"),
    ],
)
def test_a_new_task_that_cannot_be_is_refused(mevals: Mevals, tmp_path: Path, words: list[str], said: str) -> None:
    ran = mevals("new", "task", *words)
    assert ran.code == 2
    assert said in ran.err
    assert list(tmp_path.iterdir()) == []


def test_paths_reach_through_lists() -> None:
    row = {"a": {"b": [{"c": 1}, {"c": 2}]}, "d": 3}
    assert value_at(row, "a.b.c") == [1, 2]
    assert value_at(row, "d") == 3


CARD = """title: Nested
version: 1
about: nested items
license: CC0-1.0
citation: none
dataset: self
revision: null
origin: native
samples: 2
tokens: {prompt: 5, output: 1}
template:
  kind: multiple_choice
  explode: items
  question: question
  choices: answers.text
  answer: answers.correct
  fields: {passage: text}
  tags: {passage: text}
languages: {deu_Latn: deu_Latn}
"""


def test_local_files_with_nested_items_become_samples(
    mevals: Mevals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "my_tasks/nested"
    folder.mkdir(parents=True)
    (folder / "card.yaml").write_text(CARD)
    (folder / "prompts.yaml").write_text('default: "{passage}\\n{question}\\n{options}"\n')
    answers = [{"text": "ja", "correct": False}, {"text": "nein", "correct": True}]
    row = {
        "text": "Ein Text.",
        "items": [{"question": "Stimmt es?", "answers": answers}, {"question": "Sicher?", "answers": answers}],
    }
    (tmp_path / "deu_Latn.jsonl").write_text(json.dumps(row) + "\n")
    monkeypatch.setenv("MEVALS_PATH", "my_tasks")
    assert mevals("data", "import", "nested", tmp_path / "deu_Latn.jsonl", "--mirror", "m").code == 0
    ran = mevals("run", "--model", "demo-perfect", "--tasks", "nested", "--mirror", "m", "--format", "json")
    assert ran.code == 0, ran.err
    assert [(r["n"], r["mean"]) for r in json.loads(ran.out)] == [(1, 1.0)]
    cells = json.loads((tmp_path / "results/demo-perfect/nested/cells.json").read_text())["cells"]
    assert cells[0]["n"] == 2
