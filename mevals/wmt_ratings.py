"""Human ratings and published metric scores of the WMT general translation task, read as they were published."""

from __future__ import annotations

import csv
import io
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mevals.errors import DataError

Floats = npt.NDArray[np.float64]

LANGS: Mapping[str, str] = {
    "eng": "en",
    "ces": "cs",
    "hin": "hi",
    "zho": "zh",
    "jpn": "ja",
    "rus": "ru",
    "ukr": "uk",
    "deu": "de",
    "isl": "is",
    "spa": "es",
}
"""The files' codes -> those of WMT's pair names."""

COLUMNS = 12


@dataclass(frozen=True, slots=True)
class Rating:
    """One score from 0 to 100 (Error Span Annotation) of one segment. `segment` is its line number, from 1, as text."""

    pair: str
    system: str
    segment: str
    document: str
    annotator: str
    wave: str
    score: float
    finished: float

    @property
    def domain(self) -> str:
        """The domain that the document's name says: test-en-news_… is news."""
        found = re.match(r"test-[a-z]+-([a-z]+)_", self.document)
        return found[1] if found else ""


@dataclass(frozen=True, slots=True)
class HumanScores:
    """Mean ratings (systems, segments) of one pair, NaN where unrated, with each segment's domain."""

    pair: str
    systems: tuple[str, ...]
    segments: tuple[str, ...]
    domains: tuple[str, ...]
    scores: Floats

    def system_scores(self) -> dict[str, float]:
        """Each system's score as WMT24 ranks by it: the mean over domains of the mean over their segments."""
        labels = np.array(self.domains)
        by_domain = [np.nanmean(self.scores[:, labels == domain], axis=1) for domain in sorted(set(self.domains))]
        return dict(zip(self.systems, np.mean(by_domain, axis=0).tolist(), strict=True))

    def without(self, systems: Iterable[str]) -> HumanScores:
        """The same without some systems, such as the references that a metric compares with."""
        left = set(systems)
        kept = [i for i, name in enumerate(self.systems) if name not in left]
        return HumanScores(
            self.pair, tuple(self.systems[i] for i in kept), self.segments, self.domains, self.scores[kept]
        )


def read_esa(path: Path) -> list[Rating]:
    """The ratings in a WMT24 ESA file, or in every `*wave*.csv` of a folder or tar archive.

    As in the task's own analysis, quality checks (rows that are not TGT), tutorials, documents shown twice (#dup) or to
    fill up an account (#incomplete) are left out, and of several ratings of one segment by one annotator the last counts.
    """
    latest: dict[tuple[str, str, str, str, str], Rating] = {}
    for name, text in _csv_texts(path):
        for number, row in enumerate(csv.reader(io.StringIO(text)), 1):
            if len(row) != COLUMNS:
                raise DataError(f"{name}, line {number}: an ESA rating has {COLUMNS} columns, this line has {len(row)}")
            if row[3] != "TGT" or "tutorial" in row[1] or "#" in row[7] or row[7] == "canary":
                continue
            rating = _rating(row, name, number)
            key = (rating.wave, rating.annotator, rating.pair, rating.system, rating.segment)
            if key not in latest or latest[key].finished <= rating.finished:
                latest[key] = rating
    return list(latest.values())


def _rating(row: Sequence[str], name: str, number: int) -> Rating:
    annotator, system, item, _, source, target, score, document, *_, finished = row
    try:
        pair = f"{LANGS[source]}-{LANGS[target]}"
        # the items count lines from 0, of which the first is the canary
        return Rating(pair, system, str(int(item) + 1), document, annotator, name, float(score), float(finished))
    except (KeyError, ValueError) as problem:
        raise DataError(f"{name}, line {number}: not an ESA rating ({problem})") from problem


def _csv_texts(path: Path) -> Iterator[tuple[str, str]]:
    """Name and text of each file of ratings."""
    if path.is_dir():
        files = sorted(path.glob("*wave*.csv"))
    elif path.suffix == ".csv":
        files = [path]
    elif path.is_file():
        with tarfile.open(path) as tar:
            for member in sorted(tar.getmembers(), key=lambda m: m.name):
                content = tar.extractfile(member) if re.search(r"wave[^/]*\.csv$", member.name) else None
                if content is not None:
                    yield Path(member.name).name, content.read().decode("utf-8")
        return
    else:
        files = []
    if not files:
        raise DataError(f"{path} holds no ESA ratings: give a wave's csv file, a folder of them or an archive")
    for file in files:
        yield file.name, file.read_text(encoding="utf-8")


def human_scores(ratings: Iterable[Rating], pair: str) -> HumanScores:
    """The ratings of one pair as a table; several ratings of a segment are averaged. DataError where there are none."""
    cells: dict[tuple[str, str], list[float]] = {}
    domains: dict[str, str] = {}
    for rating in ratings:
        if rating.pair == pair:
            cells.setdefault((rating.system, rating.segment), []).append(rating.score)
            domains[rating.segment] = rating.domain
    if not cells:
        raise DataError(f"there are no human ratings of {pair} here")
    systems = sorted({system for system, _ in cells})
    segments = sorted(domains, key=int)
    scores = np.array([[np.mean(cells.get((system, seg), [np.nan])) for seg in segments] for system in systems])
    return HumanScores(pair, tuple(systems), tuple(segments), tuple(domains[seg] for seg in segments), scores)


@dataclass(frozen=True, slots=True)
class Published:
    """One system of a WMT automatic ranking: MetricX (lower is better), CometKiwi (higher is better) and the ranks."""

    pair: str
    system: str
    metricx: float
    cometkiwi: float
    rank_metricx: float
    rank_cometkiwi: float
    autorank: float


def read_autorank(path: Path) -> list[Published]:
    """The rows of a WMT24 automatic ranking (columns pair, system, metricx, cometkiwi, rank_…, AutoRank).

    CometKiwi is published with its sign turned, and is turned back here. A dagger after a system's name is dropped.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    try:
        return [
            Published(
                row["pair"],
                row["system"].split(" ")[0],
                float(row["metricx"]),
                -float(row["cometkiwi"]),
                float(row["rank_metricx"]),
                float(row["rank_cometkiwi"]),
                float(row["AutoRank"]),
            )
            for row in rows
        ]
    except (KeyError, ValueError) as problem:
        raise DataError(f"{path} is no table of automatic ranks ({problem})") from problem
