"""Choices by log-likelihood and by letter, against hand-made answers."""

from __future__ import annotations

import pytest

from mevals.scorers import choice, likelihood
from mevals.scorers.choice import offered, right_option
from mevals.types import Response, Score, Subset

GERMAN, THAI = Subset("deu_Latn", "deu_Latn"), Subset("tha_Thai", "tha_Thai")
LETTERS = ("A", "B", "C", "D")


def by_likelihood(
    sums: tuple[float, ...] | None, choices: tuple[str, ...] = LETTERS, target: str = "B", **more
) -> Score:
    response = Response("1", None, "stop", targets=(target,), choices=choices, choice_logprobs=sums, **more)
    (score,) = likelihood().score([response], GERMAN)
    return score


def by_letter(text: str | None, subset: Subset = GERMAN, target: str = "B", finish: str = "stop", **tags: str) -> Score:
    options = ("Berlin", "Hamburg", "Köln", "Bremen")
    response = Response("1", text, finish, targets=(target,), choices=options, tags=tags)  # type: ignore[arg-type]
    (score,) = choice().score([response], subset)
    return score


@pytest.mark.parametrize(
    ("sums", "value"),
    [
        ((-2.0, -1.0, -3.0, -4.0), 1.0),
        ((-1.0, -2.0, -3.0, -4.0), 0.0),
        ((-1.0, -1.0, -3.0, -4.0), 0.0),  # of equal ones the first counts, as with numpy's argmax
        ((-3.0, -1.0, -3.0, -1.0), 1.0),
    ],
)
def test_the_largest_sum_is_the_answer(sums: tuple[float, ...], value: float) -> None:
    assert by_likelihood(sums).value == value


def test_without_log_probabilities_a_sample_is_unscored() -> None:
    assert by_likelihood(None, error="HTTP 400: too long").detail == "HTTP 400: too long"
    assert by_likelihood((-1.0, -2.0)).value is None
    assert by_likelihood((-1.0, -2.0, -3.0, -4.0), target="E").value is None


def test_lengths_are_divided_by_only_where_they_differ() -> None:
    assert by_likelihood((-2.0, -1.0, -3.0, -4.0), choice_tokens=(1, 1, 1, 1)).parts == {}
    long, short = "ein sehr langer Satz", "kurz"
    score = by_likelihood((-10.0, -4.0), (long, short), "A", choice_tokens=(5, 1))
    assert score.value == 0.0  # -10 < -4
    assert score.parts == {"per_char": 1.0, "per_token": 1.0}  # -10/20 > -4/4 and -10/5 > -4/1
    assert by_likelihood((-10.0, -4.0), (long, short), "A").parts == {"per_char": 1.0}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Antwort: B", 1.0),
        ("Die richtige Antwort ist B.", 1.0),
        ("**B**", 1.0),
        ("A ist falsch, denn ...\nAntwort: B", 1.0),
        ("Hamburg", 1.0),
        ("Antwort: C", 0.0),
        ("Das ist schwer zu sagen.", None),
        (None, None),
    ],
)
def test_an_answer_is_right_wrong_or_unscored(text: str | None, value: float | None) -> None:
    score = by_letter(text, prefix="Antwort")
    assert score.value == value
    if text:
        assert score.parts == {"extracted": float(value is not None)}


def test_letters_of_another_script_and_number_labels_are_read() -> None:
    assert by_letter("คำตอบ: ข", THAI).value == 1.0
    assert by_letter("2", letters="1234", target="2").value == 1.0
    assert by_letter("3", letters="1234", target="2").value == 0.0


def test_a_cut_off_answer_counts_only_with_its_final_line() -> None:
    assert by_letter("Antwort: B", finish="length", prefix="Antwort").value == 1.0
    cut = by_letter("B ist möglich, aber zuerst", finish="length")
    assert (cut.value, cut.parts) == (None, {"extracted": 0.0})
    assert "truncated" in cut.detail


def test_the_right_option_is_the_target_or_its_label() -> None:
    def at(target: str, choices: tuple[str, ...], **tags: str) -> int | None:
        return right_option(Response("1", "", "stop", targets=(target,), choices=choices, tags=tags))

    assert at("B", LETTERS) == 1
    assert at("B", ("eins", "zwei")) == 1
    assert at("zwei", ("eins", "zwei")) == 1
    assert at("C", ("eins", "zwei")) is None
    assert at("3", (), letters="1234") == 2
    assert offered(Response("1", "", "stop")) == "ABCD"


def test_signatures_tell_the_two_apart() -> None:
    assert likelihood().signature(GERMAN) != choice().signature(GERMAN)
    assert choice().signature(GERMAN) != choice().signature(THAI)
