"""The translation metrics chrF, chrF++, BLEU and TER as scorers whose corpus values come from stored statistics.

Numbers are sacrebleu's to the last digit that floats hold; texts are brought to Unicode NFC first, on both sides (for
texts that are NFC already this changes nothing). The value of one sample is its sentence score; the value of a cell is
the corpus score of the summed statistics, never a mean of sentence scores.
"""

from __future__ import annotations

import itertools
import math
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from mevals.errors import DataError
from mevals.scorers.bleu_tokenizers import choose_tokenizer, fits, load_bleu
from mevals.scorers.mt_stats import (
    Floats,
    References,
    bleu_from_stats,
    bleu_statistics,
    chrf_from_stats,
    chrf_statistics,
    ter_from_stats,
    ter_statistics,
)
from mevals.types import Response, Score, Subset


class Arithmetic(Protocol):
    """How one metric counts and what it makes of the counts. Picklable, so that processes can share the counting."""

    def describe(self, lang: str, nrefs: str) -> str:
        """The signature, sacrebleu's own first."""
        ...

    def count(self, hypotheses: Sequence[str], references: References, lang: str) -> Floats:
        """Statistics (n, k), one row per segment."""
        ...

    def corpus(self, stats: Floats) -> Floats:
        """Corpus scores (…,) of summed statistics (…, k)."""
        ...

    def sentence(self, stats: Floats) -> Floats:
        """Sentence scores (n,) of statistics (n, k)."""
        ...


@dataclass
class CorpusMetric:
    """A Scorer over sufficient statistics.

    `ref` names the references that the targets are ("refA", or "refA+refB"); without it the subset's extra["ref"]
    counts. `nrefs` is how many every sample has ("var" where it differs); without it extra["nrefs"] counts, else the
    number of names in `ref`. `processes` above one spreads the counting of large cells.
    """

    metric: str
    scale: tuple[float, float]
    better: Literal["higher", "lower"]
    arithmetic: Arithmetic
    ref: str = ""
    nrefs: int | str = ""
    processes: int = 1
    needs: str = ""

    def signature(self, subset: Subset) -> str:
        """sacrebleu's signature, then `norm:NFC` (TER: `unicode:NFC`) and `ref:` with the reference's name if known."""
        ref = self._ref(subset)
        return self.arithmetic.describe(subset.lang, self._nrefs(subset)) + (f"|ref:{ref}" if ref else "")

    def score(self, responses: Sequence[Response], subset: Subset) -> list[Score]:
        """Sentence scores with statistics; unscored (None) where the text or the references are missing.

        An empty text is a translation like any other. DataError where a sample has another number of references than
        the signature says.
        """
        scorable = [r for r in responses if r.text is not None and r.targets]
        self._check_references(scorable, subset)
        stats = self.statistics([r.text or "" for r in scorable], [r.targets for r in scorable], subset)
        values = iter(self.arithmetic.sentence(stats).tolist())
        rows = iter(stats.tolist())
        return [
            Score(r.id, next(values), stats=tuple(next(rows))) if r.text is not None and r.targets else _unscored(r)
            for r in responses
        ]

    def statistics(self, hypotheses: Sequence[str], references: References, subset: Subset) -> Floats:
        """Statistics (n, k) of texts against their references, one row per segment, in order."""
        hyps = [nfc(text) for text in hypotheses]
        refs = [tuple(nfc(text) for text in row) for row in references]
        if self.processes > 1 and len(hyps) >= 2 * self.processes:
            return _in_processes(self.arithmetic, hyps, refs, subset.lang, self.processes)
        return self.arithmetic.count(hyps, refs, subset.lang)

    def corpus_from_stats(self, stats: Floats) -> Floats:
        """Corpus scores (…,) of rows of *summed* statistics (…, k): a slice, or the draws of a bootstrap at once."""
        return self.arithmetic.corpus(np.asarray(stats, np.float64))

    def aggregate(self, values: Any, stats: Any) -> float | None:
        """The corpus score over the scored samples, None where there are none."""
        scored = ~np.isnan(np.asarray(values, np.float64))
        if stats is None or not scored.any():
            return None
        return float(self.corpus_from_stats(np.asarray(stats, np.float64)[scored].sum(axis=0)))

    def _ref(self, subset: Subset) -> str:
        return self.ref or subset.extra.get("ref", "")

    def _nrefs(self, subset: Subset) -> str:
        return str(self.nrefs or subset.extra.get("nrefs", "") or self._ref(subset).count("+") + 1)

    def _check_references(self, responses: Sequence[Response], subset: Subset) -> None:
        said = self._nrefs(subset)
        odd = next((r for r in responses if said not in ("var", str(len(r.targets)))), None)
        if odd is not None:
            raise DataError(
                f"{subset.name}: sample {odd.id!r} has {len(odd.targets)} references where the signature of "
                f"{self.metric} says {said}; set nrefs in the subset's extra to their number, or to 'var' if it differs"
            )


def nfc(text: str) -> str:
    """The text in Unicode NFC (chrF of Vietnamese NFD against NFC is 21 instead of 100)."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _unscored(response: Response) -> Score:
    return Score(response.id, None, detail="no text" if response.text is None else "no reference")


def _in_processes(arithmetic: Arithmetic, hyps: list[str], refs: References, lang: str, processes: int) -> Floats:
    """The same rows, counted by several processes."""
    from concurrent.futures import ProcessPoolExecutor

    edges = np.linspace(0, len(hyps), 2 * processes + 1).astype(int).tolist()
    parts = [(hyps[a:b], refs[a:b], lang) for a, b in itertools.pairwise(edges) if a < b]
    with ProcessPoolExecutor(processes, mp_context=process_context()) as pool:
        return np.concatenate(list(pool.map(arithmetic.count, *zip(*parts, strict=True))))


def process_context() -> Any:
    """A server that forks workers with the imports done: plain fork may hang where there are threads (Arrow, event loops).

    It is started once, and the pools of later cells cost next to nothing.
    """
    import multiprocessing

    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "pandas", "sacrebleu.metrics"])
    return context


def _sacrebleu_signature(metric: Any, nrefs: str) -> str:
    metric.num_refs = -1 if nrefs == "var" else int(nrefs)
    return str(metric.get_signature())


@dataclass(frozen=True)
class ChrfArithmetic:
    """chrF with sacrebleu's defaults; `word_order` 2 makes it chrF++."""

    word_order: int

    def describe(self, lang: str, nrefs: str) -> str:
        """Such as chrF2|nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.6.0|norm:NFC."""
        from sacrebleu.metrics import CHRF

        name = "chrF2" + "+" * self.word_order
        return f"{name}|{_sacrebleu_signature(CHRF(word_order=self.word_order), nrefs)}|norm:NFC"

    def count(self, hypotheses: Sequence[str], references: References, lang: str) -> Floats:
        """Statistics of each segment's best reference."""
        return chrf_statistics(hypotheses, references, self.word_order)

    def corpus(self, stats: Floats) -> Floats:
        """Corpus chrF."""
        return chrf_from_stats(stats)

    def sentence(self, stats: Floats) -> Floats:
        """Sentence chrF; like the corpus score it averages over the orders that both sides have (effective order)."""
        return chrf_from_stats(stats)


@dataclass(frozen=True)
class BleuArithmetic:
    """BLEU with exponential smoothing; `tokenizer` "auto" goes by the target language, `force` allows any."""

    tokenizer: str
    force: bool

    def describe(self, lang: str, nrefs: str) -> str:
        """Such as BLEU|nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0|norm:NFC.

        `sent:eff` says that sample values use the effective order, `forced:yes` that an unfit tokenizer was forced.
        """
        tokenizer = choose_tokenizer(self.tokenizer, lang, self.force)
        signature = _sacrebleu_signature(load_bleu(tokenizer), nrefs)
        forced = "" if fits(tokenizer, lang) else "|forced:yes"
        return f"BLEU|{signature}|sent:eff|norm:NFC{forced}"

    def count(self, hypotheses: Sequence[str], references: References, lang: str) -> Floats:
        """Statistics of each segment."""
        tokenize: Callable[[str], str] = load_bleu(choose_tokenizer(self.tokenizer, lang, self.force)).tokenizer
        return bleu_statistics(hypotheses, references, tokenize)

    def corpus(self, stats: Floats) -> Floats:
        """Corpus BLEU."""
        return bleu_from_stats(stats)

    def sentence(self, stats: Floats) -> Floats:
        """Sentence BLEU with effective order (a sentence of three words has no 4-grams to match)."""
        return bleu_from_stats(stats, effective_order=True)


@dataclass(frozen=True)
class TerArithmetic:
    """TER with sacrebleu's defaults."""

    def describe(self, lang: str, nrefs: str) -> str:
        """Such as TER|nrefs:1|case:lc|tok:tercom|norm:no|punct:yes|asian:no|version:2.6.0|unicode:NFC.

        sacrebleu's `norm` is tercom's own normalisation, so NFC goes by another name here.
        """
        from sacrebleu.metrics import TER

        return f"TER|{_sacrebleu_signature(TER(), nrefs)}|unicode:NFC"

    def count(self, hypotheses: Sequence[str], references: References, lang: str) -> Floats:
        """Edits and reference words of each segment."""
        return ter_statistics(hypotheses, references)

    def corpus(self, stats: Floats) -> Floats:
        """Corpus TER."""
        return ter_from_stats(stats)

    def sentence(self, stats: Floats) -> Floats:
        """Sentence TER."""
        return ter_from_stats(stats)


def chrf(word_order: int = 0, *, ref: str = "", nrefs: int | str = "", processes: int = 1) -> CorpusMetric:
    """chrF (Popović 2015), or with `word_order=2` chrF++ (Popović 2017): two metrics with two names, on 0–100."""
    name = "chrf" + "+" * word_order
    return CorpusMetric(name, (0.0, 100.0), "higher", ChrfArithmetic(word_order), ref, nrefs, processes)


def bleu(
    tokenizer: str = "auto", *, force: bool = False, ref: str = "", nrefs: int | str = "", processes: int = 1
) -> CorpusMetric:
    """BLEU (Papineni et al. 2002) on 0–100.

    `tokenizer` "auto" takes zh, ja-mecab, ko-mecab, char for other scripts without spaces, and 13a elsewhere. A
    tokenizer that needs spaces is refused with UsageError on scripts without them unless `force`d.
    """
    return CorpusMetric("bleu", (0.0, 100.0), "higher", BleuArithmetic(tokenizer, force), ref, nrefs, processes)


def ter(*, ref: str = "", nrefs: int | str = "", processes: int = 1) -> CorpusMetric:
    """TER (Snover et al. 2006), edits per 100 reference words: lower is better, and it can exceed 100.

    sacrebleu's search is slow on long segments (tens of segments a second): use `processes`.
    """
    return CorpusMetric("ter", (0.0, math.inf), "lower", TerArithmetic(), ref, nrefs, processes)
