"""Every view, on a telephone and on a desk, by day and by night: axe finds nothing, nothing is cut
off, and there is a picture of each where ``ILO_SHOTS`` says."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from ilo_client import Ilo
from playwright.async_api import Browser, expect

from tests.support.encrypted import PASSPHRASE, PASSWORD, company
from tests.support.ilo_process import IloProcess
from tests.support.visitors import Visitor, axe, visitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

TELEPHONE = (390, 844)
DESK = (1280, 900)
LONG = "W" * 64
TALK = (
    "Good morning! Is the kettle on?",
    "שלום, עולם — مرحبا بالعالم",
    "👩‍👩‍👧‍👦 🍵 🏳️‍🌈",
    "W" * 200,
    "two\nlines",
)


async def is_whole(one: Visitor) -> bool:
    """Whether nothing has to be scrolled to the side."""
    return bool(
        await one.page.evaluate(
            "() => document.documentElement.scrollWidth <= innerWidth &&"
            " [...document.querySelectorAll('dialog, .scroll, .rooms')]"
            ".every((each) => each.scrollWidth <= each.clientWidth)"
        )
    )


class Look:
    """Looks at one view after the other, and keeps what is wrong with them."""

    def __init__(self, one: Visitor, name: str) -> None:
        self.one = one
        self.name = name
        self.wrong: list[str] = []

    async def at(self, view: str) -> None:
        await self.one.shot(f"{view}-{self.name}")
        self.wrong += [f"{view}: {line}" for line in await axe(self.one)]
        if not await is_whole(self.one):
            self.wrong.append(f"{view}: it has to be scrolled to the side")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [TELEPHONE, DESK], ids=["telephone", "desk"])
async def test_axe_finds_nothing_in_any_view_and_nothing_is_cut_off(
    browser: Browser,
    ilo: IloProcess,
    tmp_path: Path,
    size: tuple[int, int],
    scheme: Literal["light", "dark"],
) -> None:
    name = f"{size[0]}-{scheme}"
    async with (
        company(tmp_path, ilo.api_url) as people,
        visitor(browser, ilo.api_url, size=size, scheme=scheme) as ann,
    ):
        look = Look(ann, name)
        page = ann.page
        for way, view in (("Restore", "restore"), ("Log in", "log-in"), ("Register", "register")):
            await page.get_by_role("navigation").get_by_role("button", name=way).click()
            await look.at(view)
        await ann.form.get_by_role("button", name="Register").click()
        await look.at("register-empty")
        await ann.register(f"ann-{name}")
        await look.at("rooms-none")
        await page.get_by_role("button", name="Later").click()

        bob = await people.join("bob")
        invited = await bob.create_room("a room of Bob's")
        await bob.invite(invited, ann.name)
        await page.reload()
        await expect(page.get_by_text("invites you")).to_be_visible()
        await page.get_by_role("button", name="New room").click()
        await look.at("new-room")
        await ann.close_dialog()
        room = await ann.make_room(LONG)
        await ann.invite(bob.username)
        await bob.accept(room)
        bobs = await people.enter(bob, room)
        for text in TALK:
            await bobs.send(text)
        await ann.say("Yes, and there are biscuits.")
        await expect(page.locator(".bubble > .text")).to_have_count(len(TALK) + 1)
        plain = await people.enter(bob, f"plain-{name}", plaintext=True)
        await look.at("talk")
        await page.get_by_role("button", name="Members").click()
        await expect(page.locator(".member")).to_have_count(2)
        await look.at("members")
        await ann.dialog.get_by_role("button", name=f"Compare with {bob.username}").click()
        await expect(ann.dialog.get_by_label("Safety number")).to_be_visible()
        await look.at("compare")
        await ann.close_dialog()
        if size == TELEPHONE:
            await page.get_by_role("button", name="Rooms").click()
        await look.at("rooms")
        await page.get_by_role("button", name="Account").click()
        await look.at("account")
        await ann.close_dialog()

        await ann.come_into(f"plain-{name}")
        await plain.send("not encrypted")
        await expect(page.get_by_text("Not shown: it is not in the form")).to_be_visible()
        await look.at("talk-not-shown")
        await page.evaluate("room => { location.hash = room; }", room)
        await ann.is_connected()
        moved = await Ilo.login(
            ilo.api_url,
            bob.username,
            PASSWORD,
            home=tmp_path / "moved",
            passphrase=PASSPHRASE,
            new_keys=True,
        )
        await moved.close()
        alarm = page.get_by_role("alert").filter(has_text="The key of")
        await expect(alarm).to_be_visible()
        await ann.say("to whom?")
        await expect(page.get_by_text("Not sent.")).to_be_visible()
        await look.at("talk-alarm")
        await alarm.get_by_role("button", name="Compare").click()
        await expect(ann.dialog.get_by_label("Safety number")).to_be_visible()
        await look.at("compare-changed")
        await ann.close_dialog()
        if size == TELEPHONE:
            await page.get_by_role("button", name="Rooms").click()
        await ann.log_out()
        await expect(page.get_by_text("You are logged out.")).to_be_visible()
        await ann.log_in(bob.username)
        await expect(page.get_by_text("Your keys are not in this browser")).to_be_visible()
        await look.at("log-in-no-keys")

    assert not look.wrong, "\n".join(look.wrong)
    assert ann.complained() == []


async def test_axe_finds_a_field_that_lost_its_name(browser: Browser, ilo: IloProcess) -> None:
    async with visitor(browser, ilo.api_url) as one:
        assert await axe(one) == []

        await one.page.evaluate("() => document.querySelector('label').remove()")

        assert "label" in [line.partition(":")[0] for line in await axe(one)]


async def test_everything_can_be_done_by_the_keyboard_alone(
    browser: Browser, ilo: IloProcess
) -> None:
    async with visitor(browser, ilo.api_url) as ann:
        await ann.register("ann-keys-only")
        page = ann.page
        keyboard = page.keyboard

        async def go_to(name: str) -> None:
            for _ in range(40):
                await keyboard.press("Tab")
                focused = page.locator(":focus")
                label = await focused.get_attribute("aria-label") if await focused.count() else None
                text = await focused.inner_text() if await focused.count() else ""
                if name in (label, text.strip()):
                    return
            raise AssertionError(f"no Tab leads to {name}")

        await go_to("New room")
        await keyboard.press("Enter")
        await keyboard.type("typed")
        await keyboard.press("Enter")
        await ann.is_connected()
        await expect(page.get_by_label("Message", exact=True)).to_be_focused()
        await keyboard.type("by the keyboard")
        await keyboard.press("Enter")
        await ann.sees("by the keyboard")
        await go_to("Members")
        await keyboard.press("Enter")
        await expect(ann.dialog).to_be_visible()
        await keyboard.press("Escape")

        await expect(page.get_by_role("dialog")).to_have_count(0)
        await expect(page.get_by_role("button", name="Members")).to_be_focused()


async def test_what_is_typed_hidden_can_be_looked_at(browser: Browser, ilo: IloProcess) -> None:
    async with visitor(browser, ilo.api_url) as ann:
        field = ann.page.get_by_label("Passphrase for the backup")
        await field.fill("several words")
        await expect(field).to_have_attribute("type", "password")
        await ann.page.get_by_role(
            "button", name="Show what stands in Passphrase for the backup"
        ).click()

        await expect(field).to_have_attribute("type", "text")
        await expect(ann.page.get_by_label("Password")).to_have_attribute("type", "password")
        await ann.page.get_by_role("button", name="Hide").click()
        await expect(field).to_have_attribute("type", "password")
