"""Why vLLM did not start, in one sentence that says what to do, told from the end of its log.

The patterns are messages of vLLM 0.32, transformers 5, huggingface_hub and torch; the tests replay them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from mevals.errors import EngineError, MevalsError, UsageError
from mevals.models import Model

Sentence = Callable[[re.Match[str], Model], str]


@dataclass(frozen=True, slots=True)
class Failure:
    """One known cause: the message that betrays it, and what to tell. `mend` False: nothing in the command is wrong."""

    name: str
    pattern: re.Pattern[str]
    sentence: Sentence
    mend: bool = True


def explain(log: str, model: Model) -> MevalsError | None:
    """The error for the first known cause found in the log, in the order of the table; None where none is known."""
    for failure in FAILURES:
        match = failure.pattern.search(log)
        if match:
            kind = UsageError if failure.mend else EngineError
            return kind(failure.sentence(match, model))
    return None


def _known(name: str, pattern: str, sentence: Sentence, mend: bool = True) -> Failure:
    return Failure(name, re.compile(pattern, re.IGNORECASE), sentence, mend)


def _context(model: Model) -> str:
    return f" (now {model.context})" if model.context else ""


def _kv_cache(found: re.Match[str], model: Model) -> str:
    estimate = re.search(r"estimated maximum model length is (\d+)", found.string)
    most = f" to at most {estimate[1]}" if estimate else ""
    return (
        f"{model.name} does not fit: one request of {found[1]} tokens needs {found[2]} GiB of cache and "
        f"{found[3]} GiB are free; lower --max-model-len{most}, or raise --gpu-memory-utilization"
    )


FAILURES = (
    _known(
        "port taken",
        r"\[Errno \d+\] (?:error while attempting to bind .*)?address already in use",
        lambda found, model: (
            "the server's port was taken by another program while it loaded; "
            "start again without a port, and a free one is found"
        ),
    ),
    _known(
        "wrong argument",
        r"error: (unrecognized arguments: .*|argument .*)",
        lambda found, model: f"this vLLM does not take the arguments that were given ({found[1].strip()})",
    ),
    _known(
        "gated repository",
        r"gated repo|Access to model \S+ is restricted|GatedRepoError",
        lambda found, model: (
            f"{model.repository} is gated: accept its terms at https://huggingface.co/{model.repository}, "
            "then set HF_TOKEN to a token of that account"
        ),
    ),
    _known(
        "no such repository",
        r"is not a local folder (?:and is not|or) a valid (?:model identifier|repository name)|RepositoryNotFoundError",
        lambda found, model: (
            f"there is no {model.repository} on the hub, or it is private; check the name, or set HF_TOKEN"
        ),
    ),
    _known(
        "not downloaded",
        r"couldn't connect to '\S+' to load the files|LocalEntryNotFoundError|outgoing traffic has been disabled",
        lambda found, model: (
            f"{model.repository} is not on this machine and the hub can't be reached; download it where there is a "
            f"network (hf download {model.repository}), or unset HF_HUB_OFFLINE"
        ),
    ),
    _known(
        "unknown architecture",
        r"Model architectures? (\[.*?\]|\S+) (?:are|is) not supported|"
        r"has model type `([^`]+)` but Transformers does not recognize",
        lambda found, model: (
            f"this vLLM does not know the architecture {(found[1] or found[2]).strip('[]')}: "
            "install a newer vLLM, or use --engine transformers"
        ),
    ),
    _known(
        "remote code",
        r"requires you to execute the configuration file|contains custom code which must be executed"
        r"|`?--trust-remote-code`? flag",
        lambda found, model: (
            f"{model.repository} wants to run its own Python code; if you trust it, "
            "give the server --trust-remote-code by name"
        ),
    ),
    _known(
        "too few GPUs",
        r"World size \((\d+)\) is larger than the number of available GPUs \((\d+)\)",
        lambda found, model: (
            f"{found[1]} GPUs were asked for and this machine has {found[2]}; lower tensor parallel or data parallel"
        ),
    ),
    _known(
        "heads not divisible",
        r"attention heads \((\d+)\) must be divisible by tensor parallel size \((\d+)\)",
        lambda found, model: (
            f"{model.name} has {found[1]} attention heads, which {found[2]} GPUs can't share; "
            "take a tensor parallel size that divides them"
        ),
    ),
    _known(
        "bfloat16",
        r"Bfloat16 is only supported on GPUs with compute capability",
        lambda found, model: f"this GPU has no bfloat16: serve {model.name} with --dtype float16",
    ),
    _known(
        "context too long",
        r"max_model_len \((\d+)\) is greater than the derived max_model_len \(\w+=(\d+)",
        lambda found, model: (
            f"{model.name} has a context of {found[2]} tokens and {found[1]} were asked for; lower --max-model-len"
        ),
    ),
    _known(
        "GPU in use",
        r"Free memory on device (?:\S+ )?\(([\d.]+)/([\d.]+) GiB\).{0,40}less than desired GPU memory utilization "
        r"\(([\d.]+)",
        lambda found, model: (
            f"another program uses this GPU: {found[1]} of {found[2]} GiB are free; end it, or lower "
            f"--gpu-memory-utilization (now {found[3]})"
        ),
        mend=False,
    ),
    _known(
        "cache does not fit",
        r"max seq len \((\d+)\),? \(?([\d.]+) GiB KV cache is needed, which is larger than the available KV cache "
        r"memory \(([\d.]+) GiB\)",
        _kv_cache,
        mend=False,
    ),
    _known(
        "no room for the cache",
        r"No available memory for the cache blocks",
        lambda found, model: (
            f"the weights of {model.name} leave no memory for the cache; raise --gpu-memory-utilization, or lower "
            f"--max-model-len{_context(model)} and --max-num-seqs"
        ),
        mend=False,
    ),
    _known(
        "CPU cache too large",
        r"Available memory on node \d+ \(([\d.]+)/[\d.]+ GiB\) on kv cache allocation is less than requested memory "
        r"for kv \(([\d.]+) GiB\)",
        lambda found, model: (
            f"the cache of {found[2]} GiB does not fit into the {found[1]} GiB of memory that are free; "
            "lower VLLM_CPU_KVCACHE_SPACE"
        ),
        mend=False,
    ),
    _known(
        "out of memory",
        r"CUDA out of memory|OutOfMemoryError|HIP out of memory",
        lambda found, model: (
            f"the GPU is too small for {model.name} as it was asked for: lower --max-model-len{_context(model)} or "
            "--max-num-seqs, spread it over more GPUs (tensor parallel), or take a quantised version"
        ),
        mend=False,
    ),
    _known(
        "no GPU",
        r"Failed to infer device type|No CUDA GPUs are available|libcuda\.so\.1: cannot open shared object"
        r"|Found no NVIDIA driver",
        lambda found, model: (
            "vLLM found no GPU on this machine: run it where there is one, use --engine transformers (slow on a CPU), "
            "or give --base-url of a running server"
        ),
    ),
    _known(
        "disk full",
        r"No space left on device",
        lambda found, model: (
            f"the disk is full: {model.name} could not be downloaded; free space, or set HF_HOME to a larger disk"
        ),
        mend=False,
    ),
    _known(
        "broken weights",
        r"Error while deserializing header|SafetensorError",
        lambda found, model: f"the weight files of {model.repository} are broken or incomplete; download them again",
    ),
)
"""Most specific first: a log often holds several messages, the last of them the least telling."""
