"""Number extraction on real text: MGSM's exemplars and targets."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from mevals.extract import extract_number, same_number

LANGS = {
    "bn": "ben_Beng", "de": "deu_Latn", "en": "eng_Latn", "es": "spa_Latn", "fr": "fra_Latn", "ja": "jpn_Jpan",
    "ru": "rus_Cyrl", "sw": "swh_Latn", "te": "tel_Telu", "th": "tha_Thai", "zh": "cmn_Hans",
}  # fmt: skip


@pytest.mark.golden
def test_every_worked_answer_of_mgsm_gives_its_number_in_all_eleven_languages(golden: Path) -> None:
    data = json.loads((golden / "mgsm" / "exemplars.json").read_text(encoding="utf-8"))
    numbers = [Decimal(n) for n in data["EXEMPLAR_NUMBER_ANSWERS"]]
    assert set(data["MGSM_EXEMPLARS"]) == set(LANGS)
    for code, exemplars in data["MGSM_EXEMPLARS"].items():
        found = [extract_number(exemplars[str(i + 1)]["a"], LANGS[code]) for i in range(len(numbers))]
        assert [f.value for f in found] == numbers, code
        assert {f.how for f in found} <= {"prefix", "cue"}, code


@pytest.mark.golden
@pytest.mark.parametrize("code", LANGS)
def test_every_target_of_mgsm_is_a_number_and_equals_itself_in_its_language(golden: Path, code: str) -> None:
    lines = (golden / "mgsm" / f"mgsm_{code}.tsv").read_text(encoding="utf-8").split("\n")
    targets = [line.split("\t")[1] for line in lines if line]
    assert len(targets) == 250
    for target in targets:
        plain = target.replace(",", "")
        value = extract_number(f"Answer: {plain}", LANGS[code]).value
        assert value is not None and same_number(value, target)
