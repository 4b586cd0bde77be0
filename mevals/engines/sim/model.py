"""The simulated model itself: from a request to a whole reply, without any transport."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

from mevals.engines.sim import bodies, logprobs, tokens
from mevals.engines.sim.ability import Outcome, Profile, plan
from mevals.engines.sim.bodies import BadRequest
from mevals.engines.sim.item import Item
from mevals.engines.sim.key import message_key, prompt_key
from mevals.engines.sim.keystore import AnswerKey
from mevals.engines.sim.replies import Answer, Ask, Reply, answer_unknown, compose, labels
from mevals.errors import DataError

CONTEXT = 8192
"""Tokens of prompt and answer together, unless the server is told otherwise."""


@dataclass(frozen=True, slots=True)
class Question:
    """A request that was read: its hashes (several for a list of prompts) and what belongs to each."""

    request: Mapping[str, Any]
    model: str
    hashes: tuple[str, ...]
    prompts: tuple[str, ...]
    items: tuple[Item | None, ...]
    messages: Sequence[Mapping[str, Any]] = ()

    @property
    def name(self) -> str:
        """One hash for the whole request."""
        if len(self.hashes) == 1:
            return self.hashes[0]
        return blake2b("".join(self.hashes).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Model:
    """One served name with its profile, the answer key, and the reply functions."""

    name: str
    profile: Profile
    key: AnswerKey
    kinds: Mapping[str, Reply]
    seed: int = 0
    context: int = CONTEXT
    template_bos: int = 1
    template_system: str = ""

    def read_chat(self, request: Mapping[str, Any]) -> Question:
        """A chat request. A later turn that isn't in the key stands on those before it. Raises BadRequest."""
        messages = bodies.read_messages(request)
        hashed = message_key(messages)
        item, known = self.key.get(hashed), len(messages) - 2
        while item is None and known > 0:
            item = self.key.get(message_key(messages[:known]))
            known -= 2
        return Question(request, self.name, (hashed,), (bodies.last_user(messages),), (item,), messages)

    def read_completion(self, request: Mapping[str, Any]) -> Question:
        """A completion request: a text, token ids, or a list of either. Raises BadRequest."""
        raw = request.get("prompt")
        several = isinstance(raw, list) and bool(raw) and not isinstance(raw[0], int)
        prompts = tuple(_prompt_text(p) for p in (raw if isinstance(raw, list) and several else [raw]))
        hashes = tuple(map(prompt_key, prompts))
        return Question(request, self.name, hashes, prompts, tuple(map(self.key.get, hashes)))

    def chat(self, question: Question) -> dict[str, Any]:
        """The reply to a chat request. Raises BadRequest."""
        request, prompt, item = question.request, question.prompts[0], question.items[0]
        length = self._chat_length(question.messages)
        budget = bodies.read_budget(request, length, self.context, None, 1)
        most = bodies.read_count(request, "top_logprobs", 0, 0, logprobs.MOST) if request.get("logprobs") else None
        choices, spent = [], 0
        for index in range(bodies.read_count(request, "n", 1, 1, bodies.LONGEST_LIST)):
            answer, first = self._answer(question, prompt, item, budget, index, "" if most is not None else None)
            told = None
            if most is not None:
                scored = [first] if first else logprobs.generated_tokens(answer.text or "")
                told = logprobs.chat_logprobs(scored, most)
            choices.append(bodies.chat_choice(index, answer, told))
            spent += answer.tokens
        return bodies.reply_body("chat.completion", question.name, self.name, choices, bodies.usage(length, spent))

    def complete(self, question: Question) -> dict[str, Any]:
        """The reply to a completion request. Raises BadRequest."""
        request = question.request
        many = bodies.read_count(request, "n", 1, 1, bodies.LONGEST_LIST)
        choices: list[dict[str, Any]] = []
        lengths = spent = 0
        for prompt, item in zip(question.prompts, question.items, strict=True):
            length = tokens.count(prompt) + (request.get("add_special_tokens") is not False)
            lengths += length
            for index in range(many):
                choice, used = self._completion(question, prompt, item, length, index)
                choices.append({"index": len(choices), **choice})
                spent += used
        return bodies.reply_body("text_completion", question.name, self.name, choices, bodies.usage(lengths, spent))

    def tokenize(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """vLLM's /tokenize, for a prompt or for messages. Raises BadRequest."""
        if "messages" in request:
            text = self.render(bodies.read_messages(request), request.get("add_generation_prompt") is not False)
            special = request.get("add_special_tokens") is True
        else:
            text, special = str(request.get("prompt", "")), request.get("add_special_tokens") is not False
        parts = [tokens.BOS] * special + tokens.pieces(text)
        return {
            "count": len(parts),
            "max_model_len": self.context,
            "tokens": [tokens.piece_id(p) for p in parts],
            "token_strs": parts if request.get("return_token_strs") else None,
        }

    def detokenize(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """vLLM's /detokenize. Raises BadRequest."""
        ids = request.get("tokens")
        if not isinstance(ids, list):
            raise BadRequest("'tokens' must be a list of token ids")
        try:
            return {"prompt": tokens.decode(ids)}
        except DataError as error:
            raise BadRequest(str(error)) from None

    def render(self, messages: Sequence[Mapping[str, Any]], generation: bool = True) -> str:
        """The text that the model sees for these messages."""
        return tokens.render(messages, bos=self.template_bos, system=self.template_system, generation=generation)

    def _chat_length(self, messages: Sequence[Mapping[str, Any]]) -> int:
        return tokens.count(self.render(messages))

    def _answer(
        self, question: Question, prompt: str, item: Item | None, budget: int, index: int, before: str | None
    ) -> tuple[Answer, logprobs.Scored | None]:
        """One answer; a bare letter, and its scores, to a choice if `before` (the text before it) is given.

        (Only with a budget of at most two tokens; with more room the answer is the same as without log-probabilities.)
        """
        if item is None:
            text = answer_unknown(prompt)
            kept = tokens.cut(text, budget)
            return Answer(kept, None, "stop" if kept == text else "length", tokens.count(kept)), None
        outcome = self._plan(question, item, index)
        if before is not None and budget <= 2:
            first = logprobs.letter_token(item, outcome, before, logprobs.MOST)
            if first is not None:
                return Answer(first.text, None, "length", 1), first
        ask = Ask(item, outcome, prompt, self.name, question.messages, question.request)
        return compose(ask, self.kinds[item.kind], budget, bodies.read_stop(question.request)), None

    def _completion(
        self, question: Question, prompt: str, item: Item | None, length: int, index: int
    ) -> tuple[dict[str, Any], int]:
        request = question.request
        budget = bodies.read_budget(request, length, self.context, 16, 0)
        most = request.get("logprobs")
        most = None if most is None else bodies.read_count(request, "logprobs", 0, 0, logprobs.MOST)
        answer, first = Answer("", None, "length", 0), None
        if budget:
            answer, first = self._answer(question, prompt, item, budget, index, None if most is None else prompt)
        echo = bool(request.get("echo"))
        choice: dict[str, Any] = {
            "text": (prompt if echo else "") + (answer.text or ""),
            "logprobs": None,
            "finish_reason": answer.finish,
        }
        scored = []
        if (echo and most is not None) or request.get("prompt_logprobs") is not None:
            scored = self._prompt_scores(question, prompt, item, index)
        if most is not None:
            made = [first] if first else logprobs.generated_tokens(answer.text or "")
            choice["logprobs"] = logprobs.completion_logprobs((scored if echo else []) + made, most)
        if request.get("prompt_logprobs") is not None:
            wanted = bodies.read_count(request, "prompt_logprobs", 0, 0, logprobs.MOST)
            choice["prompt_logprobs"] = logprobs.vllm_prompt_logprobs(scored, wanted)
        return choice, answer.tokens

    def _prompt_scores(self, question: Question, prompt: str, item: Item | None, index: int) -> list[logprobs.Scored]:
        bos = question.request.get("add_special_tokens") is not False
        found = self.key.find_option(prompt, labels) if item is None else None
        option = (found[0], self._plan(question, found[0], index), *found[1:]) if found else None
        return logprobs.prompt_tokens(prompt, option, bos=bos)

    def _plan(self, question: Question, item: Item, index: int) -> Outcome:
        """What the model does with this item, whichever attempt it is.

        A further choice has its own luck, as has another seed at a temperature above 0, and a later turn of a
        conversation.
        """
        request = question.request
        sampled = request.get("seed") if request.get("temperature") else None
        salt = "" if not index and sampled is None else f"{index}/{sampled}"
        asked = replace(item, hash=question.name) if question.messages and question.name != item.hash else item
        return plan(self.profile, self.name, self.seed, asked, salt)


def _prompt_text(prompt: Any) -> str:
    if isinstance(prompt, str):
        return prompt
    if not isinstance(prompt, list) or not prompt:
        raise BadRequest("'prompt' must be a text, a list of token ids, or a list of either")
    try:
        return tokens.decode(prompt).removeprefix(tokens.BOS)
    except DataError as error:
        raise BadRequest(str(error)) from None
