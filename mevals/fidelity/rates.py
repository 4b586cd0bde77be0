"""Verdicts on a response from the labels of its lines, and what they add up to.

Everything here is a pure function of texts and labels, so that the arithmetic can be held against the reference's
definition with any labels.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from mevals.fidelity.identify import Guess, Identifier
from mevals.fidelity.labels import Target
from mevals.fidelity.lines import Tokenizer, aware_lines, reference_lines
from mevals.fidelity.scripts import is_written_in

UNKNOWN = "unknown"
THRESHOLD = 0.3
"""Probability at or below which the reference calls a line's language unknown."""
CLEAR = 0.5
"""Probability above which a label is likelier than all others together: below it no line is off-target for `lenient`."""
NOTHING = frozenset({UNKNOWN, "zxx", "und", "mul", ""})
"""Labels that name no language."""
WORD = 4
"""Letters of the shortest English word that counts as a switch of language."""


@dataclass(frozen=True)
class Split:
    """A response cut into the lines that are judged: by the reference's rule with their tokens, and script-aware."""

    reference: Sequence[tuple[str, Sequence[str]]]
    aware: Sequence[str]

    @property
    def lines(self) -> Iterable[str]:
        """Every line that needs a label."""
        return (*(line for line, _ in self.reference), *self.aware)


@dataclass(frozen=True)
class Verdict:
    """What was found of one response; a rate is 1.0 (passed), 0.0 (failed) or None (abstained).

    `line`: every line that the reference keeps is labelled as the target. `aware`: the same of the lines that the
    script-aware rule keeps. `script`: those are written in the target's script. `word`: no English word in a
    response that passed `line`, for targets not in Latin script. `lenient`: no line is labelled as a language outside
    the target's confusable set. `wrong` counts lines by their wrong label, among `judged` lines.
    """

    line: float | None
    aware: float | None
    script: float | None
    word: float | None
    lenient: float | None
    wrong: Mapping[str, int]
    judged: int

    @property
    def worst(self) -> tuple[str, int] | None:
        """The most frequent wrong label and its lines, of equals one that names a language; None where no line is wrong."""
        return max(self.wrong.items(), key=lambda item: (item[1], item[0] not in NOTHING), default=None)


def split(text: str, tokenizer: Tokenizer) -> Split:
    """A response cut into lines by both rules."""
    return Split(reference_lines(text, tokenizer), aware_lines(text))


def guess_lines(splits: Iterable[Split], identifier: Identifier) -> dict[str, Guess]:
    """Line -> label and probability for every line of the responses, each identified once."""
    lines = list(dict.fromkeys(line for one in splits for line in one.lines))
    return dict(zip(lines, identifier.identify(lines), strict=True))


def accepted(guess: Guess, threshold: float = THRESHOLD) -> str:
    """The label, or "unknown" where its probability doesn't exceed the threshold."""
    return guess[0] if guess[1] > threshold else UNKNOWN


def verdict(
    one: Split,
    guesses: Mapping[str, Guess],
    target: Target,
    threshold: float = THRESHOLD,
    words: Collection[str] | None = None,
) -> Verdict:
    """The verdict on a response whose lines have these labels.

    `words` are the words taken for English; None takes every lower-case word of four Latin letters or more.
    """
    strict = not target.why
    kept = [accepted(guesses[line], threshold) for line, _ in one.reference]
    aware = [accepted(guesses[line], threshold) for line in one.aware]
    passed = line_pass(kept, target.right) if strict else None
    tokens = (token for _, tokens in one.reference for token in tokens)
    allowed = target.right if strict else target.lenient
    judged = kept or aware
    return Verdict(
        line=passed,
        aware=line_pass(aware, target.right) if strict else None,
        script=script_pass(one.aware, target.script),
        word=word_pass(tokens, words) if passed and target.script != "Latn" else None,
        lenient=lenient_pass([guesses[line] for line in one.aware], target.lenient),
        wrong=Counter(label for label in judged if label not in allowed) if allowed else {},
        judged=len(judged),
    )


def lenient_pass(guesses: Iterable[Guess], allowed: Collection[str]) -> float | None:
    """As `line_pass`, of the lines whose label names a language and is clear; None also where nothing is allowed."""
    clear = [label for label, probability in guesses if label in allowed or probability > CLEAR]
    return line_pass([label for label in clear if label not in NOTHING], allowed) if allowed else None


def line_pass(labels: Sequence[str], right: Collection[str]) -> float | None:
    """1.0 where every label is a right one, 0.0 where one isn't, None without lines (Marchisio et al. 2024, LPR)."""
    return float(all(label in right for label in labels)) if labels else None


def script_pass(lines: Sequence[str], script: str) -> float | None:
    """1.0 where every line is mostly in the script, 0.0 where one isn't, None without lines."""
    return float(all(is_written_in(line, script) is not False for line in lines)) if lines else None


def word_pass(tokens: Iterable[str], words: Collection[str] | None) -> float:
    """1.0 where no token is an English word, else 0.0 (Marchisio et al. 2024, WPR)."""
    if words is None:
        return float(not any(map(_latin_word, tokens)))
    return float(not any(token.strip() in words for token in tokens))


def _latin_word(token: str) -> bool:
    token = token.strip()
    return len(token) >= WORD and token.isascii() and token.isalpha() and token.islower()


def explain(found: Verdict, target: Target, names: Mapping[str, str]) -> str:
    """How a verdict came about: the off-target language and its lines, the passed lines, or why nothing is said."""
    worst = found.worst
    if worst is not None:
        label = names.get(worst[0], worst[0])
        said = f"{label} on {worst[1]} of {found.judged} lines"
    else:
        said = f"{found.judged} lines" if found.judged else ""
    if target.why:
        return f"{target.why}; lenient: {said}" if said and target.lenient else target.why
    if found.line is None:
        short = "no line of 5 tokens"
        return f"{short}; script-aware: {said}" if said else short
    return said


_OFF = re.compile(r"(\S+) on \d+ of \d+ lines$")


def off_target(detail: str) -> str | None:
    """The off-target language that `explain` names: a registry key, a label, or "unknown"; None where it names none."""
    found = _OFF.search(detail)
    return found.group(1) if found else None
