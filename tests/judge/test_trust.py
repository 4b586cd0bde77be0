"""Trust in a judge is measured from its verdicts, and its badge follows the written rule."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from mevals.aggregate import load_cells
from mevals.engines.sim.judge import Bias, reply_with
from mevals.errors import DataError
from mevals.judge.badge import BARS, Evidence, badge
from mevals.judge.check import run_check
from mevals.judge.folder import find_judge
from mevals.judge.human import import_ratings
from mevals.judge.shown import load_trust, trust_marks, with_trust
from mevals.judge.stage import JudgeOptions
from mevals.judge.trust import measure_trust, write_trust
from tests.judge import test_stage
from tests.judge.test_stage import ToldServer, serve

Import = Callable[..., Path]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], "unknown"),
        ([("calibration", 0.95, 5)], "unknown"),
        ([("calibration", 0.95, 24)], "fair"),
        ([("order_flip", 0.05, 300)], "fair"),
        ([("calibration", 0.95, 24), ("order_flip", 0.05, 300)], "high"),
        ([("calibration", 0.95, 24), ("retest", 0.97, 300)], "high"),
        ([("people_ranks", 0.6, 100), ("judges", 0.7, 100)], "high"),
        ([("people_ranks", 0.6, 100), ("people_labels", 0.7, 100)], "fair"),
        ([("calibration", 0.95, 24), ("order_flip", 0.2, 300)], "fair"),
        ([("calibration", 0.8, 24), ("order_flip", 0.05, 300)], "fair"),
        ([("calibration", 0.7, 24), ("order_flip", 0.05, 300)], "low"),
        ([("calibration", 0.95, 24), ("order_flip", 0.35, 300)], "low"),
        ([("calibration", 0.95, 24), ("order_flip", 0.35, 10)], "fair"),
        ([("calibration", 0.9, 12), ("order_flip", 0.15, 30)], "high"),
        ([("calibration", 0.75, 12), ("order_flip", 0.3, 30)], "fair"),
        ([("people_pairs", 0.5, 100), ("calibration", 1.0, 24), ("retest", 1.0, 99)], "low"),
    ],
)
def test_the_badge_follows_the_written_rule(found: list[tuple[str, float, int]], expected: str) -> None:
    colour, why = badge([Evidence(*e) for e in found])
    assert colour == expected and why


def test_the_reason_names_what_is_bad() -> None:
    assert badge([Evidence("calibration", 0.5, 24), Evidence("retest", 1.0, 99)]) == ("low", "calibration 0.50")


def test_every_bar_stands_in_the_documentation() -> None:
    text = (Path(__file__).parents[2] / "docs" / "judges.md").read_text(encoding="utf-8")
    for kind, bar in BARS.items():
        rows = [line.strip("|").split("|") for line in text.split("\n") if line.startswith(f"| `{kind}` |")]
        (cells,) = ([c.strip() for c in row] for row in rows if len(row) == 5)
        signs = ("≥", "<") if bar.more else ("≤", ">")
        assert cells[2:5] == [f"{signs[0]} {bar.good:g}", f"{signs[1]} {bar.bad:g}", str(bar.least)], kind


def one_minded(ask: Any) -> str:
    return reply_with(Bias(), ask)


def judged(
    import_answers: Import, judge: str, reply: Callable[..., str], n: int = 40, repeat: bool = False, **options: Any
) -> Path:
    """A results folder with three models whose answers were judged."""
    results = import_answers(
        {m: [f"Antwort {i} von {m}" + " und mehr" * (i % 7) for i in range(n)] for m in ("base", "one", "two")}
    )
    with serve(reply) as server:
        told = ToldServer(server)
        told.judge(results, judge, max_unscored=1.0, **options)
        if repeat:
            told.judge(results, judge, repeat=2, **options)
    return results


def test_a_judge_that_takes_the_first_answer_is_caught(import_answers: Import) -> None:
    results = judged(import_answers, "arena_pairwise", lambda ask: "[[A>B]]", baseline="base")
    (trust,) = measure_trust(results)
    assert trust.measures["order_flip"].value == 1.0
    assert trust.measures["position"].value == 0.5
    assert (trust.badge, trust.why) == ("low", "order flip 1.00")
    assert trust.answers == 80 and trust.lang == "deu_Latn"


def test_test_retest_is_measured_from_a_second_asking(import_answers: Import) -> None:
    def noisy(ask: Any) -> str:
        return reply_with(Bias(noise=0.3), ask)

    results = judged(import_answers, "arena_pairwise", noisy, repeat=True, baseline="base")
    (trust,) = measure_trust(results)
    noise, retest = trust.measures["noise"], trust.measures["retest"]
    assert noise.interval is not None and noise.interval.contains(0.3) and noise.n == 160
    assert 0.5 < retest.value < 0.8
    steady = judged(import_answers, "tinyaya_rubric", one_minded, repeat=True)
    found = {t.judge: t for t in measure_trust(steady)}
    assert found["tinyaya_rubric"].measures["retest"].value == 1.0


def test_a_second_asking_leaves_the_scores_as_they_are(import_answers: Import) -> None:
    results = judged(import_answers, "tinyaya_rubric", one_minded, n=4)
    before = {p: p.read_bytes() for p in results.glob("*/*/scores/*/*.parquet")}
    with serve(one_minded) as server:
        ToldServer(server).judge(results, "tinyaya_rubric", repeat=2)
        assert server.stats()["ok"] >= 12
    assert {p: p.read_bytes() for p in results.glob("*/*/scores/*/*.parquet")} == before


def test_use_of_the_scale_is_measured(import_answers: Import) -> None:
    reply = json.dumps({f"{c}_score": 7 for c in find_judge("tinyaya_rubric").rule.criteria})
    results = judged(import_answers, "tinyaya_rubric", lambda ask: reply)
    (trust,) = measure_trust(results)
    assert trust.measures["ceiling"].value == 1.0 and trust.measures["floor"].value == 0.0


def test_two_judges_are_compared_and_self_preference_is_what_the_other_does_not_share(
    import_answers: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = import_answers({m: [f"Antwort {i} von {m}" for i in range(40)] for m in ("gemma-x", "qwen-x")})

    def fond(ask: Any) -> str:
        scores = json.loads(one_minded(ask))
        bonus = 2 if "gemma-x" in ask.prompt else 0
        return json.dumps({k: min(7, v + bonus) if k.endswith("_score") else v for k, v in scores.items()})

    for name, reply in (("command-a", one_minded), ("gemma-judge", fond)):
        monkeypatch.setattr(test_stage, "JUDGE", name)
        with serve(reply) as server:
            ToldServer(server).judge(results, "tinyaya_rubric")
    found = {t.model: t for t in measure_trust(results)}
    fondness = found["gemma-judge"].measures["self_preference"]
    assert fondness.interval is not None and fondness.interval.low > 0.1
    assert "self_preference" not in found["command-a"].measures
    assert found["command-a"].measures["judges"].n == 80
    assert found["gemma-judge"].families == ("gemma-x",)


def write_ratings(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_bytes(b"".join(orjson.dumps(r) + b"\n" for r in rows))
    return path


def test_people_who_agree_with_the_judge_make_it_trusted(import_answers: Import, tmp_path: Path) -> None:
    results = judged(import_answers, "arena_pairwise", one_minded, baseline="base")
    trust = measure_trust(results)[0]
    from mevals.judge.evidence import gather
    from mevals.store import Store

    rows = gather(Store(results))[0].rows
    people = [
        {
            "id": r.item,
            "lang": "de",
            "model_a": r.model,
            "model_b": "base",
            "label": "A>B" if (r.value or 0) > 0.5 else "B>A",
        }
        for r in rows
        if r.value != 0.5
    ]
    assert import_ratings(write_ratings(tmp_path / "votes.jsonl", people), "chat", results) == len(people)
    agreed = {t.model: t for t in measure_trust(results)}[trust.model]
    assert agreed.measures["people_pairs"].value == 1.0
    turned = [{**p, "model_a": "base", "model_b": p["model_a"]} for p in people]
    import_ratings(write_ratings(tmp_path / "votes.jsonl", turned), "chat", results)
    assert {t.model: t for t in measure_trust(results)}[trust.model].measures["people_pairs"].value < 0.5


def test_people_with_numbers_are_compared_in_rank(import_answers: Import, tmp_path: Path) -> None:
    results = judged(import_answers, "tinyaya_rubric", one_minded)
    path = tmp_path / "r.csv"
    lines = ["id,model,lang,value,rater"]
    lines += [f"q{i},{m},deu_Latn,{i},{r}" for i in range(40) for m in ("one", "two") for r in ("x", "y")]
    path.write_text("\n".join(lines), encoding="utf-8")
    assert import_ratings(path, "chat", results) == 160
    effect = measure_trust(results)[0].measures["people_ranks"]
    assert effect.n == 80 and abs(effect.value) < 0.4


def test_calibration_counts_towards_trust_and_reports_show_the_badge(import_answers: Import) -> None:
    results = judged(import_answers, "arena_pairwise", one_minded, baseline="base")
    from mevals.engines.simulated import Simulated

    with serve(one_minded) as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "mevals.judge.check.open_judge", lambda name, serving: Simulated(test_stage.JUDGE, base_url=server.base_url)
        )
        options = JudgeOptions(results, judge_model=test_stage.JUDGE, langs=("deu_Latn",))
        (rate,) = run_check(find_judge("arena_pairwise"), options)
    assert rate.n == 24 and rate.value > 0.85
    (trust,) = write_trust(results)
    assert trust.measures["calibration"].n == 24
    assert trust.badge == "high", trust.why
    metrics = with_trust(load_cells(results), results)[0]["metrics"]
    assert {m["trust"] for m in metrics if m["signature"].startswith("judge|")} == {"high"}


@pytest.mark.parametrize(
    ("trust", "marks"),
    [
        ([], []),
        (["high"], ["trust:high"]),
        (["low", "low"], ["trust:low"]),
        (["low", "high", "low", "unknown"], ["trust:high=1,low=2,unknown=1"]),
    ],
)
def test_a_reports_row_counts_the_badges_of_its_languages(trust: list[str], marks: list[str]) -> None:
    assert trust_marks([{"signature": "judge|name:x", "trust": t} for t in trust]) == marks
    assert trust_marks([{"signature": "chrf"}]) == []


def test_what_is_derived_from_a_judges_score_has_its_badge(tmp_path: Path) -> None:
    known = {"signature": "judge|name:x|reader:1", "lang": "deu_Latn", "badge": "fair", "why": "y"}
    (tmp_path / "judges.json").write_bytes(orjson.dumps({"schema": 1, "judges": [known]}))
    derived = {"signature": "judge|name:x|reader:1|penalised:1|fidelity", "metric": "rubric.penalised"}
    (cell,) = with_trust([{"lang": "deu_Latn", "metrics": [derived, {"signature": "chrf"}]}], tmp_path)
    assert cell["metrics"][0]["trust"] == "fair" and "trust" not in cell["metrics"][1]


def test_cells_without_measurement_say_unknown(import_answers: Import) -> None:
    results = judged(import_answers, "tinyaya_rubric", one_minded, n=2)
    metrics = with_trust(load_cells(results), results)[0]["metrics"]
    assert metrics[0]["trust"] == "unknown" and "mevals judge trust" in metrics[0]["trust_why"]


def test_a_damaged_trust_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "judges.json").write_text("{")
    with pytest.raises(DataError, match="damaged"):
        load_trust(tmp_path)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"id": "q0", "lang": "de"}, "needs model"),
        ({"id": "q0", "lang": "de", "model": "one"}, "value or label"),
        ({"id": "q0", "lang": "de", "model": "one", "value": "good"}, "no number"),
        ({"id": "q0", "model": "one", "value": 1}, "--lang"),
        ({"id": "q0", "lang": "de", "model": "onee", "value": 1}, "did you mean 'one'"),
        ({"id": "q99", "lang": "de", "model": "one", "value": 1}, "no answer to the sample 'q99'"),
        ({"id": "q0", "lang": "sw", "model": "one", "value": 1}, "no answers to chat"),
        ({"id": "q0", "lang": "de", "model_a": "one", "model_b": "two", "label": "one"}, "A>>B"),
        ({"id": "q0", "lang": "de", "model": "one", "valu": 1}, "did you mean 'value'"),
    ],
)
def test_wrong_ratings_are_refused_with_a_sentence(
    import_answers: Import, tmp_path: Path, row: dict[str, Any], says: str
) -> None:
    results = import_answers({"one": ["Ja."], "two": ["Nein."]})
    with pytest.raises(Exception, match=says) as error:
        import_ratings(write_ratings(tmp_path / "r.jsonl", [row]), "chat", results)
    assert getattr(error.value, "exit_code", None) == 2
    assert not list(results.glob("*/*/ratings"))
