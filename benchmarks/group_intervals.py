"""How long group intervals take: 2,000 bootstrap draws over 8 million sample scores, read from parquet.

    python benchmarks/group_intervals.py                 ten models x 570 cells, three quarters of the scores 0/1
    python benchmarks/group_intervals.py --continuous    every score a float: the worst case

Writes the scores to a temporary folder first, which is not timed. Prints seconds and peak memory; the aim is 60 s and 4 GB
on two cores.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mevals import stats

MODELS, CELLS, SCORES, DRAWS, REGIONS = 10, 570, 8_000_000, 2000, 5


def write(folder: Path, continuous: bool) -> Path:
    """One file of SCORES rows, sorted by cell: 42 large cells of 0/1 scores per model, as Global-MMLU has, and many small."""
    rng = np.random.default_rng(0)
    sizes = np.concatenate([np.full(42, 14042), np.full(CELLS - 42, 1)])
    sizes[42:] = (SCORES // MODELS - sizes[:42].sum()) // (CELLS - 42) + rng.integers(-50, 50, CELLS - 42)
    # Some answers are unscored, so nearly every cell has a size of its own.
    sizes = np.concatenate([sizes - rng.integers(0, 40, CELLS) for _ in range(MODELS)])
    cell = np.repeat(np.arange(sizes.size, dtype=np.int32), sizes)
    values = rng.random(cell.size)
    if not continuous:
        binary = (cell % CELLS) < 42
        values[binary] = values[binary] < 0.6
    path = folder / "scores.parquet"
    pq.write_table(pa.table({"cell": cell, "value": values}), path, compression="zstd")
    return path


def group_intervals(path: Path) -> tuple[int, list[stats.GroupMean]]:
    """Every model's mean over every region's cells, with its bootstrap interval; and how many scores were read."""
    table = pq.read_table(path)
    cell, values = table["cell"].to_numpy(), table["value"].to_numpy()
    cells = np.split(values, np.nonzero(np.diff(cell))[0] + 1)
    means = np.array([c.mean() for c in cells]).reshape(MODELS, CELLS)
    sizes = np.array([c.size for c in cells]).reshape(MODELS, CELLS)
    draws = stats.bootstrap_cells(cells, DRAWS, 0, np.float32).reshape(MODELS, CELLS, DRAWS)
    region = np.arange(CELLS) % REGIONS
    return values.size, [
        stats.group_from_draws(means[m, region == r], draws[m, region == r], int(sizes[m, region == r].sum()))
        for m in range(MODELS)
        for r in range(REGIONS)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--continuous", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), options.continuous)
        start = time.perf_counter()
        count, groups = group_intervals(path)
        seconds = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    widths = [g.interval.half_width for g in groups if g.interval is not None]
    print(f"{count:,} scores, {DRAWS:,} draws, {len(groups)} groups: {seconds:.1f} s, peak memory {memory:.2f} GB")
    print(f"half widths {min(widths):.5f} to {max(widths):.5f}; a group's value {groups[0].value:.4f}")


if __name__ == "__main__":
    main()
