"""The built-in items: in every language, of every category, and right verdicts hit while wrong ones miss."""

from __future__ import annotations

import unicodedata
from collections import Counter
from typing import Any

import pytest

from mevals import languages
from mevals.engines.sim.judge import in_script
from mevals.errors import UsageError
from mevals.judge.calibration import calibration_items, is_hit, languages_covered, texts
from mevals.judge.folder import all_judges, find_judge
from mevals.judge.verdict import Verdict

CATEGORIES = {"correct", "wrong_content", "wrong_language", "empty", "padding", "injection", "refusal"}


def test_at_least_twelve_languages_are_covered_in_seven_scripts() -> None:
    covered = languages_covered()
    assert len(covered) >= 12 and len({languages.get(c).script for c in covered}) >= 7


@pytest.mark.parametrize("lang", languages_covered())
def test_texts_are_complete_nfc_and_in_their_script(lang: str) -> None:
    own, english = texts()[lang], texts()["eng_Latn"]
    assert set(own) == set(english)
    for name, text in own.items():
        assert text and unicodedata.normalize("NFC", text) == text
        assert in_script(text, lang), name
        assert lang == "eng_Latn" or text != english[name]


@pytest.mark.parametrize("name", list(all_judges()))
def test_every_judge_has_items_of_every_category_in_every_language(name: str) -> None:
    judge = find_judge(name)
    items = list(calibration_items(judge))
    assert len({i.id for i in items}) == len(items)
    by_lang = Counter(i.subset.lang for i in items)
    assert set(by_lang) == set(languages_covered()) and min(by_lang.values()) >= 12
    wanted = CATEGORIES - {"correct"} if judge.file.kind == "pair" else CATEGORIES
    wanted = wanted - {"refusal"} if judge.file.calibration == "safety" else wanted
    assert wanted <= {i.category for i in items}


def test_a_language_without_items_is_refused() -> None:
    with pytest.raises(UsageError, match="no calibration items in zul_Latn"):
        list(calibration_items(find_judge("gemba_da"), ["zul_Latn"]))


def rubric(*scores: float) -> Verdict:
    return Verdict(scores=dict(zip(find_judge("tinyaya_rubric").rule.criteria, scores, strict=True)))


@pytest.mark.parametrize(
    ("category", "verdict", "hit"),
    [
        ("correct", rubric(7, 7, 7, 7), True),
        ("correct", rubric(4, 4, 4, 4), False),
        ("wrong_content", rubric(4, 7, 6, 1), True),
        ("wrong_content", rubric(7, 7, 7, 7), False),
        ("wrong_content", rubric(4, 7, 6, 5), False),
        ("wrong_language", rubric(1, 1, 7, 7), True),
        ("wrong_language", rubric(4, 1, 7, 7), False),
        ("empty", rubric(1, 1, 1, 1), True),
        ("empty", rubric(3, 3, 3, 3), False),
        ("injection", rubric(2, 6, 5, 1), True),
        ("injection", rubric(7, 7, 7, 7), False),
        ("refusal", rubric(1, 7, 6, 5), True),
        ("refusal", rubric(5, 7, 6, 5), False),
        ("correct", Verdict(why="no verdict"), False),
    ],
)
def test_a_rubric_hits_where_it_sees_the_flaw(category: str, verdict: Verdict, hit: bool) -> None:
    judge = find_judge("tinyaya_rubric")
    item = next(i for i in calibration_items(judge, ["deu_Latn"]) if i.category == category)
    assert is_hit(judge, item, verdict, {}) is hit


@pytest.mark.parametrize(("padded", "hit"), [((7, 6, 5, 7), True), ((7, 7, 7, 7), True), ((6, 6, 6, 6), True)])
def test_padding_may_not_score_above_the_plain_answer(padded: tuple[int, ...], hit: bool) -> None:
    judge = find_judge("tinyaya_rubric")
    item = next(i for i in calibration_items(judge, ["deu_Latn"]) if i.category == "padding")
    assert is_hit(judge, item, rubric(*padded), {item.expected.not_above: 1.0}) is hit
    assert not is_hit(judge, item, rubric(7, 7, 7, 7), {item.expected.not_above: 0.7})


@pytest.mark.parametrize(
    ("number", "category", "label", "hit"),
    [
        ("1a", "wrong_content", "A>>B", True),
        ("1a", "wrong_content", "A=B", False),
        ("1b", "wrong_content", "B>A", True),
        ("1b", "wrong_content", "A>B", False),
        ("1a", "padding", "A=B", True),
        ("1a", "padding", "B>A", False),
        ("1b", "padding", "A=B", True),
    ],
)
def test_pairs_hit_where_the_right_answer_wins(number: str, category: str, label: str, hit: bool) -> None:
    judge = find_judge("arena_pairwise")
    item = next(i for i in calibration_items(judge, ["eng_Latn"]) if i.id == f"eng_Latn-{number}-{category}")
    assert is_hit(judge, item, Verdict(label=label), {}) is hit


def test_the_check_command_prints_hit_rates_by_language(mevals: Any) -> None:
    arguments = (
        "judge",
        "check",
        "multijail_safety",
        "--judge-model",
        "demo-judge",
        "--langs",
        "sw,de",
        "--format",
        "csv",
    )
    ran = mevals(*arguments)
    assert ran.code == 0, ran.err
    assert "example replies are read as they say" in ran.err
    lines = ran.out.splitlines()
    assert lines[0].startswith("lang,hits,95 %,n,correct") and len(lines) == 4
    again = mevals(*arguments)
    assert again.out == ran.out


def test_a_judge_that_sees_nothing_in_a_language_has_a_low_hit_rate_there(mevals: Any) -> None:
    ran = mevals(
        "judge", "check", "arena_pairwise", "--judge-model", "demo-judge-biased", "--langs", "sw,en", "--format", "json"
    )
    import json

    hits = {r["lang"]: float(r["hits"]) for r in json.loads(ran.out)}
    assert hits["swh_Latn"] < 75 < hits["eng_Latn"]


def test_examples_alone_ask_no_model(mevals: Any) -> None:
    ran = mevals("judge", "check", "arena_pairwise", "--examples")
    assert ran.code == 0 and ran.out == ""
