"""The language registry: every spelling leads to one row or is refused with a suggestion."""

from __future__ import annotations

import unicodedata
from collections import Counter

import pytest

from mevals import languages
from mevals.errors import UsageError

WMT24PP = {
    "ar_EG": "arb_Arab",
    "ar_SA": "arb_Arab",
    "bg_BG": "bul_Cyrl",
    "bn_IN": "ben_Beng",
    "ca_ES": "cat_Latn",
    "cs_CZ": "ces_Latn",
    "da_DK": "dan_Latn",
    "de_DE": "deu_Latn",
    "el_GR": "ell_Grek",
    "es_MX": "spa_Latn",
    "et_EE": "ekk_Latn",
    "fa_IR": "pes_Arab",
    "fi_FI": "fin_Latn",
    "fil_PH": "fil_Latn",
    "fr_CA": "fra_Latn",
    "fr_FR": "fra_Latn",
    "gu_IN": "guj_Gujr",
    "he_IL": "heb_Hebr",
    "hi_IN": "hin_Deva",
    "hr_HR": "hrv_Latn",
    "hu_HU": "hun_Latn",
    "id_ID": "ind_Latn",
    "is_IS": "isl_Latn",
    "it_IT": "ita_Latn",
    "ja_JP": "jpn_Jpan",
    "kn_IN": "kan_Knda",
    "ko_KR": "kor_Hang",
    "lt_LT": "lit_Latn",
    "lv_LV": "lvs_Latn",
    "ml_IN": "mal_Mlym",
    "mr_IN": "mar_Deva",
    "nl_NL": "nld_Latn",
    "no_NO": "nob_Latn",
    "pa_IN": "pan_Guru",
    "pl_PL": "pol_Latn",
    "pt_BR": "por_Latn",
    "pt_PT": "por_Latn",
    "ro_RO": "ron_Latn",
    "ru_RU": "rus_Cyrl",
    "sk_SK": "slk_Latn",
    "sl_SI": "slv_Latn",
    "sr_RS": "srp_Cyrl",
    "sv_SE": "swe_Latn",
    "sw_KE": "swh_Latn",
    "sw_TZ": "swh_Latn",
    "ta_IN": "tam_Taml",
    "te_IN": "tel_Telu",
    "th_TH": "tha_Thai",
    "tr_TR": "tur_Latn",
    "uk_UA": "ukr_Cyrl",
    "ur_PK": "urd_Arab",
    "vi_VN": "vie_Latn",
    "zh_CN": "cmn_Hans",
    "zh_TW": "cmn_Hant",
    "zu_ZA": "zul_Latn",
}
FLORES_RENAMED = {
    "aka_Latn": "twi_Latn_asan1239",
    "ajp_Arab": "apc_Arab_sout3123",
    "apc_Arab": "apc_Arab_nort3139",
    "est_Latn": "ekk_Latn",
    "grn_Latn": "gug_Latn",
    "kon_Latn": "ktu_Latn",
    "tgl_Latn": "fil_Latn",
    "twi_Latn": "twi_Latn_akua1239",
    "tzm_Tfng": "zgh_Tfng",
    "zho_Hans": "cmn_Hans",
    "zho_Hant": "cmn_Hant",
}
SIZES = {
    "flores200": 204,
    "wmt24pp": 55,
    "include": 44,
    "global_mmlu": 42,
    "global_mgsm": 41,
    "global_piqa": 136,
    "mdolly": 66,
    "paper_flores": 66,
    "paper_marenahard": 66,
    "paper_global_mgsm": 35,
    "marenahard": 67,
    "marenahard_v1": 23,
    "mgsm": 11,
    "mmmlu": 14,
    "multijail": 10,
    "blend": 16,
    "language_confusion": 15,
    "tinyaya_70": 70,
    "paper_table1": 68,
}
BINS = {
    1: "wo xh sn yo zu ig mt",
    2: "mg ha am jv lo ga pa tl cy km gu sw my te ur mr",
    3: "gl eu ta ms lv bn sl et lt fa ca hr hi sr he bg no fi",
    4: "th sk da hu ro el ar sv uk ko vi cs id tr nl pl it pt",
    5: "es fr zh ja de ru en",
}


MGSM = """
    ben_Beng cmn_Hans deu_Latn eng_Latn fra_Latn jpn_Jpan rus_Cyrl spa_Latn swh_Latn tel_Telu tha_Thai
"""


def message(code: str, benchmark: str | None = None) -> str:
    """What `resolve` says when it refuses."""
    with pytest.raises(UsageError) as refused:
        languages.resolve(code, benchmark)
    return str(refused.value)


def test_keys_names_and_spellings_are_unique() -> None:
    rows = languages.load()
    assert list(rows) == sorted(rows)
    assert all(key == row.key and key.split("_")[:2] == [row.iso639_3, row.script] for key, row in rows.items())
    assert len({row.name for row in rows.values()}) == len(rows)
    spellings = Counter(alias for row in rows.values() for alias in (row.key, *row.aliases))
    assert max(spellings.values()) == 1


@pytest.mark.parametrize(("benchmark", "size"), SIZES.items())
def test_each_benchmark_has_its_published_number_of_codes(benchmark: str, size: int) -> None:
    codes = [code for row in languages.load().values() for code in row.benchmarks.get(benchmark, ())]
    if benchmark == "paper_table1":  # 67 languages, of which Chinese in two scripts
        assert set(codes) >= {"zh", "zh-Hant"}
    assert len(codes) == len(set(codes)) == size


def test_every_code_of_every_benchmark_leads_back_to_its_row() -> None:
    for row in languages.load().values():
        for benchmark, codes in row.benchmarks.items():
            assert {languages.resolve(code, benchmark).key for code in codes} == {row.key}


def test_all_204_flores_200_codes_are_keys_or_aliases() -> None:
    codes = {code: row.key for row in languages.load().values() for code in row.benchmarks.get("flores200", ())}
    assert {code: languages.get(code).key for code in codes} == codes
    assert {code: key for code, key in codes.items() if code != key} == FLORES_RENAMED


@pytest.mark.parametrize(("locale", "key"), WMT24PP.items())
def test_a_wmt24pp_locale_is_a_language_and_a_country(locale: str, key: str) -> None:
    assert len(WMT24PP) == 55
    for spelling in (locale, f"en-{locale}", locale.replace("_", "-"), locale.lower()):
        language, country = languages.resolve_locale(spelling)
        assert (language.key, country) == (key, locale.split("_")[1])
    assert f"en-{locale}" in languages.get(key).benchmarks["wmt24pp"]


def test_a_language_without_a_country_has_none() -> None:
    assert languages.resolve_locale("deu_Latn") == (languages.get("deu_Latn"), None)
    assert languages.resolve_locale("de") == (languages.get("deu_Latn"), None)


@pytest.mark.parametrize(
    ("code", "key"),
    [
        ("swh_Latn", "swh_Latn"),
        ("SWH_latn", "swh_Latn"),
        ("swh-Latn", "swh_Latn"),
        ("sw", "swh_Latn"),
        ("swh", "swh_Latn"),
        ("Swahili", "swh_Latn"),
        ("pcm", "pcm_Latn"),
        ("pcm_Latn", "pcm_Latn"),
        ("tl", "fil_Latn"),
        ("tgl", "fil_Latn"),
        ("fil", "fil_Latn"),
        ("hi", "hin_Deva"),
        ("hi-Latn", "hin_Latn"),
        ("et", "ekk_Latn"),
        ("mn", "khk_Cyrl"),
        ("mn-CN", "khk_Mong"),
        ("sq", "als_Latn"),
        ("als", "als_Latn"),
        ("arb", "arb_Arab"),
        ("kas", "kas_Arab"),
        ("sr-Latn", "srp_Latn"),
        ("sr_Latn_RS", "srp_Latn"),
        ("sr-ME", "srp_Latn"),
        ("zh-Hans", "cmn_Hans"),
        ("zh-Hant", "cmn_Hant"),
        ("zh-Hant-HK", "cmn_Hant"),
        ("zh-HK", "cmn_Hant"),
        ("zh-SG", "cmn_Hans"),
        ("yue", "yue_Hant"),
        ("fa-AF", "prs_Arab"),
        ("az-IR", "azb_Arab"),
        ("uz-AF", "uzs_Arab"),
        ("ar-SY", "arb_Arab"),
        ("pt-br", "por_Latn"),
        ("nl-BE", "nld_Latn"),
        ("North Macedonian", "mkd_Cyrl"),
        ("Chinese", "cmn_Hans"),
        ("fra_latn_cana", "fra_Latn"),
        ("apc_arab_leba", "apc_Arab_nort3139"),
        ("apc_arab_jord", "apc_Arab_sout3123"),
        ("cls_deva", "san_Deva"),
    ],
)
def test_any_spelling_with_one_meaning_resolves(code: str, key: str) -> None:
    assert languages.resolve(code).key == key


@pytest.mark.parametrize(
    ("code", "varieties"),
    [
        ("ara", "arb_Arab arz_Arab ary_Arab"),
        ("fas", "pes_Arab prs_Arab"),
        ("msa", "zsm_Latn ind_Latn"),
        ("swa", "swh_Latn"),
        ("nor", "nob_Latn nno_Latn"),
        ("zho", "cmn_Hans cmn_Hant yue_Hant"),
        ("lav", "lvs_Latn ltg_Latn"),
        ("est", "ekk_Latn"),
        ("mlg", "plt_Latn"),
        ("nep", "npi_Deva"),
    ],
)
def test_a_bare_macrolanguage_code_is_refused_with_its_varieties(code: str, varieties: str) -> None:
    first = varieties.split()[0]
    for refuse in (languages.resolve, languages.get):
        with pytest.raises(UsageError, match="macrolanguage code; name the one you mean: " + first):
            refuse(code)
    if len(varieties.split()) < 3:
        assert all(key in message(code) for key in varieties.split())


def test_every_macrolanguage_of_the_registry_is_refused_unless_it_is_itself_a_row() -> None:
    rows = languages.load().values()
    own = {row.iso639_3 for row in rows}
    for macro in {row.macro for row in rows if row.macro} - own:
        assert "macrolanguage code" in message(macro)


@pytest.mark.parametrize("code", ["zh", "ar", "no", "fa", "ms", "lv", "az", "ku", "uz", "sh", "cmn", "apc", "tw"])
def test_a_code_that_covers_several_varieties_is_refused(code: str) -> None:
    assert "has several varieties; name the one you mean: " in message(code)


@pytest.mark.parametrize(
    ("code", "benchmark", "key"),
    [
        ("ar", "global_mmlu", "arb_Arab"),
        ("zh", "global_mgsm", "cmn_Hans"),
        ("zh-Hant", "paper_flores", "cmn_Hant"),
        ("no", "mdolly", "nob_Latn"),
        ("lv", "paper_flores", "lvs_Latn"),
        ("ms", "marenahard", "zsm_Latn"),
        ("fa", "global_mmlu", "pes_Arab"),
        ("zh", "wmt", "cmn_Hans"),
        ("ET", "blend", "amh_Ethi"),
        ("KR", "blend", "kor_Hang"),
        ("ZH_CN", "mmmlu", "cmn_Hans"),
        ("tgl_latn", "global_piqa", "fil_Latn"),
        ("kon_Latn", "mgsm", "ktu_Latn"),
    ],
)
def test_a_benchmarks_own_code_means_what_the_benchmark_says(code: str, benchmark: str, key: str) -> None:
    assert languages.resolve(code, benchmark).key == key


def test_a_country_code_of_one_benchmark_is_no_language_elsewhere() -> None:
    assert languages.resolve("ET").key == "ekk_Latn"
    assert languages.resolve("ET", "blend").key == "amh_Ethi"
    assert "unknown language 'JB'" in message("JB")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("swh_Latin", "did you mean 'swh_Latn'"),
        ("Swahilli", "did you mean 'swh_Latn'?"),
        ("kon", "did you mean 'ktu_Latn'?"),
        ("pa-PK", "did you mean 'pan_Guru'?"),
        ("qqq", "`mevals ls languages` shows all"),
        ("", "unknown language ''"),
        ("en-de", "looks like a pair of languages"),
        ("en_fr", "looks like a pair of languages"),
    ],
)
def test_an_unknown_code_gets_a_suggestion(code: str, said: str) -> None:
    assert said in message(code)


def test_get_takes_keys_and_aliases_only_and_names_the_key() -> None:
    assert languages.get("zho_hant").key == "cmn_Hant"
    for code in ("sw", "Swahili", "swh"):
        with pytest.raises(UsageError, match=r"^unknown language '\w+'; did you mean 'swh_Latn'\?$"):
            languages.get(code)


def test_an_unknown_benchmark_or_a_code_it_lacks_is_refused() -> None:
    assert message("de", "globl_mmlu").startswith("unknown benchmark 'globl_mmlu'; did you mean 'global_mmlu'")
    assert message("xh", "global_mmlu").startswith("global_mmlu has no language 'xh'")


@pytest.mark.parametrize(("web_bin", "codes"), BINS.items())
def test_the_66_mdolly_languages_fall_into_the_published_bins(web_bin: int, codes: str) -> None:
    keys = {languages.resolve(code, "mdolly").key for code in codes.split()}
    members = {
        k
        for k, v in languages.load().items()
        if "mdolly" in v.benchmarks and languages.web_presence_bin(v.pages) == web_bin
    }
    assert members == keys
    assert len(members) == {1: 7, 2: 16, 3: 18, 4: 18, 5: 7}[web_bin]


@pytest.mark.parametrize(
    ("pages", "web_bin"),
    [(None, None), (0, 1), (1, 1), (76_736, 1), (76_737, 2), (814_704, 2), (814_705, 3), (10**12, 5)],
)
def test_bins_are_fixed_and_open_at_both_ends(pages: int | None, web_bin: int | None) -> None:
    assert languages.web_presence_bin(pages) == web_bin


def test_bin_labels_say_the_pages() -> None:
    assert [languages.bin_label(b) for b in (None, 1, 2, 3, 4, 5)] == [
        "unknown",
        "1 (under 76.7k pages)",
        "2 (76.7k-815k pages)",
        "3 (815k-8.6M pages)",
        "4 (8.6M-92M pages)",
        "5 (over 92M pages)",
    ]
    with pytest.raises(ValueError, match="negative"):
        languages.web_presence_bin(-1)


def test_no_page_count_is_none_and_never_zero() -> None:
    rows = languages.load().values()
    assert all(row.pages is None or row.pages > 0 for row in rows)
    assert all((row.pages is None) == (row.crawl is None) for row in rows)
    assert {row.crawl for row in rows} == {None, "CC-MAIN-2026-04"}
    for key in ("yue_Hant", "pcm_Latn", "arz_Arab", "kmr_Latn", "ckb_Arab", "kas_Deva", "srp_Latn"):
        assert languages.get(key).pages is None


def test_macro_codes_of_the_crawl_count_for_the_variety_that_they_mean() -> None:
    pages = {key: row.pages for key, row in languages.load().items()}
    assert pages["arb_Arab"] == 15_444_953
    assert pages["cmn_Hans"] == pages["cmn_Hant"] == 114_812_782
    assert pages["nob_Latn"] == 7_440_358
    assert pages["nno_Latn"] == 333_993
    assert pages["swh_Latn"] == 294_364


@pytest.mark.parametrize(
    ("key", "region", "source"),
    [
        ("mlt_Latn", "West Asia", "paper"),
        ("urd_Arab", "South Asia", "paper"),
        ("eng_Latn", "Europe", "paper"),
        ("cmn_Hant", "Asia Pacific", "paper"),
        ("yue_Hant", "Asia Pacific", "mevals"),
        ("pcm_Latn", "Africa", "mevals"),
        ("isl_Latn", "Europe", "mevals"),
        ("kan_Knda", "South Asia", "mevals"),
        ("kaz_Cyrl", "West Asia", "mevals"),
        ("hye_Armn", "West Asia", "mevals"),
        ("tat_Cyrl", "Europe", "mevals"),
        ("prs_Arab", "South Asia", "mevals"),
        ("azb_Arab", "West Asia", "mevals"),
        ("ary_Arab", "Africa", "mevals"),
        ("apc_Arab_sout3123", "West Asia", "mevals"),
        ("arb_Latn", "West Asia", "mevals"),
        ("haw_Latn", "Asia Pacific", "mevals"),
        ("tpi_Latn", "Asia Pacific", "mevals"),
        ("uig_Arab", "Asia Pacific", "mevals"),
        ("quy_Latn", "Americas", "mevals"),
        ("hat_Latn", "Americas", "mevals"),
        ("epo_Latn", "Europe", "mevals"),
    ],
)
def test_regions_are_the_papers_and_else_by_the_written_rule(key: str, region: str, source: str) -> None:
    language = languages.get(key)
    assert (language.region, language.region_source) == (region, source)


def test_the_paper_places_nobody_in_the_americas() -> None:
    by_paper = Counter(row.region for row in languages.load().values() if row.region_source == "paper")
    assert by_paper == {"Europe": 31, "Asia Pacific": 13, "Africa": 10, "South Asia": 9, "West Asia": 5}
    assert {row.region for row in languages.load().values()} == set(languages.REGIONS)


def test_scripts_run_in_their_direction() -> None:
    directions = {row.script: row.direction for row in languages.load().values()}
    assert {script for script, direction in directions.items() if direction == "rtl"} == {"Arab", "Hebr", "Nkoo"}
    assert languages.get("taq_Tfng").direction == "ltr"
    assert set(languages.SCRIPT_NAMES) == set(directions)


def test_scripts_without_spaces_between_words_are_marked() -> None:
    unspaced = {row.script for row in languages.load().values() if row.unspaced}
    assert unspaced == {"Thai", "Laoo", "Khmr", "Mymr", "Tibt", "Hans", "Hant", "Jpan"}
    assert not any(row.script in unspaced for row in languages.load().values() if not row.unspaced)


LETTERS = {"Hans": "CJK", "Hant": "CJK", "Jpan": "CJK", "Mtei": "MEETEI", "Orya": "ORIYA", "Nkoo": "NKO", "Olck": "OL"}


def test_endonyms_are_written_in_the_script_of_the_row() -> None:
    for row in languages.load().values():
        script = LETTERS.get(row.script, languages.SCRIPT_NAMES[row.script].split()[0].upper())
        letters = {c for c in row.endonym if unicodedata.category(c) in ("Lu", "Ll", "Lo")}
        assert all(unicodedata.name(c).startswith(script) for c in letters), row.key
        assert unicodedata.is_normalized("NFC", row.endonym)
    assert {row.key for row in languages.load().values() if not row.endonym} == {"knc_Arab", "taq_Tfng"}


@pytest.mark.parametrize(
    ("key", "endonym"),
    [
        ("pan_Guru", "ਪੰਜਾਬੀ"),
        ("als_Latn", "shqip"),
        ("sat_Olck", "ᱥᱟᱱᱛᱟᱲᱤ"),
        ("kas_Deva", "कॉशुर"),
        ("cmn_Hant", "繁體中文"),
        ("srp_Latn", "srpski"),
        ("mya_Mymr", "မြန်မာ"),
    ],
)
def test_endonyms_where_sources_go_wrong(key: str, endonym: str) -> None:
    assert languages.get(key).endonym == endonym


def test_native_digits_are_the_ten_of_their_unicode_set() -> None:
    for row in languages.load().values():
        digits = languages.native_digits(row)
        assert bool(digits) == bool(row.digits), row.key
        assert [unicodedata.decimal(d) for d in digits] == (list(range(10)) if digits else [])
    assert languages.native_digits(languages.get("ben_Beng")) == "০১২৩৪৫৬৭৮৯"
    assert languages.native_digits(languages.get("urd_Arab")) == "۰۱۲۳۴۵۶۷۸۹"
    assert languages.native_digits(languages.get("arz_Arab")) == "٠١٢٣٤٥٦٧٨٩"
    assert languages.native_digits(languages.get("ary_Arab")) == ""


@pytest.mark.parametrize(
    ("key", "decimal", "grouping"),
    [
        ("eng_Latn", ".", ","),
        ("deu_Latn", ",", "."),
        ("fra_Latn", ",", " "),
        ("hin_Deva", ".", ","),
        ("rus_Cyrl", ",", " "),
        ("ind_Latn", ",", "."),
        ("swh_Latn", ".", ","),
        ("kbp_Latn", None, None),
    ],
)
def test_separators_are_given_or_none(key: str, decimal: str | None, grouping: str | None) -> None:
    assert (languages.get(key).decimal, languages.get(key).grouping) == (decimal, grouping)


@pytest.mark.parametrize(
    ("key", "label"),
    [
        ("nob_Latn", "no"),
        ("als_Latn", "sq"),
        ("arz_Arab", "arz"),
        ("cmn_Hant", "zh"),
        ("bho_Deva", "bh"),
        ("fil_Latn", "tl"),
    ],
)
def test_lid176_labels_are_fasttexts_own(key: str, label: str) -> None:
    assert languages.get(key).lid176 == label


def test_languages_that_lid176_lacks_have_no_label() -> None:
    for key in (
        "hau_Latn",
        "ibo_Latn",
        "sna_Latn",
        "wol_Latn",
        "xho_Latn",
        "zul_Latn",
        "arb_Latn",
        "min_Arab",
        "nqo_Nkoo",
    ):
        assert languages.get(key).lid176 == ""


@pytest.mark.parametrize(
    ("key", "tag"),
    [
        ("swh_Latn", "sw"),
        ("arb_Arab", "ar"),
        ("arb_Latn", "ar-Latn"),
        ("cmn_Hans", "zh"),
        ("cmn_Hant", "zh-Hant"),
        ("kor_Hang", "ko"),
        ("kaa_Latn", "kaa-Latn"),
        ("kas_Deva", "ks-Deva"),
        ("nob_Latn", "nb"),
        ("fil_Latn", "fil"),
    ],
)
def test_a_bcp47_tag_names_the_script_only_where_it_is_unusual(key: str, tag: str) -> None:
    assert languages.get(key).bcp47 == tag


def test_families_are_glottologs_top_level_and_an_isolate_is_its_own() -> None:
    family = {key: row.family for key, row in languages.load().items()}
    assert family["swh_Latn"] == "Atlantic-Congo"
    assert family["eus_Latn"] == "Basque"
    assert family["hrv_Latn"] == family["pcm_Latn"] == "Indo-European"


def test_full_names_say_the_script_or_variety_where_needed() -> None:
    assert languages.full_name("swh_Latn") == "Swahili"
    assert languages.full_name("zho_Hant") == "Chinese (Traditional)"
    assert languages.full_name("srp_Cyrl") == "Serbian (Cyrillic script)"


def test_select_keeps_the_order_of_the_patterns_and_names_each_key_once() -> None:
    assert languages.select(["zu,sw", "deu_Latn", "SW"]) == ["zul_Latn", "swh_Latn", "deu_Latn"]
    assert languages.select(["tha_Thai", "script:thai"]) == ["tha_Thai"]
    assert languages.select(["all"]) == list(languages.load())
    assert languages.select([]) == []


@pytest.mark.parametrize(
    ("pattern", "keys"),
    [
        ("script:Hebr", ["heb_Hebr", "ydd_Hebr"]),
        ("script:HEBREW", ["heb_Hebr", "ydd_Hebr"]),
        ("script:Han (Simplified)", ["cmn_Hans", "wuu_Hans"]),
        ("family:Koreanic", ["kor_Hang"]),
        ("family:tai-kadai", ["lao_Laoo", "shn_Mymr", "tha_Thai"]),
        ("bin:5", ["cmn_Hans", "cmn_Hant", "deu_Latn", "eng_Latn", "fra_Latn", "jpn_Jpan", "rus_Cyrl", "spa_Latn"]),
        ("in:mgsm", MGSM.split()),
        ("IN:MGSM", MGSM.split()),
    ],
)
def test_filters_ignore_case_and_punctuation(pattern: str, keys: list[str]) -> None:
    assert languages.select([pattern]) == keys


def test_region_and_unknown_bin_filters_select_what_they_say() -> None:
    rows = languages.load()
    assert languages.select(["region:asia-pacific"]) == [k for k, v in rows.items() if v.region == "Asia Pacific"]
    assert languages.select(["bin:unknown"]) == [k for k, v in rows.items() if v.pages is None]


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("region:asia", "no language has 'region:asia'; there are Africa, Americas, Asia Pacific"),
        ("script:Arabb", "did you mean 'Arab'"),
        ("family:Turkik", "did you mean 'Turkic'?"),
        ("bin:9", "there are 1, 2, 3, 4, 5, unknown"),
        ("regoin:Africa", "unknown language filter 'regoin'; did you mean 'region'?"),
        ("swh_Lattn", "did you mean 'swh_Latn'"),
        ("zho", "is a macrolanguage code"),
        (" , ", "no language is named"),
        ("", "no language is named"),
    ],
)
def test_a_pattern_that_matches_nothing_is_refused_with_a_hint(pattern: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        languages.select([pattern])
    assert said in str(refused.value)
