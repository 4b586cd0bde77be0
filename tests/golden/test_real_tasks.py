"""Public data in its public layouts: imported, counted, asked through HTTP and scored."""

from __future__ import annotations

import csv
import json
import re
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest

from mevals.card import Card
from mevals.condition import Condition
from mevals.data import Lock, Mirror
from mevals.registry import find_tasks
from mevals.scorers import short_answer
from mevals.testing import SimServer
from mevals.types import Response, Subset

pytestmark = pytest.mark.golden
Mevals = Callable[..., Any]


def cells_of(results: Path, model: str, task: str) -> dict[str, dict[str, Any]]:
    content = orjson.loads((results / model / task / "cells.json").read_bytes())
    return {cell["subset"]: cell for cell in content["cells"]}


def metric(cell: dict[str, Any], name: str) -> dict[str, Any]:
    return next(m for m in cell["metrics"] if m["metric"] == name)


def rows_in(mirror: Path, task: str) -> dict[str, int]:
    """Rows of each table of a mirror, by subset/split."""
    tables = sorted((mirror / task).glob("*/*.parquet"))
    return {f"{p.parent.name}/{p.stem}": pq.read_metadata(p).num_rows for p in tables}


def test_english_mmlu_costs_one_request_a_question(mevals: Mevals, golden: Path, tmp_path: Path) -> None:
    assert (
        mevals("data", "import", "global_mmlu", golden / "mmlu_en/mmlu_en_dev_test.tar.xz", "--mirror", "m").code == 0
    )
    assert rows_in(tmp_path / "m", "global_mmlu") == {"eng_Latn/dev": 285, "eng_Latn/test": 14_042}
    subjects = pq.read_table(tmp_path / "m/global_mmlu/eng_Latn/test.parquet", columns=["subject"])[
        "subject"
    ].to_pylist()
    assert len(set(subjects)) == 57
    with SimServer("demo", process=True) as server:
        ran = mevals(
            *("run", "-m", "demo", "-t", "global_mmlu", "-l", "eng_Latn", "--mirror", "m"),
            *("--limit", 2000, "--base-url", server.base_url),
        )
        assert ran.code == 0, ran.err
        stats = server.stats()
    assert stats["requests"] == stats["ok"] == 2_000
    assert stats["unkeyed"] == 0
    cell = cells_of(tmp_path / "results", "demo", "global_mmlu")["eng_Latn"]
    assert cell["n"] == metric(cell, "accuracy")["n"] == 2_000
    assert 0.88 < metric(cell, "accuracy")["value"] < 0.96  # the simulated model's ability in English


def test_five_exemplars_are_of_the_questions_own_subject(mevals: Mevals, golden: Path, tmp_path: Path) -> None:
    mevals("data", "import", "global_mmlu", golden / "mmlu_en/mmlu_en_dev_test.tar.xz", "--mirror", "m")
    (task,) = find_tasks(["global_mmlu"])
    subset = task.subsets()["eng_Latn"]
    data = Mirror(tmp_path / "m", Lock(tmp_path / "lock.json"))
    by_subject: dict[str, list[str]] = {}
    for row in Card(task.folder, task.card, task.prompts, data).exemplars(subset):
        by_subject.setdefault(row["subject"], []).append(row["question"].strip())
    for sample in list(task.samples(subset, data, Condition.parse("shots-5")))[::997]:
        prompt = sample.messages[0]["content"]
        assert all(question in prompt for question in by_subject[sample.tags["subject"]])
        assert len(re.findall(r"^Answer:", prompt, re.MULTILINE)) == 6


def test_blend_has_500_questions_in_each_of_16_regions(mevals: Mevals, golden: Path, tmp_path: Path) -> None:
    archive = golden / "blend/blend.tar.xz"
    assert mevals("data", "import", "blend_sqa", archive, "--mirror", "m").code == 0
    counts = rows_in(tmp_path / "m", "blend_sqa")
    assert len(counts) == 16
    assert set(counts.values()) == {500}
    limit = 100
    ran = mevals("run", "-m", "demo-perfect", "-t", "blend_sqa,blend_sqa_en", "--mirror", "m", "--limit", limit)
    assert ran.code == 0, ran.err
    for task, regions in (("blend_sqa", 16), ("blend_sqa_en", 14)):
        cells = cells_of(tmp_path / "results", "demo-perfect", task)
        assert len(cells) == regions
        for subset, cell in cells.items():
            found = metric(cell, "exact_match")
            assert found["value"] == 1.0, (task, subset)  # what annotators wrote is always a match of itself
            assert found["n"] + found["unscored"] == limit
            assert metric(cell, "exact_match.weighted")["value"] > 0.4
    questions = json.loads(member(archive, "annotations/Algeria_data.json"))
    assert sum(not q["annotations"] for q in questions.values()) == 41


def test_every_annotation_of_blend_matches_its_own_question(mevals: Mevals, golden: Path, tmp_path: Path) -> None:
    """All 8,000 questions, answered by their most frequent annotation: weighted match 1."""
    mevals("data", "import", "blend_sqa", golden / "blend/blend.tar.xz", "--mirror", "m")
    scored = exact = full = 0
    for path in sorted((tmp_path / "m/blend_sqa").glob("*/test.parquet")):
        lang = path.parent.name.rpartition("-")[0]
        responses = []
        for row in pq.read_table(path).to_pylist():
            pairs = [(a, str(each["count"])) for each in row["annotations"] for a in each["answers"] if a]
            best = max(pairs, key=lambda p: int(p[1]))[0] if pairs else "?"
            tags = {"counts": ",".join(c for _, c in pairs)}
            responses.append(Response(row["id"], best, "stop", targets=tuple(a for a, _ in pairs), tags=tags))
        for score in short_answer().score(responses, Subset(path.parent.name, lang)):
            scored += score.value is not None
            exact += score.value == 1.0
            full += score.parts.get("weighted") == 1.0
    assert scored == 7_723  # 277 questions have no annotation
    assert exact == scored
    assert full == scored


def member(archive: Path, end: str) -> bytes:
    with tarfile.open(archive) as tar:
        file = tar.extractfile(next(m for m in tar.getmembers() if m.name.endswith(end)))
        assert file is not None
        return file.read()


def test_m_arena_hard_has_500_prompts_in_each_of_22_languages(mevals: Mevals, golden: Path, tmp_path: Path) -> None:
    assert mevals("data", "import", "marena_hard", golden / "m_arena_hard", "--mirror", "m").code == 0
    counts = rows_in(tmp_path / "m", "marena_hard")
    assert len(counts) == 22
    assert set(counts.values()) == {500}
    ran = mevals("run", "-m", "demo", "-t", "marena_hard", "--mirror", "m", "--limit", 20)
    assert ran.code == 0, ran.err
    cells = cells_of(tmp_path / "results", "demo", "marena_hard")
    assert len(cells) == 22
    assert all(cell["n"] == 20 and metric(cell, "length")["value"] > 0 for cell in cells.values())
    first = json.loads(
        (golden / "m_arena_hard/m-arena-hard-ar/question.jsonl").read_text(encoding="utf-8").split("\n")[0]
    )
    table = pq.read_table(tmp_path / "m/marena_hard/arb_Arab/test.parquet").to_pylist()
    assert table[0]["prompt"] == first["turns"][0]["content"]
    assert len({row["question_id"] for row in table}) == 500


def test_dolly_human_edited_has_100_prompts_in_each_of_5_languages(
    mevals: Mevals, golden: Path, tmp_path: Path
) -> None:
    archive = golden / "language_confusion/test_sets.zip"
    assert mevals("data", "import", "mdolly", archive, "--mirror", "m").code == 0
    counts = rows_in(tmp_path / "m", "mdolly")
    assert counts == {f"{x}/test": 100 for x in ("arb_Arab", "fra_Latn", "hin_Deva", "rus_Cyrl", "spa_Latn")}
    ran = mevals("run", "-m", "demo", "-t", "mdolly", "--mirror", "m")
    assert ran.code == 0, ran.err
    assert {c["n"] for c in cells_of(tmp_path / "results", "demo", "mdolly").values()} == {100}


BELEBELE_CARD = """title: Belebele, Latvian
version: 1
about: recorded answers of the Latvian set, whose text is not at hand
license: CC-BY-SA-4.0
citation: "Bandarkar et al. 2023, arXiv:2308.16884"
dataset: facebook/belebele
revision: null
origin: human-translated
samples: 900
tokens: {prompt: 1, output: 1}
languages: {lvs_Latn: lvs_Latn}
"""
BELEBELE_TASK = """
from mevals.task import Sample, choice, task, user

@task(scorers=[choice()], max_tokens=8, kind="choice")
def belebele_lv(card, subset):
    for row in card.rows(subset):
        yield Sample(row["id"], [user("question " + row["id"])], (row["answer"],), tags={"letters": "1234"})
"""


def test_the_recorded_answers_of_eleven_models_give_the_published_counts(
    mevals: Mevals, golden: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "own/belebele_lv"
    (folder / "mini").mkdir(parents=True)
    (folder / "card.yaml").write_text(BELEBELE_CARD)
    (folder / "task.py").write_text(BELEBELE_TASK)
    monkeypatch.setenv("MEVALS_PATH", str(tmp_path / "own"))
    published = published_counts(golden / "belebele_sample/README.md")
    assert len(published) == 11
    found = {}
    for path in sorted((golden / "belebele_sample/results").glob("*.csv")):
        model = re.sub(r"_\d{8}_\d{6}$", "", path.stem)
        with path.open(encoding="utf-8", newline="") as file:
            recorded = list(csv.DictReader(file))
        keys = [{"id": r[""], "answer": whole(r["correct_answer"])} for r in recorded]
        (folder / "mini/lvs_Latn.jsonl").write_text("".join(json.dumps(k) + "\n" for k in keys))
        answers = [{"id": r[""], "text": whole(r["model_answer"])} for r in recorded]
        (tmp_path / "answers.jsonl").write_text("".join(json.dumps(a) + "\n" for a in answers))
        ran = mevals(
            "import", "outputs", "answers.jsonl", "-m", model, "-t", "belebele_lv", "-l", "lvs_Latn", "--data", "mini"
        )
        assert ran.code == 0, ran.err
        cell = cells_of(tmp_path / "results", model, "belebele_lv")["lvs_Latn"]
        accuracy = metric(cell, "accuracy")
        assert accuracy["n"] + accuracy["unscored"] == 900
        found[model] = round(accuracy["value"] * accuracy["n"])
    assert found == published


def whole(number: str) -> str | None:
    """A whole number as the tables have it ("3" or "3.0"); None where a model gave no answer."""
    return str(int(float(number))) if number.strip() else None


def published_counts(readme: Path) -> dict[str, int]:
    """Model → right answers, from the table of results."""
    lines = readme.read_text(encoding="utf-8").split("\n")
    cells = [[c.strip() for c in line.split("|")] for line in lines if line[:1].isdigit() and "|" in line]
    return {row[1]: int(row[3]) for row in cells if len(row) > 5}
