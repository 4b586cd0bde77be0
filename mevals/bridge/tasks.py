"""Which lm-eval tasks a name means, told from their YAML alone, and each task built with its data when it is needed."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from mevals.errors import DataError, UsageError, did_you_mean

PREFIX = "lm_eval:"
"""How such tasks are named in mevals; `mevals.run.BRIDGE` is the same."""
PATH_VARIABLE = "MEVALS_LM_EVAL_PATH"
FEWSHOT_SEED = 1234
"""lm-eval's own default, so that the same exemplars are drawn."""


@dataclass(frozen=True)
class Leaf:
    """One lm-eval task that asks questions itself. `config` is its YAML with all includes and its groups' changes.

    `build` loads its data and returns lm-eval's Task object.
    """

    name: str
    config: Mapping[str, Any]
    build: Callable[[], Any]

    @property
    def kind(self) -> str:
        """lm-eval's output type: multiple_choice, generate_until, loglikelihood or loglikelihood_rolling."""
        return str(self.config.get("output_type") or "generate_until")

    @property
    def version(self) -> str:
        """The task's own version, "" where its YAML has none."""
        metadata = self.config.get("metadata")
        return str(metadata.get("version", "")) if isinstance(metadata, Mapping) else ""


def places() -> tuple[str, ...]:
    """Folders with the user's own lm-eval YAML, from $MEVALS_LM_EVAL_PATH. Raises UsageError for one that isn't there."""
    found = tuple(filter(None, os.environ.get(PATH_VARIABLE, "").split(os.pathsep)))
    for folder in found:
        if not os.path.isdir(folder):  # noqa: PTH112
            raise UsageError(f"{PATH_VARIABLE} names {folder}, which is no folder")
    return found


def lm_eval_version() -> str:
    """The installed lm-eval's version. Raises UsageError that says what to install where there is none."""
    try:
        import lm_eval
    except ImportError:
        raise UsageError(
            "lm_eval: tasks need lm-eval, which is not installed: pip install 'mevals[lm-eval]' (or lm-eval[api])"
        ) from None
    return str(lm_eval.__version__)


def find_leaves(name: str) -> tuple[Leaf, ...]:
    """The leaf tasks that a task, group or tag of lm-eval means, in lm-eval's order. Loads no data.

    Tasks in $MEVALS_LM_EVAL_PATH are looked at first, alone (milliseconds); lm-eval's own only where the name isn't
    there. Raises UsageError for an unknown name.
    """
    return _find_leaves(name, places())


def known_names() -> frozenset[str]:
    """Every task of the index that the last names were found in: the user's own, or all where those were needed."""
    return frozenset(_manager(places(), False).task_index) if places() else frozenset(_manager((), True).task_index)


@lru_cache(maxsize=64)
def _find_leaves(name: str, folders: tuple[str, ...]) -> tuple[Leaf, ...]:
    lm_eval_version()
    for defaults in (False, True) if folders else (True,):
        manager = _manager(folders, defaults)
        if name in manager.task_index:
            return _collect(manager, name)
    near = did_you_mean(name, manager.task_index)
    raise UsageError(
        f"lm-eval has no task, group or tag {name!r}{near}; your own YAML is found through {PATH_VARIABLE}"
    )


@lru_cache(maxsize=4)
def _manager(folders: tuple[str, ...], defaults: bool) -> Any:
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    from lm_eval.tasks import TaskManager

    return TaskManager(include_path=list(folders) or None, include_defaults=defaults)


def _collect(manager: Any, name: str) -> tuple[Leaf, ...]:
    """Walk lm-eval's own factory, but keep each task's configuration instead of loading its data."""
    try:
        from lm_eval.tasks._factory import TaskFactory
    except ImportError:
        raise UsageError("this lm-eval is too old for the bridge: pip install 'lm-eval>=0.4.13,<0.5'") from None
    found: dict[str, Leaf] = {}

    class Collecting(TaskFactory):  # type: ignore[misc, unused-ignore]
        def _build_task(self, entry: Any, overrides: Any) -> Any:
            config = self._load_full_config(entry, overrides)
            leaf = Leaf(
                str(config["task"]), config, lambda: TaskFactory(meta=manager.metadata)._build_task(entry, overrides)
            )
            found[leaf.name] = leaf
            return _StandIn(leaf.name)

    root = Collecting(meta=manager.metadata).build(manager.task_index[name], registry=dict(manager.task_index))
    if hasattr(root, "get_all_tasks"):
        for task in root.get_all_tasks():  # tasks written inside the group, which lm-eval has built already
            found[task.task_name] = Leaf(
                task.task_name, task.config.to_dict(keep_callable=True), partial(_itself, task)
            )
    if not found:
        raise UsageError(f"lm-eval's {name!r} holds no tasks")
    return tuple(found.values())


def _itself(task: Any) -> Any:
    return task


@dataclass(frozen=True)
class _StandIn:
    """What a group holds in place of a task whose data isn't loaded."""

    task_name: str


def open_task(leaf: Leaf, shots: int | None) -> Any:
    """The leaf's Task object with its data and all its requests built, as `lm_eval.simple_evaluate` builds them.

    `shots` replaces the YAML's number of exemplars. Raises DataError where the data can't be had.
    """
    return _open_task(leaf.name, shots, _Held(leaf))


class _Held:
    """Carries a leaf through a cache: equal where the leaf is the same object."""

    def __init__(self, leaf: Leaf) -> None:
        self.leaf = leaf

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and other.leaf is self.leaf

    def __hash__(self) -> int:
        return id(self.leaf)


@lru_cache(maxsize=8)
def _open_task(name: str, shots: int | None, held: _Held) -> Any:
    import lm_eval.api.task as lm_eval_task
    from datasets import disable_progress_bars

    lm_eval_task.tqdm = lambda items, **_: items  # its bars would write into ours
    disable_progress_bars()
    try:
        task = held.leaf.build()
    except (OSError, ValueError, ImportError, KeyError) as error:
        raise DataError(
            f"lm-eval's data of {name} can't be loaded ({_first_line(error)}); see docs/lm-eval.md"
        ) from error
    if shots is not None:
        task.set_config("num_fewshot", shots)
    task.set_fewshot_seed(FEWSHOT_SEED)
    task.build_all_requests()
    return task


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def check_leaves(name: str, leaves: Sequence[Leaf]) -> None:
    """Raises UsageError, naming the task and the reason, for what the bridge can't ask or score."""
    for leaf in leaves:
        reason = _misfit(leaf)
        if reason:
            raise UsageError(f"{PREFIX}{name}: {leaf.name} {reason}")


def _misfit(leaf: Leaf) -> str:
    config = leaf.config
    if leaf.kind not in ("multiple_choice", "generate_until"):
        return f"is of type {leaf.kind}; only multiple_choice and generate_until go through the bridge"
    if int(config.get("repeats") or 1) > 1:
        return f"asks {config['repeats']} answers to each question; the bridge asks one"
    if config.get("unsafe_code"):
        return "runs the model's answers as code; the bridge doesn't"
    if config.get("doc_to_image") or config.get("doc_to_audio"):
        return "shows images or sound; the bridge sends text alone"
    if "class" in config:
        return "is a Python class; only tasks in YAML go through the bridge"
    return ""
