"""Which of the report's figures a set of cells can give, by name, and why the others can't."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mevals.errors import UsageError, did_you_mean
from mevals.report.values import Value, models_of


@dataclass(frozen=True)
class Wish:
    """What figures to draw. `base` is the model that variants and dumbbells compare with; `family` a prefix of names."""

    only: tuple[str, ...] = ()
    family: str = ""
    base: str = ""
    against: str = ""
    variants: tuple[str, ...] = ()
    task: str = ""


@dataclass(frozen=True)
class Drawn:
    """Figures by file name, and for each that could not be drawn, why."""

    figures: Mapping[str, Any]
    missing: Mapping[str, str] = field(default_factory=dict)


FIGURE_1 = ("mdolly", "marena_hard", "global_mgsm", "flores_en_xx", "global_mmlu", "wmt24pp")
NAMES = (
    "1-regions", "3-tokens", "4-mixes", "5-web-presence", "6-languages", "7-variants", "9-normad", "11-blend",
    "12-english-local", "13-throughput", "14-variants-all", "15-variants-web", "heatmap", "slope", "ranks", "judge-trust",
)  # fmt: skip


def draw(
    values: Sequence[Value],
    wish: Wish = Wish(),
    *,
    mixes: Any = None,
    tokens: Any = None,
    times: Mapping[str, Sequence[tuple[float, int]]] | None = None,
    evidence: Mapping[str, Sequence[Any]] | None = None,
) -> Drawn:
    """Every figure that the data can give, or those of `wish.only`. Raises UsageError for an unknown name.

    `mixes` are published numbers with data shares, `tokens` a tokenizer report by script, `times` latencies and output
    tokens by model, `evidence` what is known of a judge by language.
    """
    for name in wish.only:
        if name not in NAMES and name not in {n.partition("-")[0] for n in NAMES}:
            raise UsageError(f"unknown figure {name!r}{did_you_mean(name, NAMES)} Known: {', '.join(NAMES)}")
    makers = _makers(values, wish, mixes, tokens, times, evidence)
    figures, missing = {}, {}
    for name in NAMES:
        if wish.only and name not in wish.only and name.partition("-")[0] not in wish.only:
            continue
        try:
            figures[f"figure-{name}" if name[0].isdigit() else name] = makers[name]()
        except UsageError as error:
            missing[name] = str(error)
    return Drawn(figures, missing)


def _makers(
    values: Sequence[Value], wish: Wish, mixes: Any, tokens: Any, times: Any, evidence: Any
) -> dict[str, Callable[[], Any]]:
    from mevals.report import figures as f

    tasks = {v.task for v in values if v.metric != "length" and v.value is not None}
    models = models_of(values)
    task = wish.task or next((t for t in ("mdolly", "flores_en_xx", "global_mgsm", *sorted(tasks)) if t in tasks), "")
    base = wish.base or (models[0] if models else "")
    having = models_of(v for v in values if v.task == (wish.task or "flores_en_xx"))
    against = wish.against or next((m for m in having if m != base), "")
    variants = wish.variants or tuple(m for m in models if wish.family and m.startswith(wish.family) and m != base)
    flores = wish.task or "flores_en_xx"

    def need(given: Any, what: str) -> Any:
        if not given:
            raise UsageError(what)
        return given

    def shift(task: str, by: str) -> Callable[[], Any]:
        return lambda: f.difference_by(
            _of(values, task),
            task,
            base,
            need(variants, "name the variants of a model: --base, and --variants or --family"),
            by,
        )

    normad = "normad" if any(v.task == "normad" and v.country and v.about for v in values) else ""
    return {
        "1-regions": lambda: f.best_by_region(values, [t for t in FIGURE_1 if _languages(values, t) > 1], wish.family),
        "3-tokens": lambda: f.tokens_by_script(need(tokens, "give texts and tokenizers: --tokenizer and --texts")),
        "4-mixes": lambda: f.data_mixes(need(mixes, "only published numbers hold shares of training data: --reported")),
        "5-web-presence": lambda: f.by_web_presence(_of(values, task), task),
        "6-languages": lambda: f.dumbbell(_of(values, flores), flores, base, against),
        "7-variants": shift(flores, "region"),
        "9-normad": lambda: f.countries(_of(values, need(normad, "no NormAd scores by country")), "normad"),
        "11-blend": lambda: f.countries(_of(values, "blend_sqa"), "blend_sqa"),
        "12-english-local": lambda: f.english_minus_local(values),
        "13-throughput": lambda: f.throughput(need(times, "no answers with times in the results folder")),
        "14-variants-all": shift(task, "all"),
        "15-variants-web": shift(task, "web-presence"),
        "heatmap": lambda: f.heatmap(values, base),
        "slope": lambda: f.slope_chart(values, *_two(values, task)),
        "ranks": lambda: f.rank_chart(_of(values, task), task),
        "judge-trust": lambda: f.judge_trust(need(evidence, "no evidence about a judge is given")),
    }


def _of(values: Sequence[Value], task: str) -> list[Value]:
    """The values of a task. Raises UsageError where there are none."""
    found = [v for v in values if v.task == task and v.metric != "length"]
    if not found:
        raise UsageError(f"there are no scores on {task or 'any task'}")
    return found


def _languages(values: Sequence[Value], task: str) -> int:
    return len({v.subset for v in values if v.task == task and v.metric != "length" and v.value is not None})


def _two(values: Sequence[Value], task: str) -> tuple[str, str]:
    """The task and another of which the same models have scores."""
    other = [t for t in dict.fromkeys(v.task for v in values if v.metric != "length") if t != task]
    if not other:
        raise UsageError("a slope chart needs two tasks")
    return task, other[0]


def response_times(results: Path, models: Sequence[str] = ()) -> dict[str, list[tuple[float, int]]]:
    """Latency and output tokens of every stored answer that has both, by model."""
    import pyarrow.parquet as pq

    from mevals.score import answered_cells
    from mevals.store import Store

    out: dict[str, list[tuple[float, int]]] = {}
    for answered in answered_cells(Store(results), models):
        table = pq.read_table(answered.path, columns=["latency_s", "output_tokens"]).to_pylist()
        rows = [(r["latency_s"], r["output_tokens"]) for r in table if r["latency_s"] and r["output_tokens"]]
        if rows:
            out.setdefault(answered.cell.model, []).extend(rows)
    return out
