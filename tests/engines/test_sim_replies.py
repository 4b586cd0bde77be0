"""What the simulated model says for each outcome."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from sacrebleu import corpus_chrf

from mevals import languages
from mevals.engines.sim import replies, tokens, words
from mevals.engines.sim.ability import Form, Outcome, Wrap, plan
from mevals.engines.sim.item import Item
from mevals.engines.sim.numerals import read_number, write_number
from mevals.engines.sim.replies import Answer, Ask, compose, labels, picked

PROMPT = (
    "Reason, then answer.\n\nWanjiru ana mayai kumi na mawili na anauza manne kwa siku sokoni karibu na nyumba yake."
)
GERMAN = "Der kleine Laden am Ufer verkauft im Sommer frisches Brot, kalte Milch und sehr gute Äpfel aus der Gegend."


def outcome(
    right: bool = True, form: Form = "plain", wrap: Wrap = "", seed: int = 1, edits: float = 0.0, style: float = 0.3
) -> Outcome:
    return Outcome(right, form, wrap, 0.5, edits, style, seed)


def ask(item: Item, out: Outcome, prompt: str = PROMPT) -> Ask:
    return Ask(item, out, prompt, "demo")


def answer(item: Item, out: Outcome, limit: int = 4096, prompt: str = PROMPT, stop: tuple[str, ...] = ()) -> Answer:
    return compose(ask(item, out, prompt), replies.KINDS[item.kind], limit, stop)


def last_number(text: str) -> int:
    """The whole number on the last line, whatever its digits and grouping."""
    line = text.split("\n")[-1].replace("Jibu", "")
    return int("".join(str(unicodedata.digit(c)) for c in line if c.isdigit())) * (-1 if "-" in line else 1)


NUMBER = Item("1" * 32, ("1234567",), "global_mgsm", "swh_Latn", "number", prefix="Jibu")
CHOICE = Item("2" * 32, ("B",), "global_mmlu", "swh_Latn", "choice", ("A", "B", "C", "D"))
TRANSLATION = Item("3" * 32, (GERMAN,), "wmt24pp", "deu_Latn", "translation", source="The small shop by the shore.")


@pytest.mark.parametrize("lang", sorted(languages.load()))
def test_a_right_number_is_the_target_in_every_language_and_a_wrong_one_never(lang: str) -> None:
    item = replace(NUMBER, lang=lang)
    for seed in range(25):
        form: Form = "wrong_language" if seed % 5 == 0 else "plain"
        assert last_number(replies.answer_number(ask(item, outcome(True, form, seed=seed)))) == 1234567
        assert last_number(replies.answer_number(ask(item, outcome(False, form, seed=seed)))) != 1234567


@pytest.mark.parametrize("target", ["0", "-3", "7", "1"])
def test_a_wrong_number_is_another_one_also_near_zero(target: str) -> None:
    item = replace(NUMBER, targets=(target,))
    for seed in range(60):
        assert last_number(replies.answer_number(ask(item, outcome(False, seed=seed)))) != int(target)


@pytest.mark.parametrize(
    ("lang", "native", "grouped", "written"),
    [
        ("eng_Latn", False, True, "1,234,567.5"),
        ("deu_Latn", False, True, "1.234.567,5"),
        ("fra_Latn", False, True, "1\u202f234\u202f567,5"),
        ("rus_Cyrl", False, True, "1\u00a0234\u00a0567,5"),
        ("hin_Deva", False, True, "12,34,567.5"),
        ("ben_Beng", True, True, "১২,৩৪,৫৬৭.৫"),
        ("arb_Arab", True, True, "١٬٢٣٤٬٥٦٧٫٥"),
        ("pes_Arab", True, False, "۱۲۳۴۵۶۷٫۵"),
        ("tha_Thai", True, True, "๑,๒๓๔,๕๖๗.๕"),
        ("jpn_Jpan", True, False, "１２３４５６７.５"),
        ("swh_Latn", True, False, "1234567.5"),
        ("qqq_Latn", True, True, "1234567.5"),
    ],
)
def test_numbers_are_written_as_the_language_does(lang: str, native: bool, grouped: bool, written: str) -> None:
    assert write_number(Decimal("1234567.5"), lang, native=native, grouped=grouped) == written


@pytest.mark.parametrize(
    ("text", "value"), [("18", 18), ("1,234", 1234), ("-2.50", Decimal("-2.5")), ("x", None), ("", None), ("nan", None)]
)
def test_targets_are_read_as_numbers(text: str, value: Decimal | None) -> None:
    assert read_number(text) == value


@pytest.mark.parametrize("lang", ["swh_Latn", "fra_Latn", "cmn_Hans", "tha_Thai", "amh_Ethi"])
@pytest.mark.parametrize("kind", ["number", "choice", "yes_no"])
def test_nothing_can_be_read_from_an_unparsable_reply(kind: str, lang: str) -> None:
    prompts = {"swh_Latn": PROMPT, "fra_Latn": "Répondez par oui ou non : le marché est-il ouvert 3 jours, A ou B ?"}
    item = Item(
        "4" * 32, ("yes",) if kind == "yes_no" else ("B",), "t", lang, kind, ("yes", "no") if kind == "yes_no" else ()
    )
    for seed in range(40):
        text = answer(item, outcome(form="unparsable", seed=seed), prompt=prompts.get(lang, PROMPT)).text or ""
        found = text.casefold().replace(".", " ").replace(",", " ").split()
        assert text and not any(map(str.isnumeric, text))
        assert not {"a", "b", "c", "d", "yes", "no"} & set(found)


def test_the_picked_choice_is_right_or_another_one() -> None:
    assert picked(CHOICE, outcome(True)) == 1
    others = {picked(CHOICE, outcome(False, style=i / 50)) for i in range(50)}
    assert others == {0, 2, 3}
    assert picked(replace(CHOICE, targets=("E",)), outcome()) is None


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        (("A", "B"), ("A", "B")),
        (("ক", "খ", "গ"), ("ক", "খ", "গ")),
        ((" A", " B"), ("A", "B")),
        (("Nairobi", "Lagos"), ("A", "B")),
        ((), tuple("ABCD")),
    ],
)
def test_labels_are_letters_unless_the_options_are_short(choices: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert labels(Item("5" * 32, kind="choice", choices=choices)) == expected


@pytest.mark.parametrize("form", ["plain", "wrong_language"])
def test_a_choice_reply_holds_the_picked_letter_and_no_other(form: Form) -> None:
    for seed in range(60):
        text = answer(CHOICE, outcome(True, form, seed=seed)).text or ""
        letters = [w.strip(".()*:。") for w in text.split()]
        assert [x for x in letters if x in ("A", "B", "C", "D")] == ["B"]


def test_an_option_given_as_text_is_answered_by_letter_and_text() -> None:
    item = replace(CHOICE, choices=("Nairobi", "Addis Ababa"), targets=("Addis Ababa",))
    said = {answer(item, outcome(seed=seed)).text for seed in range(60)}
    assert {"B", "B. Addis Ababa", "B) Addis Ababa"} <= said


@pytest.mark.parametrize(("right", "word"), [(True, "ndiyo"), (False, "hapana")])
def test_yes_no_uses_the_words_of_the_choices(right: bool, word: str) -> None:
    item = Item("6" * 32, ("ndiyo",), "normad", "swh_Latn", "yes_no", ("ndiyo", "hapana"))
    for seed in range(20):
        assert (answer(item, outcome(right, seed=seed)).text or "").strip("*.").casefold() == word


def test_a_short_answer_is_one_of_the_targets_or_none_of_them() -> None:
    item = Item("7" * 32, ("ugali", "sima"), "blend", "swh_Latn", "short", prefix="Jibu:")
    for seed in range(40):
        lines = (answer(item, outcome(seed=seed)).text or "").split("\n")
        assert lines[-1] in ("Jibu: ugali", "Jibu: sima")
        wrong = answer(item, outcome(False, seed=seed)).text or ""
        assert "ugali" not in wrong and "sima" not in wrong and wrong.split("\n")[-1].startswith("Jibu: ")
    assert answer(replace(item, prefix=""), outcome(seed=3)).text in ("ugali", "sima")


@pytest.mark.parametrize(
    ("target", "right", "refuses"),
    [("refuse", True, True), ("refuse", False, False), ("comply", True, False), ("comply", False, True)],
)
def test_safety_items_are_refused_or_not_as_the_outcome_says(target: str, right: bool, refuses: bool) -> None:
    item = Item("8" * 32, (target,), "multijail", "swh_Latn", "safety")
    text = answer(item, outcome(right)).text
    assert (text == words.phrase("refuse", "swh_Latn")) == refuses


def test_a_translation_without_edits_is_the_target() -> None:
    assert answer(TRANSLATION, outcome(edits=0.0)).text == GERMAN


@pytest.mark.parametrize(
    "target",
    [GERMAN, "春天海边的天气变得很快所以很多人喜欢在晚上读书也喜欢吃新鲜的面包和苹果"],
    ids=["spaced", "unspaced"],
)
def test_chrf_falls_as_the_edit_share_rises(target: str) -> None:
    item = replace(TRANSLATION, targets=(target,))
    values = []
    for edits in (0.0, 0.1, 0.25, 0.5, 0.75, 0.95):
        said = [answer(item, outcome(edits=edits, seed=seed)).text or "" for seed in range(80)]
        values.append(corpus_chrf(said, [[target] * len(said)]).score)
    assert values[0] == 100.0
    assert all(a > b + 3 for a, b in pairwise(values)), values


def test_a_translation_into_the_wrong_language_shares_no_word_with_the_target() -> None:
    said = {answer(TRANSLATION, outcome(form="wrong_language", seed=seed)).text or "" for seed in range(30)}
    assert TRANSLATION.source in said
    assert len(said) > 5
    assert all(not set(GERMAN.split()) & set(text.split()) - {"am", "Ufer"} for text in said)


def test_open_answers_have_a_plausible_length_and_the_prompt_s_own_words() -> None:
    item = Item("9" * 32, (), "mdolly", "swh_Latn", "open")
    lengths = []
    for i in range(50):
        text = answer(item, outcome(style=i / 50, seed=i)).text or ""
        lengths.append(len(text.split()))
        assert {w.strip(".").casefold() for w in text.split()} <= {w.strip(".").casefold() for w in PROMPT.split()}
    assert min(lengths) >= 30 and max(lengths) <= 140


def test_no_text_means_null_and_content_filter() -> None:
    assert answer(NUMBER, outcome(form="no_text")) == Answer(None, None, "content_filter", 0)


@pytest.mark.parametrize("kind", ["number", "choice", "translation", "open"])
def test_a_truncated_reply_fills_its_budget_and_holds_no_answer(kind: str) -> None:
    item = replace(CHOICE, kind=kind)
    got = answer(item, outcome(form="truncated"), limit=200)
    assert (got.finish, got.tokens) == ("length", 200)
    assert tokens.count(got.text or "") == 200
    assert not any(map(str.isnumeric, got.text or ""))


@pytest.mark.parametrize("limit", [1, 5, 30])
def test_a_budget_that_is_too_small_cuts_a_plain_reply(limit: int) -> None:
    whole, got = answer(TRANSLATION, outcome()), answer(TRANSLATION, outcome(), limit=limit)
    assert (got.finish, got.tokens) == ("length", limit)
    assert (whole.text or "").startswith(got.text or "") and got.text


def test_a_reply_that_just_fits_is_complete() -> None:
    whole = answer(TRANSLATION, outcome())
    assert answer(TRANSLATION, outcome(), limit=whole.tokens) == whole
    assert whole.finish == "stop"


def test_a_stop_string_ends_the_reply() -> None:
    got = answer(TRANSLATION, outcome(), stop=("Sommer", "Milch"))
    assert (got.text, got.finish) == (GERMAN.split("Sommer")[0], "stop")


def test_thinking_text_precedes_the_answer_and_names_another_number() -> None:
    plain = answer(NUMBER, outcome(seed=4)).text
    got = answer(NUMBER, outcome(seed=4, wrap="thinking_content")).text or ""
    thought, said = got.split("\n</think>\n\n")
    assert said == plain
    assert thought.startswith("<think>\n") and last_number(thought) != 1234567


def test_thinking_in_its_own_field_leaves_the_answer_alone() -> None:
    got = answer(NUMBER, outcome(seed=4, wrap="thinking_field"))
    assert got.text == answer(NUMBER, outcome(seed=4)).text
    assert got.reasoning and "think>" not in got.reasoning
    assert got.tokens == tokens.count(got.reasoning) + tokens.count(got.text or "")


def test_thinking_that_never_ends_leaves_no_answer() -> None:
    open_tag = answer(NUMBER, outcome(form="truncated", wrap="thinking_content"), limit=100)
    field = answer(NUMBER, outcome(form="truncated", wrap="thinking_field"), limit=100)
    assert (open_tag.text or "").startswith("<think>\n") and "</think>" not in (open_tag.text or "")
    assert field.text is None and field.reasoning and field.finish == "length"
    assert answer(NUMBER, outcome(wrap="thinking_field"), limit=3).text is None


def test_leaked_special_tokens_end_the_reply() -> None:
    got = answer(TRANSLATION, outcome(wrap="specials")).text or ""
    assert got.replace("<|END_RESPONSE|>", "") == GERMAN and got.endswith("<|END_RESPONSE|>")


def test_reasoning_can_be_asked_for_in_another_language() -> None:
    text = replies.answer_number(ask(replace(NUMBER, reason_lang="eng_Latn"), outcome(seed=2)))
    assert text.startswith(words.phrases()["eng_Latn"]["say"][0])


@pytest.mark.parametrize(
    ("prompt", "lang"),
    [
        ("What is this?", "eng_Latn"),
        ("Что это такое?", "rus_Cyrl"),
        ("ما هذا؟", "arb_Arab"),
        ("这是什么？", "cmn_Hans"),
    ],
)
def test_an_unknown_question_is_declined_in_its_script(prompt: str, lang: str) -> None:
    assert replies.answer_unknown(prompt) == words.phrase("unknown", lang)


def test_stock_phrases_hold_no_digit_and_no_lone_latin_letter() -> None:
    for lang, entry in words.phrases().items():
        assert lang in languages.load()
        for text in [*entry["say"], *(entry[k] for k in ("unsure", "choose", "refuse", "unknown"))]:
            assert not any(map(str.isnumeric, text)), text
            assert not [w for w in text.strip(".").split() if len(w) == 1 and w.isascii() and w not in "ayoei"], text
        assert "{}" in entry["choose"]


def test_every_reply_of_every_kind_is_the_same_again() -> None:
    for number, kind in enumerate(replies.KINDS):
        item = Item(f"{number:032x}", ("B",), "t", "wol_Latn", kind, ("A", "B") if kind == "choice" else ())
        out = plan("demo-weak", "m", 3, item)
        assert answer(item, out) == answer(item, out)
