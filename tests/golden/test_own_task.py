"""Belebele, English and German, as a task without code, written with `mevals new task` and run through HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.golden

TEMPLATE = """template:
  kind: multiple_choice
  explode: items
  question: question
  choices: answers.text
  answer: answers.correct
  fields: {passage: text}
  tags: {passage: text}
"""


def test_belebele_runs_as_a_task_without_code(
    mevals: Callable[..., Any], golden: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mevals("new", "task", "belebele", "--kind", "multiple_choice", "--langs", "eng_Latn,deu_Latn").code == 0
    card = tmp_path / "my_tasks/belebele/card.yaml"
    head, _, tail = card.read_text().partition("template:\n")
    card.write_text(head + TEMPLATE + tail[tail.index("languages:") :])
    prompts = tmp_path / "my_tasks/belebele/prompts.yaml"
    prompts.write_text(
        'default: "{passage}\\n\\n{question}\\n{options}\\n\\nAnswer with the letter of the right option."\n'
    )
    monkeypatch.setenv("MEVALS_PATH", "my_tasks")
    assert mevals("data", "import", "belebele", golden / "belebele_sample", "--mirror", "m").code == 0
    ran = mevals("run", "--model", "demo", "--tasks", "belebele", "--mirror", "m", "--by", "lang", "--format", "json")
    assert ran.code == 0, ran.err
    cells = json.loads((tmp_path / "results/demo/belebele/cells.json").read_text())["cells"]
    assert {c["subset"]: c["n"] for c in cells} == {"deu_Latn": 900, "eng_Latn": 900}
    metric = next(m for m in cells[0]["metrics"] if m["metric"] == "accuracy")
    assert metric["interval"] == "wilson, design effect"  # questions on one passage are not independent
    assert 0.4 < metric["value"] < 1
