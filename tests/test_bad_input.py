"""Bad input gets one clear sentence that says what to do, exit code 2, no traceback, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mevals.store import Store
from mevals.testing import SimServer

Mevals = Callable[..., object]


def refused(ran: object, *words: str) -> None:
    """The command ended with exit code 2 and one sentence that holds `words`."""
    code, err = ran.code, ran.err.strip()  # type: ignore[attr-defined]
    assert code == 2, err
    assert err.startswith("mevals: ")
    assert "\n" not in err
    assert "Traceback" not in err
    for word in words:
        assert word in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--tasks", "flore"], ["unknown task 'flore'", "did you mean", "flores"]),
        (["--suite", "mini2"], ["unknown suite 'mini2'", "did you mean 'mini'"]),
        (["--suite", "mini", "--langs", "swa_Latn"], ["swa", "swh_Latn"]),
        (["--suite", "mini", "--langs", "region:afrika"], ["afrika"]),
        (["--suite", "mini", "--langs", "zho"], ["cmn_Hans"]),
        (["--suite", "mini", "--data", "mirrors"], ["unknown --data", "did you mean 'mirror'"]),
        (["--suite", "mini", "--condition", "prmpt-native"], ["unknown condition", "prompt"]),
        (["--tasks", "global_mgsm", "--data", "mirror"], ["--mirror"]),
        (["--tasks", "global_mgsm", "--offline"], ["--mirror", "--data mini"]),
        (["--tasks", "global_mgsm", "--mirror", "nowhere"], ["no folder", "--mirror"]),
        (["--suite", "mini", "--base-url", "localhost:8000"], ["http://"]),
    ],
)
def test_an_unknown_word_is_named_with_a_suggestion(
    mevals: Mevals, tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    refused(mevals("run", "--model", "demo", *arguments), *words)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_model_is_named_with_a_suggestion(mevals: Mevals, tmp_path: Path) -> None:
    refused(
        mevals("run", "--model", "tinyaya-globall", "--suite", "mini"),
        "tinyaya-globall",
        "did you mean 'tinyaya-global'",
    )
    refused(mevals("run", "--model", "demo-wek", "--suite", "mini"), "demo-weak")
    refused(mevals("run", "--suite", "mini"), "--model")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('{"id": 1, "lang": "swh_Latn", "prompt": "a"}\n{"id": 2,\n', ["p.jsonl, line 2", "not valid JSON"]),
        (
            '{"id": 1, "lang": "swh_Latn", "prompt": "a"}\n{"id": 1, "lang": "swh_Latn", "prompt": "b"}\n',
            ["line 2", "stands twice"],
        ),
        ('{"id": 1, "prompt": "a"}\n', ["line 1", "'lang' is missing"]),
        ('{"id": 1, "lang": "swh_Latn"}\n', ["line 1", "'prompt' is missing"]),
        ('{"id": 1, "lang": "xx", "prompt": "a"}\n', ["xx"]),
        ("[1]\n", ["line 1", "must be a JSON object"]),
        ("", ["is empty"]),
    ],
)
def test_a_bad_prompt_file_is_named_with_its_line(mevals: Mevals, tmp_path: Path, lines: str, words: list[str]) -> None:
    (tmp_path / "p.jsonl").write_text(lines)
    refused(mevals("run", "--model", "demo", "--prompts", "p.jsonl"), *words)
    assert [p.name for p in tmp_path.iterdir()] == ["p.jsonl"]


def test_a_prompt_file_that_is_not_there_is_named(mevals: Mevals) -> None:
    refused(mevals("run", "--model", "demo", "--prompts", "none.jsonl"), "none.jsonl", "can't be read")


def test_a_half_mirror_is_refused(mevals: Mevals, tmp_path: Path) -> None:
    (tmp_path / "mirror" / "global_mgsm" / "swh_Latn").mkdir(parents=True)
    refused(
        mevals("run", "--model", "demo", "--tasks", "global_mgsm", "--mirror", "mirror"),
        "SHA256SUMS",
        "mevals data import",
    )
    assert not (tmp_path / "results").exists()


def test_a_damaged_mirror_is_refused(mevals: Mevals, tmp_path: Path) -> None:
    (tmp_path / "tsv").mkdir()
    (tmp_path / "tsv" / "mgsm_sw.tsv").write_text("Swali?\t1,800\nSwali jingine?\t7\n")
    assert mevals("data", "import", "global_mgsm", "tsv", "--mirror", "m").code == 0  # type: ignore[attr-defined]
    assert mevals("data", "verify", "--mirror", "m").code == 0  # type: ignore[attr-defined]
    table = tmp_path / "m" / "global_mgsm" / "swh_Latn" / "test.parquet"
    table.write_bytes(table.read_bytes()[:-3] + b"xyz")
    refused(mevals("run", "--model", "demo", "--tasks", "global_mgsm", "--mirror", "m"), "is damaged")
    refused(mevals("data", "verify", "--mirror", "m"), "damaged")
    table.unlink()
    refused(mevals("run", "--model", "demo", "--tasks", "global_mgsm", "--mirror", "m"), "missing")
    assert not (tmp_path / "results").exists()


def test_data_that_changed_since_it_was_pinned_is_refused(mevals: Mevals, tmp_path: Path) -> None:
    (tmp_path / "tsv").mkdir()
    tsv = tmp_path / "tsv" / "mgsm_sw.tsv"
    tsv.write_text("Swali?\t1,800\n")
    mevals("data", "import", "global_mgsm", "tsv", "--mirror", "m")
    run = ["run", "--model", "demo", "--tasks", "global_mgsm", "--mirror", "m"]
    assert mevals(*run).code == 0  # type: ignore[attr-defined]
    assert "global_mgsm/swh_Latn/test" in json.loads((tmp_path / "data.lock.json").read_text())
    tsv.write_text("Swali lingine?\t1,801\n")
    mevals("data", "import", "global_mgsm", "tsv", "--mirror", "m")
    refused(mevals(*run), "is not the data that", "data.lock.json")


def test_a_wrong_key_and_an_unknown_model_of_a_server_are_told_apart(mevals: Mevals, tmp_path: Path) -> None:
    prompts = tmp_path / "p.jsonl"
    prompts.write_text('{"id": 1, "lang": "swh_Latn", "prompt": "a", "target": "b"}\n')
    with SimServer("demo", api_key="right", served_names=["real"]) as server:
        refused(
            mevals("run", "--model", "real", "--base-url", server.base_url, "--prompts", prompts),
            "refuses the key",
            "MEVALS_API_KEY",
        )
    with SimServer("demo", served_names=["real"]) as server:
        refused(
            mevals("run", "--model", "rael", "--base-url", server.base_url, "--prompts", prompts),
            "does not serve 'rael'",
            "'real'",
        )
    assert [p.name for p in tmp_path.iterdir()] == ["p.jsonl"]


def test_a_dead_server_is_said_in_a_sentence_with_exit_code_1(mevals: Mevals, tmp_path: Path) -> None:
    prompts = tmp_path / "p.jsonl"
    prompts.write_text('{"id": 1, "lang": "swh_Latn", "prompt": "a", "target": "b"}\n')
    ran = mevals("run", "--model", "x", "--base-url", "http://127.0.0.1:9/v1", "--prompts", prompts)
    assert ran.code == 1  # type: ignore[attr-defined]
    assert "no server answers at http://127.0.0.1:9/v1" in ran.err  # type: ignore[attr-defined]
    assert "Traceback" not in ran.err  # type: ignore[attr-defined]


def test_a_folder_in_use_is_refused(mevals: Mevals, tmp_path: Path) -> None:
    with Store(tmp_path / "results").locked("mevals run --model other"):
        refused(
            mevals("run", "--model", "demo", "--suite", "mini", "--langs", "swh_Latn"),
            "in use by process",
            "mevals run --model other",
        )


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        ("only one line\n", "o.txt", ["1 lines", "one output per line"]),
        ('{"id": "1", "text": "a"}\n{"id": "1", "text": "b"}\n', "o.jsonl", ["stands twice"]),
        ('{"id": "1"}\n', "o.jsonl", ["'text' is missing"]),
        ('{"id": "999", "text": "a"}\n', "o.jsonl", ["does not fit"]),
        ('{"id": "1", "text": 3}\n', "o.jsonl", ["must be a string"]),
        ("", "o.jsonl", ["is empty"]),
    ],
)
def test_outputs_that_do_not_fit_are_refused(
    mevals: Mevals, tmp_path: Path, content: str, name: str, words: list[str]
) -> None:
    (tmp_path / name).write_text(content)
    ran = mevals(
        "import", "outputs", "--model", "m", "--task", "flores_en_xx", "--lang", "swh_Latn", "--data", "mini", name
    )
    refused(ran, *words)
    assert not (tmp_path / "results").exists()


def test_a_report_of_nothing_says_what_to_do(mevals: Mevals, tmp_path: Path) -> None:
    refused(mevals("report"), "mevals run")
    (tmp_path / "results").mkdir()
    refused(mevals("report"), "nothing to report")
    refused(mevals("score", "--scorer", "chrff"), "did you mean")


def test_a_hub_that_cannot_be_reached_is_a_sentence_not_a_traceback(
    mevals: Mevals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    ran = mevals("run", "--model", "demo", "--tasks", "global_mgsm", "--langs", "swh_Latn", "--data", "hub")
    refused(ran, "can't be read from the hub", "--mirror")
    assert not (tmp_path / "results").exists()


def test_a_plan_counts_only_cells_of_the_same_data_as_done(mevals: Mevals) -> None:
    mevals("run", "--model", "demo", "--tasks", "global_mgsm", "--data", "mini", "--langs", "swh_Latn")
    mini = mevals("plan", "--model", "demo", "--tasks", "global_mgsm", "--data", "mini", "--format", "json")
    hub = mevals("plan", "--model", "demo", "--tasks", "global_mgsm", "--data", "hub", "--format", "json")
    assert json.loads(mini.out)[0]["done_cells"] == 1  # type: ignore[attr-defined]
    assert json.loads(hub.out)[0]["done_cells"] == 0  # type: ignore[attr-defined]
