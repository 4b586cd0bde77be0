"""Plain requests to a server, so that these tests depend on no client of ours, and prompts of many lengths and scripts."""

from __future__ import annotations

import json
import random
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

WORDS = """
boat lake three morning calm water stone bird seven light road far near green
See Boot ruhig heute Morgen lac bateau calme matin ziwa mashua asubuhi
بحيرة قارب هادئة صباح झील नाव शांत सुबह হ্রদ নৌকা শান্ত সকাল 湖 船 静か 今朝 湖面 平静 早上 호수 배 아침
ทะเลสาบ เรือ เช้า ທະເລສາບ ເຮືອ
""".split()  # noqa: SIM905

GREEDY = {
    "temperature": 0.0,
    "top_p": 1.0,
    "top_k": -1,
    "min_p": 0.0,
    "repetition_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "seed": 0,
}


def texts(count: int, longest: int = 45, shortest: int = 1) -> list[str]:
    """Self-made prompts of `shortest` to `longest` words, the same each time.

    Up to 45 words, prompt and answer stay within the tiny model's sliding window of 256 tokens.
    """
    draw = random.Random(7)
    return [" ".join(draw.choices(WORDS, k=draw.randint(shortest, longest))) for _ in range(count)]


def post(base_url: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """The JSON answer; `path` begins with /v1 or is a route beside it. Raises HTTPError."""
    address = base_url.removesuffix("/v1") + path
    request = urllib.request.Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=300) as answer:
        content = json.load(answer)
    assert isinstance(content, dict)
    return content


def refusal(base_url: str, path: str, body: dict[str, Any]) -> tuple[int, str]:
    """Status and message of a request that is refused."""
    try:
        post(base_url, path, body)
    except urllib.error.HTTPError as error:
        return error.code, str(json.load(error)["error"]["message"])
    raise AssertionError("the request was not refused")


def post_all(base_url: str, path: str, bodies: Sequence[dict[str, Any]], at_once: int = 16) -> list[dict[str, Any]]:
    """The answers in order, `at_once` requests in flight."""
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(lambda body: post(base_url, path, body), bodies))
