"""Where a model's files are and which revision they have: a repository's commit, or a hash of local files."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from .job import Failure, Model


class Checkpoint(NamedTuple):
    """A checkpoint on this machine: its file (COMET) or folder (MetricX), its revision and the inputs that it reads."""

    path: Path
    revision: str
    inputs: tuple[str, ...]


def find_checkpoint(model: Model) -> Checkpoint:
    """The model's checkpoint, fetched from the hub where it is not local.

    Failure "missing" where there is none, "gated" where its page must be visited first.
    """
    source = Path(model.source).expanduser()
    if source.exists():
        path = _local_path(model, source)
        return Checkpoint(path, hash_files(_files_of(model, path)), _inputs(model, path))
    if model.source.startswith((".", "/", "~")) or model.source.endswith(".ckpt"):
        raise Failure("missing", f"there is no checkpoint at {model.source}: check the path")
    folder = fetch(model.source, model.revision)
    path = _local_path(model, folder)
    return Checkpoint(path, folder.name, _inputs(model, path))


def fetch(repository: str, revision: str | None) -> Path:
    """The folder of a hub repository's snapshot, named for its commit; downloaded unless it is already here."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    page = f"https://huggingface.co/{repository}"
    try:
        return Path(snapshot_download(repository, revision=revision))
    except GatedRepoError as error:
        raise Failure(
            "gated",
            f"{repository} is gated: accept its conditions at {page} and log in (set HF_TOKEN), then run again",
        ) from error
    except RepositoryNotFoundError as error:
        raise Failure(
            "missing", f"the hub shows no model {repository}: check the name, or log in if it is private ({page})"
        ) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise Failure(
            "missing",
            f"{repository} is neither on this machine nor within reach: connect to {page} once, or name a local folder",
        ) from error


def _local_path(model: Model, source: Path) -> Path:
    """The checkpoint file of a COMET model, the folder of any other."""
    if model.family != "comet" or source.is_file():
        return source.resolve()
    files = sorted((source / "checkpoints").glob("*.ckpt"))
    preferred = source / "checkpoints" / "model.ckpt"
    if preferred in files or len(files) == 1:
        return (preferred if preferred in files else files[0]).absolute()
    raise Failure(
        "missing", f"{source} must hold checkpoints/model.ckpt and hparams.yaml: name such a folder or the file"
    )


def _files_of(model: Model, path: Path) -> list[Path]:
    """Every file that decides a local model's scores."""
    if model.family == "comet":
        return [path, path.parent.parent / "hparams.yaml"]
    return sorted(file for file in path.iterdir() if file.is_file())


def hash_files(files: list[Path]) -> str:
    """`sha256:` and 40 hex digits over the files' names and bytes."""
    total = hashlib.sha256()
    for file in files:
        if not file.is_file():
            raise Failure("missing", f"{file} is missing from the checkpoint: copy the whole folder")
        content = hashlib.sha256()
        with file.open("rb") as data:
            while chunk := data.read(1 << 22):
                content.update(chunk)
        total.update(file.name.encode() + b"\0" + content.digest())
    return "sha256:" + total.hexdigest()[:40]


def read_settings(checkpoint: Path) -> dict[str, Any]:
    """What hparams.yaml says beside a COMET checkpoint."""
    import yaml

    path = checkpoint.parent.parent / "hparams.yaml"
    if not path.is_file():
        raise Failure("missing", f"{path} is missing from the checkpoint: copy the whole folder")
    settings: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return settings


def _inputs(model: Model, path: Path) -> tuple[str, ...]:
    """Which of "src" and "ref" the model reads beside the translation."""
    able: tuple[str, ...] = ("src", "ref")
    if model.family == "comet":
        settings = read_settings(path)
        kind = settings.get("class_identifier", "")
        if kind.startswith("referenceless"):
            able = ("src",)
        elif kind == "unified_metric":
            able = tuple(sorted(set(settings["input_segments"]) - {"mt"}, reverse=True))
        joint = kind in ("unified_metric", "xcomet_metric")
        if model.reference is False and able == ("src", "ref") and not joint:
            raise Failure("value", f"{model.source} cannot score without references: choose a quality-estimation model")
    if model.reference and "ref" not in able:
        raise Failure("value", f"{model.source} reads no references: leave them out")
    return tuple(name for name in able if name != "ref" or model.reference is not False)
