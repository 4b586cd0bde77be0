"""What a `--model` argument becomes: whose key is sent where, what a fingerprint says, and what requests carry."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mevals.engines.opening import Serving, api_key, identity, model_fields, open_engine, shown_name
from mevals.models import find_model, folder_model

Mevals = Callable[..., Any]
OPENAI, OTHER = "https://api.openai.com/v1", "https://llm.example.org/v1"


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "of-openai")
    monkeypatch.setenv("MEVALS_API_KEY", "of-mevals")
    monkeypatch.setenv("COHERE_API_KEY", "of-cohere")


@pytest.mark.parametrize(
    ("urls", "own", "key"),
    [
        ([OPENAI], None, "of-openai"),
        ([OPENAI], "OPENAI_API_KEY", "of-openai"),
        ([OTHER], None, "of-mevals"),
        ([OTHER], "OPENAI_API_KEY", "of-mevals"),
        ([OTHER], "COHERE_API_KEY", "of-cohere"),
        ([OPENAI, OTHER], None, "of-mevals"),
        (["http://api.openai.com/v1"], None, "of-mevals"),
        (["https://api.openai.com.example.org/v1"], None, "of-mevals"),
        (["https://api.openai.com@example.org/v1"], None, "of-mevals"),
        (["http://127.0.0.1:8000/v1"], None, "of-mevals"),
    ],
)
@pytest.mark.usefixtures("keys")
def test_the_key_for_openai_goes_to_openai_alone(urls: list[str], own: str | None, key: str) -> None:
    assert api_key(urls, own) == key


def test_without_a_key_for_a_host_none_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "of-openai")
    monkeypatch.delenv("MEVALS_API_KEY", raising=False)
    assert api_key([OTHER]) == ""
    engine: Any = open_engine("gpt-4.1", Serving((OTHER,)))
    assert "authorization" not in engine._headers


@pytest.mark.usefixtures("keys")
def test_a_models_own_key_does_not_follow_it_to_another_host() -> None:
    engine: Any = open_engine("command-a", Serving(("http://127.0.0.1:8000/v1",)))
    assert engine._headers["authorization"] == "Bearer of-mevals"
    home: Any = open_engine("command-a", Serving(("https://api.cohere.ai/compatibility/v1",)))
    assert home._headers["authorization"] == "Bearer of-cohere"


def model_folder(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "cohere2", "max_position_embeddings": 99}))
    added = [{"id": 6, "content": "<|END|>", "special": True}]
    (folder / "tokenizer.json").write_text(json.dumps({"added_tokens": added}))
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ messages }}"}))
    return folder


def test_the_same_folder_elsewhere_is_the_same_model(tmp_path: Path) -> None:
    one, other = (folder_model(model_folder(tmp_path / place / "ours")) for place in "ab")
    assert identity(one) == identity(other)
    assert identity(one)["model"] == "ours"
    (tmp_path / "b" / "ours" / "config.json").write_text(json.dumps({"model_type": "cohere2", "changed": 1}))
    assert identity(folder_model(tmp_path / "b" / "ours")) != identity(one)


def test_results_of_a_folder_lie_under_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model_folder(tmp_path / "ours")
    monkeypatch.chdir(tmp_path)
    assert shown_name("./ours", Serving()) == "ours"
    assert shown_name("openai:gpt-x@" + OTHER, Serving()) == "gpt-x"
    assert shown_name("demo", Serving()) == "demo"
    assert shown_name("./whatever", Serving((OTHER,))) == "./whatever"


def test_special_tokens_are_asked_for_where_they_are_stripped_and_counted_here() -> None:
    aya = find_model("tinyaya-global")
    assert model_fields(aya)["skip_special_tokens"] is False
    assert "skip_special_tokens" not in model_fields(replace(aya, special_tokens=()))
    assert "skip_special_tokens" not in model_fields(find_model("gpt-4.1"))


def test_arguments_of_a_server_are_part_of_the_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "vllm"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("MEVALS_VLLM", str(program))
    plain = open_engine("tinyaya-global", Serving(engine="vllm"))
    changed = open_engine("tinyaya-global", Serving(engine="vllm", arguments=("--quantization", "fp8")))
    assert "server_arguments" not in plain.identity
    assert changed.identity["server_arguments"] == ["--quantization", "fp8"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model", "tinyaya-global", "--engine", "vlm"], "did you mean 'vllm'"),
        (["--model", "demo", "--engine", "vlm"], "did you mean 'vllm'"),
        (["--model", "./nowhere"], "does not exist"),
        (["--model", "demo", "--max-cost", "-1"], "--max-cost"),
        (["--model", "demo", "--tensor-parallel", "0"], "--tensor-parallel"),
    ],
)
def test_a_bad_word_about_the_engine_writes_nothing(
    mevals: Mevals, tmp_path: Path, arguments: list[str], words: str
) -> None:
    ran = mevals("run", "--suite", "mini", *arguments)
    assert ran.code == 2
    assert words in ran.err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_use_is_told_before_a_model_is_loaded(
    mevals: Mevals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mevals.store import Store

    model_folder(tmp_path / "ours")
    program = tmp_path / "vllm"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("MEVALS_VLLM", str(program))
    monkeypatch.setenv("MEVALS_RUN_DIR", str(tmp_path / "run"))
    arguments = ("run", "--model", "./ours", "--engine", "vllm", "--suite", "mini", "--limit", "1")
    with Store(tmp_path / "results").locked("another command"):
        held = mevals(*arguments)
    assert held.code == 2
    assert "is in use by process" in held.err
    assert not (tmp_path / "started").exists()
    failed = mevals(*arguments)
    assert failed.code == 1
    assert "ended with code 1" in failed.err
    assert (tmp_path / "started").exists()
    assert len(list((tmp_path / "results" / ".logs").glob("vllm-ours-*.log"))) == 1
    assert Store(tmp_path / "results").task_folders() == []
