"""A COMET environment that is absent or broken is explained in one sentence; installing goes by the book."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mevals.comet import environment
from mevals.comet.client import CometClient, Settings
from mevals.comet.worker.job import Model, Segment
from mevals.errors import UsageError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home for the environment, and no setting of the developer's own."""
    monkeypatch.setenv(environment.HOME_SETTING, str(tmp_path / "home"))
    monkeypatch.delenv(environment.PYTHON_SETTING, raising=False)
    return tmp_path / "home"


def script(path: Path, text: str) -> Path:
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def complaint(python: Path) -> str:
    with pytest.raises(UsageError) as caught:
        environment.check(python)
    return str(caught.value)


def test_no_environment_says_how_to_get_one() -> None:
    with pytest.raises(UsageError, match="COMET is not installed: run `mevals comet install`"):
        environment.find_python()


def test_a_setting_that_names_nothing_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment.PYTHON_SETTING, "/nowhere/bin/python")
    with pytest.raises(UsageError, match="MEVALS_COMET_PYTHON names /nowhere/bin/python, which does not exist"):
        environment.find_python()


def test_a_half_made_environment_is_not_found(home: Path) -> None:
    (home / "env" / "bin").mkdir(parents=True)
    (home / "env" / "bin" / "python").touch()
    with pytest.raises(UsageError, match="not installed"):
        environment.find_python()


def broken_python(folder: Path, module: str, code: str) -> Path:
    """A Python in which importing that module runs the code."""
    (folder / "packages").mkdir()
    (folder / "packages" / f"{module}.py").write_text(code)
    return script(folder / "python", f'PYTHONPATH={folder}/packages exec {sys.executable} "$@"\n')


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import pkg_resources_gone", "ModuleNotFoundError: No module named 'pkg_resources_gone'"),
        ("raise AttributeError('_ARRAY_API not found\\nsecond line')", "AttributeError: _ARRAY_API not found"),
        ("raise OSError('libcudart.so.12: cannot open shared object file')", "OSError: libcudart.so.12: cannot open"),
    ],
)
def test_a_package_that_fails_to_import_is_named_with_its_reason(tmp_path: Path, code: str, reason: str) -> None:
    said = complaint(broken_python(tmp_path, "comet", code))
    assert said.startswith(f"the COMET environment of {tmp_path}/python is broken ({reason}")
    assert said.endswith("run `mevals comet install --force`, or set MEVALS_COMET_PYTHON to another")
    assert "\n" not in said


def test_a_python_that_dies_silently_is_explained(tmp_path: Path) -> None:
    said = complaint(script(tmp_path / "python", "echo first >&2; echo 'last words' >&2; exit 7\n"))
    assert "ended with exit code 7: last words: run `mevals comet install --force`" in said


def test_a_python_that_is_killed_is_explained(tmp_path: Path) -> None:
    assert "was killed by signal 11: run" in complaint(script(tmp_path / "python", "kill -SEGV $$\n"))


def test_a_file_that_is_no_program_is_explained(tmp_path: Path) -> None:
    (tmp_path / "python").write_text("not a program")
    assert "cannot be started (Permission denied): run" in complaint(tmp_path / "python")


def test_a_worker_that_breaks_between_description_and_start_is_explained(tmp_path: Path) -> None:
    fake = Path(__file__).with_name("fake_worker.py")
    code = f'[ "$1" = --serve ] && {{ echo "no more" >&2; exit 5; }}\nexec {sys.executable} {fake} "$@"\n'
    client = CometClient(
        Settings(Model("comet", "m")), command=[str(script(tmp_path / "python", code))], folder=tmp_path
    )
    with pytest.raises(UsageError, match="ended with exit code 5: no more: run `mevals comet install --force`"):
        client.score([Segment("a", "s", "m", "r")])


def test_our_packages_do_not_leak_into_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/ours")
    monkeypatch.setenv("VIRTUAL_ENV", "/ours")
    monkeypatch.setenv("HF_TOKEN", "kept")
    found = environment.clean_environment()
    assert not {"PYTHONPATH", "VIRTUAL_ENV"} & set(found)
    assert found["HF_TOKEN"] == "kept"


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, home: Path) -> list[list[str]]:
    """The commands that installing would run, recorded instead of run."""
    ran: list[list[str]] = []
    monkeypatch.setattr(environment, "_run", ran.append)
    monkeypatch.setattr(environment, "check", lambda python: {"python": "3.11", "packages": {}})
    (home / "env").mkdir(parents=True)
    monkeypatch.setattr("shutil.rmtree", lambda *args, **kwargs: None)
    return ran


def test_uv_makes_the_environment_where_it_is_found(
    commands: list[list[str]], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "find_uv", lambda: "/bin/uv")
    python = environment.install()
    assert python == home / "env" / "bin" / "python"
    assert commands[0][:3] == ["/bin/uv", "venv", "--quiet"]
    assert commands[1][:5] == ["/bin/uv", "pip", "install", "--python", str(python)]
    assert commands[1][-2:] == ["-r", str(environment.REQUIREMENTS)]


def test_venv_and_pip_make_it_elsewhere(commands: list[list[str]], home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "find_uv", lambda: None)
    monkeypatch.setattr(environment, "_our_python", lambda: "3.11")
    environment.install()
    assert commands[0] == [sys.executable, "-m", "venv", str(home / "env")]
    assert commands[1][:4] == [str(home / "env" / "bin" / "python"), "-m", "pip", "install"]


@pytest.mark.parametrize("uv", ["/bin/uv", None])
def test_wheels_are_used_instead_of_any_index(
    commands: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uv: str | None
) -> None:
    monkeypatch.setattr(environment, "find_uv", lambda: uv)
    monkeypatch.setattr(environment, "_our_python", lambda: "3.11")
    environment.install(tmp_path)
    assert " ".join(commands[1]).count(f"--no-index --find-links {tmp_path}") == 1


def test_a_missing_folder_of_wheels_says_how_to_fill_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is no folder: fill one with `pip download -r .*requirements.txt -d"):
        environment.install(tmp_path / "none")


def test_a_python_that_comet_does_not_support_needs_uv(
    commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "find_uv", lambda: None)
    monkeypatch.setattr(environment, "_our_python", lambda: "3.14")
    with pytest.raises(UsageError, match=r"COMET needs Python 3.11 or 3.12 and this is 3.14: install uv"):
        environment.install()


def test_installing_again_changes_nothing_unless_forced(
    commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "find_uv", lambda: "/bin/uv")
    environment.install()
    assert environment.find_python() == environment.install()
    assert len(commands) == 2
    environment.install(force=True)
    assert len(commands) == 4


def test_other_requirements_make_the_environment_stale(
    commands: list[list[str]], home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment.install()
    assert environment.is_current(home / "env")
    (tmp_path / "newer.txt").write_text("unbabel-comet==3.0\n")
    monkeypatch.setattr(environment, "REQUIREMENTS", tmp_path / "newer.txt")
    assert not environment.is_current(home / "env")


def test_a_failed_step_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"could not be made: `false a b …` ended with exit code 1"):
        environment._run(["false", "a", "b", "c"])


def test_a_machine_set_up_for_pip_serves_uv_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UV_FIND_LINKS", "UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_FIND_LINKS", "/wheels /more")
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    found = environment.uv_environment()
    assert found["UV_FIND_LINKS"] == "/wheels,/more"
    assert found["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"


def test_every_requirement_is_pinned_exactly() -> None:
    lines = [line for line in environment.REQUIREMENTS.read_text().split("\n") if line and not line.startswith("#")]
    assert all(line.count("==") == 1 for line in lines)
    assert {"unbabel-comet==2.2.7", "torch==2.13.0"} <= set(lines)
