"""Translation metrics on the WMT24 news systems: every system of every pair scores as sacrebleu says."""

from __future__ import annotations

import tarfile
import unicodedata
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import sacrebleu
from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.significance import PairedTest

from mevals.scorers.mt import CorpusMetric, bleu, chrf, ter
from mevals.scorers.mt_bootstrap import paired_bootstrap
from mevals.types import Response, Subset

pytestmark = pytest.mark.golden

LANGS = {
    "cs-uk": "ukr_Cyrl",
    "en-cs": "ces_Latn",
    "en-de": "deu_Latn",
    "en-es": "spa_Latn",
    "en-hi": "hin_Deva",
    "en-is": "isl_Latn",
    "en-ja": "jpn_Jpan",
    "en-ru": "rus_Cyrl",
    "en-uk": "ukr_Cyrl",
    "en-zh": "cmn_Hans",
    "ja-zh": "cmn_Hans",
}
METRICS = [chrf(), chrf(word_order=2), bleu()]
SYSTEMS = 244
SEED = 20


@dataclass(frozen=True)
class Pair:
    """One language pair of the test set: references by name and system outputs by name, one text per segment."""

    name: str
    references: dict[str, list[str]]
    systems: dict[str, list[str]]

    @property
    def subset(self) -> Subset:
        return Subset(self.name, LANGS[self.name], extra={"ref": "refA"})


@dataclass(frozen=True)
class Compared:
    """One corpus score, ours and sacrebleu's."""

    pair: str
    system: str
    metric: str
    what: str
    ours: float
    theirs: float


def read_pairs(archive: Path) -> dict[str, Pair]:
    pairs = {name: Pair(name, {}, {}) for name in LANGS}
    with tarfile.open(archive) as tar:
        for member in tar:
            parts = Path(member.name).parts
            if member.isfile() and {"references", "system-outputs"} & set(parts):
                # split on "\n" only: U+2028 and its like are text
                lines = tar.extractfile(member).read().decode("utf-8").removesuffix("\n").split("\n")  # type: ignore[union-attr]
                if "references" in parts:
                    name, ref = parts[-1].removesuffix(".txt").split(".")
                    pairs[name].references[ref] = lines
                else:
                    pairs[parts[-2]].systems[parts[-1].removesuffix(".txt")] = lines
    return pairs


def nfc(texts: list[str]) -> list[str]:
    return [unicodedata.normalize("NFC", text) for text in texts]


def whole_corpus(pair: Pair) -> Callable[[list[str]], dict[str, float]]:
    """sacrebleu's three corpus scores of a system, its references prepared once.

    chrF's statistics are the character columns of chrF++'s, which spares a third of the work; `compare` checks it.
    """
    refs = [nfc(pair.references["refA"])]
    plus, words = CHRF(word_order=2, references=refs), BLEU(tokenize=tokenizer(pair), references=refs, force=True)

    def score(texts: list[str]) -> dict[str, float]:
        sums = np.sum(plus._extract_corpus_statistics(texts, None), axis=0).tolist()
        return {
            "chrf": CHRF()._compute_score_from_stats(sums[:18]).score,
            "chrf++": plus._compute_score_from_stats(sums).score,
            "bleu": words.corpus_score(texts, None).score,
        }

    return score


def corpus_call(metric: str, pair: Pair, hyps: list[str], refs: list[str]) -> float:
    """sacrebleu's own corpus call, from the texts."""
    if metric == "bleu":
        return float(sacrebleu.corpus_bleu(hyps, [refs], tokenize=tokenizer(pair), force=True).score)
    return float(sacrebleu.corpus_chrf(hyps, [refs], word_order=2 if metric == "chrf++" else 0).score)


def tokenizer(pair: Pair) -> str:
    return {"en-ja": "ja-mecab", "en-zh": "zh", "ja-zh": "zh"}.get(pair.name, "13a")


def compare(pair: Pair) -> list[Compared]:
    """Every system on the whole corpus; two also through sacrebleu's own call, whole and on two random slices."""
    rng = np.random.default_rng([SEED, *map(ord, pair.name)])
    sliced = set(rng.choice(sorted(pair.systems), 2, replace=False).tolist())
    expect = whole_corpus(pair)
    out = []
    for system, texts in pair.systems.items():
        expected = expect(nfc(texts))
        for metric in METRICS:
            stats = metric.statistics(texts, [(ref,) for ref in pair.references["refA"]], pair.subset)
            value = float(metric.corpus_from_stats(stats.sum(axis=0)))
            out.append(Compared(pair.name, system, metric.metric, "all", value, expected[metric.metric]))
            if system in sliced:
                out += compare_slices(pair, system, metric, stats, rng)
    return out


def compare_slices(
    pair: Pair, system: str, metric: CorpusMetric, stats: np.ndarray, rng: np.random.Generator
) -> list[Compared]:
    slices = [list(range(len(stats))), *(rng.permutation(len(stats))[: rng.integers(5, 200)].tolist() for _ in "ab")]
    out = []
    for rows in slices:
        hyps = nfc([pair.systems[system][i] for i in rows])
        expected = corpus_call(metric.metric, pair, hyps, nfc([pair.references["refA"][i] for i in rows]))
        value = float(metric.corpus_from_stats(stats[rows].sum(axis=0)))
        out.append(Compared(pair.name, system, metric.metric, f"{len(rows)} segments", value, expected))
    return out


@pytest.fixture(scope="module")
def pairs(golden: Path) -> dict[str, Pair]:
    return read_pairs(golden / "wmt24" / "wmt24_txt.tar.xz")


@pytest.fixture(scope="module")
def compared(pairs: dict[str, Pair]) -> list[Compared]:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        # longest first, so that both processes end together
        longest = sorted(pairs.values(), key=lambda p: -len(p.systems) * len(p.references["refA"]))
        return [row for rows in pool.map(compare, longest) for row in rows]


def test_all_244_systems_are_compared(compared: list[Compared]) -> None:
    assert len({(row.pair, row.system) for row in compared}) == SYSTEMS
    assert sum(row.what == "all" for row in compared) == 3 * SYSTEMS


@pytest.mark.parametrize("metric", ["chrf", "chrf++", "bleu"])
@pytest.mark.parametrize("pair", LANGS)
def test_every_systems_corpus_score_is_sacrebleus(compared: list[Compared], pair: str, metric: str) -> None:
    rows = [row for row in compared if (row.pair, row.metric) == (pair, metric)]
    assert any(row.what != "all" for row in rows)
    off = [row for row in rows if abs(row.ours - row.theirs) > 1e-9]
    assert off == []


def test_text_in_nfc_is_scored_as_it_stands(pairs: dict[str, Pair]) -> None:
    """So the comparison above is with sacrebleu on the raw text, but for the systems counted here."""
    changed = {
        name: sum(nfc(texts) != texts for texts in pair.systems.values())
        for name, pair in pairs.items()
        if any(nfc(texts) != texts for texts in [*pair.systems.values(), *pair.references.values()])
    }
    assert changed == {"cs-uk": 1, "en-cs": 1, "en-hi": 9, "en-is": 1}
    assert nfc(pairs["en-hi"].references["refA"]) != pairs["en-hi"].references["refA"]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.metric)
def test_two_references_count_as_in_sacrebleu(pairs: dict[str, Pair], metric: CorpusMetric) -> None:
    pair = pairs["en-de"]
    metric = replace(metric, ref="refA+refB")
    texts, refs = pair.systems["Aya23"], [pair.references["refA"], pair.references["refB"]]
    answers = [
        Response(str(i), text, "imported", targets=both)
        for i, (text, *both) in enumerate(zip(texts, *refs, strict=True))
        for both in [tuple(both)]
    ]
    stats = np.array([score.stats for score in metric.score(answers, pair.subset)])
    peer = {"chrf": CHRF(), "chrf++": CHRF(word_order=2), "bleu": BLEU()}[metric.metric]
    assert metric.corpus_from_stats(stats.sum(axis=0)) == pytest.approx(peer.corpus_score(texts, refs).score, abs=1e-9)
    assert "nrefs:2" in metric.signature(pair.subset)
    assert metric.signature(pair.subset).endswith("|ref:refA+refB")


@pytest.mark.parametrize("name", ["en-zh", "ja-zh", "en-ja"])
def test_ter_is_sacrebleus_on_short_segments(pairs: dict[str, Pair], name: str) -> None:
    """TER's search takes seconds per long segment, so the shortest hundred stand for all."""
    pair = pairs[name]
    refs = pair.references["refA"]
    rows = sorted(range(len(refs)), key=lambda i: len(refs[i]))[:100]
    texts = [pair.systems["GPT-4"][i] for i in rows]
    stats = ter().statistics(texts, [(refs[i],) for i in rows], pair.subset)
    theirs = sacrebleu.corpus_ter(texts, [[refs[i] for i in rows]]).score
    assert ter().corpus_from_stats(stats.sum(axis=0)) == pytest.approx(theirs, abs=1e-9)


def test_paired_bootstrap_gives_sacrebleus_p_values(pairs: dict[str, Pair]) -> None:
    pair = pairs["en-de"]
    refs = pair.references["refA"]
    names = ["GPT-4", "Claude-3.5", "ONLINE-B", "Llama3-70B"]
    metric = chrf()
    kept = {name: metric.statistics(pair.systems[name], [(ref,) for ref in refs], pair.subset) for name in names}
    ours = [paired_bootstrap(metric.corpus_from_stats, kept[names[0]], kept[name]).p_value for name in names[1:]]
    named = [(name, pair.systems[name]) for name in names]
    _, table = PairedTest(named, {"m": CHRF(references=[refs])}, None, test_type="bs", n_samples=1000)()
    assert ours == pytest.approx([row.p_value for row in table["chrF2"][1:]], abs=0.002)
