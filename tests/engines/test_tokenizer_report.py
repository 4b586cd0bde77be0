"""Tokens per character, byte and sentence: exact values, and equal to an independent count."""

from __future__ import annotations

import statistics
import tarfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from mevals.errors import DataError
from mevals.tokenizer_report import Counts, by_script, count_graphemes, load_tokenizer, measure, premiums


class Letters:
    """Every character but blanks is a token; "?" is unknown to it."""

    def __init__(self, name: str = "letters") -> None:
        self.name = name

    def count(self, lines: Sequence[str]) -> tuple[Counts, int]:
        return np.array([len(line.replace(" ", "")) for line in lines]), sum(line.count("?") for line in lines)


class Bytes:
    """Every byte is a token."""

    name = "bytes"

    def count(self, lines: Sequence[str]) -> tuple[Counts, int]:
        return np.array([len(line.encode()) for line in lines]), 0


TEXTS = {"eng_Latn": ["two boats", "a lake"], "deu_Latn": ["zwei Boote", "ein See?"], "cmn_Hans": ["两条船", "湖"]}


def test_counts_are_totals_over_totals_and_the_premium_is_a_median() -> None:
    rows = {row.lang: row for row in measure(TEXTS, [Letters()])}
    german = rows["deu_Latn"]
    assert (german.lines, german.tokens, german.characters, german.bytes) == (2, 16, 18, 18)
    assert (german.per_character, german.per_byte) == (16 / 18, 16 / 18)
    assert german.premium == statistics.median([9 / 8, 7 / 5])
    assert german.premium_total == 16 / 13
    assert german.script == "Latn"
    assert german.unknown == 1
    assert rows["eng_Latn"].premium == rows["eng_Latn"].premium_total == 1.0


def test_the_three_views_rank_scripts_differently() -> None:
    chinese = {row.tokenizer: row for row in measure(TEXTS, [Letters(), Bytes()]) if row.lang == "cmn_Hans"}
    assert (chinese["letters"].per_character, chinese["letters"].per_byte) == (1.0, 4 / 12)
    assert chinese["bytes"].per_character == 3.0
    assert chinese["letters"].premium == statistics.median([3 / 8, 1 / 5])


@pytest.mark.parametrize(("text", "clusters"), [("boats", 5), ("नमस्ते", 3), ("👨‍👩‍👧", 1), ("e\u0301", 1), ("", 0)])
def test_a_grapheme_cluster_is_what_a_reader_takes_for_a_character(text: str, clusters: int) -> None:
    assert count_graphemes(text) == clusters


def test_grapheme_clusters_are_counted_only_if_they_are_asked_for() -> None:
    texts = {"eng_Latn": ["boat"], "hin_Deva": ["नाव"]}
    assert {row.per_grapheme for row in measure(texts, [Letters()])} == {None}
    rows = {row.lang: row for row in measure(texts, [Letters()], graphemes=True)}
    assert (rows["hin_Deva"].characters, rows["hin_Deva"].graphemes) == (3, 2)
    assert (rows["hin_Deva"].per_character, rows["hin_Deva"].per_grapheme) == (1.0, 1.5)


def test_a_script_is_the_mean_of_its_languages_and_scripts_are_sorted_by_all_tokenizers() -> None:
    scripts = by_script(measure(TEXTS, [Letters("a"), Letters("b")]))
    assert [(s.tokenizer, s.script, s.languages) for s in scripts] == [
        ("a", "Latn", 2),
        ("a", "Hans", 1),
        ("b", "Latn", 2),
        ("b", "Hans", 1),
    ]
    assert scripts[0].per_character == pytest.approx((13 / 15 + 16 / 18) / 2)
    assert scripts[0].per_grapheme is None


def test_premiums_are_ready_to_scale_budgets() -> None:
    found = premiums(measure(TEXTS, [Letters()]))
    assert found == {"letters": {"eng_Latn": 1.0, "deu_Latn": 1.2625, "cmn_Hans": 0.2875}}


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ({"deu_Latn": ["a"]}, "needs the lines of eng_Latn"),
        ({"eng_Latn": ["a", "b"], "deu_Latn": ["a"]}, "deu_Latn has 1 lines and eng_Latn has 2"),
        ({"eng_Latn": ["a", "b"], "deu_Latn": ["a", ""]}, "line 2 of deu_Latn is empty"),
        ({"eng_Latn": []}, "eng_Latn has 0 lines"),
    ],
)
def test_lines_that_are_not_parallel_are_refused(texts: Mapping[str, Sequence[str]], says: str) -> None:
    with pytest.raises(DataError, match=says):
        measure(texts, [Letters()])


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(DataError, match="is no tokenizer file"):
        load_tokenizer(str(tmp_path))


@pytest.fixture(scope="session")
def tokenizer_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A byte-level BPE trained on a few lines, with truncation switched on as some published files have it."""
    tokenizers = pytest.importorskip("tokenizers")
    from tokenizers import decoders, models, pre_tokenizers, processors, trainers

    own = tokenizers.Tokenizer(models.BPE())
    own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    own.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(special_tokens=["<s>"], initial_alphabet=alphabet, show_progress=False)
    own.train_from_iterator(["the lake is calm", "der See ist ruhig", "今朝の湖は静かです"] * 5, trainer)
    own.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    own.enable_truncation(4)
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    own.save(str(path))
    return path


def test_a_tokenizer_file_is_counted_without_special_tokens_and_without_truncation(tokenizer_file: Path) -> None:
    texts = {"eng_Latn": ["the lake is calm and the boats are many"], "jpn_Jpan": ["湖は静かです。船は三隻です。"]}
    from tokenizers import Tokenizer

    plain = Tokenizer.from_file(str(tokenizer_file))
    plain.no_truncation()
    for source in (tokenizer_file, tokenizer_file.parent):
        for row in measure(texts, [load_tokenizer(str(source), name="tiny")]):
            assert row.tokens == len(plain.encode(texts[row.lang][0], add_special_tokens=False).ids) > 4
            assert (row.tokenizer, row.unknown) == ("tiny", 0)


def flores(golden: Path) -> dict[str, list[str]]:
    """The lines of FLORES-200 devtest by language."""
    found = {}
    with tarfile.open(golden / "flores200_devtest" / "flores200_devtest.tar.xz") as archive:
        for member in archive:
            name = Path(member.name)
            if name.suffix == ".devtest" and (file := archive.extractfile(member)) is not None:
                found[name.stem] = file.read().decode().removesuffix("\n").split("\n")
    return found


@pytest.mark.golden
def test_all_204_languages_are_counted_quickly_and_equal_an_independent_count(
    golden: Path, tokenizer_file: Path
) -> None:
    texts = flores(golden)
    assert len(texts) == 204
    counter = load_tokenizer(str(tokenizer_file))
    started = time.process_time()
    rows = measure(texts, [counter])
    took = time.process_time() - started
    print(f"204 languages, {sum(row.tokens for row in rows):,} tokens: {took:.1f} s of CPU")
    assert took < 40  # a bound against blunders: time of CPU, for the wall clock depends on who else is at work

    from tokenizers import Tokenizer

    plain = Tokenizer.from_file(str(tokenizer_file))
    plain.no_truncation()
    base = [len(e.ids) for e in plain.encode_batch(texts["eng_Latn"], add_special_tokens=False)]
    for row in rows:
        ids = [len(e.ids) for e in plain.encode_batch(texts[row.lang], add_special_tokens=False)]
        characters, size = len("".join(texts[row.lang])), len("".join(texts[row.lang]).encode())
        assert (row.tokens, row.characters, row.bytes) == (sum(ids), characters, size)
        assert (row.per_character, row.per_byte) == (sum(ids) / characters, sum(ids) / size)
        assert row.premium == statistics.median(a / b for a, b in zip(ids, base, strict=True))
