"""A relay on a real socket, with people who may come in, and clocks that stand still."""

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect

from relay.introspect import Admitted, ApiUnavailable, Gatekeeper, TokenKind
from relay.server import Relay, RelaySettings
from services.events import Listeners
from services.limits import Limits
from services.model import Caller, Instant, PublicKey, RoomName, SecretHash, User, UserId, Username
from services.ports import Store
from services.rooms import History, Rooms
from spec import load_asyncapi
from tests.support.guarded_client import GuardedClient
from tests.support.websocket import (
    WAIT_S,
    Answer,
    RawSocket,
    client_frame,
    message,
    request_head,
)

NOON = Instant(1_767_355_200_000)
DAY_MS = 24 * 60 * 60 * 1000


@cache
def contract() -> dict[str, Any]:
    """Return asyncapi.yaml; one copy for all, never to be changed."""
    return load_asyncapi()


def user_id_of(name: str) -> UserId:
    return UserId(hashlib.sha256(name.encode()).digest()[:16])


def token_of(name: str) -> str:
    """Return what ``name`` shows at the door: ASCII for a name in any script."""
    return f"ilo_s_{user_id_of(name).hex()}"


class Doorkeeper:
    """A gatekeeper that knows some people by their tokens, and does what it is told.

    ``failure`` is raised instead of an answer. While ``opens`` is not None, every answer about a
    token waits for it. ``sessions`` are those that have ended.
    """

    def __init__(self) -> None:
        self.people: dict[str, Admitted] = {}
        self.asked: list[tuple[str, str]] = []
        self.sessions: set[str] = set()
        self.asked_ended: list[list[str]] = []
        self.failure: ApiUnavailable | None = None
        self.opens: asyncio.Event | None = None
        self.was_asked = asyncio.Event()

    async def ask(self, token: str, kind: TokenKind) -> Admitted | None:
        self.asked.append((token, kind))
        self.was_asked.set()
        if self.opens is not None:
            await self.opens.wait()
        if self.failure is not None:
            raise self.failure
        return self.people.get(token)

    async def ended(self, session_ids: Sequence[str]) -> frozenset[str]:
        self.asked_ended.append(list(session_ids))
        if self.failure is not None:
            raise self.failure
        return frozenset(self.sessions.intersection(session_ids))


@dataclass
class House:
    """A running relay, and beside it what REST does with rooms: ``rooms`` tells ``events``.

    Its clocks stand still: ``now_s`` (a clock that never goes back) and ``wall`` move when a
    test moves them. So of one connection a burst of frames is heard, and no more.
    """

    relay: Relay
    store: Store
    door: Doorkeeper
    events: Listeners
    rooms: Rooms
    port: int
    now_s: float
    wall: Instant = NOON
    not_ready: list[str] = field(default_factory=list)
    sweeps: int = 0
    _clients: list[ClientConnection | RawSocket] = field(default_factory=list)

    async def know(self, name: str, *, for_ms: int = DAY_MS) -> None:
        """Make ``name`` a user whom the door lets in, until ``for_ms`` after now."""
        user_id = user_id_of(name)
        expires_at = Instant(self.wall + for_ms)
        token = token_of(name)
        if token not in self.door.people and await self.store.user_named(name) is None:
            user = User(user_id, Username(name), name, "hash", self.wall)
            await self.store.add_user(user, PublicKey(1, "key", self.wall))
        self.door.people[token] = Admitted(user_id, Username(name), user_id.hex(), expires_at)

    async def caller(self, name: str) -> Caller:
        """Return ``name`` as REST knows who calls."""
        await self.know(name)
        secret = SecretHash(bytes(32))
        return Caller(
            user_id_of(name), Username(name), "", secret, secret, self.wall, self._expiry(name)
        )

    def _expiry(self, name: str) -> Instant:
        return self.door.people[token_of(name)].expires_at

    async def private_room(
        self, owner: str, *invited: str, history: History = "joined"
    ) -> RoomName:
        """Return a new room of ``owner``, to which others are invited."""
        caller = await self.caller(owner)
        room = await self.rooms.create(
            caller, retention_s=None, retention_messages=None, history=history
        )
        for name in invited:
            await self.invite(room, owner, name)
        return room

    async def invite(self, room: str, owner: str, name: str) -> None:
        await self.know(name)
        await self.rooms.put_member(await self.caller(owner), name=room, username=name)

    async def remove(self, room: str, name: str, *, by: str | None = None) -> None:
        """Let ``name`` leave, or decline; or be removed ``by`` the owner."""
        caller = await self.caller(by or name)
        await self.rooms.remove_member(caller, name=room, username=name)

    async def forget(self, room: str, *, keep: int) -> None:
        """Keep only the newest messages of ``room``."""
        limits = replace(self.relay.limits, retention_messages=keep)
        while await self.store.enforce_retention(self.wall, limits):
            pass

    async def swept(self) -> None:
        """Wait until the relay has looked after everything at the time that it is now."""
        # The one under way may have begun before.
        enough = self.sweeps + 2
        await until(lambda: self.sweeps >= enough)

    async def raw(self) -> RawSocket:
        """Return a connection on which nothing was said yet."""
        client = await RawSocket.open(self.port)
        self._clients.append(client)
        return client

    async def join(self, name: str, room: str = "chat", **cursor: Any) -> RawSocket:
        """Return a connection that is in ``room`` and has read its welcome; see ``welcome``."""
        client, _ = await self.welcome(name, room, **cursor)
        return client

    async def welcome(
        self, name: str, room: str = "chat", *, since: int | None = None, epoch: str | None = None
    ) -> tuple[RawSocket, dict[str, Any]]:
        """Return the same and the welcome; ``since`` and ``epoch`` are the client's cursor."""
        if token_of(name) not in self.door.people:
            await self.know(name)
        client = await self.raw()
        await client.send(request_head(target(room, since=since, epoch=epoch), bearer(name)))
        status, _ = await client.read_head()
        assert status == 101
        return client, await client.json()

    async def fill(self, count: int, name: str = "ann", room: str = "chat") -> RawSocket:
        """Let ``name`` say 1 to ``count``; return the connection, which has read all of it."""
        client = await self.join(name, room)
        for first in range(1, count + 1, 50):
            texts = [str(one) for one in range(first, min(first + 50, count + 1))]
            await client.send(b"".join(client_frame(message(text)) for text in texts))
            assert await client.messages(len(texts)) == texts
            for _ in texts:
                await client.json_of("ack")
        return client

    async def knock(self, name: str, room: str = "chat", query: str = "") -> Answer:
        """Return how ``name`` is refused."""
        if token_of(name) not in self.door.people:
            await self.know(name)
        client = await self.raw()
        await client.send(request_head(f"/ws/{room}{query}", bearer(name)))
        return await client.answer()

    async def library(self, name: str, room: str = "chat") -> ClientConnection:
        """Return the same by the ``websockets`` client, the welcome not yet read."""
        if token_of(name) not in self.door.people:
            await self.know(name)
        client = await connect(
            f"ws://127.0.0.1:{self.port}/ws/{room}",
            additional_headers=bearer(name),
            compression=None,
            create_connection=GuardedClient,
        )
        self._clients.append(client)
        return client

    async def leave(self) -> None:
        """Cut every client, and stop the relay."""
        for client in self._clients:
            if isinstance(client, RawSocket):
                client.abort()
            else:
                client.transport.abort()
        await self.relay.drain()


def target(room: str, *, since: int | None = None, epoch: str | None = None) -> str:
    """Return what a handshake asks for."""
    cursor = {"since": since, "epoch": epoch}
    query = "&".join(f"{name}={value}" for name, value in cursor.items() if value is not None)
    return f"/ws/{room}?{query}" if query else f"/ws/{room}"


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token_of(name)}"}


@asynccontextmanager
async def open_house(
    store: Store,
    *,
    limits: Limits | None = None,
    allowed_origins: frozenset[str] = frozenset(),
    gatekeeper: Gatekeeper | None = None,
) -> AsyncIterator[House]:
    """Run a relay on ``store`` until the end of the block. ``limits`` are generous if not given."""
    door = Doorkeeper()
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    settings = RelaySettings(limits or GENEROUS, allowed_origins)
    # A whole number: what the tests add to it stays exact.
    now_s = float(int(asyncio.get_running_loop().time()))

    async def readiness() -> list[str]:
        return house.not_ready

    events = Listeners()

    def clock() -> Instant:
        return house.wall

    relay = Relay(contract(), settings, store, gatekeeper or door, clock, readiness, events)
    rooms = Rooms(store, settings.limits, clock, events.tell)
    house = House(relay, store, door, events, rooms, listening.getsockname()[1], now_s)
    look_after = relay._news.look_after

    def counted(now_s: float) -> None:
        look_after(now_s)
        house.sweeps += 1

    relay._news.look_after = counted  # type: ignore[method-assign]
    await relay.start([listening])
    relay.now_s = lambda: house.now_s
    try:
        yield house
    finally:
        await house.leave()


GENEROUS = Limits(frames_burst=100_000)


async def until(holds: Callable[[], bool]) -> None:
    """Let the loop turn until the condition holds; fail when it does not in time."""
    async with asyncio.timeout(WAIT_S):
        while not holds():  # noqa: ASYNC110  # what is waited for has no event of its own
            await asyncio.sleep(0.001)


async def heard(client: ClientConnection) -> dict[str, Any]:
    """Return the next frame of a ``websockets`` client."""
    async with asyncio.timeout(WAIT_S):
        frame: dict[str, Any] = orjson.loads(await client.recv())
    return frame


async def heard_of(client: ClientConnection, kind: str) -> dict[str, Any]:
    """Return the next frame of type ``kind``, skipping others."""
    while (frame := await heard(client))["type"] != kind:
        pass
    return frame
