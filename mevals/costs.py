"""The price of a plan before it is run: cells, requests and tokens by task, and what is done already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mevals.budget import premium
from mevals.card import published_samples
from mevals.data import Auto, Hub, Mini
from mevals.errors import UsageError
from mevals.plan import Planned
from mevals.records import read_meta
from mevals.run import Options, Plan, Unit
from mevals.store import Store
from mevals.types import Cell


@dataclass(frozen=True)
class Cost:
    """One task's share of a plan, for one model. Tokens are estimates from the card times each language's premium."""

    task: str
    cells: int
    requests: int
    prompt_tokens: int
    output_tokens: int
    done_cells: int

    def record(self) -> dict[str, Any]:
        """The cost as one row of a table."""
        return asdict(self)


def plan_costs(plan: Plan, options: Options) -> list[Cost]:
    """Costs by task, in the order of the plan; done cells are counted over all models of the options."""
    if len(plan.units) > len(plan.cells):
        raise UsageError(f"{plan.units[-1].task} has no card to price it by: leave lm_eval: tasks out of `mevals plan`")
    store = Store(options.results)
    by_task: dict[str, list[tuple[Planned, Unit]]] = {}
    for cell, unit in zip(plan.cells, plan.units, strict=True):
        by_task.setdefault(cell.task.name, []).append((cell, unit))
    return [_cost(name, cells, plan, options, store) for name, cells in by_task.items()]


def _cost(name: str, cells: Sequence[tuple[Planned, Unit]], plan: Plan, options: Options, store: Store) -> Cost:
    requests = prompt = output = done = 0
    for cell, unit in cells:
        n = _count(cell, plan)
        tokens, times = cell.task.card.tokens, premium(cell.subset.lang)
        requests += n
        prompt += round(n * tokens.prompt * times)
        output += round(n * tokens.output * times)
        paths = (store.path(Cell(m, name, cell.subset, str(cell.condition)), "responses") for m in options.models)
        done += sum(path.exists() and _is_same(read_meta(path)["identity"], cell, unit, plan) for path in paths)
    return Cost(name, len(cells), requests, prompt, output, done)


def _is_same(stored: Mapping[str, Any], cell: Planned, unit: Unit, plan: Plan) -> bool:
    """Whether stored answers are to the task as it is now, on the same data; the hub is not asked for its revision."""
    now = {k: v for k, v in unit.identity.items() if k != "data"}
    if any(stored.get(k) != v for k, v in now.items()):
        return False
    revision, card = str(stored.get("data", "")), cell.card(plan.data)
    source = plan.data.chosen(card) if isinstance(plan.data, Auto) else plan.data
    return revision.startswith("hub:") if isinstance(source, Hub) else revision == unit.data_revision()


def _count(cell: Planned, plan: Plan) -> int:
    if isinstance(plan.data, Mini):
        total = sum(1 for _ in cell.samples(plan.data))
    else:
        total = published_samples(cell.task.card, cell.subset.name)
    return min(total, plan.limit) if plan.limit else total


def print_costs(costs: Sequence[Cost]) -> None:
    """Print costs as a table with a total and each task's share of the requests."""
    from mevals.listing import print_table

    total = sum(c.requests for c in costs) or 1
    rows = [_shown(c, total) for c in costs]
    every = Cost(
        "total",
        *(
            sum(getattr(c, f) for c in costs)
            for f in ("cells", "requests", "prompt_tokens", "output_tokens", "done_cells")
        ),
    )
    print_table(
        ("task", "cells", "requests", "share", "prompt tokens", "output tokens", "cells done"),
        [*rows, _shown(every, total)],
    )


def _shown(cost: Cost, total: int) -> tuple[str, ...]:
    return (
        cost.task,
        f"{cost.cells:,}",
        f"{cost.requests:,}",
        f"{cost.requests / total:.0%}",
        f"{cost.prompt_tokens:,}",
        f"{cost.output_tokens:,}",
        f"{cost.done_cells:,}",
    )
