"""What mevals knows about a model before it is asked: where it is, how to serve it, what to send and what to strip.

Known models come from `data/models.yaml` and from a `models.yaml` in any folder of $MEVALS_PATH; `find_model` also
takes `org/name`, `./folder`, `openai:NAME@URL` and `cmd:'COMMAND'`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mevals.errors import DataError, UsageError, did_you_mean
from mevals.safe_yaml import load_yaml

Kind = Literal["chat", "base", "translategemma"]
Served = Literal["weights", "api", "command"]

UNPINNED = "unpinned"
"""Recorded as the revision of a repository that no lock has pinned: what was downloaded that day."""

OPENAI_URL = "https://api.openai.com/v1"
OPENAI_KEY = "OPENAI_API_KEY"
OTHER_KEY = "MEVALS_API_KEY"
"""Environment variables of API keys; a key for OpenAI is never sent to another host that a command line names."""

GREEDY: Mapping[str, float] = {
    "temperature": 0.0,
    "top_p": 1.0,
    "top_k": -1,
    "min_p": 0.0,
    "repetition_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
}
"""Every sampling field that a server would otherwise take from the repository's own defaults; top_k -1 means all."""

GREEDY_API: Mapping[str, float] = {"temperature": 0.0, "top_p": 1.0}
"""The fields that every OpenAI-compatible API takes; many refuse a request that holds others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model as it will be asked.

    `kind`: *chat* has a chat template; *base* is given plain text; *translategemma* takes its own message form.
    `served`: from *weights* by a managed server, by an *api*, or by a *command* that reads lines and writes lines.
    `repository` is a hub repository, a local folder (then `local`), or an API's own model name. `context` is in tokens;
    None leaves it to the server. `stop_token_ids` None: what the repository says. `special_tokens` are stripped from
    answers and counted. `thinking` maps "off" and "on" to template options; empty where the model has no switch.
    `languages` are registry keys that its maker claims; None where no list is known. Prices are US dollars per million
    tokens; None where running it costs no fee. `key` names the environment variable of the API key.
    """

    name: str
    kind: Kind = "chat"
    served: Served = "weights"
    family: str | None = None
    repository: str | None = None
    revision: str | None = None
    local: bool = False
    base_url: str | None = None
    key: str | None = None
    command: str | None = None
    dtype: str = "auto"
    quantisation: str | None = None
    context: int | None = None
    sampling: Mapping[str, float] = field(default_factory=lambda: dict(GREEDY))
    template: str | None = None
    stop: tuple[str, ...] = ()
    stop_token_ids: tuple[int, ...] | None = None
    special_tokens: tuple[str, ...] = ()
    thinking: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    thinking_tags: tuple[str, str] | None = None
    server_arguments: tuple[str, ...] = ()
    parameters: int | None = None
    languages: tuple[str, ...] | None = None
    language_count: int | None = None
    license: str | None = None
    gated: bool = False
    price_in: float | None = None
    price_out: float | None = None
    note: str = ""

    @property
    def revision_label(self) -> str:
        """The revision as records show it: a commit or content hash, or "unpinned"."""
        return self.revision or UNPINNED

    def template_options(self, thinking: bool = False) -> Mapping[str, Any]:
        """The chat_template_kwargs to send; empty where the model has no thinking switch."""
        return self.thinking.get("on" if thinking else "off", {})

    def cost(self, prompt_tokens: int, output_tokens: int) -> float | None:
        """US dollars for these tokens; None where no price is known."""
        if self.price_in is None or self.price_out is None:
            return None
        return (prompt_tokens * self.price_in + output_tokens * self.price_out) / 1_000_000


class _Entry(BaseModel):
    """One entry of models.yaml, or the shared fields of a family. Unset fields are inherited."""

    model_config = ConfigDict(extra="forbid", strict=True)

    family: str | None = None
    kind: Kind = "chat"
    served: Served = "weights"
    repository: str | None = None
    revision: str | None = Field(default=None, pattern=r"^[0-9a-f]{40}$")
    base_url: str | None = Field(default=None, pattern=r"^https?://\S+$")
    key: str | None = Field(default=None, pattern=r"^[A-Z][A-Z0-9_]*$")
    command: str | None = None
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    quantisation: str | None = None
    context: int | None = Field(default=None, gt=0)
    sampling: dict[str, float] | None = None
    template: str | None = None
    stop: list[str] = []
    stop_token_ids: list[int] | None = None
    special_tokens: list[str] = []
    thinking: dict[Literal["on", "off"], dict[str, Any]] = {}
    thinking_tags: list[str] | None = Field(default=None, min_length=2, max_length=2)
    server_arguments: list[str] = []
    parameters: int | None = Field(default=None, gt=0)
    languages: list[str] | None = None
    language_count: int | None = Field(default=None, gt=0)
    license: str | None = None
    gated: bool = False
    price_in: float | None = Field(default=None, ge=0)
    price_out: float | None = Field(default=None, ge=0)
    note: str = ""


class _File(BaseModel):
    """A whole models.yaml."""

    model_config = ConfigDict(extra="forbid", strict=True)

    families: dict[str, _Entry] = {}
    models: dict[str, _Entry] = {}


def load_models(*paths: Path) -> dict[str, Model]:
    """Every known model by name: the shipped file, each `models.yaml` on $MEVALS_PATH, then `paths`; later ones win.

    Raises DataError, naming file and field, where a file is wrong.
    """
    theirs = [Path(p) / "models.yaml" for p in os.environ.get("MEVALS_PATH", "").split(os.pathsep) if p]
    found: dict[str, Model] = {}
    for path in (Path(__file__).parent / "data" / "models.yaml", *(p for p in theirs if p.exists()), *paths):
        found |= read_models(path)
    return found


def read_models(path: Path) -> dict[str, Model]:
    """The models of one file by name. Raises DataError, naming file and field, where it is wrong."""
    try:
        content = _File.model_validate(load_yaml(path) or {})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DataError(f"{path}: {where}: {first['msg']}") from None
    models = {name: _model(name, entry, content.families) for name, entry in content.models.items()}
    for model in models.values():
        _check(model, path)
    return models


def _model(name: str, entry: _Entry, families: Mapping[str, _Entry]) -> Model:
    values: dict[str, Any] = {}
    for source in (families.get(entry.family or "", _Entry()), entry):
        values |= {key: getattr(source, key) for key in source.model_fields_set}
    values["family"] = entry.family
    for key in ("stop", "stop_token_ids", "special_tokens", "thinking_tags", "server_arguments", "languages"):
        if values.get(key) is not None:
            values[key] = tuple(values[key])
    if values.get("sampling") is None:
        values["sampling"] = dict(GREEDY_API if values.get("served") == "api" else GREEDY)
    return Model(name=name, **values)


def _check(model: Model, path: Path) -> None:
    if model.served == "command" and not model.command:
        raise DataError(f"{path}: {model.name}: a model served by a command needs the field command")
    if model.served != "command" and not model.repository:
        raise DataError(f"{path}: {model.name}: the field repository is missing")
    if model.served == "api" and not model.base_url:
        raise DataError(f"{path}: {model.name}: a model served by an API needs the field base_url")


def find_model(name: str, known: Mapping[str, Model] | None = None) -> Model:
    """The model that a `--model` argument means.

    A known name; `org/name` or `org/name@COMMIT` on the hub; a folder (`./folder`, `/folder`, `~/folder`);
    `openai:NAME` or `openai:NAME@URL`; `cmd:COMMAND`. Raises UsageError, with a suggestion, for anything else.
    """
    known = load_models() if known is None else known
    if name in known:
        return known[name]
    if name.startswith("openai:"):
        return _api_model(name)
    if name.startswith("cmd:"):
        return _command_model(name)
    if name.startswith((".", "/", "~")):
        return folder_model(Path(name).expanduser())
    if "/" in name:
        return _hub_model(name)
    if (Path(name) / "config.json").exists():
        raise UsageError(f"{name!r} is no known model; if you mean the folder, write './{name}'")
    raise UsageError(
        f"unknown model {name!r}{did_you_mean(name, known)}"
        " (any other model: org/name on the hub, ./folder, openai:NAME@URL or cmd:'COMMAND')"
    )


def _api_model(name: str) -> Model:
    match = re.fullmatch(r"openai:(?P<model>[^@\s]+)(?:@(?P<url>https?://[^\s@]+))?", name)
    if match is None:
        raise UsageError(f"{name!r} should read openai:NAME or openai:NAME@https://HOST/v1")
    url = match["url"].rstrip("/") if match["url"] else OPENAI_URL
    return Model(
        name=match["model"],
        served="api",
        repository=match["model"],
        base_url=url,
        key=OPENAI_KEY if url == OPENAI_URL else OTHER_KEY,
        sampling=dict(GREEDY_API),
    )


def _command_model(name: str) -> Model:
    command = name.removeprefix("cmd:").strip()
    if len(command) > 1 and command[0] == command[-1] and command[0] in "'\"":
        command = command[1:-1].strip()
    if not command:
        raise UsageError("cmd: needs a command that reads lines and writes lines, as in cmd:'apertium en-es'")
    return Model(name=f"cmd:{command}", served="command", command=command, sampling={})


def _hub_model(name: str) -> Model:
    match = re.fullmatch(r"(?P<repository>[\w.-]+/[\w.-]+)(?:@(?P<revision>\S+))?", name)
    if match is None:
        raise UsageError(f"{name!r} is no repository name; write org/name, or ./folder for a folder")
    revision = match["revision"]
    if revision and not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise UsageError(f"{revision!r} is no commit: give the 40 hexadecimal digits, because a branch can change")
    return Model(name=match["repository"], repository=match["repository"], revision=revision)


def folder_model(folder: Path) -> Model:
    """The model in a local folder; its name is the folder's, its revision a hash of its content.

    A model without a chat template is a base model. A chat model stops where its generation_config says and at every
    token that ends a turn, which some generation_config.json forget. The context is the config's, which some models
    overstate: give --max-model-len, or an entry in a models.yaml, to say better. Raises UsageError where there is none.
    """
    folder = folder.resolve()
    if not (folder / "config.json").exists():
        problem = "has no config.json" if folder.is_dir() else "does not exist"
        raise UsageError(f"the model folder {folder} {problem}")
    config = _read_json(folder / "config.json")
    text_config = config.get("text_config", config)
    tokenizer = _read_json(folder / "tokenizer_config.json")
    chat = bool(tokenizer.get("chat_template")) or any(folder.glob("chat_template*"))
    added = _read_json(folder / "tokenizer.json").get("added_tokens", [])
    return Model(
        name=folder.name,
        kind="chat" if chat else "base",
        family=config.get("model_type"),
        repository=str(folder),
        local=True,
        revision=folder_revision(folder),
        context=text_config.get("max_position_embeddings"),
        stop_token_ids=_stop_ids(folder, added) if chat else None,
        special_tokens=tuple(token["content"] for token in added if token.get("special")),
    )


def _read_json(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} can't be read: {error}") from None
    if not isinstance(content, dict):
        raise DataError(f"{path} should hold a JSON object")
    return content


ENDS_A_TURN = frozenset(
    {
        *(
            "<|END_OF_TURN_TOKEN|>",
            "<|END_RESPONSE|>",
            "<|im_end|>",
            "<end_of_turn>",
            "<turn|>",
            "<|eot_id|>",
            "<|eom_id|>",
        ),
        *("<|end|>", "<|endofturn|>", "<|return|>"),
    }
)
"""Special tokens of known chat formats after which a model's turn is over."""


def _stop_ids(folder: Path, added: Sequence[Mapping[str, Any]]) -> tuple[int, ...] | None:
    """The ids at which a chat model's answer ends, or None where its files say nothing."""
    declared = _read_json(folder / "generation_config.json").get("eos_token_id")
    ids = {declared} if isinstance(declared, int) else set(declared or ())
    ids |= {token["id"] for token in added if token.get("special") and token["content"] in ENDS_A_TURN}
    return tuple(sorted(ids)) or None


SAMPLED_BYTES = 1 << 20
"""A weight file larger than three times this is hashed by its start, middle and end only."""


def folder_revision(folder: Path) -> str:
    """`folder-` and 16 hexadecimal digits over the names, sizes and content of a model folder's files.

    Of a large file the first, middle and last mebibyte count: enough to tell two checkpoints apart in milliseconds, no
    proof against someone who wants to deceive.
    """
    total = sha256()
    for path in sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")):
        total.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        for piece in _pieces(path):
            total.update(piece)
    return f"folder-{total.hexdigest()[:16]}"


def _pieces(path: Path) -> Sequence[bytes]:
    size = path.stat().st_size
    if size <= 3 * SAMPLED_BYTES:
        return [path.read_bytes()]
    with path.open("rb") as file:
        pieces = []
        for offset in (0, (size - SAMPLED_BYTES) // 2, size - SAMPLED_BYTES):
            file.seek(offset)
            pieces.append(file.read(SAMPLED_BYTES))
    return pieces


def describe(model: Model) -> dict[str, Any]:
    """The model as a manifest records it: every field that is set, and the revision's label. Holds no secret."""
    values = {f.name: getattr(model, f.name) for f in fields(model)}
    kept = {key: value for key, value in values.items() if value not in (None, (), {}, "", False)}
    return kept | {"revision": model.revision_label}
