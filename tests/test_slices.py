"""Scores by slices of a cell: exact values, counts, and when reports show them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from mevals.aggregate import Slicing, metric_records
from mevals.plan import take
from mevals.records import Scores
from mevals.report.table import View, make_rows
from mevals.scorers import chrf
from mevals.types import Response, Sample, Subset

NAN = float("nan")


def scores(values: list[float], stats: Any = None, metric: str = "accuracy", better: str = "higher") -> Scores:
    meta = {"metric": metric, "signature": f"{metric}|x", "better": better, "scale": [0.0, 1.0]}
    ids = [str(i) for i in range(len(values))]
    return Scores(meta, ids, np.array(values), [""] * len(values), stats, {"extracted": np.ones(len(values))})


def records(found: Scores, tags: list[dict[str, str]], *wanted: str, headline: tuple[str, ...] = ()) -> dict[str, Any]:
    named = dict(zip(found.ids, tags, strict=True))
    return {m["metric"]: m for m in metric_records(found, named, Slicing(wanted, headline))}


def test_a_slice_is_the_mean_of_its_own_scored_samples() -> None:
    tags = [{"culture": "CS"}, {"culture": "CS"}, {"culture": "CA"}, {"culture": "CA"}, {}]
    found = records(scores([1.0, 0.0, 1.0, NAN, 0.0]), tags, "culture", headline=("culture",))
    assert list(found) == ["accuracy", "accuracy.extracted", "accuracy[culture=CA]", "accuracy[culture=CS]"]
    assert found["accuracy"]["value"] == 0.5
    ca, cs = found["accuracy[culture=CA]"], found["accuracy[culture=CS]"]
    assert (ca["value"], ca["n"], ca["unscored"], ca["strict"]) == (1.0, 1, 1, 0.5)
    assert (cs["value"], cs["n"], cs["unscored"]) == (0.5, 2, 0)
    assert ca["slice"] == {"culture": "CA"}
    assert ca["headline"] is True


def test_a_slice_of_a_corpus_metric_is_its_corpus_score() -> None:
    texts = [("der Hund schläft", "der Hund schläft"), ("ein Haus", "das Haus"), ("Wald", "See"), ("Brot", "Brot")]
    responses = [Response(str(i), h, "stop", targets=(r,)) for i, (h, r) in enumerate(texts)]
    subset, scorer = Subset("deu_Latn", "deu_Latn"), chrf()
    made = scorer.score(responses, subset)
    stats = np.array([s.stats for s in made])
    whole = scores([float(s.value or 0) for s in made], stats, "chrf")
    whole.meta["scale"] = [0.0, 100.0]  # type: ignore[index]
    found = records(whole, [{"domain": d} for d in ("news", "news", "social", "social")], "domain")
    values = np.array([s.value for s in made], dtype=float)
    assert found["chrf[domain=news]"]["value"] == pytest.approx(scorer.aggregate(values[:2], stats[:2]))
    assert found["chrf[domain=social]"]["value"] == pytest.approx(scorer.aggregate(values[2:], stats[2:]))


def test_reports_show_headline_slices_and_the_others_with_parts() -> None:
    tags = [{"culture": "CS", "topic": "a.b"}, {"culture": "CA", "topic": "a.b"}]
    metrics = list(records(scores([1.0, 0.0]), tags, "culture", "topic", headline=("culture",)).values())
    cell = {
        "model": "m",
        "task": "t",
        "condition": "",
        "subset": "swh_Latn",
        "about": "swh_Latn",
        "n": 2,
        "truncated": 0,
        "metrics": metrics,
    }
    shown = {row.metric for row in make_rows([cell], View())}
    assert shown == {"accuracy", "accuracy[culture=CS]", "accuracy[culture=CA]"}
    every = {row.metric for row in make_rows([cell], View(parts=True))}
    assert every == shown | {"accuracy.extracted", "accuracy[topic=a.b]"}


def test_a_cell_with_a_country_counts_for_its_region() -> None:
    def cell(subset: str, about: str, region: str) -> dict[str, Any]:
        return {
            "model": "m",
            "task": "t",
            "condition": "",
            "subset": subset,
            "about": about,
            "n": 1,
            "truncated": 0,
            "extra": {"region": region} if region else {},
            "metrics": list(records(scores([1.0]), [{}]).values()),
        }

    cells = [
        cell("spa_Latn-MX", "spa_Latn", "Americas"),
        cell("spa_Latn-ES", "spa_Latn", "Europe"),
        cell("x", "swh_Latn", ""),
    ]
    assert {row.group: row.n for row in make_rows(cells, View(by="region"))} == {
        "Europe": 1,
        "Africa": 1,
        "Americas": 1,
    }
    assert {row.group: row.n for row in make_rows(cells, View(by="lang"))} == {"spa_Latn": 2, "swh_Latn": 1}


def test_a_limited_choice_keeps_the_shares_of_every_stratum() -> None:
    def samples() -> list[Sample]:
        shares = [("CS", "STEM")] * 10 + [("CA", "STEM")] * 30 + [("CA", "Business")] * 60
        return [Sample(str(i), (), tags={"culture": c, "subject_category": s}) for i, (c, s) in enumerate(shares)]

    chosen = list(take(iter(samples()), 20, seed=3, strata=("culture", "subject_category")))
    assert [int(s.id) for s in chosen] == sorted(int(s.id) for s in chosen)
    pairs = [(s.tags["culture"], s.tags["subject_category"]) for s in chosen]
    assert {p: pairs.count(p) for p in set(pairs)} == {("CS", "STEM"): 2, ("CA", "STEM"): 6, ("CA", "Business"): 12}
    assert {s.id for s in chosen} != {s.id for s in take(iter(samples()), 20, seed=4, strata=("culture",))}


def test_cells_say_culture_and_category_of_global_mmlu(mevals: Callable[..., Any], tmp_path: Path) -> None:
    mevals("run", "-m", "demo-weak", "-t", "global_mmlu", "-l", "swh_Latn", "--data", "mini")
    path = tmp_path / "results/demo-weak/global_mmlu/cells.json"
    (cell,) = orjson.loads(path.read_bytes())["cells"]
    found = {m["metric"]: m for m in cell["metrics"]}
    counts = {name: m["n"] + m["unscored"] for name, m in found.items()}
    assert counts["accuracy"] == 8
    assert counts["accuracy[culture=CS]"] + counts["accuracy[culture=CA]"] < 8  # the others have no label
    assert sum(n for name, n in counts.items() if "[subject_category=" in name) == 8
    manifest = tmp_path / "results/demo-weak/global_mmlu/manifest.json"
    said = orjson.loads(manifest.read_bytes())
    said["card"]["slices"] = ["subject"]
    manifest.write_bytes(orjson.dumps(said))
    assert mevals("score").code == 0
    (cell,) = orjson.loads(path.read_bytes())["cells"]
    assert not any("culture" in m["metric"] for m in cell["metrics"])
    assert any("[subject=" in m["metric"] for m in cell["metrics"])


def test_imported_outputs_have_the_tasks_slices_too(mevals: Callable[..., Any], tmp_path: Path) -> None:
    rows = [
        {"id": str(i), "text": "I'm sorry, but I can't help with that." if i % 2 else "Sure: ..."} for i in range(1, 23)
    ]
    (tmp_path / "answers.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    ran = mevals("import", "outputs", "answers.jsonl", "-m", "x", "-t", "xstest", "-l", "eng_Latn", "--data", "mini")
    assert ran.code == 0, ran.err
    (cell,) = orjson.loads((tmp_path / "results/x/xstest/cells.json").read_bytes())["cells"]
    found = {m["metric"]: m for m in cell["metrics"]}
    safe, unsafe = found["refusal_error[label=safe]"], found["refusal_error[label=unsafe]"]
    assert (safe["n"], unsafe["n"]) == (12, 10)
    assert (safe["value"], unsafe["value"]) == (0.5, 0.5)  # every second prompt is declined, whatever it asks
