"""COMET and MetricX as scorers: what is unscored, what the signature says, which end is good."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from mevals.comet import models
from mevals.comet.client import CometClient
from mevals.comet.worker.job import Result
from mevals.errors import UsageError
from mevals.scorers import comet as scorer_module
from mevals.scorers.comet import comet
from mevals.scorers.metricx import metricx
from mevals.types import Response, Subset

FAKE = [sys.executable, str(Path(__file__).with_name("fake_worker.py"))]
SUBSET = Subset("en-de_DE", "deu_Latn", "eng_Latn")


@pytest.fixture(autouse=True)
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every client talks to a worker whose model scores a translation by its length."""
    made: dict[object, CometClient] = {}

    def client_for(settings: object) -> CometClient:
        if settings not in made:
            made[settings] = CometClient(settings, command=FAKE, folder=tmp_path)  # type: ignore[arg-type]
        return made[settings]

    monkeypatch.setattr(scorer_module, "client_for", client_for)
    yield
    for client in made.values():
        client.close()


def answer(
    id: str, text: str | None, *, source: str | None = "source", targets: tuple[str, ...] = ("reference",)
) -> Response:
    return Response(id, text, "stop" if text is not None else "rejected", source=source, targets=targets)


def test_every_response_gets_its_score_in_order_and_what_cannot_be_read_is_unscored_with_a_reason() -> None:
    responses = [
        answer("a", "four"),
        answer("b", None),
        answer("c", ""),
        answer("d", "x", source=None),
        answer("e", "x", targets=()),
        answer("f", "half \ud83d pair"),
        answer("a", "seventh"),
    ]
    scores = comet().score(responses, SUBSET)
    assert [(s.id, s.value) for s in scores] == [
        ("a", 4.0), ("b", None), ("c", 0.0), ("d", None), ("e", None), ("f", None), ("a", 7.0),
    ]  # fmt: skip
    assert [scores[n].detail for n in (1, 3, 4, 5)] == [
        "no text", "no source", "no reference", "half of a surrogate pair, which is no text",
    ]  # fmt: skip


def test_a_model_without_references_scores_what_has_none() -> None:
    assert comet("xcomet-xl-qe").score([answer("a", "four", targets=())], SUBSET)[0].value == 4.0


def test_nothing_to_score_starts_no_worker() -> None:
    assert comet().score([answer("a", None)], SUBSET)[0].value is None
    assert scorer_module.client_for(comet().settings)._workers is None


def test_error_spans_and_partial_scores_are_kept() -> None:
    result = Result(
        "0:a", "k", 0.5, {"src": 0.1, "mqm": 0.9}, [{"text": "né", "severity": "minor", "start": 0, "end": 2}]
    )
    score = scorer_module._as_score(answer("a", "né"), result)
    assert dict(score.parts) == {"src": 0.1, "mqm": 0.9}
    assert json.loads(score.detail) == [{"text": "né", "severity": "minor", "start": 0, "end": 2}]


@pytest.mark.parametrize(
    ("scorer", "signature"),
    [
        (
            comet("wmt22-comet-da@abc123"),
            "wmt22-comet-da|model:wmt22-comet-da|revision:abc123|input:src+ref+mt|package:unbabel-comet-9.9|precision:fp32",
        ),
        (
            comet("xcomet-xl-qe", precision="bf16"),
            "xcomet-xl-qe|model:XCOMET-XL|revision:00|input:src+mt|package:unbabel-comet-9.9|precision:bf16",
        ),
        (
            metricx("metricx-24-hybrid-xl"),
            "metricx-24-hybrid-xl|model:metricx-24-hybrid-xl-v2p6|revision:00|input:src+ref+mt|package:transformers-9.8|precision:fp32",
        ),
    ],
)
def test_the_signature_names_model_revision_inputs_package_and_precision(scorer: object, signature: str) -> None:
    assert scorer.signature(SUBSET) == signature  # type: ignore[attr-defined]


def test_lower_is_better_for_metricx_alone() -> None:
    assert (comet().better, comet().scale) == ("higher", (0.0, 1.0))
    assert (metricx().better, metricx().scale) == ("lower", (0.0, 25.0))
    assert {comet().needs, metricx().needs} == {"comet"}


def test_the_cells_value_is_the_mean_of_what_is_scored() -> None:
    assert comet().aggregate(np.array([0.5, np.nan, 1.0]), None) == 0.75
    assert comet().aggregate(np.array([np.nan]), None) is None


def test_an_unknown_model_is_refused_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match="unknown metric model 'wmt22-comet'; did you mean 'wmt22-comet-da'"):
        comet("wmt22-comet")


def test_a_repository_and_a_path_go_without_a_card(tmp_path: Path) -> None:
    assert models.find_model("someone/some-comet@v2").source == "someone/some-comet"
    assert models.find_model("someone/some-comet@v2").revision == "v2"
    assert models.find_model(str(tmp_path)).source == str(tmp_path)


def test_every_card_is_complete() -> None:
    for name, card in models.model_cards().items():
        assert name == name.lower()
        assert card.repository.count("/") == 1
        assert card.family == "comet" or card.tokenizer
        assert card.paper.startswith("https://")
        assert (card.reference is False) == (name.endswith("-qe") and ("xcomet" in name or "metricx" in name))
