"""From a judge model's name to an engine; the simulated judges are known here."""

from __future__ import annotations

from mevals.engines.engine import Engine
from mevals.engines.opening import Serving, open_engine

REPLY = "judge=mevals.engines.sim.judge:answer_judge"
"""What makes a simulated server answer judges' questions."""
ROOM = 262_144
"""Tokens of context that a simulated judge has: two long answers must fit."""


def is_simulated_judge(name: str) -> bool:
    """Whether a name means a simulated judge."""
    return name.startswith("demo-judge")


def open_judge(name: str, serving: Serving) -> Engine:
    """The engine for a judge's model, not opened yet: any that could be evaluated, or a simulated judge.

    Raises UsageError for an unknown model.
    """
    if not is_simulated_judge(name):
        return open_engine(name, serving)
    from mevals.engines.sim.judge import find_bias
    from mevals.engines.simulated import Simulated

    find_bias(name)
    arguments = ["--served-model-name", f"{name}=demo-perfect", "--reply", REPLY, "--max-model-len", str(ROOM)]
    base_url = serving.base_urls[0] if serving.base_urls else ""
    return Simulated(name, arguments=[*arguments, *serving.simulated], base_url=base_url, timeout_s=serving.timeout_s)
