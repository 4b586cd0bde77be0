"""Faults planted in chat templates are found by name, and a clean template has none."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jinja2
import pytest

from mevals.engines.client import Client
from mevals.engines.engine import Settings
from mevals.engines.prompt_path import check_proof, check_template, look_at_template, own_words, prove, template_hash
from mevals.errors import Rejected
from mevals.models import Model, folder_model
from mevals.testing import SimServer
from mevals.types import Sample, system, user

Mevals = Callable[..., Any]
ROOT = Path(__file__).parents[2]


def tiny_template() -> str:
    """The chat template of the tiny Cohere2 model, which is Tiny Aya's format."""
    spec = importlib.util.spec_from_file_location("make_tiny_cohere2", ROOT / "scripts" / "make_tiny_cohere2.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.CHAT_TEMPLATE)


SPECIALS = [*re.findall(r"<\|[A-Z_]+\|>", tiny_template()), "<BOS_TOKEN>"]
PIECE = re.compile("|".join(map(re.escape, dict.fromkeys(SPECIALS))) + "|.", re.DOTALL)


class Templated(Client):
    """A server that renders `template` with jinja and makes a token of each special token and of each character."""

    def __init__(self, template: str, room: int = 4096, bos: bool = True) -> None:
        super().__init__(["http://127.0.0.1:1/v1"], "tiny")
        self.template = jinja2.Environment().from_string(template)
        self.room = room
        self.bos = bos
        self.pieces: list[str] = []

    async def call(self, path: str, fields: Mapping[str, Any]) -> Any:
        if path == "/detokenize":
            return {"prompt": "".join(self.pieces[i] for i in fields["tokens"])}
        if "messages" in fields:
            given = {"bos_token": "<BOS_TOKEN>", **fields, **fields.get("chat_template_kwargs", {})}
            try:
                text = self.template.render(given)
            except jinja2.TemplateError as error:
                raise Rejected(str(error)) from None
        else:
            text = ("<BOS_TOKEN>" if self.bos and fields.get("add_special_tokens", True) else "") + fields["prompt"]
        pieces = PIECE.findall(text)
        self.pieces += [p for p in dict.fromkeys(pieces) if p not in self.pieces]
        return {"tokens": [self.pieces.index(p) for p in pieces], "max_model_len": self.room}


def faults(template: str, extra: Mapping[str, Any] | None = None, **given: Any) -> list[str]:
    """The names of what is found in a template."""
    seen = asyncio.run(look_at_template(Templated(template, **given), extra or {}))
    assert seen is not None
    return sorted({f.fault for f in check_template(seen)})


GOOD = tiny_template()
TURN, ANSWER = "<|START_OF_TURN_TOKEN|>", "<|CHATBOT_TOKEN|><|START_RESPONSE|>"
SYSTEM_PROMPT = f"{TURN}<|SYSTEM_TOKEN|>You are a helpful assistant made by someone.<|END_OF_TURN_TOKEN|>"


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


PLANTED = {
    "double-bos": changed("{{ bos_token }}", "{{ bos_token }}{{ bos_token }}"),
    "missing-bos": changed("{{ bos_token }}", ""),
    "added-system": changed("{{ bos_token }}", "{{ bos_token }}" + SYSTEM_PROMPT),
    "dropped-system": changed("<|SYSTEM_TOKEN|>{{ message['content'] }}", "<|SYSTEM_TOKEN|>"),
    "reasoning": changed(ANSWER + "{% endif %}", ANSWER + "<think>\n{% endif %}"),
    "special-as-text": changed("<|USER_TOKEN|>", "<|USR_TOKEN|>"),
    "no-generation-prompt": changed("{% if add_generation_prompt %}", "{% if false %}"),
    "dropped-message": changed("<|USER_TOKEN|>{{ message['content'] }}", "<|USER_TOKEN|>"),
}


def test_the_template_as_it_is_has_no_fault() -> None:
    assert faults(GOOD) == []
    assert faults(GOOD, bos=False) == []


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found_and_nothing_else_is(fault: str) -> None:
    assert faults(PLANTED[fault]) == [fault]


def test_two_faults_are_both_found() -> None:
    both = PLANTED["added-system"].replace("{{ bos_token }}", "")
    assert faults(both) == ["added-system", "missing-bos"]


def test_a_template_that_refuses_system_messages_has_no_fault_by_that() -> None:
    assert faults(changed("<|SYSTEM_TOKEN|>{{ message['content'] }}", "{{ raise_exception('no system role') }}")) == []


def test_a_closed_thinking_block_and_a_switch_that_is_off_are_no_reasoning() -> None:
    closed = changed(ANSWER + "{% endif %}", ANSWER + "<think>\n\n</think>\n\n{% endif %}")
    assert faults(closed) == []
    switched = changed(ANSWER + "{% endif %}", ANSWER + "{% if enable_thinking %}<think>{% endif %}{% endif %}")
    assert faults(switched, {"chat_template_kwargs": {"enable_thinking": False}}) == []
    assert faults(switched, {"chat_template_kwargs": {"enable_thinking": True}}) == ["reasoning"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<|im_start|>user\n", []),
        ("<bos><start_of_turn>user\n", []),
        ("<s>[INST]", []),
        ("<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>Du bist ein Helfer.", ["Du", "bist", "ein", "Helfer"]),
    ],
)
def test_role_names_and_special_tokens_are_not_a_templates_own_words(text: str, words: list[str]) -> None:
    assert own_words(text) == words


def found_in(template: str, sample: Sample, settings: Settings | None = None, **given: Any) -> list[str]:
    client = Templated(template, **given)
    proof = asyncio.run(prove(client, sample, settings or Settings(max_tokens=100), "generate"))
    assert proof is not None
    return [f.fault for f in check_proof(proof)]


SAMPLE = Sample("1", (system("Answer in Swahili."), user("How many boats?")))


def test_a_prompt_that_holds_its_messages_and_has_room_is_right() -> None:
    assert found_in(GOOD, SAMPLE) == []


def test_a_language_instruction_that_is_not_in_the_prompt_is_found() -> None:
    assert found_in(PLANTED["dropped-system"], SAMPLE) == ["dropped-message"]


def test_a_budget_that_does_not_fit_is_found_before_it_truncates() -> None:
    assert found_in(GOOD, SAMPLE, room=120) == ["no-room"]
    assert found_in(GOOD, SAMPLE, Settings(max_tokens=10), room=120) == []


def test_a_server_that_renders_elsewhere_has_another_probe() -> None:
    def probe(template: str) -> str:
        client = Templated(template)
        client.pieces = sorted({*SPECIALS, *map(chr, range(32, 127))})
        seen = asyncio.run(look_at_template(client, {}))
        assert seen is not None
        return seen.probe

    assert probe(GOOD) == probe(GOOD)
    assert probe(GOOD) != probe(PLANTED["added-system"])


def test_the_hash_is_that_of_the_template_in_the_models_files(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": GOOD}))
    first = template_hash(folder_model(tmp_path))
    assert first is not None and re.fullmatch(r"sha256:[0-9a-f]{16}", first)
    (tmp_path / "chat_template.jinja").write_text(PLANTED["double-bos"])
    assert template_hash(folder_model(tmp_path)) not in (None, first)
    assert template_hash(Model(name="x", repository="nobody/never-downloaded")) is None


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({}, None),
        ({"template_bos": 2}, "double-bos"),
        ({"template_bos": 0}, "missing-bos"),
        ({"template_system": "You are a very helpful assistant."}, "added-system"),
    ],
)
def test_a_run_warns_and_the_manifest_holds_what_the_model_saw(
    mevals: Mevals, tmp_path: Path, settings: dict[str, Any], fault: str | None
) -> None:
    with SimServer("demo-perfect", **settings) as server:
        ran = mevals(
            *("run", "--model", "demo-perfect", "--base-url", server.base_url, "--tasks", "global_mgsm"),
            *("--data", "mini", "--langs", "deu_Latn", "--limit", "1"),
        )
    assert ran.code == 0, ran.err
    assert ("warning" in ran.err) == (fault is not None)
    manifest = json.loads((tmp_path / "results/demo-perfect/global_mgsm/manifest.json").read_text())
    first = manifest["first_prompt"]
    assert first["messages"][0]["content"] in first["rendered"]
    assert first["rendered"].count("<BOS_TOKEN>") == settings.get("template_bos", 1)
    assert len(first["token_ids"]) > 5
    assert len(manifest["prompt_path"]["findings"]) == (fault is not None)
    assert manifest["prompt_path"]["room"] == 8192


@pytest.mark.parametrize(
    ("settings", "fault", "says"),
    [
        ({"template_bos": 2}, "double-bos", "twice"),
        ({"template_bos": 0}, "missing-bos", "begins without the token"),
        ({"template_system": "You are a very helpful assistant."}, "added-system", "very helpful"),
        ({"context": 600}, "no-room", "--max-model-len"),
    ],
)
def test_doctor_names_the_fault_in_plain_words_and_ends_with_1(
    mevals: Mevals, tmp_path: Path, settings: dict[str, Any], fault: str, says: str
) -> None:
    with SimServer("demo-perfect", **settings) as server:
        ran = mevals(
            "doctor", "--model", "demo-perfect", "--base-url", server.base_url, "--tasks", "global_mgsm,flores_en_xx"
        )
    assert ran.code == 1, ran.err
    assert f"WRONG ({fault})" in ran.out
    assert says in ran.out
    assert "wrong; see above" in ran.err
    assert list(tmp_path.iterdir()) == []


def test_doctor_asks_one_sample_of_every_task_and_finds_nothing_wrong(mevals: Mevals, tmp_path: Path) -> None:
    ran = mevals("doctor", "--model", "demo-perfect")
    assert ran.code == 0, ran.out
    asked = re.findall(r"^  ok    (\w+): .*stop", ran.out, re.MULTILINE)
    assert {"flores_en_xx", "global_mgsm", "global_mmlu", "xstest", "wmt24pp"} <= set(asked)
    assert len(asked) == 12
    assert "nothing wrong was found" in ran.err
    assert list(tmp_path.iterdir()) == []
