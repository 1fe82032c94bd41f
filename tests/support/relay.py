"""A relay on a real socket, with people who may come in, and clocks that stand still."""

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect

from relay.introspect import Admitted, ApiUnavailable, Gatekeeper, TokenKind
from relay.server import Relay, RelaySettings
from services.limits import Limits
from services.model import Instant, PublicKey, User, UserId, Username
from services.ports import Store
from spec import load_asyncapi
from tests.support.guarded_client import GuardedClient
from tests.support.websocket import WAIT_S, RawSocket, request_head

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

    ``failure`` is raised instead of an answer. While ``opens`` is not None, every answer waits
    for it.
    """

    def __init__(self) -> None:
        self.people: dict[str, Admitted] = {}
        self.asked: list[tuple[str, str]] = []
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


@dataclass
class House:
    """A running relay.

    Its clocks stand still: ``now_s`` (a clock that never goes back) and ``wall`` move when a
    test moves them. So of one connection a burst of frames is heard, and no more.
    """

    relay: Relay
    store: Store
    door: Doorkeeper
    port: int
    now_s: float
    wall: Instant = NOON
    not_ready: list[str] = field(default_factory=list)
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

    async def raw(self) -> RawSocket:
        """Return a connection on which nothing was said yet."""
        client = await RawSocket.open(self.port)
        self._clients.append(client)
        return client

    async def join(self, name: str, room: str = "chat") -> RawSocket:
        """Return a connection that is in ``room`` and has read its welcome."""
        client, _ = await self.welcome(name, room)
        return client

    async def welcome(self, name: str, room: str = "chat") -> tuple[RawSocket, dict[str, Any]]:
        if token_of(name) not in self.door.people:
            await self.know(name)
        client = await self.raw()
        await client.send(request_head(f"/ws/{room}", bearer(name)))
        status, _ = await client.read_head()
        assert status == 101
        return client, await client.json()

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

    relay = Relay(contract(), settings, store, gatekeeper or door, lambda: house.wall, readiness)
    house = House(relay, store, door, listening.getsockname()[1], now_s)
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
