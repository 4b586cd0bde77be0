"""From a judge's stored replies to scores in [0, 1]. Asks nobody: replies can be read again at no cost."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from mevals.errors import CellFailed
from mevals.judge.folder import Judge, all_judges, find_judge
from mevals.judge.questions import Cell, Item, read_replies
from mevals.judge.setup import signature, view_name
from mevals.judge.verdict import Verdict
from mevals.records import read_meta, write_scores
from mevals.score import answered_cells, scores_meta
from mevals.scorers.values import mean_of_scored
from mevals.store import Store
from mevals.types import Score, Subset


@dataclass(frozen=True)
class JudgedMetric:
    """The scorer under whose name a judge's scores are filed."""

    judge: Judge
    record: Mapping[str, Any]
    scale: tuple[float, float] = (0.0, 1.0)
    better: Any = "higher"
    needs: str = "judge"

    @property
    def metric(self) -> str:
        """The metric that judge.yaml names."""
        return self.judge.file.metric

    def signature(self, subset: Subset) -> str:
        return signature(self.record)

    def score(self, responses: Any, subset: Subset) -> list[Score]:
        raise NotImplementedError("a judge's scores are made from its replies by score_judged")

    def aggregate(self, values: Any, stats: Any) -> float | None:
        return mean_of_scored(values)


@dataclass(frozen=True)
class JudgedCell:
    """What came of one judged cell.

    `counts` are answers: asked, unreadable (a verdict), empty, no_answer, cut, replaced, defused; and retried questions.
    `replies` are the digests of the files of replies.
    """

    cell: Cell
    judge: Judge
    record: Mapping[str, Any]
    scores: Sequence[Score]
    counts: Mapping[str, int]
    replies: tuple[str, ...] = ()

    @property
    def unreadable(self) -> float:
        """Share of judged answers without a readable verdict."""
        return self.counts["unreadable"] / self.counts["asked"] if self.counts["asked"] else 0.0

    @property
    def value(self) -> float | None:
        """Mean of the scored values."""
        scored = [s.value for s in self.scores if s.value is not None]
        return sum(scored) / len(scored) if scored else None

    def failure(self, limit: float | None = None) -> str:
        """Why the cell fails, in a sentence; "" where it doesn't."""
        limit = self.judge.file.max_unscored if limit is None else limit
        if self.unreadable <= limit:
            return ""
        cell = self.cell.answered.cell
        return (
            f"{cell.model} {cell.task} {cell.subset.name}: {self.counts['unreadable']} of {self.counts['asked']} verdicts of "
            f"{self.judge.name} can't be read ({self.unreadable:.1%}, limit {limit:.0%})"
        )


def score_judged(judge: Judge, cell: Cell, record: Mapping[str, Any], paths: Sequence[Path]) -> JudgedCell:
    """The scores of one cell from the files of replies, in the order in which they were asked."""
    scores, counts = [], Counter[str]()
    for read in read_replies(judge, cell, paths):
        item = read.item
        scores.append(score_item(judge, item, read.verdicts))
        counts["asked"] += bool(read.verdicts)
        counts["unreadable"] += any(not v.readable for v in read.verdicts)
        counts["empty"] += item.empty
        counts["no_answer"] += bool(item.why)
        counts["retried"] += sum("asked again" in v.how for v in read.verdicts)
        for question in list(item.questions.values())[:1]:
            for name, n in question.changed.items():
                counts[name] += n > 0
    digests = tuple(read_meta(p)["digest"] for p in paths if p.exists())
    return JudgedCell(cell, judge, record, scores, {**dict.fromkeys(_COUNTED, 0), **counts}, digests)


_COUNTED = ("asked", "unreadable", "empty", "no_answer", "retried", "cut", "replaced", "defused")


def score_item(judge: Judge, item: Item, verdicts: Sequence[Verdict]) -> Score:
    """The score of one answer: unscored with a reason where it has no text, or a verdict can't be read."""
    name = item.response.id
    if item.why:
        return Score(name, None, item.why)
    if item.empty and judge.file.empty:
        empty = judge.file.empty
        verdicts = [Verdict(scores=empty.scores, label=empty.label or "", how="empty answer")]
    unread = next((v for v in verdicts if not v.readable), None)
    if unread is not None:
        return Score(name, None, f"no verdict: {unread.why}")
    if judge.file.kind == "pair":
        return _pair(name, verdicts)
    if judge.file.kind == "label":
        return _label(judge, item, verdicts[0])
    return _scores(judge, name, verdicts[0])


def _scores(judge: Judge, name: str, verdict: Verdict) -> Score:
    low, high = judge.rule.scale
    parts: dict[str, float | None] = {c: (verdict.scores[c] - low) / (high - low) for c in judge.rule.criteria}
    values = [v for v in parts.values() if v is not None]
    said = " ".join(f"{verdict.scores[c]:g}" for c in judge.rule.criteria)
    own = {} if len(parts) == 1 else parts
    errors: dict[str, float | None] = {f"{kind}_errors": float(n) for kind, n in verdict.errors.items()}
    return Score(name, sum(values) / len(values), f"{said} ({verdict.how})", parts={**own, **errors})


def _label(judge: Judge, item: Item, verdict: Verdict) -> Score:
    rule, tags = judge.rule, item.response.tags
    worth = rule.labels[verdict.label]
    detail = f"{verdict.label} ({verdict.how})"
    if isinstance(worth, dict):
        tag = tags.get(rule.by_tag, "")
        if tag not in worth:
            return Score(
                item.response.id, None, f"the sample's tag {rule.by_tag!r} is {tag!r}, not {' or '.join(worth)}"
            )
        worth = worth[tag]
    parts: dict[str, float | None] = {label: float(label == verdict.label) for label in rule.labels}
    for name, part in rule.parts.items():
        applies = all(tags.get(k) == v for k, v in part.when.items())
        parts[name] = float(verdict.label in part.labels) if applies else None
    return Score(item.response.id, worth, detail, parts=parts)


def _pair(name: str, verdicts: Sequence[Verdict]) -> Score:
    """Both games: the baseline stood first in the first one, the answer in the second."""
    from mevals.ratings.games import share_of_first

    first, second = verdicts
    when_second, when_first = 1.0 - share_of_first(first.label), share_of_first(second.label)
    flip = float({when_first, when_second} == {0.0, 1.0})
    parts = {"shown_first": when_first, "shown_second": when_second, "order_flip": flip}
    asked_again = "; asked again" if any("again" in v.how for v in verdicts) else ""
    return Score(name, (when_first + when_second) / 2, f"{first.label} {second.label}{asked_again}", parts=parts)


def store_judged(store: Store, judged: JudgedCell, limit: float | None = None) -> Path:
    """Write the scores under the judge's signature. A cell that fails is written with every value unscored, so that the
    failure shows in each report and enters no mean."""
    failure = judged.failure(limit)
    scores = judged.scores
    if failure:
        why = f"cell failed: {judged.unreadable:.1%} of its verdicts can't be read"
        scores = [replace(s, value=None, parts={}, detail=f"{why}; {s.detail}") for s in scores]
    metric = JudgedMetric(judged.judge, judged.record)
    answered = judged.cell.answered
    path = store.path(answered.cell, "scores", signature(judged.record))
    meta = scores_meta(answered, metric, signature(judged.record))
    extra = {"judging": dict(judged.record), "counts": dict(judged.counts), "failure": failure}
    new = {**meta, **extra, "replies": list(judged.replies)}
    if not path.exists() or {k: v for k, v in read_meta(path).items() if k != "schema"} != new:
        write_scores(path, scores, new)
    return path


def stored_cells(
    store: Store, models: Sequence[str] = (), tasks: Sequence[str] = ()
) -> Iterator[tuple[Mapping[str, Any], Cell, Path]]:
    """Every judged cell of a results folder: how the judge was asked, the cell, and the file of replies.

    A cell whose answers, or whose baseline's answers, changed since is left out: it must be judged again.
    """
    every = answered_cells(store)
    places = {(a.cell.model, a.cell.task, a.cell.condition, a.cell.subset.name): a for a in every}
    for answered in every:
        if (models and answered.cell.model not in models) or (tasks and answered.cell.task not in tasks):
            continue
        folder = store.task_folder(answered.cell)
        for path in sorted((folder / "judgements").glob(f"*/{answered.path.name}")):
            meta = read_meta(path)
            record = meta["judging"]
            if not is_known(record["judge"]):
                continue
            if path.parent.name != view_name(record).rpartition("/")[2] or meta["judged"] != answered.meta["digest"]:
                continue
            c = answered.cell
            baseline = places.get((record["baseline"], c.task, c.condition, c.subset.name))
            if record["baseline"] and (baseline is None or _other_digest(meta) != baseline.meta["digest"]):
                continue
            yield record, Cell(answered, baseline), path


def is_known(judge: str) -> bool:
    """Whether a judge that stored replies name is found; says on stderr, once for each, where it is not."""
    if judge in all_judges():
        return True
    _say_unknown(judge)
    return False


@lru_cache(maxsize=64)
def _say_unknown(judge: str) -> None:
    print(
        f"mevals: left out verdicts of the judge {judge!r}: put its folder on MEVALS_PATH to read them", file=sys.stderr
    )


def _other_digest(meta: Mapping[str, Any]) -> str:
    return str(meta["identity"]["judged"].get("baseline", ""))


def reparse(store: Store, models: Sequence[str] = (), tasks: Sequence[str] = ()) -> list[JudgedCell]:
    """Score every stored judgement afresh and store it; asks nobody."""
    done = []
    for record, cell, path in stored_cells(store, models, tasks):
        paths = [path, path.parent / "retries" / path.name]
        judged = score_judged(find_judge(record["judge"]), cell, record, paths)
        store_judged(store, judged)
        done.append(judged)
    return done


def raise_failures(done: Sequence[JudgedCell], limit: float | None = None) -> None:
    """Raise CellFailed with a line for each cell that failed."""
    failures = [f for judged in done if (f := judged.failure(limit))]
    if failures:
        raise CellFailed(
            f"{len(failures)} of {len(done)} judged cells failed; their scores are kept out of every mean:\n  "
            + "\n  ".join(failures[:20])
            + "\nlook at the replies in the judgements folder, and use a judge model that keeps to the form"
        )
