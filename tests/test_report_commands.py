"""report, compare, samples, tables, figures and export from the command line, and the same from Python."""

from __future__ import annotations

import csv
import io
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

Mevals = Callable[..., Any]
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two simulated models on a few languages of three tasks."""
    import mevals

    folder = tmp_path_factory.mktemp("runs") / "results"
    tasks = ["global_mgsm", "global_mmlu", "flores_en_xx"]
    langs = ["arb_Arab", "deu_Latn", "hin_Deva", "jpn_Jpan", "swh_Latn"]
    frame = mevals.run(["demo", "demo-strong"], tasks, folder, where="mini", langs=langs)  # type: ignore[operator]
    assert set(frame["model"]) == {"demo", "demo-strong"}
    return folder


def test_published_numbers_are_reported_without_any_run(mevals: Mevals) -> None:
    done = mevals("report", "--reported", "tiny-aya", "--by", "region", "--tasks", "flores_en_xx")
    assert done.code == 0 and "reported" in done.out and "10/10" in done.out


def test_without_results_and_published_numbers_the_message_says_what_to_do(mevals: Mevals) -> None:
    done = mevals("report")
    assert done.code == 2 and "mevals run" in done.err


def test_measured_and_published_stand_in_separate_tables(mevals: Mevals, results: Path) -> None:
    done = mevals(
        "report", "--results", results, "--reported", "tiny-aya", "-t", "flores_en_xx", "--by", "all", "-f", "csv"
    )
    rows = list(csv.DictReader(io.StringIO(done.out)))
    found = {
        ("reported" in row["marks"], row["signature"].startswith("reported|"))
        for row in rows
        if row["metric"] == "chrf"
    }
    assert found == {(True, True), (False, False)}


def test_reports_group_by_two_things_of_which_one_is_a_tag(mevals: Mevals, results: Path) -> None:
    done = mevals("report", "--results", results, "-t", "global_mmlu", "--by", "region,culture")
    assert "Europe · CS" in done.out and "South Asia · CA" in done.out


def test_an_unknown_grouping_is_refused_with_the_known_ones(mevals: Mevals, results: Path) -> None:
    done = mevals("report", "--results", results, "--by", "regoin")
    assert done.code == 2 and "'region'" in done.err


def test_scaled_scores_say_so_and_go_by_the_cards_chance(mevals: Mevals, results: Path) -> None:
    plain, scaled = (
        mevals("report", "--results", results, "-t", "global_mmlu", "--by", "all", "-m", "demo", "-f", "csv", *more)
        for more in ((), ("--scaled",))
    )
    first = pd.read_csv(__import__("io").StringIO(plain.out)).query("metric == 'accuracy'").iloc[0]
    second = pd.read_csv(__import__("io").StringIO(scaled.out)).query("metric == 'accuracy'").iloc[0]
    assert second["mean"] == pytest.approx((first["mean"] - 0.25) / 0.75) and "scaled" in second["marks"]


def test_population_weights_are_marked(mevals: Mevals, results: Path) -> None:
    done = mevals(
        "report", "--results", results, "-t", "global_mgsm", "--by", "all", "--weights", "population", "-f", "csv"
    )
    assert "weighted by speakers" in done.out


def test_tasks_are_combined_by_a_named_rule_alone(mevals: Mevals, results: Path) -> None:
    assert "win share" in mevals("report", "--results", results, "--combine", "win share").out
    assert mevals("report", "--results", results, "--combine", "mean").code == 2
    mixed = mevals("report", "--results", results, "--reported", "tiny-aya", "--combine", "mean rank")
    assert mixed.code == 2 and "never combined" in mixed.err


def test_parity_shows_the_slope_over_web_presence(mevals: Mevals) -> None:
    done = mevals("report", "--reported", "tiny-aya", "--parity", "--floor", "50", "-t", "mdolly", "-f", "json")
    assert done.code == 0 and '"share_above"' in done.out and '"slope_low"' in done.out


def test_compare_sorts_by_evidence_and_never_says_no_change(mevals: Mevals, results: Path) -> None:
    done = mevals("compare", "demo", "demo-strong", "--results", results, "--slices", "--format", "md")
    assert done.code == 0 and "can't tell (" in done.out and "no change" not in done.out


def test_a_gate_exits_1_on_a_regression_and_0_the_other_way(mevals: Mevals, results: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("families: [{name: all, tasks: [flores_en_xx]}]\n")
    worse = mevals("compare", "demo-strong", "demo", "--results", results, "--gate", policy)
    assert worse.code == 1 and "FAILED" in worse.out and "regression" in worse.out
    better = mevals("compare", "demo", "demo-strong", "--results", results, "--gate", policy)
    assert better.code == 0 and "passed" in better.out


def test_models_without_a_common_cell_cannot_be_compared(mevals: Mevals, results: Path) -> None:
    done = mevals("compare", "demo", "demo-x", "--results", results)
    assert done.code == 2 and "demo-x" in done.err


@pytest.mark.parametrize("order", ["worst", "best", "random", "disagreeing"])
def test_samples_isolate_every_text(mevals: Mevals, results: Path, order: str) -> None:
    done = mevals(
        "samples", "--results", results, "-t", "global_mgsm", "-l", "arb_Arab", "-m", "demo", "-m", "demo-strong",
        "--order", order, "-n", "1",
    )  # fmt: skip
    assert done.code == 0 and done.out.count("\u2068") == done.out.count("\u2069") > 3


def test_samples_as_html_carry_language_and_direction(mevals: Mevals, results: Path) -> None:
    done = mevals("samples", "--results", results, "-t", "global_mgsm", "-l", "arb_Arab", "-m", "demo", "-f", "html")
    assert 'dir="auto" lang="ar' in done.out


def test_tables_come_in_latex(mevals: Mevals, results: Path) -> None:
    done = mevals("tables", "--results", results, "--table", "21,23", "--format", "latex")
    assert done.code == 0 and done.out.count(r"\bottomrule") == 2


def test_figures_are_written_and_the_others_named(mevals: Mevals, results: Path, tmp_path: Path) -> None:
    done = mevals("figures", "--results", results, "--out", tmp_path / "r", "-n", "6,3", "--base", "demo")
    assert (tmp_path / "r" / "figure-6-languages.html").exists()
    assert "not drawn: 3-tokens" in done.err


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_export_writes_one_long_table(mevals: Mevals, results: Path, tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"scores.{ending}"
    assert mevals("export", out, "--what", "scores", "--results", results).code == 0
    frame = pd.read_parquet(out) if ending == "parquet" else pd.read_csv(out)
    assert {"model", "task", "condition", "lang", "item", "metric", "value", "tags"} <= set(frame)


def test_frames_agree_with_the_cells(results: Path) -> None:
    import mevals

    cells = mevals.load_cells(results, models=["demo"], tasks=["global_mgsm"])  # type: ignore[attr-defined]
    scores = mevals.load_scores(results, ["demo"], ["global_mgsm"], ["accuracy"])  # type: ignore[attr-defined]
    plain = cells[cells["metric"] == "accuracy"].set_index("subset")["value"]
    pd.testing.assert_series_equal(
        scores.groupby("subset")["value"].mean(), plain.sort_index(), check_names=False, check_dtype=False
    )
    responses = mevals.load_responses(results, models=["demo"], tasks=["global_mgsm"])  # type: ignore[attr-defined]
    assert len(responses) == len(scores)


def test_an_option_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    from mevals.api import run
    from mevals.errors import UsageError

    with pytest.raises(UsageError, match="'limit'"):
        run("demo", "global_mgsm", tmp_path, limt=3)


def test_group_intervals_hold_the_plain_mean_of_the_cells(results: Path) -> None:
    from mevals.api import group_intervals

    paths = {
        ("demo", "global_mgsm", "all", p.stem): p
        for p in sorted((results / "demo" / "global_mgsm" / "scores").glob("accuracy-*/*.parquet"))
    }
    found = group_intervals(paths, draws=500)["demo", "global_mgsm", "all"]
    assert found.n == 5 and found.interval is not None and found.value is not None
    assert found.interval.low < found.value < found.interval.high


def test_the_notebook_example_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    names = runpy.run_path(str(ROOT / "docs" / "notebook.py"))
    assert len(names["scores"]) > 100 and len(names["figure"].data) > 0


def test_measured_and_published_numbers_are_drawn_and_tabled_apart(
    mevals: Mevals, results: Path, tmp_path: Path
) -> None:
    both = ("--results", results, "--reported", "tiny-aya")
    done = mevals("figures", *both, "--out", tmp_path / "r", "-n", "6", "--task", "global_mgsm")
    assert {p.name for p in (tmp_path / "r").iterdir()} == {
        "figure-6-languages.html",
        "figure-6-languages-reported.html",
    }, done.err
    tables = mevals("tables", *both, "--table", "23", "--format", "md")
    assert tables.out.count("**Table 23") == 2 and tables.out.count("Marked: reported") == 1
