"""What the model really sees: the first prompt as the server renders it, its token ids, and what is wrong with them.

A server that writes BOS twice, adds a system prompt or drops a message costs points that no score shows. Everything here
is read from the server's own /tokenize and /detokenize; where it has none, that is said, and nothing is guessed.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mevals.engines.client import Client, plain_prompt
from mevals.engines.engine import SPECIAL, Settings
from mevals.errors import Refused, Rejected, Retryable
from mevals.models import Model
from mevals.types import Message, Sample

PROBE_SYSTEM, PROBE_USER = "Reply in Kwenyavian, please.", "Mixolydian zebras juggle."
"""Messages whose words no template holds, so that what surrounds them is the template's."""
ROLE_WORDS = frozenset({"user", "assistant", "system", "model", "human", "chatbot", "inst", "start", "end", "turn"})
OWN_WORDS = 3
"""A template may write so many words of its own around a message; more is a prompt."""
ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class Rendered:
    """A prompt as the server makes it: text (special tokens included), token ids, and the server's room in tokens."""

    text: str
    ids: tuple[int, ...]
    room: int | None


@dataclass(frozen=True, slots=True)
class Template:
    """What a server's chat template does, seen from outside.

    `one` renders a user message, `two` a system message before it (None where the template refuses that), `bare` the user
    message without a generation prompt. `bos` is the token that the tokenizer itself puts before plain text, None where it
    puts none. `split` lists special-looking texts of the template that are no single token of the model.
    """

    one: Rendered
    two: Rendered | None
    bare: Rendered | None
    bos: int | None
    split: tuple[str, ...] = ()

    @property
    def probe(self) -> str:
        """A hash of the token ids of the probe messages: two servers with the same one format prompts alike."""
        ids = [self.one.ids, self.two and self.two.ids]
        return hashlib.sha256(json.dumps(ids).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the prompt path. `fault` is a short name; `what` says it in plain words; a note is not `serious`."""

    fault: str
    what: str
    serious: bool = True


@dataclass(frozen=True, slots=True)
class Proof:
    """One task's first prompt as the model saw it, with the answer's budget in tokens."""

    rendered: Rendered
    budget: int
    messages: Sequence[Message] = field(default_factory=tuple)


async def render(client: Client, fields: Mapping[str, Any]) -> Rendered | None:
    """A prompt or messages as the server tokenizes them; None where it has no /tokenize or refuses them."""
    found = await _ask(client, "/tokenize", fields)
    try:
        ids = [int(i) for i in found["tokens"]] if found else None
    except (KeyError, TypeError, ValueError):
        return None
    if not found or ids is None:
        return None
    room = found.get("max_model_len")
    back = await _ask(client, "/detokenize", {"tokens": ids})
    text = back.get("prompt") if back else None
    return Rendered(text if isinstance(text, str) else "", tuple(ids), room if isinstance(room, int) else None)


async def _ask(client: Client, path: str, fields: Mapping[str, Any]) -> dict[str, Any] | None:
    for attempt in range(ATTEMPTS):
        try:
            body = await client.call(path, fields)
        except (Refused, Rejected):
            return None
        except Retryable as error:
            await asyncio.sleep(min(error.after or 0.2 * 2**attempt, 5.0))
        else:
            return body if isinstance(body, dict) else None
    return None


def chat_fields(messages: Sequence[Any], extra: Mapping[str, Any], generation: bool = True) -> dict[str, Any]:
    """The fields of /tokenize that render messages as /v1/chat/completions would."""
    kwargs = extra.get("chat_template_kwargs")
    fields = {"messages": list(messages), "add_generation_prompt": generation, "add_special_tokens": False}
    return fields | ({"chat_template_kwargs": dict(kwargs)} if kwargs else {})


async def prove(client: Client, sample: Sample, settings: Settings, how: str) -> Proof | None:
    """The sample's prompt as the server sees it; None where the server can't tell."""
    if how == "choose" or client.form == "base":
        rendered = await render(client, {"prompt": plain_prompt(sample)})
        budget = 1 if how == "choose" else settings.max_tokens
    else:
        rendered = await render(client, chat_fields(client.messages(sample), settings.extra))
        budget = settings.max_tokens
    return Proof(rendered, budget, tuple(sample.messages)) if rendered else None


async def look_at_template(client: Client, extra: Mapping[str, Any]) -> Template | None:
    """What the chat template does with the probe messages; None where the server can't tell, or for a base model."""
    if client.form != "chat":
        return None
    user: Message = {"role": "user", "content": PROBE_USER}
    system: Message = {"role": "system", "content": PROBE_SYSTEM}
    one = await render(client, chat_fields([user], extra))
    if one is None:
        return None
    two = await render(client, chat_fields([system, user], extra))
    bare = await render(client, chat_fields([user], extra, generation=False))
    return Template(one, two, bare, await _own_bos(client), await _split_specials(client, one.text))


async def _own_bos(client: Client) -> int | None:
    """The token that the tokenizer puts before plain text."""
    plain = await render(client, {"prompt": PROBE_USER, "add_special_tokens": False})
    full = await render(client, {"prompt": PROBE_USER, "add_special_tokens": True})
    if plain is None or full is None or len(full.ids) <= len(plain.ids) or full.ids[0] == plain.ids[0]:
        return None
    return full.ids[0]


async def _split_specials(client: Client, text: str) -> tuple[str, ...]:
    found = []
    for token in dict.fromkeys(SPECIAL.findall(text)):
        rendered = await render(client, {"prompt": token, "add_special_tokens": False})
        if rendered and len(rendered.ids) > 1:
            found.append(token)
    return tuple(found)


def check_template(template: Template, reasoning_wanted: bool = False) -> list[Finding]:
    """Every fault of a chat template that shows in how it formats the probe messages."""
    found = [*_check_bos(template), *_check_words(template), *_check_system(template), *_check_turn(template)]
    if not reasoning_wanted and opens_thinking(template.one.text):
        found.append(
            Finding(
                "reasoning", "the template opens a thinking block, so that the model reasons although it is told not to"
            )
        )
    if template.split:
        listed = ", ".join(template.split)
        found.append(
            Finding(
                "special-as-text", f"the template writes {listed}, which is no token of this model but plain text to it"
            )
        )
    return found


def _check_bos(template: Template) -> list[Finding]:
    ids, bos = template.one.ids, template.bos
    if len(ids) > 1 and ids[0] == ids[1] and (bos is None or ids[0] == bos):
        return [_double(ids[0])]
    if bos is not None and bos not in ids[:2]:
        return [
            Finding(
                "missing-bos", f"a chat prompt begins without the token {bos} that this tokenizer puts before any text"
            )
        ]
    return []


def _double(token: int) -> Finding:
    return Finding("double-bos", f"a prompt begins with the token {token} twice: template and tokenizer both add it")


def _check_words(template: Template) -> list[Finding]:
    before, found, after = template.one.text.partition(PROBE_USER)
    if not found:
        return []
    words = [*own_words(before), *own_words(after)]
    if len(words) <= OWN_WORDS:
        return []
    said = " ".join(words)
    said = said if len(said) <= 80 else said[:77] + "…"
    return [Finding("added-system", f"the template adds {len(words)} words of its own to every prompt: “{said}”")]


def own_words(text: str) -> list[str]:
    """Words in a template's own text that are neither special tokens nor names of roles."""
    plain = re.sub(r"<[^<>\s]{1,60}>|\[/?[A-Z_]{2,30}\]", " ", SPECIAL.sub(" ", text))
    return [w for w in re.findall(r"\w[\w'’-]*", plain) if w.lower() not in ROLE_WORDS]


def _check_system(template: Template) -> list[Finding]:
    found = []
    if template.one.text and PROBE_USER not in template.one.text:
        found.append(Finding("dropped-message", "the template drops or changes the user's message"))
    if template.two and template.two.text:
        if PROBE_SYSTEM not in template.two.text:
            found.append(
                Finding(
                    "dropped-system", "the template drops the system message, and with it what it says on the language"
                )
            )
        elif PROBE_USER not in template.two.text:
            found.append(Finding("dropped-message", "the template drops the user's message behind a system message"))
    return found


def _check_turn(template: Template) -> list[Finding]:
    if template.bare and template.bare.ids == template.one.ids:
        return [
            Finding(
                "no-generation-prompt", "the template opens no turn for the answer, so that the model may go on asking"
            )
        ]
    return []


def opens_thinking(text: str) -> bool:
    """Whether a prompt ends inside a thinking block."""
    opened = max(text.rfind("<think>"), text.rfind("<|START_THINKING|>"))
    return opened >= 0 and not re.search(r"</think>|<\|END_THINKING\|>", text[opened:])


def check_proof(proof: Proof, reasoning_wanted: bool = False) -> list[Finding]:
    """What is wrong with one task's first prompt: messages that are not in it, no room for the answer, thinking."""
    found, rendered = [], proof.rendered
    room = rendered.room
    if room is not None and len(rendered.ids) + proof.budget > room:
        found.append(
            Finding(
                "no-room",
                f"the first prompt has {len(rendered.ids)} tokens and its answer may have {proof.budget}, but the server has "
                f"room for {room}: start it with more (--max-model-len) or give a smaller --max-tokens",
            )
        )
    seen = _squeezed(rendered.text)
    for message in proof.messages if rendered.text else ():
        if not _is_parts(message["content"]) and _squeezed(message["content"]) not in seen:
            found.append(
                Finding("dropped-message", f"the {message['role']} message is not in the prompt as it was sent")
            )
    if not reasoning_wanted and opens_thinking(rendered.text):
        found.append(Finding("reasoning", "the prompt ends in an open thinking block"))
    if len(rendered.ids) > 1 and rendered.ids[0] == rendered.ids[1]:
        found.append(_double(rendered.ids[0]))
    return found


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _is_parts(content: str) -> bool:
    return content.startswith('[{"type":')


def template_hash(model: Model) -> str | None:
    """`sha256:` and 16 digits over the model's chat template as its files hold it; None where they are not at hand."""
    text = _template_text(model)
    return None if text is None else f"sha256:{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _template_text(model: Model) -> str | None:
    if model.template and Path(model.template).is_file():
        return Path(model.template).read_text(encoding="utf-8")
    for name in ("chat_template.jinja", "chat_template.json", "tokenizer_config.json"):
        path = _model_file(model, name)
        if path is None:
            continue
        text = path.read_text(encoding="utf-8")
        template = text if name.endswith("jinja") else json.loads(text).get("chat_template")
        if template:
            return template if isinstance(template, str) else json.dumps(template, sort_keys=True)
    return None


def _model_file(model: Model, name: str) -> Path | None:
    """A file of the model, from its folder or from the hub's cache; nothing is downloaded."""
    if model.local:
        path = Path(str(model.repository)) / name
        return path if path.exists() else None
    if not model.repository or "/" not in model.repository:
        return None
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(model.repository, name, revision=model.revision)
    return Path(found) if isinstance(found, str) else None
