"""How messages get into the log: what is asked for in one room meanwhile shares the next write.

Knows no driver. The condition of a write is the head that it goes on from, so that of several
appenders of a room one at a time goes on, and the others learn where they are.
"""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from services.errors import IloError, InvalidInput, StoreUnavailable
from services.model import Draft, Receipt, RoomId, UserId, Username
from services.ports import Appended
from store.cassandra.buckets import BUCKET_SEQS, bucket_of, last_of
from store.cassandra.drafts import Drafts
from store.cassandra.known_rooms import KnownRooms
from store.cassandra.log import (
    MAX_GROUP_BYTES,
    MAX_GROUP_MESSAGES,
    Answer,
    Conflict,
    Group,
    LogTable,
    Unknown,
    Written,
)
from store.cassandra.patience import FIRST_PAUSE_S, LONGEST_PAUSE_S, LONGEST_S
from store.utf8 import utf8_bytes

log = logging.getLogger("store.cassandra")

ROOMS_AT_ONCE: Final = 128
"""Rooms that write at the same time."""
LONGEST_WAIT_S: Final = 30.0
"""And after so long in which its room had no turn."""
COURTESY_S: Final = 0.3
"""The longest wait before a room's next write where others write, too; the shortest is half of it.

Who has just written knows where to go on, and would win again and again. What is asked for
meanwhile shares the next write.
"""
CONTESTED_S: Final = 2.0
"""Others write in a room when they were met there no longer ago."""
BREAK_S: Final = 0.06
"""The same wait where nobody was met: who always wins meets nobody, and may keep somebody out."""
BREAK_EVERY_S: Final = 1.0
"""It comes when the room was written for longer than this without a wait."""
RECORD_EVERY_S: Final = 60.0
IDLE_S: Final = 5.0
"""A room where nothing was asked for that long is idle: its head is recorded."""
LOOKS_AT_ONCE: Final = 8
"""Full buckets that are looked through at the same time."""
MORE_TTL_S: Final = 24 * 60 * 60
"""A message outlives its room's retention by so much: the floor hides it before."""

Done = Callable[[Sequence[Appended]], None]
_Asked = tuple[Draft, Done]


@dataclass(slots=True)
class _Room:
    """``head`` is None when it has to be read; ``recorded`` is what is recorded of it.

    ``contested_at`` is when others were met last who write there too, ``waited_at`` when they
    could have written.

    ``untold`` are senders who wait to be told that the store is unavailable: what else they
    ask for meanwhile stands behind that.
    """

    queue: deque[_Asked] = field(default_factory=deque)
    task: asyncio.Task[None] | None = None
    head: int | None = None
    floor: int = 1
    recorded: int = 0
    recorded_at: float = 0.0
    used_at: float = 0.0
    contested_at: float = -CONTESTED_S
    waited_at: float = 0.0
    untold: set[UserId] = field(default_factory=set)
    late: list[_Asked] = field(default_factory=list)


class Appender:
    """Keeps the promise of ``services.ports.RoomStore.append``. Made on a running event loop.

    ``retention_s`` is that of rooms without their own; ``name_of`` finds the name of an account,
    deleted or not; ``chance`` returns numbers from 0 to 1.
    """

    def __init__(
        self,
        table: LogTable,
        rooms: KnownRooms,
        name_of: Callable[[UserId], Awaitable[Username | None]],
        retention_s: int,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._table = table
        self._known = rooms
        self._name_of = name_of
        self._retention_s = retention_s
        self._chance = chance
        self._loop = asyncio.get_running_loop()
        self._slots = asyncio.Semaphore(ROOMS_AT_ONCE)
        self._rooms: dict[RoomId, _Room] = {}
        self._closed = False
        self._keeper = self._loop.create_task(self._keep())

    def append(self, drafts: Sequence[Draft], done: Done) -> None:
        if self._closed:
            if drafts:
                self._loop.call_soon(self._tell, _refused([(one, done) for one in drafts]))
            return
        for draft in drafts:
            room = self._rooms.get(draft.room_id)
            if room is None:
                room = self._rooms[draft.room_id] = _Room()
            if draft.sender in room.untold:
                room.late.append((draft, done))
                continue
            room.queue.append((draft, done))
            if room.task is None:
                room.task = self._loop.create_task(self._run(draft.room_id, room))

    def forget_room(self, room_id: RoomId) -> None:
        """Look at the room again before anything else is written there."""
        self._known.forget(room_id)
        room = self._rooms.get(room_id)
        if room is not None:
            room.head = None

    async def record_heads(self) -> None:
        """Record the heads of all rooms in which something was written since.

        Raises:
            StoreUnavailable: some may not be recorded.
        """
        for room_id, room in list(self._rooms.items()):
            await self._record(room_id, room)

    async def close(self) -> None:
        """Finish what was begun. Safe to call twice."""
        self._closed = True
        self._keeper.cancel()
        while tasks := [room.task for room in self._rooms.values() if room.task is not None]:
            await asyncio.wait(tasks)
        try:
            await self.record_heads()
        except StoreUnavailable:
            log.info("heads are not recorded: who comes next looks for them")

    # -- one room

    async def _run(self, room_id: RoomId, room: _Room) -> None:
        """Write what is asked for in the room until nothing more is."""
        asked: list[_Asked] = []
        room.waited_at = self._loop.time()
        try:
            while room.queue:
                if not await self._has_slot():
                    log.warning("messages are refused: too many rooms wait for the store")
                    self._refuse(room, [])
                    continue
                try:
                    asked = _take(room)
                    outcomes = await self._outcomes(room_id, room, [one for one, _ in asked])
                finally:
                    self._slots.release()
                room.used_at = self._loop.time()
                told = list(zip(asked, outcomes, strict=True))
                asked = []
                if any(isinstance(outcome, StoreUnavailable) for outcome in outcomes):
                    self._refuse(room, told)
                else:
                    self._tell(told)
                await self._let_others(room)
        finally:
            room.task = None
            if asked or room.queue:
                # Whatever it was, a bug or the end of the loop: nobody waits for ever.
                room.head = None
                self._refuse(room, _refused(asked))

    async def _let_others(self, room: _Room) -> None:
        """Wait a little before the next write, so that others who write there have a turn."""
        if not room.queue or self._closed:
            return
        now = self._loop.time()
        if now - room.contested_at < CONTESTED_S:
            longest = COURTESY_S
        elif now - room.waited_at > BREAK_EVERY_S:
            longest = BREAK_S
        else:
            return
        await asyncio.sleep((1 + self._chance()) / 2 * longest)
        room.waited_at = self._loop.time()

    async def _has_slot(self) -> bool:
        """Wait for one of the slots to write in; False when none was free for too long."""
        try:
            async with asyncio.timeout(LONGEST_WAIT_S):
                return await self._slots.acquire()
        except TimeoutError:
            return False

    def _refuse(self, room: _Room, told: list[tuple[_Asked, Receipt | IloError]]) -> None:
        """Tell these, and refuse all that waits behind them: it may follow what is lost."""
        told += _refused(room.queue)
        room.queue.clear()
        while told:
            room.untold = {
                asked[0].sender for asked, one in told if isinstance(one, StoreUnavailable)
            }
            self._tell(told, room.untold)
            # What a listener asked for on hearing of one, before another one was told.
            told, room.late = _refused(room.late), []

    async def _outcomes(
        self, room_id: RoomId, room: _Room, drafts: Sequence[Draft]
    ) -> list[Receipt | IloError]:
        """Return what became of the drafts, which are no more than a group; in their order."""
        until = self._loop.time() + LONGEST_S
        try:
            facts = await self._known.get(room_id)
            if facts is None:
                refused = InvalidInput("/room", "unknown", "there is no such room")
                return [refused for _ in drafts]
            senders = dict.fromkeys(one.sender for one in drafts)
            names = {sender: await self._name_of(sender) for sender in senders}
        except StoreUnavailable:
            return [StoreUnavailable() for _ in drafts]
        settling = Drafts(drafts, names)
        ttl_s = MORE_TTL_S + (self._retention_s if facts.retention_s is None else facts.retention_s)
        try:
            await self._settle(room_id, room, settling, ttl_s, until)
        except StoreUnavailable:
            log.warning("messages are refused: they were not known to be stored in time")
            room.head = None
        return list(settling.outcomes())

    async def _settle(
        self, room_id: RoomId, room: _Room, drafts: Drafts, ttl_s: int, until: float
    ) -> None:
        """Find or write all of the drafts.

        Raises:
            StoreUnavailable: some are not settled; they may be stored, or may yet be.
        """
        looked_below = 0
        while messages := drafts.unsettled:
            if room.head is None:
                room.head, room.floor = await self._table.head(room_id)
            head, current = room.head, bucket_of(room.head + 1)
            if looked_below < current:
                await self._look_back(room_id, room, drafts, looked_below)
                looked_below = current
                messages = drafts.unsettled
            if not messages or not await self._may_begin(room_id, room, head):
                continue
            group = Group(room_id, head, messages[: last_of(current) - head], ttl_s)
            match await self._write(group, until):
                case Written():
                    drafts.written(group.messages, head + 1)
                    room.head = group.last
                case Conflict(at, markers):
                    drafts.found(markers)
                    room.head = at
                    room.contested_at = self._loop.time()
                    # No longer each time: others get on meanwhile, and who waits more starves.
                    await self._pause(0, until)
                case Unknown():
                    raise StoreUnavailable

    async def _look_back(self, room_id: RoomId, room: _Room, drafts: Drafts, below: int) -> None:
        """Settle those that are in a full bucket; those before ``below`` were looked at."""
        head = room.head or 0
        first = max(drafts.first_bucket(head), below, bucket_of(room.floor))
        buckets = range(first, bucket_of(head + 1))
        for start in range(0, len(buckets), LOOKS_AT_ONCE):
            looks: list[asyncio.Task[None]] = []
            for bucket in buckets[start : start + LOOKS_AT_ONCE]:
                looks.append(self._loop.create_task(self._look(room_id, drafts, bucket, head)))
            await asyncio.wait(looks)
            for look in looks:
                look.result()

    async def _look(self, room_id: RoomId, drafts: Drafts, bucket: int, head: int) -> None:
        marks = drafts.may_be_in(bucket, head)
        if marks:
            drafts.found(await self._table.markers(room_id, bucket, marks))

    async def _may_begin(self, room_id: RoomId, room: _Room, head: int) -> bool:
        """Tell whether the next message may be written behind ``head``, as far as is recorded.

        The first of a bucket meets nothing in it that would tell that others are much further,
        and that it was full and is deleted: so that is recorded, and asked for.
        """
        if head % BUCKET_SEQS:
            return True
        if head:
            await self._table.record(room_id, head)
        recorded, floor = await self._table.recorded(room_id)
        if recorded > head or floor > head + 1:
            room.head = None
            return False
        room.recorded, room.recorded_at = head, self._loop.time()
        return True

    async def _write(self, group: Group, until: float) -> Answer:
        """Write the group, again and again while it is unknown what became of it.

        The very same again: it can be written once only, since its condition holds once only;
        and who finds it in the way knows that it was.
        """
        tries = 0
        while True:
            answer = await self._table.write(group)
            if isinstance(answer, Unknown):
                tries += 1
                if self._loop.time() >= until:
                    return answer
                await self._pause(tries, until)
            elif tries and isinstance(answer, Conflict) and group.is_among(answer.markers):
                return Written()
            else:
                return answer

    async def _pause(self, tries: int, until: float) -> None:
        """Wait, so that others can finish what they do.

        Raises:
            StoreUnavailable: it is too late to go on.
        """
        if self._loop.time() >= until:
            raise StoreUnavailable
        longest = min(FIRST_PAUSE_S * 2 ** min(tries, 10), LONGEST_PAUSE_S)
        await asyncio.sleep(self._chance() * longest)

    # -- telling

    def _tell(
        self,
        told: Iterable[tuple[_Asked, Receipt | IloError]],
        untold: set[UserId] | None = None,
    ) -> None:
        """Tell each listener, neighbours that share one at once; who is told leaves ``untold``."""
        for done, some in groupby(told, _done_of):
            appended = [(draft, outcome) for (draft, _), outcome in some]
            if untold:
                untold.difference_update(draft.sender for draft, _ in appended)
            try:
                done(appended)
            except Exception as error:  # noqa: BLE001  # its bug is reported, not the others'
                self._loop.call_exception_handler(
                    {"message": "a listener of the log failed", "exception": error}
                )

    # -- heads

    async def _keep(self) -> None:
        """Record heads now and then, and forget rooms where nothing happens."""
        while True:
            await asyncio.sleep(IDLE_S)
            now = self._loop.time()
            for room_id, room in list(self._rooms.items()):
                is_idle = room.task is None and now - room.used_at >= IDLE_S
                if not is_idle and now - room.recorded_at < RECORD_EVERY_S:
                    continue
                try:
                    await self._record(room_id, room)
                except StoreUnavailable:
                    break
                if is_idle and room.task is None and room.head in (None, room.recorded):
                    del self._rooms[room_id]

    async def _record(self, room_id: RoomId, room: _Room) -> None:
        head = room.head
        if head is None or head <= room.recorded:
            return
        await self._table.record(room_id, head)
        room.recorded, room.recorded_at = head, self._loop.time()


def _take(room: _Room) -> list[_Asked]:
    """Take no more than fits in a group out of the queue."""
    asked: list[_Asked] = []
    size = 0
    while room.queue and len(asked) < MAX_GROUP_MESSAGES:
        size += utf8_bytes(room.queue[0][0].text)
        if asked and size > MAX_GROUP_BYTES:
            break
        asked.append(room.queue.popleft())
    return asked


def _refused(asked: Iterable[_Asked]) -> list[tuple[_Asked, Receipt | IloError]]:
    return [(one, StoreUnavailable()) for one in asked]


def _done_of(told: tuple[_Asked, Receipt | IloError]) -> Done:
    return told[0][1]
