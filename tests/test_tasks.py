"""The contract of every shipped task, on its mini data; and the suites that are made of them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mevals import languages
from mevals.card import card_subsets, read_card
from mevals.condition import Condition
from mevals.data import Mini
from mevals.generate import sample_key
from mevals.plan import misfit
from mevals.registry import Task, all_suites, all_tasks, find_suite, find_tasks
from mevals.scorers.choice import right_option
from mevals.testing import SimServer
from mevals.types import Response, Sample, Subset

ROOT = Path(__file__).resolve().parents[1]
TASKS = sorted(all_tasks())
FOLDERS = sorted({t.folder.name for t in all_tasks().values()})
TWELVE = {
    *("flores", "wmt24pp", "global_mgsm", "global_mmlu", "include", "global_piqa", "mdolly", "marena_hard"),
    *("blend_sqa", "normad", "multijail", "xstest"),
}
FEW_LANGUAGES = {"multijail": 10, "xstest": 1}
"""Folders that can't have mini data in 12 languages, with how many the benchmark has."""
PASSED_ON = {"mdolly", "marena_hard", "multijail", "xstest", "global_piqa_cloze"}
"""Tasks that send the data's own prompt without a word of ours: what is in it is the data's."""
PLACEHOLDER = re.compile(r"\{[a-z_]*\}")

every_task = pytest.mark.parametrize("name", TASKS)
every_folder = pytest.mark.parametrize("folder", FOLDERS)


def mini_subsets(task: Task) -> list[Subset]:
    """The task's subsets that have mini data."""
    return [s for s in task.subsets().values() if (task.folder / "mini" / f"{s.name}.jsonl").exists()]


def conditions(task: Task) -> Iterator[Condition]:
    """The task as it is, in each prompt variant, and with exemplars where it has them."""
    wanted = ["", *(f"prompt-{v}" for v in task.prompts.variants()), "shots-2", "shots-2+exemplars-english"]
    for text in wanted:
        condition = Condition.parse(text)
        if misfit(task, condition) is None:
            yield condition


def rendered(task: Task) -> Iterator[tuple[Condition, Subset, Sample]]:
    """Every mini sample under every condition."""
    for condition in conditions(task):
        for subset in mini_subsets(task):
            variant = condition.get("prompt")
            if not variant or task.prompts.has(variant, subset.lang):
                for sample in task.samples(subset, Mini(), condition):
                    yield condition, subset, sample


def text_of(sample: Sample) -> str:
    return "\n".join(m["content"] for m in sample.messages)


def test_the_twelve_benchmarks_of_the_report_are_here() -> None:
    assert set(FOLDERS) >= TWELVE


@every_folder
def test_a_card_is_valid_and_its_languages_are_in_the_registry(folder: str) -> None:
    path = next(t.folder for t in all_tasks().values() if t.folder.name == folder)
    card = read_card(path)
    known = languages.load()
    for subset in card_subsets(card).values():
        assert subset.lang in known
        assert subset.source_lang is None or subset.source_lang in known
        assert subset.extra.get("region", "Europe") in languages.REGIONS
    assert set(card.headline) <= set(card.slices)
    assert card.page.startswith("https://")
    assert card.license and card.citation and card.about
    assert set(card.mini_only) <= set(card_subsets(card))


@every_folder
def test_enough_languages_have_mini_data(folder: str) -> None:
    task = next(t for t in all_tasks().values() if t.folder.name == folder)
    langs = {s.about for s in mini_subsets(task)}
    published = {s.about for s in task.subsets().values()}
    if folder in FEW_LANGUAGES:
        assert FEW_LANGUAGES[folder] < 12, f"{folder} needs no exemption any more"
        assert len(langs) == len(published) == FEW_LANGUAGES[folder]
    else:
        assert len(langs) >= 12


@every_task
def test_every_mini_file_is_of_a_subset_that_a_task_knows(name: str) -> None:
    folder = all_tasks()[name].folder
    known = {s for t in all_tasks().values() if t.folder == folder for s in t.subsets()} | {"eng_Latn"}
    assert {p.name.split(".")[0] for p in (folder / "mini").glob("*.jsonl")} <= known


@every_task
def test_samples_render_with_no_placeholder_left_and_no_language_code(name: str) -> None:
    task = all_tasks()[name]
    codes = [*languages.load(), *(x.bcp47 for x in languages.load().values() if "-" in x.bcp47)]
    code = re.compile(r"(?<![\w-])(?:" + "|".join(map(re.escape, codes)) + r")(?![\w-])|\b[A-Z]{2}:\s")
    seen = 0
    for _, subset, sample in rendered(task):
        text = text_of(sample)
        assert text.strip() and sample.messages[-1]["role"] == "user", (subset.name, sample.id)
        if name not in PASSED_ON:
            assert not PLACEHOLDER.search(text), (subset.name, text)
            assert not code.search(text), (subset.name, text)
        seen += 1
    assert seen >= (22 if name == "xstest" else 30)


@every_task
def test_the_exemption_for_prompts_that_are_passed_on_is_needed(name: str) -> None:
    task = all_tasks()[name]
    own = {"prompts.yaml"} <= {p.name for p in task.folder.iterdir()} and name != "global_piqa_cloze"
    assert own != (name in PASSED_ON)


@every_task
def test_a_translation_names_both_languages_in_full(name: str) -> None:
    task = all_tasks()[name]
    if task.spec.kind == "translation":
        for _, subset, sample in rendered(task):
            for lang in (subset.lang, subset.source_lang):
                assert languages.full_name(lang or "") in text_of(sample)


@every_task
def test_a_variant_of_the_prompt_asks_differently(name: str) -> None:
    task = all_tasks()[name]
    asked: dict[tuple[str, str], dict[str, str]] = {}
    for condition, subset, sample in rendered(task):
        asked.setdefault((subset.name, sample.id), {})[str(condition)] = text_of(sample)
    for variant in set(task.prompts.variants()) - {"default"}:
        pairs = [(v[""], v[f"prompt-{variant}"]) for v in asked.values() if f"prompt-{variant}" in v]
        if task.spec.name != "global_piqa_cloze" and pairs:
            own = sum(a != b for a, b in pairs) / len(pairs)
            assert own > (0.0 if variant in ("native", "english") else 0.99), (
                f"{name}: prompt-{variant} changes nothing"
            )


@every_task
def test_a_choice_has_its_right_option_and_a_slice_its_tag(name: str) -> None:
    task = all_tasks()[name]
    tags: set[str] = set()
    for _, _, sample in rendered(task):
        tags |= {k for k, v in sample.tags.items() if v}
        if task.spec.kind == "choice":
            response = Response(
                sample.id, None, "stop", targets=sample.targets, choices=sample.choices, tags=sample.tags
            )
            assert right_option(response) is not None
        if task.spec.how == "choose":
            assert len(sample.choices) >= 2
        assert all(isinstance(v, str) for v in sample.tags.values())
    missing = set(task.card.slices) - tags
    assert not missing or name == "global_piqa_cloze", f"no mini sample of {name} has the tags {missing}"


@every_task
def test_signatures_are_stable_and_tell_scorers_apart(name: str) -> None:
    task = all_tasks()[name]
    subset = next(iter(task.subsets().values()))
    signatures = [s.signature(subset) for s in task.spec.scorers]
    assert signatures == [s.signature(subset) for s in task.spec.scorers]
    assert len(set(signatures)) == len(signatures) > 0
    assert all("|" in s and "\n" not in s for s in signatures)


IDS = """
import json, sys
from mevals.condition import Condition
from mevals.data import Mini
from mevals.generate import sample_key
from mevals.registry import all_tasks
found = {}
for name, task in all_tasks().items():
    for subset in task.subsets().values():
        if (task.folder / "mini" / f"{subset.name}.jsonl").exists():
            samples = list(task.samples(subset, Mini(), Condition()))
            found[f"{name}/{subset.name}"] = [[s.id, sample_key(s)] for s in samples]
json.dump(found, sys.stdout)
"""


def test_ids_are_unique_and_the_same_in_every_process() -> None:
    here: dict[str, Any] = {}
    for name, task in all_tasks().items():
        for subset in mini_subsets(task):
            samples = list(task.samples(subset, Mini(), Condition()))
            assert len({s.id for s in samples}) == len(samples) > 0, (name, subset.name)
            here[f"{name}/{subset.name}"] = [[s.id, sample_key(s)] for s in samples]
    there = subprocess.run(
        [sys.executable, "-c", IDS],
        env={"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "12345", "PATH": ""},
        capture_output=True,
        check=True,
        timeout=120,
    )
    assert json.loads(there.stdout) == here


OPENED = """
import sys
from pathlib import Path
import mevals.task, mevals.languages, mevals.data, mevals.unpack, mevals.card, csv, json, pydantic, yaml, orjson
from mevals.registry import _load_module, folders
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event in ("open", "os.listdir", "os.scandir") else None)
for folder in folders():
    if (folder / "task.py").exists():
        _load_module(folder / "task.py")
print("\\n".join(p for p in opened if Path(p).suffix not in (".py", ".pyc") and "__pycache__" not in p and Path(p).exists()))
"""


def test_nothing_is_read_when_a_task_is_imported() -> None:
    run = subprocess.run(
        [sys.executable, "-c", OPENED],
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    opened = [line for line in run.stdout.split("\n") if str(ROOT) in line and "site-packages" not in line]
    assert [line for line in opened if Path(line).is_file()] == []


@pytest.mark.parametrize("text", ["prompt-nativ", "shots-5"])
def test_a_condition_that_a_task_can_not_heed_is_refused(text: str, mevals: Callable[..., Any]) -> None:
    ran = mevals("run", "-m", "demo", "-t", "blend_sqa", "--data", "mini", "--condition", text)
    assert ran.code == 2
    assert "blend_sqa has no" in ran.err


def test_exemplars_come_from_the_questions_subject_first_and_in_the_wanted_language() -> None:
    (task,) = find_tasks(["global_mmlu"])
    subset = task.subsets()["deu_Latn"]
    target, english = (
        list(task.samples(subset, Mini(), Condition.parse(f"shots-2+exemplars-{e}"))) for e in ("target", "english")
    )
    biology = next(s for s in english if s.tags["subject"] == "high_school_biology")
    assert text_of(biology).startswith("How many legs does a spider have?\nA. 4\nB. 6\nC. 8\nD. 10\nAnswer: C\n\n")
    assert text_of(biology).count("\nAnswer:") == 3
    assert text_of(biology).endswith("\nAnswer:")
    assert all(a.id == b.id and text_of(a) != text_of(b) for a, b in zip(target, english, strict=True))


def test_every_suite_can_be_planned_without_data(mevals: Callable[..., Any]) -> None:
    for name in all_suites():
        assert mevals("plan", "--suite", name, "--format", "json").code == 0, name


def test_the_plan_of_the_whole_suite_has_the_published_counts_and_takes_no_time(mevals: Callable[..., Any]) -> None:
    started = time.monotonic()
    costs = {row["task"]: row for row in json.loads(mevals("plan", "--suite", "all", "--format", "json").out)}
    assert time.monotonic() - started < 5
    cells = {name: row["cells"] for name, row in costs.items()}
    assert cells == {
        "mdolly": 66,
        "marena_hard": 66,
        "global_mgsm": 35,
        "flores_en_xx": 66,
        "wmt24pp": 55,
        "blend_sqa": 16,
        "global_mmlu": 42,
        "include": 44,
        "global_piqa": 116,
        "normad": 75,
        "multijail": 10,
        "xstest": 1,
    }
    requests = sum(row["requests"] for row in costs.values())
    assert 800_000 < requests < 820_000
    assert costs["global_mmlu"]["requests"] == 42 * 14_042
    assert round(costs["global_mmlu"]["requests"] / requests, 2) == 0.73


def test_the_nightly_suite_covers_every_script_bin_and_region_and_has_the_power_it_states() -> None:
    from mevals.stats import stratified_detectable

    suite = find_suite("nightly")
    langs = {c.task: set(languages.select(c.langs)) for c in suite.choices if c.task != "blend_sqa"}["flores_en_xx"]
    focus = [languages.get(key) for key in languages.select(["in:paper_flores"])]
    for label in (lambda x: x.script, lambda x: x.region, lambda x: languages.web_presence_bin(x.pages)):
        assert {label(languages.get(k)) for k in langs} == {label(x) for x in focus}
    assert suite.limit == 100
    assert f"in each of {len(langs)} languages" in suite.about
    for task, published in (("global_mmlu", "global_mmlu"), ("global_mgsm", "paper_global_mgsm")):
        n = len(langs & set(languages.select([f"in:{published}"])))
        smallest = stratified_detectable([0.2**0.5] * n, [100] * n)
        stated = re.search(rf"([\d.]+)(?: points in mean accuracy)? on {task} \((\d+)", suite.about)
        assert stated is not None and int(stated[2]) == n
        assert 0 <= float(stated[1]) - 100 * smallest < 0.1


def test_a_perfect_model_gets_perfect_scores_in_every_task(mevals: Callable[..., Any], tmp_path: Path) -> None:
    ran = mevals(
        "run",
        "-m",
        "demo-perfect",
        "--data",
        "mini",
        "-t",
        ",".join(TASKS),
        "-l",
        "eng_Latn,hin_Deva,jpn_Jpan,amh_Ethi",
    )
    assert ran.code == 0, ran.err
    best = {"chrf": 100.0, "refusal_error": 0.0, "length": None}
    seen = set()
    for path in tmp_path.glob("results/*/*/cells.json"):
        for cell in json.loads(path.read_text())["cells"]:
            for metric in cell["metrics"]:
                name = metric["metric"].split("[")[0]
                if name not in ("length", "fidelity") and "." not in name:
                    assert metric["value"] == pytest.approx(best.get(name, 1.0)), (path, cell["subset"], metric)
                    assert metric["unscored"] == 0
                seen.add(cell["task"])
    assert seen == set(TASKS)
    mmlu = json.loads((tmp_path / "results" / "demo-perfect" / "global_mmlu" / "cells.json").read_text())["cells"][0]
    names = {m["metric"] for m in mmlu["metrics"]}
    assert {"accuracy", "accuracy[culture=CA]", "accuracy[culture=CS]", "accuracy[subject_category=STEM]"} <= names


def test_a_language_is_meant_in_every_task_whatever_its_subsets_are_called(mevals: Callable[..., Any]) -> None:
    ran = mevals("plan", "-t", "global_mgsm,wmt24pp,global_piqa", "-l", "hin_Deva,fra_Latn", "--format", "json")
    cells = {row["task"]: row["cells"] for row in json.loads(ran.out)}
    assert cells == {"global_mgsm": 2, "wmt24pp": 3, "global_piqa": 3}  # French of Canada and of France count apart


def test_a_base_model_is_asked_plain_prompts_with_exemplars(mevals: Callable[..., Any], tmp_path: Path) -> None:
    with SimServer("demo", served_names=["CohereLabs/tiny-aya-base=demo"]) as server:
        ran = mevals(
            *("run", "-m", "tinyaya-base", "--base-url", server.base_url, "--data", "mini", "-l", "deu_Latn"),
            *("-t", "global_mmlu,global_mmlu_gen", "--condition", "shots-2"),
        )
        assert ran.code == 0, ran.err
        paths = server.stats()["paths"]
    # Eight letters are generated; eight questions cost five each, for a server without an answer key thinks of no letter.
    assert paths == {"/v1/completions": 8 + 8 * 5}
    manifest = tmp_path / "results/tinyaya-base/global_mmlu_gen@shots-2/manifest.json"
    turns = json.loads(manifest.read_text())["first_prompt"]["messages"]
    assert [m["role"] for m in turns] == ["user", "assistant", "user", "assistant", "user"]
