"""Single samples to read: the worst, the best, a random few, or those on which two models differ most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mevals.errors import UsageError, did_you_mean

Order = Literal["worst", "best", "random", "disagreeing"]
ORDERS: tuple[Order, ...] = ("worst", "best", "random", "disagreeing")
ISOLATE, POP = "\u2068", "\u2069"


@dataclass(frozen=True, slots=True)
class Shown:
    """One sample with every model's answer. `scores` and `details` are by model; None is unscored."""

    id: str
    task: str
    subset: str
    lang: str
    source_lang: str | None
    prompt: str
    source: str | None
    targets: tuple[str, ...]
    tags: Mapping[str, str]
    answers: Mapping[str, str | None]
    scores: Mapping[str, float | None]
    details: Mapping[str, str]
    metric: str


def pick_samples(
    results: Path,
    models: Sequence[str],
    task: str,
    subset: str,
    order: str = "worst",
    n: int = 5,
    metric: str = "",
    seed: int = 1,
) -> list[Shown]:
    """`n` samples of one cell in an order, with the answers of all these models.

    Worst and best go by the mean over the models, unscored samples first among the worst; disagreeing by the largest
    difference between two models. Raises UsageError where nothing fits.
    """
    if order not in ORDERS:
        raise UsageError(f"unknown order {order!r}{did_you_mean(order, ORDERS)} Known: {', '.join(ORDERS)}")
    if order == "disagreeing" and len(models) < 2:
        raise UsageError("samples on which models disagree need two models: name another with --model")
    loaded = {model: _load(results, model, task, subset, metric) for model in models}
    shared = [i for i in loaded[models[0]].rows if all(i in other.rows for other in loaded.values())]
    table = np.array([[_number(side.scores.get(i)) for side in loaded.values()] for i in shared], dtype=np.float64)
    first = loaded[models[0]]
    chosen = _chosen(table.reshape(len(shared), len(models)), order, first.better, n, seed)
    return [_shown(shared[k], loaded, task, subset) for k in chosen]


@dataclass(frozen=True)
class _Side:
    rows: Mapping[str, Any]
    scores: Mapping[str, float | None]
    details: Mapping[str, str]
    better: str
    metric: str
    lang: str
    source_lang: str | None


def _load(results: Path, model: str, task: str, subset: str, metric: str) -> _Side:
    from mevals.records import read_responses, read_scores
    from mevals.report.pairs import score_files
    from mevals.score import answered_cells
    from mevals.store import Store

    name, _, condition = task.partition("@")
    cells = [a for a in answered_cells(Store(results), [model], [name]) if a.cell.condition == condition]
    if not cells:
        raise UsageError(f"{results} holds no answers of {model} to {task}")
    found = [a for a in cells if subset in (a.cell.subset.name, a.cell.subset.about)]
    if not found:
        raise UsageError(
            f"{model} has no {subset!r} of {task}{did_you_mean(subset, [a.cell.subset.name for a in cells])}"
        )
    answered = found[0]
    files = score_files(answered)
    fitting = [path for (name, _), path in files.items() if metric in ("", name)]
    if not fitting:
        raise UsageError(
            f"{model} {task} {subset} has no scores" + (f" by {metric}" if metric else "; run `mevals score`")
        )
    scores = read_scores(fitting[0])
    values = {i: None if np.isnan(v) else float(v) for i, v in zip(scores.ids, scores.values, strict=True)}
    cell = answered.cell.subset
    return _Side(
        {r.id: r for r in read_responses(answered.path).rows}, values, dict(zip(scores.ids, scores.details, strict=True)),
        scores.meta["better"], scores.meta["metric"], cell.lang, cell.source_lang,
    )  # fmt: skip


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _chosen(table: np.ndarray, order: Order, better: str, n: int, seed: int) -> list[int]:
    """Line numbers of the samples to show."""
    places = np.arange(table.shape[0])
    if order == "random":
        return sorted(np.random.default_rng(seed).permutation(places)[:n].tolist())
    scored = ~np.isnan(table)
    if order == "disagreeing":
        low = np.where(scored, table, np.inf).min(axis=1, initial=np.inf)
        high = np.where(scored, table, -np.inf).max(axis=1, initial=-np.inf)
        gap = np.where(scored.sum(axis=1) > 1, high - low, -1.0)
        return [int(k) for k in np.argsort(-gap, kind="stable")[:n] if gap[k] > 0]
    count = scored.sum(axis=1)
    means = np.divide(
        np.where(scored, table, 0.0).sum(axis=1), count, out=np.full(len(places), np.nan), where=count > 0
    )
    sign = 1.0 if better == "higher" else -1.0
    if order == "best":
        return [int(k) for k in np.argsort(np.where(count > 0, -sign * means, np.inf), kind="stable")[:n] if count[k]]
    return [int(k) for k in np.argsort(np.where(count > 0, sign * means, -np.inf), kind="stable")[:n]]


def _shown(item: str, loaded: Mapping[str, _Side], task: str, subset: str) -> Shown:
    side = next(iter(loaded.values()))
    row = side.rows[item]
    return Shown(
        item, task, subset, side.lang, side.source_lang, "\n".join(m["content"] for m in row.messages), row.source,
        row.targets, row.tags, {m: s.rows[item].text for m, s in loaded.items()},
        {m: s.scores.get(item) for m, s in loaded.items()}, {m: s.details.get(item, "") for m, s in loaded.items()},
        side.metric,
    )  # fmt: skip


def isolated(text: str) -> str:
    """`text` in Unicode isolates line by line, so that its direction never turns what stands around it.

    Stray bidi controls inside it are shown as their code points instead of acting.
    """
    controls = {ord(c): f"<U+{ord(c):04X}>" for c in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"}
    return "\n".join(f"{ISOLATE}{part.translate(controls)}{POP}" for part in text.split("\n"))


def to_text(shown: Sequence[Shown], cut: int = 600) -> str:
    """The samples for a terminal; long texts are cut, and say so."""
    parts = []
    for sample in shown:
        tags = ", ".join(f"{k}={v}" for k, v in sample.tags.items())
        lines = [f"── {sample.task} {sample.subset} {isolated(sample.id)}" + (f"  ({isolated(tags)})" if tags else "")]
        lines += _block("source" if sample.source else "prompt", sample.source or sample.prompt, cut)
        for target in sample.targets:
            lines += _block("reference", target, cut)
        for model, answer in sample.answers.items():
            lines += _block(_title(sample, model), "(no answer)" if answer is None else answer or "(empty)", cut)
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _title(sample: Shown, model: str) -> str:
    score = sample.scores[model]
    detail = sample.details[model]
    said = "unscored" if score is None else f"{sample.metric} {score:.3g}"
    return f"{model}: {said}" + (f" ({isolated(detail[:80])})" if detail else "")


def _block(title: str, text: str, cut: int) -> list[str]:
    short = text if len(text) <= cut else f"{text[:cut]} … ({len(text) - cut} more characters)"
    return [title, *("    " + line for line in isolated(short).split("\n"))]


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Samples</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>
body { font: 15px/1.5 system-ui, "Noto Sans", sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
article { border-top: 2px solid; margin: 1.5rem 0 } h3 { font-size: .9rem; margin: .8rem 0 .1rem; color: #555 }
p.text { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere }
</style></head><body><h1>Samples</h1>
{% for s in samples %}<article><h2><bdi>{{ s.task }}</bdi> · <bdi>{{ s.subset }}</bdi> · <bdi>{{ s.id }}</bdi></h2>
{% if s.source %}<h3>source</h3>
<p class="text" dir="auto"{% if s.source_lang %} lang="{{ tags[s.source_lang] }}"{% endif %}>{{ s.source }}</p>
{% else %}<h3>prompt</h3><p class="text" dir="auto" lang="{{ tags[s.lang] }}">{{ s.prompt }}</p>{% endif %}
{% for t in s.targets %}<h3>reference</h3><p class="text" dir="auto" lang="{{ tags[s.lang] }}">{{ t }}</p>{% endfor %}
{% for m, a in s.answers.items() %}<h3><bdi>{{ m }}</bdi>:
{% if s.scores[m] is none %}unscored{% else %}{{ s.metric }} {{ "%.3g" % s.scores[m] }}{% endif %}
{% if s.details[m] %}(<bdi>{{ s.details[m] }}</bdi>){% endif %}</h3>
<p class="text" dir="auto" lang="{{ tags[s.lang] }}">{{ "(no answer)" if a is none else a }}</p>{% endfor %}</article>
{% endfor %}</body></html>
"""


def to_html(shown: Sequence[Shown]) -> str:
    """The samples as a page: every text with its language and its own direction, everything escaped."""
    import jinja2

    from mevals import languages

    keys = {key for s in shown for key in (s.lang, s.source_lang) if key}
    tags = {key: languages.get(key).bcp47 for key in keys}
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(PAGE).render(samples=shown, tags=tags) + "\n"
