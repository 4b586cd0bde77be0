"""The real COMET environment and tiny checkpoints in the real formats, for the tests marked `comet`."""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mevals.comet import environment
from mevals.comet.worker.job import Segment
from mevals.errors import UsageError

ROOT = Path(__file__).parents[2]
STOCK = Path(__file__).with_name("stock.py")


@pytest.fixture(scope="session")
def comet_python() -> Iterator[Path]:
    """The Python of the COMET environment; skips where there is none, fails instead with MEVALS_COMET_REQUIRED=1."""
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("OMP_NUM_THREADS", "1")  # tiny models gain nothing by threads that wait for each other
            yield environment.find_python()
    except UsageError as error:
        if os.environ.get("MEVALS_COMET_REQUIRED") == "1":
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def tiny(comet_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tiny checkpoints regression, referenceless, unified, xcomet and metricx."""
    folder = tmp_path_factory.mktemp("tiny")
    command = [str(comet_python), str(ROOT / "scripts" / "make_tiny_comet.py"), str(folder), "--metricx"]
    subprocess.run(command, check=True, capture_output=True, env=environment.clean_environment())
    return folder


WORDS = """
river mountain quietly seventeen and the of walked under bright morning letters never umbrella before
Fluss Berg leise niemals nord सुबह बारिश घाटी 明日 谷 雨 الشمالية غدا долина дождь kesho mvua
"""


def make_segments(count: int, system: int = 0) -> list[Segment]:
    """Segments of a made-up test set; two systems share sources and references. With the cases that tools get wrong."""
    words, shared, own = WORDS.split(), random.Random(1), random.Random(100 + system)
    segments = []
    for number in range(count):
        length = shared.randint(1, 30)
        src, ref = (" ".join(shared.choices(words, k=length)) for _ in range(2))
        mt = " ".join(own.choices(words, k=max(1, length + own.randint(-3, 3))))
        segments.append(Segment(str(number), src, mt, ref))
    segments[1] = segments[1]._replace(mt="")
    segments[2] = segments[2]._replace(mt=segments[2].src)
    segments[3] = segments[3]._replace(mt=segments[3].ref or "")
    segments[4] = segments[5]._replace(id="4")
    segments[6] = segments[6]._replace(mt=" ".join(own.choices(words, k=250)))
    segments[7] = segments[7]._replace(mt="  two\u2028lines\nand\ttabs  \U0001f600 ")
    return segments


@pytest.fixture(scope="session")
def stock(comet_python: Path, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the packages themselves say: a function of what is asked of `stock.py`, one process for all."""
    folder = tmp_path_factory.mktemp("stock")

    def ask(**questions: dict[str, Any]) -> dict[str, Any]:
        path = folder / "questions.json"
        path.write_text(json.dumps(questions))
        command = [str(comet_python), str(STOCK), str(path)]
        done = subprocess.run(command, capture_output=True, env=environment.clean_environment(), text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        answers: dict[str, Any] = json.loads(done.stdout.split("\n")[-2])
        return answers

    return ask
