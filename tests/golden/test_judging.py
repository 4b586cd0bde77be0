"""Judging held against published numbers, and run end to end on real answers with the simulated judge.

End to end every model and language is kept and prompts are sampled (MEVALS_JUDGE_PROMPTS, default 12 of 100 and of 500), so
that this file takes about a minute; docs/judges.md gives the times of a whole run.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import lzma
import os
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mevals import languages
from mevals.imports import Imported
from mevals.ratings import (
    ELO,
    Game,
    Games,
    Style,
    WinShare,
    collect_games,
    fit_ratings,
    fit_with_style,
    make_board,
    style_differences,
    win_shares,
    win_table,
)
from mevals.records import read_responses
from mevals.stats import interval_from_draws
from mevals.store import Store
from mevals.testing import SimServer
from mevals.types import Cell, Sample, Subset, user

pytestmark = pytest.mark.golden

BASELINE = "claude-3.7-sonnet"
PROMPTS = int(os.environ.get("MEVALS_JUDGE_PROMPTS", "12"))


@pytest.fixture(scope="module")
def ko_games(golden: Path) -> list[Game]:
    """76 models × 500 prompts × 2 games. A row with one game uses its label in both, as the published script does."""
    games = []
    with tarfile.open(golden / "ko_arena_hard" / "judgments_ensemble.tar.xz") as archive:
        for member in archive:
            file = archive.extractfile(member)
            model = Path(member.name).stem if not member.name.endswith(".jsonl") else Path(member.name).name[:-6]
            if file is None or model == BASELINE:
                continue
            for line in file.read().split(b"\n"):
                if line:
                    row = json.loads(line)
                    labels = [g["score"] for g in row["games"]] * 2
                    games.append(Game(BASELINE, model, row["question_id"], labels[0]))
                    games.append(Game(model, BASELINE, row["question_id"], labels[1]))
    return games


@pytest.fixture(scope="module")
def ko(ko_games: list[Game]) -> Games:
    return collect_games(ko_games, strong=3.0)


@pytest.fixture(scope="module")
def published(golden: Path) -> dict[str, dict[str, str]]:
    folder = golden / "ko_arena_hard" / "leaderboard" / "arena_hard_leaderboard_20250423_ensemble"
    rows = csv.DictReader(io.StringIO((folder / "no_control.csv").read_text(encoding="utf-8")))
    return {row["model"]: row for row in rows}


@pytest.fixture(scope="module")
def shares(ko: Games) -> list[WinShare]:
    return win_shares(ko, BASELINE)


def test_the_weighted_win_share_equals_the_published_score_of_all_75_models(
    shares: list[WinShare], published: dict[str, dict[str, str]]
) -> None:
    assert len(shares) == 75
    assert {s.name: round(100 * s.value, 2) for s in shares} == {
        s.name: float(published[s.name]["score"]) for s in shares
    }


def test_intervals_by_prompt_are_much_wider_than_naive_ones_and_than_those_published(
    shares: list[WinShare], published: dict[str, dict[str, str]]
) -> None:
    """Resampling prompts instead of verdicts makes an interval 1.4 to 2.1 times as wide."""
    ratios = [s.ratio for s in shares if s.ratio is not None]
    assert len(ratios) == 75
    assert min(ratios) > 1.3 and max(ratios) < 2.2 and 1.6 < float(np.median(ratios)) < 1.85
    for share in shares:
        assert share.interval is not None and share.naive is not None and share.prompts == 500
        theirs = float(published[share.name]["rating_q975"]) - float(published[share.name]["rating_q025"])
        assert 100 * (share.interval.high - share.interval.low) > theirs


def test_bradley_terry_equals_an_independent_fit_and_the_published_elo(
    ko: Games, published: dict[str, dict[str, str]]
) -> None:
    import statsmodels.api as sm

    ours = fit_ratings(ko, BASELINE, draws=0)
    at = ko.index(BASELINE)
    wins = win_table(ko)
    rows = [(i, j, wins[i, j]) for i, j in itertools.permutations(range(len(ko.names)), 2) if wins[i, j] > 0]
    design = np.zeros((len(rows), len(ko.names)))
    for n, (i, j, _) in enumerate(rows):
        design[n, min(i, j)], design[n, max(i, j)] = 1, -1
    outcome = np.array([float(i < j) for i, j, _ in rows])
    fit = sm.GLM(
        outcome,
        np.delete(design, at, axis=1),
        family=sm.families.Binomial(),
        freq_weights=np.array([w for *_, w in rows]),
    ).fit(tol=1e-14)
    assert np.abs(np.delete(ours.values, at) - fit.params).max() < 1e-6
    for name, value in zip(ours.names, ours.values, strict=True):
        if name != BASELINE:
            assert 1000 + ELO * value == pytest.approx(float(published[name]["elo_score"]), abs=0.01)


def test_76_models_with_1000_bootstrap_rounds_take_under_a_minute(ko: Games) -> None:
    started = time.perf_counter()
    ratings = fit_ratings(ko, BASELINE, draws=1000)
    board = make_board(ratings.names, ratings.values, ratings.draws, prompts=500)
    assert time.perf_counter() - started < 60
    assert ratings.draws.shape == (1000, 76) and ratings.undefined == 0
    assert board[0].name == "o3-high" and board[0].rank_low == 1 and (board[0].rank_high or 0) > 1
    spans = [(r.interval.high - r.interval.low) for r in board if r.interval is not None]
    assert len(spans) == 75


def test_style_control_on_real_verdicts_finds_that_the_judges_like_length(golden: Path, ko_games: list[Game]) -> None:
    styles = {}
    with lzma.open(golden / "ko_arena_hard" / "answer_metadata.tsv.xz", "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            counts = [sum(json.loads(row[k]).values()) for k in ("header_count", "list_count", "bold_count")]
            styles[row["model"], row["question_id"]] = Style(float(row["token_len"]), *counts)
    chosen = {"o3-high", "gpt-4o-2024-11-20", "claude-3.5-haiku", "deepseek-v3", "mistral-large-2411", BASELINE}
    have = [
        g
        for g in ko_games
        if {g.first, g.second} <= chosen and (g.first, g.prompt) in styles and (g.second, g.prompt) in styles
    ]
    games = collect_games(have, strong=3.0)
    features = np.array([style_differences(styles[g.first, g.prompt], styles[g.second, g.prompt]) for g in have])
    fit = fit_with_style(games, features, BASELINE, draws=40)
    value, interval = fit.effects["length"]
    assert interval.low > 0.5 and value > interval.low
    plain = fit_ratings(games, BASELINE, draws=0)
    assert np.abs(fit.values - plain.values).max() > 0.05


@pytest.mark.parametrize("name", ["", "_bt", "_distribution_elo"])
def test_published_bounds_of_bootstrap_samples_are_reproduced(golden: Path, name: str) -> None:
    text = (golden / "arena_hard" / "notebook" / f"bootstrap_stats_arena_hard{name}.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.split("\n") if line]
    assert len(rows) == {"": 28, "_bt": 28, "_distribution_elo": 78}[name]
    for row in rows:
        draws = np.array(row["results"])
        low, high = interval_from_draws(draws, row["score"], "percentile", 0.95, 500)
        assert (low, high) == pytest.approx((row["lower"], row["upper"]), abs=1e-6), row["model"]


DOLLY = ("ar", "es", "fr", "hi", "ru")
ARENA = ("de", "es", "ko", "ru", "zh")
AYA = ("aya-expanse-8b", "aya-expanse-32b")


def store_cell(
    results: Path, model: str, task: str, code: str, prompts: list[tuple[str, str]], texts: list[str]
) -> None:
    lang = languages.resolve("cmn_Hans" if code == "zh" else "arb_Arab" if code == "ar" else code).key
    samples = [Sample(i, (user(prompt),)) for i, prompt in prompts]
    identity = {"imported": f"{model} {task} {code}"}
    cell = Cell(model, task, Subset(lang, lang))
    Imported(cell, samples, texts, identity, {"title": task}).write(Store(results))


def dolly_answers(golden: Path) -> Iterator[tuple[str, str, list[tuple[str, str]], list[str]]]:
    """Model, language, prompts and real outputs of each of the ten models."""
    csv.field_size_limit(10**9)
    prompts = {}
    with zipfile.ZipFile(golden / "language_confusion" / "test_sets.zip") as archive:
        for code in DOLLY:
            rows = csv.DictReader(io.StringIO(archive.read(f"test_sets/monolingual/dolly/{code}.csv").decode("utf-8")))
            prompts[code] = [(str(i), row["prompt"]) for i, row in enumerate(rows)]
    with tarfile.open(golden / "language_confusion" / "outputs.tar.xz") as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is None or not member.name.endswith(".csv"):
                continue
            rows = csv.DictReader(io.StringIO(file.read().decode("utf-8"), newline=""))
            own = [r for r in rows if r["source"] == "dolly_human_edited"]
            for code in DOLLY:
                texts = [r["completion"] for r in own if r["language"] == code]
                assert len(texts) == len(prompts[code]) == 100
                yield Path(member.name).stem, code, prompts[code], texts


def arena_answers(golden: Path) -> Iterator[tuple[str, str, list[tuple[str, str]], list[str]]]:
    """Model, language, prompts and real answers of Aya Expanse 8B and 32B."""
    asked = {}
    for code in ARENA:
        text = (golden / "m_arena_hard" / f"m-arena-hard-{code}" / "question.jsonl").read_text(encoding="utf-8")
        rows = [json.loads(line) for line in text.split("\n") if line]
        asked[code] = [(row["question_id"], row["turns"][0]["content"]) for row in rows]
    with tarfile.open(golden / "m_arena_hard" / "answers_aya.tar.xz") as archive:
        for member in archive:
            model = next((m for m in AYA if m in member.name), None)
            file = archive.extractfile(member)
            if model is None or file is None:
                continue
            code = member.name.split("m-arena-hard-")[1][:2]
            rows = [json.loads(line) for line in file.read().split(b"\n") if line]
            texts = {row["question_id"]: row["choices"][0]["turns"][0]["content"] for row in rows}
            have = [(i, prompt) for i, prompt in asked[code] if i in texts]
            yield model, code, have, [texts[i] for i, _ in have]


@pytest.fixture(scope="module")
def real(golden: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder of real answers: ten models on Dolly in five languages, Aya Expanse 8B and 32B on m-ArenaHard."""
    results = tmp_path_factory.mktemp("judging") / "results"
    for model, code, prompts, texts in dolly_answers(golden):
        store_cell(results, model, "mdolly", code, prompts[:PROMPTS], texts[:PROMPTS])
    for model, code, prompts, texts in arena_answers(golden):
        store_cell(results, model, "marena_hard", code, prompts[:PROMPTS], texts[:PROMPTS])
    assert len(list(results.glob("*/mdolly/responses/*.parquet"))) == 50
    assert len(list(results.glob("*/marena_hard/responses/*.parquet"))) == 10
    return results


def run_judge(results: Path, url: str, *arguments: str, kill_at: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from mevals.cli import main; main()", "judge", "run", "--results", str(results)]
    command += ["--judge-model", "demo-judge", "--base-url", url, "-c", "16", *arguments]
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root} | ({"MEVALS_KILL_AT": kill_at} if kill_at else {})
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_real_answers_are_judged_end_to_end_over_http_with_kill_9_and_resume(real: Path, mevals: Any) -> None:
    with SimServer(
        "demo-perfect",
        process=True,
        served_names=["demo-judge=demo-perfect"],
        replies={"judge": "mevals.engines.sim.judge:answer_judge"},
        context=262_144,
    ) as server:
        dolly = ("--judge", "tinyaya_rubric", "--tasks", "mdolly", "--max-unscored", "0.2")
        pairs = ("--judge", "arena_pairwise", "--tasks", "marena_hard", "--baseline", AYA[0], "--max-unscored", "0.2")
        for arguments in (dolly, pairs):
            killed = run_judge(real, server.base_url, *arguments, kill_at="journal.after:40")
            assert killed.returncode == -9, killed.stderr
            done = run_judge(real, server.base_url, *arguments)
            assert done.returncode == 0, done.stderr
        repeated = [h for h, n in server.ids()["requests"].items() if n > 1]
    assert len(repeated) <= 2 * 16 + 1  # what was in flight, and the question that finds out about JSON schemas
    check_dolly(real, mevals)
    check_pairs(real, mevals)


def check_dolly(results: Path, mevals: Any) -> None:
    """Nothing lost, every cell scored, and a table with every model and language."""
    files = sorted(results.glob("*/mdolly/judgements/tinyaya_rubric-*/*.parquet"))
    asked = sum(len(read_responses(f).rows) for f in files)
    answers = [r for f in results.glob("*/mdolly/responses/*.parquet") for r in read_responses(f).rows]
    assert asked == sum(bool((r.text or "").strip()) for r in answers)
    report = mevals("report", "--results", results, "--tasks", "mdolly", "--by", "lang", "--format", "json")
    rows = [r for r in json.loads(report.out) if r["metric"] == "rubric"]
    assert len({r["model"] for r in rows}) == 10 and len({r["group"] for r in rows}) == 5
    assert all(0 <= r["mean"] <= 1 for r in rows)
    hindi = {r["model"]: r["mean"] for r in rows if r["group"] == "hin_Deva"}
    assert hindi["llama-2-instruct"] < hindi["command-r"]  # it answers in English


def check_pairs(results: Path, mevals: Any) -> None:
    """Win shares with intervals, ratings, and badges by language."""
    ran = mevals("judge", "pairs", "--results", results, "--draws", "200", "--format", "json")
    assert ran.code == 0, ran.err
    rows = {r["model"]: r for r in json.loads(ran.out)}
    assert set(rows) == set(AYA) and int(rows[AYA[1]]["prompts"]) >= 5 * PROMPTS * 0.9
    low, high = (float(x) for x in rows[AYA[1]]["95 % by prompt"].split(" … "))
    assert low < float(rows[AYA[1]]["win share %"]) < high
    checked = mevals(
        "judge",
        "check",
        "arena_pairwise",
        "--judge-model",
        "demo-judge",
        "--results",
        results,
        "--langs",
        "de,es,ko,ru,zho_Hans",
    )
    assert checked.code == 0, checked.err
    trust = mevals("judge", "trust", "--results", results, "--format", "json")
    badges = {(r["judge"], r["lang"]): r["trust"] for r in json.loads(trust.out)}
    assert {lang for judge, lang in badges if judge == "arena_pairwise"} == {
        "deu_Latn", "spa_Latn", "kor_Hang", "rus_Cyrl", "cmn_Hans",
    }  # fmt: skip
    assert set(badges.values()) <= {"high", "fair", "low", "unknown"}
    assert (results / "judges.json").exists()
