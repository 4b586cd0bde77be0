"""Scripts by code point."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from mevals import languages
from mevals.fidelity.scripts import NAMED, WRITTEN_IN, chinese_form, count_scripts, is_written_in, script_of

OWN = {
    "Arab": "السوق مفتوح اليوم",
    "Armn": "Այսօր անձրև է",
    "Beng": "আজ নদীর জল শান্ত",
    "Cans": "ᐅᓪᓗᒥ ᓯᓚ ᓂᒡᓚᓱᒃᑐᖅ",
    "Cyrl": "Мы идём на рынок",
    "Deva": "आज बाज़ार में भीड़ है",
    "Ethi": "ዛሬ ዝናብ አለ",
    "Geor": "დღეს წვიმს",
    "Grek": "Η βάρκα φεύγει",
    "Gujr": "આજે વરસાદ છે",
    "Guru": "ਅੱਜ ਮੀਂਹ ਹੈ",
    "Hang": "오늘은 비가 와요",
    "Hans": "今天下雨我在家看书",
    "Hant": "今天下雨我在家看書",
    "Hebr": "היום יורד גשם",
    "Jpan": "今日は雨なので本を読みます",
    "Khmr": "ថ្ងៃនេះមានភ្លៀង",
    "Knda": "ಇಂದು ಮಳೆ ಇದೆ",
    "Laoo": "ມື້ນີ້ຝົນຕົກ",
    "Latn": "Hôm nay trời mưa",
    "Mlym": "ഇന്ന് മഴയാണ്",
    "Mong": "ᠥᠨᠥᠳᠦᠷ",
    "Mtei": "ꯉꯁꯤ ꯅꯣꯡ ꯆꯨꯏ",
    "Mymr": "ဒီနေ့မိုးရွာတယ်",
    "Nkoo": "ߓߌ߬ ߛߊ߲ߖߌ",
    "Olck": "ᱛᱮᱦᱮᱧ ᱫᱟᱜ",
    "Orya": "ଆଜି ବର୍ଷା ହେଉଛି",
    "Sinh": "අද වැස්ස තියෙනවා",
    "Taml": "இன்று மழை",
    "Telu": "ఈరోజు వర్షం",
    "Tfng": "ⴰⵙⵙⴰ ⵉⵍⵍⴰ ⵓⵏⵥⴰⵕ",
    "Thai": "วันนี้ฝนตกหนักมาก",
    "Tibt": "དེ་རིང་ཆར་པ་བབས།",
}


def test_every_script_of_the_registry_has_a_sentence_here() -> None:
    assert set(OWN) == set(languages.SCRIPT_NAMES)


@pytest.mark.parametrize("script", OWN)
def test_a_sentence_is_written_in_its_own_script_and_in_no_other(script: str) -> None:
    near = {"Hans", "Hant", "Jpan"} if script in ("Hans", "Hant") else set()
    assert is_written_in(OWN[script], script) is True
    others = [s for s in OWN if s not in near | {script} and is_written_in(OWN[script], s)]
    assert others == []


@pytest.mark.parametrize(
    ("letter", "script"),
    [("a", "Latn"), ("Ａ", "Latn"), ("ｱ", "Kana"), ("ﾡ", "Hang"), ("漢", "Hani"), ("ー", "Kana"), ("9", ""), ("٣", ""), ("́", ""), ("😀", ""),
     ("ᚠ", "Zyyy"), ("ﷺ", "Arab"), ("ﬁ", "Latn")],
)  # fmt: skip
def test_a_letter_has_the_script_of_its_name(letter: str, script: str) -> None:
    assert script_of(letter) == script


def test_marks_and_digits_count_for_no_script() -> None:
    assert count_scripts("é 12 ३ — é") == {"Latn": 2}
    assert count_scripts("हिंदी") == {"Deva": 2}


def test_a_text_without_letters_is_in_no_script() -> None:
    assert is_written_in("12 + 30 = 42", "Thai") is None


@pytest.mark.parametrize(
    ("text", "script", "expected"),
    [
        ("วิธีใช้ Python และ TensorFlow ในงานวิจัย", "Thai", True),
        ("ใช้ Python TensorFlow NumPy Pandas", "Thai", False),
        ("Microsoft Office Suiteおよびその他のビジネス", "Jpan", True),
        ("今天天气很好我们出去玩", "Jpan", False),
        ("Јуче је падала киша", "Cyrl", True),
        ("Juče je padala kiša", "Cyrl", False),
        ("香港今日落雨喇", "Hant", True),
        ("這個國家的歷史很長", "Hans", False),
        ("这个国家的历史很长", "Hant", False),
        ("我在家看", "Hans", True),
        ("我在家看", "Hant", True),
    ],
)
def test_half_a_line_decides(text: str, script: str, expected: bool) -> None:
    assert is_written_in(text, script) is expected


def test_chinese_characters_tell_their_form_where_they_have_two() -> None:
    assert chinese_form("这个国家的历史") == "Hans"
    assert chinese_form("這個國家的歷史") == "Hant"
    assert chinese_form("人山水木") == ""
    assert chinese_form("plain") == ""


def test_every_named_script_is_one_of_a_registry_language_or_stands_for_one() -> None:
    parts = {part for parts in WRITTEN_IN.values() for part in parts}
    assert set(NAMED.values()) == (set(languages.SCRIPT_NAMES) - set(WRITTEN_IN)) | parts


def test_names_that_begin_alike_are_one_script() -> None:
    firsts = {"OL": "OL CHIKI", "CANADIAN": "CANADIAN SYLLABICS", "MEETEI": "MEETEI MAYEK"}
    for code in range(sys.maxunicode + 1):
        name = unicodedata.name(chr(code), "")
        first = name.split(" ")[0]
        if first in firsts and chr(code).isalpha():
            assert name.startswith(firsts[first])
