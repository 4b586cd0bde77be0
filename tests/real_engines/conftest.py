"""Real vLLM and real transformers, each serving the same tiny Cohere2 model; started once for all tests here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mevals.engines.server_process import ManagedServer
from mevals.engines.transformers_engine import start_transformers
from mevals.engines.vllm_server import start_vllm
from mevals.models import Model, find_model

CHECKOUT = Path(__file__).parents[2]
VLLM_ARGS = ("--enforce-eager",)
ON_CPU = {"HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1", "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="session")
def engines_env() -> Path:
    """The folder of the environment that scripts/make_engines_env.sh made; sets what the engines read.

    Skips where there is none; with MEVALS_ENGINES_REQUIRED=1 (as in CI) it fails instead.
    """
    folder = Path(os.environ.get("MEVALS_ENGINES_ENV", CHECKOUT / ".venv-engines")).absolute()
    if not (folder / ".complete").exists():
        reason = "no environment with vLLM and transformers: make engines, or set MEVALS_ENGINES_ENV to its folder"
        if os.environ.get("MEVALS_ENGINES_REQUIRED") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    os.environ.update(ON_CPU)
    os.environ["MEVALS_VLLM"] = str(folder / "bin" / "vllm")
    os.environ["MEVALS_HF_PYTHON"] = str(folder / "bin" / "python")
    return folder


@pytest.fixture(scope="session")
def tiny_folder(engines_env: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tiny Cohere2 model."""
    folder = tmp_path_factory.mktemp("model") / "tiny-cohere2"
    script = CHECKOUT / "scripts" / "make_tiny_cohere2.py"
    subprocess.run([engines_env / "bin" / "python", script, folder], check=True)
    return folder


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> Model:
    """The tiny model as both engines serve it: float32, 1,024 tokens although its config claims 500,000."""
    return replace(find_model(str(tiny_folder)), dtype="float32", context=1024)


@pytest.fixture(scope="session")
def vllm(tiny: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManagedServer]:
    """A running vLLM."""
    with start_vllm(tiny, log_dir=tmp_path_factory.mktemp("logs"), extra_args=VLLM_ARGS, deadline_s=240) as server:
        yield server


@pytest.fixture(scope="session")
def transformers(tiny: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManagedServer]:
    """A running transformers server."""
    with start_transformers(tiny, log_dir=tmp_path_factory.mktemp("logs"), deadline_s=120) as server:
        yield server


@pytest.fixture(scope="session")
def transformers_wider(tiny: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManagedServer]:
    """A transformers server of the same weights with a sliding window that is one token wider."""
    folder = tmp_path_factory.mktemp("wider") / "model"
    shutil.copytree(str(tiny.repository), folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"sliding_window": config["sliding_window"] + 1}))
    model = replace(tiny, repository=str(folder))
    with start_transformers(model, log_dir=tmp_path_factory.mktemp("logs"), deadline_s=120) as server:
        yield server
