"""What a first and a second system cost on one test set, against `comet-score`, in one run on one machine.

    python benchmarks/comet.py                                    about 8 minutes on two quiet cores
    python benchmarks/comet.py --kind unified                     models that read all texts as one sequence
    python benchmarks/comet.py --device cuda:0 --hidden 1024 --layers 24 --precision fp16 --segments 20000

A checkpoint with random weights is made (XLM-R's shape; its size is set by --hidden and --layers, and must be large enough
that encoding dominates). Each time is of a whole process: start, loading, scoring, writing. Both sides use the same model,
batch size, precision and device. `comet-score` always halves its model; where fp32 is asked that one call is taken out.
Goals: first system <= 1.05, second <= 0.45 (unified and XCOMET models: both <= 1.05); exits 1 on a miss.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from mevals.comet import environment

ROOT = Path(__file__).parents[1]
FIRST, SECOND = 1.05, 0.45
COMET_SCORE = """
import sys
from comet.cli.score import score_command
from comet.models.base import CometModel
if sys.argv.pop(1) == "fp32":
    CometModel.half = lambda model: model
score_command()
"""
WORDS = """
river mountain quietly seventeen and the of walked under bright morning letters never umbrella before harbour
Fluss Berg leise niemals nord सुबह बारिश घाटी 明日 谷 雨 الشمالية غدا долина дождь kesho mvua asubuhi bonde
"""


def write_test_set(folder: Path, count: int) -> None:
    """Sources, references and two systems' translations, as lines for one side and as JSON lines for the other."""
    words, rng = WORDS.split(), random.Random(7)
    lengths = [max(1, round(rng.lognormvariate(2.6, 0.6))) for _ in range(count)]
    texts = {
        name: [" ".join(rng.choices(words, k=max(1, length + rng.randint(-2, 2)))) for length in lengths]
        for name in ("src", "ref", "one", "two")
    }
    for name, lines in texts.items():
        (folder / name).write_text("".join(line + "\n" for line in lines))
    for system in ("one", "two"):
        rows = zip(texts["src"], texts[system], texts["ref"], strict=True)
        lines = [json.dumps({"id": str(n), "src": s, "mt": m, "ref": r}) + "\n" for n, (s, m, r) in enumerate(rows)]
        (folder / f"{system}.jsonl").write_text("".join(lines))


class Cost(NamedTuple):
    """What a command took: seconds on the clock, and of processor time with all that it started."""

    wall: float
    cpu: float


def timed(command: list[str], folder: Path, extra: dict[str, str]) -> Cost:
    """The cost of a command from start to end."""
    before, started = _cpu(), time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, env={**environment.clean_environment(), **extra})
    cost = Cost(time.perf_counter() - started, _cpu() - before)
    if done.returncode:
        raise SystemExit(done.stderr.decode()[-3000:])
    return cost


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def stock(options: argparse.Namespace, folder: Path, python: Path, system: str) -> Cost:
    """`comet-score` on one system."""
    gpus = "0" if options.device == "cpu" else "1"
    checkpoint = folder / "model" / options.kind / "checkpoints" / "model.ckpt"
    command = [str(python), "-c", COMET_SCORE, options.precision, "-s", "src", "-t", system, "--gpus", gpus, "--quiet"]
    command += ["--model", str(checkpoint), "--batch_size", str(options.batch_size), "--to_json", f"{system}.stock"]
    if options.kind in ("regression", "xcomet"):
        command += ["-r", "ref"]
    return timed(command, folder, {})


def ours(options: argparse.Namespace, folder: Path, python: Path, system: str, home: Path) -> Cost:
    """`mevals comet score` on one system."""
    command = [sys.executable, "-m", "mevals.comet", "score", f"{system}.jsonl", "-o", f"{system}.ours"]
    command += ["--model", str(folder / "model" / options.kind), "--batch-size", str(options.batch_size)]
    command += ["--precision", options.precision, "--device", options.device]
    settings = {environment.HOME_SETTING: str(home), environment.PYTHON_SETTING: str(python), "PYTHONPATH": str(ROOT)}
    return timed(command, folder, settings)


def largest_difference(folder: Path) -> float:
    """Between the two sides' scores of both systems."""
    differences = []
    for system in ("one", "two"):
        own = [json.loads(line)["score"] for line in (folder / f"{system}.ours").read_text().split("\n") if line]
        theirs = [row["COMET"] for row in json.loads((folder / f"{system}.stock").read_text())[system]]
        differences += [abs(a - b) for a, b in zip(own, theirs, strict=True)]
    return max(differences)


def main() -> int:
    """Measure and print; 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", default="regression", choices=["regression", "referenceless", "unified", "xcomet"])
    parser.add_argument("--segments", type=int, default=400)
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--precision", default="fp32", choices=["fp32", "fp16"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=1)
    options = parser.parse_args()
    python = environment.find_python()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        maker = [
            str(python),
            str(ROOT / "scripts" / "make_tiny_comet.py"),
            str(folder / "model"),
            "--only",
            options.kind,
        ]
        timed([*maker, "--hidden", str(options.hidden), "--layers", str(options.layers)], folder, {})
        write_test_set(folder, options.segments)
        costs: dict[str, list[Cost]] = {"comet-score": [], "first system": [], "second system": []}
        for repeat in range(options.repeats):
            home = folder / f"home{repeat}"
            costs["comet-score"].append(stock(options, folder, python, "one"))
            costs["first system"].append(ours(options, folder, python, "one", home))
            costs["second system"].append(ours(options, folder, python, "two", home))
            costs["comet-score"].append(stock(options, folder, python, "two"))
        return report(options, costs, largest_difference(folder))


def report(options: argparse.Namespace, costs: dict[str, list[Cost]], difference: float) -> int:
    """Print a line per measurement and the verdict, which goes by the clock; 1 where a goal is missed."""
    base_wall, base_cpu = (statistics.mean(column) for column in zip(*costs["comet-score"], strict=True))
    goals = {"first system": FIRST, "second system": SECOND if options.kind == "regression" else FIRST}
    shape = f"{options.kind}, {options.layers} layers x {options.hidden}, {options.segments} segments"
    print(f"{shape}, batch {options.batch_size}, {options.precision}, {options.device}, {os.cpu_count()} cores")
    missed = 0
    for name, measured in costs.items():
        wall, cpu = (statistics.mean(column) for column in zip(*measured, strict=True))
        ratio = wall / base_wall
        goal = goals.get(name)
        missed += goal is not None and ratio > goal
        verdict = "" if goal is None else f"  goal <= {goal:.2f}  {'ok' if ratio <= goal else 'MISS'}"
        each = " ".join(f"{cost.wall:.1f}" for cost in measured)
        rate = f"{options.segments / wall:6.1f} segments/s"
        print(
            f"{name:14} {wall:7.1f} s {rate}  x {ratio:.3f} (processor time x {cpu / base_cpu:.3f}){verdict}  [{each}]"
        )
    print(f"largest difference of a score: {difference:.1e}")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
