"""Whether a judge and a candidate come from one maker: such a judge may prefer its own kind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=1)
def _makers() -> Mapping[str, str]:
    from mevals.safe_yaml import load_yaml

    table = load_yaml(Path(__file__).with_name("families.yaml"))
    return {str(word): str(maker) for maker, words in table.items() for word in words}


def maker_of(model: str) -> str | None:
    """Who made a model, by the beginning of its name or of the part behind "org/"; None where that is not known."""
    names = [model.casefold(), re.split(r"[/:]|__", model.casefold())[-1]]
    makers = _makers()
    fits = [word for word in makers for name in names if re.match(rf"{re.escape(word)}(?![a-z])", name)]
    return makers[max(fits, key=len)] if fits else None


def shared_family(judge_model: str, candidate: str) -> str | None:
    """The maker that both come from; None where they differ or one is unknown. A model is of one family with itself."""
    if judge_model == candidate:
        return maker_of(candidate) or candidate
    mine, theirs = maker_of(judge_model), maker_of(candidate)
    return mine if mine is not None and mine == theirs else None
