"""Paid APIs: the rate limit is found and kept, every answer is billed, and --max-cost is never exceeded."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mevals.engines.api import ApiEngine, Limit, Purse
from mevals.engines.engine import KeyEntry, Settings
from mevals.engines.opening import Serving
from mevals.engines.simulated import _key
from mevals.errors import EngineError, Refused, Retryable
from mevals.models import Model
from mevals.testing import SimServer
from mevals.types import Response, Sample, Subset, user

Mevals = Callable[..., Any]
SUBSET = Subset("deu_Latn", "deu_Latn")


def question(i: int) -> Sample:
    return Sample(str(i), (user(f"Was ist {i} und {i}?"),), (str(2 * i),))


def api_model(server: SimServer, **more: Any) -> Model:
    return Model(name="paid", served="api", repository="demo-perfect", base_url=server.base_url, key="PAID_KEY", **more)


def ask_all(engine: ApiEngine, server: SimServer, samples: Sequence[Sample], workers: int = 64) -> list[Response]:
    """Every answer, asked again after each failure, by as many workers as a run has."""
    server.add_keys(_key(KeyEntry(s, "global_mgsm", SUBSET, "number")) for s in samples)
    waiting, answers = list(samples), []

    async def work() -> None:
        while waiting:
            sample = waiting.pop()
            while True:
                try:
                    answers.append(await engine.ask(sample, Settings(max_tokens=64), "generate"))
                    break
                except Retryable:
                    await asyncio.sleep(0.05)

    async def main() -> None:
        await engine.open()
        try:
            await asyncio.gather(*(work() for _ in range(workers)))
        finally:
            await engine.close()

    asyncio.run(main())
    return answers


def test_a_limit_of_requests_in_flight_is_found_and_kept() -> None:
    with SimServer("demo-perfect", max_inflight=12, latency_ms=30) as server:
        engine = ApiEngine(api_model(server), Serving(), "secret")
        assert len(ask_all(engine, server, [question(i) for i in range(400)])) == 400
        refused = server.stats()["statuses"].get("429", 0)
        stats = server.stats()
    assert stats["ok"] == 400
    assert 1 <= refused <= 30  # while it was found
    assert 6 <= engine._limit.size <= 12


def test_a_limit_of_requests_a_second_is_kept_without_drowning_it() -> None:
    with SimServer("demo-perfect", max_per_s=100, latency_ms=100) as server:
        engine = ApiEngine(api_model(server), Serving(), "secret")
        started = time.monotonic()
        assert len(ask_all(engine, server, [question(i) for i in range(300)])) == 300
        took = time.monotonic() - started
        refused = server.stats()["statuses"].get("429", 0)
    assert took < 30
    assert refused <= 150  # 64 workers without a limit are refused thousands of times


def test_without_a_limit_the_number_in_flight_grows() -> None:
    with SimServer("demo-perfect", latency_ms=30) as server:
        engine = ApiEngine(api_model(server), Serving(), "secret")
        ask_all(engine, server, [question(i) for i in range(300)])
        assert server.stats()["peak"] > 40
    assert engine.facts()["rate_limited"] == 0


def test_one_overload_is_one_cut() -> None:
    async def main() -> tuple[float, float]:
        limit = Limit(start=40.0)
        limit.busy = 40
        before = time.monotonic()
        limit.was_refused(before)
        once = limit.size
        for _ in range(20):
            limit.was_refused(before)
        return once, limit.size

    once, after = asyncio.run(main())
    assert once == after == 19.5


def test_the_ceiling_is_probed_after_a_while() -> None:
    async def main() -> float:
        limit = Limit(start=10.0, probe_s=0.0)
        limit.busy = 10
        limit.was_refused(time.monotonic())
        for _ in range(100):
            time.sleep(0.0001)
            limit.went_well()
        return limit.size

    assert asyncio.run(main()) > 10


def test_every_token_is_billed_at_its_price() -> None:
    with SimServer("demo-perfect") as server:
        engine = ApiEngine(api_model(server, price_in=2.0, price_out=8.0), Serving(), "secret")
        answers = ask_all(engine, server, [question(i) for i in range(20)])
    into, out = (sum(getattr(a, f"{side}_tokens") for a in answers) for side in ("prompt", "output"))
    assert engine.facts()["cost"] == pytest.approx((into * 2 + out * 8) / 1e6, abs=1e-6)


def test_answers_that_are_on_their_way_are_awaited_and_the_limit_is_never_exceeded() -> None:
    with SimServer("demo-perfect", latency_ms=20) as server:
        model = api_model(server, price_in=1000.0, price_out=1000.0)
        engine = ApiEngine(model, Serving(max_cost=1.0), "secret")
        with pytest.raises(EngineError, match="stopped at --max-cost 1"):
            ask_all(engine, server, [question(i) for i in range(200)])
        stats = server.stats()
    assert stats["abandoned"] == 0
    assert stats["ok"] == stats["requests"] > 3
    assert 0.8 < engine.purse.spent <= 1.0


def test_a_request_that_may_have_been_billed_counts_as_billed() -> None:
    with SimServer("demo-perfect", faults={"malformed": 1.0}) as server:
        engine = ApiEngine(api_model(server, price_in=1.0, price_out=1.0), Serving(), "secret")

        async def main() -> None:
            await engine.open()
            with pytest.raises(Retryable):
                await engine.ask(question(1), Settings(max_tokens=64), "generate")
            await engine.close()

        asyncio.run(main())
    assert engine.purse.spent == pytest.approx(engine._dearest(question(1), Settings(max_tokens=64)))


def test_what_does_not_fit_waits_for_what_is_out() -> None:
    async def main() -> float:
        purse = Purse(1.0)

        async def spend() -> None:
            async with purse.hold(0.6):
                await asyncio.sleep(0.01)
                purse.spent += 0.2

        await asyncio.gather(spend(), spend(), spend())
        return purse.spent

    assert asyncio.run(main()) == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("model", "serving", "words"),
    [
        ({}, Serving(), "set PAID_KEY in the environment"),
        ({}, Serving(max_cost=1.0), "needs the price of paid"),
    ],
)
def test_what_can_not_be_paid_or_counted_is_refused(model: dict[str, Any], serving: Serving, words: str) -> None:
    with SimServer("demo-perfect") as server:
        engine = ApiEngine(replace(api_model(server), **model), serving, "secret" if serving.max_cost else "")
        with pytest.raises(Refused, match=words):
            asyncio.run(engine.open())


def test_a_wrong_key_is_refused_and_not_printed() -> None:
    with SimServer("demo-perfect", api_key="right") as server:
        engine = ApiEngine(api_model(server), Serving(), "secret")
        with pytest.raises(Refused, match="refuses the key") as caught:
            ask_all(engine, server, [question(1)])
    assert "secret" not in str(caught.value)


MODELS = """
models:
  paid:
    served: api
    repository: demo-perfect
    base_url: {url}
    key: PAID_KEY
    price_in: 100.0
    price_out: 100.0
"""


def test_max_cost_ends_a_run_with_1_and_the_same_command_goes_on(
    mevals: Mevals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SimServer("demo-perfect", latency_ms=5) as server:
        (tmp_path / "models.yaml").write_text(MODELS.format(url=server.base_url))
        monkeypatch.setenv("MEVALS_PATH", str(tmp_path))
        monkeypatch.setenv("PAID_KEY", "secret")
        command = ("run", "--model", "paid", "--tasks", "global_mgsm", "--data", "mini", "--langs", "deu_Latn,swh_Latn")
        first = mevals(*command, "--max-cost", "0.25", "--max-tokens", "512")
        assert first.code == 1
        assert "stopped at --max-cost 0.25" in first.err
        asked = server.stats()["requests"]
        assert 0 < asked < 20
        runs = 1
        while mevals(*command, "--max-cost", "0.25", "--max-tokens", "512").code == 1:
            runs += 1
            assert runs < 15
        stats = server.stats()
    assert stats["requests"] == stats["ok"] == 20  # nothing was asked twice
    manifest = json.loads((tmp_path / "results/paid/global_mgsm/manifest.json").read_text())
    costs = [run["engine"]["cost"] for run in manifest["runs"]]
    assert all(0 < cost <= 0.25 for cost in costs)
    assert "secret" not in json.dumps(manifest)
