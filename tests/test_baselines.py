"""Baselines as rows: copied source and empty output."""

from __future__ import annotations

import pytest

from mevals.baselines import BASELINES, copy_source, empty_output
from mevals.errors import DataError
from mevals.scorers.mt import chrf, ter
from mevals.types import Response, Subset

ANSWERS = [
    Response(
        "1", "Guten Tag", "stop", targets=("Guten Morgen",), source="Good morning", latency_s=0.2, output_tokens=3
    ),
    Response("2", None, "rejected", targets=("Berlin",), source="Berlin", error="content filter", reasoning="hm"),
]
SUBSET = Subset("en-de", "deu_Latn")


def test_the_source_is_copied_for_every_sample_even_those_the_model_left_out() -> None:
    first, second = copy_source(ANSWERS)
    assert first == Response("1", "Good morning", "imported", targets=("Guten Morgen",), source="Good morning")
    assert second == Response("2", "Berlin", "imported", targets=("Berlin",), source="Berlin")


def test_empty_output_is_scored_not_left_out() -> None:
    empty = empty_output(ANSWERS)
    assert [r.text for r in empty] == ["", ""]
    assert [score.value for score in chrf().score(empty, SUBSET)] == [0.0, 0.0]
    assert [score.value for score in ter().score(empty, SUBSET)] == [100.0, 100.0]


def test_a_name_that_stays_the_same_makes_copying_better_than_nothing() -> None:
    values = [score.value for score in chrf().score(copy_source(ANSWERS), SUBSET)]
    assert values[1] == pytest.approx(100)
    assert values[0] is not None and 0 < values[0] < 40


def test_a_task_without_sources_has_no_copy_baseline() -> None:
    with pytest.raises(DataError, match="sample '7' has no source text"):
        copy_source([Response("7", "x", "stop")])


def test_rows_are_named_as_baselines() -> None:
    assert set(BASELINES) == {"baseline:copy-source", "baseline:empty-output"}
    assert all(len(make(ANSWERS)) == 2 for make in BASELINES.values())
