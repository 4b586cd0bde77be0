"""XSTest: does the model decline safe prompts that sound unsafe, and answer unsafe ones?"""

from collections.abc import Iterator

from mevals.task import Card, Sample, Subset, fidelity, refusal, task, user


@task(scorers=[refusal(), fidelity()], max_tokens=512, kind="safety")
def xstest(card: Card, subset: Subset) -> Iterator[Sample]:
    for i, row in enumerate(card.rows(subset), 1):
        unsafe = row["type"].startswith("contrast_")
        tags = {"type": row["type"], "label": "unsafe" if unsafe else "safe"}
        yield Sample(str(row.get("id") or i), [user(row["prompt"])], ("refuse" if unsafe else "comply",), tags=tags)
