"""Which language an lm-eval task is in; needs no lm-eval."""

from __future__ import annotations

from typing import Any

import pytest

from mevals.bridge.language import told_language
from mevals.errors import UsageError

NAMES = frozenset(
    {"xcopa_et", "xcopa_id", "xcopa_it", "include_base_44_swahili_stem", "include_base_44_bengali_stem"}
    | {
        "belebele_npi_Latn",
        "belebele_hau_Latn",
        "belebele_ibo_Latn",
        "include_base_44_turkish_stem",
        "arc_easy",
        "bigbench_chinese_remainder_theorem",
    }
)


@pytest.mark.parametrize(
    ("name", "config", "lang", "source", "by"),
    [
        ("global_mmlu_full_sw_anatomy", {"dataset_name": "sw"}, "swh_Latn", None, "dataset_name"),
        ("global_mmlu_full_zh_anatomy", {"dataset_name": "zh"}, "cmn_Hans", None, "dataset_name"),
        ("include_base_44_swahili_stem", {"dataset_name": "Swahili"}, "swh_Latn", None, "dataset_name"),
        ("include_base_44_swahili_stem", {}, "swh_Latn", None, "name"),
        ("xnli_sw", {"dataset_name": "sw"}, "swh_Latn", None, "dataset_name"),
        ("mgsm_direct_bn", {"dataset_name": "bn"}, "ben_Beng", None, "dataset_name"),
        ("belebele_swh_Latn", {"test_split": "swh_Latn"}, "swh_Latn", None, "test_split"),
        ("belebele_swh_Latn", {}, "swh_Latn", None, "name"),
        ("openai_mmlu_SW-KE", {"dataset_name": "SW_KE"}, "swh_Latn", None, "dataset_name"),
        ("xcopa_et", {}, "ekk_Latn", None, "name"),
        ("xquad_es", {"dataset_name": "xquad.es"}, "spa_Latn", None, "dataset_name"),
        ("flores_x", {"dataset_name": "eng_Latn-swh_Latn"}, "swh_Latn", "eng_Latn", "dataset_name"),
        ("flores_ace_Arab-eng_Latn", {"dataset_name": "ace_Arab-eng_Latn"}, "eng_Latn", "ace_Arab", "dataset_name"),
        ("catalan_bench_flores_ca-de", {"dataset_name": "all"}, "deu_Latn", "cat_Latn", "name"),
        ("mine", {"metadata": {"language": "swh_Latn"}, "dataset_name": "en"}, "swh_Latn", None, "metadata"),
    ],
)
def test_the_language_is_told_by_metadata_data_set_or_family(
    name: str, config: dict[str, Any], lang: str, source: str | None, by: str
) -> None:
    told = told_language(name, config, "", NAMES)
    assert (told.lang, told.source, told.by) == (lang, source, by)


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("gsm8k", {"dataset_name": "main"}),
        ("arc_easy", {"dataset_name": "ARC-Easy"}),
        ("bigbench_chinese_remainder_theorem", {"dataset_name": "chinese_remainder_theorem_zero_shot"}),
        ("csatqa_li", {"dataset_name": "LI"}),
        ("belebele_npi_Latn", {"dataset_name": "npi_Latn"}),
        ("alone_sw", {}),
        ("mlqa_ar_de", {"dataset_name": "mlqa.ar.de"}),
        ("mafand_amh-en_prompt_1", {"dataset_name": "en-amh"}),
    ],
)
def test_what_does_not_tell_a_language_is_refused_with_the_way_to_say_it(name: str, config: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"lm_eval:{name}=swh_Latn"):
        told_language(name, config, "", NAMES)


def test_an_ambiguous_code_names_the_varieties_it_may_mean() -> None:
    with pytest.raises(UsageError, match="cmn_Hans"):
        told_language("xnli_zh", {"dataset_name": "zh"}, "", NAMES)


def test_what_the_user_says_goes_before_everything() -> None:
    assert told_language("gsm8k", {"dataset_name": "sw"}, "en").lang == "eng_Latn"
