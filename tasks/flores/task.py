"""FLORES+ devtest: 1,012 sentences, from English into each language and back."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from mevals import languages
from mevals.task import Card, Sample, Subset, chrf, fidelity, layout, task, user
from mevals.unpack import read_lines


@task(scorers=[chrf(), fidelity()], max_tokens=512, kind="translation", out_of="eng_Latn")
def flores_en_xx(card: Card, subset: Subset) -> Iterator[Sample]:
    for en, xx in card.parallel("eng_Latn", subset):
        yield sample(card, subset, en, xx)


@task(scorers=[chrf(), fidelity()], max_tokens=512, kind="translation", into="eng_Latn")
def flores_xx_en(card: Card, subset: Subset) -> Iterator[Sample]:
    for xx, en in card.parallel(subset, "eng_Latn"):
        yield sample(card, subset, xx, en)


def sample(card: Card, subset: Subset, source: dict, target: dict) -> Sample:
    """One sentence to translate; the same id in every language."""
    text = source["text"]
    return Sample(str(source["id"]), [user(card.prompt(subset, text=text))], (target["text"],), text)


@layout
def flores_archive(folder: Path) -> Iterable:
    """The FLORES-200 release: devtest/<code>.devtest, one sentence per line, in FLORES-200's own codes."""
    for path in sorted(folder.rglob("*.devtest")):
        rows = [{"id": i, "text": text} for i, text in enumerate(read_lines(path), 1)]
        yield languages.resolve(path.stem, "flores200").key, "devtest", rows
