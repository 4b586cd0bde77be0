"""`mevals doctor`: is a model asked as it should be? Looks at the prompt path and asks one sample of every task."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mevals.condition import Condition
from mevals.engines.client import Client
from mevals.engines.engine import Engine, KeyEntry
from mevals.engines.opening import open_engine, shown_name
from mevals.engines.prompt_path import (
    Finding,
    Proof,
    Template,
    check_proof,
    check_template,
    look_at_template,
    prove,
)
from mevals.errors import EngineError, Rejected, Retryable
from mevals.generate import Work
from mevals.plan import check_models
from mevals.run import Options, asyncio_run, make_plan, make_works
from mevals.types import Response, Sample

ATTEMPTS = 5


@dataclass
class Smoke:
    """What came of one task's first sample."""

    task: str
    response: Response | None = None
    proof: Proof | None = None
    findings: list[Finding] = field(default_factory=list)


@dataclass
class Examination:
    """Everything that was seen of one model."""

    model: str
    facts: Mapping[str, Any]
    template: Template | None
    findings: list[Finding]
    tasks: list[Smoke]

    @property
    def faults(self) -> list[Finding]:
        """What must be mended, each once."""
        every = [*self.findings, *(f for task in self.tasks for f in task.findings)]
        return list({f.what: f for f in every if f.serious}.values())


def doctor(options: Options) -> None:
    """Examine every model of `options` and print what was found.

    Raises EngineError where something must be mended, and what opening an engine raises.
    """
    wrong = 0
    plan = make_plan(replace(options, limit=options.limit or 1))
    serving = replace(options.serving, logs=str(options.results / ".logs"))
    for name in check_models(options.models):
        engine = open_engine(name, serving)
        found: list[Examination] = []
        works = make_works(plan, engine, shown_name(name, serving), options)
        asyncio_run(_into(found, engine, first_works(works)))
        for examination in found:
            print("\n".join(describe(examination)))
            wrong += len(examination.faults)
    if wrong:
        raise EngineError(f"{wrong} {'thing is' if wrong == 1 else 'things are'} wrong; see above")
    print("nothing wrong was found", file=sys.stderr)


async def _into(found: list[Examination], engine: Engine, works: Sequence[Work]) -> None:
    try:
        await engine.open()
        found.append(await examine(engine, works))
    finally:
        await engine.close()


def first_works(works: Sequence[Work]) -> list[Work]:
    """One cell of each task and condition, with the largest answer budget of them all."""
    chosen: dict[tuple[str, str], Work] = {}
    for work in works:
        key = (work.cell.task, work.cell.condition)
        kept = chosen.setdefault(key, work)
        if work.settings.max_tokens > kept.settings.max_tokens:
            chosen[key] = work
    return list(chosen.values())


async def examine(engine: Engine, works: Sequence[Work]) -> Examination:
    """Look at the template and at each cell's first sample, and ask that sample."""
    template, findings = None, list[Finding]()
    if isinstance(engine, Client):
        template = await look_at_template(engine, works[0].settings.extra if works else {})
        if template is not None:
            findings = check_template(template)
        elif engine.form == "chat":
            findings = [Finding("unseen", "the server has no /tokenize, so that prompts can't be looked at", False)]
    tasks = await asyncio.gather(*(_smoke(engine, work, template is not None) for work in works))
    return Examination(works[0].cell.model if works else engine.model, engine.facts(), template, findings, list(tasks))


async def _smoke(engine: Engine, work: Work, seen: bool) -> Smoke:
    smoke = Smoke(work.cell.task + (f"@{work.cell.condition}" if work.cell.condition else ""))
    sample = next(work.samples(), None)
    if sample is None:
        smoke.findings.append(Finding("no-sample", "the task has no sample here", False))
        return smoke
    thinks = Condition.parse(work.cell.condition).get("think") == "on"
    if isinstance(engine, Client) and (seen or engine.form == "base"):
        smoke.proof = await prove(engine, sample, work.settings, work.how)
        if smoke.proof is not None:
            smoke.findings += check_proof(smoke.proof, thinks)
    entry = KeyEntry(sample, work.cell.task, work.cell.subset, work.kind, work.how)
    await engine.prepare([entry])
    try:
        smoke.response = await _ask(engine, work, sample)
    except (Rejected, Retryable) as error:
        smoke.findings.append(Finding("unanswered", f"a sample could not be answered: {error}"))
        return smoke
    smoke.findings += check_response(smoke.response, smoke.proof, work.how, thinks)
    return smoke


async def _ask(engine: Engine, work: Work, sample: Sample) -> Response:
    for attempt in range(ATTEMPTS - 1):
        try:
            return await engine.ask(sample, work.settings, work.how)
        except Retryable as error:
            await asyncio.sleep(min(5.0, error.after or 0.2 * 2**attempt))
    return await engine.ask(sample, work.settings, work.how)


def check_response(response: Response, proof: Proof | None, how: str, thinks: bool = False) -> list[Finding]:
    """What an answer shows: reasoning that was not asked for, special tokens as text, another prompt than was seen."""
    found = []
    if response.reasoning and not thinks:
        found.append(
            Finding(
                "reasoning",
                "the model reasons before it answers: switch it off (thinking in models.yaml) or ask think-on",
            )
        )
    if response.specials:
        found.append(
            Finding(
                "specials-in-answer",
                f"the answer holds {response.specials} special token(s) as text; they are taken out and counted",
                serious=False,
            )
        )
    if response.text is None:
        found.append(Finding("no-text", f"the answer has no text ({response.error or response.finish})"))
    told, seen = response.prompt_tokens, len(proof.rendered.ids) if proof else None
    if how == "generate" and told is not None and seen is not None and told != seen:
        found.append(
            Finding(
                "other-prompt",
                f"the server counts {told} prompt tokens where its /tokenize makes {seen} of the same messages",
            )
        )
    return found


def describe(examination: Examination) -> list[str]:
    """The examination in plain words, a line each."""
    template, facts = examination.template, examination.facts
    version = facts.get("server_version")
    head = f"{examination.model}" + (f" · server {version}" if version else "")
    if template is not None:
        room = f" · room for {template.one.room} tokens" if template.one.room else ""
        head += f"{room} · template probe {template.probe}"
    lines = [head, *(_line(f) for f in examination.findings)]
    for task in examination.tasks:
        serious = any(f.serious for f in task.findings)
        lines.append(f"  {'wrong' if serious else 'ok   '} {task.task}: {_answer(task)}")
        lines += [_line(f) for f in task.findings]
    return lines


def _line(finding: Finding) -> str:
    return f"    {'WRONG' if finding.serious else 'note'} ({finding.fault}): {finding.what}"


def _answer(task: Smoke) -> str:
    response = task.response
    if response is None:
        return "not answered"
    text = " ".join((response.text or "").split())
    tokens = f"{response.prompt_tokens} tokens in, {response.output_tokens} out, {response.finish}"
    return f"{tokens}: “{text[:57] + '…' if len(text) > 60 else text}”"
