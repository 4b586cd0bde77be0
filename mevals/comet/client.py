"""Scores segments through workers: shared out over devices, and taken up again where an earlier process stopped.

A job is a folder named for what is asked (model, revision, precision, texts). Results are appended there segment by
segment; whoever asks the same again, after however violent an end, continues it. Complete jobs are removed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from mevals.comet.environment import ask_worker, find_python, home, worker_command
from mevals.comet.shard import Shard, Show, Tally, Workers, run_shards
from mevals.comet.worker.job import Job, Model, Result, Segment, read_results, write_segments
from mevals.errors import CellFailed, DataError

CPU_BATCH, GPU_BATCH = 16, 64


@dataclass(frozen=True)
class Settings:
    """How to score: `precision` is auto, fp32, fp16 or bf16; no `devices` means every GPU, else the CPU.

    `batch_size` None takes 16 segments on a CPU and 64 on a GPU; running out of memory halves it as it goes.
    """

    model: Model
    precision: str = "auto"
    batch_size: int | None = None
    devices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Description:
    """What a model is on this machine: the facts behind the signature. `inputs` are what it reads: "src", "ref"."""

    checkpoint: str
    revision: str
    inputs: tuple[str, ...]
    packages: Mapping[str, str | None]
    precision: str
    devices: tuple[str, ...]

    def identity(self) -> str:
        """16 hex digits of everything that can change an embedding or a score."""
        facts = json.dumps([self.revision, self.precision, dict(self.packages)], sort_keys=True)
        return hashlib.sha256(facts.encode()).hexdigest()[:16]


class CometClient:
    """One model, loaded once in a worker per device and kept until `close`; for one thread at a time."""

    def __init__(self, settings: Settings, *, command: Sequence[str] = (), folder: Path | None = None) -> None:
        self.settings = settings
        self._given_command = command
        self._folder = folder or home()
        self._workers: Workers | None = None

    @cached_property
    def command(self) -> Sequence[str]:
        """The command that starts a worker. Raises UsageError where there is no COMET environment."""
        return self._given_command or worker_command(find_python())

    @cached_property
    def description(self) -> Description:
        """The model's checkpoint, revision and packages, fetched if need be. Raises UsageError where that fails."""
        asked = json.dumps(asdict(self.settings.model))
        found = ask_worker(self.command, ["--describe", asked], "described")
        devices = self.settings.devices or tuple(f"cuda:{n}" for n in range(found["gpus"])) or ("cpu",)
        precision = choose_precision(self.settings, devices, bf16=found["bf16"])
        inputs = tuple(found["inputs"])
        return Description(found["checkpoint"], found["revision"], inputs, found["packages"], precision, devices)

    def score(self, segments: Sequence[Segment], show: Show = lambda phase, done, total: None) -> list[Result]:
        """One result per segment, in order, each proven by its segment's id and texts.

        Raises DataError for ids that occur twice or references that are missing; CellFailed where workers keep dying.
        """
        wanted = [self._as_read(segment) for segment in segments]
        if len({segment.id for segment in wanted}) != len(wanted):
            raise DataError("two segments have the same id: give each its own")
        with self._job_folder(wanted) as folder:
            known = _results_in(folder)
            todo = [segment for segment in wanted if (segment.id, segment.key) not in known]
            if todo:
                self._run(folder, todo, show)
                known = _results_in(folder)
            missing = [segment.id for segment in wanted if (segment.id, segment.key) not in known]
            if missing:
                raise CellFailed(
                    f"{len(missing)} of {len(wanted)} segments have no result, first {missing[0]}: run again"
                )
            shutil.rmtree(folder)
        return [known[segment.id, segment.key] for segment in wanted]

    def close(self) -> None:
        """End the workers; the next call of `score` starts new ones."""
        if self._workers is not None:
            self._workers.stop()
            self._workers = None

    def __enter__(self) -> CometClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _as_read(self, segment: Segment) -> Segment:
        """The segment as this model reads it. Raises DataError where it lacks the reference that the model needs."""
        if "ref" not in self.description.inputs:
            return segment._replace(ref=None)
        if segment.ref is None:
            source = self.settings.model.source
            raise DataError(
                f"segment {segment.id} has no reference, which {source} needs: give one or choose a model without"
            )
        return segment

    @contextlib.contextmanager
    def _job_folder(self, segments: Sequence[Segment]) -> Iterator[Path]:
        """The folder of this job, for this process alone."""
        facts = [self.description.identity(), self.description.inputs, [(s.id, s.key) for s in segments]]
        name = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
        jobs = self._folder / "jobs"
        jobs.mkdir(parents=True, exist_ok=True)
        with _locked(jobs / f"{name}.lock"):
            folder = jobs / name
            folder.mkdir(exist_ok=True)
            yield folder

    def _run(self, folder: Path, segments: Sequence[Segment], show: Show) -> None:
        """Score every segment, each device an equal share of long and short ones."""
        devices = self.description.devices[: len(segments)]
        ordered = sorted(segments, key=lambda segment: len(segment.src) + len(segment.mt))
        self._workers = self._workers or Workers(self.command)
        tally = Tally(show)
        shards = []
        for number, device in enumerate(devices):
            job = self._job(folder, number, device)
            write_segments(Path(job.segments), ordered[number :: len(devices)])
            shards.append(Shard(self._workers, job, number, device, tally))
        try:
            run_shards(shards, self._workers)
        except BaseException:
            self.close()
            raise

    def _job(self, folder: Path, number: int, device: str) -> Job:
        about = self.description
        return Job(
            model=self.settings.model,
            checkpoint=about.checkpoint,
            identity=about.identity(),
            inputs=about.inputs,
            precision=about.precision,
            device="cuda:0" if device.startswith("cuda") else device,  # a worker is shown one GPU only
            batch_size=self.settings.batch_size or (CPU_BATCH if device == "cpu" else GPU_BATCH),
            segments=str(folder / f"segments.{number}.jsonl"),
            scores=str(folder / f"scores.{number}.jsonl"),
            embeddings=str(self._folder / "embeddings" / about.identity()),
        )


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock file, and remove it in the end: whoever waited for a file that is gone makes a new one."""
    while True:
        with path.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists() or path.stat().st_ino != os.fstat(lock.fileno()).st_ino:
                continue
            try:
                yield
            finally:
                path.unlink()
            return


def choose_precision(settings: Settings, devices: Sequence[str], *, bf16: bool) -> str:
    """The precision that was asked for; "auto" is half precision on GPUs (fp16 like `comet-score`; bf16 for mT5)."""
    if settings.precision != "auto":
        return settings.precision
    if not all(device.startswith("cuda") for device in devices):
        return "fp32"
    if settings.model.family == "metricx":
        return "bf16" if bf16 else "fp32"
    return "fp16"


def _results_in(folder: Path) -> dict[tuple[str, str], Result]:
    """Every result that any shard of this job ever completed."""
    results = (result for path in sorted(folder.glob("scores.*.jsonl")) for result in read_results(path)[0])
    return {(result.id, result.key): result for result in results}
