"""Two models on the same items, cell by cell: differences with intervals, false finds held down, strongest evidence first."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from mevals.report.pairs import PairedCell

if TYPE_CHECKING:
    from mevals.stats import PairedResult

Said = Literal["better", "worse", "can't tell"]
ALPHA = 0.05
POWER = 0.8
DRAWS = 2_000
"""Resamples and swap patterns of a corpus metric."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """B minus A on one cell, in shown points (per cent for shares), on the `n` items that both models have a score for.

    `q` is the p value adjusted over all comparisons of the table (Benjamini & Hochberg); None where nothing could be tested.
    `said` is about B: better or worse where q is at most the level asked for. `detectable` is the true difference that a test
    of this one cell finds in 80 % of cases. `discordant` counts items on which the two differ, `alone` those that only one
    model answered or that only one has a score for.
    """

    task: str
    condition: str
    metric: str
    subset: str
    region: str
    a: float
    b: float
    difference: float
    low: float | None
    high: float | None
    p: float | None
    q: float | None
    said: Said
    detectable: float | None
    n: int
    discordant: int
    alone: int
    method: str
    signature: str


def compare(cells: Iterable[PairedCell], alpha: float = ALPHA, seed: int = 1) -> list[Comparison]:
    """One comparison per cell, sorted by evidence: smallest q, then largest difference against its interval.

    Slices and whole cells are adjusted together. Source of the adjustment: Benjamini & Hochberg 1995; of each test:
    `stats.paired_difference`, for a corpus metric `stats.paired_corpus`.
    """
    from mevals.stats import benjamini_hochberg

    rows = [_compare(cell, seed) for cell in cells]
    adjusted = benjamini_hochberg([row.p for row in rows])
    out = []
    for row, q in zip(rows, adjusted, strict=True):
        told = not math.isnan(q) and q <= alpha and row.difference != 0
        better = (row.difference > 0) == (row.said == "better")
        said: Said = ("better" if better else "worse") if told else "can't tell"
        changed = {"q": None if math.isnan(q) else float(q), "said": said}
        out.append(Comparison(**{**asdict(row), **changed}))
    return sorted(out, key=_evidence)


def _evidence(row: Comparison) -> tuple[float, float, float, str, str]:
    width = (row.high - row.low) if row.low is not None and row.high is not None else math.inf
    strength = -abs(row.difference) / width if width else 0.0
    return (2.0 if row.q is None else row.q, 2.0 if row.p is None else row.p, strength, row.task, row.subset)


def _compare(cell: PairedCell, seed: int) -> Comparison:
    """One cell before adjustment; `said` holds for now what a positive difference would mean."""
    found = _tested(cell, seed)
    both = ~(np.isnan(cell.a) | np.isnan(cell.b))
    a, b = (float(np.mean(side[both])) if both.any() else math.nan for side in (cell.a, cell.b))
    if cell.corpus is not None:
        a, b = cell.corpus.value(cell.corpus.a), cell.corpus.value(cell.corpus.b)
    unit, ends = cell.unit, found.interval
    low, high = (None, None) if ends is None else (unit * ends.low, unit * ends.high)
    return Comparison(
        task=cell.task,
        condition=cell.condition,
        metric=cell.metric,
        subset=cell.subset,
        region=cell.region,
        a=unit * a,
        b=unit * b,
        difference=unit * (b - a),
        low=low,
        high=high,
        p=found.p,
        q=None,
        said="better" if cell.better == "higher" else "worse",
        detectable=_visible(cell, low, high),
        n=found.n,
        discordant=found.n_discordant,
        alone=cell.alone + int((np.isnan(cell.a) ^ np.isnan(cell.b)).sum()),
        method=found.method,
        signature=cell.signature,
    )


def _tested(cell: PairedCell, seed: int) -> PairedResult:
    """The paired test that fits: for a corpus metric randomisation, and where that is at its floor t on pseudo-values.

    With so many comparisons a p of 1/(draws + 1) would be too coarse to survive the adjustment.
    """
    from mevals.stats import paired_corpus, paired_difference, paired_t

    if cell.corpus is None:
        return paired_difference(cell.a, cell.b, clusters=cell.clusters, seed=seed)
    corpus = cell.corpus
    found = paired_corpus(corpus.a, corpus.b, corpus.aggregate, clusters=cell.clusters, draws=DRAWS, seed=seed)
    if found.p is None or found.p > 1.5 / (DRAWS + 1):
        return found
    finer = paired_t(cell.a, cell.b, clusters=cell.clusters).p
    if finer is None or finer >= found.p:
        return found
    return replace(found, p=finer, method="paired bootstrap, expanded; p by t on pseudo-values")


def _visible(cell: PairedCell, low: float | None, high: float | None) -> float | None:
    """What a test of this cell would see; None where even the whole scale is too small."""
    if low is None or high is None:
        return None
    found = detectable((high - low) / 2)
    width = math.inf if cell.scale is None else cell.unit * (cell.scale[1] - cell.scale[0])
    return found if found < width else None


def detectable(half_width: float) -> float:
    """The true difference found in 80 % of cases at 5 %, from half the width of a 95 % interval: half · (z + z')/z.

    Source: Cohen 1988, section 2.5, in normal form.
    """
    from scipy import special

    z = float(special.ndtri(1 - ALPHA / 2))
    return half_width * (z + float(special.ndtri(POWER))) / z


HEAD = ("task", "language", "metric", "A", "B", "B - A", "95 % interval", "q", "verdict on B", "n", "differ")


def line(row: Comparison) -> tuple[str, ...]:
    """A comparison as the texts of a printed table, in the order of HEAD."""
    task = row.task + (f"@{row.condition}" if row.condition else "")
    return (
        task, row.subset, row.metric, _text(row.a), _text(row.b), _signed(row.difference), ends(row.low, row.high),
        "–" if row.q is None else f"{row.q:.3f}" if row.q >= 0.001 else "<0.001", verdict(row), str(row.n),
        str(row.discordant),
    )  # fmt: skip


def verdict(row: Comparison) -> str:
    """What is said of B; where nothing can be told, what could have been seen."""
    if row.said != "can't tell":
        return row.said
    if row.detectable is None:
        return "can't tell (too few items for any difference)"
    return f"can't tell (would see {row.detectable:.1f} or more)"


def ends(low: float | None, high: float | None) -> str:
    """An interval as text, "" for none."""
    return "" if low is None or high is None else f"{_signed(low)} … {_signed(high)}"


def _text(x: float) -> str:
    return "–" if math.isnan(x) else f"{x:.1f}"


def _signed(x: float) -> str:
    return "–" if math.isnan(x) else f"{x:+.1f}".replace("-", "−")


def summary(rows: Sequence[Comparison]) -> str:
    """How many comparisons say what, in one sentence."""
    better, worse = (sum(row.said == said for row in rows) for said in ("better", "worse"))
    return (
        f"B is better in {better}, worse in {worse} of {len(rows)} comparisons; in {len(rows) - better - worse} "
        f"the data can't tell (false discovery rate {ALPHA:.0%}, Benjamini-Hochberg)."
    )


def to_markdown(rows: Sequence[Comparison], names: tuple[str, str], limit: int = 40) -> str:
    """The table for a pull-request comment: at most `limit` lines, and how many were left out."""
    parts = [f"**A = {names[0]}, B = {names[1]}.** {summary(rows)}", ""]
    parts += ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    parts += ["| " + " | ".join(cell.replace("|", "\\|") for cell in line(row)) + " |" for row in rows[:limit]]
    if len(rows) > limit:
        parts += ["", f"{len(rows) - limit} more, with weaker evidence, are not shown."]
    return "\n".join([*parts, ""])


def records(rows: Iterable[Comparison]) -> list[Mapping[str, object]]:
    """Comparisons as plain rows, for CSV and JSON."""
    return [asdict(row) for row in rows]
