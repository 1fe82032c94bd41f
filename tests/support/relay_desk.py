"""A relay that runs, and people at it, for tests that are no coroutines: hypothesis' own."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final, TypeVar

import orjson
import uvloop

from services.limits import Limits
from store.sqlite import SqliteStore
from tests.support.relay import House, open_house
from tests.support.websocket import (
    CLOSE,
    OF_OTHERS,
    PING,
    PONG,
    TEXT,
    RawSocket,
    client_frame,
)

Frame = dict[str, Any]
Result = TypeVar("Result")
NO_MASK = bytes(4)
_rooms = count(1)


ANSWERS: Final = {"MessageIn": "ack", "HistoryIn": "history", "SignalIn": "silence"}
"""What a client's message is answered, by its key."""


class Hungup(AssertionError):
    """The relay closed the connection where it had to go on."""

    def __init__(self, code: int) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


class Member:
    """Somebody in a room. Every frame passes the guard; the last word is a ``Hungup``."""

    def __init__(self, desk: "Desk", socket: RawSocket, welcome: Frame) -> None:
        self._run = desk.run
        self._socket = socket
        self.welcome = welcome
        self._heard: list[Frame] = []

    def send(self, *texts: bytes) -> None:
        """Send frames, all in one write."""
        frames = b"".join(client_frame(text, mask=NO_MASK) for text in texts)
        self._run(self._socket.send(frames))

    def hear(self, *kinds: str) -> Frame:
        """Return the oldest frame, not yet returned, of one of these types."""
        return self._run(self._hear(kinds))

    async def _hear(self, kinds: tuple[str, ...]) -> Frame:
        for place, frame in enumerate(self._heard):
            if frame["type"] in kinds:
                return self._heard.pop(place)
        while True:
            opcode, payload = await self._socket.frame()
            if opcode == CLOSE:
                raise Hungup(int.from_bytes(payload[:2], "big"))
            assert opcode == TEXT
            new: Frame = orjson.loads(payload)
            if new["type"] in kinds:
                return new
            self._heard.append(new)

    def reply(self, text: bytes, key: str = "MessageIn") -> Frame:
        """Send one frame; return its answer, an ``error`` or what the contract has for ``key``.

        A signal that is taken has none: then ``type`` is ``silence``.
        """
        self.send(text)
        if key == "SignalIn":
            self._run(self._up_to_now())
            errors = [frame for frame in self._heard if frame["type"] == "error"]
            return self.hear("error") if errors else {"type": ANSWERS[key]}
        return self.hear(ANSWERS[key], "error")

    def said(self, text: bytes) -> tuple[Frame, Frame]:
        """Send one frame that is new; return its ``ack`` and one's own ``message``."""
        return self.reply(text), self.hear("message")

    def hears_nothing_more(self) -> None:
        """See that nothing came that was not returned, but for what is told of others."""
        self._run(self._up_to_now())
        assert [frame for frame in self._heard if frame["type"] not in OF_OTHERS] == []

    async def _up_to_now(self) -> None:
        await self._socket.send(client_frame(b"?", PING))
        while (frame := await self._socket.frame()) != (PONG, b"?"):
            assert frame[0] == TEXT
            self._heard.append(orjson.loads(frame[1]))

    def leave(self) -> None:
        self._socket.abort()


class Desk:
    """Where tests meet a running relay."""

    def __init__(self, runner: asyncio.Runner, house: House) -> None:
        self._runner = runner
        self._house = house

    def run(self, doing: Coroutine[Any, Any, Result]) -> Result:
        """Let the relay and its clients go on until this is done."""
        return self._runner.run(doing)

    @property
    def house(self) -> House:
        return self._house

    def join(self, name: str, room: str, **cursor: Any) -> Member:
        socket, welcome = self.run(self._house.welcome(name, room, **cursor))
        return Member(self, socket, welcome)

    def knock(self, name: str, room: str, query: str = "") -> tuple[int, str]:
        """Return status and reason that ``name`` is refused with who asks to come in."""
        answer = self.run(self._house.knock(name, room, query))
        return answer.status, answer.json["type"].removeprefix("/problems/")


def some_name() -> str:
    """Return a user who was in no room."""
    return f"user-{next(_rooms)}"


def some_room() -> str:
    """Return a room that nobody was in."""
    return f"room-{next(_rooms)}"


@contextmanager
def open_desk(folder: Path, limits: Limits | None = None) -> Iterator[Desk]:
    """Run a relay on an embedded store in ``folder``, only while somebody waits for it."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        stack = AsyncExitStack()
        try:
            store = runner.run(SqliteStore.open(folder))
            stack.push_async_callback(store.close)
            house = runner.run(stack.enter_async_context(open_house(store, limits=limits)))
            yield Desk(runner, house)
        finally:
            runner.run(stack.aclose())
