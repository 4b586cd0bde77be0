"""Metrics of a results folder beside human ratings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import sacrebleu

from mevals.errors import DataError, UsageError
from mevals.imports import import_wmt
from mevals.store import Store
from mevals.stored_metrics import Row, agree

SOURCES = ["canary", "The boat leaves early.", "It is raining.", "We read books.", "The market is open.", "Good night."]
REFERENCE = ["canary", "Loď odplouvá brzy.", "Prší.", "Čteme knihy.", "Trh je otevřený.", "Dobrou noc."]
SYSTEMS = {
    "good": ["canary", "Loď odplouvá brzy ráno.", "Prší.", "Čteme knihy.", "Trh je otevřen.", "Dobrou noc."],
    "fair": ["canary", "Loď jede brzy.", "Déšť.", "Čteme knihu.", "Trh je otevřený.", "Dobrý večer."],
    "poor": ["canary", "Člun jde.", "Ano.", "Kniha.", "Obchod.", "Noc."],
}
RATED = {"good": [95, 98, 97, 90, 99], "fair": [70, 60, 80, 92, 40], "poor": [30, 10, 40, 20, 50]}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "wmt24"
    for name, lines in {"sources/en-cs": SOURCES, "references/en-cs.refA": REFERENCE}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for system, lines in SYSTEMS.items():
        path = root / "system-outputs" / "en-cs" / f"{system}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    rows = [
        f"ann,{system},{item},TGT,eng,ces,{score},test-en-news_{item},False,[],1,2"
        for system, scores in {**RATED, "refA": [99] * 5}.items()
        for item, score in enumerate(scores, 1)
    ]
    (root / "esa_wave0.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return root


@pytest.fixture
def store(tree: Path, tmp_path: Path) -> Store:
    import_wmt(tree, "wmt24", tmp_path / "results")
    return Store(tmp_path / "results")


def test_stored_chrf_is_compared_on_the_segments_that_people_rated(store: Store, tree: Path) -> None:
    (row,) = agree(store, "wmt24", tree / "esa_wave0.csv")
    found = row.agreement
    assert (found.pair, found.metric, found.system.systems) == ("en-cs", "chrf", 3)
    assert (found.system.accuracy, found.system.spearman) == (1.0, pytest.approx(1.0))
    assert found.segment is not None
    assert (found.segment.ratings, found.segment.segments) == (15, 5)
    assert row.signature.startswith("chrF2|nrefs:1|")
    assert row.signature.endswith("|ref:refA")


def test_system_scores_leave_unrated_segments_out(store: Store, tree: Path) -> None:
    from mevals.stored_metrics import stored_metrics
    from mevals.wmt_ratings import human_scores, read_esa

    human = human_scores(read_esa(tree / "esa_wave0.csv"), "en-cs")
    ((metric, _),) = stored_metrics(store, "wmt24", human)
    expected = {name: sacrebleu.corpus_chrf(lines[1:], [REFERENCE[1:]]).score for name, lines in SYSTEMS.items()}
    assert metric.systems == pytest.approx(expected, abs=1e-9)
    assert len(metric.p_values) == 3


def test_a_published_ranking_stands_beside_stored_metrics(store: Store, tree: Path) -> None:
    ranks = tree / "ranks.csv"
    ranks.write_text(
        "pair,system,metricx,cometkiwi,rank_metricx,rank_cometkiwi,AutoRank\n"
        "en-cs,good,1.0,-0.8,1,1,1\nen-cs,fair,3.0,-0.9,1,1,1\nen-cs,poor,9.0,-0.1,1,1,1\n"
    )
    rows = {row.agreement.metric: row.agreement for row in agree(store, "wmt24", tree, published=ranks)}
    assert set(rows) == {"chrf", "metricx", "cometkiwi"}
    assert rows["metricx"].system.accuracy == 1.0  # lower is better
    assert rows["cometkiwi"].system.accuracy == pytest.approx(2 / 3)
    assert rows["metricx"].segment is None


def test_a_row_has_the_same_columns_for_every_metric(store: Store, tree: Path) -> None:
    (row,) = agree(store, "wmt24", tree)
    published = Row(replace(row.agreement, segment=None), "published")
    assert list(row.flat()) == list(published.flat())
    assert (row.flat()["accuracy"], row.flat()["segment_ratings"]) == (1.0, 15)
    assert (published.flat()["segment_kendall"], published.flat()["signature"]) == (None, "published")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"pairs": ["en-cz"]}, "no human ratings of 'en-cz'; did you mean 'en-cs'"),
        ({"metrics": ["bleu"]}, "holds no scores of bleu for en-cs"),
    ],
)
def test_what_is_not_there_is_said(store: Store, tree: Path, options: dict[str, list[str]], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        agree(store, "wmt24", tree, **options)  # type: ignore[arg-type]


def test_ratings_of_another_test_set_are_an_error(store: Store, tree: Path) -> None:
    wave = tree / "esa_wave0.csv"
    wave.write_text(wave.read_text() + "ann,good,77,TGT,eng,ces,50,test-en-news_7,False,[],1,2\n")
    with pytest.raises(DataError, match="the rated segment 78 is not among the scored ones"):
        agree(store, "wmt24", tree)
