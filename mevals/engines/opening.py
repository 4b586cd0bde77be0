"""From a `--model` argument to an engine that is ready to be opened."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mevals.engines.engine import Engine
from mevals.errors import UsageError

if TYPE_CHECKING:
    from mevals.models import Model


@dataclass(frozen=True)
class Serving:
    """How models are reached: a running server's base URLs, or how to start one.

    `simulated` holds further arguments for the simulated server (faults, latency), `arguments` those of a server that mevals
    starts. `max_cost` is in US dollars, for this command alone; `max_model_len` in tokens.
    """

    base_urls: tuple[str, ...] = ()
    engine: str = "auto"
    timeout_s: float = 600.0
    simulated: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    tensor_parallel: int = 1
    data_parallel: int = 1
    max_cost: float | None = None
    max_model_len: int | None = None
    logs: str = "results/.logs"


ENGINES = ("auto", "vllm", "transformers")
OPENAI_HOST = "api.openai.com"


def is_simulated(name: str) -> bool:
    """Whether a model's name means the embedded simulated model."""
    return name == "demo" or name.startswith("demo-")


def api_key(urls: Sequence[str], own: str | None = None) -> str:
    """The key for the servers at `urls`, from the environment only; "" where none is set.

    OPENAI_API_KEY goes to api.openai.com and nowhere else; any other host gets the variable that its own model's entry
    names (`own`), or MEVALS_API_KEY.
    """
    openai = all(urlsplit(url).hostname == OPENAI_HOST and url.startswith("https://") for url in urls)
    names = (own, "OPENAI_API_KEY" if openai else "MEVALS_API_KEY")
    allowed = (n for n in names if n and (openai or n != "OPENAI_API_KEY"))
    return next((os.environ[n] for n in allowed if os.environ.get(n)), "")


def shown_name(name: str, serving: Serving) -> str:
    """The name under which a model's results are kept: a folder's or a repository's own. Raises UsageError."""
    if is_simulated(name) or serving.base_urls:
        return name
    from mevals.models import find_model

    return find_model(name).name


def open_engine(name: str, serving: Serving) -> Engine:
    """The engine for a model, not opened yet. Raises UsageError for an unknown model."""
    if is_simulated(name):
        return _simulated(name, serving)
    if serving.base_urls:
        return _running_server(name, serving)
    from mevals.engines.managed import managed_engine

    return managed_engine(name, serving)


def _simulated(name: str, serving: Serving) -> Engine:
    from mevals.engines.sim.ability import profile_names
    from mevals.engines.simulated import Simulated
    from mevals.errors import did_you_mean

    if name not in profile_names():
        raise UsageError(f"there is no simulated model {name!r}{did_you_mean(name, profile_names())}")
    base_url = serving.base_urls[0] if serving.base_urls else ""
    return Simulated(name, arguments=serving.simulated, base_url=base_url, timeout_s=serving.timeout_s)


def _running_server(name: str, serving: Serving) -> Engine:
    from mevals.engines.client import Client

    known = known_model(name)
    if known is None:
        return Client(serving.base_urls, name, key=api_key(serving.base_urls), timeout_s=serving.timeout_s)
    at_home = known.base_url and all(urlsplit(u).netloc == urlsplit(known.base_url).netloc for u in serving.base_urls)
    return Client(
        serving.base_urls,
        known.repository or name,
        key=api_key(serving.base_urls, known.key if at_home else None),
        timeout_s=serving.timeout_s,
        specials=known.special_tokens,
        identity=identity(known),
        fields=model_fields(known),
        form=known.kind,
    )


def known_model(name: str) -> Model | None:
    """The model of models.yaml with this name; None for the name of something that a running server serves."""
    from mevals.models import load_models

    return load_models().get(name)


def identity(model: Model) -> dict[str, Any]:
    """What of a model can change an answer; part of every cell's fingerprint.

    A folder counts by its name and content: where it lies changes no answer.
    """
    return {
        "model": model.name if model.local else model.repository or model.name,
        "revision": model.revision_label,
        "quantisation": model.quantisation,
        "dtype": model.dtype,
        "kind": model.kind,
        "template": model.template,
    }


def model_fields(model: Model) -> dict[str, Any]:
    """Fields of every request for a model: all its sampling settings, stop tokens and template switches.

    A field that is left out would be filled with the repository's own default by the server.
    """
    sent: dict[str, Any] = dict(model.sampling)
    for name in ("temperature", "top_p"):
        sent.pop(name, None)
    if model.stop_token_ids:
        sent["stop_token_ids"] = list(model.stop_token_ids)
    if model.stop:
        sent["stop"] = list(model.stop)
    if options := model.template_options():
        sent["chat_template_kwargs"] = dict(options)
    if model.served == "weights" and model.special_tokens:
        sent["skip_special_tokens"] = False  # they are stripped on this side, where they can be counted
    return sent


def split_urls(text: str | Sequence[str]) -> tuple[str, ...]:
    """Base URLs from a comma-separated argument. Raises UsageError for one that is no http(s) address."""
    urls = tuple(u.strip() for u in (text.split(",") if isinstance(text, str) else text) if u.strip())
    for url in urls:
        if not url.startswith(("http://", "https://")):
            raise UsageError(f"--base-url {url!r} is no address; it looks like http://localhost:8000/v1")
    return urls
