"""WMT24++: English into 55 locales; bad sources and the canary are left out."""

from collections.abc import Iterator

from mevals.task import Card, Sample, Subset, chrf, fidelity, task, user


@task(scorers=[chrf(), fidelity()], max_tokens=1024, kind="translation")
def wmt24pp(card: Card, subset: Subset) -> Iterator[Sample]:
    for row in card.rows(subset):
        if row["is_bad_source"] or row["domain"] == "canary":
            continue
        prompt = card.prompt(subset, text=row["source"])
        tags = {"domain": row["domain"], "document": row["document_id"]}
        yield Sample(
            f"{row['document_id']}:{row['segment_id']}", [user(prompt)], (row["target"],), row["source"], tags=tags
        )
