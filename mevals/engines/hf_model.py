"""A causal language model of transformers that continues batches of sequences and gives exact log-probabilities.

Sequences that finish leave the batch at once. Log-probabilities are computed in float32 from the model's own logits,
before any sampling setting, as vLLM does.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from mevals.engines.hf_requests import Answer, Job, Step
from mevals.engines.hf_text import TextStream, Tokenizer

Done = Callable[[int, Answer], None]
"""Takes the place of a job in the batch and its answer, as soon as it is complete."""


@dataclass
class Row:
    """One sequence of a running batch."""

    at: int
    job: Job
    stream: TextStream
    tokens: list[int] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    prompt_steps: list[Step | None] = field(default_factory=list)
    random: torch.Generator | None = None
    gone: Callable[[], bool] = lambda: False

    def add(self, token: int, step: Step | None) -> Answer | None:
        """Take the next token; the answer where the sequence is complete now."""
        self.tokens.append(token)
        if step is not None:
            self.steps.append(step)
        enough = len(self.tokens) > self.job.min_tokens
        if token in self.job.stop_ids and enough:
            return self.answer("stop", token)
        self.stream.push(token)
        stop = self.stream.cut(self.job.stop) if enough and self.job.stop else None
        if stop is not None:
            return self.answer("stop", stop)
        return self.answer("length") if len(self.tokens) >= self.job.max_tokens else None

    def answer(self, finish: str, reason: int | str | None = None) -> Answer:
        """What the sequence has become."""
        tokens, steps, prompt = tuple(self.tokens), tuple(self.steps), tuple(self.prompt_steps)
        return Answer(tokens, self.stream.text, finish, reason, steps, prompt)


class CausalModel:
    """A loaded model with its tokenizer. Not thread-safe: one batch at a time."""

    def __init__(self, model: Any, tokenizer: Tokenizer, max_model_len: int, most_logits: int) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.max_model_len = max_model_len
        self.device = model.get_input_embeddings().weight.device
        self.vocabulary = int(model.get_output_embeddings().weight.shape[0])
        self._most_logits = most_logits
        self._keeps = "logits_to_keep" in inspect.signature(model.forward).parameters

    def fits(self, jobs: int, longest: int, scored: bool) -> bool:
        """Whether a batch's logits stay within the memory set aside for them; one sequence always fits."""
        positions = jobs * (longest if scored else 1)
        return jobs == 1 or positions * self.vocabulary <= self._most_logits

    def run(self, jobs: Sequence[Job], done: Done, gone: Sequence[Callable[[], bool]] = ()) -> None:
        """Continue every job; `done` gets each answer when it is complete. A job whose `gone` is true is dropped."""
        with torch.inference_mode():
            self._run(jobs, done, gone)

    def _run(self, jobs: Sequence[Job], done: Done, gone: Sequence[Callable[[], bool]]) -> None:
        rows = [Row(i, job, self.tokenizer.stream(job), random=self._random(job)) for i, job in enumerate(jobs)]
        for row, is_gone in zip(rows, gone, strict=False):
            row.gone = is_gone
        ids, mask = self._padded(rows)
        cache, logits = self._read(rows, ids, mask)
        for row in [r for r in rows if r.job.max_tokens == 0]:
            done(row.at, row.answer("length"))
        keep = [i for i, r in enumerate(rows) if r.job.max_tokens > 0]
        while keep:
            if len(keep) < len(rows):
                rows, mask, logits = [rows[i] for i in keep], mask[keep], logits[keep]
                cache.reorder_cache(torch.tensor(keep, device=self.device))  # what beam search uses: every cache has it
            chosen = self._choose(rows, logits)
            keep = []
            for i, (row, (token, step)) in enumerate(zip(rows, chosen, strict=True)):
                answer = row.add(token, step)
                if answer is not None:
                    done(row.at, answer)
                elif not row.gone():
                    keep.append(i)
            if keep:
                cache, mask, logits = self._advance(cache, mask, [token for token, _ in chosen])

    def _random(self, job: Job) -> torch.Generator | None:
        if job.temperature == 0:
            return None
        random = torch.Generator(device="cpu")
        random.manual_seed(job.seed) if job.seed is not None else random.seed()
        return random

    def _padded(self, rows: Sequence[Row]) -> tuple[torch.Tensor, torch.Tensor]:
        """Token ids and mask of shape (rows, longest), padded on the left so that all ends meet."""
        longest = max(len(row.job.prompt) for row in rows)
        ids = torch.zeros((len(rows), longest), dtype=torch.long)
        mask = torch.zeros_like(ids)
        for i, row in enumerate(rows):
            ids[i, longest - len(row.job.prompt) :] = torch.tensor(row.job.prompt)
            mask[i, longest - len(row.job.prompt) :] = 1
        return ids.to(self.device), mask.to(self.device)

    def _read(self, rows: Sequence[Row], ids: torch.Tensor, mask: torch.Tensor) -> tuple[Any, torch.Tensor]:
        """Read the prompts: the cache, and the logits after the last token, shape (rows, vocabulary)."""
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        if all(row.job.prompt_logprobs is None for row in rows):
            out = self._forward(ids, mask, positions, None, last_only=True)
            return out.past_key_values, out.logits[:, -1]
        cache, before, length = None, None, ids.shape[1]
        piece = max(1, self._most_logits // (len(rows) * self.vocabulary))
        for start in range(0, length, piece):
            end = min(length, start + piece)
            out = self._forward(ids[:, start:end], mask[:, :end], positions[:, start:end], cache)
            cache = out.past_key_values
            for i, row in enumerate(rows):
                if row.job.prompt_logprobs is not None:
                    first = length - len(row.job.prompt)
                    self._score(row, out.logits[i], before if before is None else before[i], start, end, first)
            before = out.logits[:, -1]
        assert before is not None
        return cache, before

    def _score(
        self, row: Row, logits: torch.Tensor, before: torch.Tensor | None, start: int, end: int, first: int
    ) -> None:
        """Add the steps of the prompt's tokens in columns [start, end); `before` are the logits of column start - 1."""
        low = max(start, first)
        if low >= end:
            return
        if low == first:
            row.prompt_steps.append(None)
            low += 1
        tokens = row.job.prompt[low - first : end - first]
        if not tokens:
            return
        predicting = logits[max(low, start + 1) - 1 - start : end - 1 - start]
        if low == start and before is not None:
            predicting = torch.cat([before[None], predicting])
        row.prompt_steps += _steps(predicting, tokens, row.job.prompt_logprobs or 0)

    def _forward(
        self, ids: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor, cache: Any, last_only: bool = False
    ) -> Any:
        few = {"logits_to_keep": 1} if last_only and self._keeps else {}
        return self.model(
            input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True, **few
        )

    def _advance(self, cache: Any, mask: torch.Tensor, tokens: Sequence[int]) -> tuple[Any, torch.Tensor, torch.Tensor]:
        mask = torch.cat([mask, mask.new_ones((len(tokens), 1))], dim=1)
        ids = torch.tensor(tokens, device=self.device)[:, None]
        out = self._forward(ids, mask, mask.sum(1, keepdim=True) - 1, cache, last_only=True)
        return out.past_key_values, mask, out.logits[:, -1]

    def _choose(self, rows: Sequence[Row], logits: torch.Tensor) -> list[tuple[int, Step | None]]:
        greedy = logits.argmax(-1).tolist()
        chosen = [
            best if row.random is None else _sample(logits[i], row.job, row.random)
            for i, (row, best) in enumerate(zip(rows, greedy, strict=True))
        ]
        steps: list[Step | None] = [None] * len(rows)
        for i, row in enumerate(rows):
            if row.job.logprobs is not None:
                (steps[i],) = _steps(logits[i][None], [chosen[i]], row.job.logprobs)
        return list(zip(chosen, steps, strict=True))


def _steps(logits: torch.Tensor, tokens: Sequence[int], top: int) -> list[Step]:
    """The steps for `tokens` from the logits that predict them, shape (tokens, vocabulary)."""
    logprobs = torch.log_softmax(logits.float(), -1)
    own = logprobs.gather(1, torch.tensor(tokens, device=logits.device)[:, None])
    ranks = (logprobs > own).sum(1) + 1
    best = torch.topk(logprobs, min(top, logprobs.shape[1]), dim=1)
    return [
        Step(token, logprob, rank, tuple(zip(ids, values, strict=True)))
        for token, logprob, rank, ids, values in zip(
            tokens, own[:, 0].tolist(), ranks.tolist(), best.indices.tolist(), best.values.tolist(), strict=True
        )
    ]


def _sample(logits: torch.Tensor, job: Job, random: torch.Generator) -> int:
    """One token at the job's temperature among the tokens that top_k, top_p and min_p leave.

    top_p is the smallest set of likeliest tokens whose probability reaches it (Holtzman et al. 2020, section 3.1); min_p
    drops what is less than that share of the likeliest (Nguyen et al. 2024).
    """
    probabilities, order = torch.softmax(logits.float() / job.temperature, -1).cpu().sort(descending=True)
    keep = torch.ones_like(probabilities, dtype=torch.bool)
    if job.top_k:
        keep[job.top_k :] = False
    keep &= probabilities.cumsum(0) - probabilities < job.top_p
    keep &= probabilities >= job.min_p * probabilities[0]
    keep[0] = True
    return int(order[torch.multinomial(probabilities * keep, 1, generator=random)])
