"""`make docs`: the site is built without a warning, and needs nothing from elsewhere."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Final

import pytest
import yaml
from playwright.async_api import expect

from spec import load_asyncapi, load_openapi
from tests.support.chromium import open_page
from tests.support.ilo_process import ROOT

BUILD_S: Final = 120.0
# Elements that a browser fetches something for, and where they say what.
FETCHES: Final = {
    **dict.fromkeys(("script", "img", "iframe", "embed", "audio", "video", "source"), "src"),
    "link": "href",
    "object": "data",
}
# Links of these kinds only say something about the page.
SAYS_ONLY: Final = frozenset({"canonical", "prev", "next", "edit"})
STYLE_URL: Final = re.compile(r"(?:url\(|@import)\s*[\"']?([^\"')\s;]+)")


def build(docs: Path | None = None, *, into: Path) -> subprocess.CompletedProcess[str]:
    """Build the site as `make docs` does; of ``docs`` where it is given."""
    config = ROOT / "mkdocs.yml"
    if docs is not None:
        text = config.read_text("utf-8").replace("docs_dir: docs", f"docs_dir: {docs}")
        text = text.replace("hooks: [", f"hooks: [{ROOT}/")
        config = into.parent / "mkdocs.yml"
        config.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(into)]
    return subprocess.run(
        [*command, "--config-file", str(config)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=BUILD_S,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    into = tmp_path_factory.mktemp("docs") / "site"
    done = build(into=into)
    assert (done.returncode, "WARNING" in done.stderr) == (0, False), done.stderr
    return into


class _Fetched(HTMLParser):
    """Collects what a page makes a browser fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = dict(attrs)
        self._in_style = tag == "style"
        says_only = tag == "link" and has.get("rel") in SAYS_ONLY
        if tag in FETCHES and not says_only and (url := has.get(FETCHES[tag])):
            self.urls.append(url)
        self.urls += [part.split()[0] for part in (has.get("srcset") or "").split(",") if part]
        self.urls += STYLE_URL.findall(has.get("style") or "")

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.urls += STYLE_URL.findall(data)


def fetched(html: str) -> list[str]:
    parser = _Fetched()
    parser.feed(html)
    return parser.urls


def is_foreign(url: str) -> bool:
    return re.match(r"(?:[a-z]+:)?//", url, re.IGNORECASE) is not None


def test_no_page_and_no_style_fetches_anything_from_elsewhere(site: Path) -> None:
    pages = {file: fetched(file.read_text("utf-8")) for file in site.rglob("*.html")}
    styles = {file: STYLE_URL.findall(file.read_text("utf-8")) for file in site.rglob("*.css")}

    everything = {**pages, **styles}
    assert [
        (file, url) for file, urls in everything.items() for url in urls if is_foreign(url)
    ] == []
    # The eyes are open: each page has a style and a script of the site's own.
    assert len(pages) > 20
    assert all(len(urls) >= 2 for urls in pages.values())


def test_what_a_page_fetches_from_elsewhere_is_seen() -> None:
    page = """<link rel="canonical" href="https://fine.invalid/"><a href="https://fine.invalid/">x</a>
        <script src="https://a.invalid/x.js"></script><link rel="stylesheet" href="//b.invalid/">
        <img srcset="HTTP://c.invalid/x.png 2x"><style>@import "https://d.invalid/";</style>
        <p style="background: url('https://e.invalid/')"></p>"""

    foreign = [url for url in fetched(page) if is_foreign(url)]

    assert [re.sub(r".*//(.).*", r"\1", url) for url in foreign] == ["a", "b", "c", "d", "e"]


def test_the_contracts_can_be_downloaded_as_they_are(site: Path) -> None:
    for name in ("openapi.yaml", "asyncapi.yaml"):
        assert (site / "reference" / name).read_bytes() == (ROOT / "spec" / name).read_bytes()


def test_the_references_name_everything_in_the_contracts(site: Path) -> None:
    rest = (site / "reference" / "rest.html").read_text("utf-8")
    relay = (site / "reference" / "relay.html").read_text("utf-8")

    openapi, asyncapi = load_openapi(), load_asyncapi()
    operations = [
        operation["operationId"]
        for path in openapi["paths"].values()
        for method, operation in path.items()
        if method != "parameters"
    ]
    assert len(operations) > 10
    assert [name for name in operations if f'id="operation-{name}"' not in rest] == []
    codes = asyncapi["channels"]["room"]["x-close-codes"]
    assert [close["code"] for close in codes if str(close["code"]) not in relay] == []


def test_the_command_line_is_what_the_program_says(site: Path) -> None:
    page = (site / "reference" / "command-line.html").read_text("utf-8")

    for command in ("ilo-serve", "ilo-relay", "ilo-config-example", "ilo-cert", "ilo-key-revoke"):
        assert f'id="{command}"' in page
    assert "--own-store" in page


def test_marks_for_the_tests_are_not_shown(site: Path) -> None:
    pages = "".join(file.read_text("utf-8") for file in site.rglob("*.html"))

    assert "<!-- frame" not in pages
    assert "&lt;!-- " not in pages


MISTAKES: Final = {
    "[gone](gone.md)": "gone.md",
    "[nowhere](security.md#nowhere)": "#nowhere",
    "[root](/security.html)": "/security.html",
    "[folder](how-to/)": "how-to/",
}


def test_each_link_to_nowhere_ends_the_build(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))["nav"]
    for file in _named(nav):
        page = docs / file
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(f"# {file}\n", encoding="utf-8")
    (docs / "index.md").write_text("\n\n".join(["# Home", *MISTAKES]), encoding="utf-8")

    done = build(docs, into=tmp_path / "site")

    warnings = [
        line for line in done.stderr.splitlines() if "WARNING" in line and "index.md" in line
    ]
    assert done.returncode != 0
    assert [name for name in MISTAKES.values() if not any(name in line for line in warnings)] == []


def _named(nav: object) -> Iterator[str]:
    """Return the files that a part of the navigation names."""
    if isinstance(nav, str):
        yield nav
    elif isinstance(nav, dict | list):
        for item in nav.values() if isinstance(nav, dict) else nav:
            yield from _named(item)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


async def test_a_browser_finds_nothing_to_complain_about(site: Path) -> None:
    with served(site) as origin:
        async with open_page(f"{origin}/index.html?q=ticket") as (page, complaints):
            await expect(page.get_by_role("heading", name="In the first minute")).to_be_visible()
            await expect(page.locator(".md-search-result__link").first).to_be_visible()
            for name, title in (("rest", "REST reference"), ("relay", "Relay reference")):
                await page.goto(f"{origin}/reference/{name}.html")
                await expect(page.get_by_role("heading", name=title)).to_be_visible()

        # A page that is left lets go of the icon that it was still fetching.
        let_go = f"failed: {origin}/assets/images/favicon.png: net::ERR_ABORTED"
        assert [line for line in complaints.all() if line != let_go] == []
