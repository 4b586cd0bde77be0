"""Language fidelity on real outputs, and how well an identifier knows each language.

    python benchmarks/fidelity.py outputs FOLDER-OR-ARCHIVE [--rows N] [--store RESULTS]
    python benchmarks/fidelity.py recall FLORES-FOLDER-OR-ARCHIVE [--words N] [--write]

`outputs` takes the Language Confusion Benchmark's csv files (columns completion, task, source, language), one per model. It
prints pass rates by model and language, as its metric script averages them (over sources), the number of responses that
are judged, which languages came instead, and lines per second of CPU. `--store` also files everything as results, so that
`mevals report --results RESULTS --by lang --parts` shows it.

`recall` takes FLORES devtest files (<code>.devtest) and says of each language how many human-written sentences the
identifier labels as it, and how many as its confusable set. `--write` renews mevals/fidelity/recall.csv.
"""

from __future__ import annotations

import argparse
import csv
import io
import random
import statistics
import tarfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mevals import languages
from mevals.fidelity import labels as labels_module
from mevals.fidelity.identify import Identifier, chosen_identifier, load_identifier
from mevals.fidelity.labels import key_of, labels_of, target_of
from mevals.fidelity.lines import plain_text
from mevals.fidelity.rates import accepted, off_target
from mevals.scorers import fidelity
from mevals.types import Cell, Response, Sample, Score, Subset

Group = tuple[str, str, str]
"""Task, source, language of the benchmark."""
SEED = 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    outputs = commands.add_parser("outputs")
    outputs.add_argument("path", type=Path)
    outputs.add_argument("--rows", type=int, default=0, help="a random sample of this many rows per model; 0 = all")
    outputs.add_argument("--store", type=Path, help="also file the outputs and scores as results")
    recall = commands.add_parser("recall")
    recall.add_argument("path", type=Path)
    recall.add_argument("--words", type=int, default=0, help="only the first words of each sentence")
    recall.add_argument("--write", action="store_true", help="renew mevals/fidelity/recall.csv")
    args = parser.parse_args()
    if args.command == "outputs":
        show_outputs(args.path, args.rows, args.store)
    else:
        show_recall(args.path, args.words, args.write)


def read_files(path: Path, ending: str) -> Iterator[tuple[str, str]]:
    """(stem, text) of the files with this ending in a folder or tar archive, sorted by name."""
    if path.is_dir():
        for file in sorted(path.rglob(f"*{ending}")):
            yield file.stem, file.read_text(encoding="utf-8", newline="")
        return
    with tarfile.open(path) as archive:
        for member in sorted((m for m in archive if m.name.endswith(ending)), key=lambda m: m.name):
            stream = archive.extractfile(member)
            assert stream is not None
            yield Path(member.name).stem, stream.read().decode("utf-8")


def show_outputs(path: Path, rows: int, store: Path | None) -> None:
    csv.field_size_limit(1 << 30)
    scorer = fidelity()
    rates: dict[tuple[str, Group], list[Score]] = {}
    off: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    lines, seconds = 0, 0.0
    for model, text in read_files(path, ".csv"):
        table = list(csv.DictReader(io.StringIO(text)))
        table = sorted(random.Random(SEED).sample(table, rows), key=lambda r: int(r["id"])) if rows else table
        for group, responses in grouped(table).items():
            subset = Subset(key := languages.resolve(group[2], "language_confusion").key, key)
            scorer.score(responses[:1], subset)  # models and dictionaries are loaded once per process
            started = time.process_time()
            scores = scorer.score(responses, subset)
            seconds += time.process_time() - started
            lines += sum(1 for r in responses for line in (r.text or "").split("\n") if line.strip())
            rates[model, group] = scores
            off[model, key].update(k for s in scores if (k := off_target(s.detail)))
            if store:
                file_results(store, model, group, subset, responses)
    print(scorer.signature(Subset("x", "deu_Latn")))
    for task in sorted({group[0] for _, group in rates}):
        print_rates(task, rates)
    print_off(off)
    print(
        f"\n{lines:,} lines that aren't empty, {lines / seconds:,.0f} a second of one CPU, tokenising and scoring included"
    )
    if store:
        score_stored(store)


def grouped(table: Sequence[Mapping[str, str]]) -> dict[Group, list[Response]]:
    """The rows of one model by task, source and language."""
    found: dict[Group, list[Response]] = defaultdict(list)
    for row in table:
        group = (row["task"], row["source"], row["language"])
        found[group].append(Response(row["id"], row["completion"], "imported"))
    return dict(sorted(found.items()))


def print_rates(task: str, rates: Mapping[tuple[str, Group], Sequence[Score]]) -> None:
    """Per language and model: pass rates in percent, means over sources, and how many responses were judged."""
    models = sorted({model for model, _ in rates})
    langs = sorted({group[2] for _, group in rates if group[0] == task})
    for part in ("line_pass", "aware_pass", "lenient", "script_pass", "word_pass"):
        print(f"\n{task}, {part}: percent (responses judged)\n\n| language | " + " | ".join(models) + " |")
        print("|---" * (len(models) + 1) + "|")
        means: dict[str, list[float]] = defaultdict(list)
        for lang in langs:
            cells = []
            for model in models:
                values = [
                    of_part(s, part) for (m, g), s in rates.items() if m == model and g[0] == task and g[2] == lang
                ]
                scored = [v for v in values if v]
                cells.append("–")
                if scored:
                    means[model].append(statistics.fmean(map(statistics.fmean, scored)))
                    cells[-1] = f"{100 * means[model][-1]:.1f} ({sum(map(len, scored))})"
            if any(c != "–" for c in cells):
                print(f"| {lang} | " + " | ".join(cells) + " |")
        shown = (f"{100 * statistics.fmean(means[m]):.1f}" if means[m] else "–" for m in models)
        print("| mean | " + " | ".join(shown) + " |")


def of_part(scores: Sequence[Score], part: str) -> list[float]:
    return [v for s in scores if (v := s.parts.get(part)) is not None]


def print_off(off: Mapping[tuple[str, str], Counter[str]]) -> None:
    print("\nresponses in another language, by the language that most of their wrong lines are in\n")
    for model in sorted({m for m, _ in off}):
        parts = []
        for (m, lang), counts in sorted(off.items()):
            if m == model and counts:
                parts.append(f"{lang}: " + ", ".join(f"{k} {n}" for k, n in counts.most_common(3)))
        print(f"{model}: " + "; ".join(parts))


def file_results(store: Path, model: str, group: Group, subset: Subset, responses: Sequence[Response]) -> None:
    """Store one model's outputs of one source and language as a complete cell."""
    from mevals.imports import Imported
    from mevals.store import Store

    cell = Cell(model, f"language_confusion_{group[0]}_{group[1]}", subset)
    samples = [Sample(r.id, []) for r in responses]
    texts = [r.text for r in responses]
    Imported(cell, samples, texts, {"imported": [model, *group], "n": len(texts)}, {"title": cell.task}).write(
        Store(store)
    )


def score_stored(folder: Path) -> None:
    from mevals.aggregate import aggregate
    from mevals.score import Job, answered_cells, score_all
    from mevals.store import Store

    store = Store(folder)
    score_all(store, [Job(a, fidelity()) for a in answered_cells(store)], workers=1)
    aggregate(store)
    print(f"filed: mevals report --results {folder} --by lang --parts")


def show_recall(path: Path, words: int, write: bool) -> None:
    identifier = load_identifier(chosen_identifier())
    found = []
    print("| language | sentences | strict | lenient | taken for |\n|---|---|---|---|---|")
    for code, text in read_files(path, ".devtest"):
        language = languages.resolve(code, "flores200")
        if not labels_of(language, identifier.labels):
            continue
        lines = [cut(line, words, language.unspaced) for line in text.split("\n") if line.strip()]
        strict, lenient, taken = recall_of(identifier, language.key, lines)
        found.append((identifier.name, language.key, len(lines), f"{strict:.4f}", f"{lenient:.4f}"))
        wrong = ", ".join(f"{key} {n / len(lines):.1%}" for key, n in taken.most_common(3) if n / len(lines) >= 0.005)
        print(f"| {language.key} | {len(lines)} | {strict:.1%} | {lenient:.1%} | {wrong} |")
    if write:
        with (Path(labels_module.__file__).parent / "recall.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(
                [("identifier", "key", "n", "strict", "lenient"), *sorted(found)]
            )


def cut(line: str, words: int, unspaced: bool) -> str:
    """The line as it is identified, or its beginning: so many words, or three letters for each in unspaced scripts."""
    line = plain_text(line)
    if not words:
        return line
    return line[: 3 * words] if unspaced else " ".join(line.split()[:words])


def recall_of(identifier: Identifier, key: str, lines: Sequence[str]) -> tuple[float, float, Counter[str]]:
    """Shares of lines labelled as the language, and as its confusable set; and the languages they are taken for."""
    target = target_of(key, identifier.name, identifier.labels)
    given = [accepted(guess) for guess in identifier.identify(lines)]
    strict, lenient = (sum(g in allowed for g in given) / len(given) for allowed in (target.right, target.lenient))
    return strict, lenient, Counter(key_of(g, identifier.labels) for g in given if g not in target.right)


if __name__ == "__main__":
    main()
