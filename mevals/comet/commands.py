"""`mevals comet …`: make and check the environment, list the models, score files of segments."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="COMET and MetricX in their own environment.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

Precision = Annotated[
    str,
    typer.Option("--precision", help="auto, fp32, fp16 or bf16; auto: fp16 on GPUs (MetricX: bf16), fp32 elsewhere."),
]
BatchSize = Annotated[
    int | None, typer.Option("--batch-size", min=1, help="Segments at once; halved by itself when memory runs out.")
]
Devices = Annotated[list[str] | None, typer.Option("--device", help="cpu or cuda:N; repeatable. Default: every GPU.")]


@app.command()
def install(
    wheels: Annotated[
        Path | None, typer.Option("--wheels", help="Folder of wheel files to install from, without any index.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Make it anew even if it looks complete.")] = False,
) -> None:
    """Make the COMET environment (about 1.6 GB, several more with a CUDA build of torch)."""
    from mevals.comet import environment

    print(environment.install(wheels, force=force))


@app.command()
def check() -> None:
    """Say which packages and devices the COMET environment has, or in one sentence what is wrong with it."""
    from mevals.comet import environment

    python = environment.find_python()
    found = environment.check(python)
    packages = ", ".join(f"{name} {version}" for name, version in found["packages"].items())
    print(f"{python}: Python {found['python']}, {packages}, {found['gpus']} GPUs")


@app.command()
def models() -> None:
    """List the metrics that mevals knows by name."""
    from mevals.comet.models import model_cards

    for name, card in model_cards().items():
        print(f"{name:28} {card.repository}{' (gated)' if card.gated else ''} {card.license}")


@app.command()
def score(
    segments: Annotated[Path, typer.Argument(help="JSON lines with id, src, mt and, where the model reads one, ref.")],
    model: Annotated[
        str, typer.Option("--model", "-m", help="A name of `mevals comet models`, org/name or a path.")
    ] = "wmt22-comet-da",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write JSON lines here instead of to standard output.")
    ] = None,
    metricx: Annotated[
        bool, typer.Option("--metricx", help="A path or repository that no name covers is MetricX, not COMET.")
    ] = False,
    precision: Precision = "auto",
    batch_size: BatchSize = None,
    device: Devices = None,
) -> None:
    """Score segments: one line each, in their order. Interrupted in any way, the same command goes on."""
    from mevals.comet.client import CometClient, Settings
    from mevals.comet.models import find_model
    from mevals.comet.progress import shown
    from mevals.comet.segments import load_segments, store_results

    settings = Settings(
        find_model(model, family="metricx" if metricx else "comet"), precision, batch_size, tuple(device or ())
    )
    wanted = load_segments(segments)
    with CometClient(settings) as client, shown(segments.name) as show:
        results = client.score(wanted, show)
        about = client.description
    store_results(results, out)
    mean = sum(result.score for result in results) / len(results)
    facts = {"mean": mean, "segments": len(results), "revision": about.revision, "precision": about.precision}
    print(json.dumps(facts), file=sys.stderr)
