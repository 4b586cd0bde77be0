"""A chat server that answers at once or after a fixed time, as cheaply as Python can, so that a benchmark measures the client.

The answer to a prompt is its last 240 characters and "Answer: " with a hash of it. POST /v1/completions knows the letters A to
D as next tokens, with log-probabilities that depend on the prompt; POST /tokenize makes a token of each character, with a
space before it if there is one. GET /stats tells requests to the model, when the first came, and the most in flight.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import re
import time
from pathlib import Path
from typing import Any

import orjson

PIECE = re.compile(r" ?.", re.DOTALL)


class State:
    """Counts of one server."""

    def __init__(self, latency_s: float) -> None:
        self.latency_s = latency_s
        self.requests = self.busy = self.peak = 0
        self.first: float | None = None


def reply(prompt: str) -> str:
    """The right answer to a prompt."""
    return f"{prompt[-240:]}\nAnswer: {hashlib.blake2b(prompt.encode(), digest_size=4).hexdigest()}"


def tokenize(request: dict[str, Any]) -> dict[str, Any]:
    """Ids of a prompt's tokens: each character, with the space before it if there is one."""
    text = request["prompt"] if "prompt" in request else "".join(m["content"] for m in request["messages"])
    ids = [ord(piece[-1]) + (0x200000 if len(piece) > 1 else 0) for piece in PIECE.findall(text)]
    return {"tokens": ids, "count": len(ids), "max_model_len": 8192}


def completion(prompt: str) -> dict[str, Any]:
    """The next token: " A" to " D", the likeliest by a hash of the prompt."""
    at = hashlib.blake2b(prompt.encode(), digest_size=1).digest()[0] % 4
    likeliest = {f"token_id:{0x200000 + 65 + i}": -0.1 if i == at else -3.0 - i for i in range(4)}
    chosen = f"token_id:{0x200000 + 65 + at}"
    logprobs = {"top_logprobs": [likeliest], "token_logprobs": [-0.1], "tokens": [chosen], "text_offset": [0]}
    choice = {"index": 0, "text": f" {'ABCD'[at]}", "logprobs": logprobs, "finish_reason": "length"}
    usage = {"prompt_tokens": len(prompt) // 4, "completion_tokens": 1}
    return {"id": "x", "object": "text_completion", "model": "fixed", "choices": [choice], "usage": usage}


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
        if path == b"/tokenize":
            return self.send(tokenize(orjson.loads(body)))
        if not path.endswith(b"/completions"):
            self.transport.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
            return None
        state.requests += 1
        state.first = state.first or time.time()
        state.busy += 1
        state.peak = max(state.peak, state.busy)
        if state.latency_s:
            asyncio.get_running_loop().call_later(state.latency_s, self.answer, path, body)
        else:
            self.answer(path, body)
        return None

    def answer(self, path: bytes, body: bytes) -> None:
        self.state.busy -= 1
        request = orjson.loads(body)
        if path.endswith(b"/v1/completions"):
            return self.send(completion(request["prompt"]))
        text = reply(request["messages"][-1]["content"])
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 300, "completion_tokens": 60, "total_tokens": 360}
        self.send({"id": "x", "object": "chat.completion", "model": "fixed", "choices": [choice], "usage": usage})
        return None

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
