"""The site's folder without a browser: every number, every escape, every size, and what submissions are refused."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import pytest

from mevals.aggregate import load_cells
from mevals.errors import DataError, UsageError
from mevals.report.table import View, make_rows, shown
from mevals.site.build import MARK, build_site, load_site
from mevals.site.data import MEANS, rows_for, worst_five
from mevals.site.safe import clean, file_name, plain_name, script_json, shard, web_link
from mevals.submissions import merge_results, pack_results, verify_results
from tests.site.made import HOSTILE, RAN, edit_value, hostile_results

ELEMENTS = {"html", "head", "meta", "title", "link", "script", "body", "a", "header", "nav", "main", "h1", "h2", "h3", "p", "strong", "span", "div", "section", "table", "caption", "thead", "tbody", "tr", "th", "td", "small", "b", "footer", "dl", "dt", "dd", "details", "summary", "code", "ul", "li", "noscript", "bdi"}  # fmt: skip
ATTRIBUTES = {
    "lang",
    "charset",
    "http-equiv",
    "content",
    "name",
    "rel",
    "href",
    "src",
    "defer",
    "class",
    "id",
    "tabindex",
    "role",
    "aria-label",
    "aria-live",
    "aria-current",
    "scope",
    "hidden",
    "dir",
    "colspan",
    "data-root",
    "data-page",
    "data-col",
    "data-better",
    "data-v",
    "data-lo",
    "data-hi",
    "data-label",
    "data-model",
    "data-size",
    "data-license",
    "data-open",
    "data-shard",
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile_results(tmp_path_factory.mktemp("hostile") / "results")


@pytest.fixture(scope="module")
def built(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("built") / "site"
    build_site(load_site(results, ("tiny-aya",), samples=40), out)
    return out


class Board(HTMLParser):
    """Elements, attributes and links of a page, and each board cell's bold text by (model, column)."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.cells: dict[tuple[str, str], str] = {}
        self.small: dict[tuple[str, str], list[str]] = {}
        self._model = self._column = self._tag = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.elements.add(tag)
        self.attributes |= set(given)
        self.links += [v or "" for k, v in attrs if k in ("href", "src")]
        self._model = given.get("data-model") or self._model
        self._column = (given.get("data-col") or "") if tag == "td" else self._column
        self._tag = tag

    def handle_data(self, data: str) -> None:
        if self._column and self._tag == "b" and data.strip():
            self.cells[self._model, self._column] = data
        if self._column and self._tag == "small" and data.strip():
            self.small.setdefault((self._model, self._column), []).append(data)

    def handle_endtag(self, tag: str) -> None:
        self._tag = ""


def test_every_number_of_the_overview_is_the_one_of_the_report(results: Path, built: Path) -> None:
    from mevals.site.data import column_of

    page = Board((built / "index.html").read_text())
    rows = make_rows(load_cells(results), View("all"))
    said = {(file_name(r.model), column_of(r).id): r for r in rows}
    assert page.cells == {k: shown(r, r.mean) for k, r in said.items() if r.mean is not None}
    for key, row in said.items():
        ends = f"{shown(row, row.low)} … {shown(row, row.high)}" if row.low is not None else "no interval"
        assert page.small[key] == [ends, f"{row.n} of {row.of}"]


@pytest.mark.parametrize("by", ["all", "region", "script", "web-presence"])
@pytest.mark.parametrize("mean", ["common", "all", "population"])
def test_every_number_that_a_switch_shows_is_the_one_of_the_report(
    results: Path, built: Path, by: str, mean: str
) -> None:
    from mevals.site.data import column_of

    content = _shard(built / f"data/measured/{by}.js")[mean]
    view = View(by, common=mean != "all", weights="population" if mean == "population" else "")
    rows = make_rows(load_cells(results), view)
    found = {(g, m, c): r[:3] for g, models in content.items() for m, cols in models.items() for c, r in cols.items()}
    assert found == {
        (r.group, file_name(r.model), column_of(r).id): [
            shown(r, r.mean) if r.mean is not None else "",
            "" if r.low is None else shown(r, r.low),
            "" if r.high is None else shown(r, r.high),
        ]
        for r in rows
    }


def test_every_reported_number_is_the_one_of_the_report(built: Path) -> None:
    from mevals.report import reported
    from mevals.site.data import column_of

    page = Board((built / "reported.html").read_text())
    rows = make_rows(reported.cells("tiny-aya"), View("all"))
    assert page.cells == {
        (file_name(r.model), column_of(r).id): shown(r, r.mean) for r in rows if r.mean is not None
    }  # fmt: skip
    assert len(page.cells) > 20


def test_no_element_attribute_or_link_on_any_page_comes_from_data(built: Path) -> None:
    for path in built.rglob("*.html"):
        text = path.read_text()
        page = Board(text)
        assert page.elements <= ELEMENTS, (path.name, page.elements - ELEMENTS)
        assert page.attributes <= ATTRIBUTES, (path.name, page.attributes - ATTRIBUTES)
        assert text.count("<script") == 1, path.name
        outside = [u for u in page.links if re.match(r"[a-z]+:|//", u) and u != "data:,"]
        assert all(u.startswith(("https://", "http://")) for u in outside), (path.name, outside)
        assert "javascript:" not in "".join(page.links)


def test_every_link_between_pages_leads_somewhere(built: Path) -> None:
    for path in built.rglob("*.html"):
        for link in Board(path.read_text()).links:
            if not re.match(r"[a-z]+:|#", link):
                assert (path.parent / link.split("#")[0]).exists(), (path.name, link)


def test_every_page_forbids_all_but_its_own_files(built: Path) -> None:
    for path in built.rglob("*.html"):
        policy = re.search(r'Content-Security-Policy" content="([^"]+)"', path.read_text())
        assert policy and "default-src &#39;none&#39;" in policy[1] and "unsafe" not in policy[1]


def test_shards_are_ascii_without_markup_and_under_a_megabyte(built: Path) -> None:
    paths = list((built / "data").rglob("*.js"))
    assert any("samples" in p.parts for p in paths)
    for path in paths:
        content = path.read_bytes()
        assert content.isascii() and b"<" not in content and b"&" not in content and b">" not in content
        if "samples" in path.parts:
            assert len(content) <= 1_000_000


def test_every_hostile_output_arrives_unchanged_in_its_shard(built: Path) -> None:
    found = {i["answer"] for p in (built / "data/samples").rglob("*.js") for i in _shard(p)["items"]}
    assert len(HOSTILE) >= 60
    for text in HOSTILE:
        assert (text if len(text) <= 20_000 else f"{text[:20_000]}… (cut: {len(text):,} characters)") in found


def test_text_that_may_not_be_passed_on_never_leaves_the_results(tmp_path: Path) -> None:
    results = hostile_results(tmp_path / "results", redistributable=False)
    build_site(load_site(results, (), samples=40), tmp_path / "site")
    for path in (tmp_path / "site").rglob("*.*"):
        assert "SECRET" not in path.read_text(), path
    items = [i for p in (tmp_path / "site/data/samples").rglob("*.js") for i in _shard(p)["items"]]
    assert items and all(set(i) == {"model", "metric", "subset", "id", "score"} for i in items)
    pack_results(results, tmp_path / "p.zip")
    with zipfile.ZipFile(tmp_path / "p.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    from mevals.records import read_responses

    for path in (tmp_path / "unpacked").glob("*/*/responses/*.parquet"):
        assert all(r.text is None and not r.messages and not r.targets for r in read_responses(path).rows)
    assert not any("SECRET" in p.read_text() for p in (tmp_path / "unpacked").glob("*/*/manifest.json"))


def test_first_load_is_small(built: Path) -> None:
    first = [built / "index.html", built / "assets/site.css", built / "assets/site.js"]
    assert sum(len(gzip.compress(p.read_bytes())) for p in first) <= 150_000


def test_a_missing_cell_is_hatched_with_its_reason(built: Path) -> None:
    assert re.search(r'class="missing"><small>(not run|[a-z ]+)</small>', (built / "reported.html").read_text())


def test_the_worst_five_are_the_lowest_of_the_common_set(results: Path) -> None:
    cells = load_cells(results)
    rows = {r.model: r for r in rows_for(cells, "all", "worst")}
    assert all(r.n == 3 for r in rows.values())
    two = [c for c in worst_five(cells, "all", five=1) if c["model"] == "plain"]
    values = {c["subset"]: c["metrics"][0]["value"] for c in cells if c["model"] == "plain"}
    assert [c["subset"] for c in two] == [min(values, key=lambda s: (values[s], s))]
    assert set(MEANS) == {"common", "all", "worst", "population"}


@pytest.mark.parametrize(
    "address",
    ["javascript:x", "data:text/html,x", "//evil.example", "https:evil", " JaVaScRiPt:x", "vbscript:x", "", None],
)
def test_only_web_addresses_are_linked(address: str | None) -> None:
    assert web_link(address) == ""


def test_names_and_texts_are_cleaned() -> None:
    assert clean("a\x00b\ud800c") == "a\ufffdb\ufffdc"
    assert plain_name("\u202ea\u200bb\n c") == "ab c"
    assert len(plain_name("x" * 10_000)) == 80
    assert file_name("a/b") != file_name("a?b") and re.fullmatch(r"[A-Za-z0-9._-]+", file_name("../<x>\ud800"))
    assert file_name("Demo") != file_name("demo")
    assert script_json("</script>\u2028&\ud800") == '"\\u003c/script\\u003e\\u2028\\u0026\\ud800"'
    assert shard("a", {"b": 1}) == 'mevals.put("a",{"b":1});\n'


def test_a_folder_that_mevals_did_not_build_is_left_alone(results: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="did not build"):
        build_site(load_site(results, ()), tmp_path)
    assert (tmp_path / "thesis.txt").exists() and not (tmp_path / MARK).exists()


def test_nothing_to_show_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to show"):
        load_site(tmp_path, ())


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real run of the simulated model on one task and two languages."""
    import sys

    from mevals.cli import main

    folder = tmp_path_factory.mktemp("demo") / "results"
    before = sys.argv
    sys.argv = ["mevals", "run", "--model", "demo", "--tasks", "global_mgsm", "--langs", "urd_Arab,tha_Thai", "--data", "mini", "--results", str(folder)]  # fmt: skip
    try:
        main()
    except SystemExit as end:
        assert not end.code
    finally:
        sys.argv = before
    return folder


def test_an_honest_submission_verifies_and_merges_once(demo: Path, tmp_path: Path) -> None:
    pack_results(demo, tmp_path / "mine.zip")
    verdict = verify_results(tmp_path / "mine.zip")
    assert (verdict.recomputed, verdict.rescored >= 2) == (verdict.cells, True)
    merge_results(tmp_path / "mine.zip", tmp_path / "board")
    assert load_cells(tmp_path / "board") == load_cells(demo)
    with pytest.raises(UsageError, match="already"):
        merge_results(tmp_path / "mine.zip", tmp_path / "board")


def test_an_edited_number_is_refused(demo: Path, tmp_path: Path) -> None:
    edited = shutil.copytree(demo, tmp_path / "edited")
    edit_value(next(edited.glob("*/*/cells.json")), 0.97)
    with pytest.raises(DataError, match="edited number is refused"):
        verify_results(edited)


def test_edited_scores_are_refused_even_where_the_cells_agree_with_them(demo: Path, tmp_path: Path) -> None:
    from mevals.aggregate import aggregate
    from mevals.records import read_meta, read_scores
    from mevals.store import Store

    edited = shutil.copytree(demo, tmp_path / "edited")
    path = sorted(edited.glob("*/*/scores/accuracy*/*.parquet"))[0]
    meta, scores = read_meta(path), read_scores(path)
    from mevals.types import Score

    write = [Score(i, 1.0, d) for i, d in zip(scores.ids, scores.details, strict=True)]
    from mevals.records import write_scores

    write_scores(path, write, {k: v for k, v in meta.items() if k != "schema"})
    next(edited.glob("*/*/cells.json")).unlink()
    aggregate(Store(edited))
    with pytest.raises(DataError, match="edited score is refused"):
        verify_results(edited)


@pytest.mark.parametrize("name", ["../evil.txt", "/etc/x", "a/b/c.sh", "a/../manifest.json", "a/b/responses/x.py"])
def test_an_archive_with_strange_paths_is_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(name, RAN)
    with pytest.raises(DataError, match="no part of results"):
        verify_results(tmp_path / "x.zip")


def _shard(path: Path) -> dict:  # type: ignore[type-arg]
    text = path.read_text()
    return dict(json.loads("[" + text.removeprefix("mevals.put(").removesuffix(");\n") + "]")[1])
