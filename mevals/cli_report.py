"""The commands that read results: report, compare, samples, tables, figures, export. Heavy imports stay inside them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

Results = Annotated[Path, typer.Option("--results", help="The results folder.")]
Format = Annotated[
    str, typer.Option("--format", "-f", help="table, csv, json, md, html or latex, where it makes sense.")
]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Write to this file instead of the terminal.")]
ModelNames = Annotated[list[str] | None, typer.Option("--model", "--models", "-m", help="Only these; repeatable.")]
Tasks = Annotated[list[str] | None, typer.Option("--tasks", "-t", help="Only these tasks, comma-separated.")]
Langs = Annotated[list[str] | None, typer.Option("--langs", "-l", help="Keys, region:africa, script:Arab, bin:1.")]
Reported = Annotated[
    list[str] | None,
    typer.Option("--reported", help="Published numbers beside (or instead of) the results: tiny-aya, or a CSV file."),
]


def _list(values: list[str] | None) -> tuple[str, ...]:
    return tuple(part.strip() for value in values or [] for part in value.split(",") if part.strip())


def load_all(results: Path, sources: tuple[str, ...]) -> list[Any]:
    """The cells of a results folder, and published ones; without --reported the folder must be there."""
    from mevals.aggregate import load_cells
    from mevals.errors import UsageError
    from mevals.report import reported

    if not results.is_dir() and not sources:
        raise UsageError(f"there is no results folder {results}; run `mevals run` first or name another with --results")
    cells: list[Any] = list(load_cells(results)) if results.is_dir() else []
    for name in sources:
        cells += reported.cells(name)
    return cells


def _write(sheets: Any, format_: str, out: Path | None) -> None:
    from mevals.commands import emit
    from mevals.report.write import print_sheets, render

    if format_ == "table" and out is None:
        print_sheets(sheets)
    else:
        emit(render(sheets, format_), out)


def report(
    by: Annotated[
        str,
        typer.Option(
            "--by", "-b", help="all, region, script, web-presence, family, lang, a registry column or a tag; two: a,b."
        ),
    ] = "region",
    model: ModelNames = None,
    tasks: Tasks = None,
    langs: Langs = None,
    results: Results = Path("results"),
    format: Format = "table",
    out: Out = None,
    common: Annotated[
        bool,
        typer.Option(
            "--common/--all", help="Average over the languages that all compared models have, or over each model's own."
        ),
    ] = True,
    parts: Annotated[
        bool, typer.Option("--parts", help="Show the parts of each metric too (extraction rate and the like).")
    ] = False,
    reported: Reported = None,
    parity: Annotated[bool, typer.Option("--parity", help="How even each model is over languages.")] = False,
    floor: Annotated[
        float | None, typer.Option("--floor", help="With --parity: the share of languages at or above this.")
    ] = None,
    weights: Annotated[str, typer.Option("--weights", help="population: weigh languages by their speakers.")] = "",
    scaled: Annotated[
        bool, typer.Option("--scaled", help="(score - chance) / (ceiling - chance) by the task's card.")
    ] = False,
    combine: Annotated[
        str, typer.Option("--combine", help="One number over tasks: mean of scaled scores, mean rank or win share.")
    ] = "",
) -> None:
    """Means by region, script, web presence, family or language, with SD, worst, counts and what is missing."""
    from mevals.commands import show_report
    from mevals.errors import UsageError
    from mevals.report.table import View, chosen
    from mevals.report.values import values_of

    if weights not in ("", "population"):
        raise UsageError(f"unknown weights {weights!r}; there is --weights population")
    cells = load_all(results, _list(reported))
    view = View(by, tuple(model or ()), _list(tasks), _list(langs), common, parts, weights)  # type: ignore[arg-type]
    values = values_of(chosen(cells, view))
    if parity:
        _write(_parity_sheets(values, floor, common), format, out)
        return
    if combine:
        from mevals.report.combined import combined_sheet

        _write([combined_sheet(values, combine)], format, out)
        return
    if scaled:
        from dataclasses import replace

        from mevals.report.combined import levels_of

        view = replace(view, levels={t: ends for t, ends in levels_of(values).items() if ends[1] <= 1})
    show_report(cells, view, format, out)


def _parity_sheets(values: Any, floor: float | None, common: bool) -> list[Any]:
    from dataclasses import asdict

    from mevals.report import parity
    from mevals.report.write import Sheet

    found: dict[tuple[str, str, str, str], list[parity.ParityRow]] = {}
    for row in parity.parity_rows(values, floor, common):
        found.setdefault((row.task, row.condition, row.metric, row.signature), []).append(row)
    return [
        Sheet(
            f"{task}{'@' + condition if condition else ''} · {metric} · {signature}", parity.HEAD,
            [parity.line(r) for r in rows], parity.CAPTION, records=[asdict(r) for r in rows],
        )
        for (task, condition, metric, signature), rows in found.items()
    ]  # fmt: skip


def compare(
    first: Annotated[str, typer.Argument(help="The baseline, A.")],
    second: Annotated[str, typer.Argument(help="The candidate, B.")],
    tasks: Tasks = None,
    langs: Langs = None,
    results: Results = Path("results"),
    slices: Annotated[bool, typer.Option("--slices", help="Compare the slices of each cell too.")] = False,
    gate: Annotated[
        Path | None, typer.Option("--gate", help="A policy file: exit 1 on a significant loss beyond its tolerance.")
    ] = None,
    format: Format = "table",
    out: Out = None,
) -> None:
    """Two models on the same items, cell by cell, strongest evidence first; with --gate a verdict for CI."""
    from mevals.errors import UsageError
    from mevals.report.pairs import paired_cells

    if format not in ("table", "md", "csv", "json", "latex"):
        raise UsageError(f"unknown format {format!r}; a comparison can be table, md, csv, json or latex")
    cells = paired_cells(results, first, second, _list(tasks), _list(langs), slices)
    if gate is not None:
        _gate(cells, gate, (first, second), format, out)
        return
    from mevals.report import compare as c

    rows = c.compare(cells)
    from mevals.report.write import Sheet

    if format == "md":
        from mevals.commands import emit

        emit(c.to_markdown(rows, (first, second)), out)
        return
    title = f"A = {first}, B = {second}"
    _write(
        [Sheet(title, c.HEAD, [c.line(r) for r in rows], c.summary(rows), records=c.records(rows), left=3)], format, out
    )


def _gate(cells: Any, path: Path, names: tuple[str, str], format_: str, out: Path | None) -> None:
    """Print or write the gate's table; exit 1 where it fails."""
    from mevals.commands import emit
    from mevals.report import gate as g
    from mevals.report.write import Sheet

    found = g.run_gate(cells, g.read_policy(path))
    if format_ in ("table", "md"):
        emit(g.to_markdown(found, names), out)
    else:
        lines = [g.line(name, v, found.units[name]) for name, v in found.verdicts.items()]
        _write([Sheet(f"A = {names[0]}, B = {names[1]}", g.HEAD, lines)], format_, out)
    if found.failed:
        print(f"mevals: the gate fails: {'; '.join(found.failed)}", file=sys.stderr)
        raise typer.Exit(1)


def samples(
    task: Annotated[str, typer.Option("--task", "-t", help="The task, or task@condition.")],
    lang: Annotated[str, typer.Option("--lang", "-l", help="The language or subset.")],
    model: ModelNames = None,
    order: Annotated[str, typer.Option("--order", help="worst, best, random or disagreeing.")] = "worst",
    n: Annotated[int, typer.Option("-n", min=1, help="How many.")] = 5,
    metric: Annotated[str, typer.Option("--metric", help="By this metric (default: the cell's first).")] = "",
    seed: Annotated[int, typer.Option("--seed", help="Seed of --order random.")] = 1,
    results: Results = Path("results"),
    format: Format = "table",
    out: Out = None,
) -> None:
    """Single samples with source, reference and every model's answer; right for direction and script."""
    import json
    from dataclasses import asdict

    from mevals.commands import emit
    from mevals.errors import UsageError
    from mevals.report import samples as s

    if not model:
        raise UsageError("name the model whose samples to show: --model NAME (twice for two)")
    found = s.pick_samples(results, model, task, lang, order, n, metric, seed)
    if format == "json":
        emit(json.dumps([asdict(x) for x in found], ensure_ascii=False, indent=1) + "\n", out)
    elif format == "html":
        emit(s.to_html(found), out)
    elif format == "table":
        emit(s.to_text(found), out)
    else:
        raise UsageError(f"unknown format {format!r}; samples can be table, html or json")


def tables(
    only: Annotated[
        list[str] | None, typer.Option("--table", "-n", help="Numbers of the paper's tables, such as 5,21.")
    ] = None,
    model: ModelNames = None,
    results: Results = Path("results"),
    reported: Reported = None,
    format: Format = "table",
    out: Out = None,
) -> None:
    """The Tiny Aya report's Tables 4-7, 16, 17 and 19-26 for any models; best within noise in bold."""
    from mevals.errors import UsageError
    from mevals.report import reported as published
    from mevals.report.tables import TABLES, make_table, printed_table
    from mevals.report.values import values_of

    sources = _list(reported)
    values = values_of(load_all(results, sources), slices=True, parts=True)
    sheets, why = [], []
    for number in _list(only) or tuple(TABLES):
        for mine in _kinds(values).values():
            try:
                sheets.append(make_table(mine, number, tuple(model or ())))
            except UsageError as error:
                why.append(str(error))
        if number in ("4", "5", "6", "7"):
            sheets += [printed_table(published.load(name), number) for name in sources if name in published.SOURCES]
    if not sheets:
        raise UsageError("; ".join(why))
    _write(sheets, format, out)
    for reason in why:
        print(reason, file=sys.stderr)


def figures(
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder.")] = Path("reports"),
    format: Annotated[
        list[str] | None, typer.Option("--format", "-f", help="html, png, svg, pdf; comma-separated.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option("--figure", "-n", help="Only these, such as 1,5,heatmap.")] = None,
    model: ModelNames = None,
    tasks: Tasks = None,
    langs: Langs = None,
    results: Results = Path("results"),
    reported: Reported = None,
    family: Annotated[str, typer.Option("--family", help="What the names of a family of models begin with.")] = "",
    base: Annotated[str, typer.Option("--base", help="The model that others are compared with.")] = "",
    against: Annotated[str, typer.Option("--against", help="The second model of figure 6.")] = "",
    variants: Annotated[
        list[str] | None, typer.Option("--variants", help="Variants of --base (figures 7, 14, 15).")
    ] = None,
    task: Annotated[str, typer.Option("--task", help="The task of the figures that show one.")] = "",
    texts: Annotated[
        Path | None, typer.Option("--texts", help="Folder of parallel <lang>.txt files (figure 3).")
    ] = None,
    tokenizer: Annotated[
        list[str] | None, typer.Option("--tokenizer", help="Tokenizers of figure 3; repeatable.")
    ] = None,
) -> None:
    """The report's figures that the data can give, as HTML (always works) or PNG, SVG and PDF (need a local Chromium)."""
    from mevals.figure_set import Wish, draw, response_times
    from mevals.report import reported as published
    from mevals.report.figures.export import check_formats, write_figures
    from mevals.report.table import View, chosen
    from mevals.report.values import values_of

    formats = _list(format) or ("html",)
    check_formats(formats)
    sources = _list(reported)
    cells = chosen(load_all(results, sources), View(models=tuple(model or ()), tasks=_list(tasks), langs=_list(langs)))
    names = _list(only)
    wish = Wish(names, family, base, against, tuple(variants or ()), task)
    timed = results.is_dir() and (not names or "13" in names or "13-throughput" in names)
    kinds = _kinds(values_of(cells))
    for kind, values in kinds.items():
        published_ones = kind == "reported"
        drawn = draw(
            values,
            wish,
            mixes=[row for name in sources for row in published.load(name)] if published_ones else None,
            tokens=None if published_ones and len(kinds) > 1 else _tokens(texts, tokenizer or []),
            times=response_times(results, tuple(model or ())) if timed and not published_ones else None,
        )
        ending = "-reported" if published_ones and len(kinds) > 1 else ""
        for path in write_figures({name + ending: f for name, f in drawn.figures.items()}, out, formats):
            print(path)
        for name, why in drawn.missing.items():
            print(f"not drawn: {name}{ending}: {why}", file=sys.stderr)


def _kinds(values: Any) -> dict[str, list[Any]]:
    """Measured and published values apart: they carry different signatures and are never drawn as one."""
    found: dict[str, list[Any]] = {}
    for value in values:
        found.setdefault("reported" if "reported" in value.marks else "measured", []).append(value)
    return found or {"measured": []}


def _tokens(texts: Path | None, tokenizers: list[str]) -> Any:
    """The tokenizer report by script; None where no texts or tokenizers are given."""
    if texts is None or not tokenizers:
        return None
    from mevals import languages, tokenizer_report
    from mevals.errors import DataError

    lines = {
        languages.resolve(p.stem).key: p.read_text(encoding="utf-8").rstrip("\n").split("\n")
        for p in sorted(texts.glob("*.txt"))
    }
    if not lines:
        raise DataError(f"{texts} holds no <lang>.txt")
    counters = [tokenizer_report.load_tokenizer(source) for source in tokenizers]
    return tokenizer_report.by_script(tokenizer_report.measure(lines, counters))


def export(
    out: Annotated[Path, typer.Argument(help="A .parquet or .csv file.")],
    what: Annotated[str, typer.Option("--what", help="cells, scores or responses.")] = "cells",
    model: ModelNames = None,
    tasks: Tasks = None,
    results: Results = Path("results"),
) -> None:
    """Everything in one long table: model, task, condition, language, item, metric, value, tags."""
    from mevals.api import export_frame

    rows = export_frame(out, what, results, model or (), _list(tasks))
    print(f"wrote {rows} rows to {out}", file=sys.stderr)


def import_published(
    file: Annotated[Path, typer.Argument(help="The published table.")],
    out: Annotated[Path, typer.Argument(help="The CSV file to write, for --reported.")],
    layout: Annotated[str, typer.Option("--layout", help="openai-mmmlu or euroeval.")],
    task: Annotated[str, typer.Option("--task", "-t", help="The task's name (default: mmmlu).")] = "",
    lang: Annotated[str, typer.Option("--lang", "-l", help="The language of a EuroEval leaderboard.")] = "",
) -> None:
    """Turn someone's published table into reported numbers: shown beside results, never averaged with them."""
    from mevals.importers_results import import_published

    print(f"wrote {import_published(file, layout, out, task, lang)} rows to {out}", file=sys.stderr)


def add_commands(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    for command in (report, compare, samples, tables, figures, export):
        app.command()(command)
