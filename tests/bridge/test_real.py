"""Bridged tasks for real: lm-eval builds and scores, our engine asks, and native and bridged choices are compared."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from mevals.aggregate import load_cells
from mevals.commands import run_all, score_only
from mevals.errors import DataError, UsageError
from mevals.records import read_responses
from mevals.run import Options, make_plan
from mevals.types import Response
from tests.bridge.make_data import LANGS, mini_languages, mini_rows, write_global_mmlu, write_task

Cells = dict[tuple[str, str], Any]


def run_demo(results: Path, *tasks: str, **changes: Any) -> Cells:
    """Run the simulated model over HTTP; the metrics by (subset, metric)."""
    run_all(
        Options(models=("demo",), tasks=tasks, results=results, concurrency=4, **changes),
        "lang",
        "csv",
        results / "r.csv",
    )
    return {(c["subset"], m["metric"]): m for c in load_cells(results) for m in c["metrics"]}


def stored(results: Path, task: str) -> dict[str, list[Response]]:
    folder = results / "demo" / task.replace(":", "%3A") / "responses"
    return {p.stem: read_responses(p).rows for p in folder.glob("*.parquet")}


def test_a_group_runs_cell_by_cell_in_its_languages(yaml_folder: Path, tmp_path: Path) -> None:
    metrics = run_demo(tmp_path / "results", "lm_eval:our_global_mmlu")
    assert {s for s, _ in metrics} == {f"global_mmlu_full_{c}" for c in LANGS}
    assert {m for _, m in metrics} == {"acc", "acc_norm"}
    langs = {c["subset"].rpartition("_")[2]: c["lang"] for c in load_cells(tmp_path / "results")}
    assert langs == LANGS
    for (subset, metric), found in metrics.items():
        rows = stored(tmp_path / "results", "lm_eval:our_global_mmlu")[subset]
        right = [r.choice_logprobs.index(max(r.choice_logprobs)) == "ABCD".index(r.targets[0]) for r in rows]
        assert found["value"] == pytest.approx(sum(right) / len(right)), metric
    assert score_only(tmp_path / "results", (), (), ()) is None  # the store alone says how to score it again


def agreement(results: Path, model: str, langs: dict[str, str], **changes: Any) -> tuple[int, list[str]]:
    """(items, differences) between native and bridged choices on the same items by the same model."""
    tasks = ("global_mmlu", "lm_eval:our_global_mmlu")
    keys = tuple(langs.values())
    options = Options(models=(model,), tasks=tasks, results=results, langs=keys, where="mini", concurrency=4, **changes)
    run_all(options, "lang", "csv", results / "r.csv")
    (folder,) = (f for f in results.iterdir() if (f / "global_mmlu").is_dir())
    items, differences = 0, []
    for code, key in langs.items():
        native = read_responses(folder / "global_mmlu" / "responses" / f"{key}.parquet").rows
        path = folder / "lm_eval%3Aour_global_mmlu" / "responses" / f"global_mmlu_full_{code}.parquet"
        bridged = {r.messages[0]["content"]: r for r in read_responses(path).rows}
        assert len(native) == len(bridged) == len(mini_rows(key))
        for mine in native:
            theirs = bridged[mine.messages[0]["content"]]
            items += 1
            if theirs.text != mine.text:
                differences.append(f"{key} {mine.id}: native {mine.text}, bridged {theirs.text}")
    return items, differences


def test_native_and_bridged_ask_the_same_prompts_with_the_same_options(yaml_folder: Path) -> None:
    prompts: dict[str, set[str]] = {"native": set(), "bridged": set()}
    plan = make_plan(
        Options(tasks=("global_mmlu", "lm_eval:our_global_mmlu"), langs=tuple(LANGS.values()), where="mini")
    )
    for unit in plan.units:
        side = "bridged" if unit.task.startswith("lm_eval:") else "native"
        prompts[side] |= {s.messages[0]["content"] + "|" + "|".join(s.choices) for s in unit.samples()}
    assert prompts["native"] == prompts["bridged"] and len(prompts["native"]) == 24


def test_a_real_model_chooses_the_same_natively_and_bridged(yaml_folder: Path, tmp_path: Path) -> None:
    """A tiny Cohere2 behind our transformers server; every difference is listed."""
    import os

    model, python = os.environ.get("MEVALS_TINY_COHERE2"), os.environ.get("MEVALS_HF_PYTHON")
    if not model or not python:
        pytest.skip("needs $MEVALS_TINY_COHERE2 (scripts/make_tiny_cohere2.py) and $MEVALS_HF_PYTHON")
    from mevals.engines.opening import Serving

    langs = {key.lower(): key for key in mini_languages()}
    write_global_mmlu(yaml_folder, langs)
    items, differences = agreement(tmp_path / "results", model, langs, serving=Serving(engine="transformers"))
    print(f"{items} items, {len(differences)} differences: {differences}")
    assert items >= 100
    assert len(differences) <= 0.01 * items, differences


def test_lm_evals_filters_read_generated_answers(yaml_folder: Path, tmp_path: Path) -> None:
    metrics = run_demo(tmp_path / "results", "lm_eval:sums_sw")
    assert {m for _, m in metrics} == {"exact_match:whole", "exact_match:flexible-extract"}
    (unit,) = make_plan(Options(tasks=("lm_eval:sums_sw",))).units
    assert (unit.settings.max_tokens, unit.settings.stop, unit.settings.temperature) == (32, ("\n\n", "</s>"), 0.0)


def test_scores_are_those_of_lm_eval_itself(yaml_folder: Path) -> None:
    """The same answers through lm_eval.simple_evaluate and through ours give the same values."""
    import lm_eval
    from lm_eval.api.model import LM
    from lm_eval.tasks import TaskManager

    from mevals.bridge.scoring import evaluate
    from mevals.bridge.tasks import find_leaves, open_task

    answers = {"Tatu na nne ni ngapi?\nJibu:": " ni 7\n\nQ: 8", "Kumi toa moja ni ngapi?\nJibu:": "10"}

    class Fixed(LM):
        def loglikelihood(self, requests: Any) -> Any:
            return [(-float(len(r.args[0]) * (ord(r.args[1][-1]) % 7) % 11), False) for r in requests]

        def loglikelihood_rolling(self, requests: Any) -> Any:
            raise NotImplementedError

        def generate_until(self, requests: Any) -> Any:
            return [answers.get(r.args[0], "12").split("\n\n")[0] for r in requests]

    manager = TaskManager(include_path=str(yaml_folder), include_defaults=False)
    names = ["sums_sw", "global_mmlu_full_sw"]
    theirs = lm_eval.simple_evaluate(
        model=Fixed(), tasks=names, task_manager=manager, bootstrap_iters=0, verbosity="ERROR"
    )
    for name in names:
        task = open_task(find_leaves(name)[0], None)
        responses = []
        for doc_id in dict.fromkeys(i.doc_id for i in task.instances):
            mine = sorted((i for i in task.instances if i.doc_id == doc_id), key=lambda i: i.idx)
            from mevals.bridge.requests import samples_of

            sample = next(s for s in samples_of(task) if s.id == str(doc_id))
            sums = tuple(v for v, _ in Fixed().loglikelihood(mine)) if sample.choices else None
            text = "x" if sums else answers.get(sample.messages[0]["content"], "12")
            responses.append(
                Response(
                    sample.id,
                    text,
                    "stop",
                    sample.messages,
                    sample.targets,
                    choices=sample.choices,
                    choice_logprobs=sums,
                )
            )
        found = evaluate(task, responses)
        for row in theirs["samples"][name]:
            for metric in row["metrics"]:
                assert found[str(row["doc_id"])][metric, row["filter"]] == row[metric]


def test_unspaced_options_are_asked_verbatim(yaml_folder: Path) -> None:
    (unit,) = make_plan(Options(tasks=("lm_eval:unspaced",))).units
    assert unit.subset.lang == "cmn_Hans"
    assert [(s.choices, s.tags["delimiter"]) for s in unit.samples()] == [
        (("蓝色", "绿色"), "none"),
        (("两条", "四条"), "none"),
    ]


def test_a_language_can_be_said_and_chosen(yaml_folder: Path) -> None:
    (unit,) = make_plan(Options(tasks=("lm_eval:sums_sw=yor_Latn",))).units
    assert unit.subset.lang == "yor_Latn"
    units = make_plan(Options(tasks=("lm_eval:our_global_mmlu",), langs=("region:africa",))).units
    assert [u.subset.lang for u in units] == ["swh_Latn"]


def test_changed_data_is_not_scored_with_old_answers(yaml_folder: Path, tmp_path: Path) -> None:
    from mevals.bridge.scoring import evaluate
    from mevals.bridge.tasks import find_leaves, open_task

    task = open_task(find_leaves("sums_sw")[0], None)
    with pytest.raises(DataError, match="asks something else now"):
        evaluate(task, [Response("0", "7", "stop", ({"role": "user", "content": "another question"},))])


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"output_type": "loglikelihood", "metadata": {"language": "en"}}, "is of type loglikelihood"),
        ({"output_type": "generate_until", "repeats": 5}, "asks 5 answers"),
        ({"output_type": "generate_until", "metric_list": [{"metric": "bleu"}]}, "no metric that all its tasks share"),
        ({"output_type": "generate_until", "metric_list": [{"metric": "exact_match"}]}, "can't be told"),
    ],
)
def test_what_the_bridge_cannot_do_is_refused_with_a_reason(
    yaml_folder: Path, config: dict[str, Any], sentence: str
) -> None:
    folder = yaml_folder.parent / "other"
    write_task(folder, "odd", {"doc_to_text": "{{q}}", "doc_to_target": "{{a}}", **config}, [{"q": "x", "a": "y"}])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEVALS_LM_EVAL_PATH", str(folder))
        with pytest.raises(UsageError, match=sentence):
            make_plan(Options(tasks=("lm_eval:odd",)))


def test_lm_evals_own_output_files_are_imported(yaml_folder: Path, tmp_path: Path) -> None:
    import lm_eval
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.models.dummy import DummyLM
    from lm_eval.tasks import TaskManager

    from mevals.bridge.results import import_results

    manager = TaskManager(include_path=str(yaml_folder), include_defaults=False)
    tracker = EvaluationTracker(output_path=str(tmp_path / "out"))
    found = lm_eval.simple_evaluate(
        model=DummyLM(),
        tasks=["our_global_mmlu", "sums_sw"],
        task_manager=manager,
        evaluation_tracker=tracker,
        bootstrap_iters=0,
    )
    samples = found.pop("samples")
    tracker.save_results_aggregated(results=found, samples=samples)
    for name in found["configs"]:
        tracker.save_results_samples(task_name=name, samples=samples[name])
    import_results(tmp_path / "out", "dummy", (), tmp_path / "results")
    mine = {(c["subset"], m["metric"]): m["value"] for c in load_cells(tmp_path / "results") for m in c["metrics"]}
    for name in (f"global_mmlu_full_{c}" for c in LANGS):
        assert mine[name, "acc"] == pytest.approx(found["results"][name]["acc,none"])
    assert mine["sums_sw", "exact_match:whole"] == pytest.approx(found["results"]["sums_sw"]["exact_match,whole"])


def test_without_lm_eval_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lm_eval", None)
    with pytest.raises(UsageError, match=r"pip install 'mevals\[lm-eval\]'"):
        make_plan(Options(tasks=("lm_eval:never_seen",)))
