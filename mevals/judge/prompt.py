"""From an answer to the messages that a judge is sent: cleaned, fenced, and rendered from the judge's own templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mevals import languages
from mevals.errors import DataError
from mevals.judge.fence import FENCE_RULE, Fence, Judged, make_fence, prepare
from mevals.judge.folder import PAIR_LABELS, Judge
from mevals.types import Message, Response, Subset, system, user

if TYPE_CHECKING:
    from jinja2 import Template


@dataclass(frozen=True)
class Material:
    """What one question to a judge is made of; `answers` are one, or two in the order in which they are shown."""

    question: str
    answers: tuple[str, ...]
    references: tuple[str, ...] = ()
    source: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """A question to a judge as it is sent, with what is needed to read the reply. `changed` counts what was done to texts."""

    messages: tuple[Message, ...]
    fence: Fence
    judged: tuple[str, ...]
    changed: Mapping[str, int]


def material_of(response: Response, *others: str) -> Material:
    """The material of a stored answer: the request as the last user message (or the tag `question`), references, source.

    `others` are further answers to show after it.
    """
    asked = [m["content"] for m in response.messages if m["role"] == "user"]
    question = response.tags.get("question") or (asked[-1] if asked else "")
    return Material(question, (response.text or "", *others), response.targets, response.source, response.tags)


def missing(judge: Judge, material: Material) -> str:
    """Why a judge can't be asked about this; "" where it can."""
    if "reference" in judge.file.needs and not material.references:
        return "the sample has no reference, which the judge needs"
    if "source" in judge.file.needs and material.source is None:
        return "the sample has no source, which the judge needs"
    return ""


def make_question(judge: Judge, material: Material, subset: Subset, *, again: bool = False) -> Question:
    """The messages for `judge`. `again` adds that the last reply could not be read, and how to reply.

    Pure: the same material gives the same messages. Raises DataError where a template is wrong.
    """
    most = judge.file.max_chars
    answers = [prepare(text, most) for text in material.answers]
    question, source = prepare(material.question, most), prepare(material.source or "", most)
    references = prepare("\n".join(dict.fromkeys(material.references)), most)
    fence = make_fence([question.text, source.text, references.text, *(a.text for a in answers)])
    fields = {
        "language": languages.full_name(subset.lang),
        "source_language": languages.full_name(subset.source_lang) if subset.source_lang else "the source language",
        "fence_rule": FENCE_RULE,
        "question": fence.around("REQUEST", question),
        "source": fence.around("SOURCE", source),
        "reference": fence.around("REFERENCE", references),
        **_answers(answers, fence),
    }
    templates = judge.templates[judge.variant(material.tags)]
    sent = [system(_render(judge, templates["system"], fields))] if "system" in templates else []
    body = _render(judge, templates["user"], fields)
    sent.append(user(body + "\n\n" + _nudge(judge) if again else body))
    texts = [question, source, references, *answers]
    changed = {name: sum(getattr(t, name) for t in texts) for name in ("cut", "replaced", "defused")}
    return Question(tuple(sent), fence, tuple(t.text for t in texts), changed)


def _answers(answers: list[Judged], fence: Fence) -> dict[str, str]:
    if len(answers) == 1:
        return {"answer": fence.around("ANSWER", answers[0])}
    return {
        "answer_a": fence.around("ANSWER_A", answers[0]),
        "answer_b": fence.around("ANSWER_B", answers[1]),
    }


def _nudge(judge: Judge) -> str:
    """What is added when a reply to the same question held no readable verdict."""
    if judge.file.kind == "pair":
        labels = ", ".join(f"[[{label}]]" for label in PAIR_LABELS)
        wanted = f"explain yourself in a few sentences, then end with a line that holds only one of {labels}"
    elif judge.rule.form == "json":
        wanted = "reply with the JSON object alone, complete and valid"
    else:
        labels = ", ".join(f"[[{label}]]" for label in judge.rule.labels)
        wanted = f"end with a line that holds only one of {labels}"
    return f"(An earlier reply to this request could not be read. Please {wanted}.)"


def _render(judge: Judge, text: str, fields: Mapping[str, Any]) -> str:
    from jinja2 import TemplateError

    try:
        return _template(text).render(fields).strip("\n")
    except TemplateError as error:
        raise DataError(f"a prompt of the judge {judge.name} can't be rendered: {error}") from None


@lru_cache(maxsize=64)
def _template(text: str) -> Template:
    """A compiled template. Sandboxed: a judge's folder is data, and must not run code."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    return SandboxedEnvironment(undefined=StrictUndefined, autoescape=False).from_string(text)


def response_format(judge: Judge) -> dict[str, Any] | None:
    """The JSON schema of the judge's verdict as the OpenAI API and vLLM take it; None for a judge that writes tags.

    Whole scores are an enumeration, since strict schemas allow no minimum or maximum.
    """
    rule = judge.rule
    if rule.form != "json":
        return None
    fields: dict[str, Any] = {}
    if judge.file.kind == "label":
        fields = {"rationale": {"type": "string"}} if rule.rationale else {}
        fields["verdict"] = {"type": "string", "enum": list(rule.labels)}
    if rule.error_spans:
        severity = {"type": "string", "enum": ["minor", "major", "critical"]}
        fields["errors"] = {"type": "array", "items": _object({"span": {"type": "string"}, "severity": severity})}
    low, high = rule.scale
    few = rule.whole and high - low <= 20
    for name in rule.criteria:
        if rule.rationale:
            fields[f"{name}_rationale"] = {"type": "string"}
        score = {"type": "integer", "enum": list(range(int(low), int(high) + 1))} if few else {"type": "number"}
        fields[f"{name}_score"] = score
    return {"type": "json_schema", "json_schema": {"name": "verdict", "strict": True, "schema": _object(fields)}}


def _object(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(fields), "required": list(fields), "additionalProperties": False}
