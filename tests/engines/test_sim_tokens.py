"""The crude tokenizer: reversible, and single letters are single tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mevals.engines.sim import tokens
from mevals.errors import DataError


@given(st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("  abcz<|>\n"))))
def test_text_survives_encoding_and_decoding(text: str) -> None:
    assert "".join(tokens.pieces(text)) == text
    assert tokens.decode(tokens.encode(text)) == text
    assert tokens.count(text) == len(tokens.encode(text))


@pytest.mark.parametrize("letter", [*"ABCDZ", "ক", "أ", "ก", "甲", "1", "é"])
def test_a_letter_is_one_token_with_and_without_a_space(letter: str) -> None:
    assert len(tokens.encode(letter)) == len(tokens.encode(" " + letter)) == 1
    assert tokens.encode(letter) != tokens.encode(" " + letter)


def test_special_tokens_are_whole_and_have_the_first_ids() -> None:
    assert tokens.encode("<BOS_TOKEN>Hi<|END_RESPONSE|>") == [2, tokens.piece_id("H"), tokens.piece_id("i"), 10]


@pytest.mark.parametrize("bad", [-1, 11, 999, 1000, 1054, True, "7", 2.0, 2_000_000 + 2 * 0xD800, 10_000_000, 10**40])
def test_what_is_no_token_id_is_refused(bad: object) -> None:
    with pytest.raises(DataError, match="no token id"):
        tokens.decode([bad])  # type: ignore[list-item]


def test_cut_keeps_whole_tokens() -> None:
    assert tokens.cut("abcdefgh ijkl", 2) == "abcdefgh"
    assert tokens.cut("abc", 5) == "abc"


def test_the_template_writes_one_beginning_token_and_opens_the_answer() -> None:
    text = tokens.render([{"role": "user", "content": "Hi"}])
    assert text == (
        "<BOS_TOKEN><|START_OF_TURN_TOKEN|><|USER_TOKEN|>Hi<|END_OF_TURN_TOKEN|>"
        "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|><|START_RESPONSE|>"
    )
    assert tokens.render([{"role": "user", "content": "Hi"}], bos=2).count("<BOS_TOKEN>") == 2
    assert "<|SYSTEM_TOKEN|>Be kind" in tokens.render([{"role": "user", "content": "Hi"}], system="Be kind")
