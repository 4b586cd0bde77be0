"""Scores of bridged tasks: lm-eval's own filters and process_results over stored answers, or values that it recorded."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from mevals.bridge.requests import cut, generation, grouped, samples_of
from mevals.bridge.tasks import PREFIX, Leaf, find_leaves, lm_eval_version, open_task
from mevals.errors import DataError, UsageError
from mevals.scorers.values import mean_of_scored
from mevals.types import Response, Score, Scorer, Subset

VERSION = 1
"""Raised whenever a change can alter a value."""
UNKNOWABLE = {"multiple_choice": ("exact_match", "acc_mutual_info")}
"""Metrics that need more than the options' log-probabilities behind one context."""


@dataclass(frozen=True, order=True)
class Metric:
    """One metric of a task under one of its filters, a mean over documents."""

    name: str
    filter: str = "none"
    higher: bool = True

    @property
    def shown(self) -> str:
        """`acc`, or `exact_match:flexible-extract` where the task names its filter."""
        return self.name if self.filter == "none" else f"{self.name}:{self.filter}"


def metrics_of(leaf: Leaf) -> tuple[list[Metric], list[str]]:
    """The metrics that are means over documents, and the names of those that aren't and are left out."""
    from lm_eval.api.registry import DEFAULT_METRIC_REGISTRY

    given = leaf.config.get("metric_list") or [{"metric": m} for m in DEFAULT_METRIC_REGISTRY[leaf.kind]]
    filters = [f.get("name", "none") for f in leaf.config.get("filter_list") or []] or ["none"]
    means, others = [], []
    for entry in given:
        name = entry["metric"] if isinstance(entry["metric"], str) else entry["metric"].__name__
        if name in UNKNOWABLE.get(leaf.kind, ()) or not _is_mean(name, entry.get("aggregation")):
            others.append(name)
            continue
        higher = bool(entry.get("higher_is_better", True))
        means += [Metric(name, f, higher) for f in filters]
    return means, others


def _is_mean(name: str, aggregation: Any) -> bool:
    from lm_eval.api.metrics import mean
    from lm_eval.api.registry import get_metric_aggregation

    if aggregation is None:
        aggregation = get_metric_aggregation(name)
    return aggregation == "mean" or aggregation is mean


@dataclass(frozen=True)
class Bridged:
    """One metric of an lm-eval task, computed by lm-eval from stored answers. The subset's name is the leaf task's.

    `spec` is the task, group or tag as the user named it; `versions` are the leaf tasks' own, by name.
    """

    needs: ClassVar[str] = "lm_eval"
    scale: ClassVar[tuple[float, float]] = (0.0, 1.0)
    spec: str
    which: Metric
    versions: tuple[tuple[str, str], ...]
    lm_eval: str
    shots: int | None = None

    @property
    def metric(self) -> str:
        return self.which.shown

    @property
    def better(self) -> Literal["higher", "lower"]:
        return "higher" if self.which.higher else "lower"

    def signature(self, subset: Subset) -> str:
        parts = ("filter", self.which.filter), ("by", "lm-eval"), ("lm-eval", self.lm_eval)
        task = dict(self.versions).get(subset.name, "")
        return "|".join([self.which.name, *(f"{k}:{v}" for k, v in (*parts, ("task", task), ("version", VERSION)))])

    def score(self, responses: Sequence[Response], subset: Subset) -> list[Score]:
        leaf = next((x for x in find_leaves(self.spec) if x.name == subset.name), None)
        if leaf is None:
            raise UsageError(
                f"lm-eval's {self.spec} has no task {subset.name!r} any more; set MEVALS_LM_EVAL_PATH as before"
            )
        values = evaluate(open_task(leaf, self.shots), responses)
        return [self._one(r, values.get(r.id)) for r in responses]

    def aggregate(self, values: Any, stats: Any) -> float | None:
        return mean_of_scored(values)

    def _one(self, response: Response, found: Mapping[tuple[str, str], Any] | None) -> Score:
        if found is None:
            return Score(response.id, None, response.error or "no answer to score")
        key = (self.which.name, self.which.filter)
        if key not in found:
            raise DataError(f"lm-eval gives no {self.metric} for {response.id} of {self.spec}")
        return Score(response.id, checked_value(found[key], self.metric))


def checked_value(value: Any, metric: str) -> float | None:
    """A document's value as a share of 1, None for NaN. Raises DataError for anything else."""
    if isinstance(value, bool | int | float) or hasattr(value, "item"):
        number = float(value)
        if math.isnan(number):
            return None
        if 0.0 <= number <= 1.0:
            return number
    raise DataError(f"lm-eval's {metric} of a document is {value!r}; only values from 0 to 1 can be taken")


def evaluate(task: Any, responses: Sequence[Response]) -> dict[str, dict[tuple[str, str], Any]]:
    """Per response id the values that lm-eval gives, by (metric, filter); an answer that never came is left out.

    Does what `lm_eval.evaluate` does after asking: responses into instances, filters over all of them, then
    process_results per document and filter. Raises DataError where the task now asks something else than was answered.
    """
    answered = {r.id: r for r in responses if _is_answered(r, task.OUTPUT_TYPE)}
    _check_same(task, answered)
    every = task.instances
    kept = [i for i in every if str(i.doc_id) in answered]
    if not kept:
        return {}
    until = generation(task.config.generation_kwargs)["until"] if task.OUTPUT_TYPE == "generate_until" else ()
    for instance in kept:
        instance.resps, instance.filtered_resps = [_reply(answered[str(instance.doc_id)], instance, until)], {}
    task._instances = kept
    try:
        task.apply_filters()
    finally:
        task._instances = every
    values: dict[str, dict[tuple[str, str], Any]] = {}
    for doc_id, mine in grouped(kept):
        values[str(doc_id)] = {
            (metric, name): value
            for name in mine[0].filtered_resps
            for metric, value in task.process_results(mine[0].doc, [i.filtered_resps[name] for i in mine]).items()
        }
    return values


def _is_answered(response: Response, kind: str) -> bool:
    if kind == "multiple_choice":
        return response.choice_logprobs is not None and len(response.choice_logprobs) == len(response.choices)
    return response.text is not None


def _reply(response: Response, instance: Any, until: Sequence[str]) -> Any:
    """What lm-eval's own model would have returned for this request; whether an option is greedy is not known."""
    if instance.request_type == "loglikelihood":
        assert response.choice_logprobs is not None
        return response.choice_logprobs[instance.idx], False
    return cut(response.text or "", until)


def _check_same(task: Any, answered: Mapping[str, Response]) -> None:
    asked = {s.id: s for s in samples_of(task)}
    for name, response in answered.items():
        sample = asked.get(name)
        if sample is None or list(sample.messages) != list(response.messages) or sample.choices != response.choices:
            raise DataError(
                f"lm-eval's {task.config.task} asks something else now than what was answered (document {name}): its YAML or "
                "data has changed; run it again"
            )


@dataclass(frozen=True)
class Recorded:
    """A metric whose values another harness recorded beside each answer, in the tag `value:<metric>`."""

    metric: str
    better: Literal["higher", "lower"] = "higher"
    by: str = "lm-eval"
    needs: ClassVar[str] = ""
    scale: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def signature(self, subset: Subset) -> str:
        name, _, filtered = self.metric.partition(":")
        return f"{name}|filter:{filtered or 'none'}|by:{self.by}|recorded:imported|version:{VERSION}"

    def score(self, responses: Sequence[Response], subset: Subset) -> list[Score]:
        return [Score(r.id, self._value(r), "" if self._value(r) is not None else "not recorded") for r in responses]

    def aggregate(self, values: Any, stats: Any) -> float | None:
        return mean_of_scored(values)

    def _value(self, response: Response) -> float | None:
        text = response.tags.get(f"value:{self.metric}")
        return None if text is None else float(text)


def scorers_for(spec: str, leaves: Sequence[Leaf], shots: int | None) -> tuple[Scorer, ...]:
    """One scorer per metric that every leaf has. Raises UsageError where there is none."""
    version = lm_eval_version()
    found = {leaf.name: metrics_of(leaf) for leaf in leaves}
    common = [m for m in found[leaves[0].name][0] if all(m in means for means, _ in found.values())]
    if not common:
        named = "; ".join(
            f"{n}: {', '.join(m.shown for m in means) or 'none'}" for n, (means, _) in list(found.items())[:4]
        )
        others = sorted({o for _, rest in found.values() for o in rest})
        more = f" (not means over documents, or not to be had here: {', '.join(others)})" if others else ""
        raise UsageError(
            f"{PREFIX}{spec} has no metric that all its tasks share as a mean over documents: {named}{more}; "
            "name tasks with one metric"
        )
    versions = tuple((leaf.name, leaf.version) for leaf in leaves)
    return tuple(Bridged(spec, metric, versions, version, shots) for metric in dict.fromkeys(common))


def stored_scorers(meta: Mapping[str, Any]) -> tuple[Scorer, ...]:
    """The scorers of a stored cell of an `lm_eval:` task, told from what its answers were made with."""
    identity = meta["identity"]
    if "recorded" in identity:
        return tuple(Recorded(m, b) for m, b in identity["recorded"])
    shots = identity["shots"]
    return scorers_for(identity["spec"], find_leaves(identity["spec"]), shots)
