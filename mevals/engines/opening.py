"""From a `--model` argument to an engine that is ready to be opened."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mevals.engines.engine import Engine
from mevals.errors import UsageError

if TYPE_CHECKING:
    from mevals.models import Model


@dataclass(frozen=True)
class Serving:
    """How models are reached: a running server's base URLs, or how to start one.

    `simulated` holds further arguments for the simulated server (faults, latency).
    """

    base_urls: tuple[str, ...] = ()
    engine: str = "auto"
    timeout_s: float = 600.0
    simulated: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    tensor_parallel: int = 1
    data_parallel: int = 1
    max_cost: float | None = None
    logs: str = "results/.logs"


def is_simulated(name: str) -> bool:
    """Whether a model's name means the embedded simulated model."""
    return name == "demo" or name.startswith("demo-")


def api_key(own: str | None = None) -> str:
    """The key for a server, from the environment only: the model's own variable, MEVALS_API_KEY or OPENAI_API_KEY."""
    names = filter(None, (own, "MEVALS_API_KEY", "OPENAI_API_KEY"))
    return next((os.environ[n] for n in names if os.environ.get(n)), "")


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
        return Client(serving.base_urls, name, key=api_key(), timeout_s=serving.timeout_s)
    return Client(
        serving.base_urls,
        known.repository or name,
        key=api_key(known.key),
        timeout_s=serving.timeout_s,
        specials=known.special_tokens,
        identity=identity(known),
        fields=model_fields(known),
        base=known.kind == "base",
    )


def known_model(name: str) -> Model | None:
    """The model of models.yaml with this name; None for the name of something that a running server serves."""
    from mevals.models import load_models

    return load_models().get(name)


def identity(model: Model) -> dict[str, Any]:
    """What of a model can change an answer; part of every cell's fingerprint."""
    return {
        "model": model.repository or model.name,
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
    return sent


def split_urls(text: str | Sequence[str]) -> tuple[str, ...]:
    """Base URLs from a comma-separated argument. Raises UsageError for one that is no http(s) address."""
    urls = tuple(u.strip() for u in (text.split(",") if isinstance(text, str) else text) if u.strip())
    for url in urls:
        if not url.startswith(("http://", "https://")):
            raise UsageError(f"--base-url {url!r} is no address; it looks like http://localhost:8000/v1")
    return urls
