"""Find tasks, judges and suites: shipped, in $MEVALS_PATH, or from entry points; one loader for ours and theirs."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mevals.card import Card, CardFile, Prompts, card_subsets, read_card, read_prompts
from mevals.condition import Condition
from mevals.errors import DataError, UsageError, did_you_mean
from mevals.safe_yaml import load_yaml
from mevals.task import Layout, TaskSpec
from mevals.types import Sample, Subset

if TYPE_CHECKING:
    from mevals.data import Data

ENTRY_POINTS = "mevals.tasks"


@dataclass(frozen=True)
class Task:
    """A task that was found: its spec, card and prompts. `code_sha` is the hash of its task.py."""

    spec: TaskSpec
    folder: Path
    card: CardFile
    prompts: Prompts
    code_sha: str
    layout: Layout | None = None

    @property
    def name(self) -> str:
        """The task's name, unique among all that were found."""
        return self.spec.name

    def subsets(self) -> dict[str, Subset]:
        """The task's subsets by name, in the order of the card."""
        directed = {name: self.spec.directed(s) for name, s in card_subsets(self.card).items()}
        return {name: s for name, s in directed.items() if s is not None}

    def samples(self, subset: Subset, data: Data, condition: Condition) -> Iterator[Sample]:
        """The samples of one subset, lazily, in published order."""
        return self.spec.samples(Card(self.folder, self.card, self.prompts, data, condition), subset)


def bundled(kind: str) -> Path:
    """The shipped folder `tasks` or `judges`: inside the installed package, else in the checkout."""
    package = Path(__file__).parent
    inside = package / "_bundled" / kind
    return inside if inside.is_dir() else package.parent / kind


def search_path(kind: str = "tasks") -> list[Path]:
    """Folders that are searched for `kind`, theirs after ours: $MEVALS_PATH entries may hold `tasks/` and `judges/`."""
    places = [bundled(kind)]
    for entry in filter(None, os.environ.get("MEVALS_PATH", "").split(os.pathsep)):
        theirs = Path(entry)
        places.append(theirs / kind if (theirs / kind).is_dir() else theirs)
    return places


def folders(kind: str = "tasks", marker: str = "card.yaml") -> list[Path]:
    """Every folder on the search path that holds `marker`, ours first, by name."""
    found: list[Path] = []
    for place in search_path(kind):
        if (place / marker).exists():
            found.append(place)
        elif place.is_dir():
            found += sorted(p.parent for p in place.glob(f"*/{marker}"))
    if kind == "tasks":
        found += entry_point_folders()
    return found


def entry_point_folders() -> list[Path]:
    """Task folders of installed plug-ins: each entry point of group `mevals.tasks` names a package that holds a card."""
    from importlib.metadata import entry_points

    found = []
    for point in entry_points(group=ENTRY_POINTS):
        spec = importlib.util.find_spec(point.value)
        if spec is None or not spec.submodule_search_locations:
            raise UsageError(f"the plug-in {point.name!r} names {point.value!r}, which is no installed package")
        found.append(Path(next(iter(spec.submodule_search_locations))))
    return found


def load_folder(folder: Path) -> list[Task]:
    """The tasks that a folder defines. Raises DataError where its card, prompts or code is wrong."""
    card, prompts = read_card(folder), read_prompts(folder)
    code = folder / "task.py"
    if not code.exists():
        from mevals.template_task import template_specs

        return [Task(spec, folder, card, prompts, "") for spec in template_specs(folder)]
    module = _load_module(code)
    found = vars(module).values()
    specs = [v for v in found if isinstance(v, TaskSpec)]
    if not specs:
        raise DataError(f"{code} defines no task; decorate a generator function with @task")
    reader = next((v for v in found if isinstance(v, Layout)), None)
    sha = hashlib.sha256(code.read_bytes()).hexdigest()
    return [Task(spec, folder, card, prompts, sha, reader) for spec in specs]


def _load_module(path: Path) -> Any:
    """A task.py loaded by path, under a name that squats on nothing."""
    name = "mevals_task_" + hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@lru_cache(maxsize=4)
def _all_tasks(places: tuple[Path, ...]) -> Mapping[str, Task]:
    found: dict[str, Task] = {}
    for folder in folders():
        for task in load_folder(folder):
            if task.name in found:
                raise UsageError(
                    f"two tasks are called {task.name!r}: {found[task.name].folder} and {folder}; rename one"
                )
            found[task.name] = task
    return found


def all_tasks() -> Mapping[str, Task]:
    """Every task that can be found, by name."""
    return _all_tasks(tuple(place.resolve() for place in search_path()))


def find_tasks(names: Sequence[str]) -> list[Task]:
    """Tasks by name, or all tasks of a folder by the folder's name, without doubles.

    Raises UsageError with a suggestion for an unknown name.
    """
    known = all_tasks()
    by_folder: dict[str, list[str]] = {}
    for task in known.values():
        by_folder.setdefault(task.folder.name, []).append(task.name)
    wanted: list[str] = []
    for name in names:
        if name not in known and name not in by_folder:
            raise UsageError(
                f"unknown task {name!r}{did_you_mean(name, [*known, *by_folder])} (`mevals ls tasks` lists all)"
            )
        wanted += [name] if name in known else by_folder[name]
    return [known[n] for n in dict.fromkeys(wanted)]


@dataclass(frozen=True)
class Choice:
    """One entry of a suite: a task (or folder of tasks) in the languages or subsets `langs` (none: all), less `without`."""

    task: str
    langs: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Suite:
    """A named choice of tasks, and what it fixes: where the data comes from, languages, samples per cell."""

    name: str
    about: str
    choices: tuple[Choice, ...]
    data: str = "auto"
    limit: int | None = None

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of its tasks or folders."""
        return tuple(dict.fromkeys(c.task for c in self.choices))


def all_suites() -> Mapping[str, Suite]:
    """Every suite of data/suites.yaml, and one for each task folder."""
    path = Path(__file__).parent / "data" / "suites.yaml"
    suites = {name: _suite(name, entry, path) for name, entry in load_yaml(path).items()}
    for folder in folders():
        about = f"the benchmark {folder.name} alone"
        suites.setdefault(folder.name, Suite(folder.name, about, (Choice(folder.name),)))
    return suites


def _suite(name: str, entry: Any, path: Path) -> Suite:
    """One suite of a YAML file. Raises DataError for a field that there is none of."""
    known = {"about", "tasks", "data", "langs", "limit"}
    for field in entry:
        if field not in known:
            raise DataError(f"{path}: suite {name!r} has an unknown field {field!r}{did_you_mean(field, known)}")
    common = tuple(entry.get("langs", ()))
    choices = tuple(_choice(item, common, name, path) for item in entry["tasks"])
    return Suite(name, entry["about"], choices, entry.get("data", "auto"), entry.get("limit"))


def _choice(item: Any, common: tuple[str, ...], name: str, path: Path) -> Choice:
    """An entry of a suite's tasks: a name, or a mapping with task, langs and without."""
    if isinstance(item, str):
        return Choice(item, common)
    if not isinstance(item, dict) or not set(item) <= {"task", "langs", "without"} or "task" not in item:
        raise DataError(f"{path}: suite {name!r}: {item!r} must be a task's name or have task, langs and without")
    return Choice(item["task"], tuple(item.get("langs", common)), tuple(item.get("without", ())))


def find_suite(name: str) -> Suite:
    """A suite by name. Raises UsageError with a suggestion for an unknown one."""
    suites = all_suites()
    if name not in suites:
        raise UsageError(f"unknown suite {name!r}{did_you_mean(name, suites)} (`mevals ls suites` lists all)")
    return suites[name]
