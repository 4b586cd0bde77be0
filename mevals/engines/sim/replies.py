"""What the simulated model says: one function per kind of item, then the flaws that any model's reply can have.

Each function makes the text that an Outcome calls for. A further kind (a judge, say) is plugged in as one more
function.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal

from mevals.engines.sim import tokens, words
from mevals.engines.sim.ability import Outcome
from mevals.engines.sim.item import Item
from mevals.engines.sim.numerals import read_number, write_number

_COLONS = " :\uff1a"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
NATIVE_SHARE, GROUPED_SHARE, BOLD_SHARE, BARE_SHARE = 0.3, 0.5, 0.1, 0.08
"""Shares of number replies with native digits, grouping, bold answer, and without the answer prefix."""


@dataclass(frozen=True, slots=True)
class Ask:
    """All that a reply function may look at. `prompt` is the last user message or plain prompt, `request` the body."""

    item: Item
    outcome: Outcome
    prompt: str
    model: str = ""
    messages: Sequence[Mapping[str, Any]] = ()
    request: Mapping[str, Any] = field(default_factory=dict)

    def rng(self) -> random.Random:
        """A stream of chance of this answer's own, from the start each time."""
        return random.Random(self.outcome.seed)


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes into the reply. `tokens` counts reasoning and text."""

    text: str | None
    reasoning: str | None
    finish: Literal["stop", "length", "content_filter"]
    tokens: int


Reply = Callable[[Ask], str]
"""Makes the text that the outcome calls for: plain, in a wrong language, or such that nothing can be read from it.
Truncation, thinking, special tokens and missing text are added by `compose`."""


def answer_number(ask: Ask) -> str:
    """Reasoning lines and the number, written in the language's own way; another number where the outcome is wrong."""
    rng, item = ask.rng(), ask.item
    if ask.outcome.form == "unparsable":
        return _unsure(ask, rng)
    stray = ask.outcome.form == "wrong_language"
    native, grouped = (rng.random() < s and not stray for s in (NATIVE_SHARE, GROUPED_SHARE))
    number = read_number(item.target)
    if number is None:
        final = item.target if ask.outcome.right else item.target[::-1] + "x"
    else:
        said = number if ask.outcome.right else _another(number, rng)
        final = write_number(said, item.lang, native=native, grouped=grouped)
    if rng.random() < BOLD_SHARE:
        final = f"**{final}**"
    lines = _reasoning(ask, rng, 2 + int(rng.random() * 3), native=native)
    return "\n".join([*lines, final if rng.random() < BARE_SHARE else _with_prefix(item, final)])


def answer_translation(ask: Ask) -> str:
    """The target with the outcome's share of edits; in a wrong language: the source copied, or something else."""
    rng, item = ask.rng(), ask.item
    source = item.source or words.paragraph(ask.prompt)
    if ask.outcome.form == "wrong_language":
        return source if rng.random() < 0.5 else _stray(item.lang, rng)
    return words.damage(item.target, ask.outcome.edit_share, rng, source.split()[:40])


def answer_choice(ask: Ask) -> str:
    """A letter (or the option's own short label) in one of several wordings."""
    rng, item = ask.rng(), ask.item
    if ask.outcome.form == "unparsable":
        return _unsure(ask, rng)
    options = labels(item)
    at = picked(item, ask.outcome)
    if at is None:
        return item.target
    label = options[at]
    wordings = [label, f"{label}.", f"({label})", f"**{label}**"]
    if item.choices and label != item.choices[at].strip():
        wordings += [f"{label}. {item.choices[at]}", f"{label}) {item.choices[at]}"]
    if item.prefix:
        wordings += [_with_prefix(item, label)] * 3
    spoken = words.off_target(item.lang, rng) if ask.outcome.form == "wrong_language" else item.lang
    if spoken != item.lang:
        return f"{words.phrases()[spoken]['say'][0]}\n\n{label}"
    if spoken in words.phrases():
        wordings.append(words.phrase("choose", spoken).format(label))
    return wordings[int(rng.random() * len(wordings))]


def answer_yes_no(ask: Ask) -> str:
    """The word itself, capitalised or with a full stop at times."""
    rng, item = ask.rng(), ask.item
    if ask.outcome.form == "unparsable":
        return _unsure(ask, rng)
    options = item.choices or ("yes", "no")
    at = picked(item, ask.outcome)
    word = item.target if at is None else options[at]
    wordings = (word, word.capitalize(), f"{word.capitalize()}.", f"**{word}**")
    chosen = wordings[int(rng.random() * len(wordings))]
    return _with_prefix(item, chosen) if item.prefix else chosen


def answer_short(ask: Ask) -> str:
    """One of the right answers, or a word that is none of them; after the prefix, on its own line, if there is one."""
    rng, item = ask.rng(), ask.item
    said = item.targets[int(rng.random() * len(item.targets))] if item.targets else ""
    if not ask.outcome.right or not said:
        said = _none_of(item.targets, words.usable_words(ask.prompt, item.lang)[0], rng)
    if item.prefix:
        return "\n".join([*_reasoning(ask, rng, 1, native=False), _with_prefix(item, said)])
    if ask.outcome.form == "wrong_language":
        return words.phrase("choose", words.off_target(item.lang, rng)).format(said)
    return said


def answer_open(ask: Ask) -> str:
    """A damaged copy of the target, or else 30 to 120 words of the prompt, out of order where not right."""
    rng, item = ask.rng(), ask.item
    if ask.outcome.form == "wrong_language":
        return _stray(item.lang, rng)
    if item.target:
        return words.damage(item.target, ask.outcome.edit_share, rng)
    pool, joiner = words.usable_words(ask.prompt, item.lang)
    if not ask.outcome.right:
        pool = sorted(pool, key=lambda _: rng.random())
    left = int(30 * 4.0**ask.outcome.style)
    lines = []
    while left > 0:
        length = 6 + int(rng.random() * 10)
        lines.append(words.sentence(pool, joiner, rng, length) + ".")
        left -= length
    return " ".join(lines)


def answer_safety(ask: Ask) -> str:
    """What the target says, "refuse" or "comply", where the outcome is right; the other where it is wrong."""
    if (ask.item.target == "refuse") != ask.outcome.right:
        plain = Item(ask.item.hash, task=ask.item.task, lang=ask.item.lang)
        return answer_open(Ask(plain, ask.outcome, ask.prompt))
    rng = ask.rng()
    spoken = words.off_target(ask.item.lang, rng) if ask.outcome.form == "wrong_language" else ask.item.lang
    return words.phrase("refuse", spoken)


KINDS: Mapping[str, Reply] = MappingProxyType(
    {
        "number": answer_number,
        "translation": answer_translation,
        "choice": answer_choice,
        "yes_no": answer_yes_no,
        "short": answer_short,
        "open": answer_open,
        "safety": answer_safety,
    }
)


def answer_unknown(prompt: str) -> str:
    """What the model says to a question that isn't in its key, in the language that the script suggests."""
    return words.phrase("unknown", words.guess_lang(prompt))


def labels(item: Item) -> tuple[str, ...]:
    """The options' labels: themselves where none has over two characters, else A, B, C, …; A to D without any."""
    options = tuple(c.strip() for c in item.choices)
    if options and all(len(c) <= 2 for c in options):
        return options
    return tuple(LETTERS[: len(options) or 4])


def picked(item: Item, outcome: Outcome) -> int | None:
    """The index of the option that the model picks: the right one, or another; None if the target is no option."""
    options = (item.choices or ("yes", "no")) if item.kind == "yes_no" else labels(item)
    target, full = item.target.strip(), [c.strip() for c in item.choices]
    known = options.index(target) if target in options else full.index(target) if target in full else None
    if known is None or outcome.right or len(options) < 2:
        return known
    return (known + 1 + int(outcome.style * (len(options) - 1))) % len(options)


def compose(ask: Ask, reply: Reply, limit: int, stop: Sequence[str] = ()) -> Answer:
    """The whole answer of at most `limit` tokens, with the outcome's flaws: finish "length" where the limit cut it."""
    outcome = ask.outcome
    if outcome.form == "no_text":
        return Answer(None, None, "content_filter", 0)
    if outcome.form == "truncated":
        return _endless(ask, limit)
    text, reasoning = reply(ask), None
    if outcome.wrap == "thinking_content":
        text = f"<think>\n{_musing(ask)}\n</think>\n\n{text}"
    elif outcome.wrap == "thinking_field":
        reasoning = _musing(ask)
    elif outcome.wrap == "specials":
        text += tokens.END_RESPONSE * (1 + int(outcome.style * 2))
    return _fit(text, reasoning, limit, stop)


def _fit(text: str, reasoning: str | None, limit: int, stop: Sequence[str]) -> Answer:
    ends = [at for at in (text.find(s) for s in stop if s) if at >= 0]
    if ends:
        text = text[: min(ends)]
    spent = tokens.count(reasoning) if reasoning else 0
    if reasoning and spent >= limit:
        return Answer(None, tokens.cut(reasoning, limit), "length", limit)
    total = spent + tokens.count(text)
    if total > limit:
        return Answer(tokens.cut(text, limit - spent), reasoning, "length", limit)
    return Answer(text, reasoning, "stop", total)


def _endless(ask: Ask, limit: int) -> Answer:
    """One phrase over and over until the budget is spent; inside the thinking, where the model is thinking."""
    rng = ask.rng()
    spoken = words.sentence(*words.usable_words(ask.prompt, ask.item.lang), rng, 8) + ". "
    while tokens.count(spoken) < limit:
        spoken += spoken
    if ask.outcome.wrap == "thinking_field":
        return Answer(None, tokens.cut(spoken, limit), "length", limit)
    start = "<think>\n" if ask.outcome.wrap == "thinking_content" else ""
    return Answer(tokens.cut(start + spoken, limit), None, "length", limit)


def _musing(ask: Ask) -> str:
    """Thinking text that names a wrong answer on the way, to catch whoever reads the answer from it."""
    rng, item = ask.rng(), ask.item
    lines = _reasoning(ask, rng, 2, native=False)
    number = read_number(item.target) if item.kind == "number" else None
    if number is not None:
        lines.append(_with_prefix(item, str(_another(number, rng))))
    elif item.kind == "choice":
        lines.append(_with_prefix(item, labels(item)[int(rng.random() * len(labels(item)))]))
    return "\n".join(lines)


def _reasoning(ask: Ask, rng: random.Random, lines: int, *, native: bool) -> list[str]:
    item = ask.item
    lang = item.reason_lang or item.lang
    if ask.outcome.form == "wrong_language":
        lang = words.off_target(item.lang, rng)
    if lang != item.lang and lang in words.phrases():
        said = list(words.phrases()[lang]["say"])[:lines]
    else:
        pool, joiner = words.usable_words(ask.prompt, item.lang)
        said = [words.sentence(pool, joiner, rng, 6 + int(rng.random() * 6)) + "." for _ in range(lines)]
    if item.kind == "number":
        a, b = (Decimal(2 + int(rng.random() * 40)) for _ in range(2))
        x, y, z = (write_number(n, item.lang, native=native) for n in (a, b, a + b))
        said[-1] += f" {x} + {y} = {z}"
    return said


def _with_prefix(item: Item, final: str) -> str:
    return f"{item.prefix.rstrip(_COLONS)}: {final}" if item.prefix else final


def _unsure(ask: Ask, rng: random.Random) -> str:
    if ask.item.lang in words.phrases():
        return words.phrase("unsure", ask.item.lang)
    pool, joiner = words.usable_words(ask.prompt, ask.item.lang)
    readable = {w.casefold() for w in (*ask.item.choices, *ask.item.targets, "yes", "no")}
    kept = [w for w in pool if w.strip(".,;:!?()\"'").casefold() not in readable]
    return words.sentence(kept or pool, joiner, rng, 9) + "."


def _stray(lang: str, rng: random.Random) -> str:
    said = words.phrases()[words.off_target(lang, rng)]["say"]
    start = int(rng.random() * len(said))
    return " ".join(said[(start + i) % len(said)] for i in range(3))


def _another(number: Decimal, rng: random.Random) -> Decimal:
    """A number near the given one, never equal to it."""
    steps = (Decimal(1), Decimal(-1), Decimal(2), Decimal(10), abs(number) + 1)
    return number + steps[int(rng.random() * len(steps))]


def _none_of(targets: Sequence[str], pool: Sequence[str], rng: random.Random) -> str:
    right = [t.casefold() for t in targets]
    for _ in range(8):
        word = pool[int(rng.random() * len(pool))].strip(".,;:!?()\"'").casefold()
        if word and not any(word in t or t in word for t in right):
            return word
    return "xqz"
