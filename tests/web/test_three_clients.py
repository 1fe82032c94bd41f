"""One person at the page, one at `ilo-chat`, one at the window, in one private room."""

from __future__ import annotations

import asyncio
import fcntl
import termios
import time
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from itertools import cycle, permutations
from typing import Any, Protocol, TypeAlias, TypeVar

import httpx
import pytest
from ilo_client import Message
from ilo_window.asks import Refresh
from ilo_window.conversation import Note
from ilo_window.views.new_room import Invitation
from playwright.async_api import Locator, expect

from tests.support.chat import Chatter, Talking, chatter
from tests.support.chromium import open_browser
from tests.support.desktop import COMES_BACK_S, PAUSE_S, Desk, at_a_window, states
from tests.support.display import Display, display
from tests.support.encrypted import PASSWORD
from tests.support.far_ilo import FarIlo, Loss, far_ilo
from tests.support.friends import friends_at
from tests.support.visitors import Visitor, visitor
from tests.support.websocket import WAIT_S

__all__ = ["display"]

Some = TypeVar("Some")

CALM = {"message", "presence", "typing", "back", "sent"}
"""What a chat tells when nothing is wrong."""
GREETINGS = (
    "hello from {} 🪟👩‍👩‍👧‍👦🏽",
    "שלום from {}, مرحبا بالعالم",
    "e\u0301 is not é: {} <b>&amp;\\",
)


class Wait(Protocol):
    """Waits for what is done on the other loop, and lets the window live meanwhile."""

    def __call__(self, work: Coroutine[Any, Any, Some], /) -> Some: ...


class AtThePage:
    def __init__(self, visitor: Visitor, wait: Wait) -> None:
        self.visitor, self._wait = visitor, wait
        self.name = visitor.name

    def make_room(self, *guests: Guest) -> str:
        room = self._wait(self.visitor.make_room("three of us"))
        for guest in guests:
            self._wait(self.visitor.invite(guest.name))
            guest.accept(room)
        return room

    def compare(self, name: str) -> str:
        """Say that the digits are the same; return those that are shown."""
        return self._wait(self._compare(name))

    async def _compare(self, name: str) -> str:
        digits = await self.visitor.compare(name)
        await self.visitor.dialog.get_by_role("button", name="They are the same").click()
        await expect(self._verified(name)).to_be_visible()
        await self.visitor.close_dialog()
        return digits

    def holds_for_verified(self, name: str) -> bool:
        return self._wait(self._holds_for_verified(name))

    async def _holds_for_verified(self, name: str) -> bool:
        await self.visitor.page.get_by_role("button", name="Members").click()
        await expect(self.visitor.dialog.locator(".member")).to_have_count(3)
        found = await self._verified(name).count()
        await self.visitor.close_dialog()
        return found == 1

    def _verified(self, name: str) -> Locator:
        return self.visitor.dialog.locator(".member.verified").filter(has_text=name)

    def say(self, text: str) -> None:
        self._wait(self.visitor.say(text))

    def until_unanswered(self, *texts: str) -> None:
        """Wait until these are shown as on their way."""
        sending = self.visitor.page.locator(".bubble.sending > .text")
        self._wait(_shows(sending, list(texts)))

    def until_shown(self, last: str) -> list[str]:
        """Return all that is shown when ``last`` is."""
        return self._wait(self._until_shown(last))

    async def _until_shown(self, last: str) -> list[str]:
        shown = self.visitor.page.locator(".bubble > .text")
        in_the_room = self.visitor.page.locator(".bubble:has(time) > .text", has_text=last)
        await expect(in_the_room).to_have_count(1, timeout=COMES_BACK_S * 1000)
        return await shown.all_inner_texts()

    def alarms(self) -> list[str]:
        """Return what this person is warned of."""
        return self._wait(self._alarms())

    async def _alarms(self) -> list[str]:
        signs = self.visitor.page.locator(".wrong, .not-shown, .warned, .alarm, [role=alert]")
        complaints = self.visitor.complaints
        # Of a network that is lost the browser complains by itself.
        console = [line for line in complaints.console if "net::ERR_" not in line]
        wrong = [*complaints.violations, *complaints.errors, *complaints.foreign, *console]
        return [*await signs.filter(visible=True).all_inner_texts(), *wrong]


class AtTheChat:
    def __init__(self, chatter: Chatter) -> None:
        self._chatter = chatter
        self.name = chatter.name
        self.talking: Talking

    def accept(self, room: str) -> None:
        self._chatter.run("accept", room).fine()

    @contextmanager
    def talking_in(self, room: str) -> Iterator[None]:
        with self._chatter.talking(room) as self.talking:
            yield

    def compare(self, name: str) -> str:
        done = self._chatter.json("verify", name, "--yes").fine().object
        return "".join(str(done["safety_number"]).split())

    def holds_for_verified(self, name: str) -> bool:
        return bool(self._chatter.json("person", name).fine().object["state"] == "verified")

    def say(self, text: str) -> None:
        self.talking.say(text)

    def until_heard(self) -> None:
        """Wait until the chat has read all lines that were said."""
        deadline = time.monotonic() + WAIT_S
        while self._unread():
            assert time.monotonic() < deadline, "the chat reads nothing"
            time.sleep(PAUSE_S)

    def _unread(self) -> bool:
        """Whether something still stands in the pipe to its standard input."""
        pipe = self.talking.process.stdin
        assert pipe is not None
        return fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)) != bytes(4)

    def until_shown(self, last: str) -> list[str]:
        if last not in self._said():
            self.talking.until(type="message", text=last)
        return self._said()

    def _said(self) -> list[str]:
        return [
            str(event.get("text", event.get("code")))
            for event in self.talking.seen
            if event["type"] in ("message", "not-shown")
        ]

    def alarms(self) -> list[str]:
        return [
            str(event)
            for event in self.talking.seen
            if event["type"] not in CALM or event.get("warnings")
        ]


class AtTheWindow:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.name = desk.me

    def accept(self, room: str) -> None:
        self.desk.window.ask(Refresh())
        self.desk.until(lambda: self._asks(room), "the invitation")
        page = self.desk.page
        assert isinstance(page, Invitation)
        self.desk.press("<Return>", page.accept)
        self.desk.arrive(room)

    def _asks(self, room: str) -> bool:
        # While the list is made anew, its rows move under the pointer.
        self.desk.choose(room)
        return isinstance(self.desk.page, Invitation)

    def compare(self, name: str) -> str:
        return self.desk.verify(name)

    def holds_for_verified(self, name: str) -> bool:
        page = self.desk.members()
        self.desk.until(lambda: name in states(page), "the members")
        [item] = [item for item, each in page._names.items() if each == name]
        found = str(page.tree.set(item, "state"))
        self.desk.press("<Escape>")
        return found == "✓ verified"

    def say(self, text: str) -> None:
        self.desk.say(text)

    def until_unanswered(self, *texts: str) -> None:
        talk = self.desk.talk().talk
        self.desk.until(lambda: tuple(one.text for one in talk.outgoing) == texts, f"only {texts}")

    def until_shown(self, last: str) -> list[str]:
        self.desk.until(lambda: last in self.desk.said(), last, COMES_BACK_S)
        return self.desk.said()

    def alarms(self) -> list[str]:
        talk = self.desk.talk()
        wrong = [str(line) for _, line in talk.talk.lines if not _is_calm(line)]
        return [*wrong, str(talk.alarm.cget("text"))] if talk.banner.winfo_ismapped() else wrong


Guest: TypeAlias = AtTheChat | AtTheWindow
Somebody: TypeAlias = AtThePage | Guest


class Three:
    def __init__(
        self, far: FarIlo, page: AtThePage, chat: AtTheChat, window: AtTheWindow, wait: Wait
    ) -> None:
        self.far, self.page, self.chat, self.window = far, page, chat, window
        self.wait = wait
        self.all: tuple[Somebody, ...] = (page, chat, window)

    @contextmanager
    def in_a_room(self) -> Iterator[str]:
        """Let the three be in a new room; the chat has ended well behind the block."""
        room = self.page.make_room(self.chat, self.window)
        with self.chat.talking_in(room):
            yield room
            ended = self.chat.talking.end()
        assert (ended.code, ended.err) == (0, "")

    def shown(self, last: str) -> list[list[str]]:
        """Return all that each is shown when ``last`` is."""
        return [one.until_shown(last) for one in self.all]

    def alarms(self) -> list[str]:
        return [alarm for one in self.all for alarm in one.alarms()]


@pytest.fixture(scope="module")
def three(display: Display, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Three]:
    folder = tmp_path_factory.mktemp("three")
    with ExitStack() as ends:
        monkeypatch = ends.enter_context(pytest.MonkeyPatch.context())
        friends = ends.enter_context(friends_at(folder, ""))
        enter = friends.people.ends.enter_async_context
        far = friends.do(enter(far_ilo(folder / "ilo")))
        browser = friends.do(enter(open_browser()))
        paige = friends.do(enter(visitor(browser, far.url)))
        desk = ends.enter_context(at_a_window(display, folder / "window", monkeypatch))

        def wait(work: Coroutine[Any, Any, Some]) -> Some:
            return desk.wait(friends.begin(work))

        desk.register(far.url, "Wendy")
        wait(paige.register("Paige"))
        chad = chatter(folder, far.url, "chad").register()
        yield Three(far, AtThePage(paige, wait), AtTheChat(chad), AtTheWindow(desk), wait)


def test_each_compares_with_each_and_they_talk_in_all_directions(three: Three) -> None:
    with three.in_a_room():
        pairs: list[tuple[Somebody, Somebody]] = list(permutations(three.all, 2))
        digits = {(one.name, other.name): one.compare(other.name) for one, other in pairs}
        verified = [one.holds_for_verified(other.name) for one, other in pairs]
        said = [greeting.format(one.name) for greeting in GREETINGS for one in three.all]
        for one, text in zip(cycle(three.all), said, strict=False):
            one.say(text)
            shown = three.shown(text)

        assert all(digits[one, other] == digits[other, one] for one, other in digits)
        assert len(set(digits.values())) == 3
        assert {len(each) for each in digits.values()} == {60}
        assert verified == [True] * 6
        assert shown == [said] * 3
        assert three.alarms() == []


def test_what_is_said_while_the_network_is_lost_everybody_sees_once_and_in_one_order(
    three: Three,
) -> None:
    far, page, chat, window = three.far, three.page, three.chat, three.window
    with three.in_a_room() as room:
        said = []
        for loss in (Loss.SILENCE, Loss.ANSWERS, Loss.CUT):
            for one in three.all:
                said.append(f"{one.name} before {loss.name}")
                one.say(said[-1])
                three.shown(said[-1])
            before = three.wait(stored(far, room))
            meanwhile = {
                one: [f"{one.name} meanwhile {loss.name} {nth}" for nth in (1, 2)]
                for one in three.all
            }
            three.wait(far.lose(loss))
            for one, texts in meanwhile.items():
                for text in texts:
                    one.say(text)
            page.until_unanswered(*meanwhile[page])
            window.until_unanswered(*meanwhile[window])
            chat.until_heard()
            # Whose answer is held, waits for it before saying more.
            arrives = 3 if loss is Loss.ANSWERS else 0
            three.wait(until_stored(far, room, before + arrives))
            three.wait(far.come_back(loss))
            for texts in meanwhile.values():
                three.shown(texts[-1])
            found = page.until_shown(said[-1])[len(said) :]
            assert sorted(found) == sorted(text for texts in meanwhile.values() for text in texts)
            for texts in meanwhile.values():
                assert [text for text in found if text in texts] == texts
            said += found
        page.say("that is all")
        shown = three.shown("that is all")

        assert shown == [[*said, "that is all"]] * 3
        assert three.alarms() == []


async def stored(far: FarIlo, room: str) -> int:
    """Return how many messages the server has, which is asked by no line of theirs."""
    async with httpx.AsyncClient(base_url=far.ilo.api_url, trust_env=False) as client:
        key = (await client.post("/key")).json()["detail"]
        who = {"username": "Paige", "password": PASSWORD, "api_key": key}
        token = (await client.put("/user", json=who)).json()["token"]
        listed = await client.get("/room", headers={"Authorization": f"Bearer {token}"})
    return next(int(each["head"]) for each in listed.json()["rooms"] if each["room"] == room)


async def until_stored(far: FarIlo, room: str, amount: int) -> None:
    async with asyncio.timeout(WAIT_S):
        while (found := await stored(far, room)) < amount:  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(0.1)
    assert found == amount


async def _shows(locator: Locator, texts: list[str]) -> None:
    await expect(locator).to_have_text(texts)


def _is_calm(line: object) -> bool:
    match line:
        case Message(warnings=()):
            return True
        case Note(is_alarm=is_alarm):
            return not is_alarm
        case _:
            return False
