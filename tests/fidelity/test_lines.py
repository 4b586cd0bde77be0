"""Lines that are judged."""

from __future__ import annotations

import pytest

from mevals.fidelity.lines import (
    MIN_TOKENS,
    Tokenizer,
    aware_lines,
    plain_text,
    reference_lines,
    tokenizer_for,
    without_code,
    word_count,
)

SPACE = Tokenizer("space", str.split)


def kept(text: str) -> list[str]:
    return [line for line, _ in reference_lines(text, SPACE)]


def test_punctuation_goes_before_lines_are_counted() -> None:
    assert plain_text("  A—b, «c» (d)؟ ،e # 1.5\n") == "A b «c» d؟ e  15"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("one two three four five", ["one two three four five"]),
        ("one two three four", []),
        ("- one two three four", []),
        ("one two three four - five", ["one two three four  five"]),
        ("a b c d e\n\n1 2 3 4 5\nx", ["a b c d e", "1 2 3 4 5"]),
        ("a b c d e\u2028f g h i j", ["a b c d e\u2028f g h i j"]),
        ("a b c d e\nQ: next question of four more", ["a b c d e"]),
        ("Q: a question at the very start", ["Q a question at the very start"]),
        ("", []),
        ("\n \n", []),
    ],
)
def test_the_reference_keeps_lines_of_five_tokens(text: str, lines: list[str]) -> None:
    assert kept(text) == lines


def test_the_reference_gives_the_tokens_with_the_line() -> None:
    assert reference_lines("a b c d, e", SPACE) == [("a b c d e", ["a", "b", "c", "d", "e"])]


THAI = "วันนี้ฝนตกหนักมากที่กรุงเทพมหานคร"
LAO = "ມື້ນີ້ຝົນຕົກແຮງຫຼາຍຢູ່ນະຄອນຫຼວງ"
KHMER = "ថ្ងៃនេះមានភ្លៀងធ្លាក់ខ្លាំងនៅរាជធានី"
BURMESE = "ဒီနေ့ရန်ကုန်မြို့မှာမိုးအရမ်းရွာတယ်"
TIBETAN = "དེ་རིང་ལྷ་སར་ཆར་པ་ཆེན་པོ་བབས་སོང་།"


@pytest.mark.parametrize(
    "line", [THAI, LAO, KHMER, BURMESE, TIBETAN], ids=["Thai", "Lao", "Khmer", "Burmese", "Tibetan"]
)
def test_a_sentence_without_spaces_vanishes_from_the_reference_but_not_here(line: str) -> None:
    assert kept(line) == []
    assert len(aware_lines(line)) == 1
    assert word_count(line) >= MIN_TOKENS


@pytest.mark.parametrize("line", ["1 + 2 = 3 + 0 = 3 · 1 = 3", "- - - - - -", "*** 12 34 56 78 90"])
def test_a_line_without_letters_is_judged_by_nobody_who_knows(line: str) -> None:
    assert aware_lines(line) == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("one two three", 3),
        ("one 2 three 4", 2),
        ("今天下雨了", 2),
        ("今天下雨了 and we stay", 5),
        ("ใช้Pythonกับงาน", 2),
        ("오늘은 비가 와요", 3),
        ("", 0),
    ],
)
def test_words_are_counted_in_any_script(line: str, words: int) -> None:
    assert word_count(line) == words


def test_code_in_fences_is_in_no_language() -> None:
    text = "Aquí está el código:\n```python\nfor i in range(10): print the value\n```\nY eso es todo, amigo."
    assert without_code(text) == "Aquí está el código:\nY eso es todo, amigo."
    assert without_code("a\n```\nopen to the end") == "a"
    assert aware_lines(text) == ["Y eso es todo amigo"]


def test_japanese_is_cut_by_mecab_and_chinese_by_words_or_pairs() -> None:
    japanese, chinese = tokenizer_for("Jpan"), tokenizer_for("Hans")
    assert "".join(japanese.cut("今日は雨が降っています")) == "今日は雨が降っています"
    assert len(japanese.cut("今日は雨が降っています")) >= 5
    assert japanese.cut("") == []
    assert 3 <= len(chinese.cut("今天下雨我在家")) <= 7
    assert "".join(chinese.cut("今天 rain 下雨 2 次")) == "今天 rain 下雨 2 次"
    assert tokenizer_for("Thai").name == tokenizer_for("Latn").name == "space"


def test_a_tokenizer_is_named_in_full() -> None:
    assert tokenizer_for("Jpan").name in ("mecab-ipadic", "fugashi-unidic", "fugashi-unidic_lite")
    assert tokenizer_for("Hant").name.split("-")[0] in ("jieba", "han")
