"""Which option an answer picks; what is unclear stays unscored."""

from __future__ import annotations

import pytest

from mevals.extract import ChoiceExtraction, extract_choice

CITIES = ("Paris", "London", "Rome", "New York")


def picked(
    text: str, lang: str = "eng_Latn", letters: str = "ABCD", options: tuple[str, ...] | None = None
) -> int | None:
    return extract_choice(text, letters, lang, options).value


def test_a_choice_says_what_where_and_why() -> None:
    assert extract_choice("Antwort: (B)", "ABCD", "deu_Latn") == ChoiceExtraction(1, "B", "prefix", "B is option 2")


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("B", "bare"), ("(B)", "bare"), ("B) London", "bare"), ("Answer: B", "prefix"), ("The answer is B.", "cue"),
        ("\\boxed{B}", "boxed"), ("It is **B**, clearly", "bold"), ("Option B", "bare"), ("London", "option"),
        ("It must be (B), I think", "bare"), ("B is correct", "cue"),
    ],
)  # fmt: skip
def test_each_place_to_look_is_named(text: str, how: str) -> None:
    found = extract_choice(text, "ABCD", "eng_Latn", CITIES)
    assert (found.value, found.how) == (1, how)


def test_the_last_announcement_wins() -> None:
    assert picked("The answer is B. Wait, the answer is C.") == 2


def test_a_later_box_wins_over_an_earlier_announcement() -> None:
    assert picked("The answer is B.\n\\boxed{C}") == 2


@pytest.mark.parametrize(
    "text",
    ["I think so.", "A city", "Answer: A city", "The answer is a city", "A", "I"],
)
def test_english_words_are_no_labels(text: str) -> None:
    assert picked(text) == (0 if text == "A" else None)


@pytest.mark.parametrize("text", ["A or B", "Answer: A and C", "Answer: A/C", "(A) and (B)", "A. x\nB. y", "AB"])
def test_several_labels_without_an_announcement_pick_nothing(text: str) -> None:
    assert picked(text) is None


def test_a_label_with_the_text_of_another_option_picks_nothing() -> None:
    assert picked("Answer: A. London", options=CITIES) is None


def test_a_label_that_is_the_text_of_another_option_picks_nothing() -> None:
    assert picked("Answer: B", options=("B", "A", "C", "D")) is None


def test_an_option_that_contains_another_is_told_from_it() -> None:
    assert picked("The answer is New York.", options=("York", "New York", "Rome", "Bonn")) is None
    assert picked("New York", options=("York", "New York", "Rome", "Bonn")) == 1


def test_two_options_with_the_same_text_pick_nothing() -> None:
    assert picked("London", options=("London", "London", "Rome", "Bonn")) is None


def test_digits_pick_by_position_only_where_the_options_are_known_to_have_none() -> None:
    assert picked("Answer: 2", options=CITIES) == 1
    assert picked("Answer: 2") is None
    assert picked("Answer: 2", options=("1 day", "3 days", "4 days", "5 days")) is None
    assert picked("Answer: २", "hin_Deva", "1234") == 1


def test_cyrillic_look_alikes_are_read_as_the_latin_letters_that_were_offered() -> None:
    assert [picked(f"Ответ: {c}", "rus_Cyrl") for c in "АВС"] == [0, 1, 2]


def test_cyrillic_letters_that_look_like_no_latin_one_count_by_position() -> None:
    assert [picked(f"Ответ: {c}", "rus_Cyrl") for c in "БГ"] == [1, 3]


def test_a_look_alike_is_unscored_where_the_answer_counts_in_cyrillic() -> None:
    assert picked("А) раз\nБ) два\nВ) три\nОтвет: В", "rus_Cyrl") is None
    assert picked("а) раз\nб) два\nв) три\nОтвет: в", "rus_Cyrl") is None


def test_offered_cyrillic_letters_mean_what_was_offered() -> None:
    assert [picked(f"Ответ: {c}", "rus_Cyrl", "АБВГ") for c in "АБВГ"] == [0, 1, 2, 3]


def test_latin_b_for_offered_cyrillic_is_unscored() -> None:
    assert picked("Ответ: B", "rus_Cyrl", "АБВГ") is None


NATIVE = [
    ("arb_Arab", "أبجد"), ("heb_Hebr", "אבגד"), ("ell_Grek", "ΑΒΓΔ"), ("hin_Deva", "कखगघ"), ("ben_Beng", "কখগঘ"),
    ("tha_Thai", "กขคง"), ("kor_Hang", "가나다라"), ("kor_Hang", "ㄱㄴㄷㄹ"), ("jpn_Jpan", "アイウエ"), ("cmn_Hans", "甲乙丙丁"),
    ("amh_Ethi", "ሀለሐመ"), ("kat_Geor", "აბგდ"), ("hye_Armn", "ԱԲԳԴ"), ("tam_Taml", "அஆஇஈ"), ("lao_Laoo", "ກຂຄງ"),
    ("khm_Khmr", "កខគឃ"), ("mya_Mymr", "ကခဂဃ"), ("eng_Latn", "①②③④"), ("eng_Latn", "ⒶⒷⒸⒹ"), ("eng_Latn", "ＡＢＣＤ"),
]  # fmt: skip


@pytest.mark.parametrize(("lang", "labels"), NATIVE)
def test_a_languages_own_labels_count_by_position(lang: str, labels: str) -> None:
    assert [picked(label, lang) for label in labels] == [0, 1, 2, 3]
    assert [picked(f"({label})", lang, "ABCD") for label in labels] == [0, 1, 2, 3]
    assert [picked(f"Answer: {label}", lang, labels) for label in labels] == [0, 1, 2, 3]


def test_a_label_that_two_systems_of_the_language_place_differently_is_unscored() -> None:
    assert picked("उत्तर: क", "mar_Deva") is None


def test_a_word_that_starts_with_a_label_is_no_label() -> None:
    assert picked("คำตอบ: ขนมปัง", "tha_Thai") is None
    assert picked("উত্তর: কলা", "ben_Beng") is None
    assert picked("الإجابة: بيت", "arb_Arab") is None


def test_a_letter_that_was_not_offered_is_no_label() -> None:
    assert picked("Answer: E") is None
    assert picked("Answer: E", letters="ABCDE") == 4


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("Let me see.\nA) Paris - no\nB) London - yes\nThe correct option is B.", "eng_Latn"), ("故选B", "cmn_Hans"),
        ("所以选择B。", "cmn_Hans"), ("Chọn B", "vie_Latn"), ("ตอบ ข", "tha_Thai"),
        ("A alternativa correta é a letra B.", "por_Latn"),
        ("Richtig ist B.", "deu_Latn"), ("Верный вариант: Б", "rus_Cyrl"), ("I would go with B", "eng_Latn"),
    ],
)  # fmt: skip
def test_words_that_announce_a_choice_are_known_beside_answer_words(text: str, lang: str) -> None:
    assert picked(text, lang) == 1


def test_a_denied_label_is_no_pick() -> None:
    assert picked("The answer cannot be A. It is C or D.") is None
    assert picked("Неправильный ответ: Б", "rus_Cyrl") is None


def test_thinking_is_not_the_answer() -> None:
    assert picked("<think>Answer: A</think>Answer: B") == 1
    assert picked("<think>Answer: A") is None
