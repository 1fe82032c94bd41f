"""People who use Ilo in a browser: the page of ``/`` in a real Chromium, by what it shows."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Literal

import pytest
from playwright.async_api import Browser, BrowserContext, Locator, Page, expect

from tests.support.chromium import SIZE, Complaints
from tests.support.encrypted import PASSPHRASE, PASSWORD
from tests.support.ilo_process import ROOT

LONGEST_MS: Final = 120_000
"""What a click waits for may be work of a processor that others use too."""
AXE: Final = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
_KEEPS_BACK: Final = """
(texts) => {
  const said = Object.entries(localStorage).filter(([key]) => key.startsWith("ilo.said/"));
  return JSON.stringify(said.map(([, text]) => text).sort()) === JSON.stringify(texts);
}
"""
_REPORT: Final = """
document.addEventListener("securitypolicyviolation", (event) => {
  window.reportViolation(
    `${event.effectiveDirective} refused ${event.blockedURI || "inline"} in ${event.sourceFile}`);
});
"""


class Visitor:
    """Somebody in front of one browser, with one tab or more."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        self.url = url
        self.complaints = Complaints(origin=url)
        self.name = ""
        self.page: Page

    async def new_tab(self, fragment: str = "") -> Page:
        """Open the page in one more tab, which is the one that is looked at from now on."""
        self.page = await self.context.new_page()
        self.complaints.watch(self.page)
        await self.page.goto(f"{self.url}/{fragment}")
        return self.page

    def complained(self) -> list[str]:
        """Return what the page did that it must not do; a reload may cut a request off."""
        return [line for line in self.complaints.all() if "ERR_ABORTED" not in line]

    # -- ways in

    async def register(self, name: str) -> None:
        self.name = name
        page = self.page
        await page.get_by_role("navigation").get_by_role("button", name="Register").click()
        await page.get_by_label("Name").fill(name)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_label("Passphrase for the backup").fill(PASSPHRASE)
        await self.form.get_by_role("button", name="Register").click()
        # Making keys takes seconds of a processor that others use too.
        await expect(self.rooms).to_be_visible(timeout=LONGEST_MS)

    async def log_in(self, name: str, password: str = PASSWORD) -> None:
        self.name = name
        page = self.page
        await page.get_by_role("navigation").get_by_role("button", name="Log in").click()
        await page.get_by_label("Name").fill(name)
        await page.get_by_label("Password").fill(password)
        await self.form.get_by_role("button", name="Log in").click()

    async def restore(self, backup: Path, passphrase: str = PASSPHRASE) -> None:
        page = self.page
        await page.get_by_role("navigation").get_by_role("button", name="Restore").click()
        await page.get_by_label("Backup file").set_input_files(backup)
        await page.get_by_label("Passphrase of the backup").fill(passphrase)
        await page.get_by_label("Password").fill(PASSWORD)
        await self.form.get_by_role("button", name="Restore").click()

    async def log_out(self) -> None:
        await self.page.get_by_role("button", name="Account").click()
        await self.dialog.get_by_role("button", name="Log out", exact=True).click()

    async def save_backup(self, folder: Path) -> Path:
        """Save the backup by the account's dialog; return the file."""
        await self.page.get_by_role("button", name="Account").click()
        async with self.page.expect_download() as waiting:
            await self.dialog.get_by_role("button", name="Save the backup").click()
        file = folder / "saved.backup.txt"
        await (await waiting.value).save_as(file)
        await self.close_dialog()
        return file

    # -- rooms

    async def make_room(self, label: str) -> str:
        """Make a private room; return its name."""
        await self.page.get_by_role("button", name="New room").click()
        await self.dialog.get_by_label("What you call it").fill(label)
        before = self.page.url
        await self.dialog.get_by_role("button", name="Make a private room").click()
        # Another room may be called the same.
        await expect(self.page).not_to_have_url(before)
        await self.is_in(label)
        return await self.room()

    async def come_into(self, room: str) -> None:
        """Come into an open room."""
        await self.page.get_by_role("button", name="New room").click()
        await self.dialog.get_by_label("Its name").fill(room)
        await self.dialog.get_by_role("button", name="Come in").click()
        await self.is_in(room)

    async def room(self) -> str:
        """Return the name of the room that is looked at."""
        return self.page.url.partition("#")[2]

    async def invite(self, name: str) -> None:
        await self.page.get_by_role("button", name="Members").click()
        await self.dialog.get_by_label("Invite somebody").fill(name)
        await self.dialog.get_by_role("button", name="Invite").click()
        await expect(self.dialog.get_by_role("listitem").filter(has_text=name)).to_be_visible()
        await self.close_dialog()

    async def accept(self, owner: str) -> None:
        """Accept an invitation, once it shows."""
        button = self.page.get_by_role("button", name=f"Accept the invitation of {owner}")
        await expect(button).to_be_visible(timeout=LONGEST_MS)
        await button.click()
        await self.is_connected()

    async def is_in(self, title: str) -> None:
        """Wait until the room that is called so is the one that is looked at, and connected."""
        await expect(self.page.get_by_role("heading", level=1)).to_have_text(title)
        await self.is_connected()

    async def is_connected(self) -> None:
        await expect(self.page.locator(".talk")).to_have_attribute("data-line", "connected")

    # -- talk

    async def say(self, text: str) -> None:
        await self.page.get_by_label("Message", exact=True).fill(text)
        await self.page.get_by_role("button", name="Send").click()

    async def sees(self, *texts: str) -> None:
        """Wait until exactly these are the messages that are shown, and none is on its way."""
        await expect(self.page.locator(".bubble > .text")).to_have_text(list(texts))
        await expect(self.page.locator(".bubble:is(.sending, .sent)")).to_have_count(0)

    async def keeps_back(self, *texts: str) -> None:
        """Wait until of what was said in this browser these wait for their turn, and no others.

        What is shown does not tell: until its turn comes, and it is sealed and written down, a
        message that is on its way looks the same.
        """
        await until(self.page, _KEEPS_BACK, sorted(texts))

    async def compare(self, name: str) -> str:
        """Open the comparison with ``name``; return the digits."""
        await self.page.get_by_role("button", name="Members").click()
        await self.dialog.get_by_role("button", name=f"Compare with {name}").click()
        digits = self.dialog.get_by_label("Safety number")
        await expect(digits).to_be_visible()
        return re.sub(r"\D", "", await digits.inner_text())

    # -- parts of the page

    @property
    def rooms(self) -> Locator:
        return self.page.get_by_role("navigation", name="Rooms")

    @property
    def form(self) -> Locator:
        return self.page.locator("form")

    @property
    def dialog(self) -> Locator:
        """The dialog that is on top."""
        return self.page.get_by_role("dialog").last

    async def close_dialog(self) -> None:
        while count := await self.page.get_by_role("dialog").count():
            await self.page.keyboard.press("Escape")
            await expect(self.page.get_by_role("dialog")).to_have_count(count - 1)

    async def shot(self, name: str) -> None:
        """Keep a picture where ``ILO_SHOTS`` says, for a person to look at."""
        if folder := os.environ.get("ILO_SHOTS"):
            await self.page.screenshot(path=Path(folder) / f"{name}.png")


async def until(page: Page, script: str, *of: object) -> None:
    """Wait until ``script`` is true on the page. Playwright's own way to wait would have the page
    evaluate text, which its policy forbids."""
    async with asyncio.timeout(LONGEST_MS / 1000):
        while not await page.evaluate(script, *of):
            await page.wait_for_timeout(50)


async def axe(one: Visitor) -> list[str]:
    """Return what axe finds wrong with what is shown."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed in web/")
    # As the debugger does it: the page's own policy lets no script in.
    await one.page.evaluate(AXE.read_text("utf-8"))
    found = await one.page.evaluate(
        "async () => (await axe.run()).violations.map((rule) => "
        "`${rule.id}: ${rule.nodes.map((node) => node.html + node.failureSummary).join(' ')}`)"
    )
    return [str(line) for line in found]


@asynccontextmanager
async def visitor(
    browser: Browser,
    url: str,
    *,
    size: tuple[int, int] = SIZE,
    scheme: Literal["light", "dark"] = "light",
    trusts_all: bool = False,
) -> AsyncIterator[Visitor]:
    """Open the page as somebody who was never here; ``trusts_all``: whatever the certificate."""
    width, height = size
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        ignore_https_errors=trusts_all,
    )
    try:
        context.set_default_timeout(LONGEST_MS)
        one = Visitor(context, url)
        await context.expose_function("reportViolation", one.complaints.on_violation)
        await context.add_init_script(_REPORT)
        await one.new_tab()
        yield one
    finally:
        await context.close()
