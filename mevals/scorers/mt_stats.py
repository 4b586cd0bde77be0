"""chrF, BLEU and TER in two halves: statistics of each segment, and the score that a sum of statistics gives.

The halves are kept apart so that statistics are made once and stored; the corpus score of any slice, and of every
bootstrap draw, is then a sum and one formula over arrays. All numbers equal sacrebleu's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from mevals.scorers.ngrams import Ints, Texts, batches, lay_characters, lay_words, overlaps

Floats = npt.NDArray[np.float64]
References = Sequence[Sequence[str]]
"""For each segment its references, one or more."""

BLEU_ORDER = 4
CHRF_CHARS = 6
CHRF_BETA = 2


def chrf_statistics(hypotheses: Sequence[str], references: References, word_order: int = 0) -> Floats:
    """Per segment and order [hypothesis, reference, matched] n-grams: characters 1–6, then words 1–`word_order`.

    Shape (n, 3 · (6 + word_order)). Of several references the one with the best sentence chrF counts, the first of
    equals (Popović 2015, §2; as sacrebleu's CHRF).
    """
    rows = [["".join(text.split()) for text in (hyp, *refs)] for hyp, refs in zip(hypotheses, references, strict=True)]
    words = _chrf_words(hypotheses, references) if word_order else None
    parts = []
    for batch in batches([sum(map(len, row)) for row in rows]):
        triples = _triples(lay_characters(rows[batch]), len(rows[batch]), CHRF_CHARS)
        if words is not None:
            more = _triples(lay_words(words[batch]), len(rows[batch]), word_order)
            triples = np.concatenate([triples, more], axis=2)
        parts.append(_best_reference(triples, [len(row) - 1 for row in rows[batch]]))
    return np.concatenate(parts) if parts else np.empty((0, 3 * (CHRF_CHARS + word_order)))


def _chrf_words(hypotheses: Sequence[str], references: References) -> list[list[list[str]]]:
    """Words with punctuation split off by sacrebleu's own rule."""
    from sacrebleu.metrics import CHRF

    split: Callable[[str], list[str]] = CHRF(word_order=2)._remove_punctuation
    return [[split(text) for text in (hyp, *refs)] for hyp, refs in zip(hypotheses, references, strict=True)]


def _triples(texts: Texts, segments: int, max_order: int) -> Ints:
    """[hypothesis, reference, matched] counts of shape (segments, references, orders, 3)."""
    lengths = np.zeros((segments, int(texts.slot.max(initial=0)) + 1), np.int64)
    lengths[texts.segment, texts.slot] = texts.length
    out = np.zeros((segments, lengths.shape[1] - 1, max_order, 3), np.int64)
    for i, overlap in enumerate(overlaps(texts, max_order)):
        grams = np.maximum(lengths - i, 0)
        # no credit and no blame for an order that the reference is too short for
        out[:, :, i, 0] = np.where(grams[:, 1:] > 0, grams[:, :1], 0)
        out[:, :, i, 1] = grams[:, 1:]
        for ref in range(1, len(overlap.counts)):
            shared = np.minimum(overlap.counts[0], overlap.counts[ref])
            out[:, ref - 1, i, 2] = np.bincount(overlap.segment, weights=shared, minlength=segments)
    return out


def _best_reference(triples: Ints, references: list[int]) -> Floats:
    """The statistics (segments, k) of each segment's best reference."""
    flat = triples.reshape(*triples.shape[:2], -1).astype(np.float64)
    if flat.shape[1] == 1:
        return np.ascontiguousarray(flat[:, 0])
    scores = chrf_from_stats(flat)
    scores[np.arange(flat.shape[1]) >= np.array(references)[:, None]] = -1.0
    return np.ascontiguousarray(flat[np.arange(len(flat)), scores.argmax(axis=1)])


def chrf_from_stats(stats: Floats) -> Floats:
    """chrF or chrF++ on 0–100 of each row of summed statistics: (…, k) → (…).

    Precision and recall are averaged over the orders that both sides have, then F with β = 2 (Popović 2015, eq. 1, with
    sacrebleu's effective order). 0 where nothing matches.
    """
    precision, recall, orders = (np.zeros(stats.shape[:-1]) for _ in range(3))
    for i in range(0, stats.shape[-1], 3):
        n_hyp, n_ref, matched = stats[..., i], stats[..., i + 1], stats[..., i + 2]
        both = (n_hyp > 0) & (n_ref > 0)
        precision += np.where(both, matched / np.where(both, n_hyp, 1.0), 0.0)
        recall += np.where(both, matched / np.where(both, n_ref, 1.0), 0.0)
        orders += both
    precision /= np.maximum(orders, 1)
    recall /= np.maximum(orders, 1)
    factor = CHRF_BETA**2
    denominator = factor * precision + recall
    good = denominator > 0
    score: Floats = np.where(good, 100 * (1 + factor) * precision * recall / np.where(good, denominator, 1.0), 0.0)
    return score


def bleu_statistics(hypotheses: Sequence[str], references: References, tokenize: Callable[[str], str]) -> Floats:
    """Per segment: hypothesis length, closest reference length, matched 1- to 4-grams, hypothesis 1- to 4-grams.

    Shape (n, 10), in sacrebleu's order. Matches are clipped by the largest count in any reference; of two references
    equally near in length the shorter counts (Papineni et al. 2002, §2).
    """
    known: dict[str, list[str]] = {}
    rows = [
        [_tokens(text, tokenize, known) for text in (hyp, *refs)]
        for hyp, refs in zip(hypotheses, references, strict=True)
    ]
    parts = []
    for batch in batches([sum(map(len, row)) for row in rows]):
        some = rows[batch]
        lengths = [(len(row[0]), _closest(len(row[0]), [len(ref) for ref in row[1:]])) for row in some]
        out = np.zeros((len(some), 2 + 2 * BLEU_ORDER))
        out[:, :2] = lengths
        for i, overlap in enumerate(overlaps(lay_words(some), BLEU_ORDER)):
            shared = np.minimum(overlap.counts[0], overlap.counts[1:].max(axis=0))
            out[:, 2 + i] = np.bincount(overlap.segment, weights=shared, minlength=len(some))
            out[:, 2 + BLEU_ORDER + i] = np.maximum(out[:, 0] - i, 0)
        parts.append(out)
    return np.concatenate(parts) if parts else np.empty((0, 2 + 2 * BLEU_ORDER))


def _tokens(text: str, tokenize: Callable[[str], str], known: dict[str, list[str]]) -> list[str]:
    if text not in known:
        known[text] = tokenize(text.rstrip()).split()
    return known[text]


def _closest(length: int, candidates: list[int]) -> int:
    return min(candidates, key=lambda candidate: (abs(length - candidate), candidate))


def bleu_from_stats(stats: Floats, effective_order: bool = False) -> Floats:
    """BLEU on 0–100 of each row of summed statistics: (…, 10) → (…).

    Papineni et al. 2002, §2.3, with exponential smoothing (NIST's, as mteval-v13a): the k-th order without a match
    counts as 1 / 2^k matches. `effective_order` stops at the longest n-gram that the hypothesis has, as sentences need.
    """
    sys_len, ref_len = stats[..., 0], stats[..., 1]
    correct, total = stats[..., 2 : 2 + BLEU_ORDER], stats[..., 2 + BLEU_ORDER :]
    smooth = np.ones(stats.shape[:-1])
    log_sum, orders = np.zeros(stats.shape[:-1]), np.zeros(stats.shape[:-1])
    for n in range(BLEU_ORDER):
        some = total[..., n] > 0
        missed = some & (correct[..., n] == 0)
        smooth = np.where(missed, smooth * 2, smooth)
        hits = np.where(missed, 1 / smooth, correct[..., n])
        log_sum += np.where(some, np.log(np.where(some, 100 * hits / np.where(some, total[..., n], 1.0), 1.0)), 0.0)
        orders += some
    brevity = np.exp(np.minimum(0.0, 1 - ref_len / np.maximum(sys_len, 1e-9)))
    score = brevity * np.exp(log_sum / np.maximum(orders, 1))
    # an order without any n-gram has precision 0, which ends the product unless orders are effective
    counted = correct.any(axis=-1) & (effective_order | (orders == BLEU_ORDER))
    result: Floats = np.where(counted, score, 0.0)
    return result


def ter_statistics(hypotheses: Sequence[str], references: References) -> Floats:
    """Per segment: fewest edits to any reference, and the references' mean length in words; shape (n, 2).

    Snover et al. 2006, §3, by sacrebleu's TER itself (tercom tokenisation, no normalisation, lower-cased).
    """
    from sacrebleu.metrics import TER

    if not hypotheses:
        return np.empty((0, 2))
    slots = max(map(len, references))
    columns = [[refs[i] if i < len(refs) else None for refs in references] for i in range(slots)]
    return np.array(TER()._extract_corpus_statistics(list(hypotheses), columns), np.float64)


def ter_from_stats(stats: Floats) -> Floats:
    """TER, edits per 100 reference words, of each row of summed statistics: (…, 2) → (…).

    Lower is better and there is no upper end. 100 where the references are empty and the hypotheses are not.
    """
    edits, words = stats[..., 0], stats[..., 1]
    some = words > 0
    score: Floats = 100 * np.where(some, edits / np.where(some, words, 1.0), (edits > 0).astype(np.float64))
    return score
