"""How many tokens a tokenizer needs for each language: per character, per byte and per parallel sentence.

No single one of them is fair: Han needs most tokens per character and nearly fewest per sentence. A character is a
Unicode code point unless grapheme clusters are asked for; texts are counted as they are, without normalisation, and no
special token is added. Figure 3 of arXiv:2603.11510 shows tokens per character by script.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mevals.errors import DataError, UsageError

Counts = NDArray[np.int64]

ENGLISH = "eng_Latn"


class TokenCounter(Protocol):
    """A tokenizer as far as it is needed here."""

    @property
    def name(self) -> str: ...

    def count(self, lines: Sequence[str]) -> tuple[Counts, int]:
        """Tokens of each line, shape (lines,), without special tokens; and how many of all are the unknown token."""
        ...


@dataclass(frozen=True, slots=True)
class LanguageTokens:
    """What one tokenizer makes of one language's lines.

    `per_character`, `per_byte` (UTF-8) and `per_grapheme` are totals over totals. `premium` is the median over the lines
    of tokens here to tokens of the same sentence in English, `premium_total` the ratio of the totals. `unknown` counts
    tokens that stand for text the tokenizer can't write: where it is not 0, the other numbers flatter it.
    """

    tokenizer: str
    lang: str
    script: str
    lines: int
    tokens: int
    characters: int
    bytes: int
    graphemes: int | None
    unknown: int
    per_character: float
    per_byte: float
    per_grapheme: float | None
    premium: float
    premium_total: float


@dataclass(frozen=True, slots=True)
class ScriptTokens:
    """One tokenizer's mean over the languages of one script (each language counts once), and how many these are."""

    tokenizer: str
    script: str
    languages: int
    per_character: float
    per_byte: float
    per_grapheme: float | None
    premium: float


def measure(
    texts: Mapping[str, Sequence[str]],
    tokenizers: Iterable[TokenCounter],
    *,
    english: str = ENGLISH,
    graphemes: bool = False,
) -> list[LanguageTokens]:
    """Every tokenizer on every language, in the order given.

    `texts` maps a language key such as `swh_Latn` to its lines; line i is the same sentence in every language. Raises
    DataError where English is missing, lengths differ, or a line is empty.
    """
    _check_parallel(texts, english)
    sizes = {lang: _sizes(lines, graphemes) for lang, lines in texts.items()}
    rows = []
    for tokenizer in tokenizers:
        base, _ = tokenizer.count(texts[english])
        if not base.all():
            raise DataError(f"{tokenizer.name} makes no token of an English line; it is no tokenizer for text")
        for lang, lines in texts.items():
            counts, unknown = tokenizer.count(lines)
            rows.append(_row(tokenizer.name, lang, counts, base, unknown, sizes[lang]))
    return rows


def _check_parallel(texts: Mapping[str, Sequence[str]], english: str) -> None:
    if english not in texts:
        raise DataError(f"the tokenizer report needs the lines of {english}, which others are compared with")
    expected = len(texts[english])
    for lang, lines in texts.items():
        if len(lines) != expected or not lines:
            raise DataError(f"{lang} has {len(lines)} lines and {english} has {expected}; they must be parallel")
        if not all(lines):
            raise DataError(f"line {next(i for i, line in enumerate(lines, 1) if not line)} of {lang} is empty")


@dataclass(frozen=True, slots=True)
class _Sizes:
    characters: int
    bytes: int
    graphemes: int | None


def _sizes(lines: Sequence[str], graphemes: bool) -> _Sizes:
    clusters = sum(map(count_graphemes, lines)) if graphemes else None
    return _Sizes(sum(map(len, lines)), sum(len(line.encode()) for line in lines), clusters)


def count_graphemes(text: str) -> int:
    """Extended grapheme clusters (Unicode Standard Annex 29): what a reader takes for one character."""
    import regex

    return sum(1 for _ in regex.finditer(r"\X", text))


def _row(name: str, lang: str, counts: Counts, base: Counts, unknown: int, sizes: _Sizes) -> LanguageTokens:
    tokens = int(counts.sum())
    return LanguageTokens(
        tokenizer=name,
        lang=lang,
        script=lang.rpartition("_")[2],
        lines=len(counts),
        tokens=tokens,
        characters=sizes.characters,
        bytes=sizes.bytes,
        graphemes=sizes.graphemes,
        unknown=unknown,
        per_character=tokens / sizes.characters,
        per_byte=tokens / sizes.bytes,
        per_grapheme=None if sizes.graphemes is None else tokens / sizes.graphemes,
        premium=float(np.median(counts / base)),
        premium_total=tokens / int(base.sum()),
    )


def by_script(rows: Iterable[LanguageTokens]) -> list[ScriptTokens]:
    """The rows' means by tokenizer and script; tokenizers in order of appearance, scripts by their tokens per character
    summed over the tokenizers, fewest first (the order of Figure 3 of arXiv:2603.11510)."""
    groups: dict[tuple[str, str], list[LanguageTokens]] = {}
    for row in rows:
        groups.setdefault((row.tokenizer, row.script), []).append(row)
    means = [_script_mean(*key, group) for key, group in groups.items()]
    heights: dict[str, float] = {}
    for mean in means:
        heights[mean.script] = heights.get(mean.script, 0.0) + mean.per_character
    order = list(dict.fromkeys(mean.tokenizer for mean in means))
    return sorted(means, key=lambda m: (order.index(m.tokenizer), heights[m.script], m.script))


def _script_mean(tokenizer: str, script: str, group: Sequence[LanguageTokens]) -> ScriptTokens:
    def mean(values: Iterable[float]) -> float:
        return float(np.mean(list(values)))

    clusters = [row.per_grapheme for row in group if row.per_grapheme is not None]
    return ScriptTokens(
        tokenizer=tokenizer,
        script=script,
        languages=len(group),
        per_character=mean(row.per_character for row in group),
        per_byte=mean(row.per_byte for row in group),
        per_grapheme=mean(clusters) if clusters else None,
        premium=mean(row.premium for row in group),
    )


def premiums(rows: Iterable[LanguageTokens]) -> dict[str, dict[str, float]]:
    """Tokenizer → language → median tokens per sentence against English, by which token budgets are scaled."""
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        found.setdefault(row.tokenizer, {})[row.lang] = row.premium
    return found


class FastCounter:
    """A tokenizer of the `tokenizers` library; counts without building lists of ids."""

    def __init__(self, name: str, tokenizer: Any) -> None:
        self.name = name
        self._tokenizer = tokenizer
        tokenizer.no_truncation()
        tokenizer.no_padding()
        unknown = getattr(tokenizer.model, "unk_token", None)
        self._unknown = None if unknown is None else tokenizer.token_to_id(unknown)

    def count(self, lines: Sequence[str]) -> tuple[Counts, int]:
        """Tokens of each line, and how many are the unknown token."""
        encodings = self._tokenizer.encode_batch_fast(list(lines), add_special_tokens=False)
        unknown = 0 if self._unknown is None else sum(e.ids.count(self._unknown) for e in encodings)
        return np.fromiter(map(len, encodings), np.int64, len(encodings)), unknown


class SlowCounter:
    """A tokenizer of transformers that has no fast form."""

    def __init__(self, name: str, tokenizer: Any) -> None:
        self.name = name
        self._tokenizer = tokenizer

    def count(self, lines: Sequence[str]) -> tuple[Counts, int]:
        """Tokens of each line, and how many are the unknown token."""
        ids = [self._tokenizer.encode(line, add_special_tokens=False) for line in lines]
        mark = self._tokenizer.unk_token_id
        unknown = 0 if mark is None else sum(line.count(mark) for line in ids)
        return np.fromiter(map(len, ids), np.int64, len(ids)), unknown


def load_tokenizer(source: str, *, name: str | None = None, revision: str | None = None) -> TokenCounter:
    """The tokenizer in a tokenizer.json, in a model folder, or of a hub repository (`org/name`).

    Raises UsageError where a library is missing, DataError where there is no tokenizer.
    """
    path = Path(source).expanduser()
    if path.is_dir() and (path / "tokenizer.json").exists():
        path = path / "tokenizer.json"
    if path.is_file():
        return _from_file(name or source, path)
    if not path.is_dir():
        fast = _from_hub(source, revision)
        if fast is not None:
            return _from_file(name or source, fast)
    return _by_transformers(name or source, source, revision)


def _from_file(name: str, path: Path) -> FastCounter:
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise UsageError("the tokenizer report needs the tokenizers library: pip install tokenizers") from None
    try:
        return FastCounter(name, Tokenizer.from_file(str(path)))
    except Exception as error:  # tokenizers raises nothing narrower
        raise DataError(f"{path} is no tokenizer file: {error}") from None


def _from_hub(repository: str, revision: str | None) -> Path | None:
    """The repository's tokenizer.json, downloaded or from the cache; None where it has none."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(repository, "tokenizer.json", revision=revision))
    except GatedRepoError:
        raise DataError(
            f"{repository} is gated: accept its terms at https://huggingface.co/{repository}, then set HF_TOKEN"
        ) from None
    except LocalEntryNotFoundError:
        raise DataError(
            f"the tokenizer of {repository} is not on this machine and the hub can't be reached; give a folder or a file"
        ) from None
    except EntryNotFoundError:
        return None
    except (HfHubHTTPError, ValueError) as error:
        raise DataError(f"there is no tokenizer {repository!r}: {str(error).splitlines()[0]}") from None


def _by_transformers(name: str, source: str, revision: str | None) -> TokenCounter:
    try:
        from transformers import AutoTokenizer
    except ImportError:
        raise UsageError(
            f"{source} has no tokenizer.json, so it needs transformers: pip install 'mevals[hf]'"
        ) from None
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, revision=revision)
    except (OSError, ValueError) as error:
        raise DataError(f"{source} has no tokenizer that transformers can load: {str(error).splitlines()[0]}") from None
    backend = getattr(tokenizer, "backend_tokenizer", None)
    return SlowCounter(name, tokenizer) if backend is None else FastCounter(name, backend)
