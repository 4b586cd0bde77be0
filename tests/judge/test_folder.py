"""Judges are folders of data; every shipped one is held to its own examples, and a wrong folder is refused in one sentence."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mevals.errors import DataError, UsageError
from mevals.judge.check import check_examples
from mevals.judge.folder import all_judges, find_judge, load_examples, load_judge
from mevals.judge.prompt import response_format

SHIPPED = (
    "arena_pairwise",
    "blend_match",
    "gemba_da",
    "gemba_esa",
    "multijail_safety",
    "tinyaya_rubric",
    "xstest_refusal",
)


def test_all_judges_are_found() -> None:
    assert tuple(all_judges()) == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_judge_reads_its_own_examples_as_they_say(name: str) -> None:
    judge = find_judge(name)
    assert check_examples(judge) == []
    examples = load_examples(judge)
    assert any(e.label or e.scores for e in examples), "some reply must hold a verdict"
    assert any(not e.label and not e.scores for e in examples), "some reply must be unscored"


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_judge_says_what_it_follows(name: str) -> None:
    file = find_judge(name).file
    assert len(file.follows) > 40 and "wording is ours" in file.about
    assert file.retries == 1 and file.max_unscored == 0.02


def test_an_unknown_judge_is_refused_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match="did you mean 'tinyaya_rubric'"):
        find_judge("tinyaya_rubrik")


def copied(name: str, to: Path) -> Path:
    return Path(shutil.copytree(find_judge(name).folder, to / "judges" / f"my_{name}"))


def test_a_judge_of_ones_own_is_found_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied("gemba_da", tmp_path)
    monkeypatch.setenv("MEVALS_PATH", str(tmp_path))
    assert find_judge("my_gemba_da").file.metric == "gemba_da"


def test_a_judge_can_be_named_by_its_folder(tmp_path: Path) -> None:
    assert find_judge(str(copied("gemba_da", tmp_path))).name == "my_gemba_da"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("kind: scores", "kind: score", "kind"),
        ("criteria: [translation]", "criteria: []", "needs verdict.criteria"),
        ("scale: [0, 100]", "scale: [100, 0]", "low to high"),
        ("title:", "titel:", "titel"),
        ("user: user.j2", "user: ../user.j2", "missing"),
        ("user: user.j2", "user: other.j2", "missing"),
        ("scores: {translation: 0}", "scores: {fluency: 0}", "every criterion"),
        ("version: 1", "version: 0", "version"),
        ("metric: gemba_da", "metric: Gemba DA", "metric"),
        ("max_tokens: 300", "max_tokens: none", "max_tokens"),
    ],
)
def test_a_wrong_judge_is_refused_with_its_file_and_field(tmp_path: Path, old: str, new: str, says: str) -> None:
    folder = copied("gemba_da", tmp_path)
    path = folder / "judge.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(DataError, match=says) as error:
        load_judge(folder)
    assert str(path) in str(error.value)


def test_a_label_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    folder = copied("multijail_safety", tmp_path)
    path = folder / "judge.yaml"
    path.write_text(path.read_text().replace("label: invalid", "label: unclear"))
    with pytest.raises(DataError, match="'unclear' is none"):
        load_judge(folder)


def test_a_changed_prompt_changes_the_hash_and_a_changed_note_does_not(tmp_path: Path) -> None:
    folder = copied("gemba_da", tmp_path)
    before = load_judge(folder).sha
    yaml = folder / "judge.yaml"
    yaml.write_text(yaml.read_text().replace("Translation quality", "Quality of translation"))
    assert load_judge(folder).sha == before
    (folder / "user.j2").write_text((folder / "user.j2").read_text() + "\nBe strict.")
    assert load_judge(folder).sha != before


@pytest.mark.parametrize(
    "row", ["- {name: x}", "- {name: x, reply: y}", "- {name: x, reply: y, label: a, unscored: true}", "{}", "- {name: x, reply: y, lable: a}"]
)  # fmt: skip
def test_wrong_examples_are_refused(tmp_path: Path, row: str) -> None:
    folder = copied("gemba_da", tmp_path)
    (folder / "examples.yaml").write_text(row)
    with pytest.raises(DataError, match=r"examples\.yaml"):
        load_examples(load_judge(folder))


def test_a_verdicts_schema_enumerates_what_is_allowed() -> None:
    rubric = response_format(find_judge("tinyaya_rubric"))
    assert rubric is not None
    fields = rubric["json_schema"]["schema"]["properties"]
    assert list(fields)[:2] == ["instruction_following_rationale", "instruction_following_score"]
    assert fields["accuracy_score"] == {"type": "integer", "enum": [1, 2, 3, 4, 5, 6, 7]}
    safety = response_format(find_judge("multijail_safety"))
    assert safety and safety["json_schema"]["schema"]["properties"]["verdict"]["enum"] == ["safe", "unsafe", "invalid"]
    esa = response_format(find_judge("gemba_esa"))
    assert esa and list(esa["json_schema"]["schema"]["properties"]) == ["errors", "translation_score"]
    assert response_format(find_judge("arena_pairwise")) is None
