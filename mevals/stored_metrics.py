"""Metrics of the results folder beside human ratings: `mevals metrics agree`, for one test set and pair after another."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from mevals.errors import DataError, UsageError, did_you_mean
from mevals.metrics_agreement import Agreement, MetricScores, SegmentAgreement, agreement
from mevals.records import Scores, read_meta, read_scores
from mevals.score import answered_cells
from mevals.store import Store
from mevals.wmt_ratings import HumanScores, Published, human_scores, read_autorank, read_esa


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a metric on a pair, with its agreement and the signature that it was computed under."""

    agreement: Agreement
    signature: str

    def flat(self) -> dict[str, str | int | float | None]:
        """The row as columns; those over segments start with `segment_` and are None for metrics known per system."""
        found = self.agreement
        names = [column.name for column in fields(SegmentAgreement)]
        over_segments = asdict(found.segment) if found.segment else dict.fromkeys(names)
        return {
            "pair": found.pair,
            "metric": found.metric,
            **asdict(found.system),
            **{f"segment_{name}": value for name, value in over_segments.items()},
            "signature": self.signature,
        }


def agree(
    store: Store,
    task: str,
    ratings: Path,
    *,
    published: Path | None = None,
    metrics: Sequence[str] = (),
    pairs: Sequence[str] = (),
) -> list[Row]:
    """Agreement of stored metrics (all, or `metrics`) and of a published ranking's with people, pair by pair.

    `ratings` are WMT ESA files, `published` a table as `read_autorank` reads. UsageError for an unknown pair or metric.
    """
    rated = read_esa(ratings)
    found = sorted({rating.pair for rating in rated})
    for pair in pairs:
        if pair not in found:
            raise UsageError(f"there are no human ratings of {pair!r}{did_you_mean(pair, found)}")
    ranking = read_autorank(published) if published else []
    rows = []
    for pair in pairs or found:
        human = human_scores(rated, pair)
        rows += [Row(agreement(m, human), signature) for m, signature in stored_metrics(store, task, human, metrics)]
        if not metrics:
            rows += [Row(agreement(metric, human), "published") for metric in published_metrics(ranking, pair)]
    return rows


def published_metrics(ranking: Iterable[Published], pair: str) -> list[MetricScores]:
    """The two metrics of a published ranking, known per system and over the whole test set only."""
    rows = [row for row in ranking if row.pair == pair]
    if not rows:
        return []
    return [
        MetricScores("metricx", "lower", {row.system: row.metricx for row in rows}),
        MetricScores("cometkiwi", "higher", {row.system: row.cometkiwi for row in rows}),
    ]


def stored_metrics(
    store: Store, task: str, human: HumanScores, metrics: Sequence[str] = ()
) -> Iterator[tuple[MetricScores, str]]:
    """Every metric that is stored for the pair, with its signature; system scores are over the rated segments only.

    UsageError where nothing is stored, or a metric of `metrics` is not.
    """
    by_signature: dict[str, dict[str, Scores]] = {}
    for answered in answered_cells(store, (), [task], [human.pair]):
        for path in sorted((store.task_folder(answered.cell) / "scores").glob(f"*/{answered.path.name}")):
            if answered.cell.model in human.systems and read_meta(path)["responses"] == answered.meta["digest"]:
                scores = read_scores(path)
                by_signature.setdefault(scores.meta["signature"], {})[answered.cell.model] = scores
    names = {next(iter(systems.values())).meta["metric"] for systems in by_signature.values()}
    missing = next((name for name in metrics if name not in names), None)
    if missing is not None or not names:
        raise UsageError(
            f"{store.folder} holds no scores of {missing or task} for {human.pair}; "
            f"import the systems (`mevals import wmt`) and run `mevals score` first"
        )
    for signature, systems in sorted(by_signature.items()):
        name = next(iter(systems.values())).meta["metric"]
        if (not metrics or name in metrics) and len(systems) > 1:
            yield metric_scores(name, systems, human.segments), signature


def metric_scores(metric: str, systems: Mapping[str, Scores], segments: Sequence[str]) -> MetricScores:
    """Stored scores of several systems, cut to the given segment ids."""
    tables = {system: _cut(scores, segments) for system, scores in systems.items()}
    better = next(iter(systems.values())).meta["better"]
    whole = {system: _system_score(scores) for system, scores in tables.items()}
    by_segment = {
        system: dict(zip(scores.ids, scores.values.tolist(), strict=True)) for system, scores in tables.items()
    }
    return MetricScores(metric, better, whole, by_segment, _p_values(metric, tables))


def _cut(scores: Scores, segments: Sequence[str]) -> Scores:
    at = {id_: i for i, id_ in enumerate(scores.ids)}
    absent = next((segment for segment in segments if segment not in at), None)
    if absent is not None:
        raise DataError(f"the rated segment {absent} is not among the scored ones: other test set, or other line count")
    rows = [at[segment] for segment in segments]
    stats = None if scores.stats is None else scores.stats[rows]
    return Scores(scores.meta, list(segments), scores.values[rows], [], stats, {})


def _system_score(scores: Scores) -> float:
    """The corpus score where there are statistics, else the mean; NaN where no segment is scored."""
    from mevals.scorers.find import scorer_for

    if scores.stats is None:
        return float(np.nanmean(scores.values)) if (~np.isnan(scores.values)).any() else float("nan")
    value = scorer_for(scores.meta["metric"], scores.meta["signature"]).aggregate(scores.values, scores.stats)
    return float("nan") if value is None else value


def _p_values(metric: str, tables: Mapping[str, Scores]) -> dict[frozenset[str], float]:
    """The metric's own paired-bootstrap p of every pair of systems; empty where a system lacks statistics or scores."""
    from mevals.scorers.find import scorer_for
    from mevals.scorers.mt_bootstrap import paired_p_values

    first = next(iter(tables.values()))
    stats = [
        scores.stats for scores in tables.values() if scores.stats is not None and not np.isnan(scores.values).any()
    ]
    if len(stats) < len(tables):
        return {}
    table = paired_p_values(scorer_for(metric, first.meta["signature"]).corpus_from_stats, np.stack(stats))
    return {frozenset((a, b)): float(table[i, j]) for (i, a), (j, b) in itertools.combinations(enumerate(tables), 2)}
