"""The report's figures as functions from values to plotly figures; `mevals figures` draws those that the data can give."""

from mevals.report.figures.countries import countries, english_minus_local
from mevals.report.figures.heatmap import heatmap
from mevals.report.figures.mixes import data_mixes
from mevals.report.figures.pairs import dumbbell, slope_chart
from mevals.report.figures.ranks import rank_chart
from mevals.report.figures.regions import best_by_region, difference_by
from mevals.report.figures.throughput import throughput
from mevals.report.figures.tokens import tokens_by_script
from mevals.report.figures.trust import judge_trust
from mevals.report.figures.web import by_web_presence

__all__ = [
    "best_by_region",
    "by_web_presence",
    "countries",
    "data_mixes",
    "difference_by",
    "dumbbell",
    "english_minus_local",
    "heatmap",
    "judge_trust",
    "rank_chart",
    "slope_chart",
    "throughput",
    "tokens_by_script",
]
