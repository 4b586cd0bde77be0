"""The simulated server over real HTTP: shapes, counts, faults, and a certain end."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import mevals
from mevals.engines.sim.__main__ import main
from mevals.engines.sim.item import Item
from mevals.engines.sim.key import message_key
from mevals.engines.sim.replies import Ask
from mevals.errors import EngineError, UsageError
from mevals.testing import SimServer

CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"


def messages(number: int) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"Swali la {number}: Amina ana mayai mangapi baada ya kuuza kumi sokoni leo?"}]


def record(number: int, **fields: Any) -> dict[str, Any]:
    own = {"target": str(number), "task": "global_mgsm", "lang": "swh_Latn", "kind": "number", "prefix": "Jibu"}
    return {"hash": message_key(messages(number)), **own, **fields}


def post(
    server: SimServer, path: str, content: Any, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        connection.request("POST", path, body, headers or {})
        reply = connection.getresponse()
        return reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read()
    finally:
        connection.close()


def get(server: SimServer, path: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request("GET", path)
        reply = connection.getresponse()
        return reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read()
    finally:
        connection.close()


def ask(server: SimServer, number: int = 0, **fields: Any) -> dict[str, Any]:
    status, _, body = post(server, CHAT, {"model": "demo-perfect", "messages": messages(number), **fields})
    assert status == 200, body
    return json.loads(body)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def shared() -> Iterator[SimServer]:
    with SimServer() as server:
        yield server


@pytest.fixture
def server(shared: SimServer) -> SimServer:
    shared.reset(keys="clear")
    shared.add_keys([record(n) for n in range(50)])
    return shared


def test_a_chat_reply_holds_the_right_answer_and_says_that_it_is_simulated(server: SimServer) -> None:
    status, headers, body = post(server, CHAT, {"model": "demo-perfect", "messages": messages(7)})
    reply = json.loads(body)
    assert (status, headers["x-mevals-simulated"]) == (200, "1")
    assert reply["choices"][0]["message"]["content"].split("\n")[-1].strip("*").endswith("7")
    assert reply["choices"][0]["finish_reason"] == "stop"
    assert reply["usage"]["total_tokens"] == reply["usage"]["prompt_tokens"] + reply["usage"]["completion_tokens"]


def test_models_are_listed_as_simulated(server: SimServer) -> None:
    _, headers, body = get(server, "/v1/models")
    listed = json.loads(body)["data"]
    assert next(m["id"] for m in listed) == "demo"
    assert {m["owned_by"] for m in listed} == {"mevals-simulated"}
    assert headers["x-mevals-simulated"] == "1"


def test_version_and_health(server: SimServer) -> None:
    assert "simulated" in json.loads(get(server, "/version")[2])["version"]
    assert get(server, "/health")[0] == 200


def test_each_attempt_gets_the_same_answer(server: SimServer) -> None:
    assert [ask(server, 3)["choices"] for _ in range(3)][1:] == [ask(server, 3)["choices"]] * 2


def test_counts_tell_requests_items_repeats_and_what_the_key_lacks(server: SimServer) -> None:
    for number in (1, 1, 2, 99):
        ask(server, number)
    post(server, CHAT, {"model": "demo", "messages": messages(1)})
    stats = server.stats()
    assert {k: stats[k] for k in ("requests", "ok", "items", "repeated", "unkeyed", "inflight")} == {
        "requests": 5,
        "ok": 5,
        "items": 4,
        "repeated": 1,
        "unkeyed": 1,
        "inflight": 0,
    }
    assert stats["statuses"] == {"200": 5}
    assert stats["first"] <= stats["last"] <= stats["last_done"]
    one = message_key(messages(1))
    assert server.ids()["requests"][one] == 3
    assert server.ids("demo-perfect")["ok"][one] == 2


def test_a_reset_zeroes_the_counts_and_keeps_the_key(server: SimServer) -> None:
    ask(server)
    server.reset()
    assert (server.stats()["requests"], server.stats()["keys"]) == (0, 50)
    server.reset(keys="clear")
    assert server.stats()["keys"] == 0


def test_a_profile_can_be_set_for_all_models(server: SimServer) -> None:
    server.reset(profile={"perfect": True})
    status, _, body = post(server, CHAT, {"model": "demo-weak", "messages": messages(7)})
    server.reset(profile="demo-perfect")
    again = post(server, CHAT, {"model": "demo-weak", "messages": messages(7)})[2]
    assert status == 200 and json.loads(body)["choices"] == json.loads(again)["choices"]


def test_streaming_gives_the_same_text_in_pieces(server: SimServer) -> None:
    whole = ask(server, 4)
    asked = {
        "model": "demo-perfect",
        "messages": messages(4),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    status, headers, body = post(server, CHAT, asked)
    events = [line[6:] for line in body.decode().split("\n\n") if line]
    chunks = [json.loads(e) for e in events[:-1]]
    text = "".join(c["choices"][0]["delta"].get("content", "") for c in chunks if c["choices"])
    assert (status, headers["content-type"], events[-1]) == (200, "text/event-stream", "[DONE]")
    assert text == whole["choices"][0]["message"]["content"]
    assert chunks[-1]["usage"] == whole["usage"]
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"


def test_several_choices_are_several_draws(server: SimServer) -> None:
    reply = ask(server, 5, n=4)
    assert [c["index"] for c in reply["choices"]] == [0, 1, 2, 3]
    assert reply["choices"][0] == ask(server, 5)["choices"][0]
    assert len({c["message"]["content"] for c in reply["choices"]}) > 1


def test_the_request_s_seed_counts_only_above_temperature_0(server: SimServer) -> None:
    cold = {json.dumps(ask(server, 6, seed=s, temperature=0)["choices"]) for s in range(6)}
    warm = {json.dumps(ask(server, 6, seed=s, temperature=0.7)["choices"]) for s in range(6)}
    assert len(cold) == 1 and len(warm) > 1


def test_a_later_turn_stands_on_the_key_of_the_first(server: SimServer) -> None:
    later = [*messages(7), {"role": "assistant", "content": "..."}, {"role": "user", "content": "Una uhakika?"}]
    post(server, CHAT, {"model": "demo-perfect", "messages": later})
    assert server.stats()["unkeyed"] == 0


def test_a_list_of_prompts_gets_a_choice_each(server: SimServer) -> None:
    status, _, body = post(server, COMPLETIONS, {"model": "demo", "prompt": ["One?", "Two?"], "max_tokens": 5})
    assert status == 200
    assert [c["index"] for c in json.loads(body)["choices"]] == [0, 1]
    assert server.stats()["items"] == 2


def test_tokenize_counts_what_usage_counts(server: SimServer) -> None:
    used = ask(server, 1)["usage"]["prompt_tokens"]
    told = json.loads(
        post(server, "/tokenize", {"model": "demo", "messages": messages(1), "return_token_strs": True})[2]
    )
    assert told["count"] == used == len(told["tokens"]) == len(told["token_strs"])
    assert told["token_strs"].count("<BOS_TOKEN>") == 1
    back = json.loads(post(server, "/detokenize", {"model": "demo", "tokens": told["tokens"]})[2])
    assert messages(1)[0]["content"] in back["prompt"]


def test_the_template_can_be_broken_for_checks_of_the_prompt_path(server: SimServer) -> None:
    server.reset(template_bos=2, template_system="Answer in English.")
    told = json.loads(post(server, "/tokenize", {"messages": messages(1), "return_token_strs": True})[2])
    assert told["token_strs"][:2] == ["<BOS_TOKEN>"] * 2
    assert "Answer in English." in "".join(told["token_strs"])


@pytest.mark.parametrize(
    ("path", "content", "status", "said"),
    [
        (CHAT, {"model": "gpt", "messages": messages(1)}, 404, "does not exist"),
        (CHAT, {"model": "demo", "messages": []}, 400, "messages"),
        (CHAT, b"{", 400, "JSON"),
        (CHAT, [1], 400, "object"),
        (CHAT, {"model": "demo", "messages": messages(1), "max_tokens": 0}, 400, "max_tokens"),
        (CHAT, {"model": "demo", "messages": messages(1), "max_tokens": 9000}, 400, "context length is 8192"),
        (CHAT, {"model": "demo", "messages": [{"role": "user", "content": "A " * 9000}]}, 400, "context length"),
        (CHAT, {"model": "demo", "messages": messages(1), "logprobs": True, "top_logprobs": 21}, 400, "0 to 20"),
        (COMPLETIONS, {"model": "demo", "prompt": []}, 400, "prompt"),
        (COMPLETIONS, {"model": "demo", "prompt": [-4]}, 400, "token id"),
        ("/detokenize", {"model": "demo", "tokens": "x"}, 400, "tokens"),
        ("/v1/embeddings", {}, 404, "nothing at"),
        ("/__key", [{"hash": "x"}], 400, "hash"),
        ("/__key", [{"hash": "0" * 32, "kind": "juge"}], 400, "no reply function"),
        ("/__reset", {"latency": 3}, 400, "latency_ms"),
        ("/__reset", {"profile": "demon"}, 400, "did you mean"),
    ],
)
def test_a_bad_request_is_answered_with_a_sentence(
    server: SimServer, path: str, content: Any, status: int, said: str
) -> None:
    got, _, body = post(server, path, content)
    assert (got, json.loads(body)["error"]["code"]) == (status, status)
    assert said in json.loads(body)["error"]["message"]


def test_a_refused_reset_changes_nothing(server: SimServer) -> None:
    ask(server)
    with pytest.raises(UsageError, match="latency_ms"):
        server.reset(latency=3, keys="clear")
    assert (server.stats()["requests"], server.stats()["keys"]) == (1, 50)


def test_a_wrong_key_is_401_and_the_right_one_is_not() -> None:
    with SimServer("demo", api_key="secret") as server:
        asked = {"model": "demo", "messages": messages(1)}
        assert post(server, CHAT, asked)[0] == post(server, CHAT, asked, {"Authorization": "Bearer x"})[0] == 401
        assert get(server, "/v1/models")[0] == 401
        assert post(server, CHAT, asked, {"Authorization": "Bearer secret"})[0] == 200


def test_further_names_are_served() -> None:
    with SimServer("demo", served_names=["twin", "best=demo-perfect"]) as server:
        listed = {m["id"]: m["root"] for m in json.loads(get(server, "/v1/models")[2])["data"]}
    assert listed == {"demo": "demo", "twin": "demo", "best": "demo-perfect"}


def test_a_status_fault_has_that_status_and_429_may_say_when_to_come_back(server: SimServer) -> None:
    asked = {"model": "demo", "messages": messages(1)}
    for status in (429, 500, 503):
        server.reset(faults={str(status): 1.0})
        got, headers, _ = post(server, CHAT, asked)
        assert got == status and "retry-after" not in headers
    server.reset(faults={"429": 1.0}, retry_after_s=2)
    assert post(server, CHAT, asked)[1]["retry-after"] == "2"
    assert server.stats()["statuses"] == {"429": 1} and server.stats()["ok"] == 0


def test_a_dropped_connection_ends_without_a_byte(server: SimServer) -> None:
    server.reset(faults={"drop": 1.0})
    with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
        post(server, CHAT, {"model": "demo", "messages": messages(1)})
    stats = server.stats()
    assert (stats["requests"], stats["ok"], stats["abandoned"], stats["inflight"]) == (1, 0, 0, 0)
    assert stats["faults"] == {"drop": 1}


def test_a_malformed_body_has_its_full_length_but_is_no_json(server: SimServer) -> None:
    server.reset(faults={"malformed": 1.0})
    status, headers, body = post(server, CHAT, {"model": "demo", "messages": messages(1)})
    assert (status, int(headers["content-length"])) == (200, len(body))
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)


def test_a_cut_off_body_is_shorter_than_announced(server: SimServer) -> None:
    server.reset(faults={"cut_body": 1.0})
    with pytest.raises(http.client.IncompleteRead) as caught:
        post(server, CHAT, {"model": "demo", "messages": messages(1)})
    assert len(caught.value.partial) > 10
    assert server.stats()["ok"] == 0


@pytest.mark.parametrize("fault", ["no_text", "length", "empty_choices", "wrong_count", "other_model"])
def test_faults_that_change_what_is_said_are_not_counted_as_ok(server: SimServer, fault: str) -> None:
    good = ask(server, 1)
    server.reset(sticky={fault: 1.0})
    bad = ask(server, 1)
    assert (bad["choices"], bad["model"]) != (good["choices"], good["model"])
    assert (server.stats()["ok"], server.stats()["statuses"]) == (0, {"200": 1})


def test_a_slow_reply_comes_late_and_right(server: SimServer) -> None:
    server.reset(faults={"slow": 1.0}, slow_ms=150)
    start = time.monotonic()
    ask(server, 1)
    assert time.monotonic() - start >= 0.15
    assert server.stats()["ok"] == 1


def test_a_redirect_points_where_it_was_told(server: SimServer) -> None:
    server.reset(faults={"redirect": 1.0}, redirect_to="http://127.0.0.1:9/x")
    status, headers, _ = post(server, CHAT, {"model": "demo", "messages": messages(1)})
    assert (status, headers["location"]) == (307, "http://127.0.0.1:9/x")


def test_a_hanging_reply_is_abandoned_by_the_client(server: SimServer) -> None:
    server.reset(faults={"hang": 1.0})
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=0.2)
    connection.request("POST", CHAT, json.dumps({"model": "demo", "messages": messages(1)}))
    with pytest.raises(TimeoutError):
        connection.getresponse()
    assert server.stats()["inflight"] == 1
    connection.close()
    deadline = time.monotonic() + 5
    while server.stats()["inflight"] and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.stats()["abandoned"] == 1


async def test_inflight_and_peak_are_counted_and_a_limit_answers_429(server: SimServer) -> None:
    async def burst(n: int) -> list[int]:
        async with aiohttp.ClientSession() as session:

            async def one(number: int) -> int:
                content = {"model": "demo", "messages": messages(number)}
                async with session.post(server.url + CHAT, json=content) as reply:
                    return reply.status

            return await asyncio.gather(*(one(i) for i in range(n)))

    server.reset(latency_ms=150)
    assert await burst(20) == [200] * 20
    assert server.stats()["peak"] == 20
    server.reset(latency_ms=150, max_inflight=5)
    assert sorted(await burst(20)) == [200] * 5 + [429] * 15
    server.reset(max_per_s=10)
    assert sorted(await burst(20)).count(429) >= 15


def test_faults_do_not_change_the_answer_of_a_later_attempt(server: SimServer) -> None:
    good = {n: ask(server, n)["choices"] for n in range(30)}
    server.reset(faults={"500": 0.5, "429": 0.2}, seed=0)
    for n in range(30):
        for _ in range(40):
            status, _, body = post(server, CHAT, {"model": "demo-perfect", "messages": messages(n)})
            if status == 200:
                break
        assert json.loads(body)["choices"] == good[n]
    stats = server.stats()
    assert stats["statuses"]["200"] == 30 == stats["ok"]
    assert sum(stats["statuses"].values()) == stats["requests"] > 60


def test_a_dead_server_refuses_and_comes_back() -> None:
    with SimServer("demo", dead_after=3, dead_for_s=0.3) as server:
        asked = {"model": "demo", "messages": messages(1)}
        assert [post(server, CHAT, asked)[0] for _ in range(2)] == [200, 200]
        with pytest.raises(OSError):
            post(server, CHAT, asked)
        with pytest.raises(OSError):
            post(server, CHAT, asked)
        time.sleep(0.5)
        assert post(server, CHAT, asked)[0] == 200


def judge(ask: Ask) -> str:
    return f"verdict on {ask.item.target} by {ask.model}: {len(ask.messages)}"


def test_a_kind_can_be_plugged_in() -> None:
    for reply in (judge, f"{__name__}:judge"):
        with SimServer("demo", replies={"judge": reply}) as server:
            server.add_keys([record(1, kind="judge", target="x")])
            body = post(server, CHAT, {"model": "demo", "messages": messages(1)})[2]
        assert json.loads(body)["choices"][0]["message"]["content"] == "verdict on x by demo: 1"
    with pytest.raises(UsageError, match="can't be imported"):
        SimServer("demo", replies={"judge": "mevals.nowhere:judge"}).start()


def test_items_are_taken_as_records_too(server: SimServer) -> None:
    assert server.add_keys([Item("0" * 32, ("1",), kind="number")])["keys"] == 51


def test_only_this_machine_is_served() -> None:
    from mevals.engines.sim.serve import open_socket

    with pytest.raises(UsageError, match=r"127\.0\.0\.1"):
        open_socket("0.0.0.0", 0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UsageError, match="can't be used"):
            open_socket("127.0.0.1", taken.getsockname()[1])


def failure(server: SimServer) -> OSError:
    with pytest.raises(OSError) as caught:
        ask(server, 7)
    return caught.value


def test_a_process_of_its_own_answers_the_same_and_ends_at_once(server: SimServer) -> None:
    with SimServer("demo-perfect", process=True, latency_ms=1) as own:
        own.add_keys([record(7)])
        assert ask(own, 7)["choices"] == ask(server, 7)["choices"]
        own.reset(latency_ms=5_000)
        ended: list[OSError] = []
        waiting = threading.Thread(target=lambda: ended.append(failure(own)))
        waiting.start()
        while own.stats()["inflight"] == 0:
            time.sleep(0.01)
        start = time.monotonic()
        own.stop()
        assert time.monotonic() - start < 1.0
        waiting.join()
        assert len(ended) == 1
    with pytest.raises(EngineError, match="doesn't answer"):
        own.stats()


def test_a_server_that_cannot_start_says_why() -> None:
    with pytest.raises(EngineError, match="no simulated model 'demp'"):
        SimServer("demp", process=True).start()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_server_dies_with_its_parent_but_not_with_the_thread_that_started_it() -> None:
    program = (
        "import threading, time\n"
        "from mevals.testing import SimServer\n"
        "s = SimServer('demo', process=True)\n"
        "t = threading.Thread(target=s.start); t.start(); t.join(); time.sleep(0.3)\n"
        "s.stats(); print(s.pid, flush=True); time.sleep(60)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(mevals.__file__).parents[1])}
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        deadline = time.monotonic() + 3
        while alive(pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not alive(pid)


def test_the_command_writes_its_port_reads_a_key_file_and_stops_by_itself(tmp_path: Path) -> None:
    (tmp_path / "key.jsonl").write_text(json.dumps(record(1)) + "\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(Path(mevals.__file__).parents[1])}
    command = [sys.executable, "-m", "mevals.engines.sim", "--port-file", "port", "--key-file", "key.jsonl"]
    with subprocess.Popen([*command, "--max-seconds", "1"], cwd=tmp_path, env=environment, stdout=-1) as process:
        while not (tmp_path / "port").exists():
            assert process.poll() is None
            time.sleep(0.01)
        server = SimServer(port=int((tmp_path / "port").read_text()))
        assert server.stats()["keys"] == 1
        assert process.wait(10) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        ["--faults", "x=1"],
        ["--key-file", "none.jsonl"],
        ["--settings", "["],
        ["--host", "0.0.0.0"],
        ["--profile", "demon"],
        ["--reply", "judge=nowhere:judge"],
    ],
)
def test_wrong_arguments_are_one_sentence_and_exit_code_2(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(wrong) == 2
    said = capsys.readouterr().err
    assert said.startswith("mevals: ") and said.count("\n") == 1
