"""Is the answer in the language that was asked for? Line-level pass rates, by the reference's rule and by safer ones."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal

from mevals.errors import UsageError
from mevals.fidelity.identify import chosen_identifier, identifier_name, load_identifier
from mevals.fidelity.labels import key_of, target_of
from mevals.fidelity.lines import MIN_TOKENS, tokenizer_for
from mevals.fidelity.rates import THRESHOLD, Split, Verdict, explain, guess_lines, split, verdict
from mevals.scorers.values import mean_of_scored, unscored
from mevals.types import Response, Score, Scorer, Subset

VERSION = 1
"""Raised whenever a change, also of the confusable sets and label tables, can alter a value."""
WORDS_VARIABLE = "MEVALS_WORDS"


@dataclass(frozen=True)
class Fidelity:
    """1 where every line of the answer is in the subset's language, 0 where one isn't, unscored where none can be judged.

    The value is the line-level verdict of the Language Confusion Benchmark (Marchisio et al. 2024), and so is the part
    `line_pass`; its mean is the line-level pass rate. Further parts, 1, 0 or null: `aware_pass` (lines counted so
    that unspaced scripts don't vanish), `script_pass` (code points alone), `word_pass` (no English word, among answers
    that passed, for languages not in Latin script), `lenient` (languages that can't be told apart pass for each other).
    Unscored: a language that the identifier doesn't know or can't recognise, and answers without a line of five tokens.

    `identifier` is a specification as in mevals.fidelity.identify ("" = $MEVALS_LID, else py3langid); `words` a file of
    English words, one per line ("" = $MEVALS_WORDS, else every lower-case word of four Latin letters or more counts).
    """

    identifier: str = ""
    words: str = ""
    threshold: float = THRESHOLD
    metric: ClassVar[str] = "fidelity"
    scale: ClassVar[tuple[float, float]] = (0.0, 1.0)
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    needs: ClassVar[str] = ""

    def signature(self, subset: Subset) -> str:
        target, specification = _script(subset), chosen_identifier(self.identifier)
        words = _words_name(self._words_file())
        return (
            f"fidelity|rule:line-level|id:{identifier_name(specification)}"
            f"|unknown:<={self.threshold:g}|tokens:>={MIN_TOKENS}|tok:{tokenizer_for(target).name}"
            f"|words:{words}|version:{VERSION}"
        )

    def score(self, responses: Sequence[Response], subset: Subset) -> list[Score]:
        """One score per response, in order. Raises UsageError where the identifier can't be loaded."""
        tokenizer = tokenizer_for(_script(subset))
        found = iter(self.verdicts([split(r.text, tokenizer) for r in responses if r.text is not None], subset))
        return [unscored(r) or self._scored(r.id, next(found), subset) for r in responses]

    def verdicts(self, splits: Sequence[Split], subset: Subset) -> list[Verdict]:
        """The verdict on each text, in order."""
        identifier = load_identifier(chosen_identifier(self.identifier))
        target = target_of(subset.lang, identifier.name, identifier.labels)
        guesses = guess_lines(splits, identifier)
        words = _read_words(self._words_file())
        return [verdict(one, guesses, target, self.threshold, words) for one in splits]

    def aggregate(self, values: Any, stats: Any) -> float | None:
        return mean_of_scored(values)

    def _scored(self, id_: str, found: Verdict, subset: Subset) -> Score:
        identifier = load_identifier(chosen_identifier(self.identifier))
        target = target_of(subset.lang, identifier.name, identifier.labels)
        names = {label: key_of(label, identifier.labels) for label in found.wrong}
        parts = {
            "line_pass": found.line,
            "aware_pass": found.aware,
            "script_pass": found.script,
            "word_pass": found.word,
            "lenient": found.lenient,
        }
        return Score(id_, found.line, explain(found, target, names), parts=parts)

    def _words_file(self) -> str:
        return self.words or os.environ.get(WORDS_VARIABLE, "")


def _script(subset: Subset) -> str:
    return subset.lang.split("_")[1]


@lru_cache(maxsize=4)
def _read_words(file: str) -> frozenset[str] | None:
    """The lower-case words of more than three letters of a file, as the reference takes them; None without a file."""
    if not file:
        return None
    try:
        lines = Path(file).read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as problem:
        raise UsageError(
            f"the word list {file} can't be read ({problem}); set {WORDS_VARIABLE} to a text file"
        ) from None
    return frozenset(word for word in map(str.strip, lines) if word.islower() and len(word) > 3)


@lru_cache(maxsize=4)
def _words_name(file: str) -> str:
    """For signatures: "latin", or the word list's name and the first digits of its SHA-256."""
    words = _read_words(file)
    if words is None:
        return "latin"
    digest = hashlib.sha256("\n".join(sorted(words)).encode()).hexdigest()
    return f"{Path(file).name}-{digest[:8]}"


def fidelity(identifier: str = "", words: str = "") -> Scorer:
    """Language fidelity by the line-level pass rate."""
    return Fidelity(identifier, words)
