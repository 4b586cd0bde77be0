"""Averages that say what they average: which languages, which tasks, by which rule, and what is missing and why."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mevals.stats.intervals import Floats
from mevals.stats.ranks import competition_ranks

Missing = Literal["no data", "metric unsupported", "failed", "truncated", "not run"]
"""Why a cell has no value. It is shown in the cell's place and never counts as 0."""

Rule = Literal["mean of scaled scores", "mean rank", "win share"]
"""The named ways to combine tasks of different units; there is no unnamed one."""

SCALED_FORMULA = "scaled = (score - chance) / (ceiling - chance)"


@dataclass(frozen=True, slots=True)
class Mean:
    """An average over `n` of the `of` languages or tasks asked for; `value` is None where there is nothing to average.

    `rule` says in words how it was made; `missing` names what is left out, with the reason.
    """

    value: float | None
    n: int
    of: int
    rule: str
    missing: Mapping[str, str]


def normalise(value: float | None, chance: float, ceiling: float) -> float | None:
    """`value` on the scale where guessing is 0 and the best possible is 1: (value - chance) / (ceiling - chance).

    Below chance is below 0 and stays so. None stays None. Source: the correction for guessing in its usual linear form,
    Cohen 1960 (κ), and the "normalized score" of Mnih et al. 2015 (Nature 518:529-533).
    """
    if ceiling == chance:
        raise ValueError("chance and ceiling must differ")
    return None if value is None or math.isnan(value) else (value - chance) / (ceiling - chance)


def normalise_formula(chance: float, ceiling: float) -> str:
    """The formula with this task's numbers, to print beside the scores: `scaled = (score - 25) / (100 - 25)`."""
    return f"scaled = (score - {chance:g}) / ({ceiling:g} - {chance:g})"


def common_languages(cells: Mapping[str, Mapping[str, float | None]]) -> list[str]:
    """The languages, sorted, in which every model (first key) has a value: the set that means are taken over by default."""
    sets = [{lang for lang, value in row.items() if value is not None} for row in cells.values()]
    return sorted(set.intersection(*sets)) if sets else []


def macro(
    values: Mapping[str, float | None],
    languages: Sequence[str] | None = None,
    reasons: Mapping[str, Missing] | None = None,
) -> Mean:
    """The plain mean over `languages` (all keys by default), each counting once whatever its number of samples.

    `reasons` says why a language has no value; "no value" stands where nobody said.
    """
    asked = list(values) if languages is None else list(languages)
    present = [v for v in (values.get(lang) for lang in asked) if v is not None]
    missing = {lang: (reasons or {}).get(lang, "no value") for lang in asked if values.get(lang) is None}
    value = float(np.mean(present)) if present else None
    return Mean(value, len(present), len(asked), "macro: mean over languages", missing)


def macro_by_model(
    cells: Mapping[str, Mapping[str, float | None]],
    *,
    common: bool = True,
    reasons: Mapping[str, Mapping[str, Missing]] | None = None,
) -> dict[str, Mean]:
    """Every model's macro mean from `cells` (model → language → value): over the languages that all models have.

    With common=False each model is averaged over what it has, and the means of two models are then not comparable unless
    their `missing` agree. A language left out because another model lacks it is named so.
    """
    asked = sorted({lang for row in cells.values() for lang in row})
    shared = set(common_languages(cells))
    out = {}
    for model, row in cells.items():
        kept = {lang: row.get(lang) if not common or lang in shared else None for lang in asked}
        mean = macro(kept, asked, (reasons or {}).get(model))
        absent = {
            lang: "another model has no value" if row.get(lang) is not None else why
            for lang, why in mean.missing.items()
        }
        rule = "macro: mean over the common languages" if common else "macro: mean over each model's own languages"
        out[model] = Mean(mean.value, mean.n, mean.of, rule, absent)
    return out


def micro(
    values: Mapping[str, float | None],
    samples: Mapping[str, int],
    languages: Sequence[str] | None = None,
    reasons: Mapping[str, Missing] | None = None,
) -> Mean:
    """The mean over all samples of `languages`: each language counts by its number of scored `samples`.

    Right for metrics that are means over samples; a corpus metric must be aggregated anew from its statistics instead.
    """
    asked = list(values) if languages is None else list(languages)
    present = {lang: v for lang in asked if (v := values.get(lang)) is not None and samples.get(lang, 0) > 0}
    missing = {lang: (reasons or {}).get(lang, "no value") for lang in asked if lang not in present}
    count = sum(samples[lang] for lang in present)
    value = sum(v * samples[lang] for lang, v in present.items()) / count if count else None
    return Mean(value, len(present), len(asked), "micro: mean over samples", missing)


def combine_tasks(
    table: Mapping[str, Mapping[str, float | None]],
    rule: Rule,
    *,
    levels: Mapping[str, tuple[float, float]] | None = None,
    better: Mapping[str, Literal["higher", "lower"]] | None = None,
) -> dict[str, Mean]:
    """One number per model from `table` (model → task → value), by a named rule, over the tasks that every model has.

    *mean of scaled scores*: mean of `normalise` with `levels` (task → (chance, ceiling)), which every task must have.
    *mean rank*: mean of ranks within each task, 1 = best, ties share the mean rank; lower is better. *win share*: the share
    of the other models that a model beats, a tie counting half, averaged over tasks (HELM's "mean win rate", Liang et al.
    2023, TMLR, section 5.4, plus ties). Tasks in `better` as "lower" are turned round. A task that some model lacks is
    left out for all and named in `missing`.
    """
    models = list(table)
    tasks = sorted({task for row in table.values() for task in row})
    common = [task for task in tasks if all(table[model].get(task) is not None for model in models)]
    missing = {task: "some model has no value" for task in tasks if task not in common}
    columns = []
    for task in common:
        values = np.array([table[model][task] for model in models], dtype=np.float64)
        columns.append(_by_rule(values, rule, task, levels, (better or {}).get(task, "higher")))
    name = f"{rule}, {SCALED_FORMULA}" if rule == "mean of scaled scores" else rule
    means = np.mean(columns, axis=0) if columns else [None] * len(models)
    return {
        model: Mean(None if mean is None else float(mean), len(common), len(tasks), name, missing)
        for model, mean in zip(models, means, strict=True)
    }


def _by_rule(
    values: Floats,
    rule: Rule,
    task: str,
    levels: Mapping[str, tuple[float, float]] | None,
    better: Literal["higher", "lower"],
) -> Floats:
    """One task's column after the rule."""
    if rule == "mean of scaled scores":
        if levels is None or task not in levels:
            raise ValueError(f"{task!r} has no chance level and ceiling, which the mean of scaled scores needs")
        return np.array([normalise(v, *levels[task]) for v in values])
    best_first = np.array(competition_ranks(values, better), dtype=np.float64)
    shared = best_first + np.array([(best_first == r).sum() - 1 for r in best_first]) / 2
    if rule == "mean rank":
        return shared
    if values.size < 2:
        raise ValueError("a win share needs at least two models")
    return np.asarray((values.size - shared) / (values.size - 1))
