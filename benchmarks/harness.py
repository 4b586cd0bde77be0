"""What the harness costs beside a bare aiohttp client that does the same requests, as ratios inside one run.

    python benchmarks/harness.py                 # everything: 200 ms with 64 and 256 connections, 0 ms, resume, --help
    python benchmarks/harness.py --only 64,help --repeat 3

Each system runs in a process of its own, interleaved, against benchmarks/fixed_server.py. CPU is user + system time of the
process; memory is the peak over its process tree. Seconds differ between machines; the ratios are what counts.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).parent
ROOT = HERE.parent
LANGS = ("swh_Latn", "ben_Beng", "deu_Latn", "tha_Thai", "arb_Arab", "hin_Deva", "zul_Latn", "jpn_Jpan")
WORDS = {
    "ben_Beng": "নদীর তীরে একটি পুরোনো গ্রাম আছে ",
    "tha_Thai": "ริมแม่น้ำมีหมู่บ้านเก่าแก่ ",
    "jpn_Jpan": "川のほとりに古い村があります",
}
FLOOR = """
import asyncio, json, re, sys, aiohttp
base, prompts, out, width = sys.argv[1:5]
async def main():
    todo = iter([json.loads(line) for line in open(prompts, encoding="utf-8")])
    right = n = 0
    file = open(out, "w", encoding="utf-8")
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        async def work():
            nonlocal right, n
            for row in todo:
                messages = [{"role": "user", "content": row["prompt"]}]
                body = {"model": "fixed", "temperature": 0, "max_tokens": 256, "messages": messages}
                async with session.post(base + "/chat/completions", json=body) as reply:
                    text = (await reply.json())["choices"][0]["message"]["content"]
                found = re.search(r"Answer: (\\S+)\\s*$", text)
                right += bool(found) and found.group(1) == row["target"]
                n += 1
                file.write(json.dumps({"id": row["id"], "text": text}, ensure_ascii=False) + "\\n")
                file.flush()
        await asyncio.gather(*(work() for _ in range(int(width))))
    print(json.dumps({"accuracy": right / n, "n": n}))
asyncio.run(main())
"""


@dataclass(frozen=True)
class Measured:
    """One run: seconds of wall and CPU, CPU microseconds per request, peak MB, seconds to the first request, accuracy."""

    wall: float
    cpu: float
    per_request: float
    memory: float
    first: float
    accuracy: float


def write_prompts(path: Path, n: int) -> float:
    """n prompts of about 700 characters in eight languages; returns the accuracy that a right client reports."""
    from fixed_server import reply

    right = 0
    with path.open("w", encoding="utf-8") as file:
        for i in range(n):
            lang = LANGS[i % len(LANGS)]
            prompt = f"[item {i}] " + (WORDS.get(lang, "an old village stands by the river ") * 30)[:690]
            good = i % 10 < 7
            right += good
            target = reply(prompt).rpartition(" ")[2] if good else "00000000"
            file.write(
                json.dumps({"id": f"{i}", "lang": lang, "prompt": prompt, "target": target}, ensure_ascii=False) + "\n"
            )
    return right / n


@contextmanager
def server(latency_ms: float) -> Iterator[str]:
    """A fixed server in its own process; gives its address."""
    with tempfile.TemporaryDirectory() as folder:
        port_file = Path(folder) / "port"
        command = [
            sys.executable,
            str(HERE / "fixed_server.py"),
            "--latency-ms",
            str(latency_ms),
            "--port-file",
            str(port_file),
        ]
        process = subprocess.Popen(command)
        try:
            while not port_file.exists() or not port_file.read_text():
                time.sleep(0.02)
            yield f"http://127.0.0.1:{port_file.read_text()}"
        finally:
            process.kill()
            process.wait()


def stats(address: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{address}/stats") as reply:
        return dict(json.load(reply))


def command_for(system: str, address: str, prompts: Path, out: Path, width: int) -> list[str]:
    if system == "floor":
        return [sys.executable, "-c", FLOOR, f"{address}/v1", str(prompts), str(out / "floor.jsonl"), str(width)]
    run = [
        sys.executable,
        "-c",
        "from mevals.cli import main; main()",
        "run",
        "--base-url",
        f"{address}/v1",
        "--model",
        "fixed",
    ]
    return [
        *run,
        "--prompts",
        str(prompts),
        "--concurrency",
        str(width),
        "--results",
        str(out / "results"),
        "--out",
        str(out / "report.md"),
    ]


def environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": str(ROOT)}


def start(command: list[str], out: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command, env=environment(), stdout=(out / "stdout").open("wb"), stderr=(out / "stderr").open("wb")
    )


def watch_memory(pid: int, peak: list[float], done: threading.Event) -> None:
    root = psutil.Process(pid)
    while not done.wait(0.1):
        try:
            tree = [root, *root.children(recursive=True)]
            peak[0] = max(peak[0], sum(p.memory_info().rss for p in tree) / 1e6)
        except psutil.Error:
            return


def measure(system: str, latency_ms: float, prompts: Path, n: int, width: int) -> Measured:
    """Run one system once."""
    with server(latency_ms) as address, tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        started, peak, done = time.time(), [0.0], threading.Event()
        process = start(command_for(system, address, prompts, out, width), out)
        watcher = threading.Thread(target=watch_memory, args=(process.pid, peak, done))
        watcher.start()
        _, status, used = os.wait4(process.pid, 0)
        wall = time.time() - started
        done.set()
        watcher.join()
        if status:
            raise SystemExit(f"{system} failed: {(out / 'stderr').read_text()[-2000:]}")
        said = json.loads((out / "stdout").read_text().strip().split("\n")[-1])
        cpu = used.ru_utime + used.ru_stime
        return Measured(wall, cpu, 1e6 * cpu / n, peak[0], stats(address)["first"] - started, said["accuracy"])


def median(runs: list[Measured]) -> Measured:
    fields = Measured.__dataclass_fields__
    return Measured(**{f: statistics.median(getattr(r, f) for r in runs) for f in fields})


def compare(latency_ms: float, n: int, width: int, repeat: int) -> dict[str, Measured]:
    """Floor and mevals, interleaved; prints one line each with ratios and returns the medians."""
    with tempfile.TemporaryDirectory() as folder:
        prompts = Path(folder) / "prompts.jsonl"
        truth = write_prompts(prompts, n)
        runs: dict[str, list[Measured]] = {"floor": [], "mevals": []}
        for _ in range(repeat):
            for system, found in runs.items():
                found.append(measure(system, latency_ms, prompts, n, width))
                assert found[-1].accuracy == truth, (system, found[-1].accuracy, truth)
    medians = {system: median(found) for system, found in runs.items()}
    print(f"\n{n:,} requests, {latency_ms:g} ms, {width} connections, median of {repeat}")
    print("system   wall s  ×floor   µs CPU/req  ×floor   peak MB   first request s")
    floor = medians["floor"]
    for system, m in medians.items():
        ratios = (m.wall / floor.wall, m.per_request / floor.per_request)
        print(
            f"{system:8} {m.wall:6.2f} {ratios[0]:7.2f} {m.per_request:12.0f} {ratios[1]:7.2f} {m.memory:9.0f} {m.first:12.2f}"
        )
    return medians


def resume(n: int, width: int) -> None:
    """kill -9 when half of the replies are out, then the same command again: when does it ask its first new question?"""
    with tempfile.TemporaryDirectory() as folder, server(200) as address:
        prompts, out = Path(folder) / "prompts.jsonl", Path(folder)
        write_prompts(prompts, n)
        process = start(command_for("mevals", address, prompts, out, width), out)
        while stats(address)["requests"] < n / 2:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        time.sleep(0.5)
        before, started = stats(address)["requests"], time.time()
        process = start(command_for("mevals", address, prompts, out, width), out)
        while stats(address)["requests"] == before and process.poll() is None:
            time.sleep(0.005)
        first = time.time() - started
        process.wait()
        total = stats(address)["requests"]
        print(
            f"\nresume after kill -9 at half of {n:,}: first new request after {first:.2f} s; {total - n} of {n:,} asked twice"
        )


def start_up(repeat: int) -> None:
    """`mevals --help` beside a bare typer program."""
    bare = "import typer\napp = typer.Typer()\n@app.command()\ndef hello(name: str = 'x'): print(name)\napp()"
    programs = {"typer": bare, "mevals": "from mevals.cli import main; main()"}
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(repeat + 1):
        for name, code in programs.items():
            began = time.time()
            subprocess.run(
                [sys.executable, "-c", code, "--help"], env=environment(), stdout=subprocess.DEVNULL, check=True
            )
            times[name].append(time.time() - began)
    middle = {name: statistics.median(found[1:]) for name, found in times.items()}
    print(
        f"\n--help: typer {middle['typer']:.3f} s, mevals {middle['mevals']:.3f} s, × {middle['mevals'] / middle['typer']:.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="help,64,256,grow,resume")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--n", type=int, default=5000)
    arguments = parser.parse_args()
    only = arguments.only.split(",")
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, Python {sys.version.split()[0]}")
    if "help" in only:
        start_up(9)
    for width in (64, 256):
        if str(width) in only:
            compare(200, arguments.n, width, arguments.repeat)
    if "grow" in only:
        small = compare(0, arguments.n, 64, 1)
        large = compare(0, 10 * arguments.n, 64, 1)
        for system in ("floor", "mevals"):
            print(
                f"{system}: {large[system].memory - small[system].memory:+.0f} MB from {arguments.n:,} to {10 * arguments.n:,}"
            )
    if "resume" in only:
        resume(arguments.n, 64)


if __name__ == "__main__":
    shutil.rmtree(HERE / "__pycache__", ignore_errors=True)
    main()
