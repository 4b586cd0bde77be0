"""`mevals judge …`: ask judges, check them, and say how far they can be trusted. Nothing heavy is imported up here."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

judge_app = typer.Typer(
    help="Judge models: ask them about stored answers, check them on known answers, measure how far to trust them.",
    no_args_is_help=True,
)

Results = Annotated[Path, typer.Option("--results", help="The results folder.")]
JudgeNames = Annotated[
    list[str] | None,
    typer.Option("--judge", "-j", help="Judge (`mevals judge ls`); repeatable. Default: those that the tasks name."),
]
JudgeModel = Annotated[
    str,
    typer.Option("--judge-model", help="Model to ask instead of the judge's own; demo-judge is a simulated one."),
]
Baseline = Annotated[
    str, typer.Option("--baseline", help="For judges of pairs: the model whose answers the others are compared with.")
]
Models = Annotated[list[str] | None, typer.Option("--model", "-m", help="Only these models' answers; repeatable.")]
Tasks = Annotated[list[str] | None, typer.Option("--tasks", "-t", help="Only these tasks; comma-separated.")]
Langs = Annotated[list[str] | None, typer.Option("--langs", "-l", help="Languages, regions, scripts; comma-separated.")]
Concurrency = Annotated[int, typer.Option("--concurrency", "-c", min=1, max=10_000, help="Requests in flight.")]
BaseUrl = Annotated[str, typer.Option("--base-url", help="Running server(s) of the judge model; comma-separated.")]
EngineName = Annotated[str, typer.Option("--engine", help="auto, vllm or transformers, for weights.")]
ServerArgument = Annotated[
    list[str] | None,
    typer.Option("--server-arg", help="Argument for a server that is started, such as --server-arg=--enforce-eager."),
]
Schema = Annotated[
    str, typer.Option("--schema", help="Hold replies to a JSON schema: auto (where the server can), on or off.")
]
MaxCost = Annotated[float | None, typer.Option("--max-cost", min=0, help="Stop, resumably, at so many US dollars.")]
Timeout = Annotated[float, typer.Option("--timeout", help="Seconds until one request counts as failed.")]
Retries = Annotated[int, typer.Option("--retries", min=0, help="How often a failed request is asked again.")]
Sim = Annotated[list[str] | None, typer.Option("--sim", help="Argument for the simulated server; repeatable.")]
Format = Annotated[str, typer.Option("--format", "-f", help="table, csv, json or md.")]


def _list(values: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(part.strip() for value in values or [] for part in value.split(",") if part.strip())


def _options(**given: Any) -> Any:
    """The options of a judging command as one record."""
    from mevals.engines.opening import Serving, split_urls
    from mevals.generate import Patience
    from mevals.judge.stage import JudgeOptions
    from mevals.run import command_line

    serving = Serving(
        split_urls(given.pop("base_url")),
        engine=given.pop("engine"),
        timeout_s=given.pop("timeout"),
        simulated=tuple(given.pop("sim") or ()),
        arguments=tuple(given.pop("server_arg") or ()),
        max_cost=given.pop("max_cost"),
    )
    patience = Patience(attempts=given.pop("retries") + 1)
    lists: dict[str, Any] = {n: _list(given.pop(n)) for n in ("judges", "models", "tasks", "langs") if n in given}
    return JudgeOptions(**given, **lists, serving=serving, patience=patience, command=command_line())


@judge_app.command("run")
def judge_run(
    judge: JudgeNames = None,
    judge_model: JudgeModel = "",
    results: Results = Path("results"),
    baseline: Baseline = "",
    model: Models = None,
    tasks: Tasks = None,
    langs: Langs = None,
    repeat: Annotated[
        int, typer.Option("--repeat", min=1, max=9, help="2 asks everything a second time, to measure test-retest.")
    ] = 1,
    schema: Schema = "auto",
    max_unscored: Annotated[
        float | None,
        typer.Option("--max-unscored", min=0, max=1, help="Share of unreadable verdicts at which a cell fails."),
    ] = None,
    concurrency: Concurrency = 64,
    base_url: BaseUrl = "",
    engine: EngineName = "auto",
    server_arg: ServerArgument = None,
    max_cost: MaxCost = None,
    timeout: Timeout = 600.0,
    retries: Retries = 7,
    sim: Sim = None,
    format: Format = "table",
) -> None:
    """Ask judges about stored answers, each question once ever, and score them. Interrupted, the same command goes on."""
    from mevals.judge.stage import run_judges
    from mevals.judge.tables import judged_rows
    from mevals.listing import show

    options = _options(
        judges=judge, judge_model=judge_model, results=results, baseline=baseline, models=model, tasks=tasks, langs=langs,
        repeat=repeat, schema=schema, max_unscored=max_unscored, concurrency=concurrency, base_url=base_url, engine=engine,
        server_arg=server_arg, max_cost=max_cost, timeout=timeout, retries=retries, sim=sim,
    )  # fmt: skip
    done = run_judges(options)
    if repeat == 1:
        show(judged_rows(done, results), format)


@judge_app.command("check")
def judge_check(
    name: Annotated[str, typer.Argument(help="A judge, or a judge's folder.")],
    judge_model: JudgeModel = "",
    results: Results = Path("results"),
    langs: Langs = None,
    examples: Annotated[
        bool, typer.Option("--examples", help="Only read the judge's own example replies; asks no model.")
    ] = False,
    schema: Schema = "auto",
    concurrency: Concurrency = 64,
    base_url: BaseUrl = "",
    engine: EngineName = "auto",
    server_arg: ServerArgument = None,
    max_cost: MaxCost = None,
    timeout: Timeout = 600.0,
    retries: Retries = 7,
    sim: Sim = None,
    format: Format = "table",
) -> None:
    """Run a judge over built-in items whose right verdict is known, and print its hit rate by language."""
    from mevals.errors import CellFailed
    from mevals.judge.check import check_examples, run_check
    from mevals.judge.folder import find_judge, load_examples
    from mevals.judge.tables import hit_rows
    from mevals.listing import show

    judge = find_judge(name)
    wrong = check_examples(judge)
    if wrong:
        raise CellFailed("examples that are read otherwise than they say:\n  " + "\n  ".join(wrong))
    print(f"{judge.name}: {len(load_examples(judge))} example replies are read as they say", file=sys.stderr)
    if examples:
        return
    options = _options(
        judge_model=judge_model, results=results, langs=langs, schema=schema, concurrency=concurrency, base_url=base_url,
        engine=engine, server_arg=server_arg, max_cost=max_cost, timeout=timeout, retries=retries, sim=sim,
    )  # fmt: skip
    show(hit_rows(run_check(judge, options)), format)


@judge_app.command("ls")
def judge_ls(format: Format = "table") -> None:
    """List the judges that there are."""
    from mevals.judge.tables import judge_rows
    from mevals.listing import show

    show(judge_rows(), format)


@judge_app.command("trust")
def judge_trust(results: Results = Path("results"), format: Format = "table") -> None:
    """Measure how far each judge of a results folder can be trusted, by language; reports then show the badges."""
    from mevals.judge.tables import trust_rows
    from mevals.judge.trust import write_trust
    from mevals.listing import show

    _must_exist(results)
    show(trust_rows(write_trust(results)), format)


@judge_app.command("reparse")
def judge_reparse(results: Results = Path("results"), model: Models = None, tasks: Tasks = None) -> None:
    """Read all stored replies again and renew the scores; asks no model and costs nothing."""
    from mevals.judge.stage import reparse_stored

    _must_exist(results)
    count = reparse_stored(results, tuple(model or ()), _list(tasks))
    print(f"{count} judged cells read again; cells.json renewed in {results}", file=sys.stderr)


@judge_app.command("pairs")
def judge_pairs(
    results: Results = Path("results"),
    judge: Annotated[str, typer.Option("--judge", "-j", help="Only this judge of pairs.")] = "",
    judge_model: Annotated[str, typer.Option("--judge-model", help="Only verdicts of this model.")] = "",
    baseline: Annotated[str, typer.Option("--baseline", help="Only pairs with this baseline.")] = "",
    langs: Langs = None,
    strong: Annotated[
        float, typer.Option("--strong", min=1, help="Weight of a strong verdict (>>); Arena-Hard uses 3.")
    ] = 1.0,
    style: Annotated[
        bool, typer.Option("--style-control", help="Ratings at equal length and markdown, as Arena-Hard does.")
    ] = False,
    draws: Annotated[int, typer.Option("--draws", min=20, help="Bootstrap rounds.")] = 1000,
    prior: Annotated[
        float, typer.Option("--prior", min=0, help="Wins added each way, where a model always won or lost.")
    ] = 0.0,
    format: Format = "table",
) -> None:
    """Win shares against the baseline, Bradley-Terry ratings and ranks, with intervals that resample prompts."""
    from mevals.judge.pairs import PairOptions, rate_pairs
    from mevals.judge.tables import board_rows
    from mevals.listing import show

    _must_exist(results)
    options = PairOptions(results, judge, judge_model, baseline, _list(langs), strong, style, draws, prior=prior)
    for board in rate_pairs(options):
        print(f"{board.signature} · strong verdicts weigh {board.strong:g}", file=sys.stderr)
        show(board_rows(board), format)
        for name, (value, interval) in board.style.items():
            print(
                f"style: {name} {value:+.2f} log odds per SD ({interval.low:+.2f} … {interval.high:+.2f})",
                file=sys.stderr,
            )


def _must_exist(results: Path) -> None:
    from mevals.errors import UsageError

    if not results.is_dir():
        raise UsageError(f"there is no results folder {results}; name another with --results")


def import_ratings(
    file: Annotated[
        Path, typer.Argument(help="JSON lines or CSV: id, lang, model and value or label; or model_a, model_b, label.")
    ],
    task: Annotated[str, typer.Option("--task", "-t", help="The task whose answers were rated.")],
    results: Results = Path("results"),
    lang: Annotated[str, typer.Option("--lang", "-l", help="The subset, where rows name none.")] = "",
) -> None:
    """Take in ratings by people, so that judges can be held against them."""
    from mevals.judge import human

    count = human.import_ratings(file, task, results, lang)
    print(f"{count} ratings stored beside the answers to {task}", file=sys.stderr)


def mount(app: typer.Typer, importing: typer.Typer) -> None:
    """Add `judge` to the command line, and `ratings` to its `import`."""
    app.add_typer(judge_app, name="judge")
    importing.command("ratings")(import_ratings)
