"""Answers to be judged, without running any model: imported cells in an empty results folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from mevals.imports import Imported
from mevals.store import Store
from mevals.types import Cell, Sample, Subset, user

Answers = Mapping[str, Sequence[str | None]]


@pytest.fixture
def import_answers(tmp_path: Path) -> Callable[..., Path]:
    """Stores answers of models by name as complete cells; returns the results folder."""

    def store(
        answers: Answers,
        lang: str = "deu_Latn",
        task: str = "chat",
        *,
        targets: Sequence[str] = (),
        tags: Mapping[str, str] | None = None,
        source: str | None = None,
        source_lang: str | None = None,
        folder: str = "results",
    ) -> Path:
        for model, texts in answers.items():
            samples = [
                Sample(f"q{i}", (user(f"Frage {i}: Warum?"),), tuple(targets), source, tags=tags or {})
                for i in range(len(texts))
            ]
            subset = Subset(lang, lang, source_lang)
            cell = Cell(model, task, subset)
            identity = {"imported": f"{model} {task} {lang} {texts}"}
            Imported(cell, samples, texts, identity, {"title": task}).write(Store(tmp_path / folder))
        return tmp_path / folder

    return store
