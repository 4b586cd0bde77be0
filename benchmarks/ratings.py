"""How long Bradley–Terry ratings take: 76 models × 500 prompts × 2 orders, 1,000 bootstrap rounds by prompt.

python benchmarks/ratings.py                     made-up verdicts, every model against one baseline
python benchmarks/ratings.py --round-robin 20    every pair of 20 models
python benchmarks/ratings.py --style             ratings at equal style, 200 rounds
"""

from __future__ import annotations

import argparse
import itertools
import time

import numpy as np

from mevals.ratings import Game, Games, collect_games, fit_ratings, fit_with_style, make_board, win_shares

LABELS = ("A>>B", "A>B", "A=B", "B>A", "B>>A")


def made_up(pairs: list[tuple[int, int]], models: int, prompts: int) -> Games:
    """Seeded verdicts of both orders from strengths spread evenly over ±2 log odds."""
    rng = np.random.default_rng(1)
    strength = np.linspace(-2, 2, models)
    rows = []
    for first, second in itertools.chain.from_iterable(((a, b), (b, a)) for a, b in pairs):
        chance = 1 / (1 + np.exp(strength[second] - strength[first]))
        odds = np.array([0.25, 0.7, 0.05, 0, 0]) * chance + np.array([0, 0, 0.05, 0.7, 0.25]) * (1 - chance)
        picks = rng.choice(5, size=prompts, p=odds)
        rows += [Game(f"m{first:02}", f"m{second:02}", f"p{i}", LABELS[k]) for i, k in enumerate(picks)]
    return collect_games(rows, strong=3.0)


def timed(what: str, started: float) -> None:
    """Print how long a step took."""
    print(f"{what:42} {time.perf_counter() - started:7.2f} s")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=76)
    parser.add_argument("--prompts", type=int, default=500)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--round-robin", type=int, metavar="MODELS")
    parser.add_argument("--style", action="store_true")
    args = parser.parse_args()
    models = args.round_robin or args.models
    pairs = list(itertools.combinations(range(models), 2)) if args.round_robin else [(0, m) for m in range(1, models)]
    games = made_up(pairs, models, args.prompts)
    print(f"{models} models, {args.prompts} prompts, {len(games.share):,} verdicts, {args.draws} rounds")
    started = time.perf_counter()
    win_shares(games, "m00", draws=args.draws)
    timed("win shares, clustered and naive intervals", started)
    started = time.perf_counter()
    ratings = fit_ratings(games, "m00", draws=args.draws)
    timed("Bradley–Terry with bootstrap", started)
    started = time.perf_counter()
    make_board(ratings.names, ratings.values, ratings.draws, prompts=args.prompts)
    timed("rank intervals", started)
    if args.style:
        features = np.random.default_rng(2).normal(size=(len(games.share), 4))
        started = time.perf_counter()
        fit_with_style(games, features, "m00", draws=min(200, args.draws))
        timed("ratings at equal style, 200 rounds", started)


if __name__ == "__main__":
    main()
