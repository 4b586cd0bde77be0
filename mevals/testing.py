"""For tests, ours and those of plug-ins: the simulated server as a context manager, on a free port of this machine."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mevals.engines.sim.faults import parse_config
from mevals.engines.sim.item import Item
from mevals.engines.sim.replies import Reply
from mevals.errors import EngineError, UsageError

_START_S = 20.0
_BATCH = 5_000


class SimServer:
    """The simulated model behind a real server, for as long as the `with` block runs.

    ::

        with SimServer("demo", latency_ms=20, faults={"429": 0.02}) as server:
            server.add_keys([{"hash": message_key(messages), "target": "18", "kind": "number", "lang": "swh_Latn"}])
            ...  # ask server.base_url
            assert server.stats()["ok"] == 1

    `profiles` are names of shipped profiles (all by default); `served_names` further names, as "NAME" or
    "NAME=PROFILE". `settings` are those of `reset`. It runs in a thread of this process, or with `process=True` in
    its own, which dies with this one. `replies` plugs in kinds of items, as functions (thread only) or as
    "module:function".
    """

    def __init__(
        self,
        *profiles: str,
        process: bool = False,
        served_names: Sequence[str] = (),
        replies: Mapping[str, Reply | str] | None = None,
        api_key: str | None = None,
        context: int = 8192,
        port: int = 0,
        **settings: Any,
    ) -> None:
        self.port = port
        self._profiles = profiles
        self._process_wanted = process
        self._served_names = tuple(served_names)
        self._replies = dict(replies or {})
        self._api_key = api_key
        self._context = context
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._stop: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    @property
    def url(self) -> str:
        """The server's root, such as "http://127.0.0.1:43211"."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        """What a client of the OpenAI API takes as its base URL."""
        return f"{self.url}/v1"

    @property
    def pid(self) -> int | None:
        """The process of its own that it runs in, or None."""
        return self._process.pid if self._process else None

    def start(self) -> Self:
        """Starts it and waits until it answers. Raises UsageError for bad settings, EngineError if it fails."""
        parse_config(self._settings)
        if self._process_wanted:
            self._start_process()
        else:
            self._start_thread()
        return self

    def stop(self) -> None:
        """Ends it, in under a second; the port is free afterwards."""
        if self._process is not None:
            self._process.terminate()
            self._end_process()
        if self._thread is not None and self._stop is not None:
            loop, event = self._stop
            loop.call_soon_threadsafe(event.set)
            self._thread.join(5)
        self._thread = self._stop = None

    def kill(self) -> None:
        """Ends it as a crash would (SIGKILL); one that runs in a thread is stopped instead."""
        if self._process is None:
            self.stop()
            return
        self._process.send_signal(signal.SIGKILL)
        self._end_process()

    def add_keys(self, records: Iterable[Mapping[str, Any] | Item]) -> dict[str, int]:
        """Hands the server lines of the answer key; says how many it now knows ("keys") and what was new.

        Raises UsageError where it refuses one.
        """
        rows = [asdict(r) if isinstance(r, Item) else dict(r) for r in records]
        told = {"added": 0, "same": 0, "conflicts": 0}
        for at in range(0, max(len(rows), 1), _BATCH):
            answer = self._control("POST", "/__key", rows[at : at + _BATCH])
            told = {name: told[name] + answer[name] for name in told} | {"keys": answer["keys"]}
        return told

    def reset(self, **settings: Any) -> Any:
        """Zeroes the counts and sets these settings over those of the start; see docs/simulated-model.md.

        Raises UsageError for an unknown setting.
        """
        return self._control("POST", "/__reset", settings)

    def stats(self) -> Any:
        """The counts since the start or the last reset."""
        return self._control("GET", "/__stats")

    def ids(self, model: str | None = None) -> Any:
        """{"requests": {hash: n}, "ok": {hash: n}}, of one model or of all."""
        return self._control("GET", "/__ids" + (f"?model={model}" if model else ""))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _control(self, method: str, path: str, content: Any = None) -> Any:
        import orjson

        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, None if content is None else orjson.dumps(content))
            reply = connection.getresponse()
            body = orjson.loads(reply.read())
        except OSError as error:
            raise EngineError(f"the simulated server at {self.url} doesn't answer: {error}") from None
        finally:
            connection.close()
        if reply.status != 200:
            raise UsageError(body["error"]["message"])
        return body

    def _start_thread(self) -> None:
        from mevals.engines.sim import serve
        from mevals.engines.sim.server import SimulatedServer

        models = serve.served_models(self._profiles, self._served_names)
        kinds = serve.reply_functions(self._replies)
        config = parse_config(self._settings)
        server = SimulatedServer(models, config=config, kinds=kinds, api_key=self._api_key, context=self._context)
        listening = serve.open_socket("127.0.0.1", self.port)
        self.port = listening.getsockname()[1]
        ready = threading.Event()

        async def run() -> None:
            stop = asyncio.Event()
            self._stop = asyncio.get_running_loop(), stop
            ready.set()
            await serve.listen(server, listening, stop)

        self._thread = threading.Thread(target=serve.run_loop, args=(run,), name="mevals-sim", daemon=True)
        self._thread.start()
        if not ready.wait(_START_S):
            raise EngineError("the simulated server didn't start")

    def _start_process(self) -> None:
        import mevals

        with tempfile.TemporaryDirectory(prefix="mevals-sim-") as folder:
            port_file = Path(folder) / "port"
            root = str(Path(mevals.__file__).parents[1])
            paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
            command = [sys.executable, "-m", "mevals.engines.sim", *self._options(), "--port-file", str(port_file)]
            self._process = subprocess.Popen(
                command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
            deadline = time.monotonic() + _START_S
            while not port_file.exists():
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self._process.kill()
                    said = self._process.communicate()[1].decode("utf-8", "replace").strip()
                    self._process = None
                    raise EngineError(f"the simulated server didn't start: {said[-500:]}")
                time.sleep(0.01)
            self.port = int(port_file.read_text(encoding="ascii"))
        self._wait_until_it_answers(deadline)

    def _wait_until_it_answers(self, deadline: float) -> None:
        while True:
            try:
                self.stats()
                return
            except EngineError:
                if time.monotonic() > deadline:
                    self.kill()
                    raise
                time.sleep(0.01)

    def _options(self) -> list[str]:
        options = ["--port", str(self.port), "--die-with-parent", str(os.getpid())]
        options += ["--settings", json.dumps(self._settings), "--max-model-len", str(self._context)]
        for profile in self._profiles:
            options += ["--profile", profile]
        for name in self._served_names:
            options += ["--served-model-name", name]
        for kind, plug in self._replies.items():
            if not isinstance(plug, str):
                raise UsageError(f"a server in its own process needs the reply for {kind!r} as 'module:function'")
            options += ["--reply", f"{kind}={plug}"]
        return options + (["--api-key", self._api_key] if self._api_key else [])

    def _end_process(self) -> None:
        if self._process is not None:
            try:
                self._process.communicate(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.communicate()
            self._process = None
