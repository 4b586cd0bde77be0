"""A chat server that answers at once or after a fixed time, as cheaply as Python can, so that a benchmark measures the client.

The answer to a prompt is its last 240 characters and "Answer: " with a hash of it. GET /stats tells requests, when the first
came, and the most in flight.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import time
from pathlib import Path
from typing import Any

import orjson


class State:
    """Counts of one server."""

    def __init__(self, latency_s: float) -> None:
        self.latency_s = latency_s
        self.requests = self.busy = self.peak = 0
        self.first: float | None = None


def reply(prompt: str) -> str:
    """The right answer to a prompt."""
    return f"{prompt[-240:]}\nAnswer: {hashlib.blake2b(prompt.encode(), digest_size=4).hexdigest()}"


class Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive and Content-Length, one request at a time, which is all that these clients send."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.buffer) < end + 4 + length:
                return
            body, path = self.buffer[end + 4 : end + 4 + length], self.buffer.split(b" ", 2)[1]
            self.buffer = self.buffer[end + 4 + length :]
            self.serve(path, body)

    def serve(self, path: bytes, body: bytes) -> None:
        state = self.state
        if path == b"/stats":
            return self.send({"requests": state.requests, "first": state.first, "peak": state.peak})
        if path.endswith(b"/models"):
            return self.send({"object": "list", "data": [{"id": "fixed", "object": "model"}]})
        state.requests += 1
        state.first = state.first or time.time()
        state.busy += 1
        state.peak = max(state.peak, state.busy)
        if state.latency_s:
            asyncio.get_running_loop().call_later(state.latency_s, self.answer, body)
        else:
            self.answer(body)
        return None

    def answer(self, body: bytes) -> None:
        self.state.busy -= 1
        request = orjson.loads(body)
        text = reply(request["messages"][-1]["content"])
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 300, "completion_tokens": 60, "total_tokens": 360}
        self.send({"id": "x", "object": "chat.completion", "model": "fixed", "choices": [choice], "usage": usage})

    def send(self, content: Any) -> None:
        raw = orjson.dumps(content)
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(raw)
        self.transport.write(head + raw)


async def serve(latency_ms: float, port_file: Path) -> None:
    """Serve on a free port, written to `port_file`, until killed."""
    state = State(latency_ms / 1000)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(state), "127.0.0.1", 0, backlog=1024)
    port_file.write_text(str(server.sockets[0].getsockname()[1]))
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency-ms", type=float, default=0)
    parser.add_argument("--port-file", type=Path, required=True)
    arguments = parser.parse_args()
    try:
        from uvloop import run
    except ImportError:
        run = asyncio.run
    run(serve(arguments.latency_ms, arguments.port_file))
