"""Verdicts on pairs of answers as columns: who was shown first, who second, on which prompt, and who won."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from mevals.errors import DataError, did_you_mean
from mevals.stats.clusters import codes

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

LABELS: Mapping[str, tuple[float, bool]] = MappingProxyType(
    {"A>>B": (1.0, True), "A>B": (1.0, False), "A=B": (0.5, False), "B>A": (0.0, False), "B>>A": (0.0, True)}
)
"""Verdict → share of the answer shown first (A), and whether the verdict is a strong one."""


def share_of_first(label: str) -> float:
    """1 where the answer shown first won, 0.5 for a tie, 0 where it lost. Raises DataError for no such verdict."""
    return _label(label)[0]


def _label(label: str) -> tuple[float, bool]:
    if label not in LABELS:
        raise DataError(f"{label!r} is no verdict on a pair{did_you_mean(label, LABELS)} Known: {', '.join(LABELS)}")
    return LABELS[label]


@dataclass(frozen=True, slots=True)
class Game:
    """One verdict: the model shown first, the one shown second, the prompt, and the label ("A>>B" … "B>>A")."""

    first: str
    second: str
    prompt: str
    label: str


@dataclass(frozen=True, eq=False)
class Games:
    """Verdicts as columns (g,): codes of both models into `names`, share of the first one, weight, code of the prompt.

    `prompts` holds the prompts' names by code. All verdicts on one prompt are one cluster: they share its difficulty.
    """

    names: tuple[str, ...]
    prompts: tuple[str, ...]
    first: Codes
    second: Codes
    share: Floats
    weight: Floats
    prompt: Codes

    def index(self, name: str) -> int:
        """The code of a model. Raises DataError for one that no verdict names."""
        if name not in self.names:
            raise DataError(f"no verdict names the model {name!r}{did_you_mean(name, self.names)}")
        return self.names.index(name)

    def chosen(self, rows: NDArray[np.bool_]) -> Games:
        """The same table with some rows only; names and prompts keep their codes."""
        return Games(
            self.names,
            self.prompts,
            self.first[rows],
            self.second[rows],
            self.share[rows],
            self.weight[rows],
            self.prompt[rows],
        )


def collect_games(games: Iterable[Game], *, strong: float = 1.0) -> Games:
    """Verdicts as columns; a strong verdict (>>) weighs `strong`, any other 1.

    1 counts every verdict once. Arena-Hard counts strong ones three times (lmarena/arena-hard-auto, show_result.py).
    Raises DataError for an unknown label, a model against itself, or no verdict at all.
    """
    rows = list(games)
    if not rows:
        raise DataError("there are no verdicts on pairs to rate")
    for game in rows:
        if game.first == game.second:
            raise DataError(f"a verdict sets {game.first!r} against itself (prompt {game.prompt!r})")
    labels = [_label(g.label) for g in rows]
    names = sorted({n for g in rows for n in (g.first, g.second)})
    code = {name: i for i, name in enumerate(names)}
    prompts = sorted({g.prompt for g in rows})
    return Games(
        tuple(names),
        tuple(prompts),
        np.array([code[g.first] for g in rows], dtype=np.intp),
        np.array([code[g.second] for g in rows], dtype=np.intp),
        np.array([share for share, _ in labels]),
        np.array([strong if is_strong else 1.0 for _, is_strong in labels]),
        _codes([g.prompt for g in rows]),
    )


def _codes(labels: Sequence[str]) -> Codes:
    return codes(np.asarray(labels))
