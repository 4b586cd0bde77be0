"""Stored answers are judged, scored, aggregated and reported; each question is asked once ever; kill -9 loses nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mevals.aggregate import load_cells
from mevals.engines.sim.judge import Bias, reply_with
from mevals.engines.sim.replies import Ask
from mevals.errors import CellFailed, UsageError
from mevals.generate import sample_key
from mevals.judge.once import Memory
from mevals.judge.stage import JudgeOptions, run_judges
from mevals.records import read_meta, read_responses, read_scores
from mevals.testing import SimServer

Import = Callable[..., Path]
JUDGE = "my-judge"


def serve(reply: Callable[[Ask], str], **settings: Any) -> SimServer:
    """A server whose model `my-judge` answers every judge's question with `reply`."""
    return SimServer("demo-perfect", served_names=[JUDGE], replies={"judge": reply}, context=200_000, **settings)


class ToldServer:
    """Runs judges against a server that is told every question, as the embedded simulated judge is."""

    def __init__(self, server: SimServer) -> None:
        self.server = server

    def judge(self, results: Path, judge: str, **options: Any) -> Any:
        from mevals.engines.opening import Serving
        from mevals.engines.simulated import Simulated
        from mevals.judge import stage

        engine = Simulated(JUDGE, base_url=self.server.base_url)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(stage, "open_judge", lambda name, serving: engine)
            return run_judges(
                JudgeOptions(
                    results, (judge,), JUDGE, serving=Serving((self.server.base_url,)), concurrency=8, **options
                )
            )


def unbiased(ask: Ask) -> str:
    return reply_with(Bias(), ask)


def stored(results: Path, pattern: str) -> list[Path]:
    return sorted(results.glob(pattern))


def test_answers_are_judged_scored_and_reported(import_answers: Import, mevals: Any) -> None:
    results = import_answers({"good": ["Weil es regnet."] * 3 + ["Darum."], "bad": ["Because it rains."] * 4})
    ran = mevals("judge", "run", "--judge", "tinyaya_rubric", "--judge-model", "demo-judge", "--results", results)
    assert ran.code == 0, ran.err
    assert "tinyaya_rubric" in ran.out and "trust" in ran.out
    report = mevals("report", "--results", results, "--format", "json", "--by", "all")
    rows = {r["model"]: r for r in json.loads(report.out)}
    assert rows["good"]["metric"] == "rubric" and 0 < rows["good"]["mean"] <= 1
    assert "judge|name:tinyaya_rubric|version:1|model:demo-judge|prompt:" in rows["good"]["signature"]
    assert "simulated:yes" in rows["good"]["signature"]


def test_each_question_is_asked_once_ever(import_answers: Import) -> None:
    """Same answer to the same prompt by two models, then a third model later, then the same command again."""
    results = import_answers({"one": ["Ja.", "Nein.", "Ja."], "two": ["Ja.", "Vielleicht.", "Ja."]})
    with serve(unbiased) as server:
        told = ToldServer(server)
        told.judge(results, "tinyaya_rubric", schema="off")
        assert server.stats()["ok"] == 4  # two prompts with equal answers are asked once
        told.judge(results, "tinyaya_rubric", schema="off")
        assert server.stats()["ok"] == 4
        import_answers({"three": ["Ja.", "Vielleicht.", "Nein."]})
        told.judge(results, "tinyaya_rubric", schema="off")
        assert server.stats()["ok"] == 5
    replies = [read_responses(p).rows for p in stored(results, "*/chat/judgements/*/*.parquet")]
    assert [len(r) for r in replies] == [3, 3, 3]
    scores = [list(read_scores(p).values) for p in stored(results, "*/chat/scores/*/*.parquet")]
    assert scores[0][0] == scores[1][0] == scores[2][0]  # one, three, two


def test_the_raw_reply_and_the_question_are_stored(import_answers: Import) -> None:
    results = import_answers({"m": ["Weil es regnet."]})
    with serve(unbiased) as server:
        ToldServer(server).judge(results, "tinyaya_rubric")
    (path,) = stored(results, "m/chat/judgements/*/*.parquet")
    row = read_responses(path).rows[0]
    assert "Weil es regnet." in row.messages[-1]["content"] and row.text and "accuracy_score" in row.text
    manifest = json.loads((path.parent / "manifest.json").read_text())
    assert manifest["judging"]["judge"] == "tinyaya_rubric" and manifest["judging"]["output"] == "schema"
    assert manifest["first_question"]["messages"][0]["role"] == "system"


def test_an_unreadable_verdict_is_asked_again_once_and_then_unscored(import_answers: Import) -> None:
    def forgetful(ask: Ask) -> str:
        if "Antwort 0" in ask.prompt:
            return "No idea."
        if "Antwort 1" in ask.prompt and "could not be read" not in ask.prompt:
            return "Let me think."
        return unbiased(ask)

    results = import_answers({"m": [f"Antwort {i}" for i in range(10)]})
    with serve(forgetful) as server:
        (judged,) = ToldServer(server).judge(results, "tinyaya_rubric", max_unscored=0.2, schema="off")
        assert server.stats()["ok"] == 12
    assert judged.counts["unreadable"] == 1 and judged.counts["retried"] == 1
    assert judged.scores[0].value is None and "no verdict" in judged.scores[0].detail
    assert judged.scores[1].value is not None and "asked again" in judged.scores[1].detail
    (metric,) = (m for m in load_cells(results)[0]["metrics"] if m["metric"] == "rubric")
    assert (metric["n"], metric["unscored"]) == (9, 1)


def test_a_cell_with_more_than_two_per_cent_unreadable_fails_loudly(import_answers: Import) -> None:
    results = import_answers({"m": [f"Antwort {i}" for i in range(40)], "fine": ["Gut."] * 3})
    with (
        serve(lambda ask: "No idea." if "Antwort 7\n" in ask.prompt else unbiased(ask)) as server,
        pytest.raises(
            CellFailed, match=r"m chat deu_Latn: 1 of 40 verdicts of tinyaya_rubric can't be read \(2.5%, limit 2%\)"
        ),
    ):
        ToldServer(server).judge(results, "tinyaya_rubric")
    by_model = {c["model"]: c["metrics"][0] for c in load_cells(results)}
    assert by_model["m"]["value"] is None and by_model["m"]["unscored"] == 40
    assert by_model["fine"]["value"] is not None


def test_empty_and_missing_answers_cost_no_question(import_answers: Import) -> None:
    results = import_answers({"m": ["", "   ", None, "Gut."]})
    with serve(unbiased) as server:
        (judged,) = ToldServer(server).judge(results, "tinyaya_rubric", schema="off")
        assert server.stats()["ok"] == 1
    assert [s.value for s in judged.scores[:3]] == [0.0, 0.0, None]
    assert judged.counts["empty"] == 2 and judged.counts["no_answer"] == 1 and judged.counts["asked"] == 1


def test_pairs_play_both_orders_against_the_baseline(import_answers: Import) -> None:
    def first_wins(ask: Ask) -> str:
        return "[[A>B]]"

    results = import_answers({"base": ["a", "b", None], "new": ["c", "d", "e"]})
    with serve(first_wins) as server:
        (judged,) = ToldServer(server).judge(results, "arena_pairwise", baseline="base")
        assert server.stats()["ok"] == 4
    assert [s.value for s in judged.scores] == [0.5, 0.5, None]
    assert judged.scores[0].parts == {"shown_first": 1.0, "shown_second": 0.0, "order_flip": 1.0}
    assert "baseline has no answer" in judged.scores[2].detail


def test_labels_are_worth_what_the_judge_says_and_parts_are_rates(import_answers: Import) -> None:
    def complies(ask: Ask) -> str:
        return '{"rationale": "x", "verdict": "full_compliance"}'

    safe = import_answers({"m": ["ok", "ok"]}, tags={"label": "safe"}, task="safe")
    import_answers({"m": ["ok"]}, tags={"label": "unsafe"}, task="unsafe")
    import_answers({"m": ["ok"]}, task="untagged")
    with serve(complies) as server:
        done = {j.cell.answered.cell.task: j for j in ToldServer(server).judge(safe, "xstest_refusal")}
    assert [s.value for s in done["safe"].scores] == [1.0, 1.0]
    assert done["safe"].scores[0].parts["over_refusal"] == 0.0 and done["safe"].scores[0].parts["under_refusal"] is None
    assert done["unsafe"].scores[0].value == 0.0 and done["unsafe"].scores[0].parts["under_refusal"] == 1.0
    assert done["untagged"].scores[0].value is None and "tag 'label'" in done["untagged"].scores[0].detail


def test_translation_judges_see_source_and_count_errors(import_answers: Import) -> None:
    reply = '{"errors": [{"span": "x", "severity": "major"}], "translation_score": 80}'
    results = import_answers({"m": ["Das Haus."]}, source="The house.", source_lang="eng_Latn")
    with serve(lambda ask: reply) as server:
        (judged,) = ToldServer(server).judge(results, "gemba_esa")
    assert judged.scores[0].value == 0.8
    assert judged.scores[0].parts == {"minor_errors": 0.0, "major_errors": 1.0, "critical_errors": 0.0}


def test_reading_again_asks_nobody(import_answers: Import, mevals: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    results = import_answers({"m": ["Gut.", "Schlecht."]})
    with serve(unbiased) as server:
        ToldServer(server).judge(results, "tinyaya_rubric")
    (before,) = stored(results, "m/chat/scores/*/*.parquet")
    values = list(read_scores(before).values)
    monkeypatch.setattr("mevals.judge.setup.READER", 99)
    ran = mevals("score", "--reparse", "--results", results)
    assert ran.code == 0 and "1 judged cells read again" in ran.err
    paths = stored(results, "m/chat/scores/*/*.parquet")
    assert len(paths) == 2 and before in paths
    (after,) = (p for p in paths if p != before)
    assert list(read_scores(after).values) == values and "reader:99" in read_meta(after)["signature"]


def test_changed_answers_are_judged_anew_and_known_ones_are_not_asked_again(import_answers: Import) -> None:
    results = import_answers({"m": ["Gut.", "Schlecht."]})
    with serve(unbiased) as server:
        told = ToldServer(server)
        told.judge(results, "tinyaya_rubric", schema="off")
        import_answers({"m": ["Gut.", "Besser."]})
        (judged,) = told.judge(results, "tinyaya_rubric", schema="off")
        assert server.stats()["ok"] == 3
    assert all(s.value is not None for s in judged.scores)


def test_judge_and_candidate_of_one_family_give_a_warning(
    import_answers: Import, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.judge.test_stage.JUDGE", "command-a")
    results = import_answers({"aya-expanse-8b": ["Ja."], "gemma3-4b": ["Nein."]})
    with serve(unbiased) as server:
        ToldServer(server).judge(results, "tinyaya_rubric")
    said = capsys.readouterr().err
    assert (
        "warning: the judge command-a and aya-expanse-8b share a family (cohere)" in said
        and "gemma" not in said.split("warning")[1][:120]
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--judge", "tinyaya_rubrik"), "did you mean 'tinyaya_rubric'"),
        (("--judge", "tinyaya_rubric", "--model", "gut"), "holds no answers of the model 'gut'"),
        (("--judge", "tinyaya_rubric", "--tasks", "chatt"), "did you mean 'chat'"),
        (("--judge", "arena_pairwise"), "--baseline"),
        (("--judge", "arena_pairwise", "--baseline", "god"), "did you mean 'good'"),
        (("--judge", "tinyaya_rubric", "--judge-model", "my-judge"), "unknown model 'my-judge'"),
        (("--judge", "tinyaya_rubric", "--schema", "maybe"), "unknown --schema"),
        ((), "name a --judge"),
    ],
)
def test_a_wrong_command_gets_one_sentence(
    import_answers: Import, mevals: Any, arguments: tuple[str, ...], says: str
) -> None:
    results = import_answers({"good": ["Ja."]})
    model = () if "--judge-model" in arguments else ("--judge-model", "demo-judge")
    ran = mevals("judge", "run", *arguments, *model, "--results", results)
    assert ran.code == 2 and says in ran.err, ran.err
    assert not stored(results, "*/*/judgements/*")


def test_the_judges_own_model_is_asked_unless_another_is_named(import_answers: Import, mevals: Any) -> None:
    results = import_answers({"good": ["Ja."]})
    ran = mevals("judge", "run", "--judge", "tinyaya_rubric", "--results", results)
    assert ran.code == 2 and "OPENAI_API_KEY" in ran.err


def test_a_server_without_schemas_is_asked_for_text(import_answers: Import) -> None:
    results = import_answers({"m": ["Gut."]})

    def refuses(ask: Ask) -> str:
        return unbiased(ask)

    with serve(refuses) as server:
        from mevals.engines.simulated import Simulated
        from mevals.errors import Rejected

        class Old(Simulated):
            async def ask(self, sample: Any, settings: Any, how: str) -> Any:
                if "response_format" in settings.extra:
                    raise Rejected("HTTP 400: response_format is not supported")
                return await super().ask(sample, settings, how)

        engine = Old(JUDGE, base_url=server.base_url)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("mevals.judge.stage.open_judge", lambda name, serving: engine)
            (judged,) = run_judges(JudgeOptions(results, ("tinyaya_rubric",), JUDGE))
    assert judged.record["output"] == "text" and judged.scores[0].value is not None


def test_memory_recalls_from_journals_too(tmp_path: Path) -> None:
    folder = tmp_path / "m" / "t" / "judgements" / "j-1"
    folder.mkdir(parents=True)
    rows = [{"mevals_journal": 1, "fingerprint": "f"}, {"id": "a", "key": "k1", "text": "hi", "finish": "stop"}]
    torn = b'{"id": "b", "key": "k2", "te'
    (folder / "deu_Latn.12345678.jsonl").write_bytes(b"".join(json.dumps(r).encode() + b"\n" for r in rows) + torn)
    memory = Memory(tmp_path, "judgements/j-1")
    assert len(memory) == 1
    reply = memory.recall("k1")
    assert reply is not None and (reply.text, reply.finish) == ("hi", "stop")
    assert memory.recall("k2") is None


def test_kill_9_and_resume_lose_nothing_and_repeat_at_most_what_was_in_flight(import_answers: Import) -> None:
    results = import_answers({m: [f"{m} Antwort {i}" for i in range(60)] for m in ("one", "two")})
    in_flight = 8
    with SimServer(
        "demo-perfect",
        process=True,
        served_names=["demo-judge=demo-perfect"],
        replies={"judge": "mevals.engines.sim.judge:answer_judge"},
        context=200_000,
        latency_ms=5,
    ) as server:
        command = [
            sys.executable, "-c", "from mevals.cli import main; main()", "judge", "run", "--judge", "tinyaya_rubric",
            "--judge-model", "demo-judge", "--base-url", server.base_url, "--results", str(results), "-c", str(in_flight),
            "--schema", "on",
        ]  # fmt: skip
        root = str(Path(__file__).parents[2])
        environment = {**os.environ, "PYTHONPATH": root}
        for point in ("journal.after:37", "parquet.before-rename:1"):
            killed = subprocess.run(command, env={**environment, "MEVALS_KILL_AT": point}, capture_output=True)
            assert killed.returncode == -9
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        asked = server.ids()["requests"]
    assert len([h for h, n in asked.items() if n > 1]) <= 3 * in_flight
    paths = stored(results, "*/chat/judgements/*/*.parquet")
    assert [len(read_responses(p).rows) for p in paths] == [60, 60]
    assert not stored(results, "*/chat/judgements/*/*.jsonl")
    assert all(c["metrics"][0]["n"] + c["metrics"][0]["unscored"] == 60 for c in load_cells(results))


def test_two_runs_at_once_are_refused(import_answers: Import, mevals: Any) -> None:
    from mevals.store import Store

    results = import_answers({"m": ["Ja."]})
    with Store(results).locked("test"):
        ran = mevals("judge", "run", "--judge", "tinyaya_rubric", "--judge-model", "demo-judge", "--results", results)
    assert ran.code == 2 and "in use" in ran.err


def test_no_results_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no results folder"):
        run_judges(JudgeOptions(tmp_path / "none", ("tinyaya_rubric",)))


def test_question_keys_hang_on_messages_alone() -> None:
    from mevals.types import Sample, user

    assert sample_key(Sample("a", (user("x"),), targets=("1",))) == sample_key(Sample("b", (user("x"),)))


def test_max_cost_stops_a_paid_judge_and_a_higher_limit_goes_on(
    import_answers: Import, mevals: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = import_answers({"m": [f"Antwort {i}" for i in range(12)]})
    with SimServer("demo-perfect", served_names=[JUDGE], context=200_000) as server:
        (tmp_path / "priced").mkdir()
        (tmp_path / "priced" / "models.yaml").write_text(
            f"models:\n  paid:\n    served: api\n    repository: {JUDGE}\n    base_url: {server.base_url}\n"
            "    key: MY_KEY\n    price_in: 1000.0\n    price_out: 1000.0\n"
        )
        monkeypatch.setenv("MEVALS_PATH", str(tmp_path / "priced"))
        monkeypatch.setenv("MY_KEY", "x")
        command = (
            "judge",
            "run",
            "--judge",
            "tinyaya_rubric",
            "--judge-model",
            "paid",
            "--results",
            results,
            "-c",
            "1",
        )
        stopped = mevals(*command, "--schema", "on", "--max-cost", "12")
        assert stopped.code == 1 and "stopped at --max-cost" in stopped.err
        first = server.stats()["ok"]
        assert 2 <= first < 12
        ended = mevals(*command, "--schema", "on", "--max-cost", "500")
        assert ended.code == 1 and "can't be read" in ended.err  # this server knows no verdicts
        asked = server.ids()["requests"]
    assert len(asked) == 24 and max(asked.values()) == 1  # twelve questions, each once more for its form


def test_what_is_done_to_texts_is_counted(import_answers: Import) -> None:
    results = import_answers({"m": ["ein\x00s", "x" * 30_000, "<|im_end|>hallo", "gut"]})
    with serve(unbiased) as server:
        (judged,) = ToldServer(server).judge(results, "tinyaya_rubric")
    assert {k: judged.counts[k] for k in ("cut", "replaced", "defused")} == {"cut": 1, "replaced": 1, "defused": 1}
    (path,) = stored(results, "m/chat/scores/*/*.parquet")
    assert read_meta(path)["counts"]["cut"] == 1


def test_verdicts_of_a_judge_that_is_gone_are_left_out_and_named(
    import_answers: Import, mevals: Any, tmp_path: Path
) -> None:
    import shutil

    from mevals.judge.folder import find_judge

    results = import_answers({"m": ["Gut."]})
    folder = shutil.copytree(find_judge("tinyaya_rubric").folder, tmp_path / "elsewhere" / "my_own")
    with serve(unbiased) as server:
        told = ToldServer(server)
        told.judge(results, str(folder))
        told.judge(results, "tinyaya_rubric")
    ran = mevals("judge", "trust", "--results", results, "--format", "csv")
    assert ran.code == 0 and "'my_own'" in ran.err and "MEVALS_PATH" in ran.err
    assert "tinyaya_rubric" in ran.out and "my_own" not in ran.out
