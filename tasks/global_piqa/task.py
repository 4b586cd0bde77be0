"""Global PIQA, non-parallel: which of two ways to go on is right, by a generated letter or by log-likelihood."""

from collections.abc import Iterator

from mevals import languages
from mevals.task import Card, Row, Sample, Subset, choice, likelihood, task, user

LETTERS = ("A", "B")


@task(scorers=[choice()], max_tokens=256, kind="choice")
def global_piqa(card: Card, subset: Subset) -> Iterator[Sample]:
    variant = card.condition.get("prompt", "default")
    prefix = card.prompt(subset, f"_{variant}_prefix")
    instruction = card.prompt(subset, prefix=prefix, letters=", ".join(LETTERS))
    shape = "_options" if is_spaced(subset) else "_unspaced_options"
    for i, row in enumerate(card.rows(subset), 1):
        options = card.prompt(subset, shape, **{k: row[k] for k in ("prompt", "solution0", "solution1")})
        prompt = f"{instruction}\n\n{options}"
        tags = {"prefix": prefix}
        yield Sample(identity(row, i), [user(prompt)], (LETTERS[row["label"]],), choices=solutions(row), tags=tags)


@task(scorers=[likelihood()], max_tokens=1, how="choose", kind="choice", only=lambda s: is_spaced(s), variants=[])
def global_piqa_cloze(card: Card, subset: Subset) -> Iterator[Sample]:
    for i, row in enumerate(card.rows(subset), 1):
        yield Sample(identity(row, i), [user(row["prompt"])], (LETTERS[row["label"]],), choices=solutions(row))


def is_spaced(subset: Subset) -> bool:
    """Whether an option stands behind a space, as the log-likelihood of lm-eval has it."""
    return not languages.get(subset.lang).unspaced


def identity(row: Row, number: int) -> str:
    """The data set's own id, or the question's number."""
    return str(row.get("example_id") or number)


def solutions(row: Row) -> tuple[str, str]:
    """The two ways to go on."""
    return row["solution0"], row["solution1"]
