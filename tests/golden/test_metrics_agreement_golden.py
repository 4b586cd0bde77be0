"""WMT24: the published automatic ranking, and agreement with the published human ratings, by an independent route."""

from __future__ import annotations

import csv
import io
import itertools
import tarfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from sacrebleu.metrics import BLEU, CHRF
from scipy import stats

from mevals.metrics_agreement import MetricScores, agreement, autorank
from mevals.scorers.mt import bleu, chrf
from mevals.wmt_ratings import Published, Rating, human_scores, read_autorank, read_esa
from tests.golden.test_mt_golden import Pair, nfc, read_pairs

pytestmark = pytest.mark.golden

PAIRS = {"en-cs": (15, 297), "en-hi": (10, 297), "en-ja": (12, 634), "en-zh": (12, 634)}
CODES = {"en-cs": "ces", "en-hi": "hin", "en-ja": "jpn", "en-zh": "zho"}


@pytest.fixture(scope="module")
def published(golden: Path) -> list[Published]:
    return read_autorank(golden / "wmt24" / "autorank.csv")


@pytest.fixture(scope="module")
def ratings(golden: Path) -> list[Rating]:
    return read_esa(golden / "wmt24" / "esa_waves.tar.xz")


@pytest.fixture(scope="module")
def pairs(golden: Path) -> dict[str, Pair]:
    return read_pairs(golden / "wmt24" / "wmt24_txt.tar.xz")


@pytest.fixture(scope="module")
def people(golden: Path) -> dict[str, dict[tuple[str, int], float]]:
    """Mean rating of each system and line, read another way: the rows' latest score per annotator, then the mean."""
    found: dict[str, dict[tuple[str, int], float]] = {}
    rows = []
    with tarfile.open(golden / "wmt24" / "esa_waves.tar.xz") as tar:
        for member in tar.getmembers():
            rows += list(csv.reader(io.TextIOWrapper(tar.extractfile(member), "utf-8")))  # type: ignore[arg-type]
    for pair, code in CODES.items():
        last: dict[tuple[str, str, int], float] = {}
        for row in sorted(rows, key=lambda row: float(row[11])):
            if row[3] == "TGT" and row[5] == code and "#" not in row[7] and "tutorial" not in row[1]:
                last[row[0], row[1], int(row[2])] = float(row[6])
        grouped = defaultdict(list)
        for (_, system, line), score in last.items():
            grouped[system, line].append(score)
        found[pair] = {key: float(np.mean(scores)) for key, scores in grouped.items()}
    return found


def test_our_ranking_equals_the_published_one_for_all_244_systems(published: list[Published]) -> None:
    assert len(published) == 244
    for pair in {row.pair for row in published}:
        rows = [row for row in published if row.pair == pair]
        metricx = {row.system: row.metricx for row in rows}
        kiwi = {row.system: row.cometkiwi for row in rows}
        ours = autorank([(metricx, "lower"), (kiwi, "higher")])
        assert ours == pytest.approx({row.system: row.autorank for row in rows}, abs=1e-9)


@pytest.mark.parametrize("pair", PAIRS)
def test_every_system_was_rated_on_the_same_segments(ratings: list[Rating], pair: str) -> None:
    human = human_scores(ratings, pair).without(["refA"])
    assert human.scores.shape == PAIRS[pair]
    assert not np.isnan(human.scores).any()
    assert set(human.domains) == {"news", "social", "speech", "literary"}


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("name", ["chrf", "bleu", "metricx", "cometkiwi"])
def test_agreement_with_people_is_what_scipy_computes(
    pairs: dict[str, Pair],
    published: list[Published],
    ratings: list[Rating],
    people: dict[str, dict[tuple[str, int], float]],
    pair: str,
    name: str,
) -> None:
    rated = people[pair]
    systems = sorted({system for system, _ in rated} - {"refA"})
    lines = sorted({line for _, line in rated})
    human = np.array([[rated[system, line] for line in lines] for system in systems])
    if name in ("chrf", "bleu"):
        ours, table, whole = string_metric(name, pairs[pair], systems, lines)
    else:
        better, column = ("lower", "metricx") if name == "metricx" else ("higher", "cometkiwi")
        values = {row.system: getattr(row, column) for row in published if row.pair == pair}
        ours = MetricScores(name, better, values)  # type: ignore[arg-type]
        table, whole = None, [values[system] * (-1 if name == "metricx" else 1) for system in systems]
    found = agreement(ours, human_scores(ratings, pair))
    print(found)

    domains = np.array([domain_of(ratings, pair)[str(line + 1)] for line in lines])
    means = [np.mean([row[domains == d].mean() for d in np.unique(domains)]) for row in human]
    couples = list(itertools.combinations(range(len(systems)), 2))
    same = [np.sign(whole[i] - whole[j]) == np.sign(means[i] - means[j]) for i, j in couples]
    told = [stats.wilcoxon(human[i], human[j]).pvalue <= 0.05 for i, j in couples]
    assert found.system.pairs == len(couples)
    assert found.system.accuracy == pytest.approx(np.mean(same), abs=1e-12)
    assert found.system.significant == sum(told)
    assert found.system.accuracy_significant == pytest.approx(np.mean(np.array(same)[told]), abs=1e-12)
    assert found.system.pearson == pytest.approx(stats.pearsonr(whole, means).statistic, abs=1e-9)
    assert found.system.spearman == pytest.approx(stats.spearmanr(whole, means).statistic, abs=1e-9)
    assert found.system.kendall == pytest.approx(stats.kendalltau(whole, means).statistic, abs=1e-9)
    if table is None:
        assert found.segment is None
        return
    assert found.segment is not None
    flat, rating = table.ravel(), human.ravel()
    assert found.segment.pearson == pytest.approx(stats.pearsonr(flat, rating).statistic, abs=1e-9)
    assert found.segment.spearman == pytest.approx(stats.spearmanr(flat, rating).statistic, abs=1e-9)
    assert found.segment.kendall == pytest.approx(stats.kendalltau(flat, rating).statistic, abs=1e-9)
    assert found.segment.acc_eq == pytest.approx(share_right(table, human, found.segment.epsilon or 0.0), abs=1e-9)
    for epsilon in np.quantile(np.abs(table[0] - table[1]), [0, 0.1, 0.3, 0.5, 0.9]):
        assert share_right(table, human, epsilon) <= found.segment.acc_eq + 1e-9


def string_metric(
    name: str, pair: Pair, systems: list[str], lines: list[int]
) -> tuple[MetricScores, np.ndarray, list[float]]:
    """Ours from stored statistics; beside it sentence and corpus scores by sacrebleu."""
    refs = [pair.references["refA"][line] for line in lines]
    metric = chrf() if name == "chrf" else bleu()
    sentence, whole_corpus = peers(name, pair.name, nfc(refs))
    corpus, segments, table, whole = {}, {}, [], []
    for system in systems:
        texts = [pair.systems[system][line] for line in lines]
        counts = metric.statistics(texts, [(ref,) for ref in refs], pair.subset)
        corpus[system] = float(metric.corpus_from_stats(counts.sum(axis=0)))
        values = metric.arithmetic.sentence(counts).tolist()
        segments[system] = {str(line + 1): value for line, value in zip(lines, values, strict=True)}
        rows = sentence._extract_corpus_statistics(nfc(texts), None)
        whole.append(whole_corpus._aggregate_and_compute(rows).score)
        table.append([sentence._compute_score_from_stats(row).score for row in rows])
    return MetricScores(name, "higher", corpus, segments), np.round(table, 9), whole


def peers(name: str, pair: str, refs: list[str]) -> tuple[CHRF | BLEU, CHRF | BLEU]:
    """sacrebleu's metric for sentences, with these references, and for the corpus."""
    if name == "chrf":
        return CHRF(references=[refs]), CHRF()
    tokenize = {"en-ja": "ja-mecab", "en-zh": "zh"}.get(pair, "13a")
    return BLEU(tokenize=tokenize, effective_order=True, references=[refs]), BLEU(tokenize=tokenize)


def domain_of(ratings: list[Rating], pair: str) -> dict[str, str]:
    return {r.segment: r.document.split("_")[0].removeprefix("test-en-") for r in ratings if r.pair == pair}


def share_right(metric: np.ndarray, human: np.ndarray, epsilon: float) -> float:
    """acc_eq at a threshold, pair by pair."""
    i, j = np.triu_indices(len(metric), 1)
    gaps = metric[i] - metric[j]
    verdict = np.where(np.abs(gaps) <= epsilon, 0, np.sign(gaps))
    return float((verdict == np.sign(human[i] - human[j])).mean(axis=0).mean())
