"""What the log of rooms takes from a store: appends by many writers, replay, paging back."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from services.errors import IloError
from services.limits import Limits
from services.model import (
    Draft,
    Instant,
    LoggedMessage,
    MessageId,
    PublicKey,
    Receipt,
    RoomId,
    RoomName,
    User,
    UserId,
    Username,
)
from services.ports import Appended, Store

TEXT: Final = "x7Kq" * 175  # 700 characters: a short message, encrypted and framed
NOW: Final = Instant(1_700_000_000_000)
REPLAYED: Final = 2_000
REPLAY_LIMIT: Final = 200
"""Messages a page, as the relay takes them."""
PAGE_LIMIT: Final = 50
"""As the API takes them when not told otherwise."""
PAGE_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Taken:
    """``messages`` in ``seconds``; times of each call, in milliseconds."""

    messages: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @classmethod
    def of(cls, messages: int, seconds: float, times_s: Sequence[float]) -> "Taken":
        ordered = sorted(times_s)
        p50, p99 = (ordered[len(ordered) * share // 100] * 1e3 for share in (50, 99))
        return cls(messages, seconds, p50, p99)

    @property
    def a_second(self) -> float:
        return self.messages / self.seconds


class RoomLogBench:
    """Uses a store with a sender of its own, and a new room whenever one is needed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sender = UserId(os.urandom(16))
        self._rooms = 0

    async def prepare(self) -> None:
        name = f"sender-{self._sender.hex()}"
        user = User(self._sender, Username(name), name, "no-password", NOW)
        await self._store.add_user(user, PublicKey(1, "no-key", NOW))

    async def one_room(self, writers: int, seconds: float) -> Taken:
        """Let so many writers, who each wait for the receipt, append to one room."""
        room = await self._new_room()
        return await self._appends([room] * writers, seconds)

    async def room_each(self, writers: int, seconds: float) -> Taken:
        """Let every writer append to a room of its own."""
        return await self._appends([await self._new_room() for _ in range(writers)], seconds)

    async def replay(self, seconds: float) -> Taken:
        """Read ``REPLAYED`` messages forwards, again and again; the times are of pages."""
        room = await self._filled_room()

        async def whole(times: list[float]) -> int:
            after = 0
            while page := await _timed(
                times, self._store.messages_after(room, after, REPLAY_LIMIT, PAGE_BYTES)
            ):
                after = page[-1].seq
            return after

        return await self._reads(whole, seconds)

    async def page_back(self, seconds: float) -> Taken:
        """Read as many backwards, a page of the API's size at a time."""
        room = await self._filled_room()

        async def whole(times: list[float]) -> int:
            before: int | None = None
            while page := await _timed(
                times, self._store.messages_before(room, before, 1, PAGE_LIMIT, PAGE_BYTES)
            ):
                before = page[0].seq
            return REPLAYED

        return await self._reads(whole, seconds)

    async def _new_room(self) -> RoomId:
        self._rooms += 1
        name = RoomName(f"room-{self._sender.hex()}-{self._rooms}")
        limits = Limits(rooms_per_user=1_000_000)
        entry = await self._store.enter_room(name, self._sender, NOW, limits)
        assert entry is not None
        return entry.room.room_id

    async def _filled_room(self) -> RoomId:
        room = await self._new_room()
        filled = asyncio.get_running_loop().create_future()
        left = REPLAYED

        def stored(outcomes: Sequence[Appended]) -> None:
            nonlocal left
            left -= len(outcomes)
            if not left:
                filled.set_result(None)

        self._store.append([self._draft(room) for _ in range(REPLAYED)], stored)
        await filled
        return room

    async def _appends(self, rooms: Sequence[RoomId], seconds: float) -> Taken:
        """Let a writer for each of the rooms go on until the time is over.

        Each has written one message before: the first one of a room costs more.
        """
        first: list[float] = []
        async with asyncio.TaskGroup() as writers:
            for room in set(rooms):
                # A time that is over at once: one message.
                writers.create_task(self._write(room, 0.0, first))
        times: list[float] = []
        began = time.perf_counter()
        async with asyncio.TaskGroup() as writers:
            for room in rooms:
                writers.create_task(self._write(room, began + seconds, times))
        return Taken.of(len(times), time.perf_counter() - began, times)

    async def _write(self, room: RoomId, until: float, times: list[float]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            sent = time.perf_counter()
            told: asyncio.Future[Receipt | IloError] = loop.create_future()
            self._store.append([self._draft(room)], partial(_settle, told))
            outcome = await told
            if not isinstance(outcome, Receipt):
                raise outcome
            now = time.perf_counter()
            times.append(now - sent)
            if now >= until:
                return

    async def _reads(self, whole: Callable[[list[float]], Awaitable[int]], seconds: float) -> Taken:
        times: list[float] = []
        messages = 0
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            messages += await whole(times)
        return Taken.of(messages, time.perf_counter() - began, times)

    def _draft(self, room: RoomId) -> Draft:
        return Draft(room, self._sender, MessageId(os.urandom(16)), NOW, TEXT)


def _settle(told: "asyncio.Future[Receipt | IloError]", outcomes: Sequence[Appended]) -> None:
    told.set_result(outcomes[0][1])


async def _timed(times: list[float], call: Awaitable[list[LoggedMessage]]) -> list[LoggedMessage]:
    began = time.perf_counter()
    page = await call
    times.append(time.perf_counter() - began)
    return page
