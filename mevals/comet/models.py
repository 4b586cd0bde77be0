"""The neural metrics that mevals knows by name, and any other checkpoint by repository or path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

from mevals.comet.worker.job import Model
from mevals.errors import UsageError, did_you_mean

Family = Literal["comet", "metricx"]


@dataclass(frozen=True)
class ModelCard:
    """What is known about a metric before it is loaded; `encoder` is the pretrained model underneath."""

    title: str
    repository: str
    family: Family = "comet"
    reference: bool | None = None
    revision: str | None = None
    tokenizer: str | None = None
    encoder: str = ""
    gated: bool = False
    license: str = ""
    paper: str = ""


@cache
def model_cards() -> Mapping[str, ModelCard]:
    """Every named metric, in the order of the file."""
    import yaml

    text = files("mevals").joinpath("data/comet_models.yaml").read_text(encoding="utf-8")
    return {name: ModelCard(**fields) for name, fields in yaml.safe_load(text).items()}


def find_model(name: str, *, family: Family = "comet", reference: bool | None = None) -> Model:
    """The model called `name`: a known metric, a hub repository `org/name` (either with `@revision`) or a local path.

    `family` is only asked for what no card names. Raises UsageError with a suggestion for an unknown name.
    """
    bare, _, revision = name.partition("@")
    card = model_cards().get(bare.lower())
    if card is None:
        if "/" not in bare and not Path(bare).exists():
            raise UsageError(
                f"unknown metric model {bare!r}{did_you_mean(bare.lower(), model_cards())} (or give org/name or a path)"
            )
        card = ModelCard(title=bare, repository=bare, family=family)
    reads = card.reference if reference is None else reference
    return Model(card.family, card.repository, revision or card.revision, reads, card.tokenizer)
