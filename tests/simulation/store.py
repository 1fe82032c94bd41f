"""The embedded store's own code in virtual time: without threads, on a database in memory."""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from services.errors import StorageFull, StoreUnavailable
from services.limits import Limits
from services.model import (
    Draft,
    Entry,
    Instant,
    Membership,
    PublicKey,
    Room,
    RoomId,
    RoomName,
    User,
    UserId,
)
from store.sqlite import SqliteStore
from store.sqlite.committer import Committer
from store.sqlite.log import Outcome, RoomLog
from store.sqlite.requests import Append, Done, Group, Job, Result, Telling, Work
from store.sqlite.retention import Retention
from tests.simulation.chance import TICK_MS, Chance
from tests.simulation.disk import Disk, Killed
from tests.simulation.loop import MS_A_SECOND

T = TypeVar("T")

STORE_MS = 5
SLOW_STORE_MS = 1000


class VirtualStore(SqliteStore):
    """One process' way to the disk. ``die`` ends that process.

    ``failed`` is told of failed reads, ``refused`` of messages for which there was no space, and
    ``aged`` of the time of day by which messages are forgotten. ``is_late``: also single rows come
    some time after the question, as the port allows.
    """

    committer_class = Committer

    def __init__(
        self,
        disk: Disk,
        chance: Chance,
        die: Callable[[], None],
        failed: Callable[[], None],
        aged: Callable[[Instant, Limits], None],
        refused: Callable[[Draft], None],
    ) -> None:
        self._disk = disk
        self._chance = chance
        self._failed = failed
        self._aged = aged
        self._is_late = chance.happens(0.5)
        self._closed = False
        self._random_bytes = chance.some_bytes
        self._rows = self._pages = disk.database
        self._log = VirtualLog(disk, refused)
        committer = self.committer_class(disk.database, self._log)
        self._writer = VirtualWriter(disk, committer, chance, die)  # type: ignore[assignment]
        self._retention = Retention(self._log, self._read_page, self._writer.do)

    async def _way(self) -> None:
        await asyncio.sleep(time_ms(self._chance) / MS_A_SECOND)

    async def _late(self) -> None:
        if self._is_late:
            await self._way()

    async def _read_page(self, query: Job[T]) -> T:
        # The answer is of some moment between question and answer.
        await self._way()
        page = self._read(query)
        await self._way()
        return page

    def _read(self, query: Job[T]) -> T:
        try:
            with self._disk.reading():
                return query(self._rows)
        except sqlite3.Error as error:
            self._failed()
            raise StoreUnavailable from error

    async def user_named(self, name_key: str) -> User | None:
        await self._late()
        return await super().user_named(name_key)

    async def user(self, user_id: UserId) -> User | None:
        await self._late()
        return await super().user(user_id)

    async def public_key(self, user_id: UserId) -> PublicKey | None:
        await self._late()
        return await super().public_key(user_id)

    async def enter_room(
        self, name: RoomName, user_id: UserId, now: Instant, limits: Limits
    ) -> Entry | None:
        await self._late()
        entry = await super().enter_room(name, user_id, now, limits)
        await self._late()
        return entry

    async def room_named(self, name: RoomName) -> Room | None:
        await self._late()
        return await super().room_named(name)

    async def room(self, room_id: RoomId) -> Room | None:
        await self._late()
        room = await super().room(room_id)
        await self._late()
        return room

    async def membership(self, room_id: RoomId, user_id: UserId) -> Membership | None:
        await self._late()
        membership = await super().membership(room_id, user_id)
        await self._late()
        return membership

    async def enforce_retention(self, now: Instant, limits: Limits) -> int:
        self._aged(now, limits)
        return await super().enforce_retention(now, limits)


class VirtualLog(RoomLog):
    """Tells ``refused`` of what finds no space: its sender may send it again after others."""

    def __init__(self, disk: Disk, refused: Callable[[Draft], None]) -> None:
        super().__init__(disk.database)
        self._refused = refused

    def not_written(
        self, drafts: Sequence[Draft], refusal: type[StorageFull | StoreUnavailable]
    ) -> list[Outcome]:
        outcomes = super().not_written(drafts, refusal)
        for draft, outcome in zip(drafts, outcomes, strict=True):
            if isinstance(outcome, StorageFull):
                self._refused(draft)
        return outcomes


class VirtualWriter:
    """Commits one group at a time, each some time after it was asked for and in one step.

    What is to be told comes later, in order; the next group may be written meanwhile.
    """

    def __init__(
        self, disk: Disk, committer: Committer, chance: Chance, die: Callable[[], None]
    ) -> None:
        self._disk = disk
        self._committer = committer
        self._chance = chance
        self._die = die
        self._loop = asyncio.get_running_loop()
        self._group = Group()
        self._is_busy = False
        self._untold: deque[Sequence[Telling]] = deque()
        self._told_at_s = 0.0

    def append(self, drafts: Sequence[Draft], done: Done) -> None:
        """Keep the promise of ``services.ports.RoomStore.append``."""
        for request in self._committer.requests(drafts, done) if drafts else ():
            self._ask(request)

    async def do(self, job: Job[T]) -> T:
        """Run ``job`` in a transaction and return its result once that is durable."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._ask(Work(job, partial(_settle, future)))
        return await future

    def _ask(self, request: Append | Work) -> None:
        self._group.add(request)
        if not self._is_busy:
            self._is_busy = True
            self._later(time_ms(self._chance), self._commit)

    def _commit(self) -> None:
        group, self._group = self._group, Group()
        try:
            with self._disk.committing():
                tellings = self._committer.commit(group)
        except Killed:
            self._die()
            return
        self._untold.append(tellings)
        late_ms = self._chance.pick((0, 0, TICK_MS, time_ms(self._chance)))
        self._told_at_s = max(self._told_at_s, self._loop.time() + late_ms / MS_A_SECOND)
        # Timers of one instant come in any order; what they tell does not.
        self._loop.call_at(self._told_at_s, self._tell_oldest)
        self._later(self._chance.pick((0, TICK_MS)), self._go_on)

    def _go_on(self) -> None:
        self._is_busy = bool(self._group.appends or self._group.work)
        if self._is_busy:
            self._later(time_ms(self._chance), self._commit)

    def _tell_oldest(self) -> None:
        for telling in self._untold.popleft():
            telling()

    def _later(self, delay_ms: int, act: Callable[[], None]) -> None:
        self._loop.call_later(delay_ms / MS_A_SECOND, act)


def _settle(future: asyncio.Future[Any], result: Result) -> None:
    if future.done():
        return
    if result.error is None:
        future.set_result(result.value)
    else:
        future.set_exception(result.error)


def time_ms(chance: Chance) -> int:
    """Return how long one step of the store's takes."""
    slow = chance.happens(chance.faults.slow_store)
    return chance.lag_ms(SLOW_STORE_MS if slow else STORE_MS)
