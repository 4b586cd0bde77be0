"""The commands' common work: from options to cells, through the stages, with locks, manifests and progress."""

from __future__ import annotations

import asyncio
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson

import mevals
from mevals.adhoc import PromptFile, open_prompts
from mevals.condition import Condition
from mevals.data import Data, Lock, Where, open_data
from mevals.engines import translategemma
from mevals.engines.client import Client
from mevals.engines.engine import Engine, Settings
from mevals.engines.managed import Managed
from mevals.engines.opening import Serving, known_model, open_engine, shown_name
from mevals.engines.prompt_path import (
    Finding,
    Template,
    check_proof,
    check_template,
    look_at_template,
    prove,
    template_hash,
)
from mevals.errors import UsageError
from mevals.generate import Patience, Tally, Work, generate
from mevals.plan import Pick, Planned, check_models, plan_cells, take
from mevals.progress import Progress
from mevals.registry import find_suite, find_tasks
from mevals.scorers import exact
from mevals.store import Store, write_atomically
from mevals.types import Cell, Sample, Scorer, Subset

BRIDGE = "lm_eval:"
"""How a `--tasks` entry begins that means a task of lm-eval."""


@dataclass(frozen=True)
class Options:
    """What a command line asks for, in the words of its flags."""

    models: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    suite: str = ""
    langs: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    limit: int | None = None
    seed: int = 1
    results: Path = Path("results")
    where: Where = "auto"
    mirror: Path | None = None
    offline: bool = False
    prompts: Path | None = None
    concurrency: int = 64
    max_tokens: int | None = None
    redo: bool = False
    serving: Serving = field(default_factory=Serving)
    patience: Patience = field(default_factory=Patience)
    command: str = ""


@dataclass(frozen=True)
class Unit:
    """A cell to be run, before a model is named. `entry` is what its task's manifest says about the task."""

    task: str
    subset: Subset
    condition: str
    scorers: tuple[Scorer, ...]
    samples: Callable[[], Iterator[Sample]]
    settings: Settings
    how: str
    kind: str
    identity: Mapping[str, Any]
    entry: Mapping[str, Any]

    def data_revision(self) -> str:
        """What identifies this cell's data; may have to ask the hub."""
        revision = self.identity["data"]
        return revision.value() if isinstance(revision, _Once) else str(revision)


@dataclass(frozen=True)
class Plan:
    """All cells that a command means, with the data that they read; those of lm-eval's tasks come after `cells`."""

    units: tuple[Unit, ...]
    data: Data
    lock: Lock
    cells: tuple[Planned, ...] = ()
    limit: int | None = None


def make_plan(options: Options) -> Plan:
    """Resolve tasks, suite, languages and data. Writes nothing; raises UsageError or DataError with a sentence."""
    lock = Lock.open(options.results.parent / "data.lock.json")
    if options.prompts is not None:
        return Plan(
            tuple(_adhoc_units(open_prompts(options.prompts), options)),
            open_data("mini", None, lock, offline=True),
            lock,
        )
    bridged = [name for name in options.tasks if name.startswith(BRIDGE)]
    picks = [Pick(task) for task in find_tasks([name for name in options.tasks if name not in bridged])]
    where, limit = options.where, options.limit
    if options.suite or not (picks or bridged):
        suite = find_suite(options.suite or "mini")
        picks += [Pick(task, c.langs, c.without) for c in suite.choices for task in find_tasks([c.task])]
        where = suite.data if where == "auto" else where  # type: ignore[assignment]
        limit = limit or suite.limit
    data = open_data(where, options.mirror, lock, offline=options.offline)
    conditions = [Condition.parse(c) for c in options.conditions] or [Condition()]
    cells = plan_cells(picks, conditions, options.langs, data) if picks else []
    resolved = replace(options, limit=limit)
    units = [_unit(c, data, resolved) for c in cells]
    if bridged:
        from mevals.bridge.units import bridged_units

        units += bridged_units(bridged, resolved)
    return Plan(tuple(units), data, lock, tuple(cells), limit)


def _unit(planned: Planned, data: Data, options: Options) -> Unit:
    task, spec = planned.task, planned.task.spec
    settings = Settings(max_tokens=options.max_tokens or token_budget(spec.max_tokens, planned.subset.lang))
    revision = partial(data.revision, planned.card(data), planned.subset)
    return Unit(
        task=task.name,
        subset=planned.subset,
        condition=str(planned.condition),
        scorers=spec.scorers,
        samples=lambda: take(planned.samples(data), options.limit, options.seed, task.card.slices),
        settings=settings,
        how=spec.how,
        kind=spec.kind,
        identity={
            "task": task.name,
            "version": task.card.version,
            "condition": str(planned.condition),
            "prompts": task.prompts.sha,
            "code": task.code_sha,
            "data": _Once(revision),
        },
        entry={"card": task.card.model_dump(mode="json", exclude={"languages", "subsets"}), "folder": task.folder.name},
    )


class _Once:
    """A value that is found out when it is first needed: a data revision may cost a look at the hub."""

    def __init__(self, find: Callable[[], str]) -> None:
        self._find = find
        self._value: str | None = None

    def value(self) -> str:
        if self._value is None:
            self._value = self._find()
        return self._value


def token_budget(english: int, lang: str) -> int:
    """The answer's token budget in `lang`: the task's English one times the language's token premium, at most 4×."""
    from mevals.budget import premium

    return round(english * premium(lang))


def _adhoc_units(file: PromptFile, options: Options) -> Iterator[Unit]:
    for name, subset in file.subsets().items():
        yield Unit(
            task=file.name,
            subset=subset,
            condition="",
            scorers=(exact(),),
            samples=lambda name=name: take(file.samples(name), options.limit, options.seed),  # type: ignore[misc]
            settings=Settings(max_tokens=options.max_tokens or 512),
            how="generate",
            kind="short",
            identity={"task": file.name, "data": f"file:{file.sha}"},
            entry={"card": {"title": file.name, "about": f"ad-hoc prompts of {file.path.name}", "origin": "unknown"}},
        )


def make_works(plan: Plan, engine: Engine, model: str, options: Options) -> list[Work]:
    """The plan's cells for one model, as stage 1 takes them."""
    selection = f"n={plan.limit or options.limit} seed={options.seed}" if plan.limit or options.limit else "all"
    return [
        Work(
            cell=Cell(model, u.task, u.subset, u.condition),
            samples=asked_samples(u, engine, model),
            settings=with_model(u.settings, engine, thinking_fields(model, u.condition)),
            identity={
                **engine.identity,
                **{k: v.value() if isinstance(v, _Once) else v for k, v in u.identity.items()},
            },
            selection=selection,
            how=u.how,
            kind=u.kind,
            meta={
                "simulated": engine.simulated,
                "mevals": mevals.__version__,
                "title": u.entry["card"].get("title", u.task),
                "data": data_note(u.entry["card"]),
            },
        )
        for u in plan.units
    ]


def asked_samples(unit: Unit, engine: Engine, model: str) -> Callable[[], Iterator[Sample]]:
    """What gives a cell's samples in the form that the model takes. Raises UsageError for a task that it can't do."""
    if engine.identity.get("kind") != translategemma.KIND:
        return unit.samples
    translategemma.check_task(model, unit.task, unit.kind, unit.how)
    return lambda: translategemma.translation_samples(unit.samples(), unit.subset)


def data_note(card: Mapping[str, Any]) -> str:
    """What every report says about a task's data: origin, licence, and that it is gated."""
    parts = [str(card.get("origin") or ""), str(card.get("license") or ""), "gated" if card.get("gated") else ""]
    return ", ".join(p for p in parts if p and p != "unknown")


def with_model(settings: Settings, engine: Engine, changes: Mapping[str, Any] | None = None) -> Settings:
    """The task's settings with what the model itself needs (template switches, stop tokens, every sampling field).

    `changes` are fields that the condition sets instead.
    """
    extra = {**settings.extra, **engine.fields, **(changes or {})}
    return replace(settings, extra=extra) if extra else settings


def thinking_fields(model: str, condition: str) -> dict[str, Any]:
    """The request's fields for think-on or think-off. Raises UsageError where the model has no such switch."""
    wanted = Condition.parse(condition).get("think")
    if not wanted:
        return {}
    known = known_model(model)
    options = known.thinking.get(wanted) if known else None
    if options is None:
        raise UsageError(f"{model} has no switch for thinking in models.yaml, so that think-{wanted} can't be asked")
    return {"chat_template_kwargs": dict(options)}


def run_generate(options: Options) -> Tally:
    """Stage 1 for every model of `options`. Raises what `generate` raises; what was answered is kept."""
    plan = make_plan(options)
    store = Store(options.results)
    models = check_models(options.models)
    serving = replace(options.serving, logs=str(options.results / ".logs"))
    engines = [(shown_name(name, serving), open_engine(name, serving)) for name in models]
    tally = Tally()
    for name, engine in engines:
        asyncio_run(_generate_one(plan, store, engine, name, options, tally))
    return tally


def asyncio_run(work: Any) -> None:
    """Run a coroutine on uvloop where it is installed."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        new_event_loop = asyncio.new_event_loop
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(work)


async def _generate_one(plan: Plan, store: Store, engine: Engine, name: str, options: Options, tally: Tally) -> None:
    async with AsyncExitStack() as held:
        works, loads = make_works(plan, engine, name, options), isinstance(engine, Managed)
        record = RunRecord(store, works, plan, engine, options)
        record.look()  # data that can't be read is found out before anything is written or loaded
        if loads:  # nobody should wait for a model and then learn that the folder is in use
            held.enter_context(store.locked(options.command))
        held.push_async_callback(engine.close)
        await engine.open()
        if not loads:
            held.enter_context(store.locked(options.command))
        if options.redo:
            set_aside(store, works)
        await record.prove()
        record.write(None)
        with Progress(tally, options.concurrency) as progress:
            warming = asyncio.create_task(asyncio.to_thread(load_next_stages))
            try:
                await generate(
                    works,
                    store,
                    engine,
                    concurrency=options.concurrency,
                    patience=options.patience,
                    tally=tally,
                    show=progress.show,
                )
            finally:
                await warming
                tally.cost += float(engine.facts().get("cost") or 0.0)
                record.write(tally)
                plan.lock.save()


def load_next_stages() -> None:
    """Import what scoring and reporting need (about a second) while the first answers are awaited."""
    import pyarrow.parquet  # noqa: F401
    import rich.table  # noqa: F401

    import mevals.stats  # noqa: F401


def set_aside(store: Store, works: Sequence[Work]) -> None:
    """Move the cells' answers out of the way for --redo; they stay beside as `.old` files."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    for work in works:
        for path in (store.path(work.cell, "responses"), store.path(work.cell, "journal", work.fingerprint)):
            if path.exists():
                path.replace(path.with_name(f"{path.name}.{stamp}.old"))


@dataclass
class RunRecord:
    """Writes each task folder's manifest.json: what was run, on what, with what, and what came of it."""

    store: Store
    works: Sequence[Work]
    plan: Plan
    engine: Engine
    options: Options
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    first: dict[tuple[str, str], Any] = field(default_factory=dict)
    samples: dict[tuple[str, str], Sample | None] = field(default_factory=dict)
    path: dict[str, Any] = field(default_factory=dict)

    def look(self) -> None:
        """Render the first prompt of each task."""
        for work, unit in zip(self.works, self.plan.units, strict=True):
            self._first_prompt(work, unit, (work.cell.task, work.cell.condition))

    def write(self, tally: Tally | None) -> None:
        """Write or update the manifests; `tally` None while the run goes on."""
        seen: set[tuple[str, str]] = set()
        for work, unit in zip(self.works, self.plan.units, strict=True):
            key = (work.cell.task, work.cell.condition)
            if key not in seen:
                seen.add(key)
                self._write_one(work, unit, tally, key)

    def _write_one(self, work: Work, unit: Unit, tally: Tally | None, key: tuple[str, str]) -> None:
        path = self.store.path(work.cell, "manifest")
        earlier = read_manifest(path)
        run = {
            "command": self.options.command,
            "started": self.started,
            "finished": tally and datetime.now(UTC).isoformat(timespec="seconds"),
            "engine": self.engine.facts(),
            "requests": tally and tally.requests,
            "retried": tally and dict(tally.retried),
            "unanswered": tally and dict(tally.unanswered),
            "seconds": tally and round(time.monotonic() - tally.started, 1),
        }
        runs = [r for r in earlier.get("runs", []) if r["started"] != self.started]
        manifest = {
            "schema": 1,
            "model": work.cell.model,
            "task": work.cell.task,
            "condition": work.cell.condition,
            "simulated": self.engine.simulated,
            "mevals": mevals.__version__,
            "python": platform.python_version(),
            "identity": dict(work.identity),
            "settings": asdict(work.settings),
            "scorers": {s.metric: s.signature(work.cell.subset) for s in unit.scorers},
            **unit.entry,
            "first_prompt": self._first_prompt(work, unit, key),
            "prompt_path": self.path or None,
            "runs": [*runs, run],
        }
        write_atomically(path, orjson.dumps(manifest, option=orjson.OPT_INDENT_2))

    async def prove(self) -> None:
        """Ask the server how it renders the first prompts; what is wrong with that is said, and stands in the manifest."""
        if not isinstance(self.engine, Client):
            return
        template = await look_at_template(self.engine, self.works[0].settings.extra if self.works else {})
        if template is None and self.engine.form == "chat":
            return  # a server without /tokenize
        findings = check_template(template) if template else []
        works = {(w.cell.task, w.cell.condition): w for w in sorted(self.works, key=lambda w: w.settings.max_tokens)}
        asked = [(key, work, sample) for key, work in works.items() if (sample := self.samples.get(key))]
        proofs = await asyncio.gather(
            *(prove(self.engine, sample, work.settings, work.how) for _, work, sample in asked)
        )
        for (key, _, _), proof in zip(asked, proofs, strict=True):
            if proof is not None:
                self.first[key] |= {"rendered": proof.rendered.text, "token_ids": list(proof.rendered.ids)}
                findings += check_proof(proof, Condition.parse(key[1]).get("think") == "on")
        self._told(template, findings)

    def _told(self, template: Template | None, findings: Sequence[Finding]) -> None:
        known = known_model(self.works[0].cell.model) if self.works else None
        model = getattr(self.engine, "known", None) or known
        self.path = {
            "template": template_hash(model) if model else None,
            "probe": template and template.probe,
            "room": template and template.one.room,
            "findings": sorted({f.what for f in findings}),
        }
        for what in self.path["findings"]:
            print(f"mevals: warning: {what} (`mevals doctor` looks closer)", file=sys.stderr)

    def _first_prompt(self, work: Work, unit: Unit, key: tuple[str, str]) -> Any:
        if key not in self.first:
            sample = next(iter(work.samples()), None)
            self.samples[key] = sample
            self.first[key] = sample and {
                "id": sample.id,
                "subset": unit.subset.name,
                "messages": list(sample.messages),
            }
        return self.first[key]


def read_manifest(path: Path) -> dict[str, Any]:
    """A manifest; empty where there is none. Raises UsageError where it is damaged."""
    if not path.exists():
        return {}
    try:
        return dict(orjson.loads(path.read_bytes()))
    except (orjson.JSONDecodeError, TypeError):
        raise UsageError(f"{path} is damaged: move it away and run again (answers and scores stay)") from None


def scorers_for(plan: Plan) -> dict[str, tuple[Scorer, ...]]:
    """The scorers of each task of a plan."""
    return {u.task: u.scorers for u in plan.units}


def command_line() -> str:
    """The command as typed, without keys that someone put on it."""
    from mevals.redact import redact

    return redact(" ".join(["mevals", *sys.argv[1:]]))


class _Runnable(ModuleType):
    """Makes `mevals.run(...)` from a notebook what it says, although this module has the same name."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        import importlib

        # By name: the notebook functions stand above this module, which must not depend on them.
        return importlib.import_module("mevals.api").run(*arguments, **options)


sys.modules[__name__].__class__ = _Runnable
