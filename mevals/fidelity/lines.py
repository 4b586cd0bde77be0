"""From a text to the lines that are judged: by the reference's rule, and by one that unspaced scripts survive.

The reference is the metric script of the Language Confusion Benchmark (Marchisio et al. 2024, arXiv:2406.20052, section
2; repository for-ai/language-confusion): ASCII punctuation and the Arabic comma are taken out, an em dash becomes a space, the
text is split at line feeds, and lines of fewer than five tokens are passed over.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mevals.fidelity.scripts import LETTERS_PER_WORD, UNSPACED, count_scripts, script_of

MIN_TOKENS = 5
"""Tokens below which the reference passes a line over; words below which the script-aware rule does."""

_PUNCTUATION = {**{ord(c): None for c in string.punctuation + "،"}, ord("—"): " "}
_HAN_PIECES = re.compile(r"[\u3400-\u9fff]{1,2}|[A-Za-z0-9]+|[^\u3400-\u9fffA-Za-z0-9]")

Tokens = Callable[[str], Sequence[str]]


@dataclass(frozen=True)
class Tokenizer:
    """How a line is cut into tokens; `name` goes into signatures."""

    name: str
    cut: Tokens


def plain_text(text: str) -> str:
    """The text without ASCII punctuation, em dashes, Arabic commas, and white space at its ends."""
    return text.strip().translate(_PUNCTUATION)


def reference_lines(text: str, tokenizer: Tokenizer) -> list[tuple[str, Sequence[str]]]:
    """(line, its tokens) of every line that the reference judges, without punctuation, in order.

    What follows a line that begins with "Q:" is cut off first: base models go on with a next question of their own.
    """
    lines = plain_text(text.split("\nQ:")[0]).split("\n")
    cut = [(line, tokenizer.cut(line)) for line in lines]
    return [(line, tokens) for line, tokens in cut if len(tokens) >= MIN_TOKENS]


def aware_lines(text: str) -> list[str]:
    """The lines that hold at least five words in any script, without punctuation, in order.

    In scripts without spaces the letters of a usual word count as one; what holds no letter counts for nothing. Lines
    inside ``` fences are left out: code is in no language.
    """
    return [line for line in plain_text(without_code(text)).split("\n") if word_count(line) >= MIN_TOKENS]


def without_code(text: str) -> str:
    """The text without what stands between ``` fences; an open fence runs to the end."""
    if "```" not in text:
        return text
    kept, inside = [], False
    for line in text.split("\n"):
        fence = line.lstrip().startswith("```")
        if not inside and not fence:
            kept.append(line)
        inside ^= fence
    return "\n".join(kept)


def word_count(line: str) -> int:
    """Words of a line: runs with a letter between white space; in unspaced scripts by their letters."""
    counts = count_scripts(line)
    dense = int(sum(counts[script] / LETTERS_PER_WORD[script] for script in UNSPACED))
    if dense:
        line = "".join(" " if script_of(c) in UNSPACED else c for c in line)
    return dense + sum(1 for token in line.split() if any(map(str.isalpha, token)))


def tokenizer_for(script: str) -> Tokenizer:
    """The reference's tokenizer for a script: jieba for Chinese, MeCab for Japanese, else white space.

    Without jieba Chinese is cut into pairs of characters. For Japanese fugashi with its dictionary is taken where both
    are installed, else MeCab with IPADIC. docs/fidelity.md says how often each stand-in decides otherwise.
    """
    if script in ("Hans", "Hant"):
        return _jieba() or Tokenizer("han-pairs", _HAN_PIECES.findall)
    return _fugashi() or _mecab() if script == "Jpan" else Tokenizer("space", str.split)


@lru_cache(maxsize=1)
def _jieba() -> Tokenizer | None:
    module = _installed("jieba")
    if module is None:
        return None
    module.setLogLevel(60)  # it writes to standard error when it loads its dictionary
    return Tokenizer(f"jieba-{module.__version__}", module.lcut)


@lru_cache(maxsize=1)
def _fugashi() -> Tokenizer | None:
    module = _installed("fugashi")
    dictionary = next((d for d in ("unidic", "unidic_lite") if _installed(d)), None)
    if module is None or dictionary is None:
        return None
    tagger = module.Tagger("-O wakati -b 50000")
    return Tokenizer(f"fugashi-{dictionary}", lambda line: tagger.parse(line).split())


@lru_cache(maxsize=1)
def _mecab() -> Tokenizer:
    mecab, ipadic = importlib.import_module("MeCab"), importlib.import_module("ipadic")
    tagger = mecab.Tagger(f"{ipadic.MECAB_ARGS} -Owakati -b 50000")
    return Tokenizer("mecab-ipadic", lambda line: (tagger.parse(line) or "").split())


def _installed(name: str) -> Any:
    """The module, None where it is not installed."""
    return importlib.import_module(name) if importlib.util.find_spec(name) else None
