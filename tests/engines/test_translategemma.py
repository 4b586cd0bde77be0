"""TranslateGemma is asked in its own message form, and only for translations."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from mevals.engines.client import Client
from mevals.engines.engine import Settings
from mevals.engines.translategemma import codes, translation_samples
from mevals.errors import DataError
from mevals.testing import SimServer
from mevals.types import Sample, Subset, user

SAMPLE = Sample("1", (user("Translate to German: The lake is calm."),), ("Der See ist ruhig.",), "The lake is calm.")
SUBSET = Subset("deu_Latn", "deu_Latn", "eng_Latn")


@pytest.mark.parametrize(
    ("subset", "expected"),
    [
        (SUBSET, ("en", "de")),
        (Subset("swh_Latn", "eng_Latn", "swh_Latn"), ("sw", "en")),
        (Subset("cmn_Hant", "cmn_Hant", "eng_Latn"), ("en", "zh-Hant")),
        (Subset("en-pt_BR", "por_Latn", "eng_Latn"), ("en", "pt-BR")),
        (Subset("en-fr_CA", "fra_Latn", "eng_Latn"), ("en", "fr-CA")),
    ],
)
def test_languages_are_named_as_the_template_names_them(subset: Subset, expected: tuple[str, str]) -> None:
    assert codes(subset) == expected


def test_a_sample_becomes_one_message_with_one_part() -> None:
    (sample,) = translation_samples(iter([SAMPLE]), SUBSET)
    (message,) = sample.messages
    part = {"type": "text", "source_lang_code": "en", "target_lang_code": "de", "text": "The lake is calm."}
    assert json.loads(message["content"]) == [part]
    assert sample.targets == SAMPLE.targets


def test_the_request_carries_the_part_itself() -> None:
    sent: list[Any] = []

    class Listening(Client):
        async def call(self, path: str, fields: Mapping[str, Any]) -> Any:
            sent.append((path, fields["messages"]))
            return {"model": "m", "choices": [{"message": {"content": "Der See"}, "finish_reason": "stop"}]}

    (sample,) = translation_samples(iter([SAMPLE]), SUBSET)
    engine = Listening(["http://127.0.0.1:1/v1"], "m", form="translategemma")
    assert asyncio.run(engine.ask(sample, Settings(), "generate")).text == "Der See"
    part = {"type": "text", "source_lang_code": "en", "target_lang_code": "de", "text": "The lake is calm."}
    assert sent == [("/chat/completions", [{"role": "user", "content": [part]}])]


def test_a_sample_without_a_source_is_refused() -> None:
    with pytest.raises(DataError, match="no source text"):
        list(translation_samples(iter([Sample("7", (user("x"),))]), SUBSET))


def test_a_task_that_is_no_translation_is_refused_and_nothing_is_written(
    mevals: Callable[..., Any], tmp_path: Any
) -> None:
    with SimServer("demo", served_names=["google/translategemma-4b-it=demo"]) as server:
        arguments = ("run", "--model", "translategemma-4b", "--base-url", server.base_url, "--data", "mini")
        ran = mevals(*arguments, "--tasks", "global_mgsm")
        assert ran.code == 2
        assert "only translates, so that global_mgsm can't be asked" in ran.err
        assert list(tmp_path.iterdir()) == []
