"""How long reports take: tables and figures from cells.json of ten models, and group intervals from millions of scores.

python benchmarks/reports.py cells            ten models x 570 cells: every table and HTML figure, each under 3 s
python benchmarks/reports.py parquet [N]      writes N (8,000,000) sample scores, then group intervals with 2,000 draws
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson

TASKS = {"flores_en_xx": 66, "flores_xx_en": 66, "wmt24pp": 55, "global_mgsm": 35, "global_mmlu": 42, "include": 44,
         "global_piqa": 100, "mdolly": 66, "marena_hard": 66, "blend_sqa": 16, "multijail": 10, "xstest": 4}  # fmt: skip
"""Task -> cells: 570 in all."""


def write_cells(folder: Path, models: int = 10) -> None:
    """cells.json files of made-up models over the registry's languages, with slices as the real ones have them."""
    from mevals import languages

    rng = np.random.default_rng(1)
    keys = list(languages.load())
    for k in range(models):
        for task, n in TASKS.items():
            cells = [_cell(f"model-{k}", task, keys[i], rng) for i in range(n)]
            path = folder / f"model-{k}" / task / "cells.json"
            path.parent.mkdir(parents=True)
            path.write_bytes(orjson.dumps({"schema": 1, "cells": cells}))


def _cell(model: str, task: str, lang: str, rng: np.random.Generator) -> dict[str, Any]:
    corpus = task.startswith(("flores", "wmt"))
    top = 100.0 if corpus else 1.0
    metric = "chrf" if corpus else "rubric" if task in ("mdolly", "marena_hard") else "accuracy"

    def record(name: str, **more: Any) -> dict[str, Any]:
        x = float(rng.uniform(0.2, 0.9)) * top
        return {"metric": name, "signature": f"{metric}|v:1", "better": "higher", "scale": [0.0, top], "value": x,
                "low": x - 0.03 * top, "high": x + 0.03 * top, "n": 500, "unscored": 2, **more}  # fmt: skip

    slices = [record(f"{metric}[domain={d}]", slice={"domain": d}) for d in ("a", "b", "c", "d")]
    return {
        "model": model, "task": task, "title": task, "condition": "", "subset": lang, "lang": lang, "about": lang,
        "source_lang": None, "extra": {}, "state": "complete", "simulated": True, "imported": False, "n": 502,
        "truncated": 1, "metrics": [record(metric), *slices],
    }  # fmt: skip


def timed(name: str, work: Callable[[], Any], limit: float) -> Any:
    """Runs `work`, prints how long it took against its limit."""
    start = time.perf_counter()
    out = work()
    took = time.perf_counter() - start
    print(f"{name:<28} {took:6.2f} s {'ok' if took < limit else f'OVER {limit:g} s'}")
    return out


def cells() -> None:
    """Every table and HTML figure; each includes reading cells.json anew."""
    from mevals.aggregate import load_cells
    from mevals.figure_set import NAMES, Wish, draw
    from mevals.report.figures.export import write_figures
    from mevals.report.parity import parity_rows
    from mevals.report.table import View, make_rows
    from mevals.report.tables import TABLES, make_table
    from mevals.report.values import values_of

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_cells(folder)
        load_cells(folder)
        for by in ("region", "lang", "region,domain"):
            timed(f"report --by {by}", lambda by=by: make_rows(load_cells(folder), View(by)), 3)  # type: ignore[misc]
        timed("report --parity", lambda: parity_rows(values_of(load_cells(folder))), 3)
        for number in ("4", "5", "21", "23", "25"):
            timed(f"table {number}", lambda n=number: make_table(values_of(load_cells(folder), slices=True), n), 3)  # type: ignore[misc]
        assert set(TABLES) >= {"21"}
        wish = Wish(base="model-0", variants=("model-1", "model-2"), family="model-")
        for figure in NAMES:

            def work(figure: str = figure) -> None:
                drawn = draw(values_of(load_cells(folder)), Wish(**{**wish.__dict__, "only": (figure,)}))
                write_figures(drawn.figures, folder / "out")

            timed(f"figure {figure}", work, 3)


def parquet(n: int) -> None:
    """Group intervals (regions of each task and model) with 2,000 draws from score files of n samples."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from mevals.api import group_intervals
    from mevals.records import score_schema

    with tempfile.TemporaryDirectory() as name:
        folder, per = Path(name), n // 5700
        paths = _write_scores(folder, per, score_schema(), pa, pq)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        timed(f"intervals of {per * 5700:,} scores", lambda: group_intervals(paths, draws=2000), 60)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(f"peak memory {peak / 1e6:.2f} GB (before {before / 1e6:.2f})")


def _write_scores(folder: Path, per: int, schema: Any, pa: Any, pq: Any) -> dict[tuple[str, str, str, str], Path]:
    """(model, task, group, subset) -> score file; the four corpus-like tasks hold smooth values, the others 0 and 1."""
    from mevals import languages

    rng = np.random.default_rng(1)
    keys = list(languages.load())
    empty = pa.array([""] * per)
    nothing = pa.nulls(per, schema.field("stats").type), pa.nulls(per, schema.field("parts").type)
    ids = pa.array([str(i) for i in range(per)])
    out = {}
    for k in range(10):
        for task, n in TASKS.items():
            smooth = task in ("flores_en_xx", "flores_xx_en", "mdolly", "marena_hard")
            for lang in keys[:n]:
                values = rng.random(per) if smooth else (rng.random(per) < 0.6).astype(float)
                path = folder / f"{k}-{task}-{lang}.parquet"
                table = pa.Table.from_arrays([ids, pa.array(values), empty, *nothing], schema=schema)
                pq.write_table(table, path, compression="zstd")
                out[f"model-{k}", task, languages.get(lang).region, lang] = path
    return out


if __name__ == "__main__":
    if sys.argv[1:2] == ["cells"]:
        cells()
    elif sys.argv[1:2] == ["parquet"]:
        parquet(int(sys.argv[2]) if len(sys.argv) > 2 else 8_000_000)
    else:
        print(__doc__)
