"""Relays on real sockets that are none: one says what a test tells it to, one keeps a room.

They are for what a right relay never does, or not when a test wants it.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from spec import load_asyncapi
from tests.support.websocket import WAIT_S

EPOCH: Final = "7d7f6f0c-0d0a-4b6e-8d3a-0c9a5f1b2e3d"
OTHER_EPOCH: Final = "11111111-2222-4333-8444-555555555555"
SENT_AT: Final = "2026-01-02T12:00:00.000Z"
_WELCOME: Final = load_asyncapi()["components"]["messages"]["Welcome"]["examples"][0]["payload"]


def welcome(**members: Any) -> dict[str, Any]:
    """Return the welcome of ann to an empty room."""
    base = {"username": "ann", "epoch": EPOCH, "head": 0, "floor": 1, "online": 1}
    return {**_WELCOME, **base, **members}


def message(seq: int, text: str = "", *, id: str | None = None, sender: str = "bob") -> Any:
    """Return a message of the room; its id is that of its seq."""
    frame = {"type": "message", "id": id or id_of(seq), "seq": seq, "room": "chat"}
    return frame | {"sender": sender, "sent_at": SENT_AT, "data": {"message": text or str(seq)}}


def gap(reason: str, from_seq: int, to_seq: int) -> dict[str, Any]:
    return {"type": "gap", "from_seq": from_seq, "to_seq": to_seq, "reason": reason}


def id_of(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"


class Line:
    """One connection of a client, from the relay's side."""

    def __init__(self, socket: ServerConnection) -> None:
        self._socket = socket
        assert socket.request is not None
        self.query = dict(parse_qsl(urlsplit(socket.request.path).query))
        """What the client asked for, in the address."""

    async def say(self, *frames: dict[str, Any]) -> None:
        for frame in frames:
            await self._socket.send(json.dumps(frame))

    async def say_on(self, frame: dict[str, Any]) -> None:
        """Say ``frame`` again and again until the client hangs up."""
        with suppress(ConnectionClosed):
            while True:
                await self.say(frame)
                await asyncio.sleep(0.02)

    async def hear(self) -> dict[str, Any]:
        """Return the client's next frame."""
        async with asyncio.timeout(WAIT_S):
            frame: dict[str, Any] = json.loads(await self._socket.recv())
        return frame

    async def ack(self, seq: int, id: str) -> None:
        await self.say({"type": "ack", "id": id, "seq": seq, "sent_at": SENT_AT})

    def cut(self) -> None:
        self._socket.transport.abort()

    async def until_over(self) -> None:
        async with asyncio.timeout(WAIT_S):
            await self._socket.wait_closed()


class StandIn:
    """A relay that lets everybody in and then leaves the word to the test.

    What ``guests`` holds is closed before it.
    """

    def __init__(self) -> None:
        self.port = 0
        self.guests = AsyncExitStack()
        self._lines: asyncio.Queue[Line] = asyncio.Queue()

    async def serve(self, socket: ServerConnection) -> None:
        line = Line(socket)
        self._lines.put_nowait(line)
        await socket.wait_closed()

    async def line(self, *frames: dict[str, Any], **members: Any) -> Line:
        """Return the next connection, when it is welcomed and told ``frames``."""
        async with asyncio.timeout(WAIT_S):
            line = await self._lines.get()
        await line.say(welcome(**members), *frames)
        return line

    def nobody_came(self) -> bool:
        return self._lines.empty()


class RoomKeeper:
    """A relay with one room, which is kept as the contract says, in memory.

    Everybody is ann. What it does not do: limits, retention, other epochs.
    """

    def __init__(self) -> None:
        self.port = 0
        self.messages: list[dict[str, Any]] = []
        self._more = asyncio.Condition()

    async def serve(self, socket: ServerConnection) -> None:
        line = Line(socket)
        with suppress(ConnectionClosed):
            since = int(line.query.get("since", len(self.messages)))
            assert since == 0 or line.query["epoch"] == EPOCH
            await line.say(welcome(head=len(self.messages)))
            feeding = asyncio.create_task(self._feed(line, since))
            try:
                while True:
                    await self._take(line, json.loads(await socket.recv()))
            finally:
                feeding.cancel()

    async def _feed(self, line: Line, sent: int) -> None:
        with suppress(ConnectionClosed):
            while True:
                async with self._more:
                    while len(self.messages) == sent:
                        await self._more.wait()
                await line.say(self.messages[sent])
                sent += 1

    async def _take(self, line: Line, frame: dict[str, Any]) -> None:
        stored = [one for one in self.messages if one["id"] == frame["id"]]
        if not stored:
            text = frame["data"]["message"]
            made = message(len(self.messages) + 1, text, id=frame["id"], sender="ann")
            self.messages.append(made)
            stored = [made]
            async with self._more:
                self._more.notify_all()
        await line.ack(stored[0]["seq"], frame["id"])


@asynccontextmanager
async def _open(
    handler: Callable[[ServerConnection], Awaitable[None]],
) -> AsyncIterator[int]:
    server = await serve(
        handler,
        "127.0.0.1",
        0,
        compression=None,
        ping_interval=None,
        subprotocols=[Subprotocol("ilo.v1")],
        close_timeout=1,
    )
    try:
        yield next(iter(server.sockets)).getsockname()[1]
    finally:
        for socket in server.connections:
            socket.transport.abort()
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def stand_in() -> AsyncIterator[StandIn]:
    relay = StandIn()
    async with _open(relay.serve) as relay.port, relay.guests:
        yield relay


@asynccontextmanager
async def room_keeper() -> AsyncIterator[RoomKeeper]:
    relay = RoomKeeper()
    async with _open(relay.serve) as relay.port:
        yield relay
