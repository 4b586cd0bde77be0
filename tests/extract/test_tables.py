"""The tables of facts: complete rows, a source for each, no word twice."""

from __future__ import annotations

import re

import pytest

from mevals.extract.tables import any_of, cue_words, rows, scales

TABLES = ["cues.csv", "labels.csv", "locales.csv", "scales.csv", "yesno.csv"]


@pytest.mark.parametrize("name", TABLES)
def test_every_row_is_complete_and_names_its_source(name: str) -> None:
    for row in rows(name):
        for column, value in row.items():
            assert value == value.strip(" \n") or column == "group"
            assert value or (name, column) == ("scales.csv", "power")
        assert row["source"]


@pytest.mark.parametrize("name", TABLES)
def test_no_row_is_there_twice(name: str) -> None:
    keys = [tuple(v for k, v in row.items() if k != "source") for row in rows(name)]
    assert len(keys) == len(set(keys))


def test_every_language_key_has_our_form() -> None:
    for name in TABLES:
        for row in rows(name):
            assert row["lang"] == "*" or re.fullmatch(r"[a-z]{3}_[A-Z][a-z]{3}", row["lang"])


def test_no_word_means_yes_and_no_in_one_language() -> None:
    said: dict[tuple[str, str], str] = {}
    for row in rows("yesno.csv"):
        assert said.setdefault((row["lang"], row["word"]), row["value"]) == row["value"]


def test_answer_words_are_known_for_the_languages_of_the_number_benchmark() -> None:
    langs = """amh_Ethi arb_Arab ben_Beng cat_Latn ces_Latn cym_Latn deu_Latn ell_Grek eng_Latn spa_Latn eus_Latn fra_Latn
    glg_Latn guj_Gujr hau_Latn hin_Deva hun_Latn jpn_Jpan kan_Knda khm_Khmr kor_Hang kir_Cyrl lug_Latn mya_Mymr npi_Deva
    rus_Cyrl sin_Sinh sna_Latn srp_Cyrl sot_Latn swh_Latn tam_Taml tel_Telu tha_Thai urd_Arab uzn_Latn vie_Latn wol_Latn
    xho_Latn yor_Latn cmn_Hans zul_Latn"""
    assert [lang for lang in langs.split() if not cue_words("answer", lang)] == []


def test_words_are_matched_composed_and_decomposed_and_longest_first() -> None:
    pattern = re.compile(any_of(("ré", "réponse")))
    assert pattern.match("re\u0301ponse")
    assert pattern.match("réponse").group() == "réponse"  # type: ignore[union-attr]


def test_no_words_match_nothing() -> None:
    assert re.search(any_of(()), "anything") is None


def test_scale_words_know_their_side() -> None:
    assert scales("swh_Latn", before=True)["elfu"] == 3
    assert scales("deu_Latn", before=False)["tausend"] == 3
    assert scales("eng_Latn", before=False)["dozen"] is None
