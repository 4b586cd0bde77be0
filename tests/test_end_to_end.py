"""The main job, run → score → report, through HTTP against a model whose every verdict is known."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mevals import languages
from mevals.engines.engine import KeyEntry
from mevals.engines.sim.ability import plan
from mevals.engines.sim.item import parse_item
from mevals.engines.simulated import _key
from mevals.records import read_responses, read_scores
from mevals.testing import SimServer
from mevals.types import Response, Sample, Subset

Mevals = Callable[..., Any]
ROOT = Path(__file__).parents[1]


def outcome(model: str, task: str, lang: str, kind: str, response: Response) -> Any:
    """What the simulated model was planned to do with the item that `response` answers."""
    sample = Sample(response.id, response.messages, response.targets, response.source, response.choices, response.tags)
    return plan(model, model, 0, parse_item(_key(KeyEntry(sample, task, Subset(lang, lang), kind))))


def test_scores_are_the_simulated_models_own_verdicts(mevals: Mevals, tmp_path: Path) -> None:
    assert mevals("run", "--model", "demo", "--tasks", "global_mgsm", "--data", "mini").code == 0
    folder = tmp_path / "results/demo/global_mgsm"
    right = wrong = unscored = missed = 0
    for path in sorted((folder / "responses").glob("*.parquet")):
        lang = path.stem
        scores = read_scores(next((folder / "scores").glob(f"accuracy*/{lang}.parquet")))
        for response, value, detail in zip(read_responses(path).rows, scores.values, scores.details, strict=True):
            planned = outcome("demo", "global_mgsm", lang, "number", response)
            if planned.form in ("plain", "wrong_language"):
                missed += value != value  # a number that was not found is unscored, and seldom
                assert value != value or value == float(planned.right), (lang, response.text, detail)
            else:
                assert value != value, (lang, planned.form, response.text, detail)  # NaN: unscored, never wrong
            right, wrong, unscored = right + (value == 1), wrong + (value == 0), unscored + (value != value)
    assert min(right, wrong, unscored) > 5
    assert missed <= 0.02 * 330
    assert right + wrong + unscored == 330


def test_a_report_by_region_is_the_plain_mean_over_languages(mevals: Mevals, tmp_path: Path) -> None:
    mevals("run", "--model", "demo", "--model", "demo-strong", "--tasks", "global_mgsm", "--data", "mini")
    cells = [
        c
        for m in ("demo", "demo-strong")
        for c in json.loads((tmp_path / f"results/{m}/global_mgsm/cells.json").read_text())["cells"]
    ]
    rows = [
        r
        for r in csv.DictReader(io.StringIO(mevals("report", "--by", "region", "--format", "csv").out))
        if r["metric"] == "accuracy"
    ]
    assert {r["group"] for r in rows} == {"Europe", "West Asia", "South Asia", "Asia Pacific", "Africa"}
    for row in rows:
        mine = [
            c["metrics"][0]["value"]
            for c in cells
            if c["model"] == row["model"]
            and languages.get(c["about"]).region == row["group"]
            and c["metrics"][0]["value"] is not None
        ]
        assert float(row["mean"]) == pytest.approx(statistics.fmean(mine), abs=1e-12)
        assert float(row["sd"]) == pytest.approx(statistics.stdev(mine), abs=1e-12)
        assert int(row["n"]) == len(mine)
        assert row["marks"] == "simulated"


def chrf_rows(mevals: Mevals, by: str) -> list[dict[str, str]]:
    """The report's rows of raw chrF."""
    rows = csv.DictReader(io.StringIO(mevals("report", "--by", by, "--format", "csv").out))
    return [r for r in rows if r["metric"] == "chrf"]


def test_a_stronger_model_is_reported_as_stronger_and_a_regional_one_where_it_is(mevals: Mevals) -> None:
    models = ["demo", "demo-strong", "demo-weak", "demo-regional"]
    flags = [word for m in models for word in ("--model", m)]
    mevals("run", *flags, "--tasks", "flores_en_xx", "--data", "mini")
    whole = {r["model"]: float(r["mean"]) for r in chrf_rows(mevals, "all")}
    assert whole["demo-strong"] > whole["demo"] > whole["demo-weak"]
    by_region = {(r["group"], r["model"]): float(r["mean"]) for r in chrf_rows(mevals, "region")}
    assert by_region["Africa", "demo-regional"] > by_region["Africa", "demo"] + 10
    assert by_region["Europe", "demo-regional"] < by_region["Europe", "demo"] + 5


def test_everything_simulated_says_so(mevals: Mevals, tmp_path: Path) -> None:
    mevals("run", "--model", "demo", "--tasks", "global_mgsm", "--data", "mini", "--langs", "swh_Latn,ben_Beng")
    assert json.loads((tmp_path / "results/demo/global_mgsm/manifest.json").read_text())["simulated"] is True
    assert json.loads((tmp_path / "results/demo/global_mgsm/cells.json").read_text())["cells"][0]["simulated"] is True
    assert read_responses(tmp_path / "results/demo/global_mgsm/responses/swh_Latn.parquet").meta["simulated"] is True
    for form in ("table", "csv", "json", "md", "html"):
        assert "simulated" in mevals("report", "--format", form).out


def test_a_second_run_asks_nothing_and_prints_the_same(mevals: Mevals) -> None:
    words = ["run", "--model", "demo", "--suite", "mini", "--langs", "region:africa", "--format", "csv"]
    first, second = mevals(*words), mevals(*words)
    assert first.out == second.out
    assert "0 answered now" in second.err


def test_redo_asks_everything_again_and_keeps_the_old_answers_aside(mevals: Mevals, tmp_path: Path) -> None:
    words = ["run", "--model", "demo", "--tasks", "global_mgsm", "--data", "mini", "--langs", "swh_Latn"]
    mevals(*words)
    assert "10 answered now" in mevals(*words, "--redo").err
    assert len(list(tmp_path.rglob("swh_Latn.parquet.*.old"))) == 1


def test_faults_change_no_score(mevals: Mevals, tmp_path: Path) -> None:
    words = [
        "run",
        "--model",
        "demo",
        "--suite",
        "mini",
        "--format",
        "csv",
        "--langs",
        "region:africa,region:south-asia",
    ]
    calm = mevals(*words, "--results", "calm")
    stormy = mevals(
        *words, "--results", "stormy", "--sim=--faults", "--sim=429=0.02,500=0.01,drop=0.005,malformed=0.002"
    )
    assert calm.code == stormy.code == 0
    assert calm.out == stormy.out


def test_null_and_cut_off_answers_are_unscored_or_truncated_never_wrong(mevals: Mevals, tmp_path: Path) -> None:
    lines = [{"id": i, "lang": "swh_Latn", "prompt": f"q {i}", "target": f"t{i}"} for i in range(200)]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with SimServer("demo-perfect", sticky={"no_text": 0.1}) as server:
        ran = mevals("run", "--model", "demo-perfect", "--base-url", server.base_url, "--prompts", "p.jsonl")
    said = json.loads(ran.out.strip().split("\n")[-1])
    assert said["accuracy"] == 1.0
    assert 5 < said["errors"] == 200 - said["n"] == said["rejected"]


def start(folder: Path, server: SimServer, n: int, concurrency: int) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-c",
        "from mevals.cli import main; main()",
        "run",
        "--model",
        "real",
        "--base-url",
        server.base_url,
    ]
    command += [
        "--prompts",
        str(folder / "p.jsonl"),
        "--concurrency",
        str(concurrency),
        "--results",
        str(folder / "results"),
    ]
    return subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_kill_9_at_five_moments_loses_nothing_and_repeats_at_most_what_was_in_flight(tmp_path: Path) -> None:
    n, concurrency = 5000, 32
    langs = ["swh_Latn", "ben_Beng", "deu_Latn", "tha_Thai", "arb_Arab"]
    with (tmp_path / "p.jsonl").open("w") as file:
        for i in range(n):
            file.write(
                json.dumps({"id": f"{i}", "lang": langs[i % 5], "prompt": f"[item {i}] swali", "target": "x"}) + "\n"
            )
    with SimServer("demo", process=True, served_names=["real"], latency_ms=10) as server:
        for share in (0.1, 0.3, 0.5, 0.7, 0.9):
            process = start(tmp_path, server, n, concurrency)
            while server.stats()["requests"] < share * n and process.poll() is None:
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
            process.wait()
        journaled = sum(1 for p in (tmp_path / "results").rglob("*.jsonl") for _ in p.open("rb"))
        assert journaled > 0
        process = start(tmp_path, server, n, concurrency)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        counts = server.ids()["requests"]
        assert len(counts) == n
        repeats = sum(counts.values()) - n
        assert repeats <= 5 * concurrency
        assert json.loads(out.decode().strip().split("\n")[-1])["n"] > 0
    rows = [r.id for p in (tmp_path / "results").rglob("responses/*.parquet") for r in read_responses(p).rows]
    assert sorted(rows, key=int) == [str(i) for i in range(n)]


def test_every_report_says_where_the_data_comes_from(mevals: Mevals) -> None:
    mevals("run", "--model", "demo", "--tasks", "flores_en_xx", "--data", "mini", "--langs", "swh_Latn")
    for form in ("table", "csv", "md", "json", "html"):
        said = mevals("report", "--format", form).out
        assert "human-translated, CC-BY-SA-4.0, gated" in said, form
