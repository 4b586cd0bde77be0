"""`mevals metrics …`: how metrics agree with people, their floors, and the languages that they know."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Metrics judged: agreement with people, floors, supported languages.", no_args_is_help=True)

Results = Annotated[Path, typer.Option("--results", help="The results folder.")]
Format = Annotated[str, typer.Option("--format", "-f", help="table, csv, json or md.")]


MAIN = (
    "pair",
    "metric",
    "systems",
    "accuracy",
    "accuracy_tied",
    "pearson",
    "kendall",
    "segment_pearson",
    "segment_acc_eq",
)
"""Columns of the printed table; the other formats have them all."""


def _list(values: list[str] | None) -> tuple[str, ...]:
    return tuple(part.strip() for value in values or [] for part in value.split(",") if part.strip())


@app.command()
def agree(
    ratings: Annotated[Path, typer.Argument(help="Human ratings: WMT ESA files, a folder or an archive of them.")],
    task: Annotated[str, typer.Option("--task", "-t", help="The imported task, such as wmt24.")] = "wmt24",
    published: Annotated[
        Path | None, typer.Option("--published", help="Published metric scores per system (AutoRank table).")
    ] = None,
    metric: Annotated[list[str] | None, typer.Option("--metric", help="Only these stored metrics.")] = None,
    pairs: Annotated[list[str] | None, typer.Option("--pairs", help="Only these pairs, such as en-cs.")] = None,
    results: Results = Path("results"),
    format: Format = "table",
) -> None:
    """How metrics agree with human ratings: per system and per segment, pair by pair."""
    from mevals.listing import show
    from mevals.store import Store
    from mevals.stored_metrics import agree

    rows = agree(Store(results), task, ratings, published=published, metrics=_list(metric), pairs=_list(pairs))
    flat = [row.flat() for row in rows]
    if format == "table":
        flat = [{k: f"{v:.3f}" if isinstance(v, float) else v for k, v in r.items() if k in MAIN} for r in flat]
    show(flat, format)


@app.command()
def baselines(
    task: Annotated[str, typer.Option("--task", "-t", help="A translation task in the results folder.")],
    results: Results = Path("results"),
) -> None:
    """Add a copied source and an empty output as models, so that each metric's floor is visible for every language."""
    from mevals.baselines import add_baselines
    from mevals.commands import score_stored
    from mevals.store import Store

    names = add_baselines(Store(results), task)
    score_stored(results, names, [task], {}, "metrics baselines")
    print(f"{' and '.join(names)} stand beside the models of {task}", file=sys.stderr)


@app.command()
def support(
    metric: Annotated[str, typer.Argument(help="A metric, such as wmt22-comet-da.")],
    langs: Annotated[list[str] | None, typer.Option("--langs", "-l", help="Languages; default: all.")] = None,
    format: Format = "table",
) -> None:
    """Which languages a neural metric's encoder was trained on; scores for the others are flagged."""
    from mevals import languages
    from mevals.listing import show
    from mevals.metric_support import unsupported

    said = {True: "no", False: "yes", None: "unknown"}
    keys = languages.select(_list(langs)) if langs else list(languages.load())
    show(
        [{"language": k, "name": languages.get(k).name, "supported": said[unsupported(metric, k)]} for k in keys],
        format,
    )
