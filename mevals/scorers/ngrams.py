"""Exact n-gram overlap of many short texts at once.

chrF and BLEU are counts of shared n-grams; counted for a batch of segments with whole-array operations they cost a
fraction of a loop over Python dictionaries, and the counts are the same integers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

BATCH_SYMBOLS = 8_192
"""About how many characters or words one batch holds: enough to hide numpy's overhead, few enough to stay in cache."""


@dataclass(frozen=True, slots=True)
class Texts:
    """Sequences of symbols laid end to end; `slot` 0 is a segment's hypothesis, 1, 2, … are its references.

    `symbols` (m,) are non-negative integers, `segment`, `slot` and `length` (texts,) describe each text.
    """

    symbols: Ints
    segment: Ints
    slot: Ints
    length: Ints


@dataclass(frozen=True, slots=True)
class Overlap:
    """The n-grams of one order: `counts` (slots, types) per slot, and the segment that each type belongs to."""

    counts: Ints
    segment: Ints


def overlaps(texts: Texts, max_order: int) -> Iterator[Overlap]:
    """The n-gram types of orders 1 to `max_order`, each type counted apart for every segment.

    A type of order n is named by the name of its first n − 1 symbols and the name of its last one, so names stay small
    integers and no two different n-grams can ever share one (no hashing of text, hence exact).
    """
    slots = int(texts.slot.max(initial=0)) + 1
    segment = np.repeat(texts.segment, texts.length)
    slot = np.repeat(texts.slot, texts.length)
    left = np.repeat(np.cumsum(texts.length), texts.length) - np.arange(len(segment))
    first, base = _named(segment * (int(texts.symbols.max(initial=0)) + 1) + texts.symbols)
    at, name, types = np.arange(len(segment)), first, base
    for order in range(1, max_order + 1):
        if order > 1:
            fits = left[at] >= order
            at = at[fits]
            name, types = _named(name[fits] * base + first[at + order - 1])
        counts = np.bincount(slot[at] * types + name, minlength=slots * types).reshape(slots, types)
        owner = np.empty(types, np.int64)
        owner[name] = segment[at]
        yield Overlap(counts, owner)


def _named(keys: Ints) -> tuple[Ints, int]:
    """Small integers in place of the keys, and how many there are."""
    import pandas as pd

    codes, uniques = pd.factorize(keys)
    return codes.astype(np.int64, copy=False), len(uniques)


def lay_characters(rows: Sequence[Sequence[str]]) -> Texts:
    """The code points of each row's texts (a row: hypothesis, then references) as symbols."""
    texts = [text for row in rows for text in row]
    # surrogatepass: a lone surrogate is one code point, exactly as Python's own slicing sees it
    code_points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.int64)
    return _laid(code_points, [len(text) for text in texts], rows)


def lay_words(rows: Sequence[Sequence[list[str]]]) -> Texts:
    """The words of each row's texts as symbols, numbered in order of appearance."""
    words = [word for row in rows for text in row for word in text]
    number = {word: i for i, word in enumerate(dict.fromkeys(words))}
    symbols = np.fromiter(map(number.__getitem__, words), np.int64, len(words))
    return _laid(symbols, [len(text) for row in rows for text in row], rows)


def _laid(symbols: Ints, lengths: list[int], rows: Sequence[Sequence[object]]) -> Texts:
    sizes = np.array([len(row) for row in rows], np.int64)
    segment = np.repeat(np.arange(len(rows)), sizes)
    slot = np.arange(len(segment)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return Texts(symbols, segment, slot, np.array(lengths, np.int64))


def batches(sizes: Sequence[int]) -> Iterator[slice]:
    """Consecutive slices of about BATCH_SYMBOLS symbols each; `sizes` holds the symbols of every row."""
    start, total = 0, 0
    for i, size in enumerate(sizes):
        if total and total + size > BATCH_SYMBOLS:
            yield slice(start, i)
            start, total = i, 0
        total += size
    if start < len(sizes):
        yield slice(start, len(sizes))
