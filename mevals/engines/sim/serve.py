"""Runs the simulated server: sockets, signals, and its end, which must come for certain and at once."""

from __future__ import annotations

import asyncio
import ctypes
import importlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from aiohttp import web

from mevals.engines.sim.ability import Profile, load_profiles, named_profile
from mevals.engines.sim.faults import Config
from mevals.engines.sim.keystore import read_records
from mevals.engines.sim.model import CONTEXT
from mevals.engines.sim.replies import KINDS, Reply
from mevals.engines.sim.server import SimulatedServer
from mevals.errors import UsageError

LARGEST_BODY = 1 << 28
"""Bytes of one request: an answer key comes in few, large ones."""
_GRACE_S = 0.1
_BACKLOG = 4096
_PR_SET_PDEATHSIG = 1


def serve(
    host: str = "127.0.0.1",
    port: int = 0,
    profiles: Sequence[str] = (),
    faults: Mapping[str, float] | None = None,
    latency_ms: float = 0.0,
    seed: int = 0,
    port_file: Path | None = None,
    key_file: Path | None = None,
    max_seconds: float | None = None,
    *,
    config: Config | None = None,
    served_names: Sequence[str] = (),
    replies: Mapping[str, Reply | str] | None = None,
    api_key: str | None = None,
    context: int = CONTEXT,
    parent: int | None = None,
) -> None:
    """Serves until SIGTERM, SIGINT, `max_seconds`, or the end of process `parent`; says its address on stdout.

    `port` 0 takes a free one, written to `port_file`. `profiles` are shipped names (all by default), `served_names`
    further names as "NAME" or "NAME=PROFILE". `config` holds settings beyond faults, latency and seed. `replies` plugs
    in kinds of items, as functions or "module:function". Raises UsageError for what is wrong with any of these.
    """
    config = config or Config(latency_ms=latency_ms, seed=seed, faults=dict(faults or {}))
    models = served_models(profiles, served_names)
    kinds = reply_functions(replies or {})
    server = SimulatedServer(models, config=config, kinds=kinds, api_key=api_key, context=context)
    if key_file is not None:
        server.add_keys(_read_key_file(key_file))
    _raise_file_limit()
    listening = open_socket(host, port)
    port = listening.getsockname()[1]
    if port_file is not None:
        partial = port_file.with_name(port_file.name + ".part")
        partial.write_text(str(port), encoding="ascii")
        partial.replace(port_file)
    print(f"simulated model on http://{host}:{port}/v1 ({', '.join(models)})", flush=True)
    run_loop(lambda: _serve(server, listening, max_seconds, parent))


async def listen(server: SimulatedServer, listening: socket.socket, stop: asyncio.Event) -> None:
    """Serves on this socket until `stop` is set; then ends every connection within a fraction of a second."""
    loop = asyncio.get_running_loop()
    address = listening.getsockname()[:2]

    def make_request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=LARGEST_BODY)

    http = web.Server(server.handle, handler_cancellation=True, request_factory=make_request, access_log=None)
    listener = await loop.create_server(http, sock=listening, backlog=_BACKLOG)
    deaths: set[asyncio.Task[None]] = set()

    async def refuse_for(seconds: float) -> None:
        nonlocal listener
        listener.close()
        for connection in http.connections:
            if connection.transport is not None:
                connection.transport.abort()
        if seconds > 0:
            await asyncio.sleep(seconds)
            listener = await loop.create_server(http, sock=open_socket(*address), backlog=_BACKLOG)

    def refuse(seconds: float) -> None:
        task = loop.create_task(refuse_for(seconds))
        deaths.add(task)
        task.add_done_callback(deaths.discard)

    server.refuse = refuse
    try:
        await stop.wait()
    finally:
        for task in deaths:
            task.cancel()
        listener.close()
        await http.shutdown(_GRACE_S)


def open_socket(host: str, port: int) -> socket.socket:
    """A TCP socket that listens on loopback. Raises UsageError for any other host (the server trusts whoever reaches it)."""
    name = "127.0.0.1" if host == "localhost" else host
    if not (name.startswith("127.") or name == "::1"):
        raise UsageError(f"the simulated server only serves this machine: use 127.0.0.1 instead of {host!r}")
    sock = socket.socket(socket.AF_INET6 if ":" in name else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((name, port))
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        raise UsageError(f"port {port} of {host} can't be used ({error.strerror}): choose another or 0") from None
    return sock


def served_models(profiles: Sequence[str], served_names: Sequence[str] = ()) -> dict[str, Profile]:
    """Served name to profile. Raises UsageError for an unknown profile."""
    models = {name: named_profile(name) for name in profiles} or load_profiles()
    first = next(iter(models.values()))
    for entry in served_names:
        name, _, profile = entry.partition("=")
        models[name] = named_profile(profile) if profile else first
    return models


def reply_functions(replies: Mapping[str, Reply | str]) -> dict[str, Reply]:
    """The built-in kinds and these; "module:function" is imported. Raises UsageError where it can't be."""
    kinds = dict(KINDS)
    for kind, plug in replies.items():
        if isinstance(plug, str):
            module, _, name = plug.partition(":")
            try:
                kinds[kind] = getattr(importlib.import_module(module), name)
            except (ImportError, AttributeError, ValueError) as error:
                raise UsageError(f"the reply function {plug!r} for {kind!r} can't be imported: {error}") from None
        else:
            kinds[kind] = plug
    return kinds


def run_loop(main: Callable[[], Any]) -> None:
    """Runs a coroutine function to its end, on uvloop where that is installed."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(main())
        return
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


async def _serve(
    server: SimulatedServer, listening: socket.socket, max_seconds: float | None, parent: int | None
) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    if max_seconds is not None:
        loop.call_later(max_seconds, stop.set)
    if parent is not None:
        _stop_with(parent, stop, loop)
    await listen(server, listening, stop)


def _stop_with(parent: int, stop: asyncio.Event, loop: asyncio.AbstractEventLoop) -> None:
    """Sets `stop` when the parent is gone: at once on Linux, within half a second elsewhere."""

    def look() -> None:
        if os.getppid() != parent:
            stop.set()

    def poll() -> None:
        look()
        loop.call_later(0.5, poll)

    if sys.platform == "linux":
        # It also comes when only the thread that started us ends, so not SIGTERM but a signal that makes us look.
        loop.add_signal_handler(signal.SIGUSR1, look)
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGUSR1)
    poll()


def _read_key_file(path: Path) -> list[Any]:
    try:
        return read_records(path.read_bytes())
    except OSError as error:
        raise UsageError(f"the answer key {path} can't be read: {error.strerror}") from None


def _raise_file_limit() -> None:
    try:
        import resource
    except ImportError:
        return
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
