"""The real worker around a model that needs no torch: it scores a translation by its length, and misbehaves on request.

FAKE_SLEEP_S waits before each segment; FAKE_DIE_AFTER kills the process after so many segments of its life; FAKE_FAIL is
the kind of a failure to report; FAKE_MEMORY is the largest batch that fits; FAKE_SEEN is a file that lists what was scored.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import signal
import sys
import time
from pathlib import Path

WORKER = Path(__file__).parents[2] / "mevals" / "comet" / "worker"


def setting(name, default):
    return type(default)(os.environ.get(name, default))


class FakeModel:
    def __init__(self):
        self.scored = 0

    def score(self, segments, job, report):
        batches = importlib.import_module("mevals_comet_worker.batches")
        report("embed", 1, 1)
        yield from (result for _, result in batches.Batches(job.batch_size).run(list(segments), self.batch))

    def batch(self, segments):
        if len(segments) > setting("FAKE_MEMORY", 1000):
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
        scoring = importlib.import_module("mevals_comet_worker.scoring")
        results = []
        for segment in segments:
            time.sleep(setting("FAKE_SLEEP_S", 0.0))
            if self.scored == setting("FAKE_DIE_AFTER", -1):
                os.kill(os.getpid(), signal.SIGKILL)
            self.scored += 1
            if seen := os.environ.get("FAKE_SEEN"):
                with Path(seen).open("a") as lines:
                    lines.write(segment.id + "\n")
            results.append((segment, scoring.Outcome(float(len(segment.mt)))))
        return results


def load(job):
    if kind := os.environ.get("FAKE_FAIL"):
        raise importlib.import_module("mevals_comet_worker.job").Failure(kind, "the fake model was told to fail")
    return FakeModel()


def describe_model(model):
    return {
        "checkpoint": model.source,
        "revision": model.revision or "sha256:00",
        "inputs": ["src", "ref"] if model.reference is not False else ["src"],
        "packages": {"unbabel-comet": "9.9", "transformers": "9.8"},
        "gpus": 0,
        "bf16": False,
    }


if __name__ == "__main__":
    spec = importlib.util.spec_from_file_location("start", WORKER / "start.py")
    start = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(start)
    start.load_package(WORKER)
    main = importlib.import_module("mevals_comet_worker.main")
    main._load = load
    main.describe_model = describe_model
    sys.exit(main.main(sys.argv[1:]))
