"""How fast translation statistics are made, and how fast they are resampled, against sacrebleu in the same run.

    python benchmarks/metrics.py [WMT txt folder or archive] [--segments N] [--repeats N]

Prints ratios to sacrebleu's own calls: above 1 is faster than sacrebleu. Without an archive the text is made up of words
whose frequencies and lengths are like English's. Runs take turns, `--repeats` times, and medians count: of CPU seconds
where one process works, so that a busy machine does not blur them, and of wall seconds where two do. The server that
forks the workers is started beforehand, as it serves every cell of a run.
"""

from __future__ import annotations

import argparse
import os

# one process means one thread on both sides; set before numpy is loaded
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import dataclasses
import statistics
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sacrebleu.metrics import BLEU, CHRF, TER
from sacrebleu.significance import PairedTest, _paired_bs_test

from mevals.scorers.mt import CorpusMetric, bleu, chrf, ter
from mevals.scorers.mt_bootstrap import paired_bootstrap, paired_p_values
from mevals.types import Subset

SUBSET = Subset("en-de", "deu_Latn")
PAIR = "en-de"
Texts = list[str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tree", nargs="?", type=Path, help="a WMT txt folder or an archive of one")
    parser.add_argument("--segments", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    refs, systems = read_systems(args.tree) if args.tree else made_up(args.segments)
    refs, systems = refs[: args.segments], [texts[: args.segments] for texts in systems]
    origin = args.tree.name if args.tree else "made-up words"
    print(
        f"{origin}: {len(systems)} systems x {len(refs)} segments, {sum(map(len, refs)) // len(refs)} characters each"
    )
    for metric, peer in peers():
        extraction(metric, peer, systems, refs, args.repeats)
    for metric, peer in peers()[:3]:
        resampling(metric, peer, systems, refs, args.repeats)
    for metric, _ in peers()[:3]:
        many_systems(metric, systems, refs)


def peers() -> list[tuple[CorpusMetric, Callable[..., Any]]]:
    return [(chrf(), CHRF), (chrf(word_order=2), lambda **kw: CHRF(word_order=2, **kw)), (bleu(), BLEU), (ter(), TER)]


def extraction(metric: CorpusMetric, peer: Callable[..., Any], systems: list[Texts], refs: Texts, repeats: int) -> None:
    """Segments per second from text to statistics and corpus score; two processes work on a cell of every system."""
    if metric.metric == "ter":  # its search is slow on long segments: middling ones are enough to see
        short = sorted(range(len(refs)), key=lambda i: len(refs[i]))[len(refs) * 2 // 5 :][:250]
        systems, refs = [[texts[i] for i in short] for texts in systems[:3]], [refs[i] for i in short]
    hyps = [text for texts in systems for text in texts]
    targets = [(ref,) for _ in systems for ref in refs]

    def ours(processes: int, some: int) -> Callable[[], Any]:
        spread = dataclasses.replace(metric, processes=processes)
        return lambda: spread.corpus_from_stats(spread.statistics(hyps[:some], targets[:some], SUBSET).sum(axis=0))

    def theirs(some: int) -> Callable[[], Any]:
        return lambda: peer().corpus_score(hyps[:some], [[ref for (ref,) in targets[:some]]]).score

    one, every = len(refs), len(hyps)
    ours(1, 5)()  # the first call imports pandas
    seconds = in_turn({"ours": ours(1, one), "theirs": theirs(one)}, repeats, time.process_time)
    print(
        f"{metric.metric:7} extraction, 1 process, one system : {one / seconds['ours']:8.0f} segments/s, "
        f"sacrebleu {one / seconds['theirs']:6.0f}: {seconds['theirs'] / seconds['ours']:5.2f} x"
    )
    ours(2, 50)()  # starts the server
    runs = {"ours": ours(2, every), "one": ours(1, every), "theirs": theirs(every)}
    seconds = in_turn(runs, max(1, repeats // 2), time.perf_counter)
    print(
        f"{metric.metric:7} extraction, 2 processes, all systems: {every / seconds['ours']:6.0f} segments/s, "
        f"sacrebleu {every / seconds['theirs']:6.0f}: {seconds['theirs'] / seconds['ours']:5.2f} x "
        f"(1 process: {seconds['theirs'] / seconds['one']:5.2f} x)"
    )


def resampling(metric: CorpusMetric, peer: Callable[..., Any], systems: list[Texts], refs: Texts, repeats: int) -> None:
    """A 1,000-draw paired bootstrap of two systems on kept statistics."""
    kept = [metric.statistics(texts, [(ref,) for ref in refs], SUBSET) for texts in systems[:2]]
    prepared = peer(references=[refs])
    rows = [counts.astype(int).tolist() for counts in kept]
    baseline = {"m": (rows[0], prepared._aggregate_and_compute(rows[0]))}
    ready = Kept(prepared, rows[1])
    named = [("a", systems[0]), ("b", systems[1])]
    seconds = in_turn(
        {
            "ours": lambda: paired_bootstrap(metric.corpus_from_stats, *kept),
            "draws": lambda: _paired_bs_test(baseline, "b", systems[1], None, {"m": ready}, n_samples=1000, seed=12345),  # type: ignore[dict-item]
            "call": lambda: PairedTest(named, {"m": prepared}, None, test_type="bs", n_samples=1000)(),
        },
        repeats,
        time.process_time,
    )
    print(
        f"{metric.metric:7} paired bootstrap, 1,000 draws: {1000 * seconds['ours']:5.1f} ms; sacrebleu's test "
        f"{1000 * seconds['call']:5.0f} ms: {seconds['call'] / seconds['ours']:5.1f} x; "
        f"its draws alone, statistics given, {1000 * seconds['draws']:5.0f} ms: {seconds['draws'] / seconds['ours']:5.1f} x"
    )


class Kept:
    """A sacrebleu metric that has its statistics already."""

    def __init__(self, metric: Any, rows: list[list[int]]) -> None:
        self._metric, self._rows = metric, rows

    def _extract_corpus_statistics(self, hypotheses: Texts, references: object) -> list[list[int]]:
        return self._rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self._metric, name)


def many_systems(metric: CorpusMetric, systems: list[Texts], refs: Texts) -> None:
    """Every pair of 20 systems from 1,000 shared draws."""
    kept = [metric.statistics(texts, [(ref,) for ref in refs], SUBSET) for texts in systems[:20]]
    stats = np.stack([kept[i % len(kept)] for i in range(20)])
    start = time.perf_counter()
    paired_p_values(metric.corpus_from_stats, stats)
    seconds = time.perf_counter() - start
    print(f"{metric.metric:7} paired bootstrap, 1,000 draws, all pairs of 20 systems: {seconds:.3f} s")


def in_turn(runs: dict[str, Callable[[], Any]], repeats: int, clock: Callable[[], float]) -> dict[str, float]:
    """Median seconds of each run, the runs taking turns; sacrebleu's tokenizer caches are emptied before each."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            forget_tokens()
            start = clock()
            run()
            seconds[name].append(clock() - start)
    return {name: statistics.median(times) for name, times in seconds.items()}


def forget_tokens() -> None:
    from sacrebleu.tokenizers import tokenizer_13a, tokenizer_re, tokenizer_ter

    for tokenizer in (tokenizer_13a.Tokenizer13a, tokenizer_re.TokenizerRegexp, tokenizer_ter.TercomTokenizer):
        tokenizer.__call__.cache_clear()


def read_systems(tree: Path) -> tuple[Texts, list[Texts]]:
    """References and every system's output of one pair."""
    found: dict[str, Texts] = {}
    if tree.is_dir():
        for path in sorted(tree.glob(f"references/{PAIR}.refA.txt")) + sorted(
            tree.glob(f"system-outputs/{PAIR}/*.txt")
        ):
            found[path.relative_to(tree).as_posix()] = lines_of(path.read_bytes())
    else:
        with tarfile.open(tree) as tar:
            for member in tar:
                content = tar.extractfile(member) if member.name.endswith(".txt") and PAIR in member.name else None
                if content is not None:
                    found[member.name] = lines_of(content.read())
    refs = next(lines for name, lines in found.items() if name.endswith(f"references/{PAIR}.refA.txt"))
    return refs, [lines for name, lines in sorted(found.items()) if "system-outputs/" in name]


def lines_of(content: bytes) -> Texts:
    return content.decode("utf-8").removesuffix("\n").split("\n")


def made_up(segments: int) -> tuple[Texts, list[Texts]]:
    """Sentences of words drawn by Zipf's law, and 20 systems that get more or fewer of them right."""
    rng = np.random.default_rng(1)
    words = np.array(["".join(rng.choice(list("etaoinshrdlucmfwyp"), 1 + rng.poisson(3.7))) for _ in range(8000)])

    def draw(n: int) -> Texts:
        return words[np.minimum(rng.zipf(1.3, n), len(words)) - 1].tolist()

    refs = [draw(int(rng.integers(8, 45))) for _ in range(segments)]
    systems = []
    for share in np.linspace(0.5, 0.9, 20):
        systems.append([" ".join(w if rng.random() < share else draw(1)[0] for w in ref) + "." for ref in refs])
    return [" ".join(ref) + "." for ref in refs], systems


if __name__ == "__main__":
    main()
