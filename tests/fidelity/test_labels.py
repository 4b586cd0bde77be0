"""Labels of identifiers and languages of the registry."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from mevals import languages
from mevals.fidelity.identify import load_identifier
from mevals.fidelity.labels import RELIABLE, _read, _sets, confusable, key_of, labels_of, recalls, target_of

LID176 = frozenset(x.lid176 for x in languages.load().values() if x.lid176) | {"sh", "sr", "no", "nn", "arz"}
GLOTLID = frozenset(
    [
        "eng_Latn",
        "cmn_Hani",
        "yue_Hani",
        "jpn_Jpan",
        "kor_Hang",
        "srp_Cyrl",
        "srp_Latn",
        "hbs_Latn",
        "tgl_Latn",
        "fil_Latn",
        "swh_Latn",
        "arb_Arab",
        "apc_Arab",
        "zsm_Latn",
        "ekk_Latn",
    ]
)


def right(key: str, labels: frozenset[str]) -> set[str]:
    return set(labels_of(languages.get(key), labels))


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("swh_Latn", {"sw"}),
        ("nob_Latn", {"no"}),
        ("nno_Latn", {"nn"}),
        ("cmn_Hans", {"zh"}),
        ("cmn_Hant", {"zh"}),
        ("fil_Latn", {"tl"}),
        ("arz_Arab", {"arz"}),
        ("srp_Cyrl", {"sr"}),
        ("srp_Latn", {"sr"}),
        ("arb_Latn", set()),
        ("hin_Latn", set()),
        ("hau_Latn", set()),
        ("zul_Latn", set()),
    ],
)
def test_labels_of_lid176(key: str, expected: set[str]) -> None:
    assert right(key, LID176) == expected


def test_lid176_knows_none_of_the_six_focus_languages_that_the_report_leaves_out() -> None:
    for key in ("hau_Latn", "ibo_Latn", "sna_Latn", "wol_Latn", "xho_Latn", "zul_Latn"):
        assert target_of(key, "fasttext-lid.176.bin-00000000", LID176).why.endswith(f"has no label for {key}")


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("eng_Latn", {"eng_Latn"}),
        ("cmn_Hans", {"cmn_Hani"}),
        ("cmn_Hant", {"cmn_Hani"}),
        ("yue_Hant", {"yue_Hani"}),
        ("fil_Latn", {"fil_Latn", "tgl_Latn"}),
        ("srp_Latn", {"srp_Latn"}),
        ("srp_Cyrl", {"srp_Cyrl"}),
        ("apc_Arab_nort3139", {"apc_Arab"}),
        ("jpn_Jpan", {"jpn_Jpan"}),
        ("kor_Hang", {"kor_Hang"}),
        ("deu_Latn", set()),
    ],
)
def test_labels_with_scripts(key: str, expected: set[str]) -> None:
    assert right(key, GLOTLID) == expected


def test_the_shipped_identifier_knows_every_focus_language_but_wolof() -> None:
    labels = load_identifier("py3langid").labels
    focus = [k for k, x in languages.load().items() if x.benchmarks.get("mdolly")]
    assert len(focus) == 66
    assert [k for k in focus if not right(k, labels)] == ["wol_Latn"]


def test_a_two_letter_label_means_a_language_in_its_usual_script() -> None:
    labels = load_identifier("py3langid").labels
    shared = {"cmn_Hans", "cmn_Hant", "srp_Cyrl", "srp_Latn"}
    owners: dict[str, list[str]] = {}
    for key, language in languages.load().items():
        for label in labels_of(language, labels):
            owners.setdefault(label, []).append(key)
    assert {k for keys in owners.values() if len(keys) > 1 for k in keys} == shared


@pytest.mark.parametrize(
    ("label", "key"),
    [
        ("en", "eng_Latn"),
        ("zh", "cmn_Hans"),
        ("no", "nob_Latn"),
        ("sr", "srp_Cyrl"),
        ("bcl", "bcl"),
        ("unknown", "unknown"),
    ],
)
def test_an_off_target_label_is_named_by_its_language(label: str, key: str) -> None:
    assert key_of(label, load_identifier("py3langid").labels) == key


@pytest.mark.parametrize(
    ("key", "inside", "outside"),
    [
        ("dan_Latn", {"nob_Latn", "nno_Latn"}, {"swe_Latn", "por_Latn"}),
        ("hrv_Latn", {"bos_Latn", "srp_Latn", "sh"}, {"slv_Latn"}),
        ("ind_Latn", {"zsm_Latn"}, {"jav_Latn"}),
        ("ces_Latn", {"slk_Latn"}, {"pol_Latn"}),
        ("xho_Latn", {"zul_Latn"}, {"nso_Latn"}),
        ("arz_Arab", {"arb_Arab", "ary_Arab"}, {"pes_Arab"}),
    ],
)
def test_confusable_sets(key: str, inside: set[str], outside: set[str]) -> None:
    assert inside <= confusable(key)
    assert not outside & confusable(key)


def test_a_language_in_no_set_is_confusable_with_none() -> None:
    assert confusable("eng_Latn") == frozenset()


def test_every_member_of_a_set_is_a_language_or_a_known_label_and_in_one_set_only() -> None:
    members = [m for ms in _sets().values() for m in ms]
    assert len(members) == len(set(members))
    foreign = {m for m in members if m not in languages.load()}
    assert foreign == {"sh", "hbs_Latn", "hbs_Cyrl", "sdh", "sdh_Arab"}
    assert all(row["why"] for row in _read("confusable.csv"))
    assert all(row["key"] in languages.load() for row in _read("labels.csv"))


def test_a_language_that_is_not_recognised_is_not_judged_strictly() -> None:
    found = target_of("yue_Hant", "py3langid-0.4.0", frozenset({"yue", "zh"}))
    assert found.why == "py3langid-0.4.0 recognises only 3% of human-written yue_Hant"
    assert found.lenient == {"yue", "zh"}
    assert target_of("yue_Hant", "another-1", frozenset({"yue", "zh"})).why == ""


def test_recall_was_measured_for_the_installed_identifier() -> None:
    name = f"py3langid-{version('py3langid')}"
    measured = {key: share for (identifier, key), share in recalls().items() if identifier == name}
    assert measured, f"run benchmarks/fidelity.py recall … --write with {name}"
    assert {k for k, share in measured.items() if share < RELIABLE} == {"arz_Arab", "ary_Arab", "yue_Hant", "bos_Latn"}
    assert len(measured) == 121
