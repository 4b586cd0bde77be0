"""Text to tokens and back, by a model's own tokenizer and chat template."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mevals.engines.hf_requests import BadRequest, Job


class Tokenizer:
    """A tokenizer of transformers as the server uses it."""

    def __init__(self, tokenizer: Any, chat_template: str | None = None) -> None:
        self._own = tokenizer
        self._fast = getattr(tokenizer, "_tokenizer", None)
        if chat_template is not None:
            tokenizer.chat_template = chat_template
        self._written: dict[int, str] = {}

    def encode(self, text: str, special: bool) -> list[int]:
        """Token ids; `special` adds what the tokenizer adds by itself, such as a beginning-of-sequence token."""
        return list(self._own(text, add_special_tokens=special)["input_ids"])

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens, special tokens included."""
        return str(self._own.decode(list(tokens), skip_special_tokens=False))

    def decode_one(self, token: int) -> str:
        """The text of one token alone, special or not."""
        if token not in self._written:
            self._written[token] = self.decode([token])
        return self._written[token]

    def words(self, tokens: Sequence[int]) -> list[str]:
        """The tokens as the vocabulary spells them."""
        return [str(word) for word in self._own.convert_ids_to_tokens(list(tokens))]

    def chat(self, messages: Any, options: dict[str, Any]) -> str:
        """Messages rendered by the chat template. Raises BadRequest where there is none or it refuses them."""
        from jinja2.exceptions import TemplateError

        if not self._own.chat_template:
            raise BadRequest("this model has no chat template; use /v1/completions")
        try:
            return str(self._own.apply_chat_template(messages, tokenize=False, **options))
        except (TemplateError, TypeError, ValueError, KeyError, AttributeError) as error:
            raise BadRequest(f"the chat template refuses these messages: {error}") from None

    def stop_ids(self) -> frozenset[int]:
        """The tokenizer's end-of-sequence id, or none."""
        own = self._own.eos_token_id
        return frozenset() if own is None else frozenset([own])

    def stream(self, job: Job) -> TextStream:
        """A stream that turns the job's further tokens into text."""
        if self._fast is None:
            return _SlowStream(self._own, job)
        return _FastStream(self._fast, job)


class TextStream:
    """The text of a growing sequence. Characters whose bytes are incomplete are held back."""

    text: str = ""

    def push(self, token: int) -> None:
        """Add a token."""
        raise NotImplementedError

    def cut(self, stops: Sequence[str]) -> str | None:
        """End the text before the first stop text in it; that stop text, or None."""
        places = [(at, stop) for stop in stops if (at := self.text.find(stop)) >= 0]
        if not places:
            return None
        at, stop = min(places)
        self.text = self.text[:at]
        return stop


class _FastStream(TextStream):
    def __init__(self, tokenizer: Any, job: Job) -> None:
        from tokenizers.decoders import DecodeStream

        self._tokenizer = tokenizer
        self._skip = job.skip_special_tokens
        # The prompt's end decides whether a first token's leading space is kept.
        self._stream = DecodeStream(ids=list(job.prompt), skip_special_tokens=self._skip)
        self.text = ""

    def push(self, token: int) -> None:
        from tokenizers.decoders import DecodeStream

        try:
            piece = self._stream.step(self._tokenizer, token)
        except Exception as error:  # tokenizers raises nothing narrower
            if "Invalid prefix" not in str(error):
                raise
            self._stream = DecodeStream(skip_special_tokens=self._skip)
            piece = self._stream.step(self._tokenizer, token)
        self.text += piece or ""


class _SlowStream(TextStream):
    """For tokenizers without a fast form: the whole text is decoded at each token."""

    def __init__(self, tokenizer: Any, job: Job) -> None:
        self._own = tokenizer
        self._skip = job.skip_special_tokens
        self._tokens: list[int] = []
        self.text = ""

    def push(self, token: int) -> None:
        self._tokens.append(token)
        self.text = str(self._own.decode(self._tokens, skip_special_tokens=self._skip)).rstrip("\ufffd")
