"""From stored answers to the questions that a judge is asked, and the cells of work that ask them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import mevals
from mevals.generate import Work
from mevals.judge.folder import Judge
from mevals.judge.prompt import Question, make_question, material_of, missing
from mevals.judge.setup import Setup
from mevals.judge.verdict import Verdict, read_verdict
from mevals.records import read_responses
from mevals.score import Answered
from mevals.store import Store
from mevals.types import Response, Sample, Subset

SECOND_GAME = "#2"
"""Ends the id of a pair's second game, in which the answer stands first; in the first the baseline's does."""


@dataclass(frozen=True)
class Item:
    """One answer as a judge sees it: its questions (one, or two for a pair) by id, or the reason why none is asked.

    `empty` is set where the answer is an empty text, which needs no judge.
    """

    response: Response
    questions: Mapping[str, Question]
    why: str = ""
    empty: bool = False


@dataclass(frozen=True)
class Cell:
    """A cell of answers to be judged, with the file of the baseline's answers to the same samples for pairs."""

    answered: Answered
    baseline: Answered | None = None

    @property
    def subset(self) -> Subset:
        return self.answered.cell.subset


def read_items(judge: Judge, cell: Cell, *, again: bool = False) -> Iterator[Item]:
    """The items of a cell, in the order of its answers."""
    others = _texts(cell.baseline.path) if cell.baseline else {}
    for response in read_responses(cell.answered.path).rows:
        yield make_item(judge, response, cell.subset, others.get(response.id), again=again)


def _texts(path: Path) -> Mapping[str, str | None]:
    return {r.id: r.text for r in read_responses(path).rows}


def make_item(
    judge: Judge, response: Response, subset: Subset, other: str | None = None, *, again: bool = False
) -> Item:
    """One answer as `judge` sees it; `other` is the baseline's answer for a pair."""
    if response.text is None:
        return Item(response, {}, response.error or "no text")
    pair = judge.file.kind == "pair"
    if pair and other is None:
        return Item(response, {}, "the baseline has no answer to this sample")
    if not response.text.strip() and judge.file.empty is not None and not pair:
        return Item(response, {}, empty=True)
    materials = {response.id: material_of(response)}
    if pair and other is not None:
        own = materials[response.id]
        first = replace(own, answers=(other, response.text))
        materials = {response.id: first, response.id + SECOND_GAME: replace(own, answers=(response.text, other))}
    why = next((w for m in materials.values() if (w := missing(judge, m))), "")
    if why:
        return Item(response, {}, why)
    return Item(response, {i: make_question(judge, m, subset, again=again) for i, m in materials.items()})


def make_work(setup: Setup, cell: Cell) -> Work:
    """Stage-1 work that asks the judge about every answer of a cell."""

    def samples() -> Iterator[Sample]:
        for item in read_items(setup.judge, cell):
            yield from _samples(item)

    return _work(setup, cell, samples)


def make_retry(setup: Setup, cell: Cell, store: Store) -> Work | None:
    """Work that asks again, with a request for the right form, where the first reply can't be read; None where all can."""
    path = replace(store, answers=setup.view).path(cell.answered.cell, "responses")
    unread = {
        name
        for read in read_replies(setup.judge, cell, [path])
        for name, verdict in zip(read.item.questions, read.verdicts, strict=True)
        if not verdict.readable
    }
    if not unread:
        return None

    def samples() -> Iterator[Sample]:
        for item in read_items(setup.judge, cell, again=True):
            yield from (s for s in _samples(item) if s.id in unread)

    return _work(setup, cell, samples, sorted(unread))


def _samples(item: Item) -> Iterator[Sample]:
    """The questions as samples. Targets, which only a simulated judge is told, are the sample's references."""
    for name, question in item.questions.items():
        yield Sample(name, question.messages, targets=item.response.targets)


def _work(setup: Setup, cell: Cell, samples: object, unread: list[str] | None = None) -> Work:
    judged = {"answers": cell.answered.meta["digest"]}
    if cell.baseline:
        judged["baseline"] = cell.baseline.meta["digest"]
    if unread is not None:
        judged["again"] = " ".join(unread)
    return Work(
        cell=cell.answered.cell,
        samples=samples,  # type: ignore[arg-type]
        settings=setup.settings,
        identity={**setup.record(), "judged": judged},
        kind="judge",
        meta={
            "simulated": setup.simulated,
            "mevals": mevals.__version__,
            "title": setup.judge.file.title,
            "judging": setup.record(),
            "judged": cell.answered.meta["digest"],
            "repeat": setup.repeat,
        },
    )


@dataclass(frozen=True)
class Read:
    """An item with the verdict on each of its questions, and the replies that they were read from."""

    item: Item
    verdicts: tuple[Verdict, ...]
    replies: tuple[Response | None, ...]


def read_replies(judge: Judge, cell: Cell, paths: Sequence[Path]) -> Iterator[Read]:
    """Every item of a cell with its verdicts, from files of replies in the order of asking.

    A later reply counts where the earlier one can't be read.
    """
    replies: dict[str, list[Response]] = {}
    for path in paths:
        for row in read_responses(path).rows if path.exists() else []:
            replies.setdefault(row.id, []).append(row)
    for item in read_items(judge, cell):
        pairs = [_verdict(judge, question, replies.get(name, [])) for name, question in item.questions.items()]
        yield Read(item, tuple(v for v, _ in pairs), tuple(r for _, r in pairs))


def _verdict(judge: Judge, question: Question, replies: list[Response]) -> tuple[Verdict, Response | None]:
    verdict, reply = Verdict(why="not asked yet"), None
    for number, reply in enumerate(replies):
        truncated = reply.finish == "length"
        verdict = read_verdict(judge, reply.text, question.judged, question.fence, truncated=truncated)
        if verdict.readable:
            return (replace(verdict, how=f"{verdict.how}, asked again") if number else verdict), reply
    return verdict, reply
