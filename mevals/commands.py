"""What the main commands do, one function each; the command line only reads flags."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mevals.aggregate import aggregate, load_cells
from mevals.engines.opening import shown_name
from mevals.errors import CellFailed, UsageError, did_you_mean
from mevals.generate import Tally
from mevals.run import BRIDGE, Options, Plan, make_plan, run_generate
from mevals.store import Store
from mevals.types import Scorer


def generate_only(options: Options) -> None:
    """Stage 1, then one line that says what came of it."""
    print(tally_line(run_generate(options)), file=sys.stderr)


def tally_line(tally: Tally) -> str:
    """What a run did, in one line."""
    parts = [f"{tally.cells_done}/{tally.cells} cells complete", f"{tally.answered:,} answered now"]
    for name, count in (
        ("kept", tally.kept),
        ("retried", tally.retried.total()),
        ("truncated", tally.truncated),
        ("rejected", tally.rejected),
    ):
        if count:
            parts.append(f"{count:,} {name}")
    if tally.cost:
        parts.append(f"${tally.cost:.4f}")
    return " · ".join(parts)


def run_all(options: Options, by: str, format_: str, out: Path | None) -> None:
    """Generate, score, aggregate and report. A cell that failed is named at the end; the others are reported."""
    from mevals.report.table import View

    failed: CellFailed | None = None
    try:
        print(tally_line(run_generate(options)), file=sys.stderr)
    except CellFailed as error:
        failed = error
    units = make_plan(options).units
    tasks = tuple(dict.fromkeys(u.task for u in units))
    models = tuple(shown_name(name, options.serving) for name in options.models)
    score_stored(options.results, models, tasks, {u.task: u.scorers for u in units}, options.command)
    view = View(by, models, tasks, common=True)
    cells = load_cells(options.results, models)
    if not failed or any(c["task"] in tasks and c["metrics"] for c in cells):
        report_view(options.results, view, format_, out)
    if options.prompts is not None:
        print(json.dumps(_summary(cells, tasks[0], failed)))
    if failed:
        raise failed


def _summary(cells: Sequence[Mapping[str, Any]], task: str, failed: CellFailed | None) -> dict[str, Any]:
    """An ad-hoc run in one object: accuracy over all scored samples, n scored, errors = what has no score."""
    mine = [(c, m) for c in cells if c["task"] == task for m in c["metrics"] if m["metric"] == "exact"]
    n = sum(m["n"] for _, m in mine)
    right = sum(m["value"] * m["n"] for _, m in mine if m["value"] is not None)
    return {
        "accuracy": right / n if n else None,
        "n": n,
        "errors": sum(m["unscored"] for _, m in mine),
        "truncated": sum(c["truncated"] for c, _ in mine),
        "rejected": sum(c["rejected"] for c, _ in mine),
        "failed": str(failed) if failed else None,
    }


def score_only(
    results: Path, models: tuple[str, ...], tasks: tuple[str, ...], scorers: tuple[str, ...], reference: str = ""
) -> None:
    """Stage 2 over what is stored, with the tasks' own scorers or the named ones."""
    from mevals.scorers.named import named_scorer

    if not results.is_dir():
        raise UsageError(f"there is no results folder {results}; run `mevals run` first or name another with --results")
    chosen = tuple(named_scorer(name) for name in scorers)
    done = score_stored(results, models, tasks, {}, "score", chosen, reference)
    print(f"{done} score files written; cells.json renewed in {results}", file=sys.stderr)


def score_stored(
    results: Path,
    models: Sequence[str],
    tasks: Sequence[str],
    known: Mapping[str, Sequence[Scorer]],
    command: str,
    instead: Sequence[Scorer] = (),
    reference: str = "",
) -> int:
    """Score the stored cells of these models and tasks and renew cells.json; returns the score files written."""
    from mevals.score import Job, answered_cells, score_all

    store = Store(results)
    present = {m.name for m in results.iterdir() if m.is_dir()} if results.is_dir() else set()
    with store.locked(command):
        from mevals.store import safe

        answered = answered_cells(store, [m for m in models if not known or safe(m) in present], tasks)
        if tasks and not answered and not known:
            raise UsageError(f"{results} holds no answers of {', '.join(tasks)}")
        jobs = [
            Job(a, s, reference)
            for a in answered
            for s in instead or known.get(a.cell.task) or scorers_of(a.cell.task, a.meta)
            if s.needs != "judge"  # a judge is asked by a stage of its own
        ]
        done = score_all(store, jobs)
        aggregate(store, models if known else ())
    return done


def scorers_of(task: str, meta: Mapping[str, Any]) -> Sequence[Scorer]:
    """A task's scorers: those that its answers name (imported tasks), else the task's own."""
    from mevals.registry import all_tasks
    from mevals.scorers.named import named_scorer

    if task.startswith(BRIDGE):
        from mevals.bridge.scoring import stored_scorers

        return stored_scorers(meta)
    if meta.get("scorers"):
        return tuple(named_scorer(name) for name in meta["scorers"])
    found = all_tasks().get(task)
    return found.spec.scorers if found else (named_scorer("exact"),)


def report_view(results: Path, view: Any, format_: str, out: Path | None) -> None:
    """Print or write a report of what a results folder holds."""
    if not results.is_dir():
        raise UsageError(f"there is no results folder {results}; run `mevals run` first or name another with --results")
    show_report(load_cells(results), view, format_, out)


def show_report(cells: Sequence[Mapping[str, Any]], view: Any, format_: str, out: Path | None) -> None:
    """Print or write a report of these cells."""
    from mevals.report.table import make_rows, write_rows

    formats = ("table", "csv", "json", "md", "html")
    if format_ not in formats:
        raise UsageError(f"unknown format {format_!r}{did_you_mean(format_, formats)} Known: {', '.join(formats)}")
    rows = make_rows(cells, view)
    if format_ == "table" and out is None:
        from mevals.report.terminal import print_rows

        print_rows(rows, view.by)
        return
    if format_ == "html":
        from mevals.report.page import render_page

        emit(render_page(rows, view.by), out)
        return
    emit(write_rows(rows, "md" if format_ == "table" else format_, view.by), out)


def emit(text: str, out: Path | None) -> None:
    """Print `text`, or write it to `out` and say so."""
    if out is None:
        sys.stdout.write(text)
        return
    from mevals.store import write_atomically

    write_atomically(out, text.encode())
    print(f"wrote {out}", file=sys.stderr)


def show_plan(options: Options, format_: str, out: Path | None) -> None:
    """Print what a run would do, by task."""
    from mevals.costs import plan_costs, print_costs

    plan = make_plan(options)
    costs = plan_costs(plan, options)
    if format_ == "table" and out is None:
        print_costs(costs)
        print_judge_costs(plan, options)
        return
    from mevals.listing import write_table

    emit(write_table([c.record() for c in costs], format_ if format_ != "table" else "md"), out)


def print_judge_costs(plan: Plan, options: Options) -> None:
    """Print what judging the planned answers would cost on top, where their tasks have a judge."""
    from mevals.costs import _count
    from mevals.judge.cost import judge_costs
    from mevals.listing import show

    costs = judge_costs(plan.cells, max(1, len(options.models)), count=lambda cell: _count(cell, plan))
    if costs:
        print("\njudging (`mevals judge run`), at most:")
        show([c.shown() for c in costs], "table")
