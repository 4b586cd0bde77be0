"""Which tokenizer BLEU may use for which language.

BLEU counts words, and a tokenizer that finds words by spaces sees a Thai sentence as one or two of them: a
near-identical pair scores 0 with 13a and 73 by characters.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mevals.errors import UsageError, did_you_mean

CHINESE = frozenset({"Hans", "Hant", "Hani"})
JAPANESE = frozenset({"Jpan", "Hira", "Kana"})
KOREAN = frozenset({"Kore", "Hang"})
OTHER_UNSPACED = frozenset({"Thai", "Laoo", "Khmr", "Mymr", "Tibt", "Lana", "Tale", "Talu", "Java", "Bali"})
"""Scripts, beside the Chinese and Japanese ones, that don't put a space between words."""

SPACE_BASED = frozenset({"13a", "intl", "none", "zh"})
"""Tokenizers that find words by spaces; zh does so too outside Chinese characters."""


def script_of(lang: str) -> str:
    """The script of a registry key, such as "Thai" of tha_Thai."""
    return lang.rpartition("_")[2]


def natural_tokenizer(lang: str) -> str:
    """sacrebleu's name of the tokenizer that fits a target language."""
    script = script_of(lang)
    if script in CHINESE:
        return "zh"
    if script in JAPANESE:
        return "ja-mecab"
    if script in KOREAN:
        return "ko-mecab"
    return "char" if script in OTHER_UNSPACED else "13a"


def fits(tokenizer: str, lang: str) -> bool:
    """False where a tokenizer that needs spaces meets a script without them."""
    script = script_of(lang)
    if script in CHINESE:
        return tokenizer == "zh" or tokenizer not in SPACE_BASED
    return tokenizer not in SPACE_BASED or script not in JAPANESE | OTHER_UNSPACED


def choose_tokenizer(asked: str, lang: str, force: bool) -> str:
    """The tokenizer to use; "auto" goes by language. UsageError if it is unknown, or unfit and not forced."""
    from sacrebleu.metrics import BLEU

    if asked == "auto":
        return natural_tokenizer(lang)
    if asked not in BLEU.TOKENIZERS:
        raise UsageError(f"unknown BLEU tokenizer {asked!r}{did_you_mean(asked, ['auto', *BLEU.TOKENIZERS])}")
    if not force and not fits(asked, lang):
        raise UsageError(
            f"BLEU with {asked} means nothing for {lang}, whose script has no spaces between words; "
            f"use tokenizer='auto' (here {natural_tokenizer(lang)}), or force=True if you insist"
        )
    return asked


def load_bleu(tokenizer: str) -> Any:
    """sacrebleu's BLEU with that tokenizer; its SentencePiece models are read from disk, never fetched."""
    from sacrebleu.metrics import BLEU
    from sacrebleu.tokenizers import tokenizer_spm

    if tokenizer in tokenizer_spm.SPM_MODELS:
        model = Path(tokenizer_spm.SACREBLEU_DIR) / "models" / Path(tokenizer_spm.SPM_MODELS[tokenizer]["url"]).name
        if not model.exists():
            raise UsageError(f"BLEU tokenizer {tokenizer} needs its SentencePiece model as {model}; put it there")
    try:
        return BLEU(tokenize=tokenizer, force=True)
    except (ImportError, RuntimeError) as problem:
        raise UsageError(f"BLEU tokenizer {tokenizer} can't be loaded: {' '.join(str(problem).split())}") from problem
