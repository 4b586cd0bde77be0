"""Reads numbers, chosen options, yes or no and short answers out of what models write, in any language.

Every reader gives None for what it can't settle, and says why: unscored, never wrong.
"""

from mevals.extract.letters import ChoiceExtraction, extract_choice
from mevals.extract.numbers import Extraction, extract_number, same_number
from mevals.extract.phrases import ShortMatch, extract_yes_no, match_short_answer, normalise_answer

__all__ = [
    "ChoiceExtraction",
    "Extraction",
    "ShortMatch",
    "extract_choice",
    "extract_number",
    "extract_yes_no",
    "match_short_answer",
    "normalise_answer",
    "same_number",
]
