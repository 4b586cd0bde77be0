"""The command line. Nothing heavy is imported before a command runs, so that `mevals --help` is instant."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from mevals.cli_judge import mount as mount_judge
from mevals.cli_metrics import app as metrics_app
from mevals.cli_report import add_commands, import_published
from mevals.cli_site import mount as mount_site
from mevals.comet.commands import app as comet_app

app = typer.Typer(
    name="mevals",
    help="Multilingual evaluation of language models: run, score, report.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
import_app = typer.Typer(help="Bring answers or results that exist already into the store.", no_args_is_help=True)
data_app = typer.Typer(
    help="Benchmark data: import public layouts into a mirror, lock, fetch, verify.", no_args_is_help=True
)
ls_app = typer.Typer(help="List what there is: tasks, suites, models, languages, results.", no_args_is_help=True)
app.add_typer(import_app, name="import")
app.add_typer(data_app, name="data")
app.add_typer(ls_app, name="ls")
app.add_typer(comet_app, name="comet")
app.add_typer(metrics_app, name="metrics")
mount_judge(app, import_app)
mount_site(app)
new_app = typer.Typer(help="Write a folder to start from.", no_args_is_help=True)
app.add_typer(new_app, name="new")

Models = Annotated[
    list[str] | None,
    typer.Option("--model", "-m", help="Model to run; repeatable. `demo` is the embedded simulated one."),
]
Tasks = Annotated[
    list[str] | None, typer.Option("--tasks", "-t", help="Tasks or task folders, comma-separated or repeated.")
]
SuiteName = Annotated[
    str, typer.Option("--suite", "-s", help="A named choice of tasks (`mevals ls suites`); default: mini.")
]
Langs = Annotated[
    list[str] | None,
    typer.Option("--langs", "-l", help="Languages: keys, region:africa, script:Arab, bin:1; comma-separated."),
]
Limit = Annotated[
    int | None,
    typer.Option("--limit", min=1, help="At most this many samples per cell: a seeded, stratified choice."),
]
Results = Annotated[Path, typer.Option("--results", help="The results folder.")]
Concurrency = Annotated[int, typer.Option("--concurrency", "-c", min=1, max=10_000, help="Requests in flight.")]
Format = Annotated[str, typer.Option("--format", "-f", help="table, csv, json, md or html.")]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Write the report to this file instead of the terminal.")]
By = Annotated[str, typer.Option("--by", "-b", help="all, region, script, web-presence, family or lang.")]
BaseUrl = Annotated[
    str, typer.Option("--base-url", help="Running server(s), such as http://localhost:8000/v1; comma-separated.")
]
Mirror = Annotated[Path | None, typer.Option("--mirror", help="Local mirror of the data (default: $MEVALS_MIRROR).")]
Where = Annotated[str, typer.Option("--data", help="auto, mini, mirror or hub.")]
Offline = Annotated[bool, typer.Option("--offline", help="Never touch the network for data.")]
Conditions = Annotated[
    list[str] | None,
    typer.Option("--condition", help="A changed way to ask, such as prompt-native or shots-5; repeatable."),
]
Seed = Annotated[int, typer.Option("--seed", help="Seed of the choice that --limit makes.")]
MaxTokens = Annotated[
    int | None, typer.Option("--max-tokens", min=1, help="Answer budget in tokens instead of the task's own.")
]
Redo = Annotated[bool, typer.Option("--redo", help="Ask everything again; earlier answers are kept aside.")]
Timeout = Annotated[float, typer.Option("--timeout", help="Seconds until one request counts as failed.")]
Retries = Annotated[int, typer.Option("--retries", min=0, help="How often a failed request is asked again.")]
Silence = Annotated[
    float, typer.Option("--give-up-after", help="Seconds without any answer after which the run stops.")
]
Prompts = Annotated[Path | None, typer.Option("--prompts", help="Ad-hoc task: JSONL with id, lang, prompt, target.")]
Sim = Annotated[
    list[str] | None,
    typer.Option("--sim", help="Argument for the simulated server, such as --sim=--latency-ms=20; repeatable."),
]
EngineName = Annotated[
    str, typer.Option("--engine", help="What serves weights: auto (vLLM where it is installed), vllm or transformers.")
]
TensorParallel = Annotated[int, typer.Option("--tensor-parallel", min=1, help="GPUs that one copy is spread over.")]
DataParallel = Annotated[int, typer.Option("--data-parallel", min=1, help="Copies of the model that share the work.")]
ServerArgs = Annotated[
    list[str] | None,
    typer.Option("--server-arg", help="Argument for the server that is started, as --server-arg=--enforce-eager."),
]
MaxCost = Annotated[
    float | None, typer.Option("--max-cost", min=0.0, help="US dollars that this command may spend at a paid API.")
]
MaxModelLen = Annotated[
    int | None,
    typer.Option("--max-model-len", min=1, help="Tokens of prompt and answer that the started server has room for."),
]
ModelNames = Annotated[
    list[str] | None, typer.Option("--model", "--models", "-m", help="Only these models; repeatable.")
]


def main() -> None:
    """Run the command line; errors that a person can mend become one sentence and an exit code."""
    from mevals.errors import MevalsError

    try:
        app()
    except MevalsError as error:
        from mevals.redact import redact

        print(f"mevals: {redact(str(error))}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("mevals: stopped; what was answered is kept: run the same command again to go on", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)


def _list(values: list[str] | None) -> tuple[str, ...]:
    return tuple(part.strip() for value in values or [] for part in value.split(",") if part.strip())


def _options(**given: Any) -> Any:
    """The options of a running command as one record."""
    from mevals.engines.opening import ENGINES, Serving, split_urls
    from mevals.errors import UsageError, did_you_mean
    from mevals.generate import Patience
    from mevals.run import Options, command_line

    if given["where"] not in ("auto", "mini", "mirror", "hub"):
        raise UsageError(
            f"unknown --data {given['where']!r}{did_you_mean(given['where'], ['auto', 'mini', 'mirror', 'hub'])}"
        )
    engine = given.pop("engine", "auto")
    if engine not in ENGINES:
        raise UsageError(f"unknown --engine {engine!r}{did_you_mean(engine, ENGINES)}")
    serving = Serving(
        split_urls(given.pop("base_url")),
        engine=engine,
        timeout_s=given.pop("timeout"),
        simulated=tuple(given.pop("sim") or ()),
        arguments=tuple(given.pop("server_arg", None) or ()),
        tensor_parallel=given.pop("tensor_parallel", 1),
        data_parallel=given.pop("data_parallel", 1),
        max_cost=given.pop("max_cost", None),
        max_model_len=given.pop("max_model_len", None),
    )
    patience = Patience(attempts=given.pop("retries") + 1, silence_s=given.pop("silence"))
    lists: dict[str, Any] = {name: _list(given.pop(name)) for name in ("tasks", "langs", "conditions")}
    models = tuple(given.pop("models") or ())
    return Options(**given, **lists, models=models, serving=serving, patience=patience, command=command_line())


@app.command()
def run(
    model: Models = None,
    tasks: Tasks = None,
    suite: SuiteName = "",
    langs: Langs = None,
    limit: Limit = None,
    results: Results = Path("results"),
    concurrency: Concurrency = 64,
    base_url: BaseUrl = "",
    by: By = "all",
    format: Format = "table",
    out: Out = None,
    where: Where = "auto",
    mirror: Mirror = None,
    offline: Offline = False,
    condition: Conditions = None,
    seed: Seed = 1,
    max_tokens: MaxTokens = None,
    prompts: Prompts = None,
    redo: Redo = False,
    timeout: Timeout = 600.0,
    retries: Retries = 7,
    silence: Silence = 90.0,
    sim: Sim = None,
    engine: EngineName = "auto",
    tensor_parallel: TensorParallel = 1,
    data_parallel: DataParallel = 1,
    server_arg: ServerArgs = None,
    max_cost: MaxCost = None,
    max_model_len: MaxModelLen = None,
) -> None:
    """Ask a model every sample, score the answers and report: generate + score + report."""
    from mevals.commands import run_all

    options = _options(
        models=model, tasks=tasks, suite=suite, langs=langs, limit=limit, results=results, concurrency=concurrency,
        base_url=base_url, where=where, mirror=mirror, offline=offline, conditions=condition, seed=seed,
        max_tokens=max_tokens, prompts=prompts, redo=redo, timeout=timeout, retries=retries, silence=silence, sim=sim,
        engine=engine, tensor_parallel=tensor_parallel, data_parallel=data_parallel, server_arg=server_arg,
        max_cost=max_cost, max_model_len=max_model_len,
    )  # fmt: skip
    run_all(options, by, format, out)


@app.command()
def generate(
    model: Models = None,
    tasks: Tasks = None,
    suite: SuiteName = "",
    langs: Langs = None,
    limit: Limit = None,
    results: Results = Path("results"),
    concurrency: Concurrency = 64,
    base_url: BaseUrl = "",
    where: Where = "auto",
    mirror: Mirror = None,
    offline: Offline = False,
    condition: Conditions = None,
    seed: Seed = 1,
    max_tokens: MaxTokens = None,
    prompts: Prompts = None,
    redo: Redo = False,
    timeout: Timeout = 600.0,
    retries: Retries = 7,
    silence: Silence = 90.0,
    sim: Sim = None,
    engine: EngineName = "auto",
    tensor_parallel: TensorParallel = 1,
    data_parallel: DataParallel = 1,
    server_arg: ServerArgs = None,
    max_cost: MaxCost = None,
    max_model_len: MaxModelLen = None,
) -> None:
    """Only ask (stage 1): journal every answer, write complete cells."""
    from mevals.commands import generate_only

    generate_only(
        _options(
            models=model,
            tasks=tasks,
            suite=suite,
            langs=langs,
            limit=limit,
            results=results,
            concurrency=concurrency,
            base_url=base_url,
            where=where,
            mirror=mirror,
            offline=offline,
            conditions=condition,
            seed=seed,
            max_tokens=max_tokens,
            prompts=prompts,
            redo=redo,
            timeout=timeout,
            retries=retries,
            silence=silence,
            sim=sim,
            engine=engine,
            tensor_parallel=tensor_parallel,
            data_parallel=data_parallel,
            server_arg=server_arg,
            max_cost=max_cost,
            max_model_len=max_model_len,
        )
    )


@app.command()
def score(
    model: ModelNames = None,
    tasks: Tasks = None,
    results: Results = Path("results"),
    scorer: Annotated[
        list[str] | None,
        typer.Option(
            "--scorer", help="Score with these instead of the task's own: chrf, chrf++, bleu, ter, exact, number."
        ),
    ] = None,
    reference: Annotated[
        str, typer.Option("--reference", help="Score against this reference where answers have several (refB; all).")
    ] = "",
    reparse: Annotated[
        bool, typer.Option("--reparse", help="Read all stored replies of judges again instead; asks nobody.")
    ] = False,
) -> None:
    """Score stored answers (stage 2) and renew cells.json; what is scored already is left alone."""
    from mevals.commands import score_only

    if reparse:
        from mevals.cli_judge import judge_reparse

        judge_reparse(results, model, tasks)
        return
    score_only(results, tuple(model or ()), _list(tasks), _list(scorer), reference)


add_commands(app)
import_app.command("published")(import_published)


@app.command()
def plan(
    model: Models = None,
    tasks: Tasks = None,
    suite: SuiteName = "",
    langs: Langs = None,
    limit: Limit = None,
    results: Results = Path("results"),
    where: Where = "auto",
    mirror: Mirror = None,
    offline: Offline = False,
    condition: Conditions = None,
    seed: Seed = 1,
    format: Format = "table",
    out: Out = None,
) -> None:
    """What a run would cost: cells, requests and tokens, and what is done already. Reads no data, asks no server."""
    from mevals.commands import show_plan

    options = _options(
        models=model, tasks=tasks, suite=suite, langs=langs, limit=limit, results=results, base_url="", where=where,
        mirror=mirror, offline=offline, conditions=condition, seed=seed, timeout=600.0, retries=7, silence=90.0, sim=None,
    )  # fmt: skip
    show_plan(options, format, out)


@app.command()
def doctor(
    model: Models = None,
    tasks: Tasks = None,
    suite: SuiteName = "",
    langs: Langs = None,
    base_url: BaseUrl = "",
    condition: Conditions = None,
    results: Results = Path("results"),
    where: Where = "mini",
    mirror: Mirror = None,
    offline: Offline = False,
    max_tokens: MaxTokens = None,
    timeout: Timeout = 600.0,
    sim: Sim = None,
    engine: EngineName = "auto",
    tensor_parallel: TensorParallel = 1,
    data_parallel: DataParallel = 1,
    server_arg: ServerArgs = None,
    max_model_len: MaxModelLen = None,
) -> None:
    """Is the model asked as it should be? Looks at its prompts as the server sees them, and asks a sample of every task."""
    from mevals.doctor import doctor

    options = _options(
        models=model, tasks=tasks, suite=suite, langs=langs, limit=1, results=results, base_url=base_url, where=where,
        mirror=mirror, offline=offline, conditions=condition, seed=1, max_tokens=max_tokens, timeout=timeout, retries=7,
        silence=90.0, sim=sim, engine=engine, tensor_parallel=tensor_parallel, data_parallel=data_parallel,
        server_arg=server_arg, max_model_len=max_model_len,
    )  # fmt: skip
    doctor(options)


@app.command()
def tokenizers(
    sources: Annotated[
        list[str], typer.Argument(help="Models of models.yaml, org/name, model folders or tokenizer.json files.")
    ],
    by: Annotated[str, typer.Option("--by", "-b", help="lang or script.")] = "script",
    langs: Langs = None,
    graphemes: Annotated[
        bool, typer.Option("--graphemes", help="Tokens per grapheme cluster too (what a reader takes for a character).")
    ] = False,
    where: Where = "auto",
    mirror: Mirror = None,
    offline: Offline = False,
    results: Results = Path("results"),
    format: Format = "table",
    out: Out = None,
) -> None:
    """Tokens per character, per byte and per parallel sentence against English, on FLORES. Needs no GPU."""
    from mevals.tokenizer_command import report_tokenizers

    report_tokenizers(sources, by, _list(langs), graphemes, where, mirror, offline, results, format, out)


@import_app.command("outputs")
def import_outputs(
    file: Annotated[Path, typer.Argument(help="One answer per line, or JSONL with id and text.")],
    model: Annotated[str, typer.Option("--model", "-m", help="Name of the model or system that made them.")],
    task: Annotated[str, typer.Option("--task", "-t", help="The task that they answer.")],
    lang: Annotated[
        str, typer.Option("--lang", "-l", help="The subset: a language key, or a locale such as en-de_DE.")
    ],
    results: Results = Path("results"),
    where: Where = "auto",
    mirror: Mirror = None,
    offline: Offline = False,
) -> None:
    """Score outputs that were made elsewhere, without generating."""
    from mevals.imports import import_outputs

    import_outputs(file, model, task, lang, results, where, mirror, offline)


@import_app.command("wmt")
def import_wmt(
    folder: Annotated[
        Path,
        typer.Argument(
            help="A WMT news-systems `txt` folder (sources, references, system-outputs), or an archive of one."
        ),
    ],
    task: Annotated[str, typer.Option("--task", "-t", help="Name of the task, such as wmt24.")] = "",
    results: Results = Path("results"),
    reference: Annotated[
        str, typer.Option("--reference", help="Which reference to score against where there are several (refA).")
    ] = "",
    systems: Annotated[list[str] | None, typer.Option("--systems", help="Only these systems.")] = None,
    pairs: Annotated[list[str] | None, typer.Option("--pairs", help="Only these pairs, such as en-de.")] = None,
) -> None:
    """Take a whole WMT news-systems tree as a task and its systems as models; checks ids, counts and order."""
    from mevals.imports import import_wmt

    import_wmt(folder, task, results, reference, _list(systems), _list(pairs))


@import_app.command("lm-eval")
def import_lm_eval(
    folder: Annotated[
        Path, typer.Argument(help="lm-eval's output folder, with results_*.json and samples_*.jsonl (--log_samples).")
    ],
    model: Annotated[str, typer.Option("--model", "-m", help="Name of the model; default: what the results say.")] = "",
    lang: Annotated[
        list[str] | None,
        typer.Option("--lang", "-l", help="Language of a task whose YAML doesn't tell, as gsm8k=eng_Latn; repeatable."),
    ] = None,
    results: Results = Path("results"),
) -> None:
    """Take lm-eval's results and samples files as cells, with its values per document; checks counts and means."""
    from mevals.bridge.results import import_results

    import_results(folder, model, _list(lang), results)


@data_app.command("import")
def data_import(
    task: Annotated[str, typer.Argument(help="A task folder, such as flores.")],
    path: Annotated[Path, typer.Argument(help="File, folder or .tar.xz/.zip in the benchmark's public layout.")],
    mirror: Mirror = None,
) -> None:
    """Read a benchmark's public layout into a local mirror."""
    from mevals.imports import import_data

    import_data(task, path, mirror)


@data_app.command("fetch")
def data_fetch(
    tasks: Tasks = None,
    suite: SuiteName = "",
    langs: Langs = None,
    mirror: Mirror = None,
    results: Results = Path("results"),
) -> None:
    """Copy tasks' data from the hub, at the pinned revision, into a mirror for machines without a network."""
    from mevals.imports import fetch_data

    fetch_data(_list(tasks), suite, _list(langs), mirror, results)


@data_app.command("lock")
def data_lock(tasks: Tasks = None, suite: SuiteName = "", results: Results = Path("results")) -> None:
    """Pin the hub revision of tasks' data in data.lock.json without running anything."""
    from mevals.imports import lock_data

    lock_data(_list(tasks), suite, results)


@data_app.command("verify")
def data_verify(mirror: Mirror = None, tasks: Tasks = None) -> None:
    """Check every file of a mirror against its sums."""
    from mevals.imports import verify_mirror

    verify_mirror(mirror, _list(tasks))


@app.command("serve-sim")
def serve_sim(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8000,
    arguments: Annotated[
        list[str] | None,
        typer.Option("--sim", help="Further arguments of the simulated server; see docs/simulated-model.md."),
    ] = None,
) -> None:
    """Start the simulated model's server alone."""
    from mevals.engines.sim.__main__ import main as serve

    raise typer.Exit(serve(["--host", host, "--port", str(port), *(arguments or [])]))


@ls_app.command("tasks")
def ls_tasks(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Licence, origin, gating and scorers too.")] = False,
    format: Format = "table",
) -> None:
    """Tasks that can be run."""
    from mevals.listing import list_tasks

    list_tasks(verbose, format)


@ls_app.command("suites")
def ls_suites(format: Format = "table") -> None:
    """Named choices of tasks."""
    from mevals.listing import list_suites

    list_suites(format)


@ls_app.command("models")
def ls_models(format: Format = "table") -> None:
    """Models that mevals knows by name; any other goes too."""
    from mevals.listing import list_models

    list_models(format)


@ls_app.command("languages")
def ls_languages(langs: Langs = None, format: Format = "table") -> None:
    """The language registry: keys, names, scripts, regions, web presence."""
    from mevals.listing import list_languages

    list_languages(_list(langs), format)


@ls_app.command("results")
def ls_results(results: Results = Path("results"), format: Format = "table") -> None:
    """What a results folder holds."""
    from mevals.listing import list_results

    list_results(results, format)


@new_app.command("task")
def new_task(
    name: Annotated[str, typer.Argument(help="The task's name: a plain word with underscores.")],
    kind: Annotated[
        str,
        typer.Option("--kind", "-k", help="translation, multiple_choice, short_answer, open_ended or classification."),
    ],
    into: Annotated[Path, typer.Option("--into", help="Folder that the task's folder is written into.")] = Path(
        "my_tasks"
    ),
    dataset: Annotated[str, typer.Option("--dataset", help="Its data set on the hub, if it has one.")] = "",
    langs: Langs = None,
) -> None:
    """Write a task folder without code that runs as it is; then put your data and prompt in."""
    from mevals.authoring import new_task

    folder = new_task(name, kind, into, dataset, list(_list(langs)))
    print(
        f"wrote {folder}; try it: MEVALS_PATH={into} mevals run --model demo --tasks {name} --data mini",
        file=sys.stderr,
    )


@app.command()
def validate(folder: Annotated[Path, typer.Argument(help="A task folder.")]) -> None:
    """Say everything that is wrong with a task folder in one go."""
    from mevals.authoring import validate

    validate(folder)


@app.command()
def version() -> None:
    """Print the version."""
    from mevals import __version__

    print(__version__)


if __name__ == "__main__":
    main()
