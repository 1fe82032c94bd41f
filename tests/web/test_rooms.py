"""Rooms of the page: what is unread, who is in and who is not, and what was said long ago."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from ilo_client import Ilo
from playwright.async_api import Browser, Route, expect

from tests.support.encrypted import PASSPHRASE, PASSWORD, company
from tests.support.ilo_process import IloProcess
from tests.support.visitors import axe, visitor

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_what_is_said_in_a_room_that_is_not_open_counts_as_unread(
    browser: Browser, ilo: IloProcess, tmp_path: Path
) -> None:
    async with company(tmp_path, ilo.api_url) as people, visitor(browser, ilo.api_url) as ann:
        await ann.register("ann-counts")
        bob = await people.join("bob")
        await ann.come_into("first")
        await ann.come_into("second")
        bobs = await people.enter(bob, "first")
        for text in ("one", "two", "three"):
            await bobs.send(text)
        entry = ann.rooms.get_by_role("button", name="first")
        await expect(entry.locator(".unread")).to_have_text("3 unread", timeout=120_000)
        await entry.click()
        await ann.is_connected()

        await ann.sees("one", "two", "three")
        await expect(entry.locator(".unread")).to_have_count(0)
        assert ann.complained() == []


async def test_who_is_removed_hears_nothing_more_and_who_declines_has_no_invitation(
    browser: Browser, ilo: IloProcess
) -> None:
    async with visitor(browser, ilo.api_url) as ann, visitor(browser, ilo.api_url) as bob:
        await ann.register("ann-owns")
        await bob.register("bob-goes")
        await ann.make_room("ours")
        await ann.invite("bob-goes")
        await bob.accept("ann-owns")
        await ann.page.get_by_role("button", name="Members").click()
        await ann.dialog.get_by_role("button", name="Remove bob-goes").click()
        await ann.dialog.get_by_role("button", name="Remove", exact=True).click()
        await expect(ann.dialog.locator(".member")).to_have_count(1)
        await ann.close_dialog()
        await ann.say("without Bob")
        await ann.sees("without Bob")

        await expect(bob.page.get_by_text("left the room or was removed")).to_be_visible()
        await expect(bob.page.locator(".bubble")).to_have_count(0)
        await ann.invite("bob-goes")
        decline = bob.page.get_by_role("button", name="Decline the invitation of ann-owns")
        await decline.click(timeout=120_000)
        await expect(decline).to_have_count(0)


async def test_who_makes_a_room_may_invite_as_soon_as_it_shows(
    browser: Browser, ilo: IloProcess
) -> None:
    async with visitor(browser, ilo.api_url) as ann:
        await ann.register("ann-makes")

        async def answer_late(route: Route) -> None:
            await asyncio.sleep(1)
            await route.continue_()

        await ann.page.route("**/room?*", answer_late)
        await ann.page.get_by_role("button", name="New room").click()
        await ann.dialog.get_by_label("What you call it").fill("ours")
        await ann.dialog.get_by_role("button", name="Make a private room").click()
        await ann.page.get_by_role("button", name="Members").click()

        await expect(ann.dialog.get_by_label("Invite somebody")).to_be_visible()
        await ann.page.unroute_all(behavior="wait")


async def test_what_was_said_long_ago_comes_page_by_page(
    browser: Browser, ilo: IloProcess, tmp_path: Path
) -> None:
    async with company(tmp_path, ilo.api_url) as people, visitor(browser, ilo.api_url) as ann:
        await ann.register("ann-reads")
        bob = await people.join("bob")
        await ann.come_into("long")
        bobs = await people.enter(bob, "long")
        said = [str(number) for number in range(120)]
        for text in said:
            await bobs.send(text)
        await ann.sees(*said)
        await ann.page.reload()
        await ann.is_connected()
        await ann.sees(*said[-50:])
        earlier = ann.page.get_by_role("button", name="Earlier messages")
        await earlier.click()
        await ann.sees(*said[-100:])
        await earlier.click()

        await ann.sees(*said)
        await expect(earlier).to_be_hidden()
        assert ann.complained() == []


async def test_who_logs_out_elsewhere_ends_the_page(
    browser: Browser, ilo: IloProcess, tmp_path: Path
) -> None:
    async with visitor(browser, ilo.api_url) as ann:
        await ann.register("ann-ends")
        await ann.come_into("ending")
        text = (await ann.save_backup(tmp_path)).read_text("utf-8")
        other = await Ilo.restore(
            ilo.api_url, text, PASSPHRASE, PASSWORD, home=tmp_path / "home", passphrase="another"
        )
        async with other:
            await other.logout_elsewhere()

            await expect(ann.page.get_by_text("The session is over")).to_be_visible()
            await ann.log_in("ann-ends")
            await ann.is_connected()


async def test_a_link_alone_leads_into_no_open_room(
    browser: Browser, ilo: IloProcess, tmp_path: Path
) -> None:
    async with company(tmp_path, ilo.api_url) as people, visitor(browser, ilo.api_url) as ann:
        await ann.register("ann-led")
        bob = await people.join("bob")
        await people.enter(bob, "a-trap")

        async def members() -> list[str]:
            return [one.person.name for one in await bob.members("a-trap")]

        await ann.new_tab("#a-trap")
        await expect(ann.page.get_by_role("heading", level=1)).to_have_text("a-trap")
        await expect(ann.page.get_by_text("You are not in this open room")).to_be_visible()
        assert await axe(ann) == []
        assert await members() == [bob.username]
        await ann.page.get_by_role("button", name="Not now").click()
        await expect(ann.page.get_by_role("heading", level=1)).to_have_text("Ilo")
        await ann.page.go_back()
        await ann.page.get_by_role("button", name="Come in").click()
        await ann.is_connected()

        assert sorted(await members()) == ["ann-led", bob.username]
        assert ann.complained() == []
