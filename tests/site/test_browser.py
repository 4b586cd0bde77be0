"""The site in a real browser: nothing hostile runs, state is in the link, keys do everything, axe finds nothing serious."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.site.conftest import Visit, absent

pytestmark = pytest.mark.site

PAGES = ["index.html", "regions.html", "scripts.html", "web-presence.html", "languages.html", "languages/urd_Arab.html",
         "models/plain.html", "tasks/quiz.html", "compare.html", "methodology.html", "reported.html"]  # fmt: skip


@pytest.fixture(params=["file", "http"])
def root(request: pytest.FixtureRequest, site: Path) -> str:
    return site.as_uri() + "/" if request.param == "file" else request.getfixturevalue("served")


def test_hostile_text_runs_nothing_asks_nothing_and_breaks_no_page(visit: Visit, site: Path, root: str) -> None:
    pages = [p.relative_to(site).as_posix() for p in sorted(site.rglob("*.html")) if "languages/" not in p.as_posix()]
    pages += [f"languages/{key}.html" for key in ("urd_Arab", "eng_Latn", "khm_Khmr")]
    for path in pages:
        page = visit.open(root + path)
        page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
        for _ in range(2):
            page.wait_for_timeout(100)
        if "languages/" in path and page.locator("details[data-shard]").count():
            page.wait_for_function(
                "[...document.querySelectorAll('details[data-shard] .shard')].every(s => s.querySelector('.sample'))"
            )
            assert page.locator(".sample").count() > 20
        assert page.evaluate("window.owned") is None, path
        assert page.title() != "owned", path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), (
            f"{path} is wider than the window"
        )
        assert (
            page.evaluate(
                "document.querySelectorAll('main iframe, main img, main object, main embed, main form, main base, main style, main script').length"
            )
            == 0
        )
    assert visit.wrong == []
    assert [u for u in visit.asked if not u.startswith((root, "about:"))] == []


def test_a_link_with_state_restores_the_view(visit: Visit, root: str) -> None:
    page = visit.open(root + "reported.html")
    page.get_by_label("Find a model").fill("aya")
    page.locator("select[name=group]").select_option("region~Africa")
    page.locator("select[name=mean]").select_option("worst")
    page.locator("select[name=view]").select_option("dots")
    page.locator("#board thead button.sort").nth(1).click()
    page.locator("#board tbody button.pin").nth(1).click()
    page.wait_for_selector("#view svg circle")
    page.wait_for_timeout(200)
    seen = page.locator("#board tbody").inner_text(), page.locator("#view").inner_html()
    other = visit.open(page.url)
    other.wait_for_selector("#view svg circle")
    other.wait_for_timeout(200)
    assert (other.locator("#board tbody").inner_text(), other.locator("#view").inner_html()) == seen
    assert other.locator("select[name=group]").input_value() == "region~Africa"
    assert visit.wrong == []


def test_the_table_is_there_without_a_script(browser: Any, site: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((site / "index.html").as_uri())
    assert page.locator("#board tbody tr").count() == 4
    assert re.search(r"\d+\.\d", page.locator("#board tbody").inner_text())
    context.close()


def test_keys_alone_sort_filter_open_a_cell_and_reach_compare(visit: Visit, root: str) -> None:
    page = visit.open(root + "index.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    _tab_to(page, "document.activeElement.matches('button.sort')")
    page.keyboard.press("Enter")
    page.wait_for_selector("th[aria-sort]")
    first = page.locator("#board tbody tr th").first.inner_text()
    page.keyboard.press("Enter")
    page.wait_for_selector("th[aria-sort=descending]")
    assert page.locator("#board tbody tr th").first.inner_text() != first
    _tab_to(page, "document.activeElement.matches('a.cell')")
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    assert page.evaluate("document.activeElement.matches('a.cell')")
    page = visit.open(root + "index.html")
    _tab_to(page, "document.activeElement.type === 'search'")
    page.keyboard.type("plain")
    page.wait_for_function("document.querySelectorAll('#board tbody tr:not([hidden])').length === 1")
    page = visit.open(root + "index.html")
    _tab_to(page, "document.activeElement.textContent === 'Compare'")
    page.keyboard.press("Enter")
    page.wait_for_url("**/compare.html")
    assert visit.wrong == []


def _tab_to(page: Any, condition: str) -> None:
    for _ in range(80):
        if page.evaluate(condition):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no key press leads to {condition}")


def test_downloads_hold_what_is_in_view(visit: Visit, root: str) -> None:
    page = visit.open(root + "reported.html")
    for name, holds in (("CSV", "model,column"), ("JSON", '"rows"'), ("BibTeX", "@misc"), ("SVG", "<svg"), ("PNG", "")):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=name, exact=True).click()
        content = Path(waiting.value.path()).read_bytes()
        assert content.startswith(b"\x89PNG") if name == "PNG" else holds in content.decode()
    assert visit.wrong == []


def test_invisible_characters_can_be_seen_and_directions_hold(visit: Visit, root: str) -> None:
    page = visit.open(root + "languages/urd_Arab.html")
    assert page.locator("h1 [lang=ur]").get_attribute("dir") == "rtl"
    page.evaluate("document.querySelector('details[data-shard]').open = true")
    page.wait_for_selector(".sample .text")
    box = page.locator(".sample .text").first
    assert box.get_attribute("dir") == "auto" and box.get_attribute("lang") == "ur"
    assert "Nastaliq" in box.evaluate("n => getComputedStyle(n).fontFamily")
    page.evaluate(
        "for (const b of document.querySelectorAll('.sample button')) if (b.textContent.startsWith('Reveal')) b.click()"
    )
    shown = set(page.locator(".inv").all_inner_texts())
    assert shown & {"U+200B", "U+202E", "U+0000", "U+2028", "U+FEFF"}
    assert visit.wrong == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Any, site: Path, scheme: str) -> None:
    axe = os.environ.get("MEVALS_AXE", "")
    if not axe or not Path(axe).exists():
        absent("axe-core is absent: run scripts/ci_site.sh, or set MEVALS_AXE to its axe.min.js")
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    found = []
    compared = sorted(p.relative_to(site).as_posix() for p in site.glob("compare/*.html"))[:1]
    for path in [*PAGES, *compared, "index.html#view=heat", "reported.html#view=dots&of="]:
        page.goto("about:blank")
        page.goto(site.as_uri() + "/" + path)
        page.wait_for_selector("html[data-ready]")
        page.evaluate("for (const d of [...document.querySelectorAll('details')].slice(0, 12)) d.open = true")
        page.wait_for_timeout(300)
        page.add_script_tag(path=axe)
        result = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']})")
        found += [
            (path, v["id"], v["nodes"][0]["html"][:160]) for v in result["violations"] if v["impact"] in ("serious", "critical")
        ]  # fmt: skip
    context.close()
    assert found == []


@pytest.mark.parametrize("media", [{"media": "print"}, {"reduced_motion": "reduce"}])
def test_print_and_reduced_motion_keep_the_numbers(visit: Visit, root: str, media: dict[str, Any]) -> None:
    visit.page.emulate_media(**media)
    page = visit.open(root + "index.html")
    assert page.locator("#board tbody tr:visible").count() == 4
    assert page.locator("#controls:visible").count() == (0 if "media" in media else 1)


def test_a_phone_scrolls_tables_not_the_page(browser: Any, site: Path) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    for path in PAGES:
        page.goto((site / path).as_uri())
        page.wait_for_selector("html[data-ready]")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), path
    context.close()
