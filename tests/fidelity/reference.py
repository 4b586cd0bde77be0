"""The Language Confusion Benchmark's definition of its two rates, written a second time and in another way.

It shares no code with mevals and takes tokens, labels and words from its caller, so that only skipping and arithmetic are
compared. Sources: arXiv:2406.20052, section 2, and the repository's README.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Collection, Iterable, Sequence
from fractions import Fraction

DROPPED = re.compile(f"[{re.escape(string.punctuation)}،]")


def pass_rates(
    texts: Iterable[str],
    tokens: Callable[[str], Sequence[str]],
    is_right: Callable[[str], bool],
    words: Collection[str],
) -> tuple[Fraction | None, Fraction | None, int]:
    """(LPR, WPR, responses that aren't skipped); a rate of nothing is None."""
    passed = without_words = judged = 0
    for text in texts:
        head = re.split(r"\nQ:", text, maxsplit=1)[0].strip()
        lines = [x for x in DROPPED.sub("", head).replace("—", " ").split("\n") if len(tokens(x)) > 4]
        if lines:
            judged += 1
            if all(map(is_right, lines)):
                passed += 1
                without_words += not any(t.strip() in words for x in lines for t in tokens(x))
    return Fraction(passed, judged) if judged else None, Fraction(without_words, passed) if passed else None, judged
