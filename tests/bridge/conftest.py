"""Folders of lm-eval YAML for the tests, and the choice to skip where lm-eval is not installed."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

from tests.bridge.make_data import write_global_mmlu, write_sums, write_unspaced


@pytest.fixture
def lm_eval() -> None:
    """Skips where lm-eval is not installed; scripts/ci_lm_eval.sh says that it must be."""
    if importlib.util.find_spec("lm_eval") is None:
        assert not os.environ.get("MEVALS_LM_EVAL_REQUIRED"), "lm-eval is required here, but it is not installed"
        pytest.skip("lm-eval is not installed (scripts/ci_lm_eval.sh runs these tests)")


@pytest.fixture
def yaml_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lm_eval: None) -> Path:
    """A folder of self-written lm-eval tasks that $MEVALS_LM_EVAL_PATH names; nothing may go to the hub."""
    folder = tmp_path / "yaml"
    write_global_mmlu(folder)
    write_sums(folder)
    write_unspaced(folder)
    monkeypatch.setenv("MEVALS_LM_EVAL_PATH", str(folder))
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return folder
