"""Folding: every digit to ASCII, nothing invisible left, and every piece traceable to the text it came from."""

from __future__ import annotations

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from mevals.extract.fold import after_thinking, fold


def test_every_decimal_digit_of_unicode_becomes_ascii() -> None:
    digits = [chr(c) for c in range(0x20000) if unicodedata.category(chr(c)) == "Nd"]
    assert fold("".join(digits)).text == "".join(str(unicodedata.decimal(d)) for d in digits)


def test_digits_added_after_unicode_14_become_ascii_too() -> None:
    assert fold("".join(chr(0x1E4F0 + i) for i in range(10))).text == "0123456789"
    assert fold("".join(chr(0x11F50 + i) for i in range(10))).text == "0123456789"


def test_full_width_signs_and_letters_become_ascii() -> None:
    assert fold("Ａ：１，２３４．５％").text == "A:1,234.5%"


def test_bidi_controls_and_zero_width_characters_go() -> None:
    assert fold("\u200f١\u200b٨\u2069").text == "18"


def test_latex_spacing_and_commands_become_plain() -> None:
    assert fold(r"1{,}234\,567 \times \text{m} \frac{1}{2} \$5").text == "1,234\u2009567 × {m} 1/2 $5"


def test_raw_gives_back_the_source_with_what_was_dropped_inside() -> None:
    folded = fold("x: ١\u200f٨ y")
    start = folded.text.index("18")
    assert folded.raw(start, start + 2) == "١\u200f٨"


def test_raw_of_nothing_is_nothing() -> None:
    assert fold("abc").raw(1, 1) == ""


def test_the_answer_starts_behind_the_last_closed_thinking() -> None:
    text = "<think>a</think>b"
    assert after_thinking(fold(text)) == len("<think>a</think>")


def test_thinking_that_was_never_closed_leaves_no_answer() -> None:
    assert after_thinking(fold("<think>16 - 3")) is None


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_every_piece_of_a_folded_text_comes_from_its_source(text: str) -> None:
    folded = fold(text)
    if folded.index is None:
        assert len(folded.text) == len(text)
    else:
        assert len(folded.index) == len(folded.text)
        assert list(folded.index) == sorted(folded.index)
    for start in range(len(folded.text)):
        assert folded.raw(start, start + 1) in text
