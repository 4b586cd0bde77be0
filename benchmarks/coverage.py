"""Does each interval cover what it says, and does each test reject no more than it says? Simulated, with the truth known.

    python benchmarks/coverage.py                       all checks, 10,000 experiments each
    python benchmarks/coverage.py --only bootstrap      the checks whose name holds a word
    python benchmarks/coverage.py --experiments 1000    a quick look

Prints one line per check: the figure, its Monte Carlo error, what is wanted, and "ok" or "MISS"; exits 1 on a miss. Every
experiment calls the public functions of mevals.stats as a report does. docs/statistics.md holds the recorded figures.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mevals import stats

Rng = np.random.Generator
Floats = NDArray[np.float64]
DRAWS = 999
COVERAGE = (0.93, 0.97)
AT_LEAST = (0.93, 1.0)
REJECTS = (0.0, 0.055)


@dataclass(frozen=True)
class Check:
    """One figure: the share of experiments in which `trial` says yes, wanted within `wanted`; None: for information."""

    name: str
    wanted: tuple[float, float] | None
    trial: Callable[[Rng], float]
    experiments: int | None = None


# What is sampled: name -> (draw n values, true mean).
RUBRIC = np.array([0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.3])
POPULATIONS: dict[str, tuple[Callable[[Rng, int], Floats], float]] = {
    "normal": (lambda rng, n: rng.normal(50, 10, n), 50.0),
    "chrF-like beta(6,4)": (lambda rng, n: 100 * rng.beta(6, 4, n), 60.0),
    "skewed beta(8,2)": (lambda rng, n: rng.beta(8, 2, n), 0.8),
    "rubric 1-7": (lambda rng, n: rng.choice(np.arange(1.0, 8), n, p=RUBRIC), float(RUBRIC @ np.arange(1, 8))),
    "lognormal": (lambda rng, n: rng.lognormal(0, 1, n), math.exp(0.5)),
}


def covers(interval: stats.Interval | None, truth: float) -> float:
    """1 if the interval holds the truth, 0 if not; NaN where none was given, which leaves the experiment out."""
    return math.nan if interval is None else float(interval.contains(truth))


def rejects(p: float | None, alpha: float = 0.05) -> float:
    return math.nan if p is None else float(p <= alpha)


def beta_shares(rng: Rng, p: float, icc: float, size: int) -> Floats:
    """Success chances per cluster whose values correlate by `icc` within a cluster."""
    if icc == 0:
        return np.full(size, p)
    return rng.beta(p * (1 - icc) / icc, (1 - p) * (1 - icc) / icc, size)


def cluster_labels(rng: Rng, groups: int) -> NDArray[np.intp]:
    """1 to 9 rows in each cluster."""
    return np.repeat(np.arange(groups), rng.integers(1, 10, groups))


def proportion_checks() -> Iterator[Check]:
    for n, p in ((20, 0.5), (30, 0.4), (50, 0.2), (100, 0.1), (250, 0.9), (1000, 0.3), (1000, 0.99)):
        ends = [stats.wilson(k, n) for k in range(n + 1)]
        yield Check(f"wilson n={n} p={p}", COVERAGE, lambda rng, e=ends, n=n, p=p: covers(e[rng.binomial(n, p)], p))
    for n, p in ((10, 0.9), (50, 0.02), (250, 0.99)):
        exact = [stats.proportion_interval(k, n) for k in range(n + 1)]
        name = f"auto proportion, few successes n={n} p={p} (conservative)"
        yield Check(name, AT_LEAST, lambda rng, e=exact, n=n, p=p: covers(e[rng.binomial(n, p)], p))
    for groups, icc, p in ((12, 0.0, 0.4), (12, 0.2, 0.5), (20, 0.2, 0.3), (40, 0.5, 0.7), (100, 0.2, 0.8)):

        def clustered(rng: Rng, groups: int = groups, icc: float = icc, p: float = p) -> float:
            labels = cluster_labels(rng, groups)
            hits = rng.random(labels.size) < beta_shares(rng, p, icc, groups)[labels]
            return covers(stats.cell_interval(hits.astype(float), clusters=labels), p)

        yield Check(f"auto clustered proportion G={groups} icc={icc} p={p}", COVERAGE, clustered)


def mean_checks() -> Iterator[Check]:
    plan = [("t", "normal", 2), ("t", "normal", 5), ("t", "chrF-like beta(6,4)", 10), ("t", "skewed beta(8,2)", 50)]
    plan += [("t", "rubric 1-7", 60)]
    for kind, sizes in (
        ("studentised", (10, 20, 50)),
        ("expanded", (20, 50)),
        ("percentile", (50, 100)),
        ("bca", (50, 100)),
    ):
        plan += [(kind, name, n) for name in ("chrF-like beta(6,4)", "skewed beta(8,2)", "rubric 1-7") for n in sizes]
    plan += [("auto", name, n) for name in ("skewed beta(8,2)", "rubric 1-7") for n in (20, 50, 250)]
    plan += [("auto", "chrF-like beta(6,4)", 5), ("auto", "rubric 1-7", 10)]
    for kind, name, n in plan:
        yield Check(f"{kind} mean of {name} n={n}", COVERAGE, mean_trial(kind, name, n))
    for kind, name, n in (("percentile", "normal", 10), ("bca", "normal", 10), ("auto", "lognormal", 250)):
        yield Check(f"outside its limits: {kind} mean of {name} n={n}", None, mean_trial(kind, name, n))
    for n, rare in ((20, 0.1), (50, 0.05), (100, 0.05), (250, 0.01), (250, 0.1), (1000, 0.03)):

        def nearly_constant(rng: Rng, n: int = n, rare: float = rare) -> float:
            y = np.where(rng.random(n) < rare, rng.choice([1.0, 3.0, 5.0], n), 7.0)
            return covers(stats.cell_interval(y, scale=(1, 7), draws=DRAWS, seed=rng), 7 - 4 * rare)

        yield Check(f"auto mean, {100 * rare:g} % differ from the rest n={n} (conservative)", AT_LEAST, nearly_constant)


def mean_trial(kind: str, name: str, n: int) -> Callable[[Rng], float]:
    sample, truth = POPULATIONS[name]
    return lambda rng: covers(stats.cell_interval(sample(rng, n), kind, draws=DRAWS, seed=rng), truth)  # type: ignore[arg-type]


def clustered_mean_checks() -> Iterator[Check]:
    for kind, groups, icc in (
        ("t", 5, 0.2),
        ("t", 12, 0.5),
        ("t", 40, 0.0),
        ("studentised", 20, 0.2),
        ("expanded", 20, 0.2),
        ("percentile", 80, 0.2),
        ("bca", 80, 0.2),
        ("auto", 8, 0.3),
        ("auto", 60, 0.3),
    ):

        def trial(rng: Rng, kind: str = kind, groups: int = groups, icc: float = icc) -> float:
            labels = cluster_labels(rng, groups)
            shared = math.sqrt(icc) * rng.normal(size=groups)[labels]
            y = shared + math.sqrt(1 - icc) * rng.normal(size=labels.size)
            return covers(stats.cell_interval(y, kind, clusters=labels, draws=DRAWS, seed=rng), 0.0)  # type: ignore[arg-type]

        yield Check(f"{kind} clustered mean G={groups} icc={icc}", COVERAGE, trial)


def f_score(sums: Floats) -> Floats:
    """A corpus F-score of summed (matches, hypothesis length, reference length): shaped as chrF is."""
    return 200 * sums[:, 0] / (sums[:, 1] + sums[:, 2])


def segments(rng: Rng, n: int, quality: float = 0.6) -> Floats:
    """Statistics (n, 3) of segments of differing length and quality."""
    reference = 20 + rng.poisson(60, n)
    hypothesis = np.maximum(1, rng.poisson(reference))
    share = rng.beta(10 * quality, 10 * (1 - quality), n)
    return np.stack([rng.binomial(np.minimum(reference, hypothesis), share), hypothesis, reference], axis=1).astype(
        float
    )


def corpus_truth(quality: float = 0.6) -> float:
    """The corpus score of two million segments: its own error is below 0.01 points, 1/50 of the intervals tested."""
    return float(f_score(segments(np.random.default_rng(7), 2_000_000, quality).sum(axis=0, keepdims=True))[0])


def corpus_checks() -> Iterator[Check]:
    truth = corpus_truth()
    for kind, n in (("auto", 10), ("expanded", 20), ("auto", 100), ("percentile", 50), ("bca", 50)):

        def trial(rng: Rng, kind: str = kind, n: int = n) -> float:
            table = segments(rng, n)
            interval = stats.cell_interval([], kind, stats=table, aggregate=f_score, draws=DRAWS, seed=rng)  # type: ignore[arg-type]
            return covers(interval, truth)

        yield Check(f"{kind} corpus metric n={n}", COVERAGE, trial)

    def clustered(rng: Rng) -> float:
        labels = cluster_labels(rng, 20)
        table = segments(rng, labels.size)
        interval = stats.cell_interval([], stats=table, aggregate=f_score, clusters=labels, draws=DRAWS, seed=rng)
        return covers(interval, truth)

    yield Check("auto corpus metric, clustered G=20", COVERAGE, clustered)

    def by_pseudo_values(rng: Rng) -> float:
        return covers(stats.t_interval(stats.pseudo_values(segments(rng, 50), f_score)), truth)

    yield Check("t of pseudo-values of a corpus metric n=50", COVERAGE, by_pseudo_values)


def skewed_languages(rng: Rng, languages: int) -> Floats:
    """True language scores in 0..1, logistic-normal: many good, a tail of bad ones (skewness about -0.7)."""
    return 1 / (1 + np.exp(-(1.2 + 0.9 * rng.normal(size=languages))))


def skewed_truth() -> float:
    return float(skewed_languages(np.random.default_rng(7), 4_000_000).mean())


def answers(rng: Rng, shares: Floats, n: int, shared: float) -> Floats:
    """0/1 answers (languages, n) whose items are hard in all languages alike: latent correlation `shared`."""
    from scipy import special

    latent = math.sqrt(shared) * rng.normal(size=n) + math.sqrt(1 - shared) * rng.normal(size=(shares.size, n))
    return (latent < special.ndtri(shares)[:, None]).astype(float)


def group_checks() -> Iterator[Check]:
    for languages, n in ((1, 100), (3, 30), (8, 100), (60, 100)):

        def fixed(rng: Rng, languages: int = languages, n: int = n) -> float:
            truth = np.linspace(0.3, 0.8, languages)
            cells = [stats.mean_estimate((rng.random(n) < p).astype(float)) for p in truth]
            means = stats.fixed_languages([c.value for c in cells], [c.se for c in cells], [c.df for c in cells])
            return covers(means.interval, float(truth.mean()))

        yield Check(f"fixed languages L={languages} n={n}", COVERAGE, fixed)

    for n, p in ((50, 0.98), (100, 0.95), (250, 0.99)):

        def near_ceiling(rng: Rng, n: int = n, p: float = p) -> float:
            cells = [stats.mean_estimate((rng.random(n) < p).astype(float)) for _ in range(8)]
            columns = ([c.value for c in cells], [c.se for c in cells], [c.df for c in cells])
            return covers(stats.fixed_languages(*columns, scale=(0, 1)).interval, p)

        yield Check(f"fixed languages near the ceiling L=8 n={n} p={p}", COVERAGE, near_ceiling)

    def from_draws(rng: Rng) -> float:
        truth = np.linspace(0.3, 0.8, 8)
        cells = [(rng.random(100) < p).astype(float) for p in truth]
        draws = stats.bootstrap_cells(cells, DRAWS, rng)
        return covers(stats.group_from_draws([c.mean() for c in cells], draws, 800).interval, float(truth.mean()))

    yield Check("fixed languages, bootstrap draws L=8 n=100", COVERAGE, from_draws)

    def shared(rng: Rng, naive: bool = False) -> float:
        truth = np.linspace(0.3, 0.8, 8)
        table = answers(rng, truth, 100, 0.4)
        values, items = dict(enumerate(table)), dict.fromkeys(range(8), np.arange(100))
        if not naive:
            return covers(stats.shared_items(values, items).interval, float(truth.mean()))  # type: ignore[arg-type]
        cells = [stats.mean_estimate(row) for row in table]
        group = stats.fixed_languages([c.value for c in cells], [c.se for c in cells])
        return covers(group.interval, float(truth.mean()))

    yield Check("fixed languages, shared items L=8 n=100", COVERAGE, shared)
    yield Check("wrong on purpose: shared items taken as independent L=8", None, lambda rng: shared(rng, naive=True))
    for languages in (3, 4, 5, 8, 20):
        name = f"languages as a sample, normal L={languages}"
        yield Check(
            name,
            COVERAGE,
            lambda rng, m=languages: covers(
                stats.sampled_languages(rng.normal(size=m), draws=DRAWS, seed=rng).interval, 0
            ),
        )
    truth = skewed_truth()
    for languages in (3, 5, 8, 12, 20, 60):

        def sampled(rng: Rng, languages: int = languages) -> float:
            values = rng.binomial(200, skewed_languages(rng, languages)) / 200
            return covers(stats.sampled_languages(values, draws=DRAWS, seed=rng).interval, truth)

        wanted = COVERAGE if languages >= 5 else None
        yield Check(f"languages as a sample, skewed L={languages}", wanted, sampled)
    for languages in (5, 20):

        def crossed(rng: Rng, languages: int = languages) -> float:
            table = answers(rng, skewed_languages(rng, languages), 100, 0.4)
            items = dict.fromkeys(range(languages), np.arange(100))
            group = stats.shared_items(dict(enumerate(table)), items, "languages as a sample", draws=DRAWS, seed=rng)  # type: ignore[arg-type]
            return covers(group.interval, truth)

        yield Check(f"languages as a sample, shared items L={languages} n=100", COVERAGE, crossed)

    def percentile(rng: Rng) -> float:
        values = skewed_languages(rng, 5)
        return covers(stats.bootstrap_interval(values, "percentile", draws=DRAWS, seed=rng), truth)

    yield Check("wrong on purpose: percentile bootstrap over L=5 languages", None, percentile)


def pairs(rng: Rng, n: int, won: float, lost: float) -> tuple[Floats, Floats]:
    """0/1 answers of two models: the second wins and loses items with these chances."""
    u = rng.random(n)
    a, b = (rng.random(n) < 0.6).astype(float), np.zeros(n)
    a[u < won], a[(u >= won) & (u < won + lost)] = 0, 1
    b[:] = a
    b[u < won], b[(u >= won) & (u < won + lost)] = 1, 0
    return a, b


def rubric_pairs(rng: Rng, n: int) -> tuple[Floats, Floats]:
    """Two models' rubric scores, correlated through the item, of the same mean."""
    item = rng.normal(size=n)
    first, second = (np.clip(np.round(5 + item + rng.normal(size=n)), 1, 7) for _ in range(2))
    return first, second


def paired_interval_checks() -> Iterator[Check]:
    for n in (50, 1000):

        def score(rng: Rng, n: int = n) -> float:
            return covers(stats.mcnemar(*pairs(rng, n, 0.085, 0.115)).interval, -0.03)

        yield Check(f"Bonett-Price n={n}, 20 % discordant", COVERAGE, score)
    for name, function, n in (
        ("paired t", lambda a, b, rng: stats.paired_t(a, b), 30),
        ("paired bootstrap", lambda a, b, rng: stats.paired_bootstrap(a, b, draws=DRAWS, seed=rng), 30),
    ):

        def trial(rng: Rng, function=function, n: int = n) -> float:  # type: ignore[no-untyped-def]
            return covers(function(*rubric_pairs(rng, n), rng).interval, 0.0)

        yield Check(f"{name} interval, rubric n={n}", COVERAGE, trial)

    def corpus(rng: Rng) -> float:
        a, b = paired_segments(rng, 50)
        return covers(stats.paired_corpus(a, b, f_score, test="bootstrap", draws=DRAWS, seed=rng).interval, 0.0)

    yield Check("paired corpus interval n=50", COVERAGE, corpus)


def paired_segments(rng: Rng, n: int) -> tuple[Floats, Floats]:
    """Two systems of the same quality on the same references."""
    reference = 20 + rng.poisson(60, n)
    share = rng.beta(6, 4, n)
    sides = []
    for _ in range(2):
        hypothesis = np.maximum(1, rng.poisson(reference))
        ours = np.clip(share + 0.1 * rng.normal(size=n), 0, 1)
        matches = rng.binomial(np.minimum(reference, hypothesis), ours)
        sides.append(np.stack([matches, hypothesis, reference], axis=1).astype(float))
    return sides[0], sides[1]


def test_checks() -> Iterator[Check]:
    def null(name: str, p: Callable[[Rng], float | None]) -> Check:
        return Check(f"type I error: {name}", REJECTS, lambda rng: rejects(p(rng)))

    for n in (25, 100, 1000):
        for kind in ("exact", "mid-p"):
            yield null(
                f"McNemar {kind} n={n}",
                lambda rng, n=n, kind=kind: stats.mcnemar(*pairs(rng, n, 0.1, 0.1), kind=kind).p,
            )
    for n in (10, 30, 200):
        yield null(
            f"sign flip, rubric n={n}", lambda rng, n=n: stats.sign_flip(*rubric_pairs(rng, n), draws=DRAWS, seed=rng).p
        )
        yield null(
            f"auto paired difference, rubric n={n}",
            lambda rng, n=n: stats.paired_difference(*rubric_pairs(rng, n), seed=rng).p,
        )
    for n in (30, 200):
        yield null(f"paired t, rubric n={n}", lambda rng, n=n: stats.paired_t(*rubric_pairs(rng, n)).p)
        yield null(
            f"paired bootstrap, rubric n={n}",
            lambda rng, n=n: stats.paired_bootstrap(*rubric_pairs(rng, n), draws=DRAWS, seed=rng).p,
        )
    for test in ("randomisation", "bootstrap"):
        yield null(
            f"paired corpus metric by {test} n=50",
            lambda rng, test=test: (
                stats.paired_corpus(*paired_segments(rng, 50), f_score, test=test, draws=DRAWS, seed=rng).p
            ),
        )
    for name in ("paired_t", "sign_flip", "paired_difference", "paired_bootstrap"):

        def clustered(rng: Rng, name: str = name) -> float | None:
            labels = cluster_labels(rng, 25)
            gap = 0.5 * rng.normal(size=25)[labels] + rng.normal(size=labels.size)
            more = {} if name == "paired_t" else {"seed": rng}
            more |= {} if name in ("paired_t", "paired_difference") else {"draws": DRAWS}
            return getattr(stats, name)(np.zeros(labels.size), gap, clusters=labels, **more).p  # type: ignore[no-any-return]

        yield null(f"clustered {name} G=25", clustered)
    yield null("slope over web presence L=12", lambda rng: slope_of(rng, 12, 0.0).p)


def slope_of(rng: Rng, languages: int, value: float) -> stats.Slope:
    """A slope fitted to languages whose scatter grows towards little web presence, as real scores do."""
    x = rng.uniform(4, 9, languages)
    found = stats.slope(10**x, 50 + value * x + rng.normal(size=languages) * (14 - x))
    assert found is not None
    return found


def parity_checks() -> Iterator[Check]:
    for languages in (8, 12, 30, 66):
        name = f"slope over web presence, HC3 L={languages}"
        yield Check(name, COVERAGE, lambda rng, m=languages: covers(slope_of(rng, m, 3.0).interval, 3.0))

    def weighted(rng: Rng) -> float:
        x = rng.uniform(4, 9, 30)
        spread = 14 - x
        found = stats.slope(10**x, 3 * x + rng.normal(size=30) * spread, 1 / spread**2)
        return covers(found.interval if found else None, 3.0)

    yield Check("slope over web presence, weighted L=30", COVERAGE, weighted)
    for sizes in ((5, 5), (5, 20)):

        def welch(rng: Rng, sizes: tuple[int, int] = sizes) -> float:
            gap = stats.low_minus_high(rng.normal(40, 15, sizes[0]), rng.normal(60, 5, sizes[1]))
            return covers(gap.interval, -20.0)

        yield Check(f"low bin minus high bin, Welch {sizes[0]} and {sizes[1]}", COVERAGE, welch)

    def gap(rng: Rng, shared: bool) -> float:
        truth = np.array([0.8, 0.5, 0.6, 0.7, 0.4])
        table = answers(rng, truth, 100, 0.4 if shared else 0.0)
        names = ["eng_Latn", "a", "b", "c", "d"]
        if shared:
            values = dict(zip(names, table, strict=True))
            found = stats.gap_on_shared_items(values, dict.fromkeys(names, np.arange(100)))
        else:
            cells = {k: stats.mean_estimate(row) for k, row in zip(names, table, strict=True)}
            found = stats.gap_to_reference({k: c.value for k, c in cells.items()}, {k: c.se for k, c in cells.items()})
        return covers(found.interval, 0.55 - 0.8)

    yield Check("gap to English, independent items n=100", COVERAGE, lambda rng: gap(rng, False))
    yield Check("gap to English, shared items n=100", COVERAGE, lambda rng: gap(rng, True))


def multiple_checks() -> Iterator[Check]:
    """60 languages, 12 of which really differ."""

    def false_share(rng: Rng, method: Callable[[Floats], Floats], tied: float) -> float:
        from scipy import special

        z = math.sqrt(tied) * rng.normal() + math.sqrt(1 - tied) * rng.normal(size=60)
        z[:12] += 3
        found = method(2 * special.ndtr(-np.abs(z))) <= 0.05
        if method is stats.holm:
            return float(found[12:].any())
        return float(found[12:].sum() / max(1, found.sum()))

    yield Check(
        "Benjamini-Hochberg: false share of finds", REJECTS, lambda r: false_share(r, stats.benjamini_hochberg, 0)
    )
    name = "Benjamini-Hochberg: false share of finds, correlated languages"
    yield Check(name, REJECTS, lambda r: false_share(r, stats.benjamini_hochberg, 0.5))
    yield Check("Holm: any false find", REJECTS, lambda r: false_share(r, stats.holm, 0))


def rank_checks() -> Iterator[Check]:
    for name, truth in (
        ("spaced", [0.2, 0.5, 0.7, 0.8]),
        ("two near ties", [0.5, 0.51, 0.7, 0.71, 0.3]),
        ("all near-tied", [0.5, 0.501, 0.502, 0.503]),
    ):

        def trial(rng: Rng, truth: Sequence[float] = truth) -> float:
            table = answers(rng, np.array(truth), 200, 0.4).T
            draws = stats.shared_draws([table], DRAWS, rng)
            ranks = stats.rank_intervals([str(p) for p in truth], table.mean(axis=0), draws)
            places = stats.competition_ranks(list(truth))
            return float(np.mean([r.low <= (place or 0) <= r.high for r, place in zip(ranks, places, strict=True)]))

        yield Check(f"rank intervals, {name} (conservative)", AT_LEAST, trial)


FAMILIES = {"changed": 8, **{f"family {i}": 1 + i % 8 for i in range(12)}}


def family_gate(
    rng: Rng, loss: float, shared: float = 0.0, tolerance: float = 0.0, families: dict[str, int] = FAMILIES
) -> dict[str, stats.Verdict]:
    """The gate over 13 families of 1 to 8 languages, n = 1,000 each, 20 % discordant; the first one loses `loss`.

    `shared` is how much the differences of one item correlate over languages; clusters are then the items.
    """
    from scipy import special

    tests = {}
    for family, size in families.items():
        lost = loss if family == "changed" else 0.0
        latent = math.sqrt(shared) * rng.normal(size=1000) + math.sqrt(1 - shared) * rng.normal(size=(size, 1000))
        u = special.ndtr(latent)
        gap = (u > 1 - (0.1 - lost / 2)).astype(float) - (u < 0.1 + lost / 2)
        before = {str(i): np.where(row > 0, 0.0, 1.0) for i, row in enumerate(gap)}
        after = {str(i): before[str(i)] + row for i, row in enumerate(gap)}
        items = {lang: np.arange(1000) for lang in before} if shared else None
        tests[family] = stats.paired_family_test(before, after, clusters=items, tolerance=tolerance)
    return stats.judge_families(tests)


def gate_checks() -> Iterator[Check]:
    def found(rng: Rng, **more: float) -> float:
        return float(family_gate(rng, 0.03, **more)["changed"].outcome == "regression")

    def alarm(rng: Rng, **more: float) -> float:
        return float(any(v.outcome == "regression" for v in family_gate(rng, 0.0, **more).values()))

    few = 500
    yield Check("gate finds 3 points in one of 13 families", (0.9, 1), found, few)
    yield Check("gate finds 3 points, items shared, correlation 0.3", (0.9, 1), lambda r: found(r, shared=0.3), few)
    yield Check("gate finds 3 points beyond a tolerance of 1", None, lambda r: found(r, tolerance=0.01), few)
    yield Check("gate fails where nothing changed", (0.0, 0.1), alarm, few)
    yield Check("gate fails where nothing changed, items shared", (0.0, 0.1), lambda r: alarm(r, shared=0.3), few)

    def one_family(rng: Rng, shared: float) -> float:
        verdict = family_gate(rng, 0.0, shared=shared, families={"same": 8})["same"]
        return rejects(verdict.test.p_worse)

    yield Check("type I error: paired family test, 8 x 1000", REJECTS, lambda rng: one_family(rng, 0.0))
    yield Check("type I error: paired family test, items shared", REJECTS, lambda rng: one_family(rng, 0.3))


GROUPS: dict[str, Callable[[], Iterator[Check]]] = {
    "proportions": proportion_checks,
    "means": mean_checks,
    "clustered means": clustered_mean_checks,
    "corpus metrics": corpus_checks,
    "groups": group_checks,
    "paired intervals": paired_interval_checks,
    "paired tests": test_checks,
    "parity": parity_checks,
    "multiple comparisons": multiple_checks,
    "ranks": rank_checks,
    "gate": gate_checks,
}


def run(check: Check, experiments: int) -> tuple[float, int]:
    """The figure, and from how many experiments; the seed is the check's name, so that checks don't share their luck."""
    count = min(experiments, check.experiments or experiments)
    rng = np.random.default_rng(zlib.crc32(check.name.encode()))
    with np.errstate(divide="ignore", invalid="ignore"):
        results = np.array([check.trial(rng) for _ in range(count)])
    return float(np.nanmean(results)), int((~np.isnan(results)).sum())


def chosen(only: str = "") -> list[tuple[str, str]]:
    """(group, check name) of the checks whose group or name holds the word."""
    return [
        (group, check.name)
        for group, make in GROUPS.items()
        for check in make()
        if only.lower() in group.lower() or only.lower() in check.name.lower()
    ]


def run_named(group: str, name: str, experiments: int) -> tuple[str, float, int, float]:
    """One row: what was wanted, the figure, the experiments and the seconds. By name, because closures don't pickle."""
    check = next(c for c in GROUPS[group]() if c.name == name)
    start = time.perf_counter()
    figure, count = run(check, experiments)
    if check.wanted is None:
        wanted = "for information"
    else:
        ok = check.wanted[0] <= figure <= check.wanted[1]
        wanted = f"{100 * check.wanted[0]:g}-{100 * check.wanted[1]:g} {'ok' if ok else 'MISS'}"
    return wanted, figure, count, time.perf_counter() - start


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the chosen checks and prints a Markdown table; 1 if any misses."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", default="", help="run the checks whose group or name holds this word")
    parser.add_argument("--experiments", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=1, help="processes to use")
    options = parser.parse_args(arguments)
    wanted = chosen(options.only)
    if not wanted:
        parser.error(f"no check holds {options.only!r}")
    missed, last = 0, ""
    with ProcessPoolExecutor(options.jobs) as pool:
        futures = [pool.submit(run_named, group, name, options.experiments) for group, name in wanted]
        for (group, name), future in zip(wanted, futures, strict=True):
            verdict, figure, count, seconds = future.result()
            if group != last:
                print(f"\n**{group}**\n\n| check | % | ± | wanted % | experiments | s |\n|---|---|---|---|---|---|")
                last = group
            error = 100 * math.sqrt(max(figure * (1 - figure), 1e-9) / count)
            print(f"| {name} | {100 * figure:.2f} | {error:.2f} | {verdict} | {count:,} | {seconds:.0f} |", flush=True)
            missed += verdict.endswith("MISS")
    print(f"\n{len(wanted)} checks, {missed} missed")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
