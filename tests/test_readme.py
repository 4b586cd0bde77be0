"""README's worked example is run as it stands there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

README = Path(__file__).parents[1] / "README.md"


def example_files() -> dict[str, str]:
    """File name → content of every block that README introduces with a file name."""
    text = README.read_text(encoding="utf-8")
    return dict(re.findall(r"^`(my_tasks/[^`]+)`\n```\w+\n(.*?)```$", text, re.DOTALL | re.MULTILINE))


def test_the_worked_example_of_a_task_runs(
    mevals: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = example_files()
    assert {Path(name).name for name in files} == {"card.yaml", "prompts.yaml", "task.py", "swh_Latn.jsonl"}
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    monkeypatch.setenv("MEVALS_PATH", "my_tasks")
    ran = mevals("run", "--model", "demo-perfect", "--tasks", "capitals", "--data", "mini", "--format", "json")
    assert ran.code == 0, ran.err
    (row,) = json.loads(ran.out)
    assert (row["task"], row["mean"], row["n"]) == ("capitals", 1.0, 1)


def test_readme_names_the_commands_that_exist(mevals: Callable[..., Any]) -> None:
    for line in re.findall(
        r"^\$ mevals ([a-z ]+?)(?: [-a-z]*[./-].*| [a-z]+ .*)?$", README.read_text(encoding="utf-8"), re.MULTILINE
    ):
        assert mevals(*line.split()[:2], "--help").code == 0, line
