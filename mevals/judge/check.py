"""`mevals judge check`: runs a judge over the calibration items and says how often it is right, by language."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mevals.engines.engine import Engine
from mevals.generate import Work, generate
from mevals.judge.calibration import CalibrationItem, calibration_items, is_hit, languages_covered, value_of
from mevals.judge.folder import Judge, find_judge, load_examples
from mevals.judge.once import Memory, OnceEngine
from mevals.judge.opening import open_judge
from mevals.judge.prompt import make_question
from mevals.judge.scoring import is_known
from mevals.judge.setup import Setup, make_setup, view_name
from mevals.judge.stage import JudgeOptions, has_schema
from mevals.judge.verdict import Verdict, read_verdict
from mevals.records import read_meta, read_responses
from mevals.stats import Interval, proportion_interval
from mevals.store import Store
from mevals.types import Cell, Sample, Subset

PLACE = ".judges"
"""Folder of a results folder that holds replies to calibration items; no model's answers lie there."""
TASK = "calibration"


@dataclass(frozen=True)
class HitRate:
    """How often a judge was right in one language: `hits` of `n`, with an interval, and the share by category of item."""

    lang: str
    hits: int
    n: int
    interval: Interval
    unreadable: int
    categories: Mapping[str, tuple[int, int]]

    @property
    def value(self) -> float:
        """The share of right verdicts."""
        return self.hits / self.n


def run_check(judge: Judge, options: JudgeOptions) -> list[HitRate]:
    """Ask the judge every calibration item that is not answered yet, and count its hits by language.

    Raises UsageError for a language without items, CellFailed where some stayed unanswered, and what the engine raises.
    """
    from mevals import languages
    from mevals.run import asyncio_run

    langs = tuple(languages.select(options.langs)) if options.langs else languages_covered()
    found: list[HitRate] = []
    store = Store(options.results / PLACE)
    with store.locked(options.command or "judge check"):
        asyncio_run(_check(store, judge, langs, options, found))
    return found


async def _check(store: Store, judge: Judge, langs: Sequence[str], options: JudgeOptions, found: list[HitRate]) -> None:
    model = options.judge_model or judge.file.model
    engine: Engine = open_judge(model, options.serving)
    try:
        await engine.open()
        schema = await has_schema(engine, judge, options.schema)
        setup = make_setup(judge, model, engine, schema=schema)
        once = OnceEngine(engine, Memory(store.folder, setup.view))
        from mevals.generate import Tally

        await generate(
            [_work(setup, lang) for lang in langs],
            replace(store, answers=setup.view),
            once,
            concurrency=options.concurrency,
            patience=options.patience,
            tally=Tally(),
        )
        found += [hit_rate(store, setup.judge, setup.record(), lang) for lang in langs]
    finally:
        await engine.close()


def _work(setup: Setup, lang: str) -> Work:
    def samples() -> Iterator[Sample]:
        for item in calibration_items(setup.judge, [lang]):
            messages = make_question(setup.judge, item.material, item.subset).messages
            yield Sample(item.id, messages, targets=item.planted)

    return Work(
        cell=Cell(setup.model, TASK, Subset(lang, lang)),
        samples=samples,
        settings=setup.settings,
        identity={**setup.record(), "calibration": [i.id for i in calibration_items(setup.judge, [lang])]},
        kind="judge",
        meta={"simulated": setup.simulated, "judging": setup.record(), "judged": "", "repeat": 1},
    )


def hit_rate(store: Store, judge: Judge, record: Mapping[str, object], lang: str) -> HitRate:
    """The judge's hits in one language, read from the stored replies."""
    cell = Cell(str(record["model"]), TASK, Subset(lang, lang))
    path = replace(store, answers=view_name(record)).path(cell, "responses")
    replies = {r.id: r for r in read_responses(path).rows}
    items = list(calibration_items(judge, [lang]))
    verdicts = {i.id: _verdict(judge, i, replies[i.id].text, replies[i.id].finish) for i in items if i.id in replies}
    scored = judge.file.kind == "scores"
    values = {name: value_of(judge, v) for name, v in verdicts.items() if scored and v.readable}
    tally: dict[str, Counter[bool]] = defaultdict(Counter)
    for item in items:
        if item.id in verdicts:
            tally[item.category][is_hit(judge, item, verdicts[item.id], values)] += 1
    categories = {name: (counts[True], counts.total()) for name, counts in tally.items()}
    hits, n = sum(h for h, _ in categories.values()), len(verdicts)
    unreadable = sum(not v.readable for v in verdicts.values())
    return HitRate(lang, hits, n, proportion_interval(hits, n), unreadable, categories)


def _verdict(judge: Judge, item: CalibrationItem, text: str | None, finish: str) -> Verdict:
    question = make_question(judge, item.material, item.subset)
    return read_verdict(judge, text, question.judged, question.fence, truncated=finish == "length")


def stored_hit_rates(results: Path) -> Iterator[tuple[Mapping[str, object], HitRate]]:
    """Every calibration that a results folder holds: how the judge was asked, and its hits in one language."""
    store = Store(results / PLACE)
    for path in sorted(store.folder.glob(f"*/{TASK}/judgements/*/*.parquet")):
        meta = read_meta(path)
        record = meta["judging"]
        if is_known(str(record["judge"])) and path.parent.name == view_name(record).rpartition("/")[2]:
            yield record, hit_rate(store, find_judge(record["judge"]), record, meta["lang"])


def check_examples(judge: Judge) -> list[str]:
    """Which of the judge's own examples are read otherwise than it says; asks no model."""
    wrong = []
    for example in load_examples(judge):
        verdict = read_verdict(judge, example.reply, example.judged, truncated=example.truncated)
        expected = {name: float(score) for name, score in example.scores.items()}
        if (verdict.label or None, dict(verdict.scores)) != (example.label, expected):
            read = verdict.label or dict(verdict.scores) or f"unscored ({verdict.why})"
            wrong.append(f"{judge.name}: {example.name}: read as {read}")
    return wrong
