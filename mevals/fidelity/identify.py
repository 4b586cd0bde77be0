"""Language identifiers as plug-ins: one that ships with its package and needs no network, fastText models by path, others
by entry point.

A specification is `name` or `name:argument`: `py3langid` (the default), `fasttext:/models/lid.176.bin`,
`glotlid:/models/model.bin`, or the name of an entry point of group `mevals.identifiers`, which is called with the
argument and returns an Identifier.
"""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from mevals.errors import UsageError, did_you_mean

DEFAULT = "py3langid"
VARIABLE = "MEVALS_LID"
ENTRY_POINTS = "mevals.identifiers"

Guess = tuple[str, float]
"""A label in the identifier's own spelling, and its probability from 0 to 1."""


class Identifier(Protocol):
    """Names the language of lines. Pure: the same line has the same label, whatever stands beside it.

    `name` says everything that can change a label (package and version, or a model file's digest); it goes into
    signatures. `labels` are all that it can give. No label is left out because it isn't asked for.
    """

    @property
    def name(self) -> str: ...
    @property
    def labels(self) -> frozenset[str]: ...

    def identify(self, lines: Sequence[str]) -> list[Guess]:
        """The likeliest label of each line, in order."""
        ...


def chosen_identifier(specification: str = "") -> str:
    """The specification to use: the given one, else $MEVALS_LID, else py3langid."""
    return specification or os.environ.get(VARIABLE, "") or DEFAULT


@lru_cache(maxsize=4)
def load_identifier(specification: str) -> Identifier:
    """The identifier that a specification names, loaded once per process.

    Raises UsageError where it is unknown, not installed, or its file can't be read.
    """
    name, _, argument = specification.partition(":")
    shipped = _SHIPPED.get(name)
    if shipped is not None:
        return shipped(argument)
    found = _plugins().get(name)
    if found is None:
        known = [*_SHIPPED, *_plugins()]
        raise UsageError(f"unknown language identifier {name!r}{did_you_mean(name, known)} Known: {', '.join(known)}")
    identifier: Identifier = found.load()(argument)
    return identifier


def identifier_name(specification: str) -> str:
    """The name for signatures, without loading a model where that isn't needed. Raises as load_identifier."""
    name, _, argument = specification.partition(":")
    if name == DEFAULT:
        return _py3langid_name()
    return _fasttext_name(argument) if name in ("fasttext", "glotlid") else load_identifier(specification).name


@lru_cache(maxsize=1)
def _plugins() -> Mapping[str, Any]:
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=ENTRY_POINTS)}


@dataclass(frozen=True)
class Py3Langid:
    """py3langid with the model that its package carries, all its languages, probabilities that add up to 1."""

    name: str
    labels: frozenset[str]
    model: Any = field(repr=False)

    def identify(self, lines: Sequence[str]) -> list[Guess]:
        classify = self.model.classify
        return [classify(line) for line in lines]


def _py3langid_name() -> str:
    from importlib.metadata import version

    return f"py3langid-{version('py3langid')}"


def _load_py3langid(argument: str) -> Identifier:
    from py3langid import langid

    if argument:
        raise UsageError(f"py3langid takes no argument, not {argument!r}; other models go by fasttext:/path")
    # without norm_probs its scores are log-likelihoods, to which no threshold of 0.3 applies
    model = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
    return Py3Langid(_py3langid_name(), frozenset(model.labels), model)


@dataclass(frozen=True)
class FastText:
    """A fastText classifier such as lid.176.bin, GlotLID or OpenLID, by its file."""

    name: str
    labels: frozenset[str]
    model: Any = field(repr=False)

    def identify(self, lines: Sequence[str]) -> list[Guess]:
        # the inner object's predict: the outer one fails with numpy 2 (fasttext-wheel 0.9.2)
        guesses = (self.model.f.predict(_one_line(line), 1, 0.0, "strict") for line in lines)
        return [(_bare(found[0][1]), min(1.0, float(found[0][0]))) if found else ("", 0.0) for found in guesses]


def _one_line(line: str) -> str:
    """The line as fastText wants it: valid UTF-8, ended by the only line feed."""
    return line.replace("\n", " ").encode("utf-8", "replace").decode("utf-8") + "\n"


def _bare(label: str) -> str:
    return label.removeprefix("__label__")


def _load_fasttext(path: str) -> Identifier:
    name = _fasttext_name(path)
    try:
        module = importlib.import_module("fasttext")
    except ImportError:
        raise UsageError(
            "the fasttext package is missing; install mevals[fasttext] (or fasttext-predict) to use a fastText model"
        ) from None
    try:
        model = module.load_model(path)
    except ValueError as problem:
        raise UsageError(f"{path} is no fastText model: {problem}") from None
    # fasttext-predict can't list labels, but predicts all of them at once
    listed = (
        model.get_labels() if hasattr(model, "get_labels") else [g[1] for g in model.f.predict("\n", -1, 0.0, "strict")]
    )
    return FastText(name, frozenset(map(_bare, listed)), model)


def _fasttext_name(path: str) -> str:
    """Such as fasttext-lid.176.bin-7e69ec54, the digits of the file's SHA-256."""
    file = Path(path)
    if not path or not file.is_file():
        raise UsageError(
            f"there is no language identification model at {path!r}; give it as fasttext:/path/lid.176.bin"
        )
    stat = file.stat()
    return f"fasttext-{file.name}-{_digest(file, stat.st_size, stat.st_mtime_ns)}"


@lru_cache(maxsize=8)
def _digest(file: Path, size: int, changed: int) -> str:
    """Eight hex digits of a file's SHA-256; size and time of change are there so that a new file is read anew."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:8]


_SHIPPED: Mapping[str, Callable[[str], Identifier]] = MappingProxyType(
    {DEFAULT: _load_py3langid, "fasttext": _load_fasttext, "glotlid": _load_fasttext}
)
