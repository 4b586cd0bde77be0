"""A browser and a built site; everything here is skipped where there is no browser, and fails for that under CI."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = os.environ.get("MEVALS_CHROMIUM", "/usr/bin/chromium")


def absent(why: str) -> None:
    """Skip, or fail where CI promises a browser."""
    if os.environ.get("CI") or os.environ.get("MEVALS_SITE_REQUIRED"):
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        absent("no browser tests without playwright: run scripts/ci_site.sh")
    if not Path(CHROMIUM).exists():
        absent(f"no browser tests without {CHROMIUM}: run scripts/ci_site.sh")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hostile results and the published numbers, built once."""
    from mevals.site.build import build_site, load_site
    from tests.site.made import hostile_results

    folder = tmp_path_factory.mktemp("site")
    build_site(load_site(hostile_results(folder / "results"), ("tiny-aya",), samples=40), folder / "out")
    return folder / "out"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def served(site: Path) -> Iterator[str]:
    """The same folder over http."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


class Visit:
    """Pages of one browser context, with all that went wrong in them and all that they asked for."""

    def __init__(self, context: Any) -> None:
        self.page = context.new_page()
        self.wrong: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda m: self.wrong.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda e: self.wrong.append(str(e)))
        self.page.on("dialog", lambda d: (self.wrong.append(f"dialog {d.message}"), d.dismiss()))
        self.page.on("request", lambda r: self.asked.append(r.url))

    def open(self, address: str) -> Any:
        self.page.goto("about:blank")
        self.page.goto(address)
        self.page.wait_for_selector("html[data-ready]")
        return self.page


@pytest.fixture
def visit(browser: Any) -> Iterator[Visit]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(15_000)
    yield Visit(context)
    context.close()
