"""A page in a real Chromium, and everything that it complained about.

Chromium is the system's (``/usr/bin/chromium`` on Debian, or ``ILO_CHROMIUM``), never one
that Playwright downloads. Strict policies forbid Playwright's ``wait_for_function``: wait
with locators.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Page,
    Request,
    Response,
    async_playwright,
    expect,
)

NAMES = ("chromium", "chromium-browser", "google-chrome")
SIZE = (1280, 900)

# The first paint of a large page takes seconds on a busy machine.
expect.set_options(timeout=60_000)

# The first two keep Chromium off the network: it can reach the loopback and nothing else.
FLAGS = (
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

# Runs before the page's own scripts, in every frame.
_REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  window.reportViolation(
    `${event.effectiveDirective} refused ${event.blockedURI || "inline"} ` +
    `in ${event.sourceFile || "the page"}:${event.lineNumber}`);
});
"""


# Without slots: Playwright keeps attributes of its own on whoever owns a handler.
@dataclass
class Complaints:
    """What a page did that it must not do, in the order it happened.

    ``foreign`` are the requests that named another origin, whether or not they were let
    through; data: and blob: URLs name none.
    """

    origin: str
    violations: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def all(self) -> list[str]:
        """Return every complaint as a line that says its kind."""
        return [
            f"{kind}: {line}"
            for kind in ("violations", "console", "errors", "failed", "foreign")
            for line in getattr(self, kind)
        ]

    def watch(self, page: Page) -> None:
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._on_request)
        page.on("requestfailed", lambda r: self.failed.append(f"{r.url}: {r.failure}"))
        page.on("response", self._on_response)

    def on_violation(self, line: str) -> None:
        self.violations.append(line)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.console.append(f"{message.type}: {message.text}")

    def _on_request(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme not in ("data", "blob") and self.origin != (f"{url.scheme}://{url.netloc}"):
            self.foreign.append(request.url)

    def _on_response(self, response: Response) -> None:
        if response.status >= 400:
            self.failed.append(f"{response.url}: {response.status}")


def chromium_path() -> Path:
    """Return where Chromium is, or skip the test that asks."""
    named = os.environ.get("ILO_CHROMIUM")
    candidates = (named,) if named else NAMES
    for name in candidates:
        if found := shutil.which(name):
            return Path(found)
    pytest.skip(f"no Chromium: none of {', '.join(candidates)} can be run")


@asynccontextmanager
async def open_browser() -> AsyncIterator[Browser]:
    """Start Chromium; it ends with the block."""
    flags = list(FLAGS)
    if os.geteuid() == 0:
        # Chromium refuses to run as root inside its sandbox.
        flags.append("--no-sandbox")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path(), args=flags)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def visit(
    browser: Browser,
    url: str,
    *,
    size: tuple[int, int] = SIZE,
    scheme: Literal["light", "dark"] = "light",
) -> AsyncIterator[tuple[Page, Complaints]]:
    """Open ``url`` as a new visitor; yields the page and what it complains about.

    ``size`` is width and height in CSS pixels. The page has loaded, its scripts may still be
    at work: wait with locators, and read the complaints last.
    """
    parts = urlsplit(url)
    complaints = Complaints(origin=f"{parts.scheme}://{parts.netloc}")
    width, height = size
    page = await browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    try:
        await page.expose_function("reportViolation", complaints.on_violation)
        await page.add_init_script(_REPORT_VIOLATIONS)
        complaints.watch(page)
        await page.goto(url)
        yield page, complaints
    finally:
        await page.close()


@asynccontextmanager
async def open_page(url: str) -> AsyncIterator[tuple[Page, Complaints]]:
    """Open ``url`` in a fresh browser, as :func:`visit` does."""
    async with open_browser() as browser, visit(browser, url) as visited:
        yield visited
