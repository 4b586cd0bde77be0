"""The main job on real data: published outputs imported, FLORES and MGSM run through HTTP."""

from __future__ import annotations

import csv
import io
import tarfile
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
import sacrebleu

from mevals.records import read_responses, read_scores

pytestmark = pytest.mark.golden
Mevals = Callable[..., Any]
SYSTEMS = ["Aya23", "Claude-3.5", "CommandR-plus", "GPT-4", "Gemini-1.5-Pro", "Llama3-70B"]


def lines(archive: tarfile.TarFile, name: str) -> list[str]:
    file = archive.extractfile(name)
    assert file is not None
    return unicodedata.normalize("NFC", file.read().decode()).removesuffix("\n").split("\n")


def test_wmt24_outputs_of_six_llms_are_scored_as_sacrebleu_scores_them(
    mevals: Mevals, golden: Path, tmp_path: Path
) -> None:
    tree = golden / "wmt24/wmt24_txt.tar.xz"
    ran = mevals("import", "wmt", tree, "--systems", ",".join(SYSTEMS))
    assert ran.code == 0, ran.err
    checked = 0
    with tarfile.open(tree) as archive:
        names = set(archive.getnames())
        for system in SYSTEMS:
            cells = orjson.loads((tmp_path / "results" / system / "wmt24/cells.json").read_bytes())["cells"]
            found = {c["subset"]: c for c in cells}
            pairs = {n.split("/")[1] for n in names if n.startswith("system-outputs/") and n.endswith(f"/{system}.txt")}
            assert set(found) == pairs
            for pair in sorted(p for p in pairs if p.startswith("en-")):
                hypotheses = lines(archive, f"system-outputs/{pair}/{system}.txt")
                reference = lines(archive, f"references/{pair}.refA.txt")
                (metric,) = found[pair]["metrics"]
                assert metric["value"] == pytest.approx(sacrebleu.corpus_chrf(hypotheses, [reference]).score, abs=1e-9)
                assert metric["signature"].endswith("|ref:refA")
                assert metric["low"] < metric["value"] < metric["high"]
                checked += 1
    assert checked >= 6 * 8
    for by in ("region", "script"):
        rows = list(csv.DictReader(io.StringIO(mevals("report", "--by", by, "--format", "csv").out)))
        assert {r["model"] for r in rows} == set(SYSTEMS)
        assert all(r["marks"] == "imported" for r in rows)


def test_the_second_reference_is_a_signature_of_its_own(mevals: Mevals, golden: Path, tmp_path: Path) -> None:
    tree = golden / "wmt24/wmt24_txt.tar.xz"
    mevals("import", "wmt", tree, "--systems", "GPT-4", "--pairs", "en-de")
    assert mevals("score", "--reference", "refB").code == 0
    (cell,) = orjson.loads((tmp_path / "results/GPT-4/wmt24/cells.json").read_bytes())["cells"]
    by_reference = {m["signature"].rpartition("ref:")[2]: m["value"] for m in cell["metrics"]}
    with tarfile.open(tree) as archive:
        hypotheses = lines(archive, "system-outputs/en-de/GPT-4.txt")
        for name in ("refA", "refB"):
            expected = sacrebleu.corpus_chrf(hypotheses, [lines(archive, f"references/en-de.{name}.txt")]).score
            assert by_reference[name] == pytest.approx(expected, abs=1e-9)


def test_flores_is_read_whole_and_run_through_http(mevals: Mevals, golden: Path, tmp_path: Path) -> None:
    archive = golden / "flores200_devtest/flores200_devtest.tar.xz"
    assert mevals("data", "import", "flores", archive, "--mirror", "m").code == 0
    assert mevals("data", "verify", "--mirror", "m").code == 0
    tables = list((tmp_path / "m/flores").glob("*/devtest.parquet"))
    assert len(tables) == 204
    langs = "swh_Latn,cmn_Hans,mya_Mymr,arb_Arab,ekk_Latn,fil_Latn"
    for task in ("flores_en_xx", "flores_xx_en"):
        ran = mevals("run", "--model", "demo", "--tasks", task, "--mirror", "m", "--langs", langs, "--limit", 150)
        assert ran.code == 0, ran.err
    for path in (tmp_path / "results/demo/flores_en_xx/responses").glob("*.parquet"):
        stored = read_responses(path)
        scores = read_scores(next((path.parents[1] / "scores").glob(f"chrF2*/{path.name}")))
        scored = [r for r, v in zip(stored.rows, scores.values, strict=True) if v == v]
        normal = [
            [unicodedata.normalize("NFC", t or "") for t in row]
            for row in ([r.text for r in scored], [r.targets[0] for r in scored])
        ]
        cells = orjson.loads((path.parents[1] / "cells.json").read_bytes())["cells"]
        value = next(c["metrics"][0]["value"] for c in cells if c["subset"] == path.stem)
        assert value == pytest.approx(sacrebleu.corpus_chrf(normal[0], [normal[1]]).score, abs=1e-9)
    plan = mevals("plan", "--model", "demo", "--tasks", "flores_en_xx", "--mirror", "m", "--format", "json").out
    assert orjson.loads(plan)[0]["cells"] == 203
    assert orjson.loads(plan)[0]["requests"] == 203 * 1012


def test_mgsm_scores_native_digits_as_the_simulated_model_meant_them(
    mevals: Mevals, golden: Path, tmp_path: Path
) -> None:
    from tests.test_end_to_end import outcome

    assert mevals("data", "import", "global_mgsm", golden / "mgsm", "--mirror", "m").code == 0
    ran = mevals("run", "--model", "demo", "--tasks", "global_mgsm", "--mirror", "m")
    assert ran.code == 0, ran.err
    folder = tmp_path / "results/demo/global_mgsm"
    assert len(list((folder / "responses").glob("*.parquet"))) == 11
    native = missed = rows = 0
    for path in sorted((folder / "responses").glob("*.parquet")):
        scores = read_scores(next((folder / "scores").glob(f"accuracy*/{path.name}")))
        for response, value in zip(read_responses(path).rows, scores.values, strict=True):
            planned = outcome("demo", "global_mgsm", path.stem, "number", response)
            native += any(c.isdecimal() and not c.isascii() for c in response.text or "")
            rows += 1
            if planned.form in ("plain", "wrong_language"):
                missed += value != value
                assert value != value or value == float(planned.right), (path.stem, response.text)
            else:
                assert value != value, (path.stem, planned.form, response.text)
    assert rows == 11 * 250
    assert native > 200
    assert missed <= 0.02 * rows
