"""One person at the window, one at `ilo-chat`, one with the library, in one private room."""

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import pytest
from ilo_client import Ilo, Message, NotShown, Room
from ilo_relay import RelayProblem

from tests.support.chat import Chatter, Talking, chatter
from tests.support.desktop import Desk, states
from tests.support.encrypted import texts_until
from tests.support.friends import Friends
from tests.support.ilo_process import IloProcess

LAST = "that is all"
# Each comes back when its own backoff says so: 30 s later at most.
BACK_S = 40.0


class Company:
    """The three, and the room that the window made."""

    def __init__(self, desk: Desk, chat: Chatter, friends: Friends, lib: Ilo) -> None:
        self.desk, self.chat, self.friends, self.lib = desk, chat, friends, lib
        self.room = desk.make_room("three of us")

    def let_in(self, name: str, accept: Callable[[], object]) -> None:
        page = self.desk.members()
        self.desk.type(page.invite.entry, name)
        self.desk.press("<Return>")
        self.desk.until(lambda: f"{name} is invited" in self.desk.told(), f"{name} is invited")
        accept()
        self.desk.until(lambda: states(page).get(name) == "", f"{name} is in")
        self.desk.press("<Escape>")

    def remove(self, name: str) -> None:
        page = self.desk.members()
        self.desk.until(lambda: name in states(page), "the members")
        page.choose(name)
        self.desk.press("<Return>", page.remove)
        self.desk.press("<Return>", page.remove)
        self.desk.until(lambda: f"{name} is removed" in self.desk.told(), f"{name} is removed")
        self.desk.press("<Escape>")

    def verify_in_the_chat(self, name: str) -> str:
        done = self.chat.json("verify", name, "--yes").fine().object
        assert done["state"] == "verified"
        return digits_of(str(done["safety_number"]))

    async def verify_with_the_library(self, name: str) -> str:
        digits = await self.lib.safety_number(name)
        assert (await self.lib.verify(name)).state == "verified"
        return digits


def digits_of(text: str) -> str:
    return "".join(text.split())


@pytest.fixture
def three(desk: Desk, friends: Friends, ilo: IloProcess, tmp_path: Path) -> Company:
    chat = chatter(tmp_path, ilo.api_url, "chat").register()
    lib = friends.do(friends.people.join("lib"))
    made = Company(desk, chat, friends, lib)
    made.let_in(chat.name, lambda: chat.run("accept", made.room).fine())
    made.let_in(lib.username, lambda: desk.wait(friends.begin(lib.accept(made.room))))
    return made


def test_everybody_compares_the_same_digits_with_everybody(three: Company) -> None:
    window, chat, lib = three.desk.me, three.chat.name, three.lib.username

    seen = {
        "window, chat": three.desk.verify(chat),
        "chat, window": three.verify_in_the_chat(window),
        "chat, library": three.verify_in_the_chat(lib),
        "library, chat": three.friends.do(three.verify_with_the_library(chat)),
        "library, window": three.friends.do(three.verify_with_the_library(window)),
        "window, library": three.desk.verify(lib),
    }

    assert seen["window, chat"] == seen["chat, window"]
    assert seen["chat, library"] == seen["library, chat"]
    assert seen["library, window"] == seen["window, library"]
    assert len(set(seen.values())) == 3
    assert {len(digits) for digits in seen.values()} == {60}


def test_everybody_sees_everything_once_while_the_server_is_killed_and_members_change(
    three: Company, ilo: IloProcess
) -> None:
    desk, friends, room = three.desk, three.friends, three.room
    libs = friends.do(friends.people.enter(three.lib, room))
    dora = friends.do(friends.people.join("dora"))

    with three.chat.talking(room) as chats:
        every = Everybody(three, chats, libs)
        every.says("window", "hello from the window 🪟")
        every.says("chat", "hello from the chat")
        every.says("library", "hello from the library שלום")

        ilo.kill()
        desk.until(lambda: "connection lost" in desk.talk().about.whole, "the loss is told")
        desk.say("window: is anybody there?")
        chats.say("chat: is anybody there?")
        waiting = friends.begin(libs.send("library: is anybody there?"))
        ilo.start()
        desk.wait(waiting)
        desk.until(
            lambda: {"window: is anybody there?", "chat: is anybody there?"} <= set(desk.said()),
            "what was said meanwhile",
            BACK_S,
        )

        three.remove(three.lib.username)
        every.says("window", "without the library")
        every.says("chat", "quite so")
        three.let_in(dora.username, lambda: desk.wait(friends.begin(dora.accept(room))))
        doras = friends.do(friends.people.enter(dora, room))
        every.says("window", "welcome, Dora")
        desk.wait(friends.begin(doras.send("hello from Dora")))
        desk.until_said("hello from Dora")
        every.says("chat", LAST)

        of_chat = said_in(chats)
    of_window = desk.said()
    of_library = desk.wait(friends.begin(until_the_end(libs)))
    of_dora = desk.wait(friends.begin(texts_until(doras, LAST)))
    meanwhile = {f"{who}: is anybody there?" for who in ("window", "chat", "library")}
    first = ["hello from the window 🪟", "hello from the chat", "hello from the library שלום"]
    later = ["without the library", "quite so"]
    last = ["welcome, Dora", "hello from Dora", LAST]
    assert of_window == of_chat
    assert of_window[:3] == first
    assert set(of_window[3:6]) == meanwhile
    assert of_window[6:] == [*later, *last]
    assert of_library == of_window[:6]
    assert of_dora == last


class Everybody:
    def __init__(self, three: Company, chats: Talking, libs: Room) -> None:
        self._three, self._chats, self._libs = three, chats, libs

    def says(self, where: str, text: str) -> None:
        """Let one say something, and the window and the chat see it."""
        desk, friends = self._three.desk, self._three.friends
        if where == "window":
            desk.say(text)
        elif where == "chat":
            self._chats.say(text)
        else:
            sent: Future[object] = friends.begin(self._libs.send(text))
            desk.wait(sent)
        self._chats.until(type="message", text=text)
        desk.until_said(text)


def said_in(chats: Talking) -> list[str]:
    """Return what a chat has shown; of what it did not show, the code."""
    return [
        str(event.get("text", event.get("code")))
        for event in chats.seen
        if event["type"] in ("message", "not-shown")
    ]


async def until_the_end(room: Room) -> list[str]:
    """Return what is said until one is removed."""
    found: list[str] = []
    try:
        async for event in room:
            if isinstance(event, Message):
                found.append(event.text)
            elif isinstance(event, NotShown):
                found.append(event.code)
    except RelayProblem:
        return found
    raise AssertionError("nobody was removed")
