"""Published numbers as rows: what the paper's own tables add up to, and that they never mix with measured ones."""

from __future__ import annotations

import math
import statistics
from pathlib import Path

import pytest

from mevals import languages
from mevals.errors import DataError, UsageError
from mevals.report import reported
from mevals.report.table import View, make_rows

ROWS = reported.load("tiny-aya")

NOT_REPRODUCED = {
    # (table, model, metric, statistic): what is printed, what the printed rows give
    ("23", "Gemma3-4B", "accuracy", "mean"): ("0.55", "0.56"),
    ("25", "Ministral-3-3B", "rubric.naturalness", "sd"): ("0.338", "0.337"),
}
"""Summaries of Tables 21-25 that don't follow from their own rows; both lie within what rounding the rows can explain."""


def test_all_published_numbers_are_there_with_their_table() -> None:
    assert len(ROWS) == 4965
    counts = {t: sum(r.table == t for r in ROWS) for t in ("21", "22", "23", "24", "25", "26")}
    assert counts == {"21": 680, "22": 570, "23": 345, "24": 1182, "25": 1182, "26": 132}


def test_averages_and_deviations_of_tables_21_to_25_follow_from_their_rows_but_for_a_list() -> None:
    checks = reported.check_summaries(ROWS)
    assert len(checks) == 132
    assert all(check.within for check in checks)
    differing = {}
    for check in checks:
        found = check.recomputed / 100 if check.metric == "chrf" else check.recomputed
        shown = f"{found:.{len(check.printed.partition('.')[2])}f}"
        if float(shown) != float(check.printed):
            differing[check.table, check.model, check.metric, check.statistic] = (check.printed, shown)
    assert differing == NOT_REPRODUCED


@pytest.mark.parametrize(("model", "table_5", "table_21"), [("Tiny Aya Global", 43.5, 43.2), ("Gemma3-4B", 38.9, 38.0)])
def test_table_5_states_other_flores_means_than_table_21_gives(model: str, table_5: float, table_21: float) -> None:
    printed = reported.summaries(ROWS, "5")["flores_en_xx", model, "chrf", "mean"].value
    values = [r.value for r in ROWS if (r.table, r.model, r.statistic) == ("21", model, "value")]
    assert printed == pytest.approx(table_5)
    assert statistics.fmean(values) == pytest.approx(table_21, abs=0.05)


def test_figure_5_has_five_bins_of_7_16_18_18_and_7_languages() -> None:
    rows = make_rows(reported.cells("tiny-aya"), View("web-presence", ("Tiny Aya Global",), ("mdolly",)))
    assert [row.n for row in rows if row.metric == "rubric"] == [7, 16, 18, 18, 7]


def test_region_means_carry_their_number_of_languages() -> None:
    rows = make_rows(reported.cells("tiny-aya"), View("region", ("Tiny Aya Global",), ("global_mgsm",)))
    africa = next(row for row in rows if row.group == "Africa")
    assert (round(100 * (africa.mean or 0), 1), africa.n, africa.of) == (39.1, 8, 8)
    assert africa.marks == "reported"


def test_misaligned_line_pass_rates_are_in_no_cell() -> None:
    flagged = [r for r in ROWS if r.flag == reported.MISALIGNED]
    assert len(flagged) > 500
    assert not any(m["metric"] == "lpr" for c in reported.cells("tiny-aya") for m in c["metrics"])


def test_every_language_of_a_row_is_in_the_registry() -> None:
    for about in {r.about for r in ROWS} - {""}:
        assert languages.get(about).key == about


def test_a_published_number_is_never_in_one_mean_with_a_measured_one() -> None:
    published = [c for c in reported.cells("tiny-aya") if c["task"] == "flores_en_xx" and c["model"] == "Gemma3-4B"]
    measured = [
        {**c, "reported": "", "metrics": [{**m, "signature": "chrF2|nrefs:1", "value": 1.0} for m in c["metrics"]]}
        for c in published
    ]
    rows = make_rows([*published, *measured], View("all"))
    assert {(r.signature, r.mean) for r in rows if r.signature == "chrF2|nrefs:1"} == {("chrF2|nrefs:1", 1.0)}
    assert len(rows) == 2


def test_values_are_on_our_scales() -> None:
    row = next(r for r in ROWS if (r.table, r.model, r.label) == ("21", "Gemma3-4B", "am"))
    assert row.value == pytest.approx(100 * float(row.printed)) and math.isclose(row.half, 0.5)


def test_an_unknown_source_is_refused_with_what_there_is() -> None:
    with pytest.raises(UsageError, match="tiny-aya"):
        reported.load("tiny-ayaa")


def test_a_file_with_other_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="must have the columns"):
        reported.load(str(path))
