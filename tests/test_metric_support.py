"""Which languages a neural metric can judge."""

from __future__ import annotations

import csv
from importlib.resources import files

import pytest

from mevals import languages
from mevals.comet.models import model_cards
from mevals.errors import UsageError
from mevals.metric_support import covered, encoder_of, unsupported


@pytest.mark.parametrize("lang", ["mlt_Latn", "ibo_Latn", "sna_Latn", "wol_Latn", "yor_Latn", "zul_Latn"])
@pytest.mark.parametrize("metric", ["wmt22-comet-da", "wmt22-cometkiwi-da", "xcomet-xl", "Unbabel/wmt22-comet-da@abc"])
def test_comet_is_flagged_outside_xlm_rs_languages(metric: str, lang: str) -> None:
    assert unsupported(metric, lang) is True


@pytest.mark.parametrize("lang", ["deu_Latn", "swh_Latn", "mya_Mymr", "cmn_Hant", "zho_Hans", "xho_Latn", "plt_Latn"])
def test_comet_is_not_flagged_inside_them(lang: str) -> None:
    assert unsupported("wmt22-comet-da", lang) is False


@pytest.mark.parametrize(
    ("metric", "lang", "flag"),
    [
        ("africomet-mtl", "zul_Latn", False),
        ("africomet-mtl", "wol_Latn", True),
        ("metricx-24-hybrid-xl", "yor_Latn", False),
        ("metricx-24-hybrid-xl", "wol_Latn", True),
        ("metricx-24-hybrid-xl", "asm_Beng", True),
        ("chrf", "wol_Latn", False),
        ("chrf++", "wol_Latn", False),
    ],
)
def test_each_metric_goes_by_its_own_encoder(metric: str, lang: str, flag: bool) -> None:
    assert unsupported(metric, lang) is flag


@pytest.mark.parametrize(
    ("metric", "lang"), [("wmt22-comet-da", "arz_Arab"), ("my-own-metric", "deu_Latn"), ("ssa-comet-mtl", "yor_Latn")]
)
def test_what_nobody_can_say_is_none(metric: str, lang: str) -> None:
    assert unsupported(metric, lang) is None


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(UsageError):
        unsupported("wmt22-comet-da", "xxx_Xxxx")


def test_every_row_names_a_language_of_the_registry_and_its_source() -> None:
    with files("mevals").joinpath("data/encoder_languages.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["lang"] for row in rows} <= set(languages.load())
    assert {row["covers"] for row in rows} == {"yes", "part", "no"}
    assert all(row["source"] for row in rows)
    assert len({(row["encoder"], row["lang"]) for row in rows}) == len(rows)


def test_xlm_rs_hundred_languages_are_all_there() -> None:
    """100 with five romanised ones, Zawgyi Burmese and Chinese in two scripts; three are not in the registry."""
    with files("mevals").joinpath("data/encoder_languages.csv").open(encoding="utf-8") as file:
        listed = [row["lang"] for row in csv.DictReader(file) if (row["encoder"], row["covers"]) == ("xlm-r", "yes")]
    assert len(listed) + len({"bre", "fry", "lat"}) + len({"my_zaw"}) == 100


def test_every_encoder_that_a_card_names_is_in_the_table() -> None:
    for name, card in model_cards().items():
        if card.encoder:
            encoder = encoder_of(name)
            assert encoder is not None, name
            assert covered(encoder)["eng_Latn"] == "yes"
