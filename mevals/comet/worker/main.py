"""The worker's commands: check the environment, find a checkpoint, score one job or serve many.

Events leave as JSON lines on standard output; whatever libraries print goes to standard error, which is the log.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .batches import is_out_of_memory
from .job import Failure, Job, Model, Result, ResultFile, Segment, first_line, read_segments
from .scoring import Batch, Report, Scoring

Emit = Callable[..., None]
PACKAGES = ("unbabel-comet", "torch", "transformers", "numpy")
GPU_DEVICES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
"""What the drivers of NVIDIA, AMD and Windows' Linux leave in /dev."""

FAILED = 3


def main(argv: list[str]) -> int:
    """Run one command; 0 when it did its work, 3 after a `failed` event."""
    parser = argparse.ArgumentParser(description="The mevals COMET worker.")
    command = parser.add_mutually_exclusive_group(required=True)
    command.add_argument("--check", action="store_true", help="say which packages and devices this environment has")
    command.add_argument("--describe", metavar="JSON", help="find a model's checkpoint")
    command.add_argument("--job", metavar="FILE", help="score one job")
    command.add_argument(
        "--serve", action="store_true", help="score the jobs named on standard input; its end stops all"
    )
    options = parser.parse_args(argv)
    emit = take_over_stdout()
    try:
        if options.check:
            import_package("comet")
            emit(event="environment", **describe_environment())
        elif options.describe:
            emit(event="described", **describe_model(Model(**json.loads(options.describe))))
        elif options.job:
            score_job(Job.read(Path(options.job)), Loader(), emit)
        else:
            serve(emit)
    except Failure as failure:
        emit(event="failed", kind=failure.kind, message=failure.message)
        return FAILED
    return 0


def take_over_stdout() -> Emit:
    """A function that sends one event; from here on nothing else can reach standard output."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)

    def emit(**event: Any) -> None:
        stream.write(json.dumps(event) + "\n")
        stream.flush()

    return emit


def describe_environment() -> dict[str, Any]:
    """Versions and devices; torch is only loaded where a driver hints at a GPU, because that takes seconds."""
    from importlib.metadata import PackageNotFoundError, version

    versions: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
    gpus, bf16 = 0, False
    if any(Path(device).exists() for device in GPU_DEVICES):
        cuda = import_package("torch").cuda
        gpus = cuda.device_count() if cuda.is_available() else 0
        bf16 = bool(gpus and cuda.is_bf16_supported())
    return {"python": sys.version.split()[0], "packages": versions, "gpus": gpus, "bf16": bf16}


def import_package(name: str) -> Any:
    """The package. Failure "environment" with the reason where it is absent or broken."""
    try:
        return importlib.import_module(name)
    except Exception as error:  # a broken package may raise anything while it is imported: old numpy, missing library
        raise Failure("environment", f"{type(error).__name__}: {first_line(error)}") from error


def describe_model(model: Model) -> dict[str, Any]:
    """Where the checkpoint is, its revision, and what it reads; and the environment, which the signature names."""
    from .checkpoint import find_checkpoint

    environment = describe_environment()
    checkpoint = find_checkpoint(model)
    found = {"checkpoint": str(checkpoint.path), "revision": checkpoint.revision, "inputs": checkpoint.inputs}
    return {**found, **environment}


def serve(emit: Emit) -> None:
    """Score one job after another until standard input ends, keeping the loaded model between jobs."""
    jobs: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_read_jobs, args=(jobs,), daemon=True).start()
    loader = Loader()
    emit(event="ready")
    while True:
        try:
            score_job(Job.read(Path(jobs.get())), loader, emit)
        except Failure as failure:
            emit(event="failed", kind=failure.kind, message=failure.message)


def _read_jobs(jobs: queue.Queue[str]) -> None:
    """Pass on lines of standard input; when it ends whoever started us is gone, however it died: end at once."""
    for line in sys.stdin:
        jobs.put(line.strip())
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(0)


class Loader:
    """Loads a job's model, or hands out the one that is loaded already."""

    def __init__(self) -> None:
        self._key: tuple[str, ...] = ()
        self._model: Scoring | None = None

    def load(self, job: Job) -> Scoring:
        """The job's model on its device."""
        key = (job.checkpoint, job.identity, job.precision, job.device)
        if self._model is None or self._key != key:
            self._model = None
            self._model, self._key = _load(job), key
        return self._model


def _load(job: Job) -> Scoring:
    import_package("transformers").logging.set_verbosity_error()
    try:
        if job.model.family == "metricx":
            from .metricx import load_metricx

            return load_metricx(job)
        import_package("comet")
        from .comet_models import load_comet

        return load_comet(job)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise Failure("memory", f"{job.model.source} does not fit into the memory of {job.device}") from error


def score_job(job: Job, loader: Loader, emit: Emit) -> None:
    """Score every segment of the job that has no result yet, and append the results as they come."""
    results = ResultFile(Path(job.scores))
    report = throttled(emit)
    try:
        segments = [s for s in read_segments(Path(job.segments)) if (s.id, s.key) not in results.done]
        groups: dict[str, list[Segment]] = {}
        for segment in segments:
            groups.setdefault(segment.key, []).append(segment)
        done, total = 0, len(segments)
        started = time.monotonic()
        if segments:
            emit(event="progress", phase="load", done=0, total=total)
            model = loader.load(job)
            started = time.monotonic()
            for batch in model.score([group[0] for group in groups.values()], job, report):
                done += _keep(batch, groups, results)
                report("score", done, total)
        emit(event="finished", scored=done, distinct=len(groups), seconds=time.monotonic() - started)
    finally:
        results.close()


def _keep(batch: Batch, groups: dict[str, list[Segment]], results: ResultFile) -> int:
    """Append a batch's outcomes for every segment that has the same texts; how many they are."""
    lines = [
        Result(twin.id, twin.key, outcome.score, outcome.parts, outcome.spans)
        for segment, outcome in batch
        for twin in groups[segment.key]
    ]
    results.append(lines)
    return len(lines)


def throttled(emit: Emit, seconds: float = 0.2) -> Report:
    """A report that sends at most one event per phase in that many seconds, and always the last of a phase."""
    last: dict[str, float] = {}

    def report(phase: str, done: int, total: int) -> None:
        now = time.monotonic()
        if done == total or now - last.get(phase, 0.0) >= seconds:
            last[phase] = now
            emit(event="progress", phase=phase, done=done, total=total)

    return report
