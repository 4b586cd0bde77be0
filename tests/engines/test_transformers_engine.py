"""How the transformers server is started and how its failures are told; real ones run in tests/real_engines."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mevals.engines.transformers_engine import (
    explain_failure,
    find_python,
    read_progress,
    server_arguments,
    start_transformers,
)
from mevals.errors import EngineError, MevalsError, UsageError
from mevals.models import Model, load_models

MODEL = Model(name="tiny", repository="org/tiny", context=1024, dtype="float32")


def test_the_server_is_told_name_length_precision_and_commit() -> None:
    commit = "ab" * 20
    arguments = " ".join(server_arguments(replace(MODEL, revision=commit), 8123))
    assert arguments == (
        "org/tiny --host 127.0.0.1 --port 8123 --served-model-name tiny --dtype float32 "
        f"--revision {commit} --max-model-len 1024"
    )


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (load_models()["gpt-4.1"], "is served by api"),
        (replace(MODEL, quantisation="awq"), "asks for awq"),
    ],
)
def test_what_transformers_can_not_serve_is_refused(model: Model, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        server_arguments(model, 1)


def test_another_environment_may_run_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEVALS_HF_PYTHON", sys.executable)
    program, flag, code = find_python()
    assert (program, flag) == (sys.executable, "-c")
    assert "sys.path.append" in code


def test_an_environment_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MEVALS_HF_PYTHON", str(tmp_path / "python"))
    with pytest.raises(UsageError, match="which is no program"):
        find_python()


def test_no_transformers_is_told_with_every_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEVALS_HF_PYTHON", raising=False)
    monkeypatch.setattr("mevals.engines.transformers_engine.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'mevals\[hf\]'.*MEVALS_HF_PYTHON.*--base-url"):
        find_python()


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="this environment has torch")
def test_an_environment_without_torch_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MEVALS_HF_PYTHON", sys.executable)
    monkeypatch.setenv("MEVALS_RUN_DIR", str(tmp_path / "run"))
    with pytest.raises(UsageError, match="has no torch: install torch, transformers and aiohttp there"):
        start_transformers(MODEL, log_dir=tmp_path).start()


@pytest.mark.parametrize(
    ("log", "kind", "says"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB", EngineError, "--device balanced"),
        ("OSError: You are trying to access a gated repo.", UsageError, "org/tiny is gated"),
        ("OSError: [Errno 98] error while attempting to bind on address ('127.0.0.1', 1): address already in use",
         UsageError, "port was taken"),
        ("has model type `foo` but Transformers does not recognize this architecture", UsageError, "install a newer one"),
    ],
)  # fmt: skip
def test_a_failure_is_told_in_one_sentence(log: str, kind: type[MevalsError], says: str) -> None:
    error = explain_failure(log, MODEL)
    assert isinstance(error, kind)
    assert says in str(error)
    assert "vLLM" not in str(error)


@pytest.mark.parametrize(
    ("line", "note"),
    [
        ("Loading weights:  50%|#####     | 17/34", "loading weights 50 %"),
        ("Loading checkpoint shards: 100%|####| 2/2", "loading weights 100 %"),
        ("loaded in 1.8 s on cpu as torch.float32", "weights loaded in 1.8 s on cpu as torch.float32"),
        ("anything else", None),
    ],
)  # fmt: skip
def test_the_log_says_where_loading_stands(line: str, note: str | None) -> None:
    assert read_progress(line) == note
