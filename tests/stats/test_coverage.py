"""Small, fast versions of benchmarks/coverage.py: the same experiments, fewer of them, in wider bounds.

The bounds leave 3.5 Monte Carlo errors beyond what the full run must meet, so that a failure means something.
"""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "coverage.py"


def load() -> ModuleType:
    """The benchmark as a module; it lies outside the package."""
    spec = importlib.util.spec_from_file_location("coverage_benchmark", BENCHMARK)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


benchmark = load()
FAST = [(g, c) for g, make in benchmark.GROUPS.items() if g != "gate" for c in make() if c.wanted is not None]
EXPERIMENTS = 60


@pytest.mark.parametrize(("group", "check"), FAST, ids=[c.name for _, c in FAST])
def test_the_figure_of_a_few_experiments_does_not_contradict_what_is_documented(group: str, check: object) -> None:
    figure, count = benchmark.run(check, EXPERIMENTS)
    low, high = check.wanted  # type: ignore[attr-defined]
    slack = 3.5 * math.sqrt(0.95 * 0.05 / count)
    assert count == EXPERIMENTS and low - slack <= figure <= high + slack


def test_intervals_that_are_wrong_on_purpose_are_caught() -> None:
    wrong = [c for c in benchmark.GROUPS["groups"]() if c.name.startswith("wrong on purpose")]
    assert len(wrong) == 2
    assert all(benchmark.run(check, 300)[0] < 0.9 for check in wrong)


def test_a_loss_of_three_points_in_one_of_thirteen_families_is_found_in_nine_of_ten_seeds() -> None:
    import numpy as np

    found = [benchmark.family_gate(np.random.default_rng(seed), 0.03)["changed"].outcome for seed in range(100)]
    assert found.count("regression") >= 90


def test_a_change_of_nothing_fails_the_gate_in_at_most_ten_of_a_hundred_seeds() -> None:
    import numpy as np

    alarms = 0
    for seed in range(100):
        verdicts = benchmark.family_gate(np.random.default_rng(1000 + seed), 0.0)
        alarms += any(v.outcome == "regression" for v in verdicts.values())
    assert alarms <= 10


def test_the_benchmark_prints_a_table_and_fails_on_a_miss(capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmark.main(["--only", "Holm", "--experiments", "50"]) in (0, 1)
    out = capsys.readouterr().out
    assert "| Holm: any false find |" in out and "1 checks" in out
