"""A server whose data was put back to an older copy: the page says so, once, and goes on."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from ilo_client import Message
from playwright.async_api import WebSocketRoute, expect

from tests.support.chromium import open_browser
from tests.support.encrypted import company, next_of, steady_ports
from tests.support.ilo_process import ROOT, IloProcess, running
from tests.support.visitors import visitor

WENT_BACK = "The server went back to an earlier state: messages may be missing"
REPLAYED = "Not shown: it was delivered before, or out of order"


class Middle:
    """Stands between the page and the relay, and can say something that the relay did not."""

    def __init__(self) -> None:
        self.history: list[dict[str, Any]] = []
        self._page: WebSocketRoute

    def stand_between(self, page: WebSocketRoute) -> None:
        self._page, relay = page, page.connect_to_server()

        def down(text: str | bytes) -> None:
            frame = json.loads(text)
            if frame["type"] == "history":
                self.history = frame["messages"]
            page.send(text)

        relay.on_message(down)

    def say(self, frame: dict[str, Any]) -> None:
        self._page.send(json.dumps(frame))


def put_back(ilo: IloProcess, copy: Path) -> None:
    """Put the data back as they are in ``copy``, as an operator does who reads the manual."""
    shutil.rmtree(ilo.data_dir)
    shutil.copytree(copy, ilo.data_dir)
    subprocess.run(
        [sys.executable, "-m", "ilo", "restored", "--config", str(ilo.folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=180,
        check=True,
    )


async def test_what_was_put_back_is_told_once_and_nothing_is_shown_twice_or_called_a_repeat(
    tmp_path: Path,
) -> None:
    copy = tmp_path / "copy"
    with running(tmp_path / "ilo", steady_ports()) as ilo:
        async with (
            open_browser() as browser,
            company(tmp_path / "people", ilo.api_url) as people,
            visitor(browser, ilo.api_url) as ann,
        ):
            await ann.register("ann")
            bob = await people.join("bob")
            room = await ann.make_room("restored")
            await ann.invite(bob.username)
            await bob.accept(room)
            bobs = await people.enter(bob, room)
            wrong = ann.page.locator(".not-shown, .wrong, .alarm:visible")
            alarms = ann.page.locator(".note.alarm")
            await bobs.send("one")
            await ann.sees("one")
            await ann.say("two")
            await ann.sees("one", "two")
            await asyncio.to_thread(ilo.terminate)
            shutil.copytree(ilo.data_dir, copy)
            await asyncio.to_thread(ilo.start)
            await bobs.send("three")
            await ann.sees("one", "two", "three")
            await ann.say("four")
            await ann.sees("one", "two", "three", "four")
            await expect(wrong).to_have_count(0)

            # Somewhere else Ann does not hear what is lost.
            await ann.make_room("elsewhere")
            await bobs.send("lost")
            await asyncio.to_thread(ilo.terminate)
            put_back(ilo, copy)
            await asyncio.to_thread(ilo.start)

            # The numbers of what is lost are given out again, to other messages.
            await ann.page.evaluate("room => { location.hash = room; }", room)
            await ann.is_in("restored")
            await expect(alarms).to_have_text([WENT_BACK])
            await ann.sees("one", "two")
            await bobs.send("five")
            await ann.sees("one", "two", "five")
            await ann.say("six")
            await ann.sees("one", "two", "five", "six")
            await expect(alarms).to_have_text([WENT_BACK])
            await expect(ann.page.locator(".not-shown, .wrong")).to_have_count(0)
            heard = [await next_of(bobs, Message)]
            while heard[-1].text != "six":
                heard.append(await next_of(bobs, Message))
            assert heard[-1].warnings == ()
            middle = Middle()
            await ann.page.route_web_socket("**/ws/**", middle.stand_between)
            await ann.page.reload()
            await ann.is_connected()
            await ann.sees("one", "two", "five", "six")
            await expect(wrong).to_have_count(0)

            # What was known before the data were put back is known at its place since.
            first = middle.history[0]
            middle.say({"type": "message", **first, "seq": 5})
            await ann.sees("one", "two", "five", "six", REPLAYED)
