"""Readers of public layouts, on files that were written for this test in each layout."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

Mevals = Callable[..., Any]


def write_csv(path: Path, rows: list[list[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def write_jsonl(path: Path, *rows: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def table(tmp_path: Path, name: str) -> list[dict[str, Any]]:
    return pq.read_table(tmp_path / "m" / f"{name}.parquet").to_pylist()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("header", "answer"), [(["question", "choice0", "choice1", "choice2", "choice3", "answer"], "2"), (None, "C")]
)
def test_mmlu_is_read_with_a_header_and_without(
    mevals: Mevals, tmp_path: Path, header: list[str] | None, answer: str
) -> None:
    rows = [["How much is 2 + 3?", "3", "4", "5", "6", answer]]
    write_csv(tmp_path / "mmlu/test/elementary_mathematics_test.csv", [header, *rows] if header else rows)
    assert mevals("data", "import", "global_mmlu", "mmlu", "--mirror", "m").code == 0
    (row,) = table(tmp_path, "global_mmlu/eng_Latn/test")
    assert (row["sample_id"], row["answer"], row["option_c"]) == ("elementary_mathematics/test/0", "C", "5")
    assert row["subject"] == "elementary_mathematics"


def test_mmlu_with_a_broken_line_is_refused_by_name(mevals: Mevals, tmp_path: Path) -> None:
    write_csv(tmp_path / "mmlu/test/anatomy_test.csv", [["A question?", "1", "2", "3", "4", "E"]])
    ran = mevals("data", "import", "global_mmlu", "mmlu", "--mirror", "m")
    assert ran.code == 2
    assert "anatomy_test.csv, question 1: needs a question, four options and an answer" in ran.err
    assert not (tmp_path / "m").exists()


def test_all_three_releases_of_m_arena_hard_are_read(mevals: Mevals, tmp_path: Path) -> None:
    turn = {"turns": [{"content": "Schreibe ein Gedicht."}], "question_id": "q1", "cluster": "Poems", "category": "x"}
    write_jsonl(tmp_path / "v1/m-arena-hard-de/question.jsonl", turn)
    new = {
        "question_id": "q2",
        "category": "hard_prompt",
        "subcategory": "coding",
        "prompt": "Andika.",
        "language": "sw",
    }
    write_jsonl(tmp_path / "v20/sw.jsonl", new)
    write_jsonl(tmp_path / "v21/tl/test.jsonl", {**new, "prompt": "Sumulat."})
    for folder in ("v1", "v20", "v21"):
        assert mevals("data", "import", "marena_hard", folder, "--mirror", f"m/{folder}").code == 0
    assert table(tmp_path, "v1/marena_hard/deu_Latn/test") == [
        {"question_id": "q1", "cluster": "Poems", "prompt": "Schreibe ein Gedicht."}
    ]
    assert table(tmp_path, "v20/marena_hard/swh_Latn/test") == [new]
    assert table(tmp_path, "v21/marena_hard/fil_Latn/test")[0]["prompt"] == "Sumulat."
    for folder, cells in (("v1", 1), ("v20", 1), ("v21", 1)):
        ran = mevals("run", "-m", "demo-perfect", "-t", "marena_hard", "--mirror", f"m/{folder}", "--results", folder)
        assert f"{cells}/{cells} cells complete" in ran.err


NORMAD = [
    "ID",
    "Country",
    "Background",
    "Axis",
    "Subaxis",
    "Value",
    "Rule-of-Thumb",
    "Story",
    "Explanation",
    "Gold Label",
]


def test_normad_is_split_by_country_and_neutral_stories_are_not_asked(mevals: Mevals, tmp_path: Path) -> None:
    def story(number: int, country: str, label: str) -> list[str]:
        return [str(number), country, "b", "Visiting", "Visiting", "v", "r", f"Story {number}.", "e", label]

    rows = [story(1, "t\u00fcrkiye", "yes"), story(2, "hong_kong", "no"), story(3, "hong_kong", "neutral")]
    write_csv(tmp_path / "normad.csv", [NORMAD, *rows])
    assert mevals("data", "import", "normad", "normad.csv", "--mirror", "m").code == 0
    assert len(table(tmp_path, "normad/eng_Latn-HK/train")) == 2
    ran = mevals("run", "-m", "demo-perfect", "-t", "normad", "--mirror", "m")
    assert "2/2 cells complete" in ran.err
    assert "2 answered now" in ran.err
    write_csv(tmp_path / "bad.csv", [NORMAD, story(1, "atlantis", "yes")])
    assert (
        "'atlantis' is none of NormAd's countries" in mevals("data", "import", "normad", "bad.csv", "--mirror", "n").err
    )


def test_a_folder_in_another_layout_is_refused(mevals: Mevals, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for task in ("global_mmlu", "marena_hard", "mdolly", "blend_sqa", "normad"):
        ran = mevals("data", "import", task, "empty", "--mirror", "m")
        assert ran.code == 2
        assert "nothing was imported" in ran.err or "must hold one CSV file" in ran.err
    write_jsonl(tmp_path / "blend/annotations/Atlantis_data.json", {})
    ran = mevals("data", "import", "blend_sqa", "blend", "--mirror", "m")
    assert "none of BLEnD's 16 countries" in ran.err
