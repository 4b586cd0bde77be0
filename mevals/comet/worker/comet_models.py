"""COMET checkpoints: one embedding per text where a model encodes its texts apart, the package's own path elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from .batches import Batches, windows
from .embeddings import EmbeddingStore
from .job import Failure, Job, Segment, first_line
from .scoring import Batch, Outcome, Report, cast, checked


def load_comet(job: Job) -> Separate | Joint:
    """The job's checkpoint, ready to score."""
    import comet
    from comet.models import ReferencelessRegression, RegressionMetric, UnifiedMetric

    try:
        model = comet.load_from_checkpoint(job.checkpoint)
    except OSError as error:
        raise Failure("missing", _missing_encoder(job, error)) from error
    model = cast(model.eval(), job.precision).to(job.device)
    if job.precision == "bf16":
        keep_heads_in_float32(model)
    if type(model) in (RegressionMetric, ReferencelessRegression):
        return Separate(model)
    if isinstance(model, UnifiedMetric):
        return Joint(model)
    raise Failure(
        "value", f"{job.model.source} is a {type(model).__name__}, which gives no scores: choose another model"
    )


def _missing_encoder(job: Job, error: OSError) -> str:
    from .checkpoint import read_settings

    encoder = read_settings(Path(job.checkpoint)).get("pretrained_model")
    return f"{job.model.source} needs the tokenizer of {encoder}, which cannot be loaded: {first_line(error)}"


def keep_heads_in_float32(model: Any) -> None:
    """Leave the heads in float32 when the encoder runs in bfloat16, whose steps near 0.8 are 0.004 wide."""

    def to_float32(_: Any, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        return tuple(value.float() for value in inputs)

    for head in (model.estimator, getattr(model, "hidden2tag", None)):
        if head is not None:
            head.float().register_forward_pre_hook(to_float32)


class Separate:
    """A model that encodes source, translation and reference apart: each distinct text is encoded once, ever.

    Only the encoding is replaced: the head is the package's own `forward`, given embeddings where it asks for them.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._encode_tokens = model.compute_sentence_embedding
        model.get_sentence_embedding = lambda embedding, _mask: embedding

    def score(self, segments: Sequence[Segment], job: Job, report: Report) -> Iterator[Batch]:
        """The outcome of every segment; embeddings of sources and references are kept in the job's folder."""
        store = EmbeddingStore(Path(job.embeddings))
        batches = Batches(job.batch_size)
        with torch.inference_mode():
            self._store(self._shared_texts(segments), store, batches, report)
            waiting = _by_translation(segments)
            known = [segment for text in list(waiting) if text in store for segment in waiting.pop(text)]
            yield from self._score_known(known, store, batches, job.precision)
            for texts, vectors in self._encode(list(waiting), batches):
                rows = [(segment, row) for text, row in zip(texts, vectors, strict=True) for segment in waiting[text]]
                yield self._apply_head(rows, store, job.precision)

    def _shared_texts(self, segments: Sequence[Segment]) -> list[str]:
        sides = (side for segment in segments for side in self._sides(segment).values())
        return list(dict.fromkeys(sides))

    def _sides(self, segment: Segment) -> dict[str, str]:
        """The texts that the model reads beside the translation, by the package's name for them."""
        if not self._model.requires_references():
            return {"src": segment.src}
        if segment.ref is None:
            raise Failure("value", f"segment {segment.id} has no reference, which this model needs")
        return {"src": segment.src, "ref": segment.ref}

    def _store(self, texts: list[str], store: EmbeddingStore, batches: Batches, report: Report) -> None:
        missing = store.missing(texts)
        done = 0
        for batch, vectors in self._encode(missing, batches):
            store.append(batch, vectors.cpu().numpy())
            done += len(batch)
            report("embed", done, len(missing))

    def _encode(self, texts: Sequence[str], batches: Batches) -> Iterator[tuple[Sequence[str], torch.Tensor]]:
        """Embeddings (n, dim) of all texts, batch by batch, longest first."""
        for window in windows(texts, len):
            tokens = self._tokenise(window)
            window.sort(key=lambda text: -len(tokens[text]))
            yield from batches.run(window, lambda batch, tokens=tokens: self._embed([tokens[text] for text in batch]))  # type: ignore[misc]

    def _tokenise(self, texts: Sequence[str]) -> dict[str, list[int]]:
        """Token ids by text, cut as the package cuts them."""
        encoder = self._model.encoder
        ids = encoder.tokenizer(list(texts), truncation=True, max_length=encoder.max_positions - 2)["input_ids"]
        return dict(zip(texts, ids, strict=True))

    def _embed(self, rows: Sequence[list[int]]) -> torch.Tensor:
        width = max(len(row) for row in rows)
        padding = self._model.encoder.tokenizer.pad_token_id
        ids = torch.tensor([row + [padding] * (width - len(row)) for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
        device = self._model.device
        vectors = self._encode_tokens(ids.to(device), mask.to(device))
        return vectors.float() if vectors.dtype == torch.bfloat16 else vectors

    def _score_known(
        self, segments: Sequence[Segment], store: EmbeddingStore, batches: Batches, precision: str
    ) -> Iterator[Batch]:
        """Translations that equal a source or reference: nothing is left to encode."""
        for start in range(0, len(segments), batches.size):
            part = segments[start : start + batches.size]
            vectors = self._load([segment.mt for segment in part], store)
            yield self._apply_head(list(zip(part, vectors, strict=True)), store, precision)

    def _load(self, texts: Sequence[str], store: EmbeddingStore) -> torch.Tensor:
        return torch.from_numpy(store.vectors(texts)).to(self._model.device)

    def _apply_head(self, rows: list[tuple[Segment, torch.Tensor]], store: EmbeddingStore, precision: str) -> Batch:
        segments = [segment for segment, _ in rows]
        sides = [self._sides(segment) for segment in segments]
        embeddings = {name: self._load([side[name] for side in sides], store) for name in sides[0]}
        embeddings["mt"] = torch.stack([row for _, row in rows])
        inputs = {f"{name}_input_ids": value for name, value in embeddings.items()}
        masks = {f"{name}_attention_mask": None for name in embeddings}
        scores = checked(self._model.forward(**inputs, **masks).score.tolist(), precision)
        return [(segment, Outcome(score)) for segment, score in zip(segments, scores, strict=True)]


def _by_translation(segments: Sequence[Segment]) -> dict[str, list[Segment]]:
    groups: dict[str, list[Segment]] = {}
    for segment in segments:
        groups.setdefault(segment.mt, []).append(segment)
    return groups


class Joint:
    """A model that reads all texts as one sequence (unified, XCOMET): the package's own preparation and prediction.

    It gains by longest-first batches, by preparing the next batch while the device works, and by decoding error spans on
    the host instead of token by token on the device.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._tokenizer_in_use = threading.Lock()  # a fast tokenizer fails where two threads use it at once
        if hasattr(model, "decode"):
            self._decode = model.decode
            model.decode = self._decode_on_host

    def score(self, segments: Sequence[Segment], job: Job, report: Report) -> Iterator[Batch]:
        """The outcome of every segment, with the model's partial scores and error spans."""
        batches = Batches(job.batch_size)
        for window in windows(segments, _characters):
            prepared = batches.run_prepared(
                window,
                lambda batch: self._prepare(batch, job.inputs),
                lambda parts: self._predict(parts, job.precision),
            )
            for batch, outcomes in prepared:
                yield list(zip(batch, outcomes, strict=True))

    def _prepare(self, segments: Sequence[Segment], inputs: Sequence[str]) -> tuple[dict[str, Any], ...]:
        """What the package makes of the texts: one dictionary of tensors for each sequence that it encodes."""
        samples = [{"mt": segment.mt, **{name: getattr(segment, name) for name in inputs}} for segment in segments]
        with self._tokenizer_in_use:
            parts: tuple[dict[str, Any], ...] = self._model.prepare_for_inference(samples)
        return parts

    def _predict(self, parts: tuple[dict[str, Any], ...], precision: str) -> list[Outcome]:
        with torch.inference_mode():
            prediction = self._model.predict_step(tuple(self._on_device(part) for part in parts))
        scores = checked(prediction["scores"].tolist(), precision)
        extras = dict(prediction["metadata"].items()) if "metadata" in prediction else {}
        spans = extras.pop("error_spans", [None] * len(scores))
        values = {name.removesuffix("_scores"): column.tolist() for name, column in extras.items()}
        return [
            Outcome(score, {name: column[row] for name, column in values.items()}, spans[row])
            for row, score in enumerate(scores)
        ]

    def _on_device(self, part: dict[str, Any]) -> dict[str, Any]:
        device = self._model.device
        return {name: value.to(device) if torch.is_tensor(value) else value for name, value in part.items()}

    def _decode_on_host(self, probabilities: torch.Tensor, ids: torch.Tensor, offsets: Any) -> Any:
        with self._tokenizer_in_use:
            return self._decode(probabilities.cpu(), ids.cpu(), offsets)


def _characters(segment: Segment) -> int:
    return len(segment.src) + len(segment.mt) + len(segment.ref or "")
