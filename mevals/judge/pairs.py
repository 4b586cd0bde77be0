"""From stored verdicts on pairs to win shares and ratings of all models that met a baseline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mevals.errors import UsageError, did_you_mean
from mevals.judge.evidence import Judging, Row, gather
from mevals.ratings import (
    Game,
    Rating,
    Style,
    WinShare,
    collect_games,
    fit_ratings,
    fit_with_style,
    make_board,
    measure_style,
    style_differences,
    win_shares,
)
from mevals.records import read_responses
from mevals.score import answered_cells
from mevals.store import Store


@dataclass(frozen=True)
class PairOptions:
    """What `mevals judge pairs` asks for. `strong` is the weight of A>>B; `style` holds length and markdown fixed."""

    results: Path = Path("results")
    judge: str = ""
    model: str = ""
    baseline: str = ""
    langs: tuple[str, ...] = ()
    strong: float = 1.0
    style: bool = False
    draws: int = 1000
    seed: int = 0
    prior: float = 0.0


@dataclass(frozen=True)
class Board:
    """Everything about one judge's pairs: win shares against the baseline, ratings best first, and style effects."""

    signature: str
    baseline: str
    shares: Sequence[WinShare]
    ratings: Sequence[Rating]
    style: Mapping[str, Any]
    strong: float


def rate_pairs(options: PairOptions) -> list[Board]:
    """A board for every pair judge of a results folder that the options mean. Raises UsageError where there is none."""
    store = Store(options.results)
    chosen = [j for j in gather(store) if j.judge.file.kind == "pair" and _is_meant(j, options)]
    if not chosen:
        raise UsageError(
            f"{options.results} holds no verdicts on pairs like that: run `mevals judge run` with a pair judge"
        )
    return [_board(store, judging, options) for judging in chosen]


def _is_meant(judging: Judging, options: PairOptions) -> bool:
    record = judging.record
    return all(
        not wanted or wanted == record[name]
        for name, wanted in (("judge", options.judge), ("model", options.model), ("baseline", options.baseline))
    )


def _board(store: Store, judging: Judging, options: PairOptions) -> Board:
    rows = [r for r in _in_langs(judging.rows, options.langs) if len(r.verdicts) == 2]
    baseline = judging.record["baseline"]
    listed = list(games_of(rows, baseline))
    games = collect_games(listed, strong=options.strong)
    shares = win_shares(games, baseline, draws=options.draws, seed=options.seed)
    style: Mapping[str, Any] = {}
    if options.style:
        fit = fit_with_style(
            games, _differences(store, listed), baseline, draws=min(200, options.draws), seed=options.seed
        )
        names, values, draws = fit.names, fit.values, fit.draws
        style = {name: (value, interval) for name, (value, interval) in fit.effects.items()}
    else:
        ratings = fit_ratings(games, baseline, draws=options.draws, seed=options.seed, prior=options.prior)
        names, values, draws = ratings.names, ratings.values, ratings.draws
    board = make_board(names, values, draws, prompts=len(games.prompts))
    return Board(judging.signature, baseline, shares, board, style, options.strong)


def _in_langs(rows: Sequence[Row], langs: Sequence[str]) -> list[Row]:
    from mevals import languages

    if not langs:
        return list(rows)
    wanted = set(languages.select(langs))
    known = {r.lang for r in rows}
    if not wanted & known:
        raise UsageError(f"no verdicts in {', '.join(langs)}{did_you_mean(langs[0], known)}")
    return [r for r in rows if r.lang in wanted]


def games_of(rows: Sequence[Row], baseline: str) -> Iterator[Game]:
    """Both games of each answer: the baseline stood first in the first one."""
    for row in rows:
        first, second = row.verdicts
        yield Game(baseline, row.model, row.prompt, first)
        yield Game(row.model, baseline, row.prompt, second)


def _differences(store: Store, games: Sequence[Game]) -> np.ndarray:
    """The style differences (games, features) of the answer shown first minus the one shown second."""
    styles: dict[tuple[str, str], Style] = {}
    wanted = {(name, g.prompt) for g in games for name in (g.first, g.second)}
    for answered in answered_cells(store):
        cell = answered.cell
        for row in read_responses(answered.path).rows:
            key = (cell.model, f"{cell.task}/{cell.subset.name}/{row.id}")
            if key in wanted:
                styles[key] = measure_style(row.text or "")
    return np.array([style_differences(styles[g.first, g.prompt], styles[g.second, g.prompt]) for g in games])
