"""Rows of the tables that the judging commands print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mevals.judge.check import HitRate
from mevals.judge.folder import all_judges
from mevals.judge.pairs import Board
from mevals.judge.scoring import JudgedCell
from mevals.judge.setup import signature
from mevals.judge.shown import load_trust
from mevals.judge.trust import Trust
from mevals.stats import Interval, cell_interval

Row = Mapping[str, Any]


def percent(value: float | None) -> str:
    """A share as per cent with one decimal."""
    return "–" if value is None else f"{100 * value:.1f}"


def span(interval: Interval | None, scale: float = 100.0) -> str:
    """An interval as "low … high"."""
    return "–" if interval is None else f"{scale * interval.low:.1f} … {scale * interval.high:.1f}"


def judged_rows(done: Sequence[JudgedCell], results: Path) -> list[Row]:
    """One row per judged cell: value with interval, what could not be scored, and the trust badge."""
    trusted = load_trust(results)
    rows: list[Row] = []
    for judged in done:
        cell = judged.cell.answered.cell
        values = [float("nan") if s.value is None else s.value for s in judged.scores]
        known = trusted.get((signature(judged.record), cell.subset.lang))
        interval = cell_interval(values, scale=(0.0, 1.0)) if judged.value is not None else None
        rows.append(
            {
                "judge": judged.judge.name,
                "by": judged.record["model"],
                "model": cell.model,
                "task": cell.task,
                "subset": cell.subset.name,
                "value %": percent(judged.value),
                "95 %": span(interval),
                "n": sum(s.value is not None for s in judged.scores),
                "unreadable": f"{judged.unreadable:.1%}",
                "trust": known["badge"] if known else "unknown",
            }
        )
    return rows


def hit_rows(rates: Sequence[HitRate]) -> list[Row]:
    """One row per language: hit rate with interval, by kind of item, and unreadable verdicts; then all together."""
    names = list(dict.fromkeys(name for rate in rates for name in rate.categories))
    rows: list[Row] = []
    for rate in rates:
        kinds = {n.replace("_", " "): "{}/{}".format(*rate.categories.get(n, (0, 0))) for n in names}
        hit = {"lang": rate.lang, "hits": percent(rate.value), "95 %": span(rate.interval), "n": rate.n}
        rows.append({**hit, **kinds, "unreadable": rate.unreadable})
    total = {n: [sum(r.categories.get(n, (0, 0))[i] for r in rates) for i in (0, 1)] for n in names}
    n = sum(r.n for r in rates)
    every = {"lang": "all", "hits": percent(sum(r.hits for r in rates) / n), "95 %": "", "n": n}
    kinds = {name.replace("_", " "): "{}/{}".format(*counts) for name, counts in total.items()}
    rows.append({**every, **kinds, "unreadable": sum(r.unreadable for r in rates)})
    return rows


def judge_rows() -> list[Row]:
    """The judges that there are."""
    return [
        {
            "judge": name,
            "kind": judge.file.kind,
            "metric": judge.file.metric,
            "model": judge.file.model,
            "variants": ", ".join(judge.templates) if len(judge.templates) > 1 else "",
            "title": judge.file.title,
        }
        for name, judge in all_judges().items()
    ]


def trust_rows(found: Sequence[Trust]) -> list[Row]:
    """One row per judge and language: the badge, why, and the measures."""
    names = list(dict.fromkeys(name for trust in found for name in trust.measures))
    rows: list[Row] = []
    for trust in found:
        measures = {}
        for name in names:
            effect = trust.measures.get(name)
            shown = "" if effect is None else f"{effect.value:.2f}"
            if effect is not None and effect.interval is not None:
                shown += f" ({effect.interval.low:.2f} … {effect.interval.high:.2f})"
            measures[name.replace("_", " ")] = shown
        rows.append(
            {
                "judge": trust.judge,
                "by": trust.model,
                "lang": trust.lang,
                "trust": trust.badge,
                "why": trust.why,
                "answers": trust.answers,
                **measures,
                "own family": ", ".join(trust.families),
            }
        )
    return rows


def board_rows(board: Board) -> list[Row]:
    """One row per model, best first: rating, rank, win share with honest and naive interval, and their ratio."""
    shares = {s.name: s for s in board.shares}
    rows: list[Row] = []
    for rating in board.ratings:
        share = shares.get(rating.name)
        low, high = rating.rank_low, rating.rank_high
        rows.append(
            {
                "rank": "–" if low is None else f"{low}" if low == high else f"{low}–{high}",
                "model": rating.name,
                "elo": f"{rating.elo:.0f}",
                "elo 95 %": "fixed" if rating.name == board.baseline else span(rating.interval, 1.0),
                "win share %": percent(share.value if share else None),
                "95 % by prompt": span(share.interval if share else None),
                "95 % naive": span(share.naive if share else None),
                "ratio": f"{share.ratio:.2f}" if share and share.ratio else "–",
                "prompts": share.prompts if share else "",
            }
        )
    return rows
