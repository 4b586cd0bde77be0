"""mevals in a notebook: run, look at the numbers as pandas frames, draw figures.

Each `# %%` opens a cell in editors that know it. A test executes this file against the simulated model.
"""

# %% Run (the simulated model `demo` needs no server; its scores say nothing about any real one)
import tempfile
from pathlib import Path

import mevals

folder = Path(tempfile.mkdtemp()) / "results"
cells = mevals.run(["demo", "demo-strong"], "global_mgsm", folder, where="mini", limit=6)
print(cells[["model", "subset", "metric", "value", "low", "high", "n"]].head())

# %% One row per sample: any statistic is a line of pandas
scores = mevals.load_scores(folder, metrics=["accuracy"])
print(scores.pivot_table(index="region", columns="model", values="value", aggfunc="mean").round(2))

# %% The answers themselves
responses = mevals.load_responses(folder, models=["demo"])
print(responses.loc[responses["finish"] == "length", ["subset", "item", "text"]].head())

# %% Published numbers in the same shape, marked as reported
published = mevals.load_cells(folder, reported=["tiny-aya"]).query("marks == 'reported' and task == 'flores_en_xx'")
print(published.groupby("model")["value"].agg(["mean", "std", "count"]).round(1))

# %% Figures are functions that return plotly figures
from mevals.aggregate import load_cells  # noqa: E402
from mevals.report.values import values_of  # noqa: E402

figure = mevals.figures.dumbbell(values_of(load_cells(folder)), "global_mgsm", "demo", "demo-strong")
figure.write_html(folder.parent / "figure.html")
