"""Averages that say what they average."""

from __future__ import annotations

import pytest

from mevals import stats

CELLS = {"m1": {"a": 0.4, "b": 0.6, "c": 0.9}, "m2": {"a": 0.5, "b": 0.7, "c": None}}
TABLE = {
    "m1": {"mmlu": 0.7, "chrf": 50.0, "error": 0.2, "extra": 1.0},
    "m2": {"mmlu": 0.7, "chrf": 40.0, "error": 0.1, "extra": None},
    "m3": {"mmlu": 0.25, "chrf": 60.0, "error": 0.3, "extra": 3.0},
}
LEVELS = {"mmlu": (0.25, 1.0), "chrf": (0.0, 100.0), "error": (1.0, 0.0)}


def test_scores_are_scaled_from_chance_to_ceiling_and_the_formula_is_printed() -> None:
    assert stats.normalise(0.7, 0.25, 1.0) == pytest.approx(0.6)
    assert stats.normalise(0.1, 0.25, 1.0) == pytest.approx(-0.2)
    assert stats.normalise(None, 0.25, 1.0) is None
    assert stats.normalise_formula(25, 100) == "scaled = (score - 25) / (100 - 25)"


def test_models_are_averaged_over_the_languages_that_all_of_them_have() -> None:
    got = stats.macro_by_model(CELLS, reasons={"m2": {"c": "failed"}})
    assert got["m1"].value == pytest.approx(0.5) and got["m2"].value == pytest.approx(0.6)
    assert (got["m1"].n, got["m1"].of) == (2, 3)
    assert got["m1"].missing == {"c": "another model has no value"} and got["m2"].missing == {"c": "failed"}


def test_each_models_own_languages_are_averaged_only_when_asked_for() -> None:
    got = stats.macro_by_model(CELLS, common=False)
    assert got["m1"].value == pytest.approx(1.9 / 3) and got["m1"].missing == {}
    assert "own languages" in got["m1"].rule


def test_macro_counts_languages_and_micro_counts_samples() -> None:
    assert stats.macro({"a": 0.0, "b": 1.0}).value == pytest.approx(0.5)
    assert stats.micro({"a": 0.0, "b": 1.0}, {"a": 30, "b": 10}).value == pytest.approx(0.25)


def test_a_missing_cell_is_named_with_its_reason_and_never_counts_as_0() -> None:
    got = stats.macro({"a": 0.5, "b": None}, ["a", "b", "c"], {"b": "truncated"})
    assert got.value == 0.5 and got.missing == {"b": "truncated", "c": "no value"}
    nothing = stats.macro({}, ["a"])
    assert nothing.value is None and nothing.n == 0


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        (
            "mean of scaled scores",
            {"m1": (0.6 + 0.5 + 0.8) / 3, "m2": (0.6 + 0.4 + 0.9) / 3, "m3": (0 + 0.6 + 0.7) / 3},
        ),
        ("mean rank", {"m1": (1.5 + 2 + 2) / 3, "m2": (1.5 + 3 + 1) / 3, "m3": (3 + 1 + 3) / 3}),
        ("win share", {"m1": (0.75 + 0.5 + 0.5) / 3, "m2": (0.75 + 0 + 1) / 3, "m3": (0 + 1 + 0) / 3}),
    ],
)
def test_tasks_are_combined_by_a_named_rule_over_the_tasks_that_all_models_have(
    rule: stats.Rule, wanted: dict[str, float]
) -> None:
    got = stats.combine_tasks(TABLE, rule, levels=LEVELS, better={"error": "lower"})
    assert {m: v.value for m, v in got.items()} == pytest.approx(wanted)
    assert got["m1"].rule.startswith(rule) and (got["m1"].n, got["m1"].of) == (3, 4)
    assert got["m1"].missing == {"extra": "some model has no value"}


def test_scaled_scores_are_refused_for_a_task_without_levels() -> None:
    with pytest.raises(ValueError, match="'chrf' has no chance level"):
        stats.combine_tasks(TABLE, "mean of scaled scores", levels={"mmlu": (0.25, 1.0)})
