"""languages.csv is what its script builds from the published sources, and agrees with the report and with FLORES text."""

from __future__ import annotations

import csv
import importlib.util
import os
import sys
import tarfile
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from mevals import languages

pytestmark = pytest.mark.golden
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def paper(golden: Path) -> Path:
    """The folder with the report's tables: $MEVALS_PAPER, else `paper` beside the folder of real data."""
    folder = Path(os.environ.get("MEVALS_PAPER", golden.parent / "paper"))
    if (folder / "languages.csv").exists():
        return folder
    reason = f"the report's tables are absent: {folder} has no languages.csv (set MEVALS_PAPER)"
    if os.environ.get("MEVALS_GOLDEN_REQUIRED") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """scripts/build_languages.py as a module."""
    spec = importlib.util.spec_from_file_location("build_languages", ROOT / "scripts" / "build_languages.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["build_languages"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def flores(golden: Path) -> dict[str, str]:
    """Text of each FLORES-200 devtest file by its code."""

    def texts() -> Iterator[tuple[str, str]]:
        with tarfile.open(next((golden / "flores200_devtest").glob("*.tar.xz"))) as tar:
            for member in tar:
                if member.name.endswith(".devtest") and (file := tar.extractfile(member)):
                    yield Path(member.name).stem, file.read().decode("utf-8")

    return dict(texts())


def test_the_shipped_file_is_what_the_script_builds_from_the_sources(
    script: ModuleType, golden: Path, paper: Path
) -> None:
    built = script.build(paper, golden / "langmeta", golden / "flores200_devtest")
    assert built.encode() == (ROOT / "mevals" / "data" / "languages.csv").read_bytes()


def test_every_row_of_the_reports_table_agrees_with_ours(paper: Path) -> None:
    with (paper / "languages.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 90
    for said in rows:
        ours = languages.resolve(said["code"], "tinyaya_70") if said["tinyaya_supported"] == "yes" else None
        ours = ours or languages.get(said["flores_code"])
        assert ours.key == (said["flores_code"] or "pcm_Latn")
        assert ours.pages == (int(said["cc_pages"]) if said["cc_pages"] else None)
        assert (ours.lid176 != "") == (said["lid176_supported"] == "yes")
        assert (ours.region_source == "paper") == (said["in_paper_table1"] == "yes")
        if said["tinyaya_supported"] == "yes":
            assert ours.region == said["region"]


def test_every_flores_language_resolves(flores: dict[str, str]) -> None:
    assert len(flores) == 204
    assert {code for code in flores if languages.resolve(code, "flores200").key != languages.get(code).key} == set()


def test_native_digits_in_flores_text_are_of_the_registered_set(flores: dict[str, str]) -> None:
    strangers = {}
    for code, text in flores.items():
        digits = Counter(c for c in text if c.isdecimal() and not c.isascii())
        own = languages.native_digits(languages.get(code))
        foreign = sum(n for c, n in digits.items() if c not in own)
        share = foreign / max(1, sum(c.isdecimal() for c in text))
        if share > 0.01:
            strangers[code] = round(share, 3)
    # Acehnese in Arabic script and Kashmiri mix both Arabic sets.
    assert strangers == {"ace_Arab": 0.127, "kas_Arab": 0.02}


def test_unspaced_languages_have_few_spaces_in_flores_text(flores: dict[str, str]) -> None:
    """White-space tokens a sentence: at most 11 in unspaced scripts, more in all others."""
    few = {code for code, text in flores.items() if len(text.split()) / 1012 < 11}
    assert {languages.get(code).key for code in few} == {
        key for key, row in languages.load().items() if row.unspaced and "flores200" in row.benchmarks
    }


def test_flores_text_is_mostly_in_the_script_of_its_row(flores: dict[str, str]) -> None:
    prefix: dict[str, tuple[str, ...]] = {
        "Hans": ("CJK",),
        "Hant": ("CJK",),
        "Jpan": ("CJK", "HIRAGANA", "KATAKANA"),
        "Orya": ("ORIYA",),
    }
    for code, text in flores.items():
        row = languages.get(code)
        wanted = prefix.get(row.script, (languages.SCRIPT_NAMES[row.script].split()[0].upper(),))
        letters = [c for c in text[:20_000] if c.isalpha()]
        own = sum(unicodedata.name(c, "").startswith(wanted) for c in letters)
        assert own / len(letters) > 0.75, code
