"""For people who write tasks: `mevals new task` makes a folder that runs; `mevals validate` says all that is wrong with one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from mevals import languages
from mevals.card import read_card
from mevals.condition import Condition
from mevals.data import Mini
from mevals.errors import MevalsError, UsageError, did_you_mean
from mevals.plan import Planned
from mevals.registry import Task, all_tasks, load_folder
from mevals.store import write_atomically
from mevals.types import Sample

KINDS = {
    "translation": (
        "source",
        "target",
        "Translate the following text into {language}. Answer with the translation only.\n\n{question}",
    ),
    "multiple_choice": ("question", "answer", "{question}\n\n{options}\n\nAnswer with the letter of the right option."),
    "short_answer": ("question", "answers", "{question}\nAnswer in {language}, in as few words as you can."),
    "open_ended": ("prompt", "", "{question}"),
    "classification": ("text", "label", "{question}\n\nWhich of these fits?\n{options}\n\nAnswer with the letter."),
}
"""Kind of task → field of the question, field of the answer, prompt."""
EXAMPLES = {
    "translation": {"source": "Good morning.", "target": "…"},
    "multiple_choice": {"question": "2 + 2 = ?", "a": "3", "b": "4", "c": "5", "d": "22", "answer": "B"},
    "short_answer": {"question": "2 + 2 = ?", "answers": ["4", "four"]},
    "open_ended": {"prompt": "Describe your town."},
    "classification": {"text": "What a lovely day!", "label": "pos"},
}


def new_task(name: str, kind: str, folder: Path, dataset: str, langs: list[str]) -> Path:
    """Write a task folder that runs as it is, to be filled with real data. Returns it.

    Raises UsageError for an unknown kind or language, a name that is taken, or a folder that exists.
    """
    if kind not in KINDS:
        raise UsageError(f"unknown kind of task {kind!r}{did_you_mean(kind, KINDS)} Known: {', '.join(KINDS)}")
    if not name.isidentifier() or name in all_tasks():
        raise UsageError(
            f"{name!r} can't be the task's name: it must be a plain word with underscores that no other task has"
        )
    target = folder / name
    if target.exists():
        raise UsageError(f"{target} exists already; choose another name or --into another folder")
    keys = languages.select(langs or ["eng_Latn", "swh_Latn", "hin_Deva"])
    question, answer, prompt = KINDS[kind]
    card = _CARD.format(name=name, dataset=dataset or "self", template=_template(kind, question, answer))
    listed = "".join(f"  {key}: {json.dumps(key)}\n" for key in keys)
    write_atomically(
        target / "card.yaml", (card + "languages:  # our key: the data set's own name\n" + listed).encode()
    )
    write_atomically(target / "prompts.yaml", f"default: {json.dumps(prompt)}\n".encode())
    for key in keys:
        row = json.dumps(EXAMPLES[kind], ensure_ascii=False) + "\n"
        write_atomically(target / "mini" / f"{key}.jsonl", row.encode())
    return target


_CARD = """title: {name}
version: 1
about: what it asks, in a sentence
license: unknown
citation: who made it, and where it is described
dataset: {dataset}  # on the hub; or "self", with files read by `mevals data import {name} PATH --mirror DIR`
revision: null  # a 40-digit commit; null is pinned by the first fetch
split: test
origin: native  # native | human-translated | machine-translated | post-edited | mixed
samples: 1  # per language, for plans
tokens: {{prompt: 50, output: 50}}
template:
{template}"""


def _template(kind: str, question: str, answer: str) -> str:
    lines = [f"  kind: {kind}", f"  question: {question}"]
    if answer:
        lines.append(f"  answer: {answer}")
    if kind == "multiple_choice":
        lines.append("  choices: [a, b, c, d]")
    if kind == "classification":
        lines.append("  labels: {pos: positive, neg: negative}")
    return "\n".join(lines) + "\n"


def problems(folder: Path) -> Iterator[str]:
    """Everything that is wrong with a task folder, a sentence each; nothing where all is well."""
    if not folder.is_dir():
        yield f"{folder} is no folder"
        return
    try:
        read_card(folder)
    except MevalsError as error:
        yield str(error)
        return
    try:
        tasks = load_folder(folder)
    except MevalsError as error:
        yield str(error)
        return
    for task in tasks:
        yield from _task_problems(task)


def _task_problems(task: Task) -> Iterator[str]:
    try:
        subsets = task.subsets()
    except MevalsError as error:
        yield f"{task.name}: {error}"
        return
    if not subsets:
        yield f"{task.name} has no languages"
    data = Mini()
    present = [c for c in (Planned(task, s, Condition()) for s in subsets.values()) if c.is_in(data)]
    if not present:
        yield f"{task.name} has no mini data: {task.folder / 'mini'} needs <subset>.jsonl for at least one subset"
    for planned in present:
        try:
            yield from (
                f"{task.name} {planned.subset.name}: {p}" for p in _sample_problems(list(planned.samples(data)))
            )
        except MevalsError as error:
            yield f"{task.name} {planned.subset.name}: {error}"


def _sample_problems(samples: list[Sample]) -> Iterator[str]:
    if not samples:
        yield "no samples"
    seen: set[str] = set()
    for sample in samples:
        if sample.id in seen:
            yield f"the id {sample.id!r} stands twice"
        seen.add(sample.id)
        if not any(m["content"].strip() for m in sample.messages):
            yield f"sample {sample.id} asks nothing"


def validate(folder: Path) -> None:
    """Print that a folder is right, or raise UsageError with everything that is wrong with it."""
    import sys

    found = list(problems(folder))
    if found:
        more = f"; and {len(found) - 20} more" if len(found) > 20 else ""
        raise UsageError(f"{folder}: {len(found)} problem{'s' * (len(found) > 1)}: " + "; ".join(found[:20]) + more)
    print(f"{folder}: nothing is wrong with it", file=sys.stderr)
