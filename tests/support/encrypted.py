"""People with the encrypted client, each in a folder of their own, at a real server."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from ilo_client import Change, Event, Gap, Ilo, Message, NotShown, Room

from tests.support.websocket import WAIT_S

PASSWORD = "MySuperSecurePassword57!"
PASSPHRASE = "a passphrase of this test"
_numbers = count(1)

Some = TypeVar("Some", bound=Event)


def steady_ports() -> dict[str, str]:
    """Return settings for two free ports, so that Ilo has the same ones after a restart."""
    found = []
    for _ in range(2):
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            found.append(f"127.0.0.1:{sock.getsockname()[1]}")
    return {"api_listen": found[0], "relay_listen": found[1]}


class Company:
    """Makes people, and closes them and their rooms at the end."""

    def __init__(self, folder: Path, api_url: str) -> None:
        self.folder = folder
        self.api_url = api_url
        self.ends = AsyncExitStack()

    async def join(self, stem: str, *, api_url: str | None = None) -> Ilo:
        """Return somebody who has just registered, at ``api_url`` if not where all are."""
        name = f"{stem}{next(_numbers)}"
        ilo = await Ilo.register(
            api_url or self.api_url,
            name,
            PASSWORD,
            home=self.home(name),
            passphrase=PASSPHRASE,
        )
        return await self.ends.enter_async_context(ilo)

    async def join_all(self, *stems: str) -> list[Ilo]:
        return [await self.join(stem) for stem in stems]

    async def again(self, ilo: Ilo) -> Ilo:
        """Return the same person, opened once more from the same folder."""
        found = await Ilo.open(self.home(ilo.username), passphrase=PASSPHRASE)
        return await self.ends.enter_async_context(found)

    async def enter(self, ilo: Ilo, room: str, **more: Any) -> Room:
        return await self.ends.enter_async_context(ilo.room(room, **more))

    def home(self, name: str) -> Path:
        return self.folder / name

    async def private_room(self, owner: Ilo, *guests: Ilo) -> str:
        room = await owner.create_room("tea")
        for guest in guests:
            await owner.invite(room, guest.username)
            await guest.accept(room)
        return room


@asynccontextmanager
async def company(folder: Path, api_url: str) -> AsyncIterator[Company]:
    made = Company(folder, api_url)
    async with made.ends:
        yield made


async def until(room: Room, is_it: Callable[[Event], bool]) -> Event:
    """Return the next event that is what is waited for; others are passed over."""
    return (await events(room, is_it))[-1]


async def events(room: Room, is_last: Callable[[Event], bool]) -> list[Event]:
    """Return what happens until ``is_last``, that included."""
    found: list[Event] = []
    async with asyncio.timeout(WAIT_S):
        async for event in room:
            found.append(event)
            if is_last(event):
                return found
    raise AssertionError(f"the room ended after {found}")


async def next_of(room: Room, kind: type[Some]) -> Some:
    event = await until(room, lambda event: isinstance(event, kind))
    assert isinstance(event, kind)
    return event


async def said(room: Room, amount: int) -> list[Message | NotShown]:
    """Return the next messages, those too that are not shown."""
    return [
        await next_of(room, Message | NotShown)  # type: ignore[arg-type]
        for _ in range(amount)
    ]


async def texts(room: Room, amount: int) -> list[str]:
    """Return what the next messages say; one that is not shown is told by its code."""
    return [one.text if isinstance(one, Message) else one.code for one in await said(room, amount)]


async def texts_until(room: Room, last: str) -> list[str]:
    """Return what is said until ``last``, that included."""
    found = await events(room, lambda event: isinstance(event, Message) and event.text == last)
    return [
        one.text if isinstance(one, Message) else one.code
        for one in found
        if isinstance(one, Message | NotShown)
    ]


async def calm_until(room: Room, last: str) -> list[str]:
    """Return what is said until ``last``; on the way nothing is missing, and nobody is warned."""
    found = await events(room, lambda event: isinstance(event, Message) and event.text == last)
    for event in found:
        assert not isinstance(event, NotShown | Gap), event
        assert not isinstance(event, Change) or event.kind != "key-changed", event
        assert not isinstance(event, Message) or event.warnings == (), event
    return [event.text for event in found if isinstance(event, Message)]
