"""What can go wrong, named for what the reader can do about it.

::

    MevalsError
    ├── UsageError          the command or a file that a person wrote is wrong: exit code 2, nothing written
    │   └── DataError       a data set, mirror, card or file of answers can't be read as asked
    ├── CellFailed          a cell could not be completed; what was answered is kept
    ├── StoreError          the results folder can't be written (disk full, read-only): what was answered is kept
    └── EngineError         the server could not be used
        ├── Retryable       this request failed but may succeed if it is asked again
        ├── Rejected        the server refuses this request for good (too long, content filter)
        └── Refused         the server refuses us: wrong key, unknown model: exit code 2

Every message is one sentence that says what to do. Bugs are none of these: they crash with a traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class MevalsError(Exception):
    """Something that the reader can mend; `exit_code` is what the command ends with."""

    exit_code = 1


class UsageError(MevalsError):
    """The command, or a file that a person wrote, is wrong."""

    exit_code = 2


class DataError(UsageError):
    """A data set, mirror, card or file of answers can't be read as asked."""


class CellFailed(MevalsError):
    """A cell could not be completed; what was answered is kept."""


class StoreError(MevalsError):
    """The results folder could not be written; what was answered before is kept."""


class EngineError(MevalsError):
    """The server could not be used."""


class Retryable(EngineError):
    """This request failed but may succeed if it is asked again.

    `after` is what the server asked for in Retry-After, in seconds; None if it said nothing.
    """

    def __init__(self, message: str, kind: str, after: float | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.after = after


class Rejected(EngineError):
    """The server refuses this request for good, for example because the prompt is too long."""


class Refused(EngineError):
    """The server refuses us altogether: wrong key, or a model that it does not serve."""

    exit_code = 2


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A ready "; did you mean 'x'?" for an unknown word, or an empty string where nothing is near."""
    known = sorted(set(known))
    near = difflib.get_close_matches(word, known, n=3, cutoff=0.55)
    near += [k for k in known if k.startswith(word) and k not in near][: 3 - len(near)] if word else []
    if not near:
        return ""
    return "; did you mean " + " or ".join(repr(n) for n in near) + "?"
