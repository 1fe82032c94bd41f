"""Ilo in a browser, at a real server: two people, two tabs, a lost line, the other clients."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from ilo_client import Message
from playwright.async_api import Browser, Page, expect

from tests.support.encrypted import company, next_of, texts
from tests.support.ilo_process import IloProcess
from tests.support.visitors import visitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOSTILE = "<img src=x onerror=alert(1)>"
SAID = 8
RTL = "שלום, عالم 👩‍👩‍👧‍👦🏽"


async def say_all(page: Page, texts: list[str]) -> None:
    for text in texts:
        await page.get_by_label("Message", exact=True).fill(text)
        await page.get_by_label("Message", exact=True).press("Enter")


async def test_two_people_register_compare_and_talk_and_a_reload_shows_everything_once(
    browser: Browser, ilo: IloProcess
) -> None:
    async with visitor(browser, ilo.api_url) as ann, visitor(browser, ilo.api_url) as bob:
        await ann.register("ann-talks")
        await bob.register("bob-talks")
        await ann.make_room("Our tea 🍵")
        await ann.invite("bob-talks")
        await bob.accept("ann-talks")
        await ann.say("hello, bob")
        await bob.sees("hello, bob")
        await bob.say(RTL)
        await ann.sees("hello, bob", RTL)

        seen = [await ann.compare("bob-talks"), await bob.compare("ann-talks")]
        for one in (ann, bob):
            await one.dialog.get_by_role("button", name="They are the same").click()
            await expect(one.dialog.locator(".member.verified")).to_have_count(2)
            await one.close_dialog()
        await ann.page.reload()
        await ann.is_connected()

        await ann.sees("hello, bob", RTL)
        await expect(ann.page.get_by_role("heading", level=1)).to_have_text("Our tea 🍵")
        assert len(seen[0]) == 60
        assert seen[0] == seen[1]
        assert ann.complained() == []
        assert bob.complained() == []


async def test_the_page_and_the_python_library_see_the_same_digits_and_read_each_other(
    browser: Browser, ilo: IloProcess, tmp_path: Path
) -> None:
    async with company(tmp_path, ilo.api_url) as people, visitor(browser, ilo.api_url) as ann:
        await ann.register("ann-mixed")
        bob = await people.join("bob")
        room = await ann.make_room("mixed")
        await ann.invite(bob.username)
        await bob.accept(room)
        bobs = await people.enter(bob, room)
        await ann.say("from the page")
        assert await texts(bobs, 1) == ["from the page"]
        await bobs.send("from the library")
        await ann.sees("from the page", "from the library")
        await ann.say("from the page again")
        heard = await next_of(bobs, Message)
        while heard.is_own:
            heard = await next_of(bobs, Message)

        assert (heard.text, heard.warnings) == ("from the page again", ())
        assert await ann.compare(bob.username) == await bob.safety_number("ann-mixed")
        await ann.close_dialog()
        await expect(ann.page.locator(".wrong")).to_have_count(0)
        assert ann.complained() == []


async def test_what_is_said_while_the_server_is_away_is_stored_once_when_it_is_back(
    browser: Browser, ilo: IloProcess, tmp_path: Path
) -> None:
    async with company(tmp_path, ilo.api_url) as people, visitor(browser, ilo.api_url) as ann:
        await ann.register("ann-lost")
        bob = await people.join("bob")
        room = await ann.make_room("lost")
        await ann.invite(bob.username)
        await bob.accept(room)
        await ann.say("before")
        await ann.sees("before")
        ilo.kill()
        await expect(ann.page.get_by_text("connection lost")).to_be_visible()
        await ann.say("meanwhile")
        await expect(ann.page.get_by_text("sending …")).to_be_visible()
        ilo.start()
        await ann.is_connected()
        await ann.say("after")
        await ann.sees("before", "meanwhile", "after")
        bobs = await people.enter(bob, room)

        assert await texts(bobs, 3) == ["before", "meanwhile", "after"]
        await ann.page.reload()
        await ann.is_connected()
        await ann.sees("before", "meanwhile", "after")


async def test_what_was_under_way_when_the_page_was_closed_goes_out_when_it_is_open_again(
    browser: Browser, ilo: IloProcess
) -> None:
    async with visitor(browser, ilo.api_url) as ann:
        await ann.register("ann-away")
        await ann.make_room("away")
        await ann.say("before")
        await ann.sees("before")
        ilo.kill()
        await expect(ann.page.get_by_text("connection lost")).to_be_visible()
        await ann.say("kept")
        await expect(ann.page.get_by_text("sending …")).to_be_visible()
        await ann.keeps_back()
        room = await ann.room()
        await ann.page.close()
        ilo.start()
        await ann.new_tab(f"#{room}")
        await ann.is_connected()

        await ann.sees("before", "kept")
        await expect(ann.page.get_by_role("button", name="Try again")).to_have_count(0)


async def test_two_tabs_of_one_person_agree(
    browser: Browser, ilo: IloProcess, tmp_path: Path
) -> None:
    async with company(tmp_path, ilo.api_url) as people, visitor(browser, ilo.api_url) as ann:
        await ann.register("ann-tabs")
        bob = await people.join("bob")
        room = await ann.make_room("tabs")
        await ann.invite(bob.username)
        await bob.accept(room)
        bobs = await people.enter(bob, room)
        first = ann.page
        await ann.new_tab(f"#{room}")
        await ann.is_connected()
        second = ann.page
        said = {tab: [f"{tab} {number}" for number in range(SAID)] for tab in ("first", "second")}
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(say_all(first, said["first"]))
            tasks.create_task(say_all(second, said["second"]))

        heard: list[Message] = []
        while len(heard) < 2 * SAID:
            heard.append(await next_of(bobs, Message))
        # The order of two tabs is theirs; that of each is kept, and the chain has no gap.
        for tab, texts_of_tab in said.items():
            of_tab = [one.text for one in heard if one.text.startswith(tab)]
            assert of_tab == texts_of_tab
        assert {message.warnings for message in heard} == {()}
        await bobs.send("to both")
        shown = []
        for ann.page in (first, second):
            bubbles = ann.page.locator(".bubble > .text")
            await expect(bubbles).to_have_count(2 * SAID + 1)
            shown.append(await bubbles.all_inner_texts())
            await expect(ann.page.locator(".not-shown")).to_have_count(0)
            await expect(ann.page.locator(".wrong")).to_have_count(0)
        assert shown[0] == shown[1]
        assert ann.complained() == []

        await ann.log_out()
        await expect(second.get_by_text("You are logged out.")).to_be_visible()
        await expect(first.get_by_text("You logged out in another tab.")).to_be_visible()


async def test_what_looks_like_html_is_text_wherever_it_comes_from(
    browser: Browser, ilo: IloProcess
) -> None:
    async with visitor(browser, ilo.api_url) as ann:
        await ann.register("<b onclick=alert(1)>ann<!--")
        await ann.make_room(HOSTILE)
        await ann.say(HOSTILE)
        await ann.sees(HOSTILE)

        await expect(ann.page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
        await expect(ann.rooms.locator(".room")).to_contain_text(HOSTILE)
        await expect(ann.rooms.locator("footer")).to_contain_text("<b onclick=alert(1)>ann<!--")
        await expect(ann.page.locator("img, b")).to_have_count(0)
        assert ann.complained() == []


async def test_a_draft_survives_a_reload(browser: Browser, ilo: IloProcess) -> None:
    async with visitor(browser, ilo.api_url) as ann:
        await ann.register("ann-drafts")
        await ann.come_into("drafts")
        box = ann.page.get_by_label("Message", exact=True)
        await box.fill("half a thought")
        await ann.page.reload()
        await ann.is_connected()

        await expect(box).to_have_value("half a thought")
        assert ann.complained() == []


async def test_somebody_who_types_shows(browser: Browser, ilo: IloProcess) -> None:
    async with visitor(browser, ilo.api_url) as ann, visitor(browser, ilo.api_url) as bob:
        await ann.register("ann-types")
        await bob.register("bob-types")
        await ann.come_into("typing")
        await bob.come_into("typing")
        await expect(ann.page.get_by_text("2 here")).to_be_visible()
        await bob.page.get_by_label("Message", exact=True).press_sequentially("hm")

        await expect(ann.page.get_by_text("bob-types is typing")).to_be_visible()
        await bob.say("hm!")
        await expect(ann.page.get_by_text("bob-types is typing")).to_have_count(0)


async def test_a_key_that_changed_stops_sending_until_it_is_accepted(
    browser: Browser, ilo: IloProcess
) -> None:
    async with visitor(browser, ilo.api_url) as ann, visitor(browser, ilo.api_url) as bob:
        await ann.register("ann-pins")
        await bob.register("bob-pins")
        await ann.come_into("pins")
        await bob.come_into("pins")
        await bob.say("with my first key")
        await ann.sees("with my first key")
        async with visitor(browser, ilo.api_url) as again:
            # In a browser that knows nothing of the keys.
            await again.log_in("bob-pins")
            await again.page.get_by_label("Passphrase for the backup").fill("another passphrase")
            await again.page.get_by_role("button", name="Make new keys").click()
            await expect(again.rooms).to_be_visible(timeout=120_000)
            alarm = ann.page.get_by_role("alert").filter(has_text="The key of bob-pins changed")
            await expect(alarm).to_be_visible()
            await ann.say("to whom?")
            await expect(ann.page.get_by_text("Not sent.")).to_be_visible()
            await alarm.get_by_role("button", name="Compare").click()
            await ann.dialog.get_by_role("button", name="They are the same").click()
            await expect(alarm).to_be_hidden()
            await ann.page.get_by_role("button", name="Try again").click()
            await ann.sees("with my first key", "to whom?")

            await again.come_into("pins")
            await again.say("with my second key")
            await ann.sees("with my first key", "to whom?", "with my second key")
