"""Serves a model with transformers behind the same interface as vLLM, for machines without it and for internals."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from mevals.engines.server_process import HOST, Launch, Progress, ServerProcess, free_port, log_name
from mevals.engines.vllm_failures import explain
from mevals.errors import EngineError, MevalsError, UsageError
from mevals.models import Model

RUN = (
    "import runpy, sys; sys.path.append({root!r}); "
    "runpy.run_module('mevals.engines.transformers_server', run_name='__main__', alter_sys=True)"
)
"""Run in another environment, mevals is looked for last, so that nothing else of ours gets in the way of theirs."""


def start_transformers(
    model: Model,
    *,
    log_dir: Path,
    port: int | None = None,
    extra_args: Sequence[str] = (),
    deadline_s: float = 1800.0,
    progress: Progress | None = None,
) -> ServerProcess:
    """A transformers server for `model` as a context manager (sync or async); it serves under the model's own name.

    It runs in this Python, or in the one that MEVALS_HF_PYTHON names. Raises UsageError where that has no transformers;
    entering raises UsageError or EngineError, in one sentence, where it does not come up.
    """
    port = free_port() if port is None else port
    launch = Launch(
        program="the transformers server",
        model=model.name,
        command=(*find_python(), *server_arguments(model, port), *extra_args),
        port=port,
        log_path=Path(log_dir) / log_name("transformers", model.name),
        deadline_s=deadline_s,
        environment={"TOKENIZERS_PARALLELISM": "false", "PYTHONUNBUFFERED": "1"},
        read_progress=read_progress,
        explain=partial(explain_failure, model=model),
    )
    return ServerProcess(launch, progress)


def find_python() -> tuple[str, ...]:
    """The command that runs the server: this Python, or $MEVALS_HF_PYTHON. Raises UsageError where neither will do."""
    named = os.environ.get("MEVALS_HF_PYTHON")
    if named:
        path = shutil.which(str(Path(named).expanduser()))
        if path is None:
            raise UsageError(
                f"MEVALS_HF_PYTHON is {named!r}, which is no program; set it to the python of an environment"
            )
        return (path, "-c", RUN.format(root=str(Path(__file__).parents[2])))
    if find_spec("torch") is None or find_spec("transformers") is None:
        raise UsageError(
            "transformers is not installed: pip install 'mevals[hf]', set MEVALS_HF_PYTHON to the python of an "
            "environment that has torch, transformers and aiohttp, or give --base-url of a running server"
        )
    return (sys.executable, "-m", "mevals.engines.transformers_server")


def server_arguments(model: Model, port: int) -> tuple[str, ...]:
    """What the server is told about the model."""
    if model.served != "weights" or not model.repository:
        raise UsageError(f"{model.name} is served by {model.served}; transformers serves weights that it can load")
    if model.quantisation:
        raise UsageError(
            f"{model.name} asks for {model.quantisation}; the transformers engine takes weights as they are"
        )
    arguments = [model.repository, "--host", HOST, "--port", str(port), "--served-model-name", model.name]
    arguments += ["--dtype", model.dtype]
    if model.revision and not model.local:
        arguments += ["--revision", model.revision]
    if model.context:
        arguments += ["--max-model-len", str(model.context)]
    if model.template:
        arguments += ["--chat-template", model.template]
    return tuple(arguments)


def read_progress(line: str) -> str | None:
    """A short line about where loading stands, or None where the log line says nothing about it."""
    if match := re.search(r"Loading (?:weights|checkpoint shards):\s+(\d+)%", line):
        return f"loading weights {match[1]} %"
    if match := re.search(r"Fetching (\d+) files:\s+(\d+)%", line):
        return f"downloading {match[2]} % of {match[1]} files"
    if "loading " in line and line.startswith("mevals "):
        return "loading"
    return f"weights {line.strip()}" if line.startswith("loaded in ") else None


def explain_failure(log: str, model: Model) -> MevalsError | None:
    """The error for a known cause in the log's end, or None."""
    if match := re.search(r"No module named '(torch|transformers|aiohttp|tokenizers|jinja2)'", log):
        return UsageError(
            f"the Python that MEVALS_HF_PYTHON names has no {match[1]}: install torch, transformers and aiohttp there"
        )
    if "does not recognize this architecture" in log or "Unrecognized configuration class" in log:
        return UsageError(
            f"this transformers does not know the architecture of {model.repository}: install a newer one"
        )
    if re.search(r"CUDA out of memory|OutOfMemoryError", log):
        return EngineError(
            f"the GPU is too small for {model.name}: serve it as bfloat16, spread it with --device balanced, "
            "or take a smaller model"
        )
    return explain(log, model)
