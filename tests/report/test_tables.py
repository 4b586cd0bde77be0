"""The paper's tables for any models, in every format; bold only where something can be told apart."""

from __future__ import annotations

import json

import pytest

from mevals.errors import UsageError
from mevals.report import reported
from mevals.report.tables import TABLES, best_cells, best_within_noise, make_table, printed_table
from mevals.report.values import NO_TAGS, Value, values_of
from mevals.report.write import Sheet, render

VALUES = values_of(reported.cells("tiny-aya"), slices=True, parts=True)


def value(model: str, x: float, half: float | None) -> Value:
    ends = (None, None) if half is None else (x - half, x + half)
    return Value(model, "t", "", "accuracy", "s", "higher", (0.0, 1.0), "deu_Latn", "deu_Latn", "Europe", "", x, *ends, 100, "", (), NO_TAGS)  # fmt: skip


@pytest.mark.parametrize("number", [n for n in TABLES if n not in ("4", "6")])
def test_every_table_with_published_cells_can_be_made(number: str) -> None:
    sheet = make_table(VALUES, number)
    assert all(len(line) == len(sheet.head) for line in sheet.lines)
    assert "reported" in sheet.caption


@pytest.mark.parametrize("number", ["4", "5", "6", "7"])
def test_published_summaries_are_shown_as_printed(number: str) -> None:
    sheet = printed_table(reported.load("tiny-aya"), number)
    assert "reported" in sheet.caption and len(sheet.lines) >= 6
    if number == "4":
        assert sheet.lines[0][1] == "44.9 (7.3)"


def test_table_21_ends_in_the_means_of_its_rows() -> None:
    lines = {line[0]: line for line in make_table(VALUES, "21").lines}
    assert lines["Avg"][2] == "38.0" and lines["Avg"][1] == "n=66"


def test_a_clear_winner_is_bold_and_noise_is_not() -> None:
    assert best_within_noise({"a": [50, 60, 70, 80], "b": [40, 51, 59, 71]}) == ["a"]
    assert best_within_noise({"a": [50, 60, 70], "b": [60, 50, 71]}) == []
    assert best_within_noise({"a": [1, 2], "b": [5, 6]}) == []


def test_in_one_cell_bold_goes_by_the_intervals() -> None:
    assert best_cells({"a": value("a", 0.9, 0.02), "b": value("b", 0.5, 0.02)}) == ["a"]
    assert best_cells({"a": value("a", 0.9, 0.2), "b": value("b", 0.88, 0.2)}) == []
    assert best_cells({"a": value("a", 0.9, None), "b": value("b", 0.1, None)}) == []


def test_an_unknown_table_is_refused() -> None:
    with pytest.raises(UsageError, match="no table '18'"):
        make_table(VALUES, "18")


SHEET = Sheet("T_1", ("model", "a&b"), [["x|y", "50 %"]], "cap", frozenset({(0, 1)}))


def test_latex_escapes_and_uses_booktabs() -> None:
    text = render([SHEET], "latex")
    assert r"\toprule" in text and r"\textbf{50 \%}" in text and r"a\&b" in text and r"T\_1" in text


def test_markdown_escapes_bars_and_sets_bold() -> None:
    assert r"| x\|y | **50 %** |" in render([SHEET], "md")


def test_json_and_csv_hold_the_records() -> None:
    assert json.loads(render([SHEET], "json"))[0]["rows"] == [{"model": "x|y", "a&b": "50 %"}]
    assert render([SHEET], "csv").split("\n")[1] == "T_1,x|y,50 %"


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(UsageError, match="latex"):
        render([SHEET], "latx")


def test_a_tasks_main_metric_is_not_the_one_that_stands_beside_it() -> None:
    from dataclasses import replace

    from mevals.report.values import main_metric, pick

    beside = [replace(value("a", 0.9, None), metric="fidelity", signature="f") for _ in range(3)]
    values = [*beside, value("a", 0.5, None), replace(value("a", 0.1, None), metric="accuracy[culture=CS]")]
    assert main_metric(values) == "accuracy"
    assert [v.value for v in pick(values, "t")] == [0.5]
    assert main_metric(beside) == "fidelity"
