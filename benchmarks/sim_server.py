"""How fast the simulated server answers and what its answer key weighs: python benchmarks/sim_server.py [requests].

One server process, one aiohttp client process, 64 connections, no latency, prompts of 1.1 KB.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from mevals.engines.sim import message_key, prompt_key
from mevals.testing import SimServer

CONNECTIONS = 64
TEXT = "Some words of a prompt that goes on for a while and asks for something in the end. " * 13
GERMAN = "Ein Satz, der als Ziel der Übersetzung dient und so lang ist, wie wirkliche Sätze es oft sind. " * 2
BENGALI = "এটি একটি বাংলা বাক্য যা চলতে থাকে এবং শেষ হয়। " * 3
TARGETS = {"number": "1234", "choice": "B", "translation": GERMAN, "open": ""}


def messages(number: int) -> list[dict[str, str]]:
    """The messages of one request."""
    return [{"role": "user", "content": f"Question {number}. {TEXT}"}]


def cpu_s(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> int:
    """The largest resident size of a process so far."""
    lines = Path(f"/proc/{pid}/status").read_text().split("\n")
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


async def ask_all(url: str, requests: int) -> float:
    """Seconds for all requests."""
    bodies = (orjson.dumps({"model": "demo", "messages": messages(n), "max_tokens": 512}) for n in range(requests))
    headers = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def work() -> None:
            for body in bodies:
                async with session.post(url, data=body, headers=headers) as reply:
                    await reply.read()

        start = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
        return time.perf_counter() - start


def measure_speed(kind: str, requests: int) -> None:
    """Prints requests per second and the server's CPU per request for one kind of item."""
    with SimServer("demo", process=True) as server:
        record: dict[str, Any] = {"target": TARGETS[kind], "task": kind, "lang": "deu_Latn", "kind": kind}
        server.add_keys({"hash": message_key(messages(n)), **record} for n in range(requests))
        assert server.pid is not None
        before = cpu_s(server.pid)
        wall = asyncio.run(ask_all(f"{server.base_url}/chat/completions", requests))
        each = (cpu_s(server.pid) - before) / requests * 1e6
        assert server.stats()["ok"] == requests
        print(f"{kind:12} {requests / wall:6.0f} requests/s {each:5.0f} us of server CPU each")


def measure_key(keys: int) -> None:
    """Prints the server's memory before and after it took an answer key of Bengali sentences."""
    with SimServer("demo", process=True) as server:
        assert server.pid is not None
        before = memory_mb(server.pid)
        shape = {"task": "flores_en_xx", "lang": "ben_Beng", "kind": "translation"}
        numbers = iter(range(keys))
        while batch := list(itertools.islice(numbers, 50_000)):
            server.add_keys({"hash": prompt_key(str(n)), "target": f"{BENGALI}{n}", **shape} for n in batch)
        print(f"{keys} keys with {len(BENGALI.encode())} bytes of target: {before} -> {memory_mb(server.pid)} MB")


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    for one in TARGETS:
        measure_speed(one, count)
    measure_key(20 * count)
