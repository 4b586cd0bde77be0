"""The simulated judge: verdicts with planted biases, so that what measures a judge's trustworthiness can be held to the truth.

It reads the fenced texts of a judge's prompt as any model would, and answers in the form that the prompt asks for.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from mevals.engines.sim.draw import unit
from mevals.engines.sim.replies import Ask
from mevals.errors import DataError, UsageError, did_you_mean

USUAL_LENGTH = 400
"""Characters at which length neither helps nor hurts on a scale."""
PLANTED = "mevals-planted:"
"""Begins a target that tells the simulated judge what is true; what follows is JSON (see `planted`)."""
_FENCED = re.compile(r"<<<([A-Z_]+) ([0-9a-f]{16})>>>\n(.*?)\n<<<END \2>>>", re.DOTALL)
_CRITERION = re.compile(r'"(\w+)_score": (\d+)-(\d+)')
_LABELS = re.compile(r'"verdict": ((?:"\w+"(?: \| )?)+)')
_SCRIPTS: Mapping[str, tuple[str, ...]] = {
    "Latn": ("LATIN",), "Cyrl": ("CYRILLIC",), "Arab": ("ARABIC",), "Deva": ("DEVANAGARI",), "Beng": ("BENGALI",),
    "Hans": ("CJK",), "Hant": ("CJK",), "Jpan": ("CJK", "HIRAGANA", "KATAKANA"), "Hang": ("HANGUL",), "Grek": ("GREEK",),
    "Hebr": ("HEBREW",), "Thai": ("THAI",), "Ethi": ("ETHIOPIC",), "Telu": ("TELUGU",), "Taml": ("TAMIL",),
}  # fmt: skip


@dataclass(frozen=True)
class Bias:
    """What is wrong with a simulated judge; judges.yaml says what each number means."""

    position: float = 0.0
    length: float = 0.0
    noise: float = 0.0
    ties: float = 0.0
    sharpness: float = 0.9
    chance: tuple[str, ...] = ()
    languages: Mapping[str, float] = field(default_factory=dict)
    unreadable: float = 0.0
    seed: int = 0


@lru_cache(maxsize=1)
def simulated_judges() -> Mapping[str, Bias]:
    """The shipped simulated judges by name. Raises DataError where judges.yaml is wrong."""
    from mevals.safe_yaml import load_yaml

    known = {f.name for f in fields(Bias)}
    found = {}
    for name, entry in load_yaml(Path(__file__).with_name("judges.yaml"))["judges"].items():
        if not set(entry) <= known:
            raise DataError(f"the simulated judge {name!r} has an unknown field among {sorted(entry)}")
        settings: dict[str, Any] = {k: tuple(v) if k == "chance" else v for k, v in entry.items()}
        found[name] = Bias(**settings)
    return found


def find_bias(name: str) -> Bias:
    """The bias of a simulated judge by name. Raises UsageError with a suggestion for an unknown one."""
    known = simulated_judges()
    if name not in known:
        raise UsageError(f"there is no simulated judge {name!r}{did_you_mean(name, known)}")
    return known[name]


def answer_judge(ask: Ask) -> str:
    """The reply to a judge's prompt, by the bias that goes with the model's name. For `--reply judge=…:answer_judge`."""
    return reply_with(find_bias(ask.model), ask)


def reply_with(bias: Bias, ask: Ask) -> str:
    """The reply of a judge with this bias, in the form that its prompt asks for."""
    whole = "\n".join(str(m.get("content", "")) for m in ask.messages)
    texts = {name: text for name, _, text in _FENCED.findall(whole)}
    again = "An earlier reply to this request could not be read." in whole
    name = ask.item.hash
    if not again and unit(bias.seed, "unreadable", name) < bias.unreadable:
        return "I looked at all of it carefully, and it is hard to say."
    truth = planted(ask.item.targets)
    asked = Asked(name, ask.item.lang, str(ask.request.get("seed")), ask.item.targets)
    if "ANSWER_B" in texts:
        label = prefer(bias, asked, texts["ANSWER_A"], texts["ANSWER_B"], truth)
        return f"I solved the task myself and compared both answers with my solution.\n\n[[{label}]]"
    if labels := _LABELS.search(whole):
        chosen = classify(bias, asked, re.findall(r'"(\w+)"', labels[1]), texts, truth)
        return json.dumps({"rationale": "It is plain from the text.", "verdict": chosen})
    criteria = [(c, float(low), float(high)) for c, low, high in _CRITERION.findall(whole)]
    scores = rate(bias, asked, criteria, texts.get("ANSWER", ""), truth)
    said: dict[str, Any] = {"errors": []} if '"errors":' in whole else {}
    for criterion, score in scores.items():
        said |= {f"{criterion}_rationale": "It is plain from the text.", f"{criterion}_score": score}
    return json.dumps(said)


@dataclass(frozen=True)
class Asked:
    """One asking: the question's hash, the language, the request's seed (noise is drawn by it), the sample's targets."""

    name: str
    lang: str
    seed: str = ""
    targets: Sequence[str] = ()


def planted(targets: Sequence[str]) -> Mapping[str, Any]:
    """What a target that begins with `PLANTED` says is true; empty without one.

    {"answer": q} or {"answer_a": q, "answer_b": q} give qualities from 0 to 1, {"scores": {…}} exact ones, {"label": x} the
    right class.
    """
    for target in targets:
        if target.startswith(PLANTED):
            return dict(json.loads(target.removeprefix(PLANTED)))
    return {}


def prefer(bias: Bias, asked: Asked, first: str, second: str, truth: Mapping[str, Any]) -> str:
    """One of the five labels for the answers shown first and second.

    The chance that the first wins is 1/2 + position + length · log2(length ratio) + sharpness · (quality difference). One
    number drawn for the unordered pair decides both games, so that they differ by position and noise alone. Effects are
    divided by the share of verdicts that are neither noise nor ties: what is planted is what verdicts as given show.
    """
    if unit(bias.seed, "noise", asked.seed, asked.name) < bias.noise:
        labels = ("A>>B", "A>B", "A=B", "B>A", "B>>A")
        return labels[int(5 * unit(bias.seed, "label", asked.seed, asked.name))]
    gap = 0.0
    if asked.lang not in bias.chance:
        gap = quality(bias, asked, first, truth.get("answer_a")) - quality(bias, asked, second, truth.get("answer_b"))
    low, high = sorted((first, second))
    ties = bias.ties * (1 - abs(gap))
    if unit(bias.seed, "tie", asked.lang, low, high) < ties:
        return "A=B"
    ratio = math.log2((len(first) + 1) / (len(second) + 1))
    effects = bias.position + bias.length * ratio + bias.sharpness * gap
    chance = 0.5 + effects / ((1 - bias.noise) * (1 - ties))
    luck = unit(bias.seed, "pair", asked.lang, low, high)
    wins = luck < chance if first == low else luck >= 1 - chance
    strong = unit(bias.seed, "strong", asked.name) < abs(gap)
    return ("A>>B" if strong else "A>B") if wins else ("B>>A" if strong else "B>A")


def rate(
    bias: Bias, asked: Asked, criteria: Sequence[tuple[str, float, float]], answer: str, truth: Mapping[str, Any]
) -> dict[str, int]:
    """A whole number for each criterion on its scale, from (name, lowest, highest)."""
    seen = quality(bias, asked, answer, truth.get("answer"))
    if asked.lang in bias.chance:
        seen = unit(bias.seed, "chance", asked.name)
    seen += bias.length * math.log2((len(answer) + 1) / USUAL_LENGTH) + bias.languages.get(asked.lang, 0.0)
    exact = truth.get("scores", {}) if asked.lang not in bias.chance else {}
    foreign = not answer or not in_script(answer, asked.lang)
    scores = {}
    for criterion, low, high in criteria:
        wobble = 0.15 * (unit(bias.seed, criterion, asked.name) - 0.5)
        value = round(low + (high - low) * min(1.0, max(0.0, seen + wobble)))
        if foreign and criterion in ("instruction_following", "naturalness", "translation"):
            value = round(low)
        value = round(exact.get(criterion, value))
        if unit(bias.seed, "noise", asked.seed, criterion, asked.name) < bias.noise:
            value = round(low + (high - low) * unit(bias.seed, "random", asked.seed, criterion, asked.name))
        scores[criterion] = value
    return scores


def classify(
    bias: Bias, asked: Asked, labels: Sequence[str], texts: Mapping[str, str], truth: Mapping[str, Any]
) -> str:
    """One of `labels`: the planted one; a match where a reference stands in the answer; a refusal where the answer is one of
    the simulated models' own; else by quality."""
    if unit(bias.seed, "noise", asked.seed, asked.name) < bias.noise or asked.lang in bias.chance:
        return labels[int(len(labels) * unit(bias.seed, "label", asked.seed, asked.name))]
    if truth.get("label") in labels:
        return str(truth["label"])
    answer = texts.get("ANSWER", "")
    if "match" in labels and "REFERENCE" in texts:
        known = [line.casefold() for line in texts["REFERENCE"].split("\n") if line.strip()]
        return "match" if any(k in answer.casefold() for k in known) else "no_match"
    if "full_refusal" in labels:
        return "full_refusal" if _is_stock_refusal(answer) else "full_compliance"
    if "unsafe" in labels:
        return "safe" if _is_stock_refusal(answer) else "unsafe"
    return labels[0] if quality(bias, asked, answer, truth.get("answer")) > 0.35 else labels[1]


def _is_stock_refusal(answer: str) -> bool:
    from mevals.engines.sim.words import phrases

    return any(entry["refuse"] in answer for entry in phrases().values())


def quality(bias: Bias, asked: Asked, answer: str, known: Any = None) -> float:
    """How good an answer is, from 0 to 1: the planted number, else likeness to the reference, else drawn by its text."""
    if isinstance(known, int | float):
        return float(known)
    if not answer.strip() or not in_script(answer, asked.lang):
        return 0.05
    references = [t for t in asked.targets if not t.startswith(PLANTED)]
    if references:
        return 0.15 + 0.8 * max(_likeness(answer, r) for r in references)
    return 0.3 + 0.6 * unit("quality", answer)


def _likeness(answer: str, reference: str) -> float:
    """The share of the reference's character trigrams that the answer has."""
    wanted = {reference[i : i + 3] for i in range(max(1, len(reference) - 2))}
    have = {answer[i : i + 3] for i in range(max(1, len(answer) - 2))}
    return len(wanted & have) / len(wanted)


def in_script(text: str, lang: str) -> bool:
    """Whether most letters of the text's first 300 characters are in the script of `lang`; True where that is unknown."""
    wanted = _SCRIPTS.get(lang[-4:])
    letters = [c for c in text[:300] if c.isalpha()]
    if wanted is None or not letters:
        return True
    return sum(unicodedata.name(c, "").startswith(wanted) for c in letters) * 2 > len(letters)
