#!/usr/bin/env python3
"""A stand-in for the vllm program: prints what the real one prints, then serves, fails, hangs or leaves children.

What it does is said by STAND_IN: "serve"; "fail" prints STAND_IN_LOG and ends with code 1; "hang" never answers; "die"
answers /health once and is gone; "stubborn" serves, ignores SIGTERM and has a child in a session of its own; "refuse"
answers the first request with 500; "other" serves another model's name.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

MODE = os.environ.get("STAND_IN", "serve")
LOADING = """\
(APIServer pid=1) INFO 11-20 23:30:08 [model.py:733] Resolved architecture: Cohere2ForCausalLM
(Worker pid=2) INFO 11-20 23:30:23 [gpu_model_runner.py:5040] Starting to load model x...
Loading safetensors checkpoint shards:   0% Completed | 0/2 [00:00<?, ?it/s]
Loading safetensors checkpoint shards:  50% Completed | 1/2 [00:01<00:01, 1.00s/it]
(Worker pid=2) INFO 11-20 23:30:24 [default_loader.py:501] Loading weights took 0.01 seconds
"""


def argument(name: str) -> str:
    """The value that follows an argument."""
    return sys.argv[sys.argv.index(name) + 1]


class Answers(BaseHTTPRequestHandler):
    """Just enough of vLLM's API for a start."""

    def do_GET(self) -> None:
        name = "other" if MODE == "other" else argument("--served-model-name")
        known: dict[str, Any] = {
            "/health": {},
            "/version": {"version": "0.32.0"},
            "/v1/models": {"data": [{"id": name}]},
        }
        self.answer(200, known[self.path])
        if MODE == "die":
            os._exit(3)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if MODE == "refuse":
            self.answer(500, {"error": {"message": "EngineCore encountered an issue"}})
        else:
            self.answer(200, {"choices": [{"text": "1"}]})

    def answer(self, status: int, content: Any) -> None:
        """Send a JSON object."""
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def main() -> None:
    """Behave as STAND_IN says."""
    print(LOADING, flush=True)
    if MODE == "fail":
        print(os.environ["STAND_IN_LOG"], file=sys.stderr, flush=True)
        sys.exit(1)
    child = [sys.executable, "-c", "import time; time.sleep(600)"]
    pids = [os.getpid(), subprocess.Popen(child).pid]
    if MODE == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        pids.append(subprocess.Popen(child, start_new_session=True).pid)
    if "STAND_IN_PIDS" in os.environ:
        Path(os.environ["STAND_IN_PIDS"]).write_text(json.dumps(pids))
    if MODE == "hang":
        time.sleep(600)
    ThreadingHTTPServer((argument("--host"), int(argument("--port"))), Answers).serve_forever()


if __name__ == "__main__":
    main()
