"""Global-MMLU: questions with four options, by log-likelihood as the report asks them, or by a generated letter."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from mevals.errors import DataError
from mevals.task import Card, Row, Sample, Subset, assistant, choice, layout, likelihood, task, user

LETTERS = ("A", "B", "C", "D")
OPTIONS = ("option_a", "option_b", "option_c", "option_d")


@task(scorers=[likelihood()], max_tokens=1, how="choose", kind="choice", shots=True)
def global_mmlu(card: Card, subset: Subset) -> Iterator[Sample]:
    cue = card.prompt(subset)
    examples = card.exemplars(subset) if card.condition.shots else []
    for row in card.rows(subset):
        shown = [
            f"{asked(card, subset, r)}\n{cue}: {r['answer']}" for r in nearest(examples, row, card.condition.shots)
        ]
        prompt = "\n\n".join([*shown, f"{asked(card, subset, row)}\n{cue}:"])
        yield Sample(row["sample_id"], [user(prompt)], (row["answer"],), choices=LETTERS, tags=tags_of(row))


@task(scorers=[choice()], max_tokens=512, kind="choice", shots=True)
def global_mmlu_gen(card: Card, subset: Subset) -> Iterator[Sample]:
    cue = card.prompt(subset)
    variant = card.condition.get("prompt", "default")
    instruction = card.prompt(subset, f"_{variant}_instruction", prefix=cue, letters=", ".join(LETTERS))
    examples = card.exemplars(subset) if card.condition.shots else []
    for row in card.rows(subset):
        turns = []
        for example in nearest(examples, row, card.condition.shots):
            turns += [
                user(f"{instruction}\n\n{asked(card, subset, example)}"),
                assistant(f"{cue}: {example['answer']}"),
            ]
        messages = [*turns, user(f"{instruction}\n\n{asked(card, subset, row)}")]
        options = tuple(row[o] for o in OPTIONS)
        yield Sample(
            row["sample_id"], messages, (row["answer"],), choices=options, tags={**tags_of(row), "prefix": cue}
        )


def asked(card: Card, subset: Subset, row: Row) -> str:
    """The question with its lettered options."""
    return card.prompt(subset, "_question", question=row["question"].strip(), **{o: row[o] for o in OPTIONS})


def nearest(examples: Sequence[Row], row: Row, shots: int) -> Sequence[Row]:
    """The first exemplars of the question's own subject, filled up with the first of the others."""
    own = [e for e in examples if e["subject"] == row["subject"]]
    return [*own, *(e for e in examples if e["subject"] != row["subject"])][:shots]


def tags_of(row: Row) -> dict[str, str]:
    """Subject and category; culture is CS or CA where annotators said so."""
    culture = row.get("cultural_sensitivity_label") or ""
    found = {"culture": culture.strip("-"), "subject_category": row.get("subject_category") or ""}
    return {"subject": row["subject"], **{k: v for k, v in found.items() if v}}


@layout
def mmlu_csv(folder: Path) -> Iterable:
    """English MMLU as CSV: test/<subject>_test.csv and dev/<subject>_dev.csv, with a header or without."""
    for split in ("test", "dev"):
        rows = [row for path in sorted(folder.rglob(f"{split}/*_{split}.csv")) for row in read_subject(path, split)]
        if rows:
            yield "eng_Latn", split, rows


def read_subject(path: Path, split: str) -> list[dict[str, str]]:
    """One subject's questions with Global-MMLU's field names; the CSV has neither category nor culture labels."""
    subject = path.stem.removesuffix(f"_{split}")
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))
    lines = lines[1:] if lines and lines[0][0] == "question" else lines
    rows = []
    for i, line in enumerate(lines):
        if len(line) != 6 or line[5] not in (*LETTERS, "0", "1", "2", "3"):
            raise DataError(f"{path}, question {i + 1}: needs a question, four options and an answer A to D or 0 to 3")
        answer = LETTERS[int(line[5])] if line[5].isdigit() else line[5]
        named = dict(zip(("question", *OPTIONS), line, strict=False))
        rows.append({"sample_id": f"{subject}/{split}/{i}", "subject": subject, **named, "answer": answer})
    return rows
