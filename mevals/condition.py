"""Conditions: named changes to how any task is asked, which become part of a cell's identity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mevals.errors import UsageError, did_you_mean

KEYS: Mapping[str, str] = {
    "prompt": "which variant of the prompt, by its name in prompts.yaml",
    "shots": "number of exemplars",
    "exemplars": "language of the exemplars: target or english",
    "think": "thinking: on or off",
    "variant": "a free label for a changed model, such as a quantisation",
}


VALUES: Mapping[str, tuple[str, ...]] = {"exemplars": ("target", "english"), "think": ("on", "off")}


@dataclass(frozen=True)
class Condition:
    """A set of changes such as prompt-native+shots-5. An empty one is the task as its card defines it."""

    changes: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Read `prompt-native+shots-5` (also with = for -). Raises UsageError for an unknown key."""
        changes: dict[str, str] = {}
        for part in filter(None, text.split("+")):
            key, _, value = part.replace("=", "-", 1).partition("-")
            if key not in KEYS or not value:
                known = ", ".join(f"{k}-… ({v})" for k, v in KEYS.items())
                raise UsageError(f"unknown condition {part!r}{did_you_mean(key, KEYS)} Known: {known}")
            changes[key] = _checked(key, value)
        if "exemplars" in changes and "shots" not in changes:
            raise UsageError("exemplars-… needs shots-N, the number of exemplars")
        return cls(dict(sorted(changes.items())))

    def get(self, key: str, default: str = "") -> str:
        """The value of one change, or `default`."""
        return self.changes.get(key, default)

    @property
    def shots(self) -> int:
        """How many exemplars are shown."""
        return int(self.changes.get("shots", "0"))

    @property
    def exemplars(self) -> str:
        """In which language exemplars are shown: "target" (the question's) or "english"."""
        return self.changes.get("exemplars", "target")

    def __str__(self) -> str:
        return "+".join(f"{k}-{v}" for k, v in self.changes.items())


def _checked(key: str, value: str) -> str:
    if key == "shots" and not (value.isascii() and value.isdigit()):
        raise UsageError(f"shots-{value}: the number of exemplars must be a whole number, such as shots-5")
    if key in VALUES and value not in VALUES[key]:
        raise UsageError(f"{key}-{value}{did_you_mean(value, VALUES[key])} Known: {', '.join(VALUES[key])}")
    return value
