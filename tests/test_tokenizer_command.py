"""`mevals tokenizers` from the command line, on the self-written mini sentences."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

Mevals = Callable[..., Any]


@pytest.fixture
def byte_tokenizer(tmp_path: Path) -> Path:
    """A tokenizer that makes one token of each byte."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: i for i, letter in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    folder = tmp_path / "bytes"
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def test_a_byte_tokenizer_makes_one_token_of_each_byte_in_every_language(mevals: Mevals, byte_tokenizer: Path) -> None:
    ran = mevals("tokenizers", byte_tokenizer, "--data", "mini", "--by", "lang", "--format", "csv")
    assert ran.code == 0, ran.err
    rows = {row["lang"]: row for row in csv.DictReader(io.StringIO(ran.out))}
    assert len(rows) > 30
    assert all(float(row["per_byte"]) == 1.0 and row["tokens"] == row["bytes"] for row in rows.values())
    assert rows["eng_Latn"]["premium"] == "1.0"
    assert float(rows["mya_Mymr"]["per_character"]) > 2.5
    assert "self-written mini sentences" in ran.err


def test_two_tokenizers_by_script_as_json_and_as_a_table(mevals: Mevals, byte_tokenizer: Path) -> None:
    again = byte_tokenizer / "tokenizer.json"
    ran = mevals("tokenizers", byte_tokenizer, again, "--data", "mini", "--format", "json", "--graphemes")
    records = json.loads(ran.out)
    assert {r["tokenizer"] for r in records} == {"bytes", "tokenizer.json"}
    assert sum(r["languages"] for r in records if r["tokenizer"] == "bytes") > 30
    assert all(r["per_grapheme"] >= r["per_character"] for r in records)
    table = mevals("tokenizers", byte_tokenizer, "--data", "mini", "--langs", "deu_Latn,hin_Deva").out
    assert "per character" in table
    assert "Deva" in table and "Latn" in table and "Arab" not in table


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tinyaya-globl", "--data", "mini"], "did you mean 'tinyaya-global'"),
        (["./nowhere", "--data", "mini"], "nowhere"),
        (["bytes", "--data", "mini", "--by", "region"], "Known: lang, script"),
        (["bytes", "--data", "mini", "--format", "html"], "unknown --format"),
        (["bytes", "--data", "mirror"], "--mirror"),
    ],
)
@pytest.mark.usefixtures("byte_tokenizer")
def test_bad_input_gets_a_sentence(mevals: Mevals, arguments: list[str], words: str) -> None:
    ran = mevals("tokenizers", *arguments)
    assert ran.code == 2, ran.err
    assert words in ran.err
    assert "Traceback" not in ran.err
