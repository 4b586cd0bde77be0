"""`mevals site` and `mevals results …`: the leaderboard and what contributors send for it. Nothing heavy is imported here."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

results_app = typer.Typer(help="Results to hand on: pack, verify, merge.", no_args_is_help=True)

Results = Annotated[Path, typer.Option("--results", help="The results folder.")]


def mount(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("site")(site)
    app.add_typer(results_app, name="results")


def site(
    results: Results = Path("results"),
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder to write; an earlier site in it is replaced.")
    ] = Path("site"),
    published: Annotated[
        list[str] | None,
        typer.Option("--reported", help="Published numbers to show too: tiny-aya, or a CSV file; repeatable."),
    ] = None,
    title: Annotated[str, typer.Option("--title", help="Name of the site.")] = "mevals leaderboard",
    samples: Annotated[
        int, typer.Option("--samples", min=0, help="So many worst answers of each cell; none of gated data's text.")
    ] = 0,
    pairs_of: Annotated[
        int, typer.Option("--pairs-of", min=0, help="Compare each pair of the first so many models.")
    ] = 8,
    noindex: Annotated[bool, typer.Option("--noindex", help="Ask search engines to leave the site out.")] = False,
) -> None:
    """Build the leaderboard: one folder that opens from a file and needs no server."""
    from mevals.site.build import build_site, load_site

    measured = results if results.is_dir() or not published else None
    built = build_site(load_site(measured, published or (), title, samples, noindex), out, pairs_of)
    print(f"wrote {built.files} files ({built.size / 1e6:.1f} MB); open {out / 'index.html'}", file=sys.stderr)


@results_app.command("pack")
def pack(
    file: Annotated[Path, typer.Argument(help="Archive to write, such as mine.zip.")],
    results: Results = Path("results"),
    model: Annotated[list[str] | None, typer.Option("--model", "-m", help="Only these models; repeatable.")] = None,
    evidence: Annotated[
        bool, typer.Option("--evidence/--no-evidence", help="With answers and scores, by which numbers can be checked.")
    ] = True,
) -> None:
    """Pack manifest.json, cells.json, answers and scores into one archive to send."""
    from mevals.submissions import pack_results

    print(pack_results(results, file, tuple(model or ()), evidence), file=sys.stderr)


@results_app.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(help="An archive of `mevals results pack`, or a results folder.")],
) -> None:
    """Check schema and fingerprints, and recompute every number from the answers' scores; an edited number is refused."""
    from mevals.submissions import verify_results

    for line in verify_results(file).lines():
        print(line)


@results_app.command("merge")
def merge(
    file: Annotated[Path, typer.Argument(help="An archive that verifies.")],
    results: Results = Path("results"),
) -> None:
    """Verify an archive, then add it to a results folder; nothing that is there is overwritten."""
    from mevals.submissions import merge_results

    print(merge_results(file, results), file=sys.stderr)
