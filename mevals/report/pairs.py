"""The same items under two models, from the stored score files: what every paired comparison starts from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mevals.errors import UsageError
from mevals.report.table import base_signature
from mevals.report.values import region_named

Floats = NDArray[np.float64]
CLUSTERS = ("document", "passage")


DESCRIPTIVE = frozenset({"length"})
"""Metrics that say how answers are, not how good: never compared, never gated."""


@dataclass(frozen=True)
class Corpus:
    """Both models' sufficient statistics (n, k) on the same items, NaN where either is unscored, and the metric's formula."""

    a: Floats
    b: Floats
    aggregate: Any

    def value(self, stats: Floats) -> float:
        """The corpus value of the scored lines."""
        scored = ~np.isnan(stats).any(axis=1)
        return float(np.asarray(self.aggregate(stats[scored].sum(axis=0, keepdims=True)))[0])


@dataclass(frozen=True)
class PairedCell:
    """One subset of one task on one metric, by both models: `a` and `b` (n,) of the items `ids`, NaN = unscored.

    For a corpus metric `a` and `b` are pseudo-values, whose mean is the corpus value (less its 1/n bias), and `corpus` holds
    the statistics of both sides and their formula. `alone` counts items that only one model answered. `clusters` labels items
    of one document; None where all stand alone.
    """

    task: str
    condition: str
    subset: str
    about: str
    region: str
    metric: str
    signature: str
    better: Literal["higher", "lower"]
    scale: tuple[float, float] | None
    ids: tuple[str, ...]
    a: Floats
    b: Floats
    tags: Sequence[Mapping[str, str]] = ()
    clusters: NDArray[Any] | None = None
    corpus: Corpus | None = None
    alone: int = 0
    slice: Mapping[str, str] = field(default_factory=dict)

    @property
    def unit(self) -> float:
        """What one unit is in shown points: 100 for shares, else 1."""
        return 100.0 if self.scale == (0.0, 1.0) else 1.0


def paired_cells(
    results: Path, first: str, second: str, tasks: Sequence[str] = (), langs: Sequence[str] = (), slices: bool = False
) -> list[PairedCell]:
    """All cells that both models have, with the same metric under the same signature; their slices too where asked for.

    Raises UsageError where a model is unknown or nothing can be paired.
    """
    from mevals import languages
    from mevals.score import answered_cells
    from mevals.store import Store

    if not results.is_dir():
        raise UsageError(f"there is no results folder {results}; run `mevals run` first or name another with --results")
    store = Store(results)
    wanted = set(languages.select(langs)) if langs else None
    sides = [
        {(a.cell.task, a.cell.condition, a.cell.subset.name): a for a in answered_cells(store, [model], tasks)}
        for model in (first, second)
    ]
    out: list[PairedCell] = []
    for key, mine in sides[0].items():
        other = sides[1].get(key)
        if other is not None and (wanted is None or mine.cell.subset.about in wanted):
            out.extend(_paired(mine, other, slices))
    if not out:
        raise UsageError(
            f"{first} and {second} share no scored cell; run both on the same tasks and languages, then score them"
        )
    return out


def score_files(answered: Any) -> dict[tuple[str, str], Path]:
    """The score files made of a cell's present responses, by metric and signature."""
    from mevals.records import read_meta

    folder = answered.path.parent.parent / "scores"
    out = {}
    for path in sorted(folder.glob(f"*/{answered.path.name}")):
        meta = read_meta(path)
        if meta["responses"] == answered.meta["digest"]:
            out[meta["metric"], meta["signature"]] = path
    return out


def slice_tags(folder: Path) -> tuple[str, ...]:
    """The tags by which a task's card wants scores sliced, from the folder's manifest."""
    import orjson

    path = folder / "manifest.json"
    card = orjson.loads(path.read_bytes()).get("card", {}) if path.exists() else {}
    return tuple(card.get("slices") or ())


def sample_tags(path: Path) -> dict[str, dict[str, str]]:
    """The tags of every sample of a response file, by id."""
    import pyarrow.parquet as pq

    table = pq.read_table(path, columns=["id", "tags"])
    return {i: dict(t or ()) for i, t in zip(table["id"].to_pylist(), table["tags"].to_pylist(), strict=True)}


def _paired(mine: Any, other: Any, slices: bool) -> Iterator[PairedCell]:
    from mevals.records import read_scores

    ours, theirs = score_files(mine), score_files(other)
    tags = sample_tags(mine.path)
    chosen: list[dict[str, str]] = [{}]
    if slices:
        for tag in slice_tags(mine.path.parent.parent):
            chosen += [{tag: value} for value in sorted({t[tag] for t in tags.values() if t.get(tag)})]
    for key in sorted(k for k in ours.keys() & theirs.keys() if k[0] not in DESCRIPTIVE):
        first, second = read_scores(ours[key]), read_scores(theirs[key])
        for slice_ in chosen:
            pair = _pair(mine, first, second, tags, slice_)
            if pair is not None:
                yield pair


def _pair(
    answered: Any, first: Any, second: Any, tags: Mapping[str, Mapping[str, str]], slice_: Mapping[str, str]
) -> PairedCell | None:
    """The cell on the items that both have (of one slice); None where there are none."""
    places = {i: n for n, i in enumerate(second.ids)}
    inside = [n for n, i in enumerate(first.ids) if all(tags.get(i, {}).get(k) == v for k, v in slice_.items())]
    left = [n for n in inside if first.ids[n] in places]
    if not left:
        return None
    right = [places[first.ids[n]] for n in left]
    ids = tuple(first.ids[n] for n in left)
    a, b, corpus = first.values[left], second.values[right], None
    if first.stats is not None and second.stats is not None:
        a, b, corpus = _corpus(first, second, left, right)
    cell, meta = answered.cell, first.meta
    name = meta["metric"] + "".join(f"[{k}={v}]" for k, v in slice_.items())
    chosen = [tags.get(i, {}) for i in ids]
    return PairedCell(
        cell.task, cell.condition, cell.subset.name, cell.subset.about,
        cell.subset.extra.get("region") or region_named(cell.subset.about), name, base_signature(meta["signature"]),
        meta["better"], tuple(meta["scale"]) if meta["scale"] else None, ids, a, b, chosen, cluster_labels(ids, chosen),
        corpus, len(inside) - len(left), slice_,
    )  # fmt: skip


def _corpus(first: Any, second: Any, left: Sequence[int], right: Sequence[int]) -> tuple[Floats, Floats, Corpus | None]:
    """Both models' pseudo-values and statistics on the same items; an item that either lacks is left out of both."""
    from mevals.scorers.find import scorer_for
    from mevals.stats import pseudo_values

    aggregate = scorer_for(first.meta["metric"], first.meta["signature"]).corpus_from_stats
    a, b = first.values[left], second.values[right]
    scored = ~np.isnan(a) & ~np.isnan(b)
    if not scored.any():
        return a, b, None
    ours, theirs = (np.where(scored[:, None], s, np.nan) for s in (first.stats[left], second.stats[right]))
    pseudo = [np.asarray(pseudo_values(s, aggregate), dtype=np.float64) for s in (ours, theirs)]
    return pseudo[0], pseudo[1], Corpus(ours, theirs, aggregate)


def cluster_labels(ids: Sequence[str], tags: Sequence[Mapping[str, str]]) -> NDArray[Any] | None:
    """The document or passage that each sample shares with others; None where all stand alone."""
    labels = [next((v for k, v in t.items() if k in CLUSTERS), None) for t in tags]
    if all(label is None for label in labels):
        return None
    return np.array([f"\0{i}" if label is None else label for i, label in zip(ids, labels, strict=True)])
