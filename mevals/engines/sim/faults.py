"""Faults on demand: which of the server's replies go wrong, and how, as a pure function of seed, item and attempt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

from mevals.engines.sim.draw import unit
from mevals.errors import UsageError, did_you_mean

FAULTS: Mapping[str, str] = MappingProxyType(
    {
        "drop": "the connection is reset without a byte of reply",
        "malformed": "status 200 with a body of the announced length that isn't JSON",
        "cut_body": "status 200 whose body ends half way, before the announced length",
        "slow": "the right reply, slow_ms late",
        "hang": "no reply until the client gives up",
        "no_text": "status 200, content null, finish_reason content_filter",
        "length": "status 200, half of the text, finish_reason length",
        "empty_choices": "status 200, an empty list of choices",
        "wrong_count": "status 200, one choice more than asked for",
        "other_model": "status 200, the reply names another model",
        "redirect": "status 307 to redirect_to",
    }
)
"""Every fault but the plain statuses: "400" to "599" are faults too (429 at once, the others after the latency)."""


@dataclass(frozen=True)
class Config:
    """How the server behaves beside its models.

    Latency in milliseconds, uniform within ± `jitter` × latency. `faults` are drawn per attempt of an item, `sticky`
    per item: every attempt meets the same. `retry_after_s` None leaves the header out of a 429. `max_inflight` and
    `max_per_s` answer 429 beyond. `dead_after` requests the server refuses connections for `dead_for_s` seconds (0:
    for good). `template_bos` and `template_system` plant faults in the chat template, see tokens.render.
    """

    latency_ms: float = 0.0
    jitter: float = 0.0
    seed: int = 0
    faults: Mapping[str, float] = field(default_factory=dict)
    sticky: Mapping[str, float] = field(default_factory=dict)
    retry_after_s: float | None = None
    slow_ms: float = 2_000.0
    redirect_to: str = "http://127.0.0.1:9/"
    max_inflight: int | None = None
    max_per_s: float | None = None
    dead_after: int | None = None
    dead_for_s: float = 0.0
    template_bos: int = 1
    template_system: str = ""


def parse_config(raw: Mapping[str, Any], base: Config | None = None) -> Config:
    """A Config from JSON, over `base`'s values. Raises UsageError where one is unknown or out of range."""
    base = base or Config()
    known = {f.name for f in fields(Config)}
    values: dict[str, Any] = dict(base.__dict__)
    for name, value in raw.items():
        if name not in known:
            raise UsageError(f"the simulated server has no setting {name!r}{did_you_mean(name, known)}")
        if name in ("faults", "sticky"):
            values[name] = _rates(name, value)
            continue
        like = "" if name in ("redirect_to", "template_system") else 0.0
        if not (value is None and name in ("retry_after_s", "max_inflight", "max_per_s", "dead_after")):
            _check(name, value, like)
        values[name] = value
    return Config(**values)


def draw_fault(config: Config, item: str, attempt: int) -> str | None:
    """The fault that this attempt (0 is the first) at this item meets, or None. Sticky faults come first."""
    if config.sticky:
        stuck = _pick(config.sticky, unit(config.seed, "sticky", item))
        if stuck:
            return stuck
    if not config.faults:
        return None
    return _pick(config.faults, unit(config.seed, "fault", item, attempt))


def spoil(reply: dict[str, Any], fault: str) -> dict[str, Any]:
    """The reply with one of the faults that only change what it says; the same reply for any other fault."""
    first = dict(reply["choices"][0])
    if fault == "empty_choices":
        return {**reply, "choices": []}
    if fault == "wrong_count":
        return {**reply, "choices": [*reply["choices"], {**first, "index": len(reply["choices"])}]}
    if fault == "other_model":
        return {**reply, "model": "another-model"}
    if fault not in ("no_text", "length"):
        return reply
    text = (first["message"]["content"] if "message" in first else first["text"]) or ""
    said = None if fault == "no_text" else text[: len(text) // 2]
    first["finish_reason"] = "content_filter" if fault == "no_text" else "length"
    if "message" in first:
        first["message"] = {**first["message"], "content": said}
    else:
        first["text"] = said or ""
    return {**reply, "choices": [first, *reply["choices"][1:]]}


def parse_rates(text: str) -> dict[str, float]:
    """Rates from the command line: "429=.02,500=.01,drop=.005". Raises UsageError."""
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    try:
        return _rates("faults", {name.strip(): float(value) for name, _, value in pairs})
    except ValueError:
        raise UsageError(f"faults are written as 429=.02,drop=.005, not {text!r}") from None


def _pick(rates: Mapping[str, float], u: float) -> str | None:
    for name, rate in rates.items():
        if u < rate:
            return name
        u -= rate
    return None


def _rates(name: str, value: Any) -> dict[str, float]:
    if not isinstance(value, Mapping):
        raise UsageError(f"{name} needs an object of fault: rate")
    for fault, rate in value.items():
        if fault not in FAULTS and not (str(fault).isdigit() and 400 <= int(fault) <= 599):
            raise UsageError(f"there is no fault {fault!r}{did_you_mean(str(fault), (*FAULTS, '429', '500'))}")
        _check(f"{name}.{fault}", rate, 0.0)
    if sum(value.values()) > 1.0 + 1e-9 or any(rate < 0 for rate in value.values()):
        raise UsageError(f"the rates of {name} must lie between 0 and 1 and add up to at most 1")
    return {str(fault): float(rate) for fault, rate in value.items()}


def _check(name: str, value: Any, like: float | str) -> None:
    kind = str if isinstance(like, str) else (int, float)
    if isinstance(value, bool) or not isinstance(value, kind):
        raise UsageError(f"the setting {name!r} can't be {value!r}")
    if isinstance(value, int | float) and value < 0:
        raise UsageError(f"the setting {name!r} can't be negative")
