"""lm-eval's requests as our samples and settings, so that our engine asks exactly what lm-eval would."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from mevals.bridge.tasks import Leaf
from mevals.errors import DataError, UsageError
from mevals.types import Sample, user

if TYPE_CHECKING:
    from mevals.engines.engine import Settings

TAGS = ("domain", "subject", "subject_category", "cultural_sensitivity_label", "regional_feature", "country")
"""Fields of a document that are kept as tags where they are text."""
MAX_TOKENS = 256
"""lm-eval's own budget where a task names none (lm_eval.defaults.DEFAULT_MAX_GEN_TOKS)."""
BUDGETS = ("max_gen_toks", "max_new_tokens", "max_tokens")


def samples_of(task: Any) -> Iterator[Sample]:
    """One sample per document of an opened task, its id the document's number in lm-eval's order.

    Raises DataError for a document that can't be asked as one question.
    """
    for doc_id, instances in grouped(task.instances):
        first = instances[0]
        prompt, choices, delimiter = _question(task, instances)
        tags = {k: first.doc[k] for k in TAGS if isinstance(first.doc.get(k), str)} | delimiter
        yield Sample(str(doc_id), (user(prompt),), _targets(task, first.doc, choices), choices=choices, tags=tags)


def grouped(instances: Sequence[Any]) -> Iterator[tuple[int, list[Any]]]:
    """lm-eval's instances by document, each document's in the order of its options."""
    for doc_id, found in groupby(instances, key=lambda i: i.doc_id):
        yield doc_id, sorted(found, key=lambda i: i.idx)


def _question(task: Any, instances: Sequence[Any]) -> tuple[str, tuple[str, ...], dict[str, str]]:
    """(prompt, choices, tags) of one document."""
    name = instances[0].task_name
    if task.OUTPUT_TYPE == "generate_until":
        prompt, asked = instances[0].args[:2]
        if generation(asked) != generation(task.config.generation_kwargs):
            raise DataError(f"lm-eval's {name} asks document {instances[0].doc_id} with settings of its own")
        return str(prompt), (), {}
    contexts = {i.args[0] for i in instances}
    if len(contexts) > 1:
        raise DataError(
            f"lm-eval's {name} shows another context with each option (or weighs options by themselves); the bridge asks "
            "options behind one context"
        )
    return split_options(contexts.pop(), [i.args[1] for i in instances])


def split_options(context: str, continuations: Sequence[str]) -> tuple[str, tuple[str, ...], dict[str, str]]:
    """A prompt and its options such that our engine scores the same text as lm-eval, and the tag that it needs for that.

    White space at the context's end goes to the options, as `_encode_pair` of lm-eval has it. The engine itself puts one
    space before an option; where lm-eval has something else there, the tag `delimiter` says to add nothing.
    """
    prompt = context.rstrip()
    options = [context[len(prompt) :] + c for c in continuations]
    if all(o.startswith(" ") for o in options):
        return prompt, tuple(o[1:] for o in options), {}
    return prompt, tuple(options), {"delimiter": "none"}


def _targets(task: Any, doc: Mapping[str, Any], choices: Sequence[str]) -> tuple[str, ...]:
    """The right answers as text, for readers; scoring asks lm-eval itself."""
    gold = task.doc_to_target(doc)
    every = gold if isinstance(gold, list) else [gold]
    return tuple(choices[g] if isinstance(g, int) and 0 <= g < len(choices) else str(g) for g in every)


def generation(kwargs: Mapping[str, Any] | None) -> dict[str, Any]:
    """lm-eval's generation arguments with one name for each, greedy unless they say otherwise.

    Raises UsageError for an argument that our engine has no field for.
    """
    given = dict(kwargs or {})
    until = given.pop("until", None) or []
    budget = next((given.pop(name) for name in BUDGETS if given.get(name)), MAX_TOKENS)
    sampled = given.pop("do_sample", None)
    temperature = given.pop("temperature", None)
    if sampled is False or (sampled is None and temperature is None):
        temperature = 0.0
    elif temperature is None:
        temperature = 1.0
    top_p, top_k = given.pop("top_p", 1.0), given.pop("top_k", None)
    for name in (*BUDGETS, "num_return_sequences"):
        given.pop(name, None)
    if given:
        raise UsageError(f"lm-eval's generation argument {next(iter(given))!r} has no counterpart here")
    return {
        "until": tuple([until] if isinstance(until, str) else until),
        "max_tokens": int(budget),
        "temperature": float(temperature),
        "top_p": float(top_p),
        "top_k": top_k,
    }


def settings_of(leaf: Leaf, max_tokens: int | None) -> Settings:
    """What is sent beside the prompt; `max_tokens` replaces the task's budget."""
    from mevals.engines.engine import Settings

    if leaf.kind != "generate_until":
        return Settings(max_tokens=1)
    kwargs = leaf.config.get("generation_kwargs")
    fallback = {"until": leaf.config.get("fewshot_delimiter", "\n\n")}
    asked = generation({**fallback, **(kwargs or {})})
    greedy = asked["temperature"] == 0.0
    extra = {"top_k": asked["top_k"]} if asked["top_k"] is not None and not greedy else {}
    return Settings(
        max_tokens=max_tokens or asked["max_tokens"],
        temperature=asked["temperature"],
        top_p=1.0 if greedy else asked["top_p"],
        stop=tuple(u for u in asked["until"] if u),
        extra=extra,
    )


def cut(text: str, until: Sequence[str]) -> str:
    """An answer up to the first stop string, as lm-eval cuts it where a server doesn't stop by itself."""
    for stop in until:
        text = text.split(stop)[0] if stop else text
    return text
