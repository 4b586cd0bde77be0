"""Gathers from a results folder everything that says how far a judge can be trusted: its verdicts, answer by answer."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mevals.judge.folder import Judge, find_judge
from mevals.judge.questions import Cell, Read, read_replies
from mevals.judge.scoring import score_item, stored_cells
from mevals.judge.setup import signature
from mevals.judge.verdict import Verdict
from mevals.records import read_meta
from mevals.store import Store


@dataclass(frozen=True, slots=True)
class Row:
    """One judged answer. `doublings` is log2 of its length, or of the ratio to the baseline's; `value` None if unscored.

    `first` and `second` are a pair's shares when the answer stood first and second. `verdicts` are labels, or scores in the
    order of the criteria.
    """

    task: str
    subset: str
    lang: str
    item: str
    model: str
    value: float | None
    asked: bool
    first: float | None
    second: float | None
    doublings: float
    verdicts: tuple[Any, ...]

    @property
    def prompt(self) -> str:
        """What shares fate: one prompt, whoever answered it."""
        return f"{self.task}/{self.subset}/{self.item}"

    @property
    def answer(self) -> tuple[str, str, str, str]:
        """Which answer this is, as ratings by people name it."""
        return self.task, self.subset, self.item, self.model


@dataclass(frozen=True)
class Judging:
    """All that one judge, asked in one way, has said; `again` holds the answers' verdicts of a retest by (answer, round)."""

    judge: Judge
    record: Mapping[str, Any]
    rows: Sequence[Row]
    again: Mapping[tuple[str, str, str, str], tuple[Any, ...]]

    @property
    def signature(self) -> str:
        """The signature of its scores."""
        return signature(self.record)

    @property
    def langs(self) -> list[str]:
        """Languages in which it has judged."""
        return sorted({r.lang for r in self.rows})


def gather(store: Store) -> list[Judging]:
    """Every judge of a results folder with all its verdicts, read again from the stored replies."""
    rows: dict[str, list[Row]] = defaultdict(list)
    again: dict[str, dict[tuple[str, str, str, str], tuple[Any, ...]]] = defaultdict(dict)
    records: dict[str, Mapping[str, Any]] = {}
    for record, cell, path in stored_cells(store):
        name = signature(record)
        records[name] = record
        judge = find_judge(record["judge"])
        rows[name] += _rows(judge, cell, path)
        for repeat in sorted(path.parent.glob(f"repeat-*/{path.name}")):
            if read_meta(repeat)["judged"] == cell.answered.meta["digest"]:
                again[name] |= {row.answer: row.verdicts for row in _rows(judge, cell, repeat)}
    return [Judging(find_judge(r["judge"]), r, rows[n], again[n]) for n, r in records.items()]


def _rows(judge: Judge, cell: Cell, path: Path) -> Iterator[Row]:
    for read in read_replies(judge, cell, [path, path.parent / "retries" / path.name]):
        yield _row(judge, cell, read)


def _row(judge: Judge, cell: Cell, read: Read) -> Row:
    place, response = cell.answered.cell, read.item.response
    score = score_item(judge, read.item, read.verdicts)
    scored = score.value is not None
    return Row(
        task=place.task,
        subset=place.subset.name,
        lang=place.subset.lang,
        item=response.id,
        model=place.model,
        value=score.value,
        asked=bool(read.verdicts),
        first=score.parts.get("shown_first"),
        second=score.parts.get("shown_second"),
        doublings=_doublings(read),
        verdicts=tuple(_plain(judge, v) for v in read.verdicts) if scored else (),
    )


def _doublings(read: Read) -> float:
    """log2 of the answer's length, or for a pair of the ratio of its length to the baseline's."""
    length = math.log2(len(read.item.response.text or "") + 1)
    questions = list(read.item.questions.values())
    if len(questions) == 2:
        other = questions[0].judged[3]  # request, source, references, then the baseline's answer, which stood first
        return length - math.log2(len(other) + 1)
    return length


def _plain(judge: Judge, verdict: Verdict) -> Any:
    return verdict.label or tuple(verdict.scores[c] for c in judge.rule.criteria)


def only(rows: Sequence[Row], lang: str) -> list[Row]:
    """The rows in one language."""
    return [r for r in rows if r.lang == lang]


def without_prompt_means(rows: Sequence[Row]) -> tuple[list[float], list[float], list[str]]:
    """Values, lengths in doublings, and prompts, each less its prompt's mean where several models answered it.

    So that a hard prompt, which makes answers both longer and worse, does not look like a liking for short ones. Prompts
    that one model alone answered are kept as they are if there are no others.
    """
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.value is not None:
            groups[row.prompt].append(row)
    shared = {p: own for p, own in groups.items() if len(own) > 1}
    values, doublings, prompts = [], [], []
    for prompt, own in (shared or groups).items():
        centre = (
            (sum(r.value or 0.0 for r in own) / len(own), sum(r.doublings for r in own) / len(own))
            if shared
            else (0.0, 0.0)
        )
        for row in own:
            values.append((row.value or 0.0) - centre[0])
            doublings.append(row.doublings - centre[1])
            prompts.append(prompt)
    return values, doublings, prompts
