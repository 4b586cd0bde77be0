"""Starts the worker in whatever environment runs this file: `python start.py --serve`, `--job FILE`, `--check`."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

PACKAGE = "mevals_comet_worker"


def load_package(folder: Path) -> None:
    """Make this folder importable as PACKAGE, and only so: its files must not shadow installed modules."""
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != folder]
    spec = importlib.util.spec_from_file_location(
        PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None and spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = package
    spec.loader.exec_module(package)


if __name__ == "__main__":
    load_package(Path(__file__).resolve().parent)
    sys.exit(importlib.import_module(PACKAGE + ".main").main(sys.argv[1:]))
