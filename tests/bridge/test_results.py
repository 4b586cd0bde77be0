"""`mevals import lm-eval` on small files in lm-eval's layout; needs no lm-eval."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mevals.aggregate import load_cells
from mevals.bridge.results import import_results
from mevals.commands import score_only
from mevals.errors import DataError, UsageError
from mevals.records import read_responses

DATE = "2026-01-02T03-04-05.678901"
SUMS = [(-1.0, -2.0), (-3.0, -1.5), (-0.5, -4.0), (-2.0, -1.0)]
RIGHT = [1.0, 0.0, 1.0, 1.0]


def choice_rows() -> list[dict[str, Any]]:
    """Four documents of a two-option task as lm-eval logs them: log-probabilities as text."""
    return [
        {
            "doc_id": i,
            "doc": {"q": f"q{i}"},
            "target": "0",
            "arguments": {f"gen_args_{j}": {"arg_0": f"q{i}\nJibu:", "arg_1": f" {x}"} for j, x in enumerate("AB")},
            "resps": [[[str(s), "False"]] for s in sums],
            "filtered_resps": [[str(s), "False"] for s in sums],
            "filter": "none",
            "metrics": ["acc"],
            "acc": RIGHT[i],
        }
        for i, sums in enumerate(SUMS)
    ]


def text_rows() -> list[dict[str, Any]]:
    """Two documents of a generative task under two filters."""
    return [
        {
            "doc_id": i,
            "target": "7",
            "arguments": {"gen_args_0": {"arg_0": "3+4=", "arg_1": {"until": ["\n"]}}},
            "resps": [["it is 7"]],
            "filtered_resps": ["7"],
            "filter": name,
            "exact_match": value,
        }
        for name, value in (("whole", 0.0), ("flexible-extract", 1.0))
        for i in range(2)
    ]


def write_run(folder: Path, change: Any = None, date: str = DATE) -> Path:
    """lm-eval's output folder with one group of a choice task and one generative task."""
    folder.mkdir(parents=True, exist_ok=True)
    mean = [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}]
    match = [{"metric": "exact_match", "aggregation": "mean"}, {"metric": "bleu"}]
    said: dict[str, Any] = {
        "results": {
            "xnli": {"alias": "xnli", "acc,none": 0.75},
            "xnli_sw": {"alias": "xnli_sw", "acc,none": 0.75, "acc_stderr,none": 0.25},
            "sums_sw": {"exact_match,whole": 0.0, "exact_match,flexible-extract": 1.0, "bleu,whole": 3.0},
        },
        "group_subtasks": {"xnli": ["xnli_sw"], "sums_sw": []},
        "configs": {
            "xnli_sw": {"dataset_name": "sw", "metric_list": mean},
            "sums_sw": {"metadata": {"language": "swh_Latn"}, "metric_list": match},
        },
        "versions": {"xnli_sw": 1.0, "sums_sw": 2.0},
        "n-shot": {"xnli_sw": 0, "sums_sw": 3},
        "n-samples": {"xnli_sw": {"original": 4, "effective": 4}, "sums_sw": {"original": 9, "effective": 2}},
        "higher_is_better": {"xnli_sw": {"acc": True}},
        "model_name": "org/model-a",
        "lm_eval_version": "0.4.13",
    }
    rows = {"xnli_sw": choice_rows(), "sums_sw": text_rows()}
    if change:
        change(said, rows)
    (folder / f"results_{date}.json").write_text(json.dumps(said), encoding="utf-8")
    for task, mine in rows.items():
        lines = "".join(json.dumps(r) + "\n" for r in mine)
        (folder / f"samples_{task}_{date}.jsonl").write_text(lines, encoding="utf-8")
    return folder


def values(results: Path) -> dict[tuple[str, str], tuple[float, int]]:
    return {(c["subset"], m["metric"]): (m["value"], m["n"]) for c in load_cells(results) for m in c["metrics"]}


def test_values_and_answers_are_lm_evals_own(tmp_path: Path) -> None:
    results = tmp_path / "results"
    import_results(write_run(tmp_path / "out"), "", (), results)
    assert values(results) == {
        ("xnli_sw", "acc"): (0.75, 4),
        ("sums_sw", "exact_match:whole"): (0.0, 2),
        ("sums_sw", "exact_match:flexible-extract"): (1.0, 2),
    }
    stored = next(results.glob("*/lm_eval%3Axnli/responses/xnli_sw.parquet"))
    found = read_responses(stored)
    assert [r.choice_logprobs for r in found.rows] == SUMS
    assert [r.text for r in found.rows] == ["A", "B", "A", "B"]
    assert found.rows[0].messages == ({"role": "user", "content": "q0\nJibu:"},)
    assert (found.meta["lang"], found.meta["model"], found.meta["identity"]["shots"]) == ("swh_Latn", "org/model-a", 0)


def test_scoring_again_changes_nothing(tmp_path: Path) -> None:
    results = tmp_path / "results"
    import_results(write_run(tmp_path / "out"), "", (), results)
    before = values(results)
    score_only(results, (), (), ())
    assert values(results) == before


def _short(said: Any, rows: Any) -> None:
    rows["xnli_sw"].pop()


def _twice(said: Any, rows: Any) -> None:
    rows["xnli_sw"][3]["doc_id"] = 0


def _mean(said: Any, rows: Any) -> None:
    said["results"]["xnli_sw"]["acc,none"] = 0.5


def _missing(said: Any, rows: Any) -> None:
    del rows["xnli_sw"]


def _filters(said: Any, rows: Any) -> None:
    rows["sums_sw"][3]["doc_id"] = 5


def _outside(said: Any, rows: Any) -> None:
    rows["xnli_sw"][0]["acc"] = 75.0


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_short, "has 3 documents under none, but .* says 4"),
        (_twice, "document 0 stands twice"),
        (_mean, "the mean of acc,none is 0.750000, but .* says 0.500000"),
        (_missing, "--log_samples"),
        (_filters, "have different documents"),
        (_outside, "only values from 0 to 1"),
    ],
)
def test_files_that_disagree_are_refused_and_nothing_is_written(tmp_path: Path, change: Any, sentence: str) -> None:
    results = tmp_path / "results"
    with pytest.raises(DataError, match=sentence):
        import_results(write_run(tmp_path / "out", change), "", (), results)
    assert not list(tmp_path.glob("results/**/*.parquet"))


def test_two_runs_of_one_task_are_refused(tmp_path: Path) -> None:
    write_run(tmp_path / "out")
    write_run(tmp_path / "out", date="2026-02-02T03-04-05.678901")
    with pytest.raises(DataError, match="several results of xnli_sw"):
        import_results(tmp_path / "out", "", (), tmp_path / "results")


def _unnamed(said: Any, rows: Any) -> None:
    said["configs"]["xnli_sw"].pop("dataset_name")


def test_a_language_that_is_not_told_can_be_said(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "out", _unnamed)
    with pytest.raises(UsageError, match="can't be told"):
        import_results(folder, "", (), tmp_path / "results")
    import_results(folder, "named", ("xnli=swh_Latn",), tmp_path / "results")
    assert ("xnli_sw", "acc") in values(tmp_path / "results")


def test_a_folder_without_results_says_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--output_path"):
        import_results(tmp_path, "", (), tmp_path / "results")
