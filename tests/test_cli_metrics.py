"""Metrics judged from the command line: floors beside models, and supported languages."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Mevals = Callable[..., Any]


def test_baselines_stand_beside_the_models_of_a_translation_task(mevals: Mevals) -> None:
    mevals("run", "--model", "demo", "--tasks", "flores_en_xx", "--data", "mini", "--langs", "deu_Latn,ben_Beng")
    assert mevals("metrics", "baselines", "--task", "flores_en_xx").code == 0
    rows = {
        (r["model"], r["group"]): r["mean"]
        for r in json.loads(mevals("report", "--by", "lang", "--format", "json").out)
        if r["metric"] == "chrf"
    }
    assert rows["baseline:empty-output", "deu_Latn"] == 0.0
    assert 5 < rows["baseline:copy-source", "deu_Latn"] < 40
    assert rows["baseline:copy-source", "ben_Beng"] < rows["baseline:copy-source", "deu_Latn"]
    assert rows["demo", "deu_Latn"] > rows["baseline:copy-source", "deu_Latn"]


def test_baselines_of_nothing_are_refused(mevals: Mevals) -> None:
    ran = mevals("metrics", "baselines", "--task", "flores_en_xx")
    assert (ran.code, "run or import a model first" in ran.err) == (2, True)


def test_support_says_which_languages_an_encoder_never_saw(mevals: Mevals) -> None:
    ran = mevals("metrics", "support", "wmt22-comet-da", "--langs", "deu_Latn,zul_Latn,swh_Latn", "--format", "json")
    assert {r["language"]: r["supported"] for r in json.loads(ran.out)} == {
        "deu_Latn": "yes",
        "zul_Latn": "no",
        "swh_Latn": "yes",
    }
