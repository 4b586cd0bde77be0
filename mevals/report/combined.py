"""One number per model over tasks of different units, only by a rule that is named and printed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from mevals.errors import UsageError, did_you_mean
from mevals.report.parity import by_language
from mevals.report.values import Value, models_of, pick
from mevals.report.write import Sheet
from mevals.stats.combine import Rule

RULES: tuple[Rule, ...] = ("mean of scaled scores", "mean rank", "win share")


def levels_of(values: Iterable[Value]) -> dict[str, tuple[float, float]]:
    """Chance level and ceiling of each task, as its card says (0 and 1 where it says nothing; 0 and 100 for chrF)."""
    from mevals.registry import all_tasks

    known = all_tasks()
    out = {}
    for value in values:
        card = known[value.task].card if value.task in known else None
        low, high = value.scale or (0.0, 1.0)
        if card is not None and (low, high) == (0.0, 1.0):
            low, high = card.chance, card.ceiling
        out[value.task] = (low, high)
    return out


def combined_sheet(values: Iterable[Value], rule: str) -> Sheet:
    """The combined number of each model. Metrics of reported and of measured values are never combined with each other.

    Each task enters with its first metric, as the plain mean over the languages that all models have. Raises UsageError for
    an unknown rule, and where reported and measured values are mixed.
    """
    from mevals.stats import SCALED_FORMULA, combine_tasks

    if rule not in RULES:
        raise UsageError(f"unknown rule {rule!r}{did_you_mean(rule, RULES)} Known: {', '.join(RULES)}")
    chosen = [v for v in values if v.metric != "length"]
    if len({"reported" in v.marks for v in chosen}) > 1:
        raise UsageError("reported and measured values are never combined into one number: choose --models of one kind")
    table, better, shapes = _table(chosen)
    levels = {task: (100 * low, 100 * high) if high <= 1 else (low, high) for task, (low, high) in shapes.items()}
    found = combine_tasks(table, rule, levels=levels, better=cast(Any, better))
    lines, records = [], []
    for model, mean in found.items():
        lines.append([model, "–" if mean.value is None else f"{mean.value:.3f}", f"{mean.n}/{mean.of}"])
        records.append({"model": model, "rule": mean.rule, "value": mean.value, "n": mean.n, "of": mean.of})
    missing = next(iter(found.values())).missing if found else {}
    caption = f"Rule: {rule}" + (f" ({SCALED_FORMULA})" if rule == RULES[0] else "") + "; tasks that every model has."
    if missing:
        caption += " Left out: " + ", ".join(f"{task} ({why})" for task, why in missing.items()) + "."
    return Sheet(f"All tasks, {rule}", ("model", rule, "tasks"), lines, caption, records=records)


def _table(
    values: list[Value],
) -> tuple[dict[str, dict[str, float | None]], dict[str, str], dict[str, tuple[float, float]]]:
    """Model → task·metric → mean over the common languages; the tasks' directions; their chance and ceiling."""
    table: dict[str, dict[str, float | None]] = {model: {} for model in models_of(values)}
    better: dict[str, str] = {}
    shapes: dict[str, tuple[float, float]] = {}
    levels = levels_of(values)
    for task in dict.fromkeys((v.task, v.condition) for v in values):
        mine = [v for v in values if (v.task, v.condition) == task]
        mine = pick(mine, task[0])
        name = task[0] + (f"@{task[1]}" if task[1] else "")
        better[name], shapes[name] = mine[0].better, levels[task[0]]
        if better[name] == "lower":
            shapes[name] = shapes[name][::-1]  # so that scaled is 1 at the best and 0 at the worst value
        langs: Mapping[str, dict[str, float]] = {m: by_language([v for v in mine if v.model == m]) for m in table}
        having = [set(x) for x in langs.values() if x]
        shared = set.intersection(*having) if having else set()
        for model, found in langs.items():
            kept = [x for lang, x in found.items() if lang in shared]
            table[model][name] = sum(kept) / len(kept) if kept else None
    return table, better, shapes
