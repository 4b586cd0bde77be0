"""The fidelity scorer: values, parts, reasons, signatures."""

from __future__ import annotations

from pathlib import Path

import pytest

from mevals.errors import UsageError
from mevals.scorers import fidelity
from mevals.scorers.named import named_scorer
from mevals.types import Response, Score, Subset

SWAHILI = Subset("swh_Latn", "swh_Latn")
LINES = {
    "swh_Latn": "Leo asubuhi nilienda sokoni kununua samaki na mboga kwa ajili ya familia yangu.",
    "eng_Latn": "This morning I went to the market to buy fish and vegetables for my family.",
    "tha_Thai": "เช้านี้ฉันไปตลาดเพื่อซื้อปลาและผักให้ครอบครัวของฉัน",
    "khm_Khmr": "ព្រឹកនេះខ្ញុំបានទៅផ្សារដើម្បីទិញត្រីនិងបន្លែសម្រាប់គ្រួសាររបស់ខ្ញុំ",
    "lao_Laoo": "ເຊົ້ານີ້ຂ້ອຍໄປຕະຫຼາດເພື່ອຊື້ປາແລະຜັກໃຫ້ຄອບຄົວຂອງຂ້ອຍ",
    "mya_Mymr": "ဒီမနက်ကျွန်တော်မိသားစုအတွက်ငါးနဲ့ဟင်းသီးဟင်းရွက်ဝယ်ဖို့ဈေးကိုသွားခဲ့တယ်",
    "jpn_Jpan": "今朝、私は家族のために魚と野菜を買いに市場へ行きました。",
    "cmn_Hans": "今天早上我去市场给家人买鱼和蔬菜，还遇到了一位老朋友。",
    "hin_Deva": "आज सुबह मैं अपने परिवार के लिए मछली और सब्ज़ियाँ खरीदने बाज़ार गया था।",
    "hau_Latn": "Da safe na tafi kasuwa domin in sayi kifi da kayan lambu saboda iyalina.",
    "zul_Latn": "Namhlanje ekuseni ngiye emakethe ngiyothenga inhlanzi nemifino yomndeni wami.",
}


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEVALS_LID", raising=False)
    monkeypatch.delenv("MEVALS_WORDS", raising=False)


def score(text: str | None, lang: str) -> Score:
    return fidelity().score([Response("1", text, "stop")], Subset(lang, lang))[0]


@pytest.mark.parametrize("lang", LINES)
def test_an_answer_in_its_language_passes_and_in_english_fails(lang: str) -> None:
    own, foreign = score(LINES[lang], lang), score(LINES["eng_Latn"], lang)
    assert own.parts["aware_pass"] == own.parts["lenient"] == own.parts["script_pass"] == 1.0
    assert own.value in (1.0, None)
    if lang != "eng_Latn":
        assert (foreign.value, foreign.parts["lenient"]) == (0.0, 0.0)
        assert foreign.detail == "eng_Latn on 1 of 1 lines"


@pytest.mark.parametrize("lang", ["tha_Thai", "khm_Khmr", "lao_Laoo", "mya_Mymr"])
def test_scripts_without_spaces_vanish_from_the_value_only(lang: str) -> None:
    found = score(LINES[lang], lang)
    assert found.value is None
    assert found.parts["line_pass"] is None
    assert found.parts["aware_pass"] == 1.0
    assert found.detail == "no line of 5 tokens; script-aware: 1 lines"


def test_one_english_line_fails_an_answer_and_is_named() -> None:
    text = f"{LINES['swh_Latn']}\n\n{LINES['eng_Latn']}\n{LINES['swh_Latn']} Tena."
    found = score(text, "swh_Latn")
    assert (found.value, found.detail) == (0.0, "eng_Latn on 1 of 3 lines")


@pytest.mark.parametrize("text", ["42", "Ndiyo.", "", "1 2 3", "\n\n"])
def test_a_short_answer_is_unscored_not_wrong(text: str) -> None:
    found = score(text, "swh_Latn")
    assert found.value is None
    assert set(found.parts.values()) == {None}
    assert found.detail == "no line of 5 tokens"


def test_a_language_that_the_identifier_lacks_is_null_with_the_reason() -> None:
    found = score(LINES["eng_Latn"], "wol_Latn")
    assert found.value is None
    assert found.detail.startswith("py3langid-")
    assert found.detail.endswith("has no label for wol_Latn")
    assert found.parts["lenient"] is None


def test_a_language_that_the_identifier_misses_is_judged_by_its_confusable_set() -> None:
    found = score("今朝早我去街市買魚同菜畀屋企人食，仲撞到一個老朋友。", "yue_Hant")
    assert found.value is None
    assert "of human-written yue_Hant" in found.detail
    assert found.parts["lenient"] == found.parts["script_pass"] == 1.0


def test_simplified_characters_fail_the_script_of_traditional_chinese() -> None:
    found = score(LINES["cmn_Hans"], "cmn_Hant")
    assert found.parts["lenient"] == 1.0
    assert found.parts["script_pass"] == 0.0


def test_a_rejected_answer_is_unscored() -> None:
    assert score(None, "swh_Latn") == Score("1", None, "no text")


def test_scores_keep_order_ids_and_length() -> None:
    texts = [LINES["swh_Latn"], None, "1", LINES["eng_Latn"]]
    responses = [Response(f"r{i}", text, "stop") for i, text in enumerate(texts)]
    found = fidelity().score(responses, SWAHILI)
    assert [(s.id, s.value) for s in found] == [("r0", 1.0), ("r1", None), ("r2", None), ("r3", 0.0)]
    assert fidelity().score([], SWAHILI) == []


def test_the_rate_is_the_mean_of_judged_answers() -> None:
    import numpy as np

    assert fidelity().aggregate(np.array([1.0, np.nan, 0.0, 1.0]), None) == pytest.approx(2 / 3)
    assert fidelity().aggregate(np.array([np.nan]), None) is None


def test_the_signature_says_all_that_can_change_a_value() -> None:
    said = fidelity().signature(SWAHILI)
    assert said.startswith("fidelity|rule:line-level|id:py3langid-")
    assert said.endswith("|unknown:<=0.3|tokens:>=5|tok:space|words:latin|version:1")
    assert (
        "tok:mecab-ipadic" in (japanese := fidelity().signature(Subset("ja", "jpn_Jpan"))) or "tok:fugashi" in japanese
    )


def test_a_word_list_is_part_of_the_signature_and_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "words").write_text("Market\ncat\nmarket\nfriend\n", encoding="utf-8")
    hindi = Subset("hin_Deva", "hin_Deva")
    texts = [LINES["hin_Deva"] + f" {word}" for word in ("market", "supercomputer", "cat", "Market")]
    responses = [Response(str(i), text, "stop") for i, text in enumerate(texts)]
    assert [s.parts["word_pass"] for s in fidelity().score(responses, hindi)] == [0.0, 0.0, 1.0, 1.0]
    monkeypatch.setenv("MEVALS_WORDS", str(tmp_path / "words"))
    assert [s.parts["word_pass"] for s in fidelity().score(responses, hindi)] == [0.0, 1.0, 1.0, 1.0]
    said = fidelity().signature(hindi)
    assert "|words:words-" in said
    (tmp_path / "other").write_text("market\n", encoding="utf-8")
    monkeypatch.setenv("MEVALS_WORDS", str(tmp_path / "other"))
    assert fidelity().signature(hindi) != said


def test_a_missing_word_list_or_identifier_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEVALS_WORDS", "/nowhere/words")
    with pytest.raises(UsageError, match="MEVALS_WORDS"):
        fidelity().signature(SWAHILI)
    monkeypatch.delenv("MEVALS_WORDS")
    monkeypatch.setenv("MEVALS_LID", "fasttext:/nowhere/lid.176.bin")
    with pytest.raises(UsageError, match="/nowhere/lid"):
        fidelity().signature(SWAHILI)


def test_it_goes_by_its_name_on_the_command_line() -> None:
    assert named_scorer("fidelity") == fidelity()
