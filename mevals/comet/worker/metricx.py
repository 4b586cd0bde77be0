"""MetricX-24: an mT5 whose first decoder step predicts, at one reserved token, an error score from 0 to 25.

The input, the token (<extra_id_10>), the missing end-of-sequence token and the clipping follow the model cards and the
reference implementation (Juraska et al. 2024, WMT 2024, aclanthology.org/2024.wmt-1.35).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from .batches import Batches, windows
from .job import Failure, Job, Segment, first_line
from .scoring import Batch, Outcome, Report, cast, checked

SCORE_TOKEN = 250089
MAX_TOKENS = 1536
WORST = 25.0


def load_metricx(job: Job) -> MetricX:
    """The job's checkpoint, ready to score."""
    from transformers import AutoTokenizer, MT5ForConditionalGeneration

    if job.precision == "fp16":
        raise Failure("value", "mT5 overflows in fp16: choose --precision bf16 or fp32")
    try:
        tokenizer = AutoTokenizer.from_pretrained(job.model.tokenizer or job.checkpoint)
        model = MT5ForConditionalGeneration.from_pretrained(job.checkpoint)
    except OSError as error:
        raise Failure("missing", f"{job.model.source} cannot be loaded: {first_line(error)}") from error
    return MetricX(cast(model.eval(), job.precision).to(job.device), tokenizer)


class MetricX:
    """A loaded MetricX-24 model."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._model = model
        self._tokenizer = tokenizer

    def score(self, segments: Sequence[Segment], job: Job, report: Report) -> Iterator[Batch]:
        """The error score of every segment: 0 is perfect, 25 is worst."""
        batches = Batches(job.batch_size)
        with_reference = "ref" in job.inputs
        for window in windows(segments, lambda segment: len(prompt(segment, with_reference))):
            texts = [prompt(segment, with_reference) for segment in window]
            ids = self._tokenizer(texts, truncation=True, max_length=MAX_TOKENS)["input_ids"]
            pairs = sorted(zip(window, ids, strict=True), key=lambda pair: -len(pair[1]))
            for batch, scores in batches.run(pairs, lambda batch: self._predict([row[:-1] for _, row in batch])):
                found = checked(scores, job.precision)
                yield [(segment, Outcome(score)) for (segment, _), score in zip(batch, found, strict=True)]

    def _predict(self, rows: Sequence[list[int]]) -> list[float]:
        width = max(len(row) for row in rows)
        device = self._model.device
        ids = torch.tensor([row + [self._tokenizer.pad_token_id] * (width - len(row)) for row in rows], device=device)
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows], device=device)
        start = torch.zeros((len(rows), 1), dtype=torch.long, device=device)
        with torch.inference_mode():
            logits = self._model(input_ids=ids, attention_mask=mask, decoder_input_ids=start).logits
        scores: list[float] = logits[:, 0, SCORE_TOKEN].float().clamp(0.0, WORST).tolist()
        return scores


def prompt(segment: Segment, with_reference: bool) -> str:
    """The text that the model reads."""
    text = f"source: {segment.src} candidate: {segment.mt}"
    return f"{text} reference: {segment.ref}" if with_reference else text
