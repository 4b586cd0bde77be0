"""The simulated model: a server of known true ability, to hold scorers, intervals and reports against.

docs/simulated-model.md documents the ability model. Everything it serves says that it is simulated.
"""

from __future__ import annotations

from mevals.engines.sim.ability import Outcome, Profile, Rates, expected_rates, load_profiles, plan, true_ability
from mevals.engines.sim.item import Item
from mevals.engines.sim.key import message_key, prompt_key

__all__ = [
    "Item",
    "Outcome",
    "Profile",
    "Rates",
    "expected_rates",
    "load_profiles",
    "message_key",
    "plan",
    "prompt_key",
    "true_ability",
]
