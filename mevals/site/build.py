"""`mevals site`: reads cells.json and manifests, writes the folder; every file in it is one that this module names."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mevals.aggregate import load_cells
from mevals.errors import UsageError
from mevals.report import reported
from mevals.site import data
from mevals.site.data import Site, folder_of
from mevals.site.pages import GROUP_PAGES, Pages
from mevals.site.safe import clean, file_name, plain_name, shard

MARK = ".mevals-site"
"""Lies in every built folder: only a folder with it (or an empty one) is ever emptied."""


@dataclass(frozen=True)
class Built:
    """What a build wrote."""

    folder: Path
    files: int
    size: int


def load_site(
    results: Path | None, published: Sequence[str], title: str = "mevals", samples: int = 0, noindex: bool = False
) -> Site:
    """Everything that a site shows. Raises UsageError where there is nothing to show."""
    if results is not None and not results.is_dir():
        raise UsageError(f"there is no results folder {results}; run `mevals run` first or name another with --results")
    measured = load_cells(results) if results else []
    theirs = [cell for name in published for cell in reported.cells(name)]
    if not any(c["metrics"] for c in (*measured, *theirs)):
        raise UsageError("there is nothing to show: no scored cells and no --reported numbers; run `mevals run` first")
    return Site(title, measured, theirs, _manifests(results) if results else {}, results, samples, noindex)


def _manifests(results: Path) -> dict[tuple[str, str], Mapping[str, Any]]:
    """The manifests by model and task folder."""
    from mevals.run import read_manifest

    out: dict[tuple[str, str], Mapping[str, Any]] = {}
    for path in sorted(results.glob("*/*/manifest.json")):
        said = read_manifest(path)
        out[said["model"], folder_of({"task": said["task"], "condition": said.get("condition") or ""})] = said
    return out


def build_site(
    site: Site, out: Path, pairs_of: int = 8, show: Callable[[str], None] = lambda what: None, made: str = ""
) -> Built:
    """Write the whole site into `out`. Raises UsageError where `out` holds something that mevals did not build."""
    from mevals.site.samples import sample_shards

    _empty(out)
    writer = _Writer(out)
    writer.write(MARK, "built by mevals\n")
    _copy_assets(writer)
    shards: dict[tuple[str, str], list[Any]] = {}
    if site.samples and site.results:
        for name, text, key, about in sample_shards(site):
            writer.write(f"data/{name}.js", text)
            shards.setdefault(key, []).append(about)
        show("samples")
    pages = Pages(site, made or datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), shards)
    _write_data(site, writer)
    show("data")
    writer.write("index.html", pages.overview())
    writer.write("reported.html", pages.reported())
    writer.write("languages.html", pages.languages())
    writer.write("methodology.html", pages.methodology())
    for by, path in GROUP_PAGES.items():
        writer.write(path, pages.groups(by))
    for each in (pages.each_language, pages.each_model, pages.each_task):
        for path, text in each():
            writer.write(path, text)
        show(each.__name__.removeprefix("each_") + " pages")
    _write_pairs(site, pages, writer, pairs_of)
    if site.noindex:
        writer.write("robots.txt", "User-agent: *\nDisallow: /\n")
    return Built(out, writer.files, writer.size)


class _Writer:
    """Writes files below one folder and counts them."""

    def __init__(self, out: Path) -> None:
        self.out, self.files, self.size = out, 0, 0

    def write(self, path: str, text: str) -> None:
        content = text.encode("utf-8")
        target = self.out / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        self.files += 1
        self.size += len(content)


def _empty(out: Path) -> None:
    """Make `out` an empty folder; one that mevals did not build is left alone."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file: name a folder with --out")
    if out.is_dir() and any(out.iterdir()):
        if not (out / MARK).exists():
            raise UsageError(f"{out} holds files that mevals did not build: name an empty or new folder with --out")
        shutil.rmtree(out)
    out.mkdir(parents=True, exist_ok=True)


def _copy_assets(writer: _Writer) -> None:
    assets = Path(__file__).parent / "assets"
    for name in ("site.css", "site.js"):
        writer.write(f"assets/{name}", (assets / name).read_text(encoding="utf-8"))


def _write_data(site: Site, writer: _Writer) -> None:
    """The shards that boards load when somebody switches, filters or draws."""
    names = data.model_names(site.models)
    models = {file_name(m): clean(names[m]) for m in site.models}
    for view, cells in (("measured", site.measured or site.reported), ("reported", site.reported)):
        shards = {by: data.board_shard(cells, by) for by in ("all", *data.GROUPS)}
        heat = data.heat_shards(site, cells)
        groups = {by: list(content["all"]) for by, content in shards.items() if by != "all"}
        meta = {"models": models, "means": data.MEANS, "groups": groups, "title": plain_name(site.title),
                "simulated": site.simulated and view == "measured"}  # fmt: skip
        writer.write(f"data/{view}/meta.js", shard(f"{view}/meta", meta))
        for by, content in shards.items():
            writer.write(f"data/{view}/{by}.js", shard(f"{view}/{by}", content))
        for column, table in heat.items():
            writer.write(f"data/{view}/heat-{column}.js", shard(f"{view}/heat-{column}", table))


def _write_pairs(site: Site, pages: Pages, writer: _Writer, pairs_of: int) -> None:
    """A page for each pair of the first `pairs_of` models, and the list of them."""
    from mevals.report.compare import compare
    from mevals.report.pairs import paired_cells

    models = list(dict.fromkeys(c["model"] for c in site.measured if c["metrics"] and not c.get("reported")))
    chosen = models[:pairs_of]
    listed = []
    for i, a in enumerate(chosen):
        for b in chosen[i + 1 :]:
            try:
                rows = compare(paired_cells(site.results, a, b)) if site.results else []
            except UsageError:  # these two share nothing
                continue
            counts = {said: sum(r.said == said for r in rows) for said in ("better", "worse", "can't tell")}
            unsure = counts["can't tell"]
            said = f"B is better on {counts['better']}, worse on {counts['worse']}, can't tell on {unsure} cells"
            here = f"compare/{file_name(a)}--{file_name(b)}.html"
            writer.write(here, pages.pair(a, b, here, rows, said))
            listed.append((a, b, here, said))
    left = f"Only the first {pairs_of} of {len(models)} models are compared here; `mevals compare` does any two."
    writer.write("compare.html", pages.compare(listed, left if len(models) > pairs_of else ""))
