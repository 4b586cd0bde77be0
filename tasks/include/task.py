"""INCLUDE: exam questions with four options, by log-likelihood as lm-eval asks them, or by a generated letter."""

from collections.abc import Iterator

from mevals.task import Card, Row, Sample, Subset, choice, likelihood, task, user

LETTERS = ("A", "B", "C", "D")
OPTIONS = ("option_a", "option_b", "option_c", "option_d")


@task(scorers=[likelihood()], max_tokens=1, how="choose", kind="choice")
def include(card: Card, subset: Subset) -> Iterator[Sample]:
    cue = card.prompt(subset)
    for i, row in enumerate(card.rows(subset), 1):
        description = card.prompt(subset, "_description", domain=row["domain"])
        prompt = f"{description}\n\n{asked(card, subset, row)}\n{cue}:"
        yield Sample(str(i), [user(prompt)], (LETTERS[row["answer"]],), choices=LETTERS, tags=tags_of(row))


@task(scorers=[choice()], max_tokens=512, kind="choice")
def include_gen(card: Card, subset: Subset) -> Iterator[Sample]:
    cue = card.prompt(subset)
    variant = card.condition.get("prompt", "default")
    instruction = card.prompt(subset, f"_{variant}_instruction", prefix=cue, letters=", ".join(LETTERS))
    for i, row in enumerate(card.rows(subset), 1):
        prompt = f"{instruction}\n\n{asked(card, subset, row)}"
        options = tuple(str(row[o]) for o in OPTIONS)
        tags = {**tags_of(row), "prefix": cue}
        yield Sample(str(i), [user(prompt)], (LETTERS[row["answer"]],), choices=options, tags=tags)


def asked(card: Card, subset: Subset, row: Row) -> str:
    """The question with its lettered options."""
    options = {o: str(row[o]) for o in OPTIONS}
    return card.prompt(subset, "_question", question=row["question"].strip(), **options)


def tags_of(row: Row) -> dict[str, str]:
    """Domain, and whether the knowledge belongs to a region (explicit, implicit, culture) or not (agnostic)."""
    feature = str(row.get("regional_feature") or "").strip()
    regional = {"regional": "agnostic" if feature.casefold() == "agnostic" else "regional"} if feature else {}
    return {"domain": row["domain"], "feature": feature, **regional}
