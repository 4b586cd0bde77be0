"""Language fidelity on the Language Confusion Benchmark's ten models and on FLORES sentences.

A seeded sample of each model's outputs keeps this under a minute; docs/fidelity.md holds the full run and its command.
"""

from __future__ import annotations

import csv
import io
import random
import statistics
import tarfile
import time
from collections import defaultdict
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache, partial
from pathlib import Path

import pytest

from mevals import languages
from mevals.fidelity.identify import Guess, load_identifier
from mevals.fidelity.labels import recalls, target_of
from mevals.fidelity.lines import plain_text, tokenizer_for
from mevals.fidelity.rates import THRESHOLD, guess_lines, split, verdict
from mevals.scorers import fidelity
from mevals.types import Response, Score, Subset
from tests.fidelity.reference import pass_rates

pytestmark = pytest.mark.golden

SAMPLE = 700
"""Rows per model, of about 6,586."""
SEED = 11
WORDS = frozenset(
    [
        "market",
        "data",
        "number",
        "example",
        "there",
        "which",
        "about",
        "people",
        "with",
        "from",
        "have",
        "this",
        "that",
        "learning",
    ]
)


@lru_cache(maxsize=1)
def outputs(golden: Path) -> Mapping[tuple[str, str], list[str]]:
    """(Model, language key) -> a sample of the model's answers that should be in that language."""
    csv.field_size_limit(1 << 30)
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    with tarfile.open(golden / "language_confusion" / "outputs.tar.xz") as archive:
        for member in sorted((m for m in archive if m.name.endswith(".csv")), key=lambda m: m.name):
            stream = archive.extractfile(member)
            assert stream is not None
            rows = list(csv.DictReader(io.StringIO(stream.read().decode("utf-8"), newline="")))
            assert len(rows) in (6543, 6585, 6586)
            for row in random.Random(SEED).sample(rows, SAMPLE):
                key = languages.resolve(row["language"], "language_confusion").key
                found[Path(member.name).stem, key].append(row["completion"])
    assert len({model for model, _ in found}) == 10
    assert len({key for _, key in found}) == 15
    return found


def scored(texts: list[str], key: str) -> list[Score]:
    responses = [Response(str(i), text, "imported") for i, text in enumerate(texts)]
    return fidelity().score(responses, Subset(key, key))


@lru_cache(maxsize=1)
def tables(golden: Path) -> Mapping[tuple[str, str], list[Score]]:
    return {group: scored(texts, group[1]) for group, texts in outputs(golden).items()}


def is_right(guesses: Mapping[str, Guess], right: frozenset[str], line: str) -> bool:
    label, probability = guesses[line]
    return probability > THRESHOLD and label in right


def test_skipping_and_aggregating_agree_with_the_reference_for_the_same_labels(golden: Path) -> None:
    identifier, rng = load_identifier("py3langid"), random.Random(SEED)
    for (model, key), texts in outputs(golden).items():
        target = target_of(key, identifier.name, identifier.labels)
        tokenizer = tokenizer_for(target.script)
        splits = [split(text, tokenizer) for text in texts]
        real = guess_lines(splits, identifier)
        # and labels at random, so that every mixture of right, wrong and unknown lines occurs
        drawn = {line: (rng.choice([*target.right, "en"]), rng.choice([0.1, 0.3, 0.9, 1.0])) for line in real}
        for guesses in (real, drawn):
            found = [verdict(one, guesses, target, words=WORDS) for one in splits]
            lpr, wpr, judged = pass_rates(
                texts,
                tokenizer.cut,
                partial(is_right, guesses, target.right),
                WORDS,
            )
            lines = [int(v.line) for v in found if v.line is not None]
            words = [int(v.word) for v in found if v.word is not None]
            assert len(lines) == judged, (model, key)
            assert Fraction(sum(lines), len(lines)) == lpr
            if target.script != "Latn":
                assert (Fraction(sum(words), len(words)) if words else None) == wpr


def mean_rate(found: Mapping[tuple[str, str], list[Score]], model: str, part: str) -> float:
    """Mean over languages of a model's rate."""
    rates = []
    for (m, _), scores in found.items():
        values = [v for s in scores if (v := s.parts.get(part)) is not None]
        if m == model and values:
            rates.append(statistics.fmean(values))
    return statistics.fmean(rates)


def test_models_that_were_trained_for_many_languages_keep_to_them_and_others_do_not(golden: Path) -> None:
    found = tables(golden)
    rates = {model: mean_rate(found, model, "lenient") for model in {m for m, _ in found}}
    for good in ("command-r-plus", "gpt-4-turbo", "gpt-3.5-turbo"):
        assert rates[good] > 0.9
    for poor in ("llama-2-instruct", "llama-3-instruct"):
        assert rates[poor] < 0.55
    for model in rates:
        assert mean_rate(found, model, "line_pass") <= rates[model] + 0.02


def test_every_language_of_every_model_is_judged_and_the_off_target_language_is_mostly_english(golden: Path) -> None:
    named: dict[str, int] = defaultdict(int)
    judged: dict[str, list[bool]] = defaultdict(list)
    for (_, key), scores in tables(golden).items():
        judged[key] += [s.value is not None for s in scores]
        for score in scores:
            if score.value == 0:
                named[score.detail.split(" on ")[0]] += 1
    assert {key for key, these in judged.items() if statistics.fmean(these) < 0.9} == set()
    assert max(named, key=lambda language: named[language]) == "eng_Latn"
    assert named["eng_Latn"] > 0.7 * sum(named.values())


def test_two_thousand_lines_a_second(golden: Path) -> None:
    texts = outputs(golden)["command-r-plus", "spa_Latn"] + outputs(golden)["llama-2-instruct", "spa_Latn"]
    scored(texts[:1], "spa_Latn")
    started = time.process_time()
    scored(texts, "spa_Latn")
    lines = sum(1 for text in texts for line in text.split("\n") if line.strip())
    assert lines / (time.process_time() - started) >= 2_000


def test_human_written_sentences_are_recognised_as_often_as_the_table_says(golden: Path) -> None:
    identifier = load_identifier("py3langid")
    wanted = ("swh_Latn", "dan_Latn", "hrv_Latn", "tha_Thai", "yor_Latn", "cmn_Hant", "yue_Hant", "npi_Deva")
    with tarfile.open(golden / "flores200_devtest" / "flores200_devtest.tar.xz") as archive:
        for member in archive:
            code = Path(member.name).stem
            if not member.name.endswith(".devtest") or (key := languages.resolve(code, "flores200").key) not in wanted:
                continue
            stream = archive.extractfile(member)
            assert stream is not None
            lines = [plain_text(line) for line in stream.read().decode("utf-8").split("\n") if line.strip()]
            target = target_of(key, identifier.name, identifier.labels)
            given = [label if p > THRESHOLD else "" for label, p in identifier.identify(lines)]
            assert sum(label in target.right for label in given) / len(lines) == pytest.approx(
                recalls()[identifier.name, key], abs=5e-5
            )
            assert sum(label in target.lenient for label in given) / len(lines) > 0.99
