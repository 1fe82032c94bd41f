"""A store as the port ``RoomStore`` promises it, with every failure that the port allows.

The ``Disk`` outlives processes; a ``DiskStore`` is one process' way to it, and dies with it.
What is written survives a killed process, what is synced survives a loss of power, and
nothing is told before it is synced. Not modelled: writes that arrive after their answer was
given up, which only a store on another machine can have.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple
from uuid import UUID

from services.errors import IdReused, IloError, StorageFull, StoreUnavailable
from services.model import (
    Draft,
    Epoch,
    Instant,
    LoggedMessage,
    MessageId,
    Receipt,
    Room,
    RoomId,
    RoomName,
    UserId,
    Username,
)
from services.ports import Appended
from services.timestamps import to_rfc3339
from tests.simulation.chance import TICK_MS, Chance
from tests.simulation.loop import MS_A_SECOND
from tests.support.history import Entry

Done = Callable[[Sequence[Appended]], None]

STORE_MS = 5
SLOW_STORE_MS = 1000
UNKNOWN_MS = 2000


class _Row(NamedTuple):
    message_id: MessageId
    sender: UserId
    sent_at: Instant
    text: str


class RoomFile:
    """One room's log. ``visible`` counts the rows that were synced, and that readers see."""

    def __init__(self, name: RoomName, room_id: RoomId, epoch: Epoch) -> None:
        self.name = name
        self.room_id = room_id
        self.epoch = epoch
        self.rows: list[_Row] = []
        self.visible = 0

    def seq_of(self, sender: UserId, message_id: MessageId) -> int | None:
        for seq, row in enumerate(self.rows, 1):
            if (row.sender, row.message_id) == (sender, message_id):
                return seq
        return None


class Disk:
    def __init__(self, chance: Chance, users: dict[UserId, Username]) -> None:
        self.full = False
        self.refused: list[Draft] = []
        self.rooms: dict[RoomName, RoomFile] = {}
        self._chance = chance
        self.users = users

    def room(self, name: RoomName) -> RoomFile:
        """Return the room; it is made when there is none."""
        room = self.rooms.get(name)
        if room is None:
            chance = self._chance
            room = RoomFile(name, RoomId(chance.uuid()), Epoch(chance.uuid()))
            self.rooms[name] = room
        return room

    def with_id(self, room_id: RoomId) -> RoomFile:
        return next(room for room in self.rooms.values() if room.room_id == room_id)

    def head_of(self, name: str) -> int:
        room = self.rooms.get(RoomName(name))
        return 0 if room is None else len(room.rows)

    def recover(self) -> None:
        """A process starts: all that is written counts."""
        for room in self.rooms.values():
            room.visible = len(room.rows)

    def lose_power(self) -> None:
        """Keep what was synced, and perhaps some of what was only written."""
        for room in self.rooms.values():
            kept = self._chance.between(room.visible, len(room.rows))
            self._chance.note("power", room.name, "keeps", kept, "of", len(room.rows))
            del room.rows[kept:]

    def logs(self) -> dict[str, list[Entry]]:
        return {
            room.name: [
                Entry(
                    seq,
                    str(UUID(bytes=row.message_id)),
                    self.users[row.sender],
                    to_rfc3339(row.sent_at),
                    row.text,
                )
                for seq, row in enumerate(room.rows, 1)
            ]
            for room in self.rooms.values()
        }


class DiskStore:
    """Implements ``services.ports.RoomStore``: one group at a time, what queues shares the next.

    ``fails_what_queues``: with a group of unknown outcome fails all that waits behind it.
    ``syncs``: a group is told when it is synced.
    """

    fails_what_queues = True
    syncs = True

    def __init__(self, loop: asyncio.AbstractEventLoop, chance: Chance, disk: Disk) -> None:
        self._loop = loop
        self._chance = chance
        self._disk = disk
        self._queue: list[tuple[Sequence[Draft], Done]] = []
        self._busy = False
        disk.recover()

    # -- the port

    async def open_room(self, name: RoomName, now: Instant) -> Room:
        await self._asked()
        # As it is when the answer is there: a message told in between would be missed.
        room = self._disk.room(name)
        return Room(room.room_id, room.name, room.epoch, room.visible)

    def append(self, drafts: Sequence[Draft], done: Done) -> None:
        self._queue.append((list(drafts), done))
        self._go_on()

    async def messages_after(
        self, room_id: RoomId, after: int, limit: int, max_bytes: int
    ) -> list[LoggedMessage]:
        # The answer is of some moment between question and answer.
        await asyncio.sleep(self._time_ms() / MS_A_SECOND)
        page = self.page(self._disk.with_id(room_id), after, limit)
        await self._asked()
        return page

    # -- the inside

    def page(self, room: RoomFile, after: int, limit: int) -> list[LoggedMessage]:
        rows = room.rows[: room.visible][after : after + limit]
        return [
            LoggedMessage(seq, row.message_id, self._disk.users[row.sender], row.sent_at, row.text)
            for seq, row in enumerate(rows, after + 1)
        ]

    def put(self, draft: Draft, group: Sequence[Draft]) -> Receipt | IloError:
        """Write one draft; ``group`` holds all that are written with it."""
        room = self._disk.with_id(draft.room_id)
        seq = room.seq_of(draft.sender, draft.message_id)
        if seq is not None:
            row = room.rows[seq - 1]
            return Receipt(seq, row.sent_at, False) if row.text == draft.text else IdReused()
        return self.put_new(draft)

    def put_new(self, draft: Draft) -> Receipt | IloError:
        if self._disk.full:
            self._disk.refused.append(draft)
            return StorageFull()
        room = self._disk.with_id(draft.room_id)
        room.rows.append(_Row(draft.message_id, draft.sender, draft.sent_at, draft.text))
        return Receipt(len(room.rows), draft.sent_at, True)

    async def _asked(self) -> None:
        await asyncio.sleep(self._time_ms() / MS_A_SECOND)
        if self._chance.happens(self._chance.faults.failed_read):
            self._chance.note("store", "no answer")
            raise StoreUnavailable

    def _time_ms(self) -> int:
        slow = self._chance.happens(self._chance.faults.slow_store)
        return self._chance.lag_ms(SLOW_STORE_MS if slow else STORE_MS)

    def _later(self, delay_ms: int, act: Callable[..., object], *args: object) -> None:
        self._loop.call_later(delay_ms / MS_A_SECOND, act, *args)

    def _go_on(self) -> None:
        if self._queue and not self._busy:
            self._busy = True
            group, self._queue = self._queue, []
            self._later(self._time_ms(), self._write, group)

    def _write(self, group: list[tuple[Sequence[Draft], Done]]) -> None:
        drafts = [draft for asked, _ in group for draft in asked]
        unknown = self._chance.happens(self._chance.faults.unknown)
        if unknown and self._chance.happens(0.5):
            self._chance.note("store", "does not write", len(drafts))
            self._later(self._chance.pick((self._time_ms(), UNKNOWN_MS)), self._fail, group)
            return
        outcomes = [self.put(draft, drafts) for draft in drafts]
        self._chance.note("store", "writes", *map(_short, outcomes))
        tell = self._fail if unknown else self._tell
        if self.syncs:
            self._later(self._time_ms(), self._sync, group, outcomes, tell)
        else:
            self._later(self._time_ms(), self._sync, group, outcomes, _nothing)
            tell(group, outcomes)

    def _sync(
        self,
        group: list[tuple[Sequence[Draft], Done]],
        outcomes: list[Receipt | IloError],
        tell: Callable[..., object],
    ) -> None:
        for asked, _ in group:
            for draft in asked:
                room = self._disk.with_id(draft.room_id)
                room.visible = len(room.rows)
        # Told a little later, and while the next group is being written.
        self._later(self._chance.pick((0, TICK_MS)), tell, group, outcomes)
        if tell != self._fail:
            self._busy = False
            self._go_on()

    def _tell(
        self, group: list[tuple[Sequence[Draft], Done]], outcomes: list[Receipt | IloError]
    ) -> None:
        rest = iter(outcomes)
        for asked, done in group:
            done([(draft, next(rest)) for draft in asked])

    def _fail(
        self,
        group: list[tuple[Sequence[Draft], Done]],
        outcomes: Sequence[Receipt | IloError] = (),
    ) -> None:
        if self.fails_what_queues:
            group, self._queue = group + self._queue, []
        self._chance.note("store", "unknown", sum(len(asked) for asked, _ in group))
        self._busy = False
        for asked, done in group:
            done([(draft, StoreUnavailable()) for draft in asked])
        self._go_on()


def _short(outcome: Receipt | IloError) -> str:
    if isinstance(outcome, Receipt):
        return f"{outcome.seq}{'' if outcome.new else '='}"
    return type(outcome).__name__


def _nothing(*_: object) -> None:
    """Whoever was to be told knows it already."""
