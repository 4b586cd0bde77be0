"""The judging stage: ask a judge about stored answers, read its verdicts, score, and renew cells.json.

It stands beside the other stages and is joined to them by files alone: it can run later, elsewhere, and with another
engine than the answers were made with. Killed at any moment it goes on where it was.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

import mevals
from mevals.aggregate import aggregate
from mevals.engines.engine import Engine, Settings
from mevals.engines.opening import Serving
from mevals.errors import Rejected, UsageError, did_you_mean
from mevals.generate import Patience, Tally, Work, generate
from mevals.judge.families import shared_family
from mevals.judge.folder import Judge, all_judges, find_judge
from mevals.judge.once import Memory, OnceEngine
from mevals.judge.opening import open_judge
from mevals.judge.prompt import Material, make_question, response_format
from mevals.judge.questions import Cell, make_retry, make_work
from mevals.judge.scoring import JudgedCell, raise_failures, reparse, score_judged, store_judged
from mevals.judge.setup import Setup, make_setup
from mevals.progress import Progress
from mevals.run import asyncio_run
from mevals.score import Answered, answered_cells
from mevals.store import Store, write_atomically
from mevals.types import Sample, Subset


@dataclass(frozen=True)
class JudgeOptions:
    """What a `mevals judge run` asks for.

    `judges` empty: those that the answered tasks name. `judge_model` empty: the one of judge.yaml. `repeat` 2 asks the same
    questions a second time, for test-retest. `schema`: auto, on or off. `max_unscored` overrides the judge's own limit.
    """

    results: Path = Path("results")
    judges: tuple[str, ...] = ()
    judge_model: str = ""
    baseline: str = ""
    models: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    langs: tuple[str, ...] = ()
    repeat: int = 1
    schema: str = "auto"
    max_unscored: float | None = None
    concurrency: int = 64
    serving: Serving = field(default_factory=Serving)
    patience: Patience = field(default_factory=Patience)
    command: str = ""


def run_judges(options: JudgeOptions) -> list[JudgedCell]:
    """Ask, read, score and aggregate; returns what came of each cell.

    Raises CellFailed where questions stayed unanswered or too many verdicts unreadable (what could be scored is stored),
    UsageError where nothing is there to judge, and what the engine raises.
    """
    if not options.results.is_dir():
        raise UsageError(
            f"there is no results folder {options.results}; run `mevals run` first or name it with --results"
        )
    store = Store(options.results)
    with store.locked(options.command or "judge run"):
        todo = plan_judging(store, options)
        done: list[JudgedCell] = []
        for judge, cells in todo.items():
            model = options.judge_model or find_judge(judge).file.model
            warn_of_family(model, cells)
            asyncio_run(_judge_all(store, find_judge(judge), model, cells, options, done))
        if options.repeat == 1:
            for judged in done:
                store_judged(store, judged, options.max_unscored)
            aggregate(store, tuple({j.cell.answered.cell.model for j in done}))
    raise_failures(done, options.max_unscored)
    return done


def plan_judging(store: Store, options: JudgeOptions) -> Mapping[str, list[Cell]]:
    """Judge → the cells that it will judge. Raises UsageError where there are none, or where a baseline is missing."""
    from mevals import languages

    langs = set(languages.select(options.langs)) if options.langs else None
    every = answered_cells(store)
    for what, wanted, known in (
        ("model", options.models, {a.cell.model for a in every}),
        ("task", options.tasks, {a.cell.task for a in every}),
    ):
        for name in wanted:
            if name not in known:
                raise UsageError(f"{store.folder} holds no answers of the {what} {name!r}{did_you_mean(name, known)}")
    chosen = [
        a
        for a in every
        if (not options.models or a.cell.model in options.models)
        and (not options.tasks or a.cell.task in options.tasks)
        and (langs is None or a.cell.subset.about in langs or a.cell.subset.lang in langs)
    ]
    plan: dict[str, list[Cell]] = {}
    for answered in chosen:
        for name in options.judges or judges_of(answered.cell.task):
            plan.setdefault(name, []).append(Cell(answered))
    plan = {name: _with_baseline(find_judge(name), cells, every, options) for name, cells in plan.items()}
    if not any(plan.values()):
        named = ", ".join(options.judges) or "the judges that the tasks name"
        raise UsageError(f"{store.folder} holds no answers for {named}: name a --judge, or other --tasks and --langs")
    return plan


def judges_of(task: str) -> tuple[str, ...]:
    """The judges of a task: those that it names among its scorers, and those whose judge.yaml names it."""
    from mevals.registry import all_tasks
    from mevals.scorers.judge import Judged

    found = all_tasks().get(task)
    named = [s.judge for s in found.spec.scorers if isinstance(s, Judged)] if found else []
    return tuple(dict.fromkeys([*named, *(name for name, j in all_judges().items() if task in j.file.tasks)]))


def _with_baseline(judge: Judge, cells: Sequence[Cell], every: Sequence[Answered], options: JudgeOptions) -> list[Cell]:
    """A pair's cells, each with the baseline's answers to the same samples; the baseline's own cells are left out."""
    if judge.file.kind != "pair":
        return list(cells)
    known = {a.cell.model for a in every}
    if options.baseline not in known:
        which = f"no answers of {options.baseline!r}" if options.baseline else "no baseline named"
        raise UsageError(
            f"{judge.name} compares with a baseline, and there are {which}: name a model of the results folder with"
            f" --baseline{did_you_mean(options.baseline, known)}"
        )
    baselines = {_place(a): a for a in every if a.cell.model == options.baseline}
    return [
        Cell(c.answered, baselines[_place(c.answered)])
        for c in cells
        if c.answered.cell.model != options.baseline and _place(c.answered) in baselines
    ]


def _place(answered: Answered) -> tuple[str, str, str]:
    return answered.cell.task, answered.cell.condition, answered.cell.subset.name


def warn_of_family(model: str, cells: Sequence[Cell]) -> list[str]:
    """Say on stderr which candidates come from the judge's own maker; returns their names."""
    names = dict.fromkeys(c.answered.cell.model for c in cells)
    related = [n for n in names if shared_family(model, n) not in (None, "simulated")]
    if related:
        maker = shared_family(model, related[0])
        print(
            f"mevals: warning: the judge {model} and {', '.join(related)} share a family ({maker}): it may prefer its own"
            " kind; compare with a judge of another maker (docs/judges.md)",
            file=sys.stderr,
        )
    return related


async def _judge_all(
    store: Store, judge: Judge, model: str, cells: list[Cell], options: JudgeOptions, done: list[JudgedCell]
) -> None:
    engine = open_judge(model, options.serving)
    try:
        await engine.open()
        schema = await has_schema(engine, judge, options.schema)
        baseline = options.baseline if judge.file.kind == "pair" else ""
        setup = make_setup(judge, model, engine, schema=schema, baseline=baseline, repeat=options.repeat)
        tally = await _ask(store, engine, setup, [make_work(setup, c) for c in cells], setup.view, options)
        retries: list[Work] = []
        if judge.file.retries and options.repeat == 1:
            retries = [w for c in cells if (w := make_retry(setup, c, store)) is not None]
        if retries:
            await _ask(store, engine, setup, retries, f"{setup.view}/retries", options)
        write_manifests(store, setup, cells, engine, tally, options.command)
        done += [_read(store, setup, cell) for cell in cells]
    finally:
        await engine.close()


async def _ask(
    store: Store, engine: Engine, setup: Setup, works: Sequence[Work], view: str, options: JudgeOptions
) -> Tally:
    """Ask what is not stored yet. Answers lie below `view` in each task's folder."""
    once, tally = OnceEngine(engine, Memory(store.folder, view)), Tally()
    with Progress(tally, options.concurrency) as progress:
        await generate(
            works,
            replace(store, answers=view),
            once,
            concurrency=options.concurrency,
            patience=options.patience,
            tally=tally,
            show=progress.show,
        )
    if tally.answered:
        asked = tally.answered - once.recalled
        print(
            f"{setup.judge.name} by {setup.model}: {asked:,} questions asked, {once.recalled:,} known from before,"
            f" {tally.kept:,} kept, {tally.prompt_tokens:,} + {tally.output_tokens:,} tokens",
            file=sys.stderr,
        )
    return tally


def _read(store: Store, setup: Setup, cell: Cell) -> JudgedCell:
    place = cell.answered.cell
    paths = [replace(store, answers=f"{setup.view}{end}").path(place, "responses") for end in ("", "/retries")]
    return score_judged(setup.judge, cell, setup.record(), paths)


async def has_schema(engine: Engine, judge: Judge, wanted: str) -> bool:
    """Whether replies are held to the judge's JSON schema: as asked for, or found out by one small request."""
    form = response_format(judge)
    if form is None or wanted == "off":
        return False
    if wanted == "on":
        return True
    if wanted != "auto":
        raise UsageError(f"unknown --schema {wanted!r}{did_you_mean(wanted, ['auto', 'on', 'off'])}")
    material = Material("Say hello.", ("Hello.",), ("Hello.",), "Hello.")
    question = make_question(judge, material, Subset("eng_Latn", "eng_Latn", "eng_Latn"))
    settings = Settings(max_tokens=judge.file.sampling.max_tokens, extra={"response_format": form, **engine.fields})
    try:
        await engine.ask(Sample("probe", question.messages), settings, "generate")
    except Rejected:
        return False
    return True


def write_manifests(
    store: Store, setup: Setup, cells: Sequence[Cell], engine: Engine, tally: Tally, command: str
) -> None:
    """Say beside the replies of each task who judged, how, and with which prompt."""
    for folder, work in _first_works(store, setup, cells):
        path = folder / setup.view / "manifest.json"
        earlier = orjson.loads(path.read_bytes()) if path.exists() else {}
        run = {
            "command": command,
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "engine": engine.facts(),
            "requests": tally.requests,
            "retried": dict(tally.retried),
        }
        first: Any = next(work.samples(), None)
        manifest = {
            "schema": 1,
            "mevals": mevals.__version__,
            "simulated": setup.simulated,
            "judging": setup.record(),
            "title": setup.judge.file.title,
            "follows": setup.judge.file.follows,
            "first_question": first and {"id": first.id, "messages": list(first.messages)},
            "runs": [*earlier.get("runs", []), run],
        }
        write_atomically(path, orjson.dumps(manifest, option=orjson.OPT_INDENT_2))


def _first_works(store: Store, setup: Setup, cells: Sequence[Cell]) -> Iterator[tuple[Path, Work]]:
    """Each task folder once, with the work of its first cell."""
    seen: set[Path] = set()
    for cell in cells:
        folder = store.task_folder(cell.answered.cell)
        if folder not in seen:
            seen.add(folder)
            yield folder, make_work(setup, cell)


def reparse_stored(results: Path, models: Sequence[str] = (), tasks: Sequence[str] = ()) -> int:
    """Read all stored replies again, renew scores and cells.json; returns how many cells. Asks nobody.

    Raises CellFailed, after everything is stored, where too many verdicts can't be read.
    """
    store = Store(results)
    with store.locked("judge reparse"):
        done = reparse(store, models, tasks)
        aggregate(store, tuple({j.cell.answered.cell.model for j in done}))
    raise_failures(done)
    return len(done)
