"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder of real benchmark data, named by MEVALS_GOLDEN; the test is skipped where there is none.

    With MEVALS_GOLDEN_REQUIRED=1 (as in CI) a missing folder fails instead of skipping.
    """
    folder = os.environ.get("MEVALS_GOLDEN", "")
    if folder and Path(folder).is_dir():
        return Path(folder)
    reason = "real benchmark data is absent: set MEVALS_GOLDEN to its folder"
    if os.environ.get("MEVALS_GOLDEN_REQUIRED") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
