"""Does mevals keep a server busy? Against vLLM's own bench client, and for log-likelihood against a bare client.

    python benchmarks/engines.py vllm --model ./tiny-cohere2          # real vLLM, the same prompts by both clients in turn
    python benchmarks/engines.py choices                              # 2,000 four-choice questions at 200 ms, 64 connections

Systems are measured in turn inside one run; only their ratio counts, since other work on the machine slows both. `vllm`
needs MEVALS_VLLM (with pandas beside it, for `vllm bench`), and writes how many requests ran over time to --running.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from mevals.engines.client import Client  # noqa: E402
from mevals.engines.engine import Settings  # noqa: E402
from mevals.generate import Patience, Tally, Work, generate  # noqa: E402
from mevals.models import find_model  # noqa: E402
from mevals.run import asyncio_run  # noqa: E402
from mevals.store import Store  # noqa: E402
from mevals.types import Cell, Sample, Subset, user  # noqa: E402

WORDS = "boat lake three morning calm water stone bird seven light road far Boot ruhig ziwa mashua 湖 船 朝 静か झील नाव".split()  # noqa: SIM905
FLOOR = """
import asyncio, aiohttp, json, sys, time
base, width, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
async def main():
    todo = iter(range(count))
    started = time.perf_counter()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        async def work():
            for i in todo:
                body = {"model": "fixed", "prompt": f"Question {i}: which?\\nA. one\\nB. two\\nC. three\\nD. four\\nAnswer:",
                        "max_tokens": 1, "logprobs": 20, "temperature": 0}
                async with session.post(base + "/completions", json=body) as reply:
                    (await reply.json())["choices"][0]["logprobs"]["top_logprobs"][0]
        await asyncio.gather(*(work() for _ in range(width)))
    print(time.perf_counter() - started)
try:
    from uvloop import run
except ImportError:
    run = asyncio.run
run(main())
"""


def prompts(count: int) -> list[str]:
    """Self-made prompts of 10 to 60 words, all different."""
    return [
        " ".join(WORDS[(i * 7 + j * (1 + i % 5)) % len(WORDS)] for j in range(10 + i % 51)) + f" {i}"
        for i in range(count)
    ]


def cells(samples: list[Sample], many: int, settings: Settings, how: str) -> list[Work]:
    """The samples spread over `many` cells, as a run has them."""
    size = -(-len(samples) // many)
    parts = [samples[i : i + size] for i in range(0, len(samples), size)]
    return [
        Work(Cell("m", "bench", Subset(f"part{i}", "eng_Latn")), lambda p=part: iter(p), settings, {"n": i}, how=how)  # type: ignore[misc]
        for i, part in enumerate(parts)
    ]


def by_mevals(base_url: str, model: str, works: list[Work], width: int) -> float:
    """Seconds of stage 1, journals and parquet files included."""
    tally = Tally()

    async def main() -> float:
        client = Client([base_url], model)
        await client.open()
        started = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            await generate(works, Store(Path(folder)), client, concurrency=width, patience=Patience(), tally=tally)
            took = time.perf_counter() - started
        await client.close()
        return took

    found: list[float] = []

    async def keep() -> None:
        found.append(await main())

    asyncio_run(keep())
    assert tally.answered == tally.wanted and not tally.retried, tally
    if works[0].settings.extra.get("ignore_eos"):  # both clients must have made the server do the same work
        assert tally.output_tokens == tally.answered * works[0].settings.max_tokens, tally
    return found[0]


def by_vllm_bench(base_url: str, model: Any, file: Path, count: int, tokens: int, width: int) -> float:
    """Seconds that vLLM's own client reports for the same prompts."""
    out = file.with_suffix(".result.json")
    command = [
        *(
            os.environ["MEVALS_VLLM"],
            "bench",
            "serve",
            "--backend",
            "openai-chat",
            "--endpoint",
            "/v1/chat/completions",
        ),
        *("--base-url", base_url.removesuffix("/v1"), "--model", model.name, "--tokenizer", str(model.repository)),
        *("--dataset-name", "custom", "--dataset-path", str(file), "--num-prompts", str(count), "--disable-shuffle"),
        *("--custom-output-len", str(tokens), "--skip-chat-template", "--ignore-eos", "--temperature", "0"),
        *("--max-concurrency", str(width), "--disable-tqdm", "--save-result", "--result-filename", str(out)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    result = json.loads(out.read_text())
    assert result["completed"] == count, result
    return float(result["duration"])


@contextmanager
def watched(base_url: str, into: list[tuple[float, float]]) -> Iterator[None]:
    """Notes vLLM's running requests five times a second."""
    over = threading.Event()

    def watch() -> None:
        started = time.monotonic()
        while not over.wait(0.2):
            text = urllib.request.urlopen(base_url.removesuffix("/v1") + "/metrics", timeout=30).read().decode()
            running = sum(
                float(x.rsplit(" ", 1)[1]) for x in text.split("\n") if x.startswith("vllm:num_requests_running")
            )
            into.append((round(time.monotonic() - started, 1), running))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def compare_vllm(given: argparse.Namespace) -> None:
    """mevals and `vllm bench serve` in turn against one vLLM."""
    from mevals.engines.vllm_server import start_vllm

    model = replace(find_model(given.model), dtype=given.dtype, context=given.max_model_len)
    texts = prompts(given.count)
    samples = [Sample(str(i), (user(t),)) for i, t in enumerate(texts)]
    works = cells(samples, given.cells, Settings(max_tokens=given.tokens, extra={"ignore_eos": True}), "generate")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "prompts.jsonl"
        file.write_text("".join(json.dumps({"prompt": t}) + "\n" for t in texts))
        with start_vllm(model, log_dir=Path(folder), extra_args=given.server_arg) as server:
            by_mevals(server.base_url, model.name, works, given.width)  # both meet a warm server
            ours, theirs, running = [], [], []
            for _ in range(given.repeat):
                seen: list[tuple[float, float]] = []
                theirs.append(by_vllm_bench(server.base_url, model, file, given.count, given.tokens, given.width))
                ours.append(by_mevals(server.base_url, model.name, works, given.width))
                print(f"vllm bench {theirs[-1]:.2f} s, mevals {ours[-1]:.2f} s", flush=True)
            with watched(server.base_url, seen):  # apart, for looking costs something
                by_mevals(server.base_url, model.name, works, given.width)
            running = seen
    report("vllm bench", theirs, ours, given.count, given.tokens)
    middle = [n for _, n in running[2:-3]]
    idle = sum(n == 0 for n in middle)
    busy = statistics.median(middle or [0])
    print(f"running requests: median {busy:.0f}, none in {idle} of {len(middle)} looks")
    if given.running:
        given.running.write_text("seconds,running\n" + "".join(f"{s},{n:.0f}\n" for s, n in running))


def compare_choices(given: argparse.Namespace) -> None:
    """2,000 four-choice questions by mevals and 2,000 bare requests, in turn."""
    text = "Question {}: which?\nA. one\nB. two\nC. three\nD. four\nAnswer:"
    samples = [
        Sample(str(i), (user(text.format(i)),), ("A",), choices=("A", "B", "C", "D")) for i in range(given.count)
    ]
    works = cells(samples, given.cells, Settings(), "choose")
    with fixed_server(given.latency_ms) as base_url:
        floor, ours = [], []
        for _ in range(given.repeat):
            bare = [sys.executable, "-c", FLOOR, base_url, str(given.width), str(given.count)]
            floor.append(float(subprocess.run(bare, check=True, capture_output=True, text=True).stdout))
            before = stats(base_url)["requests"]
            ours.append(by_mevals(base_url, "fixed", works, given.width))
            print(
                f"floor {floor[-1]:.2f} s, mevals {ours[-1]:.2f} s, {stats(base_url)['requests'] - before} requests",
                flush=True,
            )
            assert stats(base_url)["requests"] - before == given.count
    report("floor", floor, ours, given.count, 1)


def stats(base_url: str) -> dict[str, Any]:
    with urllib.request.urlopen(base_url.removesuffix("/v1") + "/stats", timeout=30) as answer:
        return dict(json.load(answer))


@contextmanager
def fixed_server(latency_ms: float) -> Iterator[str]:
    """benchmarks/fixed_server.py in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        port = Path(folder) / "port"
        command = [sys.executable, str(ROOT / "benchmarks" / "fixed_server.py"), "--latency-ms", str(latency_ms)]
        process = subprocess.Popen([*command, "--port-file", str(port)])
        try:
            while not (port.exists() and port.read_text()):
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port.read_text()}/v1"
        finally:
            process.terminate()
            process.wait()


def report(name: str, theirs: list[float], ours: list[float], count: int, tokens: int) -> None:
    ratio = statistics.median(a / b for a, b in zip(theirs, ours, strict=True))

    def rate(seconds: list[float]) -> str:
        middle = statistics.median(seconds)
        return f"{count / middle:.0f} requests/s, {count * tokens / middle:.0f} tokens/s"

    print(f"{name}: median {statistics.median(theirs):.2f} s ({rate(theirs)})")
    print(f"mevals: median {statistics.median(ours):.2f} s ({rate(ours)})")
    print(f"throughput of mevals is {ratio:.3f} of {name} (its time {1 / ratio:.3f}); load {os.getloadavg()[0]:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("vllm", "choices"))
    parser.add_argument("--model", default="./tiny-cohere2")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--max-model-len", type=int, default=1024)
    parser.add_argument("--server-arg", action="append", default=[])
    parser.add_argument("--count", type=int, default=0, help="default 2000 choices, 400 prompts")
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--cells", type=int, default=8)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--latency-ms", type=float, default=200)
    parser.add_argument("--running", type=Path, help="write running requests over time to this CSV file")
    given = parser.parse_args()
    given.count = given.count or (2000 if given.what == "choices" else 400)
    (compare_choices if given.what == "choices" else compare_vllm)(given)


if __name__ == "__main__":
    main()
