"""A model server that mevals starts, watches while it loads, and ends for certain: what vLLM and transformers share."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from mevals.engines import supervisor
from mevals.engines.leftovers import end_leftovers, record_folder
from mevals.errors import EngineError, MevalsError, UsageError

HOST = "127.0.0.1"
GRACE = 15.0
"""Seconds that a server has to end itself before it is killed."""
LOG_TAIL = 200_000
"""Bytes of the log's end that are read to explain a failure."""

Progress = Callable[[str], None]
"""Takes one short line about where loading stands."""


class ManagedServer(Protocol):
    """A running server as the rest of mevals sees it. `base_url` ends in /v1; `arguments` is the whole command."""

    @property
    def base_url(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def arguments(self) -> tuple[str, ...]: ...
    @property
    def log_path(self) -> Path: ...
    def stop(self) -> None:
        """End the server and all its children; nothing happens where it has ended."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What is needed to start one server.

    `command` holds the port already. `read_progress` makes a short line of a log line, or None where it says nothing;
    `explain` makes an error of the log's end, or None where it knows no cause.
    """

    program: str
    model: str
    command: tuple[str, ...]
    port: int
    log_path: Path
    deadline_s: float
    environment: Mapping[str, str] = field(default_factory=dict)
    read_progress: Callable[[str], str | None] = lambda line: None
    explain: Callable[[str], MevalsError | None] = lambda log: None


class ServerProcess:
    """A server as a context manager, sync or async: it is ready inside the block, and gone after it.

    Entering raises UsageError or EngineError, in one sentence, where the server does not come up.
    """

    def __init__(self, launch: Launch, progress: Progress | None = None) -> None:
        self.launch = launch
        self.version = ""
        self._progress = progress
        self._process: subprocess.Popen[bytes] | None = None
        self._abandoned = threading.Event()

    @property
    def base_url(self) -> str:
        """Where the server answers, ending in /v1."""
        return f"http://{HOST}:{self.launch.port}/v1"

    @property
    def arguments(self) -> tuple[str, ...]:
        """The whole command."""
        return self.launch.command

    @property
    def log_path(self) -> Path:
        """The file that keeps what the server printed."""
        return self.launch.log_path

    @property
    def running(self) -> bool:
        """Whether the server has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        try:
            await asyncio.to_thread(self.start)
        except asyncio.CancelledError:
            self._abandoned.set()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    def start(self) -> None:
        """Start the server and wait until it has answered a first request.

        Another thread may end the wait by `stop`. Without a `progress` of ours, a line on the terminal says where loading
        stands.
        """
        if self._progress is not None or not sys.stderr.isatty():
            self._start()
        else:
            with shown_on_terminal(f"{self.launch.program}: {self.launch.model}") as self._progress:
                self._start()

    def _start(self) -> None:
        records = record_folder()
        for command in end_leftovers(records):
            self._tell(f"ended a server that an earlier run left: {' '.join(command[:3])}")
        _refuse_taken(self.launch.port)
        self.launch.log_path.parent.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + self.launch.deadline_s
        with self.launch.log_path.open("wb") as log:
            record = records / f"{os.getpid()}-{secrets.token_hex(4)}.json"
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-I", supervisor.__file__, str(os.getpid()), str(GRACE), str(record), "--"),
                    *self.launch.command,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.launch.environment},
                start_new_session=True,
            )
        try:
            self._wait_healthy(deadline)
            self._greet(deadline)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server and all its children, also while it starts; nothing happens where it has ended."""
        self._abandoned.set()
        process = self._process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(GRACE + 10)
        except subprocess.TimeoutExpired:  # never seen; then the record tells what to kill
            process.kill()
            process.wait()
            end_leftovers(record_folder(), 0)

    def _wait_healthy(self, deadline: float) -> None:
        for line in self._follow(deadline):
            note = self.launch.read_progress(line)
            if note:
                self._tell(note)
            if not line and self._get("/health")[0] == 200:
                return

    def _follow(self, deadline: float) -> Iterator[str]:
        """The log's lines as they come, "" at least twice a second; raises where the server ends or takes too long."""
        with self.launch.log_path.open("r", encoding="utf-8", errors="replace") as log:
            rest, pause = "", 0.03
            while True:
                *lines, rest = re.split(r"[\r\n]+", rest + log.read())
                yield from filter(None, lines)
                if self._abandoned.is_set():
                    raise EngineError("the start of the server was given up")
                if not self.running:
                    raise self._failure()
                if time.monotonic() > deadline:
                    raise self._too_slow()
                yield ""
                time.sleep(pause)
                pause = min(0.5, 1.2 * pause)

    def _greet(self, deadline: float) -> None:
        """Check that it is our server, read its version, and let it answer once: a first answer can take 20 s."""
        status, models = self._get("/v1/models")
        served = [m.get("id") for m in models.get("data", [])] if status == 200 else []
        if self.launch.model not in served:
            theirs = ", ".join(map(str, served)) or "nothing"
            raise EngineError(f"another server answers on port {self.launch.port}: it serves {theirs}")
        self.version = str(self._get("/version")[1].get("version", ""))
        self._tell("warming up")
        body = {"model": self.launch.model, "prompt": "1", "max_tokens": 1, "temperature": 0}
        try:
            status, answer = self._request("POST", "/v1/completions", body, max(1.0, deadline - time.monotonic()))
        except (OSError, http.client.HTTPException):
            raise (self._too_slow() if self.running else self._failure()) from None
        if status != 200:
            raise EngineError(
                f"{self.launch.program} refused a first request ({status}: {answer.get('error', answer)}); "
                f"see {self.log_path}"
            )

    def _get(self, path: str) -> tuple[int, dict[str, Any]]:
        try:
            return self._request("GET", path, None, 5.0)
        except (OSError, http.client.HTTPException):
            return 0, {}

    def _request(self, method: str, path: str, body: Any, timeout: float) -> tuple[int, dict[str, Any]]:
        """Status and JSON object of an answer, {} where it is none. Knows no proxy: the server is on this machine."""
        connection = http.client.HTTPConnection(HOST, self.launch.port, timeout=timeout)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, {"Content-Type": "application/json"})
            response = connection.getresponse()
            raw = response.read()
        finally:
            connection.close()
        try:
            answer = json.loads(raw)
        except ValueError:
            answer = {}
        return response.status, answer if isinstance(answer, dict) else {}

    def _tell(self, note: str) -> None:
        if self._progress is not None:
            self._progress(note)

    def _failure(self) -> MevalsError:
        known = self.launch.explain(log_tail(self.log_path))
        if known is not None:
            return known
        last = next(
            (line for line in reversed(log_tail(self.log_path).splitlines()) if line.strip()), "it printed nothing"
        )
        code = None if self._process is None else self._process.poll()
        return EngineError(
            f"{self.launch.program} ended with code {code} before it was ready ({last.strip()[:300]}); "
            f"its log is {self.log_path}"
        )

    def _too_slow(self) -> EngineError:
        return EngineError(
            f"{self.launch.program} was not ready after {self.launch.deadline_s:.0f} s; "
            f"its log is {self.log_path}; give it more time, or download the weights first"
        )


def log_tail(path: Path) -> str:
    """The end of a log as text."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - LOG_TAIL))
        return file.read().decode("utf-8", "replace")


def free_port() -> int:
    """A port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise port_taken(port, error.strerror or "") from None


def port_taken(port: int, why: str = "") -> UsageError:
    """The error that says that another program has the port."""
    detail = f" ({why})" if why and "in use" not in why else ""
    return UsageError(
        f"port {port} can't be used because another program has it{detail}; leave the port out, and a free one is found"
    )


def log_name(program: str, model: str) -> str:
    """A file name for the log of a server that starts now."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", model).strip("-.") or "model"
    return f"{program}-{safe}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"


@contextlib.contextmanager
def shown_on_terminal(title: str) -> Iterator[Progress]:
    """One live line on standard error, gone at the end."""
    from rich.console import Console
    from rich.markup import escape

    with Console(stderr=True).status(escape(title)) as status:
        yield lambda note: status.update(escape(f"{title}: {note}"))
