"""Reads verdicts that are written as tags, [[A>B]] or [[safe]], or alone on the last line."""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mevals.judge.folder import PAIR_LABELS
from mevals.judge.quoted import Quoted

LabelOf = Callable[[str], str | None]
"""From what stands in a tag to the label that it means; None where it means none."""

NOTHING = "no verdict in the reply"

_DOUBLE = re.compile(
    r"\[\[\s*([^\[\]\n]{1,40}?)\s*\]\]|［［\s*([^［］\n]{1,40}?)\s*］］|【【\s*([^【】\n]{1,40}?)\s*】】"
)
_SINGLE = re.compile(r"\[\s*([^\[\]\n]{1,40}?)\s*\]")
_BETWEEN = re.compile(r"[\s,;/|*`\"'、]*(?:or|and|oder|und|ou|o|или|либо|或|または)?[\s,;/|*`\"'、]*", re.IGNORECASE)
_EDGES = "*_`#•.。!！\"'“”「」 "
_LOOKALIKES = str.maketrans("АВΑΒＡＢ＞＜＝〉〈", "ABABAB><=><")


@dataclass(frozen=True, slots=True)
class Tag:
    """A label with its place in the reply."""

    label: str
    start: int
    end: int


def read_tag(text: str, quoted: Quoted, label_of: LabelOf) -> tuple[str, str]:
    """The label of the last tag that is the judge's own, and "" ; or "" and the reason why there is none.

    Without any tag, the last line counts if it is nothing but a label, or ends in one behind a colon.
    """
    for pattern in (_DOUBLE, _SINGLE):
        every = _without_lists(list(_tags(text, pattern, label_of)), text)
        tags = [t for t in every if not quoted.holds_mark(text, t.start, t.end)]
        if not tags:
            if every:
                return "", "the reply only repeats a verdict that stands in the answer"
            continue
        own = [t for t in tags if not quoted.plants(text[t.start : t.end])]
        if own and own[-1] is not tags[-1] and own[-1].label != tags[-1].label:
            return "", "the last verdict is one that stands in the answer, and differs from the judge's own before"
        if _is_hedged(tags, text):
            return "", "the reply names several verdicts and decides for none"
        return tags[-1].label, ""
    label = _last_line(text, quoted, label_of)
    return (label, "") if label else ("", NOTHING)


def _tags(text: str, pattern: re.Pattern[str], label_of: LabelOf) -> Iterator[Tag]:
    for match in pattern.finditer(text):
        label = label_of(next(g for g in match.groups() if g is not None))
        if label is not None:
            yield Tag(label, match.start(), match.end())


def _without_lists(tags: list[Tag], text: str) -> list[Tag]:
    """Tags without those of an enumeration of all choices, which is the question repeated and not an answer."""
    kept, i = [], 0
    while i < len(tags):
        run = [tags[i]]
        while i + len(run) < len(tags) and tags[i + len(run)].start - run[-1].end < 120:
            if tags[i + len(run)].label in {t.label for t in run}:
                break
            run.append(tags[i + len(run)])
        if len(run) >= 3 and _is_enumeration(run, text):
            i += len(run)
        else:
            kept.append(tags[i])
            i += 1
    return kept


def _is_enumeration(run: Sequence[Tag], text: str) -> bool:
    """Three or more different choices that follow each other by commas, or four and more in the prompt's order."""
    if all(_BETWEEN.fullmatch(text[a.end : b.start]) for a, b in itertools.pairwise(run)):
        return True
    order = [PAIR_LABELS.index(t.label) for t in run if t.label in PAIR_LABELS]
    return len(run) >= 4 and order == sorted(order) and len(order) == len(run)


def _is_hedged(tags: Sequence[Tag], text: str) -> bool:
    """Whether the last two tags differ and nothing but "or" or a comma stands between them on one line."""
    if len(tags) < 2 or tags[-1].label == tags[-2].label:
        return False
    between = text[tags[-2].end : tags[-1].start]
    return bool(_BETWEEN.fullmatch(between)) and "\n" not in between


def _last_line(text: str, quoted: Quoted, label_of: LabelOf) -> str | None:
    lines = [line for line in text.split("\n") if re.search(r"\w", line)]
    if not lines or lines[-1].lstrip().startswith("> ") or re.search(r"[{}]", lines[-1]):
        return None
    last = lines[-1].strip().strip(_EDGES)
    tail = re.split(r"[:：]", last)[-1].strip().strip(_EDGES)
    alone = label_of(last)
    label = alone or (label_of(tail) if tail != last else None)
    # One word that is the whole reply is the judge's own, though the answer may hold it too.
    own = alone is not None and len(lines) == 1
    return None if not own and quoted.holds_line(lines[-1]) else label


def pair_label(said: str) -> str | None:
    """One of the five labels of a pair, however its signs and letters are written; None for anything else."""
    text = html.unescape(said).translate(_LOOKALIKES)
    text = text.replace("≫", ">>").replace("≪", "<<").replace("»", ">>").replace("«", "<<").replace("\\u003e", ">")
    text = text.replace("\\gg", ">>").replace("\\ll", "<<").replace("\\gt", ">").replace("\\lt", "<")
    match = re.fullmatch(r"([AB])(>>|>|==?|<<|<)([AB])", re.sub(r"[\s*_`$\\]", "", text))
    if match is None or match[1] == match[3]:
        return None
    left, sign, right = match.groups()
    if "=" in sign:
        return "A=B"
    if "<" in sign:
        left, right, sign = right, left, sign.replace("<", ">")
    return f"{left}{sign}{right}"
