"""GlobalMGSM: grade-school word problems whose answer is an integer, reasoned out in the language of the question."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from mevals import languages
from mevals.errors import DataError
from mevals.task import Card, Sample, Subset, fidelity, layout, number, task, user
from mevals.unpack import read_lines


@task(scorers=[number(), fidelity()], max_tokens=1024, kind="number")
def global_mgsm(card: Card, subset: Subset) -> Iterator[Sample]:
    english = card.condition.get("prompt") == "english"
    for i, row in enumerate(card.rows(subset), 1):
        prefix = "Answer" if english else row.get("answer_prefix") or card.prompt(subset, "_answer_prefix")
        own = None if english else row.get("instruction")
        prompt = f"{own or card.prompt(subset, prefix=prefix)}\n\n{row['question']}"
        yield Sample(str(i), [user(prompt)], (str(row["answer"]),), row["question"], tags={"prefix": prefix})


@layout
def mgsm_tsv(folder: Path) -> Iterable:
    """The first MGSM release: mgsm_<code>.tsv with question and answer; numbers may hold thousands separators."""
    for path in sorted(folder.glob("mgsm_*.tsv")):
        rows = []
        for number_, line in enumerate(read_lines(path), 1):
            question, tab, answer = line.partition("\t")
            if not tab or not answer.replace(",", "").lstrip("-").isdigit():
                raise DataError(f"{path}, line {number_}: needs a question, a tab and an integer")
            rows.append({"question": question, "answer": answer.replace(",", "")})
        yield languages.resolve(path.stem.removeprefix("mgsm_"), "mgsm").key, "test", rows
