"""The hash by which harness and simulated server know a request."""

from __future__ import annotations

from hashlib import blake2b

import pytest

from mevals.engines.sim.item import Item, parse_item
from mevals.engines.sim.key import message_key, prompt_key
from mevals.engines.sim.keystore import AnswerKey, read_records
from mevals.engines.sim.replies import labels
from mevals.errors import DataError

HASH = "0123456789abcdef" * 2


def test_the_key_is_the_hash_of_the_canonical_json() -> None:
    canonical = '[{"content":"Habari?","role":"user"}]'
    expected = blake2b(canonical.encode(), digest_size=16).hexdigest()
    assert message_key([{"role": "user", "content": "Habari?"}]) == expected


def test_the_order_of_fields_and_further_fields_change_nothing() -> None:
    plain = message_key([{"role": "user", "content": "x"}])
    assert message_key([{"content": "x", "role": "user", "name": "me"}]) == plain
    assert message_key([{"role": "user", "content": [{"type": "text", "text": "x"}]}]) == plain


@pytest.mark.parametrize(
    "other",
    [
        [{"role": "system", "content": "x"}],
        [{"role": "user", "content": "x "}],
        [{"role": "user", "content": "x"}, {"role": "assistant", "content": ""}],
        [],
    ],
)
def test_any_change_of_the_messages_changes_the_key(other: list[dict[str, str]]) -> None:
    assert message_key(other) != message_key([{"role": "user", "content": "x"}])


def test_lone_surrogates_have_a_key_too() -> None:
    assert message_key([{"role": "user", "content": "a\ud800b"}]) == message_key([{"role": "user", "content": "a?b"}])
    assert prompt_key("a\ud800b") == prompt_key("a?b")


def test_a_record_needs_only_a_hash() -> None:
    assert parse_item({"hash": HASH}) == Item(HASH)


def test_target_comes_before_targets_and_is_not_doubled() -> None:
    item = parse_item({"hash": HASH, "target": "b", "targets": ["a", "b"]})
    assert item.targets == ("b", "a")
    assert item.target == "b"


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({}, "32 hex digits"),
        ({"hash": "xyz"}, "32 hex digits"),
        ({"hash": HASH.upper()}, "32 hex digits"),
        ({"hash": HASH, "langs": "x"}, "did you mean 'lang'"),
        ({"hash": HASH, "choices": "ABCD"}, "choices"),
        ({"hash": HASH, "target": 18}, "target"),
        ("hash", "object"),
    ],
)
def test_a_bad_record_is_refused_with_a_sentence(record: object, said: str) -> None:
    with pytest.raises(DataError, match=said):
        parse_item(record)


def test_the_key_gives_back_what_it_took() -> None:
    key = AnswerKey()
    records = [
        {"hash": HASH, "target": "১৮", "task": "t", "lang": "ben_Beng", "kind": "number", "prefix": "উত্তর"},
        {"hash": HASH[::-1], "targets": ["x", "y"], "kind": "choice", "choices": ["x", "y"], "source_lang": "eng_Latn"},
    ]
    assert key.add(records) == {"added": 2, "same": 0, "conflicts": 0, "keys": 2}
    assert key.get(HASH) == parse_item(records[0])
    assert key.get(HASH[::-1]) == parse_item(records[1])
    assert key.get("f" * 32) is None


def test_the_same_line_twice_is_no_conflict_but_another_target_is() -> None:
    key = AnswerKey()
    key.add([{"hash": HASH, "target": "1"}])
    assert key.add([{"hash": HASH, "target": "1"}])["same"] == 1
    assert key.add([{"hash": HASH, "target": "2"}])["conflicts"] == 1


def test_a_bad_line_is_named() -> None:
    with pytest.raises(DataError, match="line 2"):
        read_records(b'{"hash": "x"}\n{"hash": \n')
    with pytest.raises(DataError, match="record 2"):
        AnswerKey().add([{"hash": HASH}, {"hash": ""}])


def test_line_separators_inside_strings_do_not_break_lines() -> None:
    assert read_records('{"a": "x\u2028y"}\n\n{"a": "z"}'.encode()) == [{"a": "x\u2028y"}, {"a": "z"}]


@pytest.mark.parametrize("context", ["Q: capital?\nAnswer:", "Q: capital? Answer: ", "问：首都？答案："])
@pytest.mark.parametrize("option", ["Addis Ababa", "Nairobi: the city"])
def test_a_context_with_an_option_is_recognised(context: str, option: str) -> None:
    key = AnswerKey()
    choices = ["Addis Ababa", "Nairobi: the city"]
    key.add([{"hash": prompt_key(context), "kind": "choice", "choices": choices, "target": "Addis Ababa"}])
    space = "" if context.endswith((" ", "：")) else " "
    found = key.find_option(context + space + option, labels)
    assert found is not None
    assert (found[1], found[2]) == (choices.index(option), len(context))
    assert key.find_option(context + space + "Lagos", labels) is None
