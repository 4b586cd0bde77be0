"""Penalised scores: an answer in another language earns nothing, and nobody is punished for what can't be told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from sacrebleu.metrics import BLEU, CHRF

from mevals.aggregate import aggregate, penalised_records
from mevals.imports import Imported
from mevals.records import Scores
from mevals.report.table import View, make_rows
from mevals.score import Job, answered_cells, score_all
from mevals.scorers import bleu, chrf, fidelity, number, ter
from mevals.scorers.mt import CorpusMetric
from mevals.scorers.penalty import penalised, penalised_statistics, verdicts_of
from mevals.store import Store
from mevals.types import Cell, Sample, Scorer, Subset

NAN = float("nan")
DEU = Subset("deu_Latn", "deu_Latn")
HYPS = [
    "Der Hund schläft heute im Garten und träumt.",
    "The dog is sleeping in the garden and dreaming",
    "Am Abend gehen wir gemeinsam an den See.",
    "In the evening we go to the lake together",
]
REFS = [
    "Der Hund schläft im Garten und träumt davon.",
    "Die Katze schläft im Garten und träumt davon.",
    "Abends gehen wir zusammen an den See.",
    "Am Morgen gehen wir an den Fluss.",
]
STRANGE = str.maketrans({chr(c): chr(0xE000 + c) for c in range(0x21, 0x250)})
UNMATCHED = [HYPS[0], HYPS[1].translate(STRANGE), HYPS[2], HYPS[3].translate(STRANGE)]
"""The English sentences in characters that no reference has: as long, and nothing of them matches."""


def test_a_verdict_is_the_worse_of_language_and_script() -> None:
    parts = {
        "lenient": np.array([1, 0, 1, 0, NAN, NAN, 1]),
        "script_pass": np.array([1, 1, 0, 0, 0, NAN, NAN]),
    }
    np.testing.assert_array_equal(verdicts_of(parts, 7), [1, 0, 0, 0, NAN, NAN, 1])


def test_parts_that_are_null_everywhere_are_no_verdict() -> None:
    np.testing.assert_array_equal(verdicts_of({}, 2), [NAN, NAN])


def test_a_value_is_multiplied_by_its_verdict() -> None:
    values = np.array([0.7, 0.7, NAN, NAN, 0.7])
    verdicts = np.array([1.0, 0.0, 0.0, 1.0, NAN])
    np.testing.assert_array_equal(penalised(values, verdicts), [0.7, 0.0, NAN, NAN, 0.7])
    np.testing.assert_array_equal(penalised(values, verdicts, 25.0, lower_is_better=True), [0.7, 25.0, NAN, NAN, 0.7])


@pytest.mark.parametrize(
    ("scorer", "theirs"),
    [
        (chrf(), CHRF()),
        (chrf(word_order=2), CHRF(word_order=2)),
        (bleu("13a"), BLEU(tokenize="13a", force=True)),
    ],
    ids=["chrf", "chrf++", "bleu"],
)
def test_a_penalised_corpus_score_is_that_of_texts_of_which_nothing_matches(scorer: CorpusMetric, theirs: Any) -> None:
    references = [(ref,) for ref in REFS]
    stats = scorer.statistics(HYPS, references, DEU)
    made = penalised_statistics(scorer.metric, stats, np.array([1.0, 0.0, NAN, 0.0]))
    assert made is not None
    np.testing.assert_array_equal(made, scorer.statistics(UNMATCHED, references, DEU))
    expected = theirs.corpus_score(UNMATCHED, [REFS]).score
    assert float(scorer.corpus_from_stats(made.sum(axis=0))) == pytest.approx(expected, abs=1e-9)


def test_penalised_edits_are_the_references_words_at_least() -> None:
    made = penalised_statistics("ter", np.array([[3.0, 8.0], [9.0, 8.0], [3.0, 8.0]]), np.array([0.0, 0.0, 1.0]))
    np.testing.assert_array_equal(made, [[8.0, 8.0], [9.0, 8.0], [3.0, 8.0]])


def test_an_empty_text_instead_would_raise_the_score() -> None:
    hyps, refs = ["सुबह बारिश होगी", "It will rain in the morning"], ["सुबह तेज़ बारिश होगी", "सुबह बारिश होगी"]
    raw, emptied = (CHRF().corpus_score([hyps[0], second], [refs]).score for second in (hyps[1], ""))
    assert emptied > raw
    stats = chrf().statistics(hyps, [(ref,) for ref in refs], Subset("hin_Deva", "hin_Deva"))
    made = penalised_statistics("chrf", stats, np.array([1.0, 0.0]))
    assert made is not None
    assert chrf().corpus_from_stats(made.sum(axis=0)) <= raw


def test_statistics_of_an_unknown_metric_are_not_guessed() -> None:
    assert penalised_statistics("mine", np.ones((1, 2)), np.zeros(1)) is None


def columns(metric: str, values: Sequence[float], parts: dict[str, Any] | None = None, **meta: Any) -> Scores:
    said = {"metric": metric, "signature": f"{metric}|x", "better": "higher", "scale": [0.0, 1.0], **meta}
    ids = [str(i) for i in range(len(values))]
    made = {name: np.array(column, float) for name, column in (parts or {}).items()}
    return Scores(said, ids, np.array(values, float), meta.get("details", [""] * len(values)), None, made)


def record(main: Scores, lenient: Sequence[float], **meta: Any) -> dict[str, Any]:
    parts = {"lenient": lenient, "script_pass": [1.0] * len(lenient)}
    [found] = penalised_records([main, columns("fidelity", lenient, parts, **meta)], {i: {} for i in main.ids})
    return found


def test_the_record_counts_what_was_judged_and_what_was_off_target() -> None:
    found = record(columns("accuracy", [1, 1, 0, 1, NAN]), [1, 0, 0, NAN, 0])
    assert found["metric"] == "accuracy.penalised"
    assert (found["value"], found["n"], found["unscored"]) == (0.5, 4, 1)
    assert (found["judged"], found["off"]) == (3, 2)
    assert found["signature"] == "accuracy|x|penalised:1|fidelity|x"


def test_where_no_language_can_be_told_the_penalised_score_is_null_with_the_reason() -> None:
    found = record(columns("accuracy", [1, 0]), [NAN, NAN], details=["x has no label for wol_Latn"] * 2)
    assert (found["value"], found["n"], found["unscored"], found["judged"]) == (None, 0, 2, 0)
    assert found["why"] == "fidelity: x has no label for wol_Latn"


def test_where_less_is_better_an_off_target_answer_gets_the_worst_score() -> None:
    found = record(columns("metricx", [2.0, 4.0], better="lower", scale=[0.0, 25.0]), [1, 0])
    assert found["value"] == 13.5


@pytest.mark.parametrize("metric", ["fidelity", "length"])
def test_what_is_no_quality_is_not_penalised(metric: str) -> None:
    main, other = columns(metric, [1.0]), columns("fidelity", [0.0], {"lenient": [0.0], "script_pass": [1.0]})
    assert list(penalised_records([main, other] if metric == "length" else [other], {"0": {}})) == []


def test_each_identifier_penalises_for_itself() -> None:
    main = columns("accuracy", [1.0])
    both = [
        columns("fidelity", [v], {"lenient": [v], "script_pass": [1.0]}, signature=f"fidelity|{v}") for v in (0.0, 1.0)
    ]
    assert [m["value"] for m in penalised_records([main, *both], {"0": {}})] == [0.0, 1.0]


def test_verdicts_go_to_their_own_samples_whatever_the_order() -> None:
    main = columns("accuracy", [1.0, 1.0, 1.0])
    parts = {"lenient": np.array([0.0, 1.0]), "script_pass": np.ones(2)}
    other = Scores({**main.meta, "metric": "fidelity"}, ["2", "0"], np.array([0.0, 1.0]), ["", ""], None, parts)
    [found] = penalised_records([main, other], {i: {} for i in main.ids})
    assert (found["value"], found["judged"], found["off"]) == (pytest.approx(2 / 3), 2, 1)


def stored(folder: Path, scorers: Sequence[Scorer], texts: Sequence[str], targets: Sequence[str]) -> dict[str, Any]:
    """The metrics of one imported and scored cell, by name."""
    store = Store(folder)
    samples = [Sample(str(i), [], (target,)) for i, target in enumerate(targets)]
    Imported(Cell("m", "t", DEU), samples, texts, {"texts": list(texts)}, {"title": "T"}).write(store)
    score_all(store, [Job(a, s) for a in answered_cells(store) for s in scorers], workers=1)
    [path] = aggregate(store)
    [cell] = orjson.loads(path.read_bytes())["cells"]
    return {m["metric"]: m for m in cell["metrics"]}


def test_raw_fidelity_and_penalised_stand_side_by_side(tmp_path: Path) -> None:
    found = stored(tmp_path, [chrf(), fidelity()], HYPS, REFS)
    assert found["chrf"]["value"] == pytest.approx(CHRF().corpus_score(HYPS, [REFS]).score)
    assert found["fidelity"]["value"] == 0.5
    assert found["fidelity"]["off_target"] == {"eng_Latn": 2}
    lost = found["chrf.penalised"]
    assert lost["value"] == pytest.approx(CHRF().corpus_score(UNMATCHED, [REFS]).score)
    assert (lost["n"], lost["judged"], lost["off"]) == (4, 4, 2)
    assert lost["low"] is None or lost["low"] <= lost["value"] <= lost["high"]
    assert lost["signature"].startswith(f"{found['chrf']['signature']}|penalised:1|fidelity|")
    cells = [orjson.loads((tmp_path / "m" / "t" / "cells.json").read_bytes())["cells"][0]]
    assert [r.metric for r in make_rows(cells, View())] == ["chrf", "chrf.penalised", "fidelity"]


def test_bare_numbers_keep_their_points_and_an_english_solution_loses_them(tmp_path: Path) -> None:
    english = "She has three apples and buys four more at the market.\nAnswer: 7"
    german = "Sie hat drei Äpfel und kauft auf dem Markt noch vier dazu.\nAntwort: 7"
    found = stored(tmp_path, [number(), fidelity()], ["7", english, german, "8"], ["7"] * 4)
    assert found["accuracy"]["value"] == 0.75
    assert found["accuracy.penalised"]["value"] == 0.5
    assert (found["accuracy.penalised"]["judged"], found["accuracy.penalised"]["off"]) == (2, 1)
    assert found["fidelity"]["n"] == 2


def test_without_fidelity_scores_nothing_is_penalised(tmp_path: Path) -> None:
    assert not any("penalised" in name for name in stored(tmp_path, [chrf()], HYPS, REFS))


def test_fidelity_that_nobody_can_tell_says_why(tmp_path: Path) -> None:
    found = stored(tmp_path, [fidelity()], ["ja", "nein"], ["ja", "nein"])
    assert (found["fidelity"]["value"], found["fidelity"]["why"]) == (None, "no line of 5 tokens")


@pytest.mark.parametrize("scorer", [chrf(), chrf(word_order=2), bleu("13a"), ter()], ids=lambda s: s.metric)
def test_a_penalised_score_never_beats_the_raw_one(scorer: CorpusMetric) -> None:
    stats = scorer.statistics(HYPS, [(ref,) for ref in REFS], DEU)
    raw = scorer.corpus_from_stats(stats.sum(axis=0))
    for off in range(2 ** len(HYPS)):
        verdicts = np.array([float(not off >> i & 1) for i in range(len(HYPS))])
        made = penalised_statistics(scorer.metric, stats, verdicts)
        assert made is not None
        lost = scorer.corpus_from_stats(made.sum(axis=0))
        assert lost <= raw + 1e-9 if scorer.better == "higher" else lost >= raw - 1e-9


def test_a_penalty_never_raises_a_score_that_was_below_the_scale() -> None:
    off, fine = np.zeros(2), np.array([-0.2, 0.8])
    assert penalised(fine, off).tolist() == [-0.2, 0.0]
    assert penalised(np.array([26.0, 3.0]), off, 25.0, lower_is_better=True).tolist() == [26.0, 25.0]
