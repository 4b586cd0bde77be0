"""The real worker on tiny checkpoints in the real formats: equal to the packages, and whole after any crash."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from mevals.comet import environment
from mevals.comet.client import CometClient, Settings
from mevals.comet.worker.job import Model, Segment
from mevals.errors import UsageError
from tests.comet.conftest import ROOT, make_segments
from tests.comet.test_client import children_of, is_running, read_scores, wait_until

pytestmark = pytest.mark.comet
COUNT = 24
INPUTS = {"regression": ["src", "ref"], "referenceless": ["src"], "unified": ["src"], "xcomet": ["src", "ref"]}
TOLERANCE = 1e-4
FP16_STEP = 2.0**-10
"""Between two neighbours of float16 from 1 to 2."""


def rows(segments: list[Segment]) -> list[dict[str, Any]]:
    return [segment._asdict() for segment in segments]


@pytest.fixture(scope="session")
def expected(stock: Any, tiny: Path) -> dict[str, Any]:
    """The packages' own scores of the made-up test set, by model and case."""
    questions: dict[str, dict[str, Any]] = {
        name: {"model": str(tiny / name), "inputs": inputs, "segments": rows(make_segments(COUNT))}
        for name, inputs in INPUTS.items()
    }
    questions["second system"] = {**questions["regression"], "segments": rows(make_segments(COUNT, system=1))}
    questions["no reference"] = {**questions["xcomet"], "inputs": ["src"]}
    questions["metricx"] = {**questions["regression"], "model": str(tiny / "metricx"), "family": "metricx"}
    questions["metricx-qe"] = {**questions["metricx"], "inputs": ["src"]}
    for name in INPUTS:
        questions[f"{name} half"] = {**questions[name], "half": True}
        questions[f"{name} half, one at a time"] = {**questions[name], "half": True, "batch_size": 1}
    answers: dict[str, Any] = stock(**questions)
    return answers


@pytest.fixture
def open_client(comet_python: Path, tiny: Path, tmp_path: Path) -> Iterator[Any]:
    """Opens clients for a tiny model; their workers end with the test."""
    opened: list[CometClient] = []

    def open_it(name: str, *, family: str = "comet", reference: bool | None = None, **settings: Any) -> CometClient:
        model = Model(family, str(tiny / name), reference=reference)
        command = environment.worker_command(comet_python)
        opened.append(CometClient(Settings(model, **settings), command=command, folder=tmp_path))
        return opened[-1]

    yield open_it
    for client in opened:
        client.close()


def assert_close(results: list[Any], scores: list[float], tolerance: float = TOLERANCE) -> None:
    assert [result.score for result in results] == pytest.approx(scores, abs=tolerance)


@pytest.mark.parametrize("name", INPUTS)
def test_scores_equal_model_predict_for_every_kind_of_model(open_client: Any, expected: Any, name: str) -> None:
    results = open_client(name, batch_size=5).score(make_segments(COUNT))
    scores = expected[name]["scores"]
    assert max(scores) - min(scores) > 300 * TOLERANCE, "such scores could be equal by chance"
    assert_close(results, scores)


def test_xcomets_parts_and_error_spans_are_the_packages_own(open_client: Any, expected: Any) -> None:
    results = open_client("xcomet", batch_size=5).score(make_segments(COUNT))
    metadata = expected["xcomet"]["metadata"]
    for part in ("src", "ref", "unified", "mqm"):
        assert [result.parts[part] for result in results] == pytest.approx(metadata[f"{part}_scores"], abs=TOLERANCE)
    without = [[{k: v for k, v in span.items() if k != "confidence"} for span in result.spans] for result in results]
    own = [
        [{k: v for k, v in span.items() if k != "confidence"} for span in spans] for spans in metadata["error_spans"]
    ]
    assert without == own
    assert sum(map(len, own)) > COUNT


def test_xcomet_scores_without_references_when_asked(open_client: Any, expected: Any) -> None:
    results = open_client("xcomet", reference=False).score(make_segments(COUNT))
    assert_close(results, expected["no reference"]["scores"])


@pytest.mark.parametrize(("name", "reference"), [("metricx", None), ("metricx-qe", False)])
def test_metricx_equals_its_formula_segment_by_segment(
    open_client: Any, expected: Any, name: str, reference: bool | None
) -> None:
    client = open_client("metricx", family="metricx", reference=reference, batch_size=5)
    results = client.score(make_segments(COUNT))
    assert_close(results, expected[name]["scores"])
    assert len({round(result.score, 3) for result in results if 0 < result.score < 25}) > COUNT // 2


@pytest.mark.parametrize("name", ["regression", "xcomet"])
def test_scores_follow_their_segments_when_these_are_shuffled_over_two_workers(
    open_client: Any, expected: Any, name: str
) -> None:
    segments = make_segments(COUNT)
    order = random.Random(5).sample(range(COUNT), COUNT)
    results = open_client(name, batch_size=3, devices=("cpu", "cpu")).score([segments[n] for n in order])
    assert [result.id for result in results] == [str(n) for n in order]
    assert_close(results, [expected[name]["scores"][n] for n in order])


def test_a_second_system_encodes_only_its_own_translations(open_client: Any, expected: Any, tmp_path: Path) -> None:
    client = open_client("regression", batch_size=5)
    client.score(make_segments(COUNT))
    (index,) = (tmp_path / "embeddings").rglob("index.bin")
    kept = index.stat().st_size
    phases = []
    results = client.score(make_segments(COUNT, system=1), lambda phase, done, total: phases.append(phase))
    assert_close(results, expected["second system"]["scores"])
    assert index.stat().st_size == kept
    assert "embed" not in phases


@pytest.mark.parametrize("name", INPUTS)
def test_half_precision_differs_from_the_packages_by_no_more_than_theirs_from_itself(
    open_client: Any, expected: Any, name: str
) -> None:
    results = open_client(name, precision="fp16", batch_size=5).score(make_segments(COUNT))
    whole, single = (expected[f"{name} half{how}"]["scores"] for how in ("", ", one at a time"))
    own = max(abs(a - b) for a, b in zip(whole, single, strict=True))
    assert_close(results, whole, tolerance=max(own, 2 * FP16_STEP))


def test_bf16_keeps_the_head_in_float32_and_stays_near(open_client: Any, expected: Any) -> None:
    results = open_client("regression", precision="bf16").score(make_segments(COUNT))
    assert_close(results, expected["regression"]["scores"], tolerance=0.05)
    assert any(abs(r.score - s) > 1e-6 for r, s in zip(results, expected["regression"]["scores"], strict=True))


def many() -> list[Segment]:
    """Enough short segments to be interrupted."""
    short = [segment for segment in make_segments(COUNT) if len(segment.mt) < 1000]
    return [segment._replace(id=f"{n}-{segment.id}", mt=f"{segment.mt} {n}") for n in range(10) for segment in short]


def test_kill_9_of_the_worker_is_survived(open_client: Any, tmp_path: Path) -> None:
    segments = many()
    client = open_client("regression", batch_size=1)
    client.description  # noqa: B018 - found before the clock starts
    killed: list[int] = []

    def kill_once(phase: str, done: int, total: int) -> None:
        if phase == "score" and done > 20 and not killed:
            killed.append(client._workers.get(0, "cpu", tmp_path / "log").pid)
            subprocess.run(["kill", "-9", str(killed[0])], check=True)

    results = client.score(segments, kill_once)
    assert len(killed) == 1
    fresh = open_client("regression", batch_size=16)
    unbroken = fresh.score([segment._replace(id=segment.id + "'") for segment in segments])
    assert_close(results, [result.score for result in unbroken], tolerance=1e-6)


def test_kill_9_of_mevals_is_survived(
    comet_python: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(environment.HOME_SETTING, str(tmp_path))
    monkeypatch.setenv(environment.PYTHON_SETTING, str(comet_python))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    file, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows(many())))
    command = [sys.executable, "-m", "mevals.comet", "score", str(file), "--batch-size", "1", "-o", str(out)]
    command += ["--model", str(tiny / "regression")]
    running = subprocess.Popen(command)
    wait_until(lambda: len(read_scores(tmp_path)) > 20, 60)
    worker = children_of(running.pid)
    running.send_signal(signal.SIGKILL)
    running.wait()
    wait_until(lambda: not any(is_running(pid) for pid in worker))
    before = read_scores(tmp_path)
    assert 20 < len(before) < len(many()) and not out.exists()

    subprocess.run(command, check=True)
    scores = {row["id"]: row["score"] for row in map(json.loads, out.read_text().split("\n")[:-1])}
    assert list(scores) == [segment.id for segment in many()]
    complete = [json.loads(line) for line in before[:-1]]
    assert {row["id"]: row["score"] for row in complete}.items() <= scores.items()


COMET_SCORE = """
import sys
from comet.cli.score import score_command
from comet.models.base import CometModel
if sys.argv.pop(1) == "fp32":
    CometModel.half = lambda model: model
score_command()
"""


@pytest.fixture
def comet_score(comet_python: Path, tiny: Path, tmp_path: Path) -> Any:
    """Runs `comet-score`, as it is (fp16) or with its one call of `half` taken out (fp32)."""

    def run(segments: list[Segment], precision: str, batch_size: int) -> list[float]:
        for side in ("src", "mt", "ref"):
            (tmp_path / side).write_text("".join(getattr(s, side) + "\n" for s in segments))
        command = [str(comet_python), "-c", COMET_SCORE, precision, "-s", "src", "-t", "mt", "-r", "ref", "--gpus", "0"]
        command += ["--model", str(tiny / "regression" / "checkpoints" / "model.ckpt"), "--to_json", "out.json"]
        command += ["--batch_size", str(batch_size), "--quiet"]
        subprocess.run(command, check=True, cwd=tmp_path, capture_output=True, env=environment.clean_environment())
        return [row["COMET"] for row in json.loads((tmp_path / "out.json").read_text())["mt"]]

    return run


def lines() -> list[Segment]:
    """Segments that fit into files of one line each, without the white space that `comet-score` strips."""
    return [s._replace(mt=s.mt.strip()) for s in make_segments(COUNT) if not {"\n", "\u2028"} & set(s.mt)]


def test_comet_score_agrees(open_client: Any, comet_score: Any) -> None:
    results = open_client("regression").score(lines())
    assert_close(results, comet_score(lines(), "fp32", 16))


def test_comet_score_in_half_precision_differs_no_more_than_from_itself(open_client: Any, comet_score: Any) -> None:
    results = open_client("regression", precision="fp16").score(lines())
    own, other = (comet_score(lines(), "fp16", size) for size in (16, 1))
    itself = max(abs(a - b) for a, b in zip(own, other, strict=True))
    assert_close(results, own, tolerance=max(itself, 2 * FP16_STEP))


class Gate(BaseHTTPRequestHandler):
    """A hub that refuses everything as gated."""

    def do_GET(self) -> None:
        self.send_response(403)
        self.send_header("X-Error-Code", "GatedRepo")
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_a_gated_model_says_which_page_to_visit(
    comet_python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Gate) as hub:
        Thread(target=hub.serve_forever, daemon=True).start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{hub.server_port}")
        monkeypatch.setenv("HF_HOME", str(tmp_path))
        client = CometClient(
            Settings(Model("comet", "Unbabel/XCOMET-XL")), command=environment.worker_command(comet_python)
        )
        with pytest.raises(UsageError) as said:
            client.description  # noqa: B018
        hub.shutdown()
    assert str(said.value).startswith(
        "Unbabel/XCOMET-XL is gated: accept its conditions at https://huggingface.co/Unbabel/XCOMET-XL"
    )
    assert "\n" not in str(said.value)


def test_an_environment_that_lost_a_package_is_explained_in_one_sentence(
    comet_python: Path, tiny: Path, tmp_path: Path
) -> None:
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "torchmetrics.py").write_text("import pkg_resources_gone\n")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path}/packages exec {comet_python} "$@"\n')
    python.chmod(0o755)
    client = CometClient(
        Settings(Model("comet", str(tiny / "regression"))), command=environment.worker_command(python), folder=tmp_path
    )
    with client, pytest.raises(UsageError) as said:
        client.score(make_segments(10))
    message = str(said.value)
    assert (
        "is broken (ModuleNotFoundError: No module named 'pkg_resources_gone'): run `mevals comet install --force`"
        in message
    )
    assert "\n" not in message
