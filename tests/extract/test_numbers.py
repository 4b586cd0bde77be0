"""Where the number is looked for, which announcement counts, and what stays unscored."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mevals.errors import DataError
from mevals.extract import Extraction, extract_number, same_number


def found(text: str, lang: str = "eng_Latn", prefix: str | None = None) -> tuple[Decimal | None, str]:
    extraction = extract_number(text, lang, prefix)
    return extraction.value, extraction.how


def test_an_extraction_says_what_where_and_why() -> None:
    assert extract_number("Antwort: 18,00 €", "deu_Latn") == Extraction(
        Decimal("18.00"), "18,00", "prefix", ", read as the decimal mark in 18,00"
    )


def test_the_localised_prefix_ranks_above_the_english_one() -> None:
    assert found("Answer: 9\nउत्तर: १८", "hin_Deva") == (Decimal(18), "prefix")


def test_the_english_prefix_is_the_fallback() -> None:
    assert found("Answer: 18", "tel_Telu") == (Decimal(18), "prefix")


def test_the_task_may_bring_its_own_prefix() -> None:
    assert found("Lösungswort: 7\nProbe: 9", "deu_Latn", "Lösungswort:") == (Decimal(7), "prefix")


def test_a_prefix_from_the_task_may_be_in_a_language_we_know_nothing_of() -> None:
    assert found("Wxyz: 18\n5 + 13", "zzz_Latn", "wxyz") == (Decimal(18), "prefix")


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("Answer: 18", "prefix"),
        ("Answer:\n18", "prefix"),
        ("The answer is 18", "cue"),
        ("so \\boxed{18}", "boxed"),
        ("she makes **18 dollars**", "bold"),
        ("she makes 18 dollars", "last"),
    ],
)
def test_each_place_to_look_is_named(text: str, how: str) -> None:
    assert found(text) == (Decimal(18), how)


def test_the_last_occurrence_of_the_prefix_counts() -> None:
    assert found("Answer: 9\nAnswer: 18") == (Decimal(18), "prefix")


def test_a_box_ranks_above_bold_text_and_the_last_number() -> None:
    assert found("**7** \\boxed{18} in 2 days") == (Decimal(18), "boxed")


def test_a_later_box_that_disagrees_leaves_the_answer_unscored() -> None:
    extraction = extract_number("Answer: 18\nNo, \\boxed{20}", "eng_Latn")
    assert extraction.value is None
    assert extraction.why == "18 is announced, and later 20"


def test_an_earlier_box_that_disagrees_is_working() -> None:
    assert found("\\boxed{9} eggs are left.\nAnswer: 18") == (Decimal(18), "prefix")


def test_words_after_the_prefix_are_never_replaced_by_a_number_of_the_working() -> None:
    assert found("16 - 7 = 9\nAnswer: eighteen") == (None, "prefix")


def test_a_prefix_that_was_cut_off_is_not_replaced_by_a_number_of_the_working() -> None:
    assert found("16 - 7 = 9\nAnswer:") == (None, "prefix")


def test_reasoning_behind_the_prefix_gives_way_to_the_sentence_that_ends_it() -> None:
    assert found("Answer: She has 5. She gets 2, so 5 + 2 = 7. The answer is 7.") == (Decimal(7), "cue")


def test_a_denied_answer_is_no_answer() -> None:
    assert found("The answer is not 18") == (None, "cue")


def test_a_box_of_a_fraction_is_the_fraction() -> None:
    assert found("\\boxed{\\frac{3}{4}}") == (Decimal("0.75"), "boxed")


def test_a_fraction_among_words_is_unscored() -> None:
    assert found("Answer: about 3/4 of 20") == (None, "prefix")


def test_numbers_of_a_list_are_not_the_last_number() -> None:
    assert found("She makes 18 dollars.\n1. check it") == (Decimal(18), "last")


@pytest.mark.parametrize(
    ("text", "lang", "value"),
    [
        ("Antwort: 1,250", "deu_Latn", "1250"), ("Ответ: 64.000", "rus_Cyrl", "64000"), ("Réponse : 1,234", "fra_Latn", "1234"),
        ("Antwort: 18,5", "deu_Latn", "18.5"), ("Antwort: 0,125", "deu_Latn", "0.125"), ("Answer: 1.234", "eng_Latn", "1.234"),
    ],
)  # fmt: skip
def test_where_a_whole_number_was_asked_for_an_open_mark_groups(text: str, lang: str, value: str) -> None:
    assert extract_number(text, lang, whole=True).value == Decimal(value)


def test_an_english_64_000_with_a_point_stays_open_even_where_a_whole_number_was_asked_for() -> None:
    assert extract_number("Answer: 64.000", "eng_Latn", whole=True).value is None


def test_what_the_answer_shows_itself_ranks_above_what_was_asked_for() -> None:
    assert extract_number("12,5 kg\nAntwort: 1,234", "deu_Latn", whole=True).value == Decimal("1.234")


def test_thinking_shows_nothing_about_the_answer() -> None:
    assert extract_number("<think>3.5 * 2</think>Antwort: 1,234", "deu_Latn").value is None


def test_thinking_is_not_the_answer() -> None:
    assert found("<think>Answer: 9</think>Answer: 18") == (Decimal(18), "prefix")


def test_unclosed_thinking_holds_no_answer() -> None:
    assert found("<think>Answer: 9") == (None, "none")


def test_no_number_at_all_is_none() -> None:
    assert extract_number("I don't know", "eng_Latn") == Extraction(None, "", "none", "no number in digits is given")


def test_zero_is_a_value_and_not_none() -> None:
    assert found("Answer: 0") == (Decimal(0), "prefix")


@pytest.mark.parametrize(
    ("value", "target", "same"),
    [
        ("18.00", "18", True), ("70000", "70,000", True), ("18", "18.0", True), ("0.5", "1/2", True), ("18", "19", False),
        ("-5", "5", False), ("18", "1.8", False),
    ],
)  # fmt: skip
def test_values_are_compared_as_numbers_and_not_as_text(value: str, target: str, same: bool) -> None:
    assert same_number(Decimal(value), target) is same


def test_a_target_that_is_no_number_is_refused() -> None:
    with pytest.raises(DataError, match="the target 'eighteen' is not a number"):
        same_number(Decimal(18), "eighteen")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Answer: -5", "-5"), ("Answer: −5", "-5"), ("Answer: －5", "-5"), ("Answer: -$5", "-5"), ("Answer: $-5", "-5"),
        ("Answer: x = - 5", "-5"), ("Answer: 8 - 3 = 5", "5"), ("Answer:- 5", "5"), ("Answer - 5", "5"),
    ],
)  # fmt: skip
def test_a_minus_sign_is_told_from_a_dash(text: str, value: str) -> None:
    assert found(text)[0] == Decimal(value)


@pytest.mark.parametrize("text", ["Answer:-5", "Answer: - 5"])
def test_a_dash_that_may_be_a_minus_sign_leaves_the_number_unscored(text: str) -> None:
    assert found(text) == (None, "prefix")


@pytest.mark.parametrize("text", ["Answer: x2", "Answer: H2O", "Answer: COVID19", "Answer: B12"])
def test_digits_inside_a_word_are_no_number(text: str) -> None:
    assert found(text)[0] is None


def test_very_long_digits_are_no_answer_and_lose_no_digit_silently() -> None:
    assert found("Answer: " + "9" * 24)[0] == Decimal("9" * 24)
    assert found("Answer: " + "9" * 25)[0] is None


def test_an_absurd_exponent_is_unscored() -> None:
    assert found("Answer: 1e999")[0] is None
