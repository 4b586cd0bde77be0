"""What reports show of a judge's trustworthiness: the badge beside every score that the judge made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from mevals.errors import DataError

FILE = "judges.json"
"""Written by `mevals judge trust` into the results folder."""
BADGES = ("high", "fair", "low", "unknown")


def load_trust(results: Path) -> Mapping[tuple[str, str | None], Mapping[str, Any]]:
    """(signature, language) → what judges.json says: badge, why, measures. Empty where there is no such file."""
    path = results / FILE
    if not path.exists():
        return {}
    try:
        content = orjson.loads(path.read_bytes())
        return {(t["signature"], t["lang"]): t for t in content["judges"]}
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise DataError(f"{path} is damaged: delete it and run `mevals judge trust`") from None


def with_trust(cells: Sequence[Mapping[str, Any]], results: Path) -> list[Mapping[str, Any]]:
    """Cell records (of cells.json) whose judged metrics say how far the judge is trusted in their language.

    Each metric made by a judge gets `trust` (high, fair, low, unknown) and `trust_why`; others are left as they are.
    """
    known = load_trust(results)

    def judged(cell: Mapping[str, Any], metric: Mapping[str, Any]) -> Mapping[str, Any]:
        if not str(metric.get("signature", "")).startswith("judge|"):
            return metric
        found = _find(known, str(metric["signature"]), cell.get("lang"))
        return {
            **metric,
            "trust": found["badge"] if found else "unknown",
            "trust_why": found["why"] if found else "not measured: run `mevals judge trust`",
        }

    return [{**c, "metrics": [judged(c, m) for m in c["metrics"]]} for c in cells]


def _find(
    known: Mapping[tuple[str, str | None], Mapping[str, Any]], signature: str, lang: str | None
) -> Mapping[str, Any] | None:
    """The entry of a signature, or of the longest beginning of it: what is derived from a judge's score adds parts."""
    parts = signature.split("|")
    beginnings = ("|".join(parts[:n]) for n in range(len(parts), 1, -1))
    return next((known[name, lang] for name in beginnings if (name, lang) in known), None)


def trust_marks(metrics: Iterable[Mapping[str, Any]]) -> list[str]:
    """What stands among a row's marks about its scores' judges: "trust:high", or how many languages have which badge."""
    found = list(metrics)
    badges = [m["trust"] for m in found if m.get("trust")]
    simulated = ["simulated-judge"] * any("|simulated:yes" in str(m.get("signature")) for m in found)
    counts = {name: badges.count(name) for name in BADGES if name in badges}
    if len(counts) < 2:
        return [*simulated, *(f"trust:{name}" for name in counts)]
    return [*simulated, "trust:" + ",".join(f"{name}={n}" for name, n in counts.items())]
