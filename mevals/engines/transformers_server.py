"""An OpenAI-compatible server over transformers, in a process and, if wanted, an environment of its own.

It speaks what the client asks of vLLM (chat, completions with echo and log-probabilities, /tokenize), so that the same
cells, requests and records serve machines without vLLM. Start it with `mevals.engines.transformers_engine`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aiohttp import web

from mevals.engines.hf_model import CausalModel
from mevals.engines.hf_requests import (
    Answer,
    BadRequest,
    Job,
    Written,
    chat_choice,
    check_fields,
    completion_choice,
    envelope,
    integer,
    job_of,
    prompts_of,
)
from mevals.engines.hf_text import Tokenizer


@dataclass(eq=False)
class Waiting:
    """A job that waits for its turn, and where its answer goes."""

    job: Job
    future: asyncio.Future[Answer]


class Batches:
    """Runs waiting jobs in batches of similar length, in a thread of its own; the one that waited longest goes first."""

    def __init__(self, model: CausalModel, most_rows: int, most_tokens: int) -> None:
        self._model = model
        self._most_rows = most_rows
        self._most_tokens = most_tokens
        self._waiting: list[Waiting] = []
        self._changed = threading.Condition()
        threading.Thread(target=self._work, daemon=True, name="batches").start()

    async def run(self, job: Job) -> Answer:
        """The answer to a job. A caller that is cancelled takes its job out."""
        waiting = Waiting(job, asyncio.get_running_loop().create_future())
        with self._changed:
            self._waiting.append(waiting)
            self._changed.notify()
        return await waiting.future

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                batch = self._take()
            try:
                self._answer(batch)
            except BaseException:  # a bug: a server that can answer nothing more must not look alive
                traceback.print_exc()
                os._exit(70)

    def _take(self) -> list[Waiting]:
        """The longest waiting job with those nearest to it in length, as many as fit."""
        self._waiting = [w for w in self._waiting if not w.future.cancelled()]
        if not self._waiting:
            return []
        first = self._waiting[0]
        scored, length = first.job.prompt_logprobs is not None, len(first.job.prompt)
        alike = [w for w in self._waiting if (w.job.prompt_logprobs is not None) == scored]
        alike.sort(key=lambda w: (w is not first, abs(len(w.job.prompt) - length)))
        batch: list[Waiting] = []
        longest = room = 0
        for waiting in alike[: self._most_rows]:
            longest = max(longest, len(waiting.job.prompt))
            room = max(room, waiting.job.max_tokens)
            tokens = (len(batch) + 1) * (longest + room)
            if batch and (tokens > self._most_tokens or not self._model.fits(len(batch) + 1, longest, scored)):
                break
            batch.append(waiting)
        self._waiting = [w for w in self._waiting if w not in batch]
        return batch

    def _answer(self, batch: Sequence[Waiting]) -> None:
        if not batch:
            return
        open_places = set(range(len(batch)))

        def done(place: int, answer: Answer) -> None:
            open_places.discard(place)
            _settle(batch[place].future, answer, None)

        try:
            self._model.run([w.job for w in batch], done, [w.future.cancelled for w in batch])
        except RuntimeError as error:
            left = [batch[i] for i in sorted(open_places)]
            if "out of memory" in str(error).lower() and len(batch) > 1:
                self._most_tokens = max(1, self._most_tokens // 2)
                self._answer(left[: len(left) // 2])
                self._answer(left[len(left) // 2 :])
                return
            traceback.print_exc()
            for waiting in left:
                _settle(waiting.future, None, error)


def _settle(future: asyncio.Future[Answer], answer: Answer | None, error: Exception | None) -> None:
    """Hand an answer or error from the working thread to the loop that waits for it."""

    def set_it() -> None:
        if future.done():
            return
        if answer is not None:
            future.set_result(answer)
        else:
            future.set_exception(error or RuntimeError("no answer"))

    future.get_loop().call_soon_threadsafe(set_it)


class Service:
    """The routes of one served model."""

    def __init__(self, name: str, model: CausalModel, batches: Batches, stop_ids: frozenset[int], version: str) -> None:
        self.name = name
        self.model = model
        self.tokenizer = model.tokenizer
        self.batches = batches
        self.stop_ids = stop_ids
        self.version = version

    def app(self) -> web.Application:
        """The application with all its routes."""
        app = web.Application(client_max_size=64 << 20, middlewares=[errors_as_json])
        app.add_routes(
            [
                web.get("/health", self.health),
                web.get("/version", self.versions),
                web.get("/v1/models", self.models),
                web.post("/v1/completions", self.completions),
                web.post("/v1/chat/completions", self.chat),
                web.post("/tokenize", self.tokenize),
                web.post("/detokenize", self.detokenize),
            ]
        )
        return app

    async def health(self, request: web.Request) -> web.Response:
        """Whether the server is up."""
        return web.Response()

    async def versions(self, request: web.Request) -> web.Response:
        """What serves."""
        return web.json_response({"version": self.version})

    async def models(self, request: web.Request) -> web.Response:
        """The one model that is served."""
        entry = {"id": self.name, "object": "model", "owned_by": "mevals", "max_model_len": self.model.max_model_len}
        return web.json_response({"object": "list", "data": [entry]})

    async def completions(self, request: web.Request) -> web.Response:
        """POST /v1/completions."""
        body = await self._body(request)
        check_fields(body)
        prompts = prompts_of(body, self.tokenizer.encode)
        written = Written(self.tokenizer.decode_one, bool(body.get("return_tokens_as_token_ids")))
        jobs = [self._job(body, ids, chat=False) for _, ids in prompts]
        copies = integer(body, "n", 1, 1, 128)
        answers = await self._run(jobs, copies)
        wants_prompt = body.get("prompt_logprobs") is not None
        choices = []
        for i, (job, answer) in enumerate(answers):
            text, ids = prompts[i // copies]
            echo = (self.tokenizer.decode(ids) if text is None else text) if body.get("echo") else None
            choices.append(completion_choice(job, answer, i, echo, wants_prompt, written))
        return self._envelope("text_completion", choices, jobs, answers)

    async def chat(self, request: web.Request) -> web.Response:
        """POST /v1/chat/completions."""
        body = await self._body(request)
        check_fields(body)
        job = self._job(body, self._chat_ids(body), chat=True)
        written = Written(self.tokenizer.decode_one, bool(body.get("return_tokens_as_token_ids")))
        answers = await self._run([job], integer(body, "n", 1, 1, 128))
        choices = [chat_choice(job, answer, i, written) for i, (_, answer) in enumerate(answers)]
        return self._envelope("chat.completion", choices, [job], answers)

    async def tokenize(self, request: web.Request) -> web.Response:
        """POST /tokenize: a prompt, or messages by the chat template."""
        body = await self._body(request)
        if "messages" in body:
            ids = self._chat_ids(body)
        else:
            ids = self.tokenizer.encode(str(body.get("prompt", "")), body.get("add_special_tokens") is not False)
        words = self.tokenizer.words(ids) if body.get("return_token_strs") else None
        answer = {"count": len(ids), "max_model_len": self.model.max_model_len, "tokens": ids, "token_strs": words}
        return web.json_response(answer)

    async def detokenize(self, request: web.Request) -> web.Response:
        """POST /detokenize."""
        body = await self._body(request)
        return web.json_response({"prompt": self.tokenizer.decode(body.get("tokens") or [])})

    async def _body(self, request: web.Request) -> dict[str, Any]:
        try:
            body = json.loads(await request.read())
        except ValueError:
            raise BadRequest("the request's body is no JSON") from None
        if not isinstance(body, dict):
            raise BadRequest("the request's body should be a JSON object")
        if body.get("model", self.name) != self.name:
            raise web.HTTPNotFound(reason=f"The model `{body['model']}` does not exist; this server has {self.name}")
        return body

    def _chat_ids(self, body: dict[str, Any]) -> list[int]:
        messages = body.get("messages")
        if not isinstance(messages, list) or not all(isinstance(m, dict) for m in messages) or not messages:
            raise BadRequest("messages should be a list of objects")
        options = {"add_generation_prompt": body.get("add_generation_prompt") is not False}
        options |= body.get("chat_template_kwargs") or {}
        # The template writes the special tokens itself: adding them again would double the first one.
        return self.tokenizer.encode(self.tokenizer.chat(messages, options), bool(body.get("add_special_tokens")))

    def _job(self, body: dict[str, Any], ids: Sequence[int], chat: bool) -> Job:
        return job_of(body, ids, stop_ids=self.stop_ids, max_model_len=self.model.max_model_len, chat=chat)

    async def _run(self, jobs: Sequence[Job], copies: int) -> list[tuple[Job, Answer]]:
        """Every job `copies` times; a greedy job is run once, for its copies can't differ."""
        tasks = []
        for job in jobs:
            different = copies if job.temperature > 0 else 1
            seeds = [None if job.seed is None else job.seed + i for i in range(different)]
            runs = [asyncio.ensure_future(self.batches.run(replace(job, seed=seed))) for seed in seeds]
            tasks += [(job, runs[i % different]) for i in range(copies)]
        return [(job, await run) for job, run in tasks]

    def _envelope(
        self, kind: str, choices: list[dict[str, Any]], jobs: Sequence[Job], answers: Sequence[tuple[Job, Answer]]
    ) -> web.Response:
        prompt_tokens = sum(len(job.prompt) for job in jobs)
        output_tokens = sum(len(answer.tokens) for _, answer in answers)
        return web.json_response(envelope(kind, self.name, choices, prompt_tokens, output_tokens))


@web.middleware
async def errors_as_json(request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
    """Errors in the form that OpenAI's API gives them."""
    try:
        response: web.StreamResponse = await handler(request)
        return response
    except BadRequest as error:
        return _error(400, "BadRequestError", str(error))
    except web.HTTPException as error:
        return _error(error.status, "NotFoundError" if error.status == 404 else "Error", error.reason)
    except RuntimeError as error:  # what torch raises; the traceback is in the log
        return _error(500, "InternalServerError", str(error)[:1000])


def _error(status: int, kind: str, message: str) -> web.Response:
    return web.json_response({"error": {"message": message, "type": kind, "code": status}}, status=status)


def main() -> None:
    """Load the model that the command line names, and serve it until we are told to end."""
    given = arguments().parse_args()
    import torch
    import transformers

    from mevals import __version__

    started = time.monotonic()
    print(f"mevals {__version__}: loading {given.model}", flush=True)
    network, tokenizer = load(given)
    config = network.config.get_text_config()
    length = given.max_model_len or int(getattr(config, "max_position_embeddings", 0)) or 4096
    stop_ids = tokenizer.stop_ids() | _ids(network.generation_config.eos_token_id)
    on_gpu = network.device.type != "cpu"
    logit_memory = given.logit_memory or (4096 if on_gpu else 512)
    model = CausalModel(network, tokenizer, length, most_logits=int(logit_memory * (1 << 18)))
    batches = Batches(model, given.max_batch or (64 if on_gpu else 32), 1 << (17 if on_gpu else 15))
    version = f"mevals {__version__}, transformers {transformers.__version__}, torch {torch.__version__}"
    service = Service(given.served_model_name or given.model, model, batches, stop_ids, version)
    took = time.monotonic() - started
    print(f"loaded in {took:.1f} s on {network.device} as {network.dtype}; stop ids {sorted(stop_ids)}", flush=True)
    web.run_app(
        service.app(),
        host=given.host,
        port=given.port,
        access_log=None,
        handler_cancellation=True,
        print=lambda _: None,
    )


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="transformers_server", description=__doc__)
    parser.add_argument("model", help="a hub repository or a folder")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--served-model-name")
    parser.add_argument("--revision")
    parser.add_argument("--dtype", default="auto", choices=["auto", "bfloat16", "float16", "float32"])
    parser.add_argument("--device", default="auto", help="cpu, cuda, cuda:1, mps, or balanced over all GPUs")
    parser.add_argument("--max-model-len", type=int)
    parser.add_argument("--max-batch", type=int, help="sequences at a time")
    parser.add_argument("--logit-memory", type=float, help="MiB for float32 logits; long prompts are scored in pieces")
    parser.add_argument("--chat-template", type=Path)
    parser.add_argument("--trust-remote-code", action="store_true")
    return parser


def load(given: argparse.Namespace) -> tuple[Any, Tokenizer]:
    """The network, ready on its device, and its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source = {"revision": given.revision, "trust_remote_code": given.trust_remote_code}
    device = given.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = given.dtype if given.dtype == "auto" else getattr(torch, given.dtype)
    placed = {"device_map": "balanced"} if device == "balanced" else {}
    try:
        network = AutoModelForCausalLM.from_pretrained(given.model, dtype=dtype, **placed, **source)
    except ValueError as error:
        if "Unrecognized configuration class" not in str(error):
            raise
        from transformers import AutoModelForImageTextToText  # models that also see pictures

        network = AutoModelForImageTextToText.from_pretrained(given.model, dtype=dtype, **placed, **source)
    if not placed:
        network = network.to(device)
    template = given.chat_template.read_text(encoding="utf-8") if given.chat_template else None
    own = AutoTokenizer.from_pretrained(given.model, **source)
    return network.eval(), Tokenizer(own, template)


def _ids(value: Any) -> frozenset[int]:
    if value is None:
        return frozenset()
    return frozenset(value if isinstance(value, list | tuple) else [value])


if __name__ == "__main__":
    main()
