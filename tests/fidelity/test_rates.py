"""Verdicts from labels, against the reference's definition written a second time."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mevals.fidelity.identify import Guess
from mevals.fidelity.labels import Target
from mevals.fidelity.lines import Tokenizer, tokenizer_for
from mevals.fidelity.rates import (
    Verdict,
    accepted,
    explain,
    guess_lines,
    lenient_pass,
    line_pass,
    off_target,
    split,
    verdict,
    word_pass,
)
from tests.fidelity.reference import pass_rates

SPACE = Tokenizer("space", str.split)
DANISH = Target("dan_Latn", "Latn", frozenset({"da"}), frozenset({"da", "no", "nn"}))
HINDI = Target("hin_Deva", "Deva", frozenset({"hi"}), frozenset({"hi"}))
UNKNOWN_LANGUAGE = Target("wol_Latn", "Latn", frozenset(), frozenset(), "x has no label for wol_Latn")
LEVANTINE = Target("apc_Arab_nort3139", "Arab", frozenset(), frozenset({"ar"}), "x has no label for apc_Arab_nort3139")


def judge(lines: Sequence[tuple[str, str, float]], target: Target, words: set[str] | None = None) -> Verdict:
    """The verdict on a text of these lines, each with the guess that an identifier makes of it."""
    one = split("\n".join(line for line, _, _ in lines), SPACE)
    return verdict(one, {line: (label, p) for line, label, p in lines}, target, words=words)


LINE = "en to tre fire fem"


@pytest.mark.parametrize(
    ("labels", "line", "lenient"),
    [
        (["da", "da"], 1.0, 1.0),
        (["da", "no"], 0.0, 1.0),
        (["da", "en"], 0.0, 0.0),
        (["en", "en"], 0.0, 0.0),
        (["da", "zxx"], 0.0, 1.0),
        (["zxx"], 0.0, None),
        ([], None, None),
    ],
)
def test_every_line_must_be_in_the_language(labels: list[str], line: float | None, lenient: float | None) -> None:
    found = judge([(f"{LINE} {i}", label, 0.9) for i, label in enumerate(labels)], DANISH)
    assert (found.line, found.aware, found.lenient) == (line, line, lenient)


def test_at_the_threshold_a_label_is_unknown_and_above_it_known() -> None:
    assert accepted(("da", 0.3)) == "unknown"
    assert accepted(("da", 0.30001)) == "da"
    assert judge([(LINE, "da", 0.3)], DANISH).line == 0.0
    assert judge([(LINE, "da", 0.31)], DANISH).line == 1.0


def test_an_unclear_foreign_label_is_wrong_strictly_and_no_evidence_leniently() -> None:
    guesses: list[Guess] = [("en", 0.5), ("da", 0.2)]
    assert lenient_pass(guesses, DANISH.lenient) == 1.0
    assert lenient_pass([("en", 0.5)], DANISH.lenient) is None
    assert lenient_pass([("en", 0.51)], DANISH.lenient) == 0.0
    assert judge([(LINE, "en", 0.5)], DANISH).line == 0.0


def test_an_unsupported_language_is_null_never_zero() -> None:
    found = judge([(LINE, "en", 0.99)], UNKNOWN_LANGUAGE)
    assert (found.line, found.aware, found.word, found.lenient) == (None, None, None, None)
    assert found.script == 1.0
    assert explain(found, UNKNOWN_LANGUAGE, {}) == "x has no label for wol_Latn"


def test_an_unsupported_language_of_a_confusable_set_is_judged_leniently_only() -> None:
    arabic = "السوق مفتوح اليوم حتى المساء"
    found = judge([(arabic, "ar", 0.9)], LEVANTINE)
    assert (found.line, found.lenient, found.script) == (None, 1.0, 1.0)
    english = judge([("the market is open today", "en", 0.9)], LEVANTINE)
    assert (english.line, english.lenient, english.script) == (None, 0.0, 0.0)
    assert off_target(explain(english, LEVANTINE, {"en": "eng_Latn"})) == "eng_Latn"


def test_the_script_is_checked_without_any_label() -> None:
    found = judge([("the market is open today", "hi", 0.99)], HINDI)
    assert (found.line, found.script) == (1.0, 0.0)


def test_english_words_are_looked_for_in_answers_that_passed_and_are_not_in_latin_script() -> None:
    mixed = ("आज market में बहुत भीड़ थी", "hi", 0.9)
    clean = ("आज बाज़ार में बहुत भीड़ थी", "hi", 0.9)
    assert judge([mixed], HINDI).word == 0.0
    assert judge([clean], HINDI).word == 1.0
    assert judge([mixed], HINDI, words={"bazaar"}).word == 1.0
    assert judge([mixed], HINDI, words={"market"}).word == 0.0
    assert judge([mixed, ("the market is open today", "en", 0.9)], HINDI).word is None
    assert judge([(LINE, "da", 0.9)], DANISH).word is None


@pytest.mark.parametrize(
    ("token", "counts"),
    [
        ("market", True),
        ("cat", False),
        ("NATO", False),
        ("Berlin", False),
        ("été", False),
        ("x2yz", False),
        (" data ", True),
    ],
)
def test_without_a_list_a_lower_case_latin_word_of_four_letters_counts(token: str, counts: bool) -> None:
    assert word_pass([token], None) == float(not counts)


def test_the_off_target_language_is_the_one_of_most_wrong_lines() -> None:
    found = judge([(f"{LINE} {i}", x, 0.9) for i, x in enumerate(["no", "en", "en", "da", "sv"])], DANISH)
    assert found.worst == ("en", 2)
    said = explain(found, DANISH, {"en": "eng_Latn"})
    assert said == "eng_Latn on 2 of 5 lines"
    assert off_target(said) == "eng_Latn"


def test_of_equals_a_language_is_named_rather_than_unknown() -> None:
    found = judge([(f"{LINE} 1", "en", 0.1), (f"{LINE} 2", "en", 0.9)], DANISH)
    assert found.worst == ("en", 1)


@pytest.mark.parametrize(
    "detail", ["3 lines", "no line of 5 tokens", "", "x has no label for wol_Latn", "on 3 of 4 lines"]
)
def test_an_answer_on_target_names_no_other_language(detail: str) -> None:
    assert off_target(detail) is None


def test_a_short_answer_is_null() -> None:
    found = judge([("ja", "en", 0.9)], DANISH)
    assert (found.line, found.aware, found.script, found.lenient) == (None, None, None, None)
    assert explain(found, DANISH, {}) == "no line of 5 tokens"


def test_thai_is_judged_by_the_script_aware_rule_alone() -> None:
    thai = Target("tha_Thai", "Thai", frozenset({"th"}), frozenset({"th"}))
    line = "วันนี้ฝนตกหนักมากที่กรุงเทพมหานคร"
    found = judge([(line, "th", 0.9)], thai)
    assert (found.line, found.aware, found.script, found.lenient) == (None, 1.0, 1.0, 1.0)
    assert explain(found, thai, {}) == "no line of 5 tokens; script-aware: 1 lines"
    lao = judge([("ມື້ນີ້ຝົນຕົກແຮງຫຼາຍຢູ່ນະຄອນຫຼວງ", "lo", 0.9)], thai)
    assert (lao.line, lao.aware, lao.script) == (None, 0.0, 0.0)
    assert off_target(explain(lao, thai, {"lo": "lao_Laoo"})) == "lao_Laoo"


class Counting:
    """An identifier that says how often it was asked."""

    name, labels = "counting-1", frozenset({"da"})

    def __init__(self) -> None:
        self.asked = 0

    def identify(self, lines: Sequence[str]) -> list[Guess]:
        self.asked += len(lines)
        return [("da", 1.0)] * len(lines)


def test_a_line_is_identified_once_however_often_it_is_said() -> None:
    identifier = Counting()
    splits = [split(f"{LINE}\n{LINE}\nen to tre fire seks", SPACE), split(LINE, SPACE)]
    assert len(guess_lines(splits, identifier)) == 2
    assert identifier.asked == 2


PIECES = [
    "en",
    "to",
    "tre",
    "fire",
    "fem",
    "data",
    "-",
    "Q:",
    "\n",
    "\n\n",
    "  ",
    "—",
    "،",
    "1.5",
    "c'est",
    "雨",
    "#",
    "\t",
    "\r",
]
texts = st.lists(st.lists(st.sampled_from(PIECES), max_size=40).map(" ".join), max_size=12)


@settings(max_examples=200, deadline=None)
@given(texts, st.integers(0, 2**32), st.sampled_from(["space", "Jpan", "Hans"]))
def test_rates_agree_with_the_reference_for_the_same_labels(found: list[str], seed: int, how: str) -> None:
    tokenizer = SPACE if how == "space" else tokenizer_for(how)
    splits = [split(text, tokenizer) for text in found]
    rng = random.Random(seed)
    lines = dict.fromkeys(line for one in splits for line in one.lines)
    guesses = {line: (rng.choice(["hi", "hi", "hi", "en"]), rng.choice([0.2, 0.3, 0.9, 1.0, 1.0])) for line in lines}
    words = {"data", "fire"}
    verdicts = [verdict(one, guesses, HINDI, words=words) for one in splits]
    lpr, wpr, judged = pass_rates(
        found, tokenizer.cut, lambda line: guesses[line][0] == "hi" and guesses[line][1] > 0.3, words
    )
    scored = [v.line for v in verdicts if v.line is not None]
    worded = [v.word for v in verdicts if v.word is not None]
    assert len(scored) == judged
    assert (sum(scored) / len(scored) if scored else None) == (float(lpr) if lpr is not None else None)
    assert (sum(worded) / len(worded) if worded else None) == (float(wpr) if wpr is not None else None)


def test_no_line_is_no_verdict() -> None:
    assert line_pass([], {"da"}) is None
