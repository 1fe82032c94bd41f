"""The page without its lines: it is loaded anew, and has two tabs, while the network is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from ilo_client import Room
from playwright.async_api import Browser, Error, Page, expect

from tests.support.encrypted import Company, calm_until, company
from tests.support.far_ilo import FarIlo, Loss, far_ilo
from tests.support.visitors import Visitor, until, visitor
from tests.support.websocket import WAIT_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

BACK_MS = 60_000
"""Who tried in vain for a while waits up to half a minute before the next try."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def far(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FarIlo]:
    async with far_ilo(tmp_path_factory.mktemp("ilo")) as found:
        yield found


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def lines_come_back(far: FarIlo) -> AsyncIterator[None]:
    """A test that fails while the lines are lost leaves them to the next as they were."""
    yield
    await far.come_back()


# A second goes by before it is told what is under way, and other things go on meanwhile.
SLOW_OUTBOX = """
const getAll = IDBObjectStore.prototype.getAll;
IDBObjectStore.prototype.getAll = function (range) {
  if (this.name !== "outbox") return getAll.call(this, range);
  const found = {};
  const end = performance.now() + 1000;
  const ask = () => {
    const request = performance.now() < end ? this.count() : getAll.call(this, range);
    request.onsuccess = () => {
      if (typeof request.result === "number") return ask();
      found.result = request.result;
      found.onsuccess();
    };
  };
  ask();
  return found;
};
"""


# The browser writes down what is on its way, and the page does not get to know of it.
UNTOLD = """
const transaction = IDBDatabase.prototype.transaction;
IDBDatabase.prototype.transaction = function (tables, mode, options) {
  const made = transaction.call(this, tables, mode, options);
  if (mode === "readwrite" && String(tables) === "outbox") {
    made.addEventListener("complete", (event) => {
      event.stopImmediatePropagation();
      window.hasWritten = true;
    });
  }
  return made;
};
"""


async def is_calm(page: Page) -> None:
    """See that nothing waits, and that nobody is warned."""
    signs = page.locator(".sending, .sent, .wrong, .not-shown, .warned, .alarm, [role=alert]")
    await expect(signs.filter(visible=True)).to_have_text([], timeout=BACK_MS)


async def is_back(page: Page) -> None:
    talk = page.locator(".talk")
    await expect(talk).to_have_attribute("data-line", "connected", timeout=BACK_MS)


async def come_together(people: Company, ann: Visitor) -> Room:
    """Return the new room of Ann, as Bob is in it."""
    bob = await people.join("bob")
    room = await ann.make_room("cut off")
    await ann.invite(bob.username)
    await bob.accept(room)
    return await people.enter(bob, room)


async def try_again(page: Page, *texts: str) -> None:
    """See that these did not go out by themselves, and send them."""
    failed = page.locator(".bubble.failed")
    await expect(failed.locator(".text")).to_have_text(list(texts), timeout=BACK_MS)
    for text in texts:
        await failed.filter(has_text=text).get_by_role("button", name="Try again").click()


@pytest.mark.parametrize("lost", ["relay", "answers", "everything"])
async def test_what_was_said_before_a_reload_while_cut_off_is_stored_once_and_nothing_is_lost(
    browser: Browser, far: FarIlo, tmp_path: Path, lost: str
) -> None:
    async with company(tmp_path, far.url) as people, visitor(browser, far.url) as ann:
        await ann.register(f"ann-{lost}")
        bobs = await come_together(people, ann)
        room = await ann.room()
        await ann.say("before")
        assert await calm_until(bobs, "before") == ["before"]
        await ann.sees("before")
        loss = Loss.ANSWERS if lost == "answers" else Loss.CUT
        await (far.lose_relay() if lost == "relay" else far.lose(loss))
        for text in ("first", "second", "third"):
            await ann.say(text)
        sending = ann.page.locator(".bubble.sending > .text")
        await expect(sending).to_have_text(["first", "second", "third"])
        await ann.keeps_back("second", "third")
        if lost == "answers":
            await far.relay.has_kept.wait()
        if lost == "everything":
            with pytest.raises(Error, match="net::ERR"):
                await ann.page.reload()
        else:
            await ann.page.reload()
            await expect(ann.page.locator(".talk")).to_have_attribute("data-line", "connecting")
        await far.come_back(loss)
        if lost == "everything":
            await ann.page.close()
            await ann.new_tab(f"#{room}")
        await is_back(ann.page)

        await try_again(ann.page, "second", "third")
        await ann.sees("before", "first", "second", "third")
        await is_calm(ann.page)
        await ann.page.reload()
        await is_back(ann.page)
        await ann.say("after")
        await ann.sees("before", "first", "second", "third", "after")
        await is_calm(ann.page)
        assert await calm_until(bobs, "after") == ["first", "second", "third", "after"]


async def test_what_the_server_has_is_not_shown_a_second_time_as_waiting(
    browser: Browser, far: FarIlo, tmp_path: Path
) -> None:
    async with company(tmp_path, far.url) as people, visitor(browser, far.url) as ann:
        await ann.register("ann-slow")
        bobs = await come_together(people, ann)
        await ann.say("before")
        assert await calm_until(bobs, "before") == ["before"]
        await ann.sees("before")
        await far.lose(Loss.ANSWERS)
        await ann.say("first")
        await ann.keeps_back()
        await far.relay.has_kept.wait()
        await ann.context.add_init_script(SLOW_OUTBOX)
        await ann.page.reload()
        await far.come_back(Loss.ANSWERS)
        await is_back(ann.page)
        await ann.say("after")
        assert await calm_until(bobs, "after") == ["first", "after"]

        await ann.sees("before", "first", "after")
        await is_calm(ann.page)


async def test_what_two_tabs_say_while_both_are_cut_off_is_stored_once_and_nothing_is_lost(
    browser: Browser, far: FarIlo, tmp_path: Path
) -> None:
    async with company(tmp_path, far.url) as people, visitor(browser, far.url) as ann:
        await ann.register("ann-tabs")
        bobs = await come_together(people, ann)
        room = await ann.room()
        tabs = [ann.page, await ann.new_tab(f"#{room}")]
        await ann.is_connected()
        said: dict[Page, list[str]] = {}
        for loss in (Loss.ANSWERS, Loss.CUT):
            await far.lose(loss)
            for tab, name in zip(tabs, ("left", "right"), strict=True):
                ann.page = tab
                mine = [f"{name} {loss.value} {nth}" for nth in (1, 2)]
                said[tab] = [*said.get(tab, []), *mine]
                for text in mine:
                    await ann.say(text)
                await expect(tab.locator(".bubble.sending > .text")).to_have_text(mine)
            await far.come_back(loss)
            for tab in tabs:
                bubbles = tab.locator(".bubble:has(time) > .text")
                amount = sum(map(len, said.values()))
                await expect(bubbles).to_have_count(amount, timeout=BACK_MS)
        await ann.say("that is all")
        heard = await calm_until(bobs, "that is all")

        assert sorted(heard[:-1]) == sorted(text for mine in said.values() for text in mine)
        for mine in said.values():
            assert [text for text in heard if text in mine] == mine
        for ann.page in tabs:
            await ann.sees(*heard)
            await is_calm(ann.page)


async def test_what_waits_in_two_tabs_that_are_loaded_anew_while_cut_off_is_in_one_of_them(
    browser: Browser, far: FarIlo, tmp_path: Path
) -> None:
    async with company(tmp_path, far.url) as people, visitor(browser, far.url) as ann:
        await ann.register("ann-anew")
        bobs = await come_together(people, ann)
        room = await ann.room()
        tabs = [ann.page, await ann.new_tab(f"#{room}")]
        await ann.is_connected()
        await far.lose_relay()
        for tab, mine in zip(tabs, (["left 1", "left 2"], ["right 1", "right 2"]), strict=True):
            ann.page = tab
            for text in mine:
                await ann.say(text)
            await expect(tab.locator(".bubble.sending > .text")).to_have_text(mine)
        await ann.keeps_back("left 2", "right 1", "right 2")
        for tab in tabs:
            await tab.reload()
        await far.come_back()
        for tab in tabs:
            await is_back(tab)
            await expect(tab.locator(".bubble:has(time) > .text")).to_have_text(["left 1"])

        waiting = [tab.locator(".bubble.failed") for tab in tabs]
        async with asyncio.timeout(WAIT_S):
            while sum([await each.count() for each in waiting]) < 3:
                # Which of them has it, is nobody's business.
                await tabs[0].wait_for_timeout(50)
        for tab, each in zip(tabs, waiting, strict=True):
            await try_again(tab, *await each.locator(".text").all_inner_texts())
        await ann.say("that is all")
        heard = await calm_until(bobs, "that is all")
        assert sorted(heard[:-1]) == ["left 1", "left 2", "right 1", "right 2"]
        for ann.page in tabs:
            await ann.sees(*heard)
            await is_calm(ann.page)


@pytest.mark.parametrize("then", ["opened again", "tried again while cut off", "another tab"])
async def test_what_was_just_written_down_when_the_page_was_closed_is_stored_once(
    browser: Browser, far: FarIlo, tmp_path: Path, then: str
) -> None:
    async with company(tmp_path, far.url) as people, visitor(browser, far.url) as ann:
        await ann.register(f"ann-{then.replace(' ', '-')}")
        bobs = await come_together(people, ann)
        room = await ann.room()
        closing = ann.page
        await closing.add_init_script(UNTOLD)
        await closing.reload()
        await ann.is_connected()
        await ann.say("first")
        await until(closing, "window.hasWritten === true")
        await ann.keeps_back("first")
        if then == "tried again while cut off":
            await far.lose_relay()
        if then == "another tab":
            await ann.new_tab(f"#{room}")
            await ann.is_connected()
            await closing.close()
        else:
            await closing.close()
            await ann.new_tab(f"#{room}")
        if then == "tried again while cut off":
            await try_again(ann.page, "first")
            await far.come_back()
        await is_back(ann.page)

        await ann.sees("first")
        await ann.say("after")
        assert await calm_until(bobs, "after") == ["first", "after"]
        await ann.sees("first", "after")
        await is_calm(ann.page)
        await ann.keeps_back()


async def test_what_was_under_way_when_another_room_was_looked_at_is_stored_once(
    browser: Browser, far: FarIlo, tmp_path: Path
) -> None:
    async with company(tmp_path, far.url) as people, visitor(browser, far.url) as ann:
        await ann.register("ann-elsewhere")
        elsewhere = await ann.make_room("elsewhere")
        bobs = await come_together(people, ann)
        room = await ann.room()
        await far.lose_relay()
        for text in ("first", "second"):
            await ann.say(text)
        await ann.keeps_back("second")
        for other in (elsewhere, room):
            await ann.page.evaluate("room => { location.hash = room; }", other)
            title = "elsewhere" if other == elsewhere else "cut off"
            await expect(ann.page.get_by_role("heading", level=1)).to_have_text(title)
        await far.come_back()
        await is_back(ann.page)

        await try_again(ann.page, "second")
        await ann.sees("first", "second")
        await ann.say("after")
        assert await calm_until(bobs, "after") == ["first", "second", "after"]
        await ann.sees("first", "second", "after")
        await is_calm(ann.page)
        await ann.keeps_back()
