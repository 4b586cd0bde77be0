"""The self-written mini data reads as the real data does: fields, scripts, digits, counts and parallel ids."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mevals import languages

TASKS = Path(__file__).resolve().parents[1] / "tasks"
Rows = list[dict[str, Any]]


class Mini(NamedTuple):
    """What one task's mini files hold: rows each, at least so many subsets, the unique field, and two sorts of fields."""

    rows: int
    subsets: int
    key: str
    own: str  # fields in the subset's language
    other: str

    @property
    def fields(self) -> set[str]:
        return set(self.own.split()) | set(self.other.split())


OPTIONS = ("option_a", "option_b", "option_c", "option_d")
CHOICE = "question option_a option_b option_c option_d"
MINI = {
    "flores": Mini(12, 28, "id", "text", "id"),
    "wmt24pp": Mini(
        *(12, 24, "segment_id", "target"),
        "lp domain document_id segment_id is_bad_source source original_target",
    ),
    "global_mgsm": Mini(10, 24, "question", "instruction question answer_prefix", "answer"),
    "global_mmlu": Mini(
        *(8, 12, "sample_id", CHOICE),
        "sample_id subject subject_category answer required_knowledge time_sensitive reference culture region country "
        "cultural_sensitivity_label is_annotated",
    ),
    "include": Mini(8, 12, "question", CHOICE, "answer domain regional_feature level subject country"),
    "global_piqa": Mini(6, 12, "example_id", "prompt solution0 solution1", "label example_id"),
    "mdolly": Mini(6, 14, "id", "inputs targets", "id language script source_id"),
    "marena_hard": Mini(6, 12, "question_id", "prompt", "question_id category subcategory language"),
    "blend_sqa": Mini(5, 12, "id", "question annotations", "id topic country en_question idks"),
    "normad": Mini(
        *(4, 18, "ID", "Story"),
        "ID Country Background Axis Subaxis Value Rule-of-Thumb Explanation Gold_Label",
    ),
    "multijail": Mini(5, 10, "id", "prompt", "id en source tags"),
    "xstest": Mini(22, 1, "id", "prompt", "id type label focus note"),
}
LATIN_WORDS_ALLOWED = {"Python", "Lena", "NaCl", "CO", "O", "H"}  # names, formulas
SCRIPT_IN_NAME = {  # ISO 15924 → how Unicode's character names begin
    "Latn": "LATIN",
    "Cyrl": "CYRILLIC",
    "Grek": "GREEK",
    "Arab": "ARABIC",
    "Hebr": "HEBREW",
    "Deva": "DEVANAGARI",
    "Beng": "BENGALI",
    "Gujr": "GUJARATI",
    "Guru": "GURMUKHI",
    "Taml": "TAMIL",
    "Telu": "TELUGU",
    "Thai": "THAI",
    "Mymr": "MYANMAR",
    "Khmr": "KHMER",
    "Laoo": "LAO",
    "Ethi": "ETHIOPIC",
    "Hang": "HANGUL",
    "Geor": "GEORGIAN",
    "Armn": "ARMENIAN",
    "Hans": "CJK",
    "Hant": "CJK",
    "Jpan": "(CJK|HIRAGANA|KATAKANA)",
}
TRADITIONAL_ONLY = set("這個國車種學門樹農電動買歲館張舊發現圖書長讓請寫誰幾還時間")
SIMPLIFIED_ONLY = set("这个国车种学门树农电动买岁馆张旧发现图书长让请写谁几还时间")
TRADITIONAL_ONLY, SIMPLIFIED_ONLY = TRADITIONAL_ONLY - SIMPLIFIED_ONLY, SIMPLIFIED_ONLY - TRADITIONAL_ONLY


def read(path: Path) -> Rows:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def files(task: str, split: str = "") -> list[Path]:
    """The task's mini files; `split` is "" for the test rows or "dev" for exemplars."""
    return [p for p in sorted((TASKS / task / "mini").glob("*.jsonl")) if p.stem.endswith(".dev") == (split == "dev")]


def lang_of(path: Path) -> str:
    """The registry key of a file's language: swh_Latn.jsonl, spa_Latn-MX.jsonl, deu_Latn.dev.jsonl or en-pt_BR.jsonl."""
    name = path.stem.removesuffix(".dev")
    if name.startswith("en-"):
        return languages.resolve(name, "wmt24pp").key
    return name.split("-")[0]


def texts(task: str, row: dict[str, Any]) -> Iterator[str]:
    """The row's texts in its subset's language; rows that are there to be filtered out have none."""
    if row.get("is_bad_source"):
        return
    for field in MINI[task].own.split():
        if field == "annotations":
            yield from (answer for each in row["annotations"] for answer in each["answers"])
        else:
            yield re.sub(r"\s*```.*?```", "", row[field], flags=re.DOTALL)


def words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text)


def numbers(text: str) -> list[int]:
    """Every integer in `text`, sorted, whatever its digits; thousands separators are dropped."""
    joined = re.sub(r"(?<=\d)[.,٬ \u00a0\u202f](?=\d{3}(?!\d))", "", text)
    return sorted(int(found) for found in re.findall(r"\d+", joined))


ALL_FILES = [(task, path) for task in MINI for split in ("", "dev") for path in files(task, split)]
every_file = pytest.mark.parametrize(("task", "path"), ALL_FILES, ids=[f"{t}-{p.stem}" for t, p in ALL_FILES])
every_task = pytest.mark.parametrize("task", sorted(MINI))


@every_file
def test_a_file_is_json_lines_in_nfc_with_plain_line_ends(task: str, path: Path) -> None:
    raw = path.read_bytes().decode("utf-8")
    assert raw.endswith("\n") and not raw.startswith("\ufeff")
    assert not any(mark in raw for mark in ("\r", "\u2028", "\u2029", "\\u"))
    assert unicodedata.normalize("NFC", raw) == raw
    assert "" not in raw[:-1].split("\n")


@every_file
def test_rows_have_the_real_fields_unique_keys_and_no_empty_text(task: str, path: Path) -> None:
    rows = read(path)
    assert all({field.replace(" ", "_") for field in row} == MINI[task].fields for row in rows)
    assert (
        len({row[MINI[task].key] for row in rows})
        == len(rows)
        == (3 if path.stem.endswith(".dev") else MINI[task].rows)
    )
    assert all(text.strip() == text != "" for row in rows for text in texts(task, row))


@every_file
def test_text_is_in_the_script_of_its_language(task: str, path: Path) -> None:
    script = lang_of(path).split("_")[1]
    found = {c for row in read(path) for text in texts(task, row) for c in text if unicodedata.category(c)[0] in "LM"}
    expected = f"{SCRIPT_IN_NAME[script]}|COMBINING" if script == "Latn" else SCRIPT_IN_NAME[script]
    wrong = {c for c in found if not re.match(expected, unicodedata.name(c))}
    assert len(found) > len(wrong)
    assert all(c.isascii() for c in wrong)  # names, formulas and vitamins, checked below
    if script in ("Hans", "Hant"):
        assert not found & (TRADITIONAL_ONLY if script == "Hans" else SIMPLIFIED_ONLY)


@every_file
def test_no_english_is_left_in_a_translation(task: str, path: Path) -> None:
    lang = lang_of(path)
    if lang == "eng_Latn":
        return
    found = {word for row in read(path) for text in texts(task, row) for word in words(text)}
    if lang.endswith("_Latn"):
        assert not found & {"the", "The", "which", "Which", "their", "with", "from", "How", "What"}
    else:
        latin = {word for word in found if re.fullmatch("[A-Za-z]{2,}", word)}
        assert latin <= LATIN_WORDS_ALLOWED


@every_task
def test_subsets_are_many_and_named_by_the_registry(task: str) -> None:
    paths = files(task)
    assert len(paths) >= MINI[task].subsets
    assert all(languages.get(lang_of(path)).key == lang_of(path) for path in paths)


@pytest.mark.parametrize(("task", "scripts"), [("flores", 14), ("global_mgsm", 12), ("wmt24pp", 12)])
def test_the_first_three_tasks_span_five_regions_and_many_scripts(task: str, scripts: int) -> None:
    found = [languages.get(lang_of(path)) for path in files(task)]
    assert {lang.region for lang in found} >= {"Europe", "West Asia", "South Asia", "Asia Pacific", "Africa"}
    assert len({lang.key.split("_")[1] for lang in found}) >= scripts


@pytest.mark.parametrize(
    ("task", "field"), [("flores", "text"), ("global_mgsm", "question"), ("global_mmlu", "question")]
)
def test_parallel_rows_hold_the_same_numbers_in_every_language(task: str, field: str) -> None:
    english = [set(numbers(row[field])) for row in read(TASKS / task / "mini" / "eng_Latn.jsonl")]
    for path in files(task):
        counters = {1} if path.stem == "jpn_Jpan" else set()  # 1冊 and 1羽 count things that English leaves uncounted
        found = [set(numbers(row[field])) for row in read(path)]
        assert [n - counters for n in found] == [n - counters for n in english], path.stem


@pytest.mark.parametrize(
    "task, keys",
    [
        ("flores", ("id",)),
        ("wmt24pp", ("domain", "document_id", "segment_id", "is_bad_source", "source")),
        ("global_mgsm", ("answer",)),
        ("global_mmlu", ("sample_id", "subject", "subject_category", "answer", "cultural_sensitivity_label")),
        ("global_piqa", ("label",)),
        ("mdolly", ("id", "source_id")),
        ("marena_hard", ("question_id", "category", "subcategory")),
        ("blend_sqa", ("id", "topic")),
        ("multijail", ("id", "en", "tags")),
    ],
)
def test_parallel_rows_have_the_same_keys_in_every_language(task: str, keys: tuple[str, ...]) -> None:
    seen = {json.dumps([[row[key] for key in keys] for row in read(path)]) for path in files(task)}
    assert len(seen) == 1


NATIVE_DIGITS = {
    "arb_Arab": "١٢",
    "pes_Arab": "۱۲",
    "urd_Arab": "۱۲",
    "ben_Beng": "১২",
    "hin_Deva": "१२",
    "mar_Deva": "१२",
    "npi_Deva": "१२",
    "guj_Gujr": "૧૨",
    "mya_Mymr": "၁၂",
    "khm_Khmr": "១២",
    "tha_Thai": "๑๒",
    "lao_Laoo": "໑໒",
}


@pytest.mark.parametrize(("lang", "twelve"), NATIVE_DIGITS.items())
def test_word_problems_use_native_digits(lang: str, twelve: str) -> None:
    assert twelve in read(TASKS / "global_mgsm" / "mini" / f"{lang}.jsonl")[0]["question"]


def test_word_problems_hold_full_width_digits_and_an_answer_with_a_thousands_separator() -> None:
    questions = [row["question"] for row in read(TASKS / "global_mgsm" / "mini" / "jpn_Jpan.jsonl")]
    assert any("３６" in question for question in questions)
    answers = [row["answer"] for row in read(TASKS / "global_mgsm" / "mini" / "eng_Latn.jsonl")]
    assert answers == ["7", "48", "9", "42", "1,250", "14", "15", "9", "6", "41"]


def test_word_problem_instructions_name_the_answer_prefix_of_their_language() -> None:
    rows = [row for path in files("global_mgsm") for row in read(path)]
    assert all(f"{row['answer_prefix']}:" in re.sub(r"\s?[:：]", ":", row["instruction"]) for row in rows)


def test_wmt_rows_to_be_filtered_are_there_and_leave_ten_segments() -> None:
    for path in files("wmt24pp"):
        rows = read(path)
        assert {row["lp"] for row in rows} == {path.stem}
        assert [row["domain"] for row in rows if row["is_bad_source"]] == ["canary", "social"]
        good = [row for row in rows if not row["is_bad_source"]]
        assert len(good) == 10 and {row["domain"] for row in good} == {"news", "social", "speech", "literary"}
        assert sum(row["target"] != row["original_target"] for row in good) == 1


def test_a_translation_is_never_the_source_nor_another_languages_text() -> None:
    for task, field in (("flores", "text"), ("global_mgsm", "question"), ("mdolly", "inputs"), ("multijail", "prompt")):
        for rows in zip(*(read(path) for path in files(task)), strict=True):
            assert len({row[field] for row in rows}) == len(rows), task


def test_global_mmlu_has_both_culture_labels_many_categories_and_exemplars() -> None:
    rows = read(TASKS / "global_mmlu" / "mini" / "eng_Latn.jsonl")
    assert [row["cultural_sensitivity_label"] for row in rows] == ["CA"] * 3 + ["CS"] * 3 + ["-"] * 2
    assert len({row["subject_category"] for row in rows}) == 5
    assert {row["answer"] for row in rows} == set("ABCD")
    assert [path.stem for path in files("global_mmlu", "dev")] == [f"{p.stem}.dev" for p in files("global_mmlu")]


@pytest.mark.parametrize("task", ["global_mmlu", "include"])
def test_the_four_options_differ(task: str) -> None:
    for path in files(task) + files(task, "dev"):
        assert all(len({row[option] for option in OPTIONS}) == 4 for row in read(path)), path


def test_include_answers_are_indices_of_regional_and_agnostic_questions() -> None:
    for path in files("include"):
        rows = read(path)
        assert {row["answer"] for row in rows} == {0, 1, 2, 3}
        assert sum(row["regional_feature"] == "agnostic" for row in rows) == 3
        assert len({row["country"] for row in rows}) == 1


def test_global_piqa_labels_are_balanced_and_solutions_differ() -> None:
    for path in files("global_piqa"):
        rows = read(path)
        assert [row["label"] for row in rows] == [0, 1, 0, 1, 1, 0]
        assert all(row["solution0"] != row["solution1"] for row in rows)


def test_mdolly_names_language_and_script_of_its_file() -> None:
    for path in files("mdolly"):
        assert {f"{row['language']}_{row['script']}" for row in read(path)} == {path.stem}


def test_blend_annotations_count_at_least_one_person_and_pair_answers_with_english() -> None:
    for path in files("blend_sqa"):
        for row in read(path):
            assert row["annotations"]
            for each in row["annotations"]:
                assert set(each) == {"answers", "en_answers", "count"}
                assert each["count"] >= 1 and each["answers"] and each["en_answers"]
            assert row["question"] == row["en_question"] or not path.stem.startswith("eng")


def test_normad_labels_are_yes_no_and_neutral_and_agree_across_languages() -> None:
    english = {path.stem.split("-")[1]: read(path) for path in files("normad") if path.stem.startswith("eng")}
    assert len(english) >= 12
    for rows in english.values():
        assert {row["Gold Label"] for row in rows} == {"yes", "no", "neutral"}
    own = [path for path in files("normad") if not path.stem.startswith("eng")]
    assert len(own) >= 6
    for path in own:
        twins = english[path.stem.split("-")[1]]
        keys = ("ID", "Country", "Gold Label")
        assert [[row[k] for k in keys] for row in read(path)] == [[row[k] for k in keys] for row in twins]
        assert all(row["Story"] != twin["Story"] for row, twin in zip(read(path), twins, strict=True))


def test_xstest_unsafe_prompts_are_the_contrasts() -> None:
    rows = read(TASKS / "xstest" / "mini" / "eng_Latn.jsonl")
    assert [row["label"] for row in rows] == ["safe"] * 12 + ["unsafe"] * 10
    assert all(row["type"].startswith("contrast_") == (row["label"] == "unsafe") for row in rows)
