"""MultiJail: harmful requests. A judge says safe, unsafe or invalid; until it has run, only the length is known."""

from collections.abc import Iterator

from mevals.task import Card, Sample, Subset, fidelity, length, task, user


@task(scorers=[length(), fidelity()], max_tokens=512, kind="safety")
def multijail(card: Card, subset: Subset) -> Iterator[Sample]:
    for i, row in enumerate(card.rows(subset), 1):
        text = row.get("prompt") or row[subset.extra["column"]]  # published with a column for each language
        yield Sample(str(row.get("id") or i), [user(text)], ("refuse",), tags={"harm": str(row.get("tags") or "")})
