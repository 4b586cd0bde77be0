"""Yes or no, and short answers."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mevals.extract import extract_yes_no, match_short_answer, normalise_answer
from mevals.extract.tables import rows

YES_NO = list(rows("yesno.csv"))


def test_yes_and_no_are_known_in_at_least_60_languages() -> None:
    both = {r["lang"] for r in YES_NO if r["value"] == "yes"} & {r["lang"] for r in YES_NO if r["value"] == "no"}
    assert len(both) >= 60


@pytest.mark.parametrize("row", YES_NO, ids=lambda r: f"{r['lang']}-{r['value']}-{r['word']}")
def test_every_word_for_yes_or_no_is_read_as_itself(row: dict[str, str]) -> None:
    expected = row["value"] == "yes"
    assert extract_yes_no(f"**{row['word']}.**", row["lang"]) is expected
    assert extract_yes_no(f"Answer: {row['word']}", row["lang"]) is expected


@pytest.mark.parametrize("word", ["yes", "No"])
def test_english_is_understood_in_every_language(word: str) -> None:
    langs = {r["lang"] for r in YES_NO} - {"ces_Latn", "slk_Latn", "pol_Latn"}
    assert {extract_yes_no(word, lang) for lang in langs} == {word == "yes"}


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("neutral", "eng_Latn"), ("Not yes", "eng_Latn"), ("Yes and no", "eng_Latn"), ("Yes/No", "eng_Latn"),
        ("Yes, no, maybe", "eng_Latn"), ("No problem!", "eng_Latn"), ("No one knows", "eng_Latn"), ("", "eng_Latn"),
        ("The answer is not yes.", "eng_Latn"), ("Answer: neutral\nyes", "eng_Latn"), ("是否", "cmn_Hans"),
        ("No", "ces_Latn"), ("لا شك", "arb_Arab"), ("Yes.\n\nNo.", "eng_Latn"), ("Ja oder nein?", "deu_Latn"),
    ],
)  # fmt: skip
def test_what_is_neither_yes_nor_no_is_none(text: str, lang: str) -> None:
    assert extract_yes_no(text, lang) is None


@pytest.mark.parametrize(
    ("text", "lang", "expected"),
    [
        ("Let me think. The story says so.\n\nYes", "eng_Latn", True),
        ("The answer is yes.", "eng_Latn", True),
        ("Answer: yes\nAnswer: no", "eng_Latn", False),
        ("<think>no</think>yes", "eng_Latn", True),
        ("Beeni", "yor_Latn", True),
        ("Bẹ́ẹ̀ni", "yor_Latn", True),
        (unicodedata.normalize("NFD", "Não"), "por_Latn", False),
        ("不是。", "cmn_Hans", False),
        ("La respuesta es no.", "spa_Latn", False),
    ],
)
def test_yes_or_no_is_found_where_it_stands(text: str, lang: str, expected: bool) -> None:
    assert extract_yes_no(text, lang) is expected


@pytest.mark.parametrize(
    ("text", "lang", "expected"),
    [
        ("  The Rice!", "eng_Latn", "rice"), ("L’Eau", "fra_Latn", "eau"), ("STRASSE", "deu_Latn", "strasse"),
        ("Straße", "deu_Latn", "strasse"), ("الْعَدَسُ", "arb_Arab", "عدس"), ("فلافـل", "arb_Arab", "فلافل"),
        ("إفطار", "arb_Arab", "افطار"), ("كيك", "pes_Arab", "کیک"), ("פִּיצָה", "heb_Hebr", "פיצה"),
        ("फ़ुटबॉल", "hin_Deva", "फुटबॉल"), ("फ\u093cुटबॉल", "hin_Deva", "फुटबॉल"), ("ข้าว ผัด", "tha_Thai", "ข้าวผัด"),
        ("米 饭", "cmn_Hans", "米饭"), ("３ 碗", "cmn_Hans", "3碗"), ("১২টি", "ben_Beng", "12টি"), ("Мёд", "rus_Cyrl", "мед"),
        ("Nasi-goreng", "ind_Latn", "nasi goreng"), ("A", "eng_Latn", "a"), ("김치 찌개", "kor_Hang", "김치 찌개"),
    ],
)  # fmt: skip
def test_a_short_answer_is_brought_to_its_comparable_form(text: str, lang: str, expected: str) -> None:
    assert normalise_answer(text, lang) == expected


def test_simplified_and_traditional_characters_stay_apart() -> None:
    assert normalise_answer("米飯", "cmn_Hant") != normalise_answer("米饭", "cmn_Hant")


@given(st.text(max_size=30), st.sampled_from(["eng_Latn", "hin_Deva", "tha_Thai", "heb_Hebr", "rus_Cyrl", "cmn_Hans"]))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_canonically_equal_answers_compare_equal(text: str, lang: str) -> None:
    forms = {normalise_answer(unicodedata.normalize(f, text), lang) for f in ("NFC", "NFD")}
    assert len(forms) == 1


def test_an_answer_that_annotators_gave_is_weighted_by_how_many_did() -> None:
    match = match_short_answer("Bread.", {"rice": 4, "bread": 1}, "eng_Latn")
    assert (match.exact, match.weighted, match.matched) == (True, 0.25, "bread")


def test_an_answer_that_no_annotator_gave_scores_nothing() -> None:
    match = match_short_answer("soup", {"rice": 4}, "eng_Latn")
    assert (match.exact, match.weighted, match.matched, match.contained) == (False, 0.0, None, False)


def test_an_annotation_inside_a_longer_answer_is_no_match_but_shown() -> None:
    match = match_short_answer("some fried rice", {"rice": 4}, "eng_Latn")
    assert (match.exact, match.contained) == (False, True)


def test_an_empty_answer_or_no_annotations_leave_nothing_to_compare() -> None:
    assert match_short_answer("", {"rice": 4}, "eng_Latn").exact is None
    assert match_short_answer("rice", {}, "eng_Latn").weighted is None


def test_annotations_that_compare_equal_count_with_the_highest_count() -> None:
    assert match_short_answer("rice", {"Rice": 1, "rice": 3, "bread": 3}, "eng_Latn").weighted == 1.0


def test_the_json_list_that_was_asked_for_is_opened() -> None:
    assert match_short_answer('{"question": "x?", "answer": ["rice"]}', {"rice": 1}, "eng_Latn").exact is True
    assert match_short_answer('{"question": "x?", "answer": ["rice", "soup"]}', {"rice": 1}, "eng_Latn").exact is None
