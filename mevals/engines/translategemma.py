"""TranslateGemma's own message form: no prompt, but a text with the codes of its language and of the one wanted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import orjson

from mevals import languages
from mevals.errors import DataError, UsageError
from mevals.types import Sample, Subset

KIND = "translategemma"


def translation_samples(samples: Iterator[Sample], subset: Subset) -> Iterator[Sample]:
    """The samples with one message each, whose content is the JSON of the list that the model's chat template takes.

    Records hold it as it was sent. Raises DataError for a sample without a source text.
    """
    source, target = codes(subset)
    for sample in samples:
        if sample.source is None:
            raise DataError(f"the sample {sample.id!r} has no source text, so that a translation model can't be asked")
        part = {"type": "text", "source_lang_code": source, "target_lang_code": target, "text": sample.source}
        yield replace(sample, messages=({"role": "user", "content": orjson.dumps([part]).decode()},))


def codes(subset: Subset) -> tuple[str, str]:
    """Source and target as the model's template names them: BCP-47, with the country where the subset is a locale."""
    known = languages.load()
    target = known[subset.lang].bcp47
    locale = re.fullmatch(r"[a-z]{2,3}-(?P<lang>[a-z]{2,3})_(?P<country>[A-Z]{2})", subset.name)
    if locale and target.split("-")[0] == locale["lang"]:
        target = f"{locale['lang']}-{locale['country']}"
    return known[subset.source_lang or "eng_Latn"].bcp47, target


def check_task(model: str, task: str, kind: str, how: str) -> None:
    """Raise UsageError for a task that is no translation."""
    if kind != "translation" or how != "generate":
        raise UsageError(f"{model} only translates, so that {task} can't be asked: name translation tasks with --tasks")
