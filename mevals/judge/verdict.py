"""From a judge's reply to its verdict, or to the reason why it holds none.

The last verdict outside quotations of the judged text counts. What stands in the judged text can never become a verdict:
passages between its marks are dropped, and so is an object, tag or line that the reply repeats from it.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mevals.judge.fence import Fence
from mevals.judge.folder import Judge, Rule
from mevals.judge.loose_json import find_objects
from mevals.judge.quoted import Quoted, visible
from mevals.judge.tags import NOTHING, LabelOf, pair_label, read_tag

READER = 1
"""Version of this reader: raised whenever a reply can be read differently. Part of every judged score's signature."""


@dataclass(frozen=True)
class Verdict:
    """What a judge decided: `scores` by criterion or a `label`; `why` says why neither could be read, else ""."""

    scores: Mapping[str, float] = field(default_factory=dict)
    label: str = ""
    why: str = ""
    how: str = ""
    errors: Mapping[str, int] = field(default_factory=dict)

    @property
    def readable(self) -> bool:
        """Whether there is a verdict."""
        return not self.why


def read_verdict(
    judge: Judge, reply: str | None, judged: Sequence[str] = (), fence: Fence | None = None, *, truncated: bool = False
) -> Verdict:
    """The verdict in `reply` on the texts `judged`.

    A truncated reply counts only if it holds a whole JSON verdict: a tag in it may have been a first thought.
    """
    if reply is None:
        return Verdict(why="the judge gave no text")
    text = visible(fence.strip(reply) if fence else reply)
    quoted = Quoted(judged)
    if judge.file.kind == "pair":
        return _read_pair(text, quoted, truncated=truncated)
    if judge.file.kind == "label":
        return _read_label(judge.rule, text, quoted, truncated=truncated)
    return _read_scores(judge.rule, text, quoted, truncated=truncated)


def _read_scores(rule: Rule, text: str, quoted: Quoted, *, truncated: bool) -> Verdict:
    for found in reversed(list(find_objects(text))):
        numbers = _named(found.content, rule.criteria, "score")
        if numbers is None or quoted.holds_object(found, text):
            continue
        return _scores(rule, numbers, "json", _count_errors(rule, found.content))
    if truncated:
        return Verdict(why="the reply is cut off before its verdict ends")
    lines = _score_lines(rule, text, quoted)
    if len(lines) == len(rule.criteria):
        return _scores(rule, lines, "lines", {})
    if lines:
        missing = ", ".join(c for c in rule.criteria if c not in lines)
        return Verdict(why=f"no score for {missing}")
    return Verdict(why=NOTHING)


def _scores(rule: Rule, raw: Mapping[str, Any], how: str, errors: Mapping[str, int]) -> Verdict:
    scores = {}
    for name, value in raw.items():
        number = read_number(value, rule.scale[1])
        if number is None:
            return Verdict(why=f"{name}: {str(value)[:40]!r} is no score")
        if not rule.scale[0] <= number <= rule.scale[1] or (rule.whole and number != int(number)):
            return Verdict(why=f"{name}: {number:g} is not on the scale from {rule.scale[0]:g} to {rule.scale[1]:g}")
        scores[name] = number
    return Verdict(scores=scores, how=how, errors=errors)


_NUMBER = re.compile(
    r"([+-]?\d+(?:[.,٫]\d+)?)(?:\s*(?:/|／|out of|von|sur|de|из)\s*(\d+))?(?=$|[\s(（,;:!。—–*]|\.(?!\d))"
)


def read_number(value: Any, most: float) -> float | None:
    """A score as a number: 6, "6", "6/7", "６", "٦", "6 (good)"; None for a range, a word, another scale or nothing."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value) if math.isfinite(value) else None
    if not isinstance(value, str):
        return None
    text = unicodedata.normalize("NFKC", value).strip().strip("*_` ")
    match = _NUMBER.match(text)
    if match is None:
        return None
    if match[2] and float(match[2]) != most:
        return None
    if re.match(r"\s*(?:-|–|—|~|to|or|bis|oder|/)\s*\d", text[match.end() :]):
        return None
    return float(match[1].replace(",", ".").replace("٫", "."))


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "_", unicodedata.normalize("NFKC", name)).strip("_").casefold()


def _named(content: Mapping[str, Any], names: Sequence[str], suffix: str) -> dict[str, Any] | None:
    """The values of all `names` in an object: as `name_score`, as `name`, or nested; None where one is missing."""
    own = {_plain(str(k)): v for k, v in content.items()}
    found: dict[str, Any] = {}
    for name in names:
        value = own.get(f"{name}_{suffix}", own.get(name, _MISSING))
        if isinstance(value, Mapping):
            inner = {_plain(str(k)): v for k, v in value.items()}
            value = inner.get(suffix, inner.get(f"{name}_{suffix}", _MISSING))
        if value is _MISSING:
            break
        found[name] = value
    else:
        return found
    nested = [v for v in content.values() if isinstance(v, Mapping)]
    nested += [v for vs in content.values() if isinstance(vs, list) for v in vs[-1:] if isinstance(v, Mapping)]
    return next((f for v in reversed(nested) if (f := _named(v, names, suffix)) is not None), None)


_MISSING = object()


def _score_lines(rule: Rule, text: str, quoted: Quoted) -> dict[str, str]:
    """Scores written as "Name: 6", one a line; the last line of each counts."""
    found: dict[str, str] = {}
    names = {c.replace("_", r"[\W_]{0,3}"): c for c in rule.criteria}
    for line in text.split("\n"):
        if line.lstrip().startswith(">"):
            continue
        for pattern, name in names.items():
            match = re.match(
                rf"[\W\d]*{pattern}(?:[\W_]{{0,3}}(?:score|rating))?\W{{0,4}}[:：=]\W*(?=\S)(.*)$", line, re.I
            )
            if match and read_number(match[1], rule.scale[1]) is not None and not quoted.holds_line(line):
                found[name] = match[1]
    if not found and len(rule.criteria) == 1 and read_number(text.strip(), rule.scale[1]) is not None:
        alone = re.fullmatch(r"\W*\d+(?:[.,]\d+)?(?:\s*/\s*\d+)?\W*", unicodedata.normalize("NFKC", text))
        found = {rule.criteria[0]: text.strip()} if alone else {}
    return found


def _count_errors(rule: Rule, content: Mapping[str, Any]) -> Mapping[str, int]:
    """Errors by severity where the judge lists them."""
    if not rule.error_spans:
        return {}
    listed = content.get("errors")
    counts = {"minor": 0, "major": 0, "critical": 0}
    for entry in listed if isinstance(listed, list) else []:
        severity = str(entry.get("severity", "")).casefold() if isinstance(entry, Mapping) else ""
        if severity in counts:
            counts[severity] += 1
    return counts


def _read_label(rule: Rule, text: str, quoted: Quoted, *, truncated: bool) -> Verdict:
    verdict = _label_in_json(text, quoted, lambda said: _own_label(rule, said))
    return verdict or _read_tag(text, quoted, lambda said: _own_label(rule, said), truncated=truncated)


def _read_pair(text: str, quoted: Quoted, *, truncated: bool) -> Verdict:
    verdict = _read_tag(text, quoted, pair_label, truncated=truncated)
    if verdict.readable or verdict.why != NOTHING:
        return verdict
    return _label_in_json(text, quoted, pair_label) or verdict


def _label_in_json(text: str, quoted: Quoted, label_of: LabelOf) -> Verdict | None:
    for found in reversed(list(find_objects(text))):
        named = _named(found.content, ("verdict",), "label")
        if named is None or quoted.holds_object(found, text):
            continue
        said = named["verdict"]
        label = label_of(said.strip("[]")) if isinstance(said, str) else None
        return Verdict(label=label, how="json") if label else Verdict(why=f"{str(said)[:40]!r} is none of the verdicts")
    return None


def _own_label(rule: Rule, said: str) -> str | None:
    """The label that a word means: itself, whatever its case and punctuation, or one of the aliases."""
    plain = _plain(said)
    known = {_plain(name): name for name in rule.labels} | {_plain(k): v for k, v in rule.aliases.items()}
    return known.get(plain)


def _read_tag(text: str, quoted: Quoted, label_of: LabelOf, *, truncated: bool) -> Verdict:
    if truncated:
        return Verdict(why="the reply is cut off, so that its last verdict may not be the final one")
    label, why = read_tag(text, quoted, label_of)
    return Verdict(label=label, why=why, how="tag" if label else "")
