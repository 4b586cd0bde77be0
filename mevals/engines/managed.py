"""Engines that mevals starts itself: vLLM or transformers for weights, a paid API, or a command that reads lines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mevals.engines.client import Client
from mevals.engines.engine import Engine
from mevals.engines.opening import ENGINES, Serving, api_key, identity, model_fields
from mevals.engines.server_process import ServerProcess
from mevals.errors import UsageError, did_you_mean
from mevals.models import Model, describe, find_model


def managed_engine(name: str, serving: Serving) -> Engine:
    """The engine for a model that no running server was named for. Raises UsageError where it can't be had."""
    model = find_model(name)
    if model.served == "api":
        from mevals.engines.api import ApiEngine

        return ApiEngine(model, serving, api_key([str(model.base_url)], model.key))
    if model.served == "command":
        from mevals.engines.lines import LinesEngine

        return LinesEngine(model)
    if serving.max_model_len:
        model = replace(model, context=serving.max_model_len)
    return Managed(model, serving, choose_server(model, serving))


def choose_server(model: Model, serving: Serving) -> Callable[[], ServerProcess]:
    """What starts the server: vLLM where it is installed, else transformers; or the one that --engine names."""
    from mevals.engines.transformers_engine import find_python, start_transformers
    from mevals.engines.vllm_server import find_vllm, start_vllm

    if serving.engine not in ENGINES:
        raise UsageError(f"unknown --engine {serving.engine!r}{did_you_mean(serving.engine, ENGINES)}")
    logs = Path(serving.logs)

    def vllm() -> ServerProcess:
        return start_vllm(
            model,
            log_dir=logs,
            extra_args=serving.arguments,
            tensor_parallel=serving.tensor_parallel,
            data_parallel=serving.data_parallel,
        )

    def transformers() -> ServerProcess:
        return start_transformers(model, log_dir=logs, extra_args=serving.arguments)

    if serving.engine == "vllm":
        find_vllm()
        return vllm
    if serving.engine == "transformers":
        find_python()
        return transformers
    try:
        find_vllm()
        return vllm
    except UsageError as no_vllm:
        try:
            find_python()
        except UsageError:
            raise no_vllm from None
        return transformers


class Managed(Client):
    """A model's weights behind a server of our own, which is started when the engine is opened and ended with it."""

    def __init__(self, model: Model, serving: Serving, start: Callable[[], ServerProcess]) -> None:
        super().__init__(
            [],
            model.name,
            timeout_s=serving.timeout_s,
            specials=model.special_tokens,
            identity=identity(model) | ({"server_arguments": list(serving.arguments)} if serving.arguments else {}),
            fields=model_fields(model),
            form=model.kind,
        )
        self.known = model
        self._start = start
        self._server: ServerProcess | None = None

    async def open(self) -> None:
        self._server = self._start()
        await asyncio.to_thread(self._server.start)
        self._urls = [self._server.base_url]
        self._busy = [0]
        self.version = self._server.version
        await super().open()

    async def close(self) -> None:
        await super().close()
        if self._server is not None:
            await asyncio.to_thread(self._server.stop)
            self._server = None

    def facts(self) -> Mapping[str, Any]:
        facts: dict[str, Any] = {"engine": "managed", "server_version": self.version, "model": describe(self.known)}
        if self._server is not None:
            facts |= {"arguments": list(self._server.arguments), "log": str(self._server.log_path)}
        return facts
