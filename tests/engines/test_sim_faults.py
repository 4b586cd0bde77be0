"""Faults are drawn by seed, item and attempt alone; bad settings are refused."""

from __future__ import annotations

import pytest

from mevals.engines.sim.faults import FAULTS, Config, draw_fault, parse_config, parse_rates, spoil
from mevals.errors import UsageError


def test_rates_are_met_and_each_attempt_draws_anew() -> None:
    config = Config(faults={"429": 0.2, "drop": 0.1})
    drawn = [draw_fault(config, f"item{i}", a) for i in range(5_000) for a in range(2)]
    assert drawn.count("429") / len(drawn) == pytest.approx(0.2, abs=0.015)
    assert drawn.count("drop") / len(drawn) == pytest.approx(0.1, abs=0.015)
    first, second = drawn[0::2], drawn[1::2]
    assert first != second
    assert [draw_fault(config, f"item{i}", 0) for i in range(5_000)] == first


def test_a_sticky_fault_meets_every_attempt() -> None:
    config = Config(sticky={"500": 0.3}, faults={"429": 1.0})
    for i in range(200):
        drawn = {draw_fault(config, f"item{i}", a) for a in range(5)}
        assert drawn in ({"500"}, {"429"})


def test_the_seed_changes_the_faults() -> None:
    a, b = ([draw_fault(Config(seed=s, faults={"500": 0.5}), str(i), 0) for i in range(50)] for s in (1, 2))
    assert a != b


def test_without_rates_there_are_no_faults() -> None:
    assert draw_fault(Config(), "x", 0) is None


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"latency": 5}, "did you mean 'latency_ms'"),
        ({"latency_ms": "5"}, "latency_ms"),
        ({"latency_ms": -1}, "negative"),
        ({"latency_ms": None}, "latency_ms"),
        ({"faults": {"drops": 0.1}}, "did you mean 'drop'"),
        ({"faults": {"200": 0.1}}, "no fault '200'"),
        ({"faults": {"429": 0.7, "500": 0.7}}, "at most 1"),
        ({"faults": {"429": True}}, "429"),
        ({"faults": [0.1]}, "object"),
        ({"redirect_to": 3}, "redirect_to"),
    ],
)
def test_a_bad_setting_is_refused_with_a_sentence(settings: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_config(settings)


def test_settings_are_laid_over_the_base() -> None:
    config = parse_config({"seed": 4, "retry_after_s": None}, Config(latency_ms=7.0, retry_after_s=1.0))
    assert (config.latency_ms, config.seed, config.retry_after_s) == (7.0, 4, None)


def test_rates_are_read_from_the_command_line() -> None:
    assert parse_rates("429=.02, drop=0.005,") == {"429": 0.02, "drop": 0.005}
    with pytest.raises(UsageError, match="written as"):
        parse_rates("429")


REPLY = {
    "model": "demo",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "abcd"}, "finish_reason": "stop"}],
}


@pytest.mark.parametrize(
    ("fault", "contents", "finish", "model"),
    [
        ("no_text", [None], "content_filter", "demo"),
        ("length", ["ab"], "length", "demo"),
        ("empty_choices", [], None, "demo"),
        ("wrong_count", ["abcd", "abcd"], "stop", "demo"),
        ("other_model", ["abcd"], "stop", "another-model"),
        ("slow", ["abcd"], "stop", "demo"),
    ],
)
def test_a_spoilt_reply_says_something_else(
    fault: str, contents: list[str | None], finish: str | None, model: str
) -> None:
    got = spoil(REPLY, fault)
    assert [c["message"]["content"] for c in got["choices"]] == contents
    assert [c["finish_reason"] for c in got["choices"][:1]] == ([finish] if finish else [])
    assert got["model"] == model


def test_spoiling_leaves_the_original_alone() -> None:
    for fault in FAULTS:
        spoil(REPLY, fault)
    assert REPLY["choices"][0]["message"]["content"] == "abcd"  # type: ignore[index]
