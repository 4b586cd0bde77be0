"""Log-probabilities of the simulated model: those of choices agree with what it picks, the rest is filler."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mevals.engines.sim import tokens
from mevals.engines.sim.ability import Outcome
from mevals.engines.sim.draw import unit
from mevals.engines.sim.item import Item
from mevals.engines.sim.replies import labels, picked

MOST = 20
"""Alternatives per token that may be asked for, as with vLLM's default."""
_MASS, _OTHER_FORM = 0.94, 0.02
_FILLER = (("\n", 0.015), (" The", 0.01), (" I", 0.005))


@dataclass(frozen=True, slots=True)
class Scored:
    """One token, its natural-log probability (None for the first of a prompt) and alternatives, best first."""

    text: str
    logprob: float | None
    top: tuple[tuple[str, float], ...] = ()


def letter_token(item: Item, outcome: Outcome, prompt: str, most: int) -> Scored | None:
    """The first token of an answer that is one of the item's labels; None for items without choices.

    The picked label has the highest probability, the labels together 0.96. With a leading space unless the prompt
    ends in white space or an opening bracket (a chat turn, "", is such a prompt); the other form has 0.02 of it.
    """
    at = picked(item, outcome) if item.kind in ("choice", "yes_no") else None
    if at is None:
        return None
    options = (item.choices or ("yes", "no")) if item.kind == "yes_no" else labels(item)
    bare = not prompt or prompt[-1].isspace() or prompt[-1] in "(["
    shares = _shares(at, len(options), item.hash, outcome.style)
    form, other = ("", " ") if bare else (" ", "")
    top: dict[str, float] = dict(_FILLER)
    for option, share in zip(options, shares, strict=True):
        for space, mass in ((form, _MASS), (other, _OTHER_FORM)):
            first = tokens.pieces(space + option)[0]
            top[first] = top.get(first, 0.0) + mass * share
    best = sorted(((t, math.log(p)) for t, p in top.items()), key=lambda x: -x[1])
    return Scored(best[0][0], best[0][1], tuple(best[:most]))


def prompt_tokens(text: str, option: tuple[Item, Outcome, int, int] | None, *, bos: bool) -> list[Scored]:
    """Every token of a prompt; `option` (item, outcome, index, context's length) marks a known option at its end.

    An option's tokens add up to its score: of all options of one item the picked one has the highest sum and also
    the highest mean per token, per character and per byte.
    """
    parts = [tokens.BOS] * bos + tokens.pieces(text)
    values: list[float | None] = [_filler(p, i) for i, p in enumerate(parts)]
    if option is not None:
        item, outcome, index, context = option
        start = tokens.count(text[:context]) + bos
        each = _option_score(item, outcome, index) / (len(parts) - start)
        values[start:] = [each] * (len(parts) - start)
    if values:
        values[0] = None
    return [Scored(p, v, _beside(p, v)) for p, v in zip(parts, values, strict=True)]


def generated_tokens(text: str) -> list[Scored]:
    """Filler for the tokens of a text that the model wrote."""
    return [Scored(p, v, _beside(p, v)) for i, p in enumerate(tokens.pieces(text)) for v in (_filler(p, i) / 6,)]


def completion_logprobs(scored: Sequence[Scored], most: int) -> dict[str, Any]:
    """The `logprobs` object of /v1/completions. The beginning-of-sequence token takes no room in text_offset."""
    offsets, at = [], 0
    for s in scored:
        offsets.append(at)
        at += 0 if s.text == tokens.BOS else len(s.text)
    return {
        "tokens": [s.text for s in scored],
        "token_logprobs": [s.logprob for s in scored],
        "top_logprobs": [None if s.logprob is None else dict(s.top[: max(most, 1)]) for s in scored],
        "text_offset": offsets,
    }


def chat_logprobs(scored: Sequence[Scored], most: int) -> dict[str, Any]:
    """The `logprobs` object of /v1/chat/completions."""

    def entry(text: str, logprob: float | None) -> dict[str, Any]:
        return {"token": text, "logprob": logprob, "bytes": list(text.encode())}

    return {
        "content": [{**entry(s.text, s.logprob), "top_logprobs": [entry(*t) for t in s.top[:most]]} for s in scored]
    }


def vllm_prompt_logprobs(scored: Sequence[Scored], most: int) -> list[dict[str, Any] | None]:
    """vLLM's `prompt_logprobs`: for each prompt token {id: {logprob, rank, decoded_token}}, None for the first."""
    out: list[dict[str, Any] | None] = []
    for s in scored:
        ranked = list(s.top[:most])
        if s.logprob is not None and s.text not in dict(ranked):
            ranked.append((s.text, s.logprob))
        out.append(
            None
            if s.logprob is None
            else {
                str(tokens.piece_id(t)): {"logprob": v, "rank": rank, "decoded_token": t}
                for rank, (t, v) in enumerate(ranked, 1)
            }
        )
    return out


def _shares(at: int, count: int, hashed: str, style: float) -> list[float]:
    """Probabilities of the labels given that it is one of them; the picked one's is the highest."""
    if count == 1:
        return [1.0]
    high = 1 / count + (1 - 1 / count) * (0.3 + 0.65 * style)
    weights = [0.0 if i == at else 1.0 + 0.5 * unit(hashed, "option", i) for i in range(count)]
    return [high if i == at else (1 - high) * w / sum(weights) for i, w in enumerate(weights)]


def _option_score(item: Item, outcome: Outcome, index: int) -> float:
    """Summed log-probability of one option: at most 0.05 per token where it is picked, at least 0.5 per byte elsewhere.

    A byte count is never below a token count, so the picked option wins by sum and by every mean.
    """
    options = item.choices or labels(item)
    if index == picked(item, outcome):
        return -0.05 * min(tokens.count(o.strip()) for o in options)
    return -(0.5 + 0.5 * unit(item.hash, "option", index)) * max(1, len(options[index].strip().encode()))


def _filler(piece: str, at: int) -> float:
    return -0.01 - (zlib.crc32(piece.encode(), at) & 0xFFFF) / 65536.0 * 6.0


def _beside(piece: str, logprob: float | None) -> tuple[tuple[str, float], ...]:
    """The token itself and one alternative that takes at most half of what is left."""
    if logprob is None:
        return ()
    other = math.log(max(1e-9, (1.0 - math.exp(logprob)) / 2))
    pair = ((piece, logprob), ("~" if piece != "~" else "^", other))
    return pair if logprob >= other else pair[::-1]
