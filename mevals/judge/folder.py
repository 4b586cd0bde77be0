"""A judge is a folder of data: judge.yaml, Jinja prompts and examples.yaml. This module finds, reads and checks it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mevals.errors import DataError, UsageError, did_you_mean
from mevals.judge.fence import FENCE_RULE, FENCE_VERSION
from mevals.safe_yaml import load_yaml

Kind = Literal["scores", "label", "pair"]
Field_ = Literal["language", "source_language", "question", "answer", "reference", "source"]
Calibration = Literal["open", "short", "safety", "refusal", "translation"]
PAIR_LABELS = ("A>>B", "A>B", "A=B", "B>A", "B>>A")
_STRICT = ConfigDict(extra="forbid", frozen=True)


class Sampling(BaseModel):
    """What is sent with every question to the judge."""

    model_config = _STRICT
    max_tokens: int = Field(gt=0)
    temperature: float = Field(default=0.0, ge=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    seed: int = 0


class PromptFiles(BaseModel):
    """File names of one variant's prompts, inside the folder."""

    model_config = _STRICT
    system: str | None = None
    user: str


class Part(BaseModel):
    """A further rate beside the main value: the share of `labels` among answers whose tags are as `when` says."""

    model_config = _STRICT
    labels: tuple[str, ...]
    when: dict[str, str] = Field(default_factory=dict)


class Rule(BaseModel):
    """How a verdict is written and what it is worth.

    `form` *json*: one JSON object, enforced by the server where it can; *tag*: free text that ends in [[LABEL]]. Kind
    scores: each of `criteria` gets a number on `scale` (whole numbers if `whole`), with a rationale before it if
    `rationale`; the value is their mean brought to [0, 1]. Kind label: one of `labels`, each worth a number in [0, 1], or a
    number for each value of the answer's tag `by_tag`; `aliases` are other words for a label. Kind pair: the five labels
    A>>B … B>>A. `error_spans` also asks for a list of errors with severities, which are counted.
    """

    model_config = _STRICT
    form: Literal["json", "tag"] = "json"
    criteria: tuple[str, ...] = ()
    scale: tuple[float, float] = (1, 7)
    whole: bool = True
    rationale: bool = True
    labels: dict[str, float | dict[str, float]] = Field(default_factory=dict)
    by_tag: str = ""
    aliases: dict[str, str] = Field(default_factory=dict)
    parts: dict[str, Part] = Field(default_factory=dict)
    error_spans: bool = False


class Empty(BaseModel):
    """The verdict on an empty answer, which no judge is asked about: a label, or a number for each criterion."""

    model_config = _STRICT
    label: str | None = None
    scores: dict[str, float] = Field(default_factory=dict)


class JudgeFile(BaseModel):
    """judge.yaml.

    `follows` names the protocol that the judge is modelled on, with its source. `model` is asked unless the command names
    another. `prompts` holds one or more variants; the answer's tag `variant_tag` chooses, the first is the default.
    `retries` 1 asks an unreadable verdict again, once, and says how to reply; 0 never does. A cell fails where more than
    `max_unscored` of its verdicts stay unreadable. Answers are cut after `max_chars` characters. `calibration` names the
    built-in items that fit, `tasks` those tasks that it judges where a command names no judge.
    """

    model_config = _STRICT
    title: str
    version: int = Field(ge=1)
    about: str
    follows: str
    kind: Kind
    metric: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    model: str
    sampling: Sampling
    prompts: dict[str, PromptFiles] = Field(min_length=1)
    variant_tag: str = ""
    needs: tuple[Field_, ...] = ()
    verdict: Rule
    empty: Empty | None = None
    retries: int = Field(default=1, ge=0, le=1)
    max_unscored: float = Field(default=0.02, ge=0, le=1)
    max_chars: int = Field(default=24_000, ge=100)
    calibration: Calibration = "open"
    tasks: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _fits_its_kind(self) -> JudgeFile:
        rule = self.verdict
        if self.kind == "scores" and not rule.criteria:
            raise ValueError("a judge of kind scores needs verdict.criteria")
        if self.kind == "label" and not rule.labels:
            raise ValueError("a judge of kind label needs verdict.labels")
        if self.kind == "pair" and (rule.form != "tag" or rule.labels):
            raise ValueError("a judge of kind pair has the form tag and its five fixed labels")
        if rule.scale[0] >= rule.scale[1]:
            raise ValueError("verdict.scale goes from low to high")
        if any(isinstance(v, dict) for v in rule.labels.values()) and not rule.by_tag:
            raise ValueError("labels whose worth hangs on a tag need verdict.by_tag")
        known = set(rule.labels)
        named = [*rule.aliases.values(), *(x for p in rule.parts.values() for x in p.labels)]
        named += [self.empty.label] if self.empty and self.empty.label else []
        for label in named:
            if label not in known:
                raise ValueError(f"{label!r} is none of verdict.labels")
        if self.empty and self.kind == "scores" and set(self.empty.scores) != set(rule.criteria):
            raise ValueError("empty.scores must give every criterion a number")
        return self


@dataclass(frozen=True)
class Judge:
    """A judge that was found. `templates` maps variant → role → Jinja text; `sha` is the hash of all that makes a prompt."""

    name: str
    folder: Path
    file: JudgeFile
    templates: Mapping[str, Mapping[str, str]]
    sha: str

    @property
    def rule(self) -> Rule:
        """How its verdicts are written."""
        return self.file.verdict

    def variant(self, tags: Mapping[str, str]) -> str:
        """The variant of the prompts for an answer with these tags; the first one where the tag names none."""
        wanted = tags.get(self.file.variant_tag, "") if self.file.variant_tag else ""
        return wanted if wanted in self.templates else next(iter(self.templates))


@dataclass(frozen=True)
class Example:
    """A reply and the verdict that it must be read as: `label`, or `scores`, or neither where it is unreadable.

    `judged` are the texts that were judged, to tell their words from the judge's own.
    """

    name: str
    reply: str
    label: str | None
    scores: Mapping[str, float]
    judged: tuple[str, ...]
    truncated: bool


def load_judge(folder: Path) -> Judge:
    """The judge in `folder`. Raises DataError that lists everything that is wrong with it."""
    path = folder / "judge.yaml"
    try:
        file = JudgeFile.model_validate(load_yaml(path))
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'judge'}: {e['msg']}" for e in error.errors())
        raise DataError(f"{path}: {problems}") from None
    templates = {name: _read_templates(folder, files) for name, files in file.prompts.items()}
    made_of = {
        "templates": templates,
        "rule": file.verdict.model_dump(mode="json", exclude={"aliases", "parts", "by_tag", "labels"}),
        "labels": list(file.verdict.labels),
        "variant_tag": file.variant_tag,
        "max_chars": file.max_chars,
        "fence": [FENCE_VERSION, FENCE_RULE],
    }
    sha = hashlib.sha256(orjson.dumps(made_of, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return Judge(folder.name, folder, file, templates, sha)


def _read_templates(folder: Path, files: PromptFiles) -> dict[str, str]:
    found = {}
    for role, name in (("system", files.system), ("user", files.user)):
        if name is None:
            continue
        path = folder / name
        if path.parent != folder or not path.is_file():
            raise DataError(f"{folder / 'judge.yaml'}: the prompt file {name!r} is missing from the folder")
        found[role] = path.read_text(encoding="utf-8")
    return found


def load_examples(judge: Judge) -> list[Example]:
    """The judge's examples.yaml: replies with the verdicts that they hold. Raises DataError where it is wrong."""
    path = judge.folder / "examples.yaml"
    rows = load_yaml(path)
    if not isinstance(rows, list):
        raise DataError(f"{path} must be a list of examples")
    return [_example(path, row) for row in rows]


def _example(path: Path, row: Any) -> Example:
    known = {"name", "reply", "label", "scores", "unscored", "judged", "truncated"}
    if not isinstance(row, dict) or not {"name", "reply"} <= set(row) or not set(row) <= known:
        raise DataError(f"{path}: an example has name, reply and label, scores or unscored (found {row!r:.80})")
    if sum(key in row for key in ("label", "scores", "unscored")) != 1:
        raise DataError(f"{path}: {row['name']}: give exactly one of label, scores and unscored")
    judged = row.get("judged", [])
    return Example(
        str(row["name"]),
        str(row["reply"]),
        row.get("label"),
        dict(row.get("scores") or {}),
        tuple([judged] if isinstance(judged, str) else judged),
        bool(row.get("truncated", False)),
    )


@lru_cache(maxsize=4)
def _all_judges(path_setting: str) -> Mapping[str, Judge]:
    from mevals.registry import folders

    found: dict[str, Judge] = {}
    for folder in folders("judges", "judge.yaml"):
        judge = load_judge(folder)
        if judge.name in found:
            raise UsageError(
                f"two judges are called {judge.name!r}: {found[judge.name].folder} and {folder}; rename one"
            )
        found[judge.name] = judge
    return found


def all_judges() -> Mapping[str, Judge]:
    """Every judge by name: the shipped ones, and those in `judges/` of any folder of $MEVALS_PATH."""
    import os

    return _all_judges(os.environ.get("MEVALS_PATH", ""))


def find_judge(name: str) -> Judge:
    """A judge by name, or by its folder. Raises UsageError with a suggestion for an unknown one."""
    if "/" in name:
        return load_judge(Path(name))
    known = all_judges()
    if name not in known:
        raise UsageError(f"unknown judge {name!r}{did_you_mean(name, known)} (`mevals judge ls` lists all)")
    return known[name]
