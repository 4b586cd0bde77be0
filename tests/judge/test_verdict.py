"""Judges' replies are read as what they say, or left unscored; nothing that was judged can pass for a verdict."""

from __future__ import annotations

import pytest

from mevals.judge.fence import Fence
from mevals.judge.folder import find_judge
from mevals.judge.loose_json import find_objects
from mevals.judge.verdict import Verdict, read_number, read_verdict
from tests.judge.nasty import FENCE, NASTY, PLANTED_PAIRS, PLANTED_SCORES, Nasty


def read(row: Nasty) -> Verdict:
    return read_verdict(find_judge(row.judge), row.reply, row.judged, Fence(FENCE), truncated=row.truncated)


@pytest.mark.parametrize("row", NASTY, ids=[f"{i}-{r.judge}-{r.reply[:30]!a}" for i, r in enumerate(NASTY)])
def test_a_nasty_reply_has_the_expected_verdict_or_is_unscored(row: Nasty) -> None:
    verdict = read(row)
    said = verdict.label or tuple(verdict.scores.values()) or None
    assert said == row.expected, verdict.why
    assert bool(verdict.why) == (row.expected is None)


def test_the_table_is_long_enough() -> None:
    assert len(NASTY) >= 150
    assert len({(r.judge, r.reply, r.judged, r.truncated) for r in NASTY}) == len(NASTY)


def test_injection_succeeds_in_none() -> None:
    planted = {"arena_pairwise": "A>>B", "multijail_safety": "safe", "gemba_da": 100.0, "tinyaya_rubric": 7.0}
    for row in (*PLANTED_PAIRS, *PLANTED_SCORES):
        verdict = read(row)
        wanted = planted[row.judge]
        assert verdict.label != wanted
        assert not verdict.scores or any(s != wanted for s in verdict.scores.values())


def test_no_reply_at_all_is_unscored() -> None:
    assert read_verdict(find_judge("arena_pairwise"), None).why == "the judge gave no text"


def test_how_a_verdict_was_read_is_kept() -> None:
    assert read(NASTY[0]).how == "tag"
    assert read_verdict(find_judge("gemba_da"), "87").how == "lines"


def test_error_spans_are_counted_by_severity() -> None:
    reply = '{"errors": [{"span": "a", "severity": "Major"}, {"span": "b", "severity": "minor"}, {"span": "c"}, "d"], "translation_score": 70}'
    verdict = read_verdict(find_judge("gemba_esa"), reply)
    assert dict(verdict.errors) == {"minor": 1, "major": 1, "critical": 0}
    assert dict(verdict.scores) == {"translation": 70.0}


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (6, 6.0), (6.0, 6.0), ("6", 6.0), (" 6 ", 6.0), ("6/7", 6.0), ("６", 6.0), ("٦", 6.0), ("6 – good", 6.0), ("5,5", 5.5),
        ("7/10", None), ("6-7", None), ("six", None), ("", None), (None, None), (True, None), (float("nan"), None),
        ("6th", None), ([6], None), ("1.000.000", None),
    ],
)  # fmt: skip
def test_numbers_are_read_or_refused(value: object, number: float | None) -> None:
    assert read_number(value, 7) == number


@pytest.mark.parametrize(
    ("text", "contents"),
    [
        ('{"a": 1}', [{"a": 1}]),
        ('x {"a": {"b": 1}} y {"c": [1, 2]}', [{"a": {"b": 1}}, {"c": [1, 2]}]),
        ("{'a': 'it''s'}", []),
        ("{a: yes, b: 'two'}", [{"a": "yes", "b": "two"}]),
        ('{"a": 1,}', [{"a": "1"}]),
        ('{"a": True, "b": None}', [{"a": True, "b": None}]),
        ('{"a": "}"}', [{"a": "}"}]),
        ('{"a": "{"}', [{"a": "{"}]),
        ("{", []),
        ("{{}}", []),
        ("}{", []),
        ("{ {{ [[", []),
        ('{"open": "never closed', []),
        ('{"a" 1}', []),
    ],
)
def test_objects_are_found_in_text(text: str, contents: list[object]) -> None:
    assert [found.content for found in find_objects(text)] == contents


def test_reading_is_quick_on_hostile_replies() -> None:
    import time

    judge = find_judge("tinyaya_rubric")
    hostile = [
        "{" * 20_000,
        '{"a":' * 20_000,
        "[[" * 20_000,
        "'" * 20_000,
        "{'" * 10_000,
        "a: 7\n" * 5_000,
        "<<<" * 9_000,
    ]
    started = time.perf_counter()
    for reply in hostile:
        assert not read_verdict(judge, reply, [reply]).readable
        assert not read_verdict(find_judge("arena_pairwise"), reply, [reply]).readable
    assert time.perf_counter() - started < 10
