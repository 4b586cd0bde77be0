"""The managed server: what it is started with, how its failures are told, and that nothing of it is left."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mevals.engines import server_process
from mevals.engines.server_process import free_port
from mevals.engines.supervisor import started
from mevals.engines.vllm_failures import FAILURES, explain
from mevals.engines.vllm_server import read_progress, start_vllm, vllm_arguments
from mevals.errors import EngineError, MevalsError, UsageError
from mevals.models import Model, load_models

STAND_IN = Path(__file__).parent / "stand_in_vllm.py"
MODEL = Model(name="tiny", repository="org/tiny", context=1024, dtype="float32")


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts the stand-in in vLLM's place; called with its mode and, for "fail", what it prints."""
    program = tmp_path / "bin" / "vllm"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {STAND_IN} "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("MEVALS_VLLM", str(program))
    monkeypatch.setenv("MEVALS_RUN_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("STAND_IN_PIDS", str(tmp_path / "pids.json"))
    monkeypatch.setattr(server_process, "GRACE", 0.4)

    def choose(mode: str, log: str = "") -> None:
        monkeypatch.setenv("STAND_IN", mode)
        monkeypatch.setenv("STAND_IN_LOG", log)

    return choose


def pids(tmp_path: Path) -> list[int]:
    """The processes of the stand-in, once it has written them."""
    path = tmp_path / "pids.json"
    wait_until(lambda: path.exists() and bool(path.read_text()))
    return [int(pid) for pid in json.loads(path.read_text())]


def alive(pid: int) -> bool:
    return started(pid) is not None


def wait_until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def records(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "run").glob("*"))


def test_nothing_is_left_to_the_repositorys_defaults() -> None:
    arguments = " ".join(vllm_arguments(load_models()["tinyaya-global"], 8123))
    assert arguments.startswith("serve CohereLabs/tiny-aya-global --host 127.0.0.1 --port 8123")
    for part in ("--generation-config vllm", "--max-model-len 8192", "--dtype bfloat16", "--seed 0"):
        assert part in arguments
    assert "--served-model-name tinyaya-global" in arguments
    assert "--revision" not in arguments
    assert "parallel" not in arguments


def test_a_pinned_revision_pins_the_tokenizer_too() -> None:
    commit = "ab" * 20
    arguments = " ".join(vllm_arguments(Model(name="m", repository="o/m", revision=commit), 1))
    assert f"--revision {commit} --tokenizer-revision {commit}" in arguments


def test_a_local_folder_has_no_revision_on_the_hub() -> None:
    model = Model(name="m", repository="/models/m", revision="folder-0123", local=True)
    assert "--revision" not in vllm_arguments(model, 1)


def test_parallelism_and_a_models_own_arguments_are_passed_on() -> None:
    arguments = " ".join(vllm_arguments(load_models()["ministral3-3b"], 1, tensor_parallel=2, data_parallel=4))
    assert "--tensor-parallel-size 2 --data-parallel-size 4" in arguments
    assert arguments.endswith("--tokenizer-mode mistral --config-format mistral --load-format mistral")


def test_vllm_does_not_serve_an_api() -> None:
    with pytest.raises(UsageError, match="is served by api"):
        vllm_arguments(load_models()["gpt-4.1"], 1)


def test_a_server_is_ready_in_the_block_and_gone_after_it(stand_in: Callable[..., None], tmp_path: Path) -> None:
    stand_in("serve")
    notes: list[str] = []
    with start_vllm(MODEL, log_dir=tmp_path / "logs", progress=notes.append) as server:
        port = int(server.base_url.removesuffix("/v1").rpartition(":")[2])
        running = pids(tmp_path)
        assert not port_is_free(port)
        assert all(map(alive, running))
        assert (server.version, server.arguments[1]) == ("0.32.0", "serve")
        assert "Resolved architecture" in server.log_path.read_text()
        assert len(records(tmp_path)) == 1
    assert port_is_free(port)
    assert not any(map(alive, running))
    assert records(tmp_path) == []
    assert notes[:3] == ["Cohere2ForCausalLM", "loading weights", "loading weights 0 % (0/2)"]
    assert notes[-1] == "warming up"


async def test_a_server_can_be_started_beside_other_work(stand_in: Callable[..., None], tmp_path: Path) -> None:
    stand_in("serve")
    async with start_vllm(MODEL, log_dir=tmp_path) as server:
        assert server.running
        running = pids(tmp_path)
    assert not any(map(alive, running))


async def test_a_start_that_is_cancelled_leaves_nothing(stand_in: Callable[..., None], tmp_path: Path) -> None:
    stand_in("hang")

    async def use() -> None:
        async with start_vllm(MODEL, log_dir=tmp_path):
            raise AssertionError("never ready")

    task = asyncio.create_task(use())
    await asyncio.to_thread(pids, tmp_path)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.to_thread(wait_until, lambda: not any(map(alive, pids(tmp_path))))


def test_a_start_can_be_ended_from_another_thread(stand_in: Callable[..., None], tmp_path: Path) -> None:
    stand_in("hang")
    server = start_vllm(MODEL, log_dir=tmp_path)
    with ThreadPoolExecutor(1) as pool:
        start = pool.submit(server.start)
        running = pids(tmp_path)
        server.stop()
        with pytest.raises(EngineError, match="the start of the server was given up"):
            start.result(10)
    assert not any(map(alive, running))


def test_loading_is_shown_on_a_terminal(
    stand_in: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in("serve")
    shown: list[str] = []

    @contextlib.contextmanager
    def terminal(title: str) -> Iterator[Callable[[str], None]]:
        yield lambda note: shown.append(f"{title}: {note}")

    monkeypatch.setattr(server_process, "shown_on_terminal", terminal)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with start_vllm(MODEL, log_dir=tmp_path):
        assert "vLLM: tiny: loading weights" in shown


def test_a_server_that_ignores_its_end_is_killed_with_its_children(
    stand_in: Callable[..., None], tmp_path: Path
) -> None:
    stand_in("stubborn")
    with start_vllm(MODEL, log_dir=tmp_path):
        running = pids(tmp_path)
        assert len(running) == 3
    assert not any(map(alive, running))
    assert records(tmp_path) == []


def test_an_error_inside_the_block_ends_the_server(stand_in: Callable[..., None], tmp_path: Path) -> None:
    stand_in("serve")
    with pytest.raises(ZeroDivisionError), start_vllm(MODEL, log_dir=tmp_path):
        print(1 / 0)
    assert not any(map(alive, pids(tmp_path)))


MEVALS = """
import sys, time
from pathlib import Path
from mevals.engines import server_process
from mevals.engines.vllm_server import start_vllm
from mevals.models import Model
server_process.GRACE = 0.4
with start_vllm(Model(name="tiny", repository="org/tiny"), log_dir=Path(sys.argv[1])) as server:
    print("ready", flush=True)
    time.sleep(600)
"""


def run_mevals(tmp_path: Path) -> subprocess.Popen[str]:
    """A process that keeps a server, as mevals does."""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(
        [sys.executable, "-c", MEVALS, str(tmp_path)],
        env=env,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("when", ["serve", "hang"])
def test_nothing_is_left_however_mevals_ends(
    stand_in: Callable[..., None], tmp_path: Path, number: signal.Signals, when: str
) -> None:
    stand_in(when)
    mevals = run_mevals(tmp_path)
    running = pids(tmp_path)
    if when == "serve":
        assert mevals.stdout is not None
        assert mevals.stdout.readline() == "ready\n"
    mevals.send_signal(number)
    mevals.wait(20)
    wait_until(lambda: not any(map(alive, running)))
    wait_until(lambda: records(tmp_path) == [])


def test_the_next_start_ends_what_was_left_when_the_supervisor_was_killed_too(
    stand_in: Callable[..., None], tmp_path: Path
) -> None:
    stand_in("stubborn")
    mevals = run_mevals(tmp_path)
    *left, escaped = pids(tmp_path)  # the last is in a session of its own, which only a living supervisor can follow
    (record,) = records(tmp_path)
    supervisor = json.loads(record.read_text())["supervisor"][0]
    mevals.kill()
    mevals.wait()
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: not alive(supervisor))
    os.kill(escaped, signal.SIGKILL)
    assert all(map(alive, left))
    stand_in("serve")
    notes: list[str] = []
    with start_vllm(MODEL, log_dir=tmp_path / "second", progress=notes.append):
        assert not any(map(alive, left))
    assert "ended a server that an earlier run left" in notes[0]


def test_a_running_mevals_keeps_its_server_when_another_starts(stand_in: Callable[..., None], tmp_path: Path) -> None:
    stand_in("serve")
    with start_vllm(MODEL, log_dir=tmp_path / "a") as first:
        running = pids(tmp_path)
        with start_vllm(MODEL, log_dir=tmp_path / "b") as second:
            assert first.base_url != second.base_url
            assert all(map(alive, running))


def test_a_record_whose_pid_was_given_to_another_process_harms_nobody(
    stand_in: Callable[..., None], tmp_path: Path
) -> None:
    stand_in("serve")
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True) as innocent:
        from mevals.engines.supervisor import place

        then = (started(innocent.pid) or 0) - 1
        content = {
            "place": place(),
            "owner": [1, 1],
            "supervisor": [innocent.pid, then],
            "server": [innocent.pid, then],
        }
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "old.json").write_text(json.dumps(content))
        with start_vllm(MODEL, log_dir=tmp_path):
            assert innocent.poll() is None
        assert records(tmp_path) == []
        innocent.kill()


def test_a_taken_port_is_refused_before_anything_starts(stand_in: Callable[..., None], tmp_path: Path) -> None:
    stand_in("serve")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} can't be used because another program has it"):
            start_vllm(MODEL, log_dir=tmp_path, port=port).start()
    assert not (tmp_path / "pids.json").exists()


def test_a_server_that_is_never_ready_is_given_up(stand_in: Callable[..., None], tmp_path: Path) -> None:
    stand_in("hang")
    with pytest.raises(EngineError, match="vLLM was not ready after 1 s; its log is "):
        start_vllm(MODEL, log_dir=tmp_path, deadline_s=1).start()
    assert not any(map(alive, pids(tmp_path)))


def test_a_server_that_dies_at_the_first_request_is_no_ready_server(
    stand_in: Callable[..., None], tmp_path: Path
) -> None:
    stand_in("die")
    with pytest.raises(EngineError):
        start_vllm(MODEL, log_dir=tmp_path, deadline_s=20).start()
    assert not any(map(alive, pids(tmp_path)))


def test_a_server_that_refuses_a_first_request_is_no_ready_server(
    stand_in: Callable[..., None], tmp_path: Path
) -> None:
    stand_in("refuse")
    with pytest.raises(EngineError, match=r"refused a first request .500: .*EngineCore encountered an issue"):
        start_vllm(MODEL, log_dir=tmp_path).start()


def test_another_server_on_the_port_is_not_mistaken_for_ours(stand_in: Callable[..., None], tmp_path: Path) -> None:
    stand_in("other")
    with pytest.raises(EngineError, match=r"another server answers on port .*: it serves other"):
        start_vllm(MODEL, log_dir=tmp_path).start()


def test_no_vllm_is_told_with_every_way_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MEVALS_VLLM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(UsageError, match=r"pip install 'mevals\[vllm\]'.*MEVALS_VLLM.*--engine transformers"):
        start_vllm(MODEL, log_dir=tmp_path)


def test_a_setting_that_names_no_program_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MEVALS_VLLM", str(tmp_path / "nothing"))
    with pytest.raises(UsageError, match="which is no program"):
        start_vllm(MODEL, log_dir=tmp_path)


REAL_MESSAGES = [
    (
        "no GPU",
        "RuntimeError: Failed to infer device type, please set the environment variable `VLLM_LOGGING_LEVEL=DEBUG` to "
        "turn on verbose logging to help debug the issue.",
        "vLLM found no GPU on this machine",
    ),
    (
        "out of memory",
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 172.00 MiB. GPU 0 has a total capacity of 7.79 "
        "GiB of which 101.25 MiB is free.",
        "lower --max-model-len (now 1024) or --max-num-seqs",
    ),
    (
        "no room for the cache",
        "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when "
        "initializing the engine",
        "raise --gpu-memory-utilization, or lower --max-model-len (now 1024)",
    ),
    (
        "cache does not fit",
        "ValueError: To serve at least one request with the model's max seq len (500000), (19.07 GiB KV cache is "
        "needed, which is larger than the available KV cache memory (9.31 GiB). Based on the available memory, the "
        "estimated maximum model length is 244000. Try increasing `gpu_memory_utilization`",
        "lower --max-model-len to at most 244000",
    ),
    (
        "GPU in use",
        "ValueError: Free memory on device cuda:0 (10.2/79.1 GiB) on startup is less than desired GPU memory "
        "utilization (0.9, 71.19 GiB). Decrease GPU memory utilization or reduce GPU memory used by other processes.",
        "10.2 of 79.1 GiB are free; end it, or lower --gpu-memory-utilization (now 0.9)",
    ),
    (
        "CPU cache too large",
        "ValueError: Available memory on node 0 (6.33/7.84 GiB) on kv cache allocation is less than requested memory "
        "for kv (100.0 GiB). Decrease --kv-cache-memory-bytes, VLLM_CPU_KVCACHE_SPACE, or reduce CPU memory",
        "lower VLLM_CPU_KVCACHE_SPACE",
    ),
    (
        "gated repository",
        "OSError: You are trying to access a gated repo.\nMake sure to have access to it at "
        "https://huggingface.co/org/tiny.\n401 Client Error. (Request ID: Root=1-2;3)\n\nCannot access gated repo for "
        "url https://huggingface.co/org/tiny/resolve/main/config.json.\nAccess to model org/tiny is restricted.",
        "org/tiny is gated: accept its terms at https://huggingface.co/org/tiny, then set HF_TOKEN",
    ),
    (
        "no such repository",
        "OSError: org/tiny is not a local folder or a valid repository name on 'https://hf.co'.",
        "there is no org/tiny on the hub, or it is private",
    ),
    (
        "not downloaded",
        "OSError: We couldn't connect to 'https://huggingface.co' to load the files, and couldn't find them in the "
        "cached files.\nCheck your internet connection or see how to run the library in offline mode",
        "hf download org/tiny",
    ),
    (
        "unknown architecture",
        "  Value error, Model architectures ['FooForCausalLM'] are not supported for now. Supported architectures: "
        "dict_keys(['AfmoeForCausalLM'])",
        "does not know the architecture 'FooForCausalLM'",
    ),
    (
        "unknown architecture",
        "ValueError: The checkpoint you are trying to load has model type `foonet` but Transformers does not recognize "
        "this architecture.",
        "does not know the architecture foonet",
    ),
    (
        "remote code",
        "RuntimeError: Failed to load the model config. If the model is a custom model not yet available in the "
        "HuggingFace transformers library, consider setting `trust_remote_code=True` in LLM or using the "
        "`--trust-remote-code` flag in the CLI.",
        "wants to run its own Python code",
    ),
    ("port taken", "OSError: [Errno 98] Address already in use", "port was taken by another program while it loaded"),
    (
        "too few GPUs",
        "ValueError: World size (4) is larger than the number of available GPUs (1) in this node.",
        "4 GPUs were asked for and this machine has 1",
    ),
    (
        "heads not divisible",
        "  Value error, Total number of attention heads (16) must be divisible by tensor parallel size (3).",
        "16 attention heads, which 3 GPUs can't share",
    ),
    (
        "bfloat16",
        "ValueError: Bfloat16 is only supported on GPUs with compute capability of at least 8.0. Your Tesla T4 GPU has "
        "compute capability 7.5.",
        "--dtype float16",
    ),
    (
        "context too long",
        "  Value error, User-specified max_model_len (9000) is greater than the derived max_model_len "
        "(max_position_embeddings=2048 or model_max_length=None in model's config.json).",
        "has a context of 2048 tokens and 9000 were asked for",
    ),
    ("wrong argument", "vllm: error: unrecognized arguments: --nonsense", "unrecognized arguments: --nonsense"),
    ("disk full", "OSError: [Errno 28] No space left on device", "set HF_HOME to a larger disk"),
    (
        "broken weights",
        "safetensors_rust.SafetensorError: Error while deserializing header: incomplete metadata",
        "are broken or incomplete",
    ),
]


@pytest.mark.parametrize(("cause", "message", "says"), REAL_MESSAGES)
def test_a_failure_is_told_in_one_sentence_that_says_what_to_do(
    stand_in: Callable[..., None], tmp_path: Path, cause: str, message: str, says: str
) -> None:
    stand_in("fail", f"(EngineCore pid=9) ERROR 11-20 23:33:52 [core.py:1510] {message}\nTraceback: more\n")
    with pytest.raises(MevalsError) as error:
        start_vllm(MODEL, log_dir=tmp_path).start()
    told = str(error.value)
    assert says in told
    assert "\n" not in told
    assert "Traceback" not in told
    assert records(tmp_path) == []


def test_every_known_failure_is_replayed() -> None:
    assert {cause for cause, _, _ in REAL_MESSAGES} == {failure.name for failure in FAILURES}


@pytest.mark.parametrize(("cause", "message", "says"), REAL_MESSAGES)
def test_a_message_is_explained_by_its_own_cause(cause: str, message: str, says: str) -> None:
    first = next(failure for failure in FAILURES if failure.pattern.search(message))
    assert first.name == cause


def test_an_unknown_failure_shows_its_last_line_and_where_the_log_is(
    stand_in: Callable[..., None], tmp_path: Path
) -> None:
    stand_in("fail", "Traceback (most recent call last):\nRuntimeError: the flux has no capacitor")
    with pytest.raises(EngineError) as error:
        start_vllm(MODEL, log_dir=tmp_path).start()
    assert "ended with code 1 before it was ready (RuntimeError: the flux has no capacitor)" in str(error.value)
    assert str(tmp_path) in str(error.value)


def test_a_normal_log_betrays_no_failure() -> None:
    log = (
        "WARNING [system_utils.py:255] This can cause fd limit errors like `OSError: [Errno 24] Too many open files`.\n"
        "INFO [core.py:133] Initializing a V1 LLM engine (v0.32.0) with config: model='x', trust_remote_code=False,\n"
        "WARNING [parallel.py:746] Address already in use. Retrying with a new port.\n"
        "WARNING [cpu.py:224] Triton is not installed.\n"
    )
    assert explain(log, MODEL) is None


@pytest.mark.parametrize(
    ("line", "note"),
    [
        ("Loading safetensors checkpoint shards:  50% Completed | 1/2 [00:01<00:01]", "loading weights 50 % (1/2)"),
        (
            "INFO [x.py:1] Model loading took 6.24 GiB memory and 1.5 seconds",
            "weights loaded (6.24 GiB memory and 1.5 seconds)",
        ),
        ("INFO [kv_cache_utils.py:2327] GPU KV cache size: 958,698 tokens", "cache for 958,698 tokens"),
        ("Capturing CUDA graphs (mixed prefill-decode, PIECEWISE):  40%|####", "capturing CUDA graphs 40 %"),
        ("INFO [x.py:1] torch.compile takes 12.5 s in total", "compiled in 12.5 s"),
        ('INFO:     127.0.0.1:53104 - "GET /health HTTP/1.1" 200 OK', None),
    ],
)
def test_the_log_says_where_loading_stands(line: str, note: str | None) -> None:
    assert read_progress(line) == note


def test_a_free_port_can_be_bound() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", free_port()))
