"""Generated clients of a room that wait for nothing, and what tests do with them."""

import asyncio
from typing import Any, Protocol

from ilo_relay import (
    Backoff,
    ClientClosed,
    MessageOut,
    RelayClosed,
    RelayError,
    RoomClient,
    Unconfirmed,
)

from tests.support.relay import token_of
from tests.support.websocket import WAIT_S


class HasPort(Protocol):
    """Something that listens on this machine."""

    @property
    def port(self) -> int: ...


class Pauses:
    """Waits for nothing, and remembers how long it should have."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await asyncio.sleep(0)
        await self.go_on.wait()


def client_of(
    where: HasPort, pauses: Pauses | None = None, name: str = "ann", **more: Any
) -> RoomClient:
    more.setdefault("token", None if "ticket" in more else token_of(name))
    more.setdefault("room", "chat")
    backoff = Backoff(random=lambda: 1.0, sleep=pauses or Pauses())
    more.setdefault("backoff", backoff)
    return RoomClient(f"ws://127.0.0.1:{where.port}", **more)


async def next_of(room: RoomClient) -> Any:
    async with asyncio.timeout(WAIT_S):
        return await anext(room)


async def next_message(room: RoomClient) -> MessageOut:
    """Return the next message; the others that come meanwhile are passed over."""
    while not isinstance(frame := await next_of(room), MessageOut):
        continue
    return frame


async def texts(room: RoomClient, amount: int) -> list[str]:
    """Return what the next messages say; their seqs must have no hole."""
    found: list[MessageOut] = []
    while len(found) < amount:
        frame = await next_of(room)
        if isinstance(frame, MessageOut):
            found.append(frame)
    assert [frame.seq for frame in found] == list(range(found[0].seq, found[0].seq + amount))
    return [frame.data.message for frame in found]


async def told(sending: Any) -> Any:
    """Return the answer, or the error instead of one."""
    try:
        return await sending
    except (RelayError, Unconfirmed, RelayClosed, ClientClosed) as error:
        return error
