"""Ratings from verdicts on pairs: win share, Bradley–Terry, style control and ranks, all resampled by prompt."""

from __future__ import annotations

from mevals.ratings.board import Rating, make_board
from mevals.ratings.bradley_terry import ELO, Ratings, fit_ratings, log_odds, win_table
from mevals.ratings.games import LABELS, Game, Games, collect_games, share_of_first
from mevals.ratings.style import Style, StyleFit, fit_with_style, measure_style, style_differences
from mevals.ratings.win_share import WinShare, win_shares

__all__ = [
    "ELO",
    "LABELS",
    "Game",
    "Games",
    "Rating",
    "Ratings",
    "Style",
    "StyleFit",
    "WinShare",
    "collect_games",
    "fit_ratings",
    "fit_with_style",
    "log_odds",
    "make_board",
    "measure_style",
    "share_of_first",
    "style_differences",
    "win_shares",
    "win_table",
]
