"""Open a file, a folder or an archive as a folder, without letting an archive write outside it or fill the disk."""

from __future__ import annotations

import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from mevals.errors import DataError

LARGEST = 4 << 30
"""Bytes that an archive may unpack to."""
MOST_FILES = 200_000


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """`path` itself where it is a folder or a plain file; the unpacked content where it is a .tar.* or .zip archive.

    Raises DataError for a missing or damaged file, or an archive that would write elsewhere or is a bomb.
    """
    if not path.exists():
        raise DataError(f"{path} does not exist")
    if path.is_dir() or not (path.name.endswith(".zip") or ".tar" in path.name or path.suffix == ".tgz"):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="mevals-") as folder:
        target = Path(folder)
        try:
            (_unzip if path.name.endswith(".zip") else _untar)(path, target)
        except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError, ValueError) as error:
            raise DataError(f"{path} can't be unpacked ({error}); it may be damaged") from None
        yield target


def _untar(path: Path, target: Path) -> None:
    total = 0
    with tarfile.open(path) as archive:
        for count, member in enumerate(archive):
            total += member.size
            _check(path, member.name, total, count)
            if not (member.isfile() or member.isdir()):
                raise DataError(f"{path} holds {member.name}, which is a link or a device; unpack it yourself and look")
            archive.extract(member, target, filter="data")


def _unzip(path: Path, target: Path) -> None:
    total = 0
    with zipfile.ZipFile(path) as archive:
        for count, member in enumerate(archive.infolist()):
            total += member.file_size
            _check(path, member.filename, total, count)
            archive.extract(member, target)


def _check(path: Path, name: str, total: int, count: int) -> None:
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or "\\" in name:
        raise DataError(f"{path} holds {name!r}, which would be written outside its folder; don't trust this archive")
    if total > LARGEST or count > MOST_FILES:
        raise DataError(f"{path} unpacks to more than {LARGEST >> 30} GB or {MOST_FILES:,} files; unpack it yourself")


def read_lines(path: Path) -> list[str]:
    """The lines of a UTF-8 text file, split on "\\n" only, without a last empty one. Raises DataError."""
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 (byte {error.start}); convert it first") from None
    lines = text.removesuffix("\n").split("\n") if text else []
    return [line.removesuffix("\r") for line in lines]
