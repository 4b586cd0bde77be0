"""What `--model` may say, and what mevals then knows."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from mevals.errors import DataError, UsageError
from mevals.models import GREEDY, describe, find_model, folder_revision, load_models, read_models

TINY_AYA = ("tinyaya-base", "tinyaya-global", "tinyaya-earth", "tinyaya-fire", "tinyaya-water")
BASELINES = ("gemma3-4b", "qwen3-4b", "qwen3.5-4b", "smollm3-3b", "ministral3-3b", "translategemma-4b")


@pytest.mark.parametrize("name", TINY_AYA)
def test_tiny_aya_is_served_at_the_length_it_was_trained_for_and_stops_at_three_ids(name: str) -> None:
    model = load_models()[name]
    assert model.repository == "CohereLabs/" + name.replace("tinyaya", "tiny-aya")
    assert (model.context, model.stop_token_ids) == (8192, (3, 6, 261001))
    assert "<|END_RESPONSE|>" in model.special_tokens
    assert (model.license, model.gated, model.parameters) == ("CC-BY-NC-4.0", True, 3_350_000_000)
    assert len(set(model.languages or ())) == 70
    assert model.kind == ("base" if name == "tinyaya-base" else "chat")


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_says_that_its_id_is_our_choice_and_is_unpinned(name: str) -> None:
    model = load_models()[name]
    assert "our choice" in model.note
    assert "report" in model.note
    assert (model.revision, model.revision_label) == (None, "unpinned")
    assert describe(model)["revision"] == "unpinned"


@pytest.mark.parametrize("name", ["qwen3-4b", "qwen3.5-4b", "smollm3-3b"])
def test_thinking_is_off_unless_it_is_asked_for(name: str) -> None:
    model = load_models()[name]
    assert model.template_options() == {"enable_thinking": False}
    assert model.template_options(thinking=True) == {"enable_thinking": True}


def test_a_model_without_a_thinking_switch_gets_no_template_options() -> None:
    assert load_models()["tinyaya-global"].template_options() == {}


def test_weights_get_every_sampling_field_and_apis_only_those_that_all_take() -> None:
    models = load_models()
    assert models["gemma3-4b"].sampling == GREEDY
    assert models["gemma3-4b"].sampling["temperature"] == 0.0
    assert models["gpt-4.1"].sampling == {"temperature": 0.0, "top_p": 1.0}


def test_a_cost_is_counted_per_million_tokens_and_unknown_where_no_price_is_known() -> None:
    models = load_models()
    assert models["gpt-4.1"].cost(1_000_000, 500_000) == pytest.approx(6.0)
    assert models["tinyaya-global"].cost(1_000_000, 500_000) is None


def test_the_judges_name_their_key_and_no_secret() -> None:
    models = load_models()
    assert (models["gpt-4.1"].repository, models["gpt-4.1"].key) == ("gpt-4.1-2025-04-14", "OPENAI_API_KEY")
    assert (models["command-a"].repository, models["command-a"].key) == ("command-a-03-2025", "COHERE_API_KEY")


def test_a_model_can_not_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        load_models()["gemma3-4b"].name = "other"  # type: ignore[misc]


def test_a_hub_repository_is_taken_as_it_is_named() -> None:
    model = find_model("Some-Org/Some.Model-7B")
    assert (model.name, model.repository, model.revision) == ("Some-Org/Some.Model-7B", "Some-Org/Some.Model-7B", None)


def test_a_hub_repository_may_be_pinned_to_a_commit() -> None:
    commit = "0123456789abcdef" * 2 + "01234567"
    assert find_model(f"org/name@{commit}").revision == commit


@pytest.mark.parametrize(
    ("text", "name", "url", "key"),
    [
        ("openai:gpt-4.1", "gpt-4.1", "https://api.openai.com/v1", "OPENAI_API_KEY"),
        ("openai:gpt-x@https://host/v1/", "gpt-x", "https://host/v1", "MEVALS_API_KEY"),
        ("openai:org/m@http://127.0.0.1:8000/v1", "org/m", "http://127.0.0.1:8000/v1", "MEVALS_API_KEY"),
    ],
)
def test_an_api_model_has_a_url_and_no_key_of_another_host(text: str, name: str, url: str, key: str) -> None:
    model = find_model(text)
    assert (model.name, model.base_url, model.key, model.served) == (name, url, key, "api")


@pytest.mark.parametrize("text", ["cmd:apertium en-es", "cmd:'apertium en-es'", 'cmd:"apertium en-es"'])
def test_a_command_model_keeps_its_command(text: str) -> None:
    model = find_model(text)
    assert (model.name, model.command, model.served) == ("cmd:apertium en-es", "apertium en-es", "command")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("tinyaya-globl", "did you mean 'tinyaya-global'"),
        ("org/name@main", "a branch can change"),
        ("./no-such-folder", "does not exist"),
        ("openai:", "should read openai:NAME"),
        ("openai:x@ftp://host", "should read openai:NAME"),
        ("cmd:''", "needs a command"),
        ("a/b/c", "is no repository name"),
    ],
)
def test_a_model_that_can_not_be_meant_is_refused_with_a_way_out(text: str, says: str) -> None:
    with pytest.raises(UsageError) as error:
        find_model(text)
    assert says in str(error.value)
    assert error.value.exit_code == 2


def _folder(at: Path, template: bool = True) -> Path:
    at.mkdir()
    (at / "config.json").write_text(json.dumps({"model_type": "cohere2", "max_position_embeddings": 500_000}))
    (at / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ x }}"} if template else {}))
    added = [
        {"id": 7, "content": "<|END_RESPONSE|>", "special": True},
        {"id": 8, "content": "<|im_end|>", "special": False},
    ]
    (at / "generation_config.json").write_text(json.dumps({"eos_token_id": 3}))
    (at / "tokenizer.json").write_text(json.dumps({"added_tokens": added}))
    (at / "model.safetensors").write_bytes(b"weights")
    return at


def test_a_folder_is_a_model_whose_revision_is_its_content(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "tiny")
    model = find_model(str(folder))
    assert (model.name, model.repository, model.local, model.kind) == ("tiny", str(folder), True, "chat")
    assert (model.family, model.context, model.special_tokens) == ("cohere2", 500_000, ("<|END_RESPONSE|>",))
    assert model.revision == folder_revision(folder)
    (folder / "model.safetensors").write_bytes(b"weightz")
    assert find_model(str(folder)).revision != model.revision


def test_a_folder_without_a_chat_template_is_a_base_model(tmp_path: Path) -> None:
    model = find_model(str(_folder(tmp_path / "tiny", template=False)))
    assert (model.kind, model.stop_token_ids) == ("base", None)


@pytest.mark.parametrize(("declared", "stops"), [(3, (3, 7)), ([3, 5], (3, 5, 7)), (None, (7,))])
def test_a_chat_model_in_a_folder_also_stops_where_a_turn_ends(
    tmp_path: Path, declared: object, stops: tuple[int, ...]
) -> None:
    folder = _folder(tmp_path / "tiny")
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": declared}))
    assert find_model(str(folder)).stop_token_ids == stops


def test_a_large_weight_file_is_told_apart_by_its_middle(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "tiny")
    size, revisions = 5 << 20, set()
    for changed in (None, 0, size // 2, size - 1):
        weights = bytearray(size)
        if changed is not None:
            weights[changed] = 1
        (folder / "model.safetensors").write_bytes(weights)
        revisions.add(folder_revision(folder))
    assert len(revisions) == 4


def test_a_folder_of_that_name_beside_us_is_suggested_as_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _folder(tmp_path / "tiny")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"write '\./tiny'"):
        find_model("tiny")


def test_their_models_file_adds_and_replaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models.yaml").write_text(
        "families: {ours: {context: 4096, gated: true}}\n"
        "models:\n"
        "  ours-1b: {family: ours, repository: org/ours-1b, gated: false}\n"
        "  qwen3-4b: {repository: org/tuned}\n"
    )
    monkeypatch.setenv("MEVALS_PATH", str(tmp_path))
    models = load_models()
    assert (models["ours-1b"].context, models["ours-1b"].gated) == (4096, False)
    assert models["qwen3-4b"].repository == "org/tuned"
    assert "tinyaya-global" in models


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("models: {a: {repository: o/a, revison: x}}", "models.a.revison"),
        ("models: {a: {repository: o/a, revision: main}}", "models.a.revision"),
        ("models: {a: {repository: o/a, context: big}}", "models.a.context"),
        ("models: {a: {}}", "the field repository is missing"),
        ("models: {a: {repository: o/a, served: api}}", "needs the field base_url"),
        ("models: {a: {served: command}}", "needs the field command"),
        ("models: [a", "not valid YAML"),
    ],
)
def test_a_wrong_models_file_is_refused_by_file_and_field(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "models.yaml"
    path.write_text(text)
    with pytest.raises(DataError) as error:
        read_models(path)
    assert says in str(error.value)
    assert str(path) in str(error.value)
