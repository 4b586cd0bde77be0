"""Published tables of others as reported numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mevals.errors import DataError, UsageError
from mevals.importers_results import euroeval, import_published, named, openai_mmmlu
from mevals.report import reported

TABLE = """# Results
| Language | big | small |
| :--: | :--: | :--: |
| Arabic | **0.904** | 0.659 |
| Portuguese (Brazil) | 0.910 | - |
| Average | 0.907 | 0.659 |
"""


def test_a_table_of_languages_and_models_becomes_one_row_for_each_number() -> None:
    rows = openai_mmmlu(TABLE)
    assert [(r["model"], r["about"], r["value"], r["statistic"]) for r in rows] == [
        ("big", "arb_Arab", "0.904", "value"),
        ("small", "arb_Arab", "0.659", "value"),
        ("big", "por_Latn", "0.910", "value"),
        ("big", "", "0.907", "mean"),
        ("small", "", "0.659", "mean"),
    ]


@pytest.mark.parametrize(
    ("name", "key"), [("Chinese (Simplified)", "cmn_Hans"), ("Yoruba", "yor_Latn"), ("Swahili", "swh_Latn")]
)
def test_languages_stand_by_name(name: str, key: str) -> None:
    assert named(name) == key


def test_a_euroeval_leaderboard_gives_its_first_metric_per_column() -> None:
    rows = euroeval("model,rank,angry-tweets\na/b,1.2,51.25 ± 0.8 / 66.1 ± 0.5\n", lang="da")
    assert [(r["task"], r["model"], r["about"], r["value"]) for r in rows] == [
        ("euroeval:angry-tweets", "a/b", "dan_Latn", "51.25")
    ]


def test_a_euroeval_leaderboard_needs_its_language() -> None:
    with pytest.raises(UsageError, match="--lang"):
        euroeval("model,x\na,1 ± 1\n")


def test_a_file_without_a_table_is_refused() -> None:
    with pytest.raises(DataError, match="no Markdown table"):
        openai_mmmlu("nothing")


def test_an_imported_table_shows_in_a_report_as_reported(mevals: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "t.md").write_text(TABLE)
    assert mevals("import", "published", "t.md", "t.csv", "--layout", "openai-mmmlu").code == 0
    done = mevals("report", "--reported", "t.csv", "--by", "lang", "--format", "csv")
    assert done.code == 0 and "arb_Arab,big,0.904" in done.out and "reported" in done.out


@pytest.mark.golden
def test_openais_published_table_comes_in_whole(golden: Path, tmp_path: Path) -> None:
    source = next((golden / "results_mmmlu_openai").glob("*.md"))
    out = tmp_path / "mmmlu.csv"
    import_published(source, "openai-mmmlu", out)
    rows = [r for r in reported.read_reported(out) if r.statistic == "value"]
    assert len(rows) == 140
    assert len({r.about for r in rows}) == 14 and len({r.model for r in rows}) == 10
