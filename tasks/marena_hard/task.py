"""m-ArenaHard, releases 1, 2.0 and 2.1: hard open-ended prompts that a judge scores.

Until it has run, only the answers' length is known.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mevals import languages
from mevals.data import read_jsonl
from mevals.task import Card, Sample, Subset, fidelity, layout, length, task, user


@task(scorers=[length(), fidelity()], max_tokens=2048)
def marena_hard(card: Card, subset: Subset) -> Iterator[Sample]:
    for row in card.rows(subset):
        names = ("category", "subcategory", "cluster")
        tags = {name: str(row[name]) for name in names if row.get(name)}
        yield Sample(str(row["question_id"]), [user(row["prompt"])], tags=tags)


@layout
def question_files(folder: Path) -> Iterable:
    """JSON lines of any release: …-<code>/question.jsonl (1, with turns), <code>.jsonl or <code>/test.jsonl (2.0, 2.1)."""
    for path in sorted(folder.rglob("*.jsonl")):
        code = path.stem if path.stem not in ("question", "test") else path.parent.name.rpartition("-")[2]
        benchmark = "marenahard_v1" if path.stem == "question" else "marenahard"
        yield languages.resolve(code, benchmark).key, "test", [flat(row) for row in read_jsonl(path)]


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with its prompt as one text. Release 1 names the data set where others name the category."""
    if "turns" not in row:
        return dict(row)
    return {"question_id": row["question_id"], "cluster": row["cluster"], "prompt": row["turns"][0]["content"]}
