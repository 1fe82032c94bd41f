"""Rooms in Cassandra: how they are found, made, changed and deleted.

A room is one partition, and everything that changes it is one conditional write there, on the
version that was read before. It is made in three steps: its partition with version 0, then its
name, then its first member, which is version 1. Until then it is not there for anybody; who
comes on the way takes the steps that are missing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias
from uuid import UUID, uuid4

from services.errors import StoreUnavailable
from services.model import Epoch, Instant, Room, RoomId, RoomName, UserId, Username
from store.cassandra.cql import Cql, OutcomeUnknown, Row, Statement
from store.cassandra.heads import Heads
from store.cassandra.outcomes import settle
from store.cassandra.patience import Patience, Turns
from store.cassandra.reads import for_each

RandomBytes: TypeAlias = Callable[[int], bytes]
"""Returns that many bytes that nobody can guess."""

IDENTIFIER_BYTES: Final = 16
CHANGES_KEPT: Final = 32
"""So many changes later, one that had no answer can still be told from one that never was."""
EPOCHS_AT_ONCE: Final = 500

COLUMNS: Final = (
    "room_id, name, epoch, owner, owner_name, members, places, members_version, retention_s,"
    " retention_messages, shows_all_history, created_at, is_deleted, changes"
)
WIDTH: Final = 14
_ROOM_ID, _EPOCH, _OWNER, _CHANGES = 0, 2, 3, 13

_FIND = f"SELECT {COLUMNS} FROM rooms WHERE room_id = ? LIMIT 1"
_FIND_NAME = "SELECT room_id FROM room_names WHERE name = ?"
_MAKE = (
    f"INSERT INTO rooms ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS"
)
_CLAIM = "INSERT INTO room_names (name, room_id) VALUES (?, ?) IF NOT EXISTS"
_CLAIM_AGAIN = "UPDATE room_names SET room_id = ? WHERE name = ? IF room_id = ?"
_CHANGE = (
    "UPDATE rooms SET owner = ?, owner_name = ?, members = ?, places = ?, members_version = ?,"
    " is_deleted = ?, changes = ? WHERE room_id = ? IF members_version = ?"
)
_FORGET = (
    f"DELETE {COLUMNS.removeprefix('room_id, ')} FROM rooms WHERE room_id = ?"
    " IF members_version = ?"
)
_FORGET_PLACES = "DELETE FROM rooms WHERE room_id = ?"
# The time is the database's: its retention asks how long ago it was.
_NOTE_DELETED = (
    "INSERT INTO deleted_rooms (room_id, name, deleted_at) VALUES (?, ?, toUnixTimestamp(now()))"
)
_EPOCHS = "SELECT DISTINCT room_id, epoch, members_version, is_deleted FROM rooms"
_BEGIN_EPOCH = "UPDATE rooms SET epoch = ? WHERE room_id = ? IF epoch = ?"


@dataclass(frozen=True, slots=True)
class Statics:
    """What a room's partition says of the room itself: its ``COLUMNS``, in that order.

    ``version`` is 0 while it is being made.
    """

    room_id: RoomId
    name: RoomName
    epoch: Epoch
    owner: UserId | None = None
    owner_name: Username | None = None
    members: int = 0
    places: int = 0
    version: int = 0
    retention_s: int | None = None
    retention_messages: int | None = None
    shows_all_history: bool = True
    created_at: Instant = Instant(0)  # noqa: RUF009  a plain number
    is_deleted: bool = False
    changes: tuple[UUID, ...] = ()

    @classmethod
    def of_row(cls, row: Row) -> "Statics":
        """Return those whose ``COLUMNS`` the row begins with."""
        values = list(row[:WIDTH])
        for column in (_ROOM_ID, _EPOCH, _OWNER):
            values[column] = None if values[column] is None else values[column].bytes
        values[_CHANGES] = tuple(values[_CHANGES] or ())
        return cls(*values)

    @property
    def is_there(self) -> bool:
        return self.version > 0 and not self.is_deleted

    @property
    def is_private(self) -> bool:
        return self.owner is not None

    def room(self, head: int, floor: int) -> Room:
        return Room(
            self.room_id,
            self.name,
            self.epoch,
            head,
            floor,
            self.members,
            self.version,
            self.owner,
            self.retention_s,
            self.retention_messages,
            self.shows_all_history,
            self.created_at,
        )


class Rooms:
    """``turns`` are of those who change a room, by its id, or make one, by its name."""

    def __init__(self, cql: Cql, heads: Heads, random_bytes: RandomBytes) -> None:
        self._cql = cql
        self.heads = heads
        self._random_bytes = random_bytes
        self.turns = Turns()

    # -- finding

    async def find_named(self, name: RoomName) -> Room | None:
        """Return the room; None when there is none, or it is deleted."""
        room_id = await self.id_of(name)
        return None if room_id is None else await self.find(room_id)

    async def find(self, room_id: RoomId) -> Room | None:
        """Return the room; None when there is none, or it is deleted."""
        statics = await self.statics(room_id)
        return None if statics is None else await self.with_head(statics)

    async def statics(self, room_id: RoomId) -> Statics | None:
        """Return what is known of the room; None when there is none, or it is deleted."""
        statics = _found(await self._cql.read(_FIND, UUID(bytes=room_id)))
        return statics if statics is not None and statics.is_there else None

    async def latest(self, room_id: RoomId) -> Statics | None:
        """Return what the room's partition says, deleted, being made or not; None if it is gone.

        What others have begun is done or can never be done any more, and all that led to this
        version is where every later read finds it.
        """
        return _found(await self._cql.read_serial(_FIND, UUID(bytes=room_id)))

    async def id_of(self, name: RoomName) -> RoomId | None:
        """Return what the name points at, deleted or not, if it was ever used."""
        rows = await self._cql.read(_FIND_NAME, name)
        return RoomId(rows[0][0].bytes) if rows else None

    async def with_head(self, statics: Statics) -> Room:
        head, floor = await self.heads.of(statics.room_id)
        return statics.room(head, floor)

    # -- making

    async def make_open(self, name: RoomName, seen: RoomId | None, now: Instant) -> None:
        """Let the name point at a room that is there, or being made; ``seen`` is neither."""
        async with self.turns.of(name.encode()):
            if await self.id_of(name) == seen:
                room_id, epoch = self._identifier(), self._identifier()
                await self.make(Statics(RoomId(room_id), name, Epoch(epoch), created_at=now))

    async def make(self, statics: Statics) -> bool:
        """Make a room of version 0; False when the name is another's.

        Raises:
            StoreUnavailable: perhaps it is made; without a member it is not there.
        """
        await settle(
            self._cql, _MAKE, *_values(statics), mark="epoch", mine=UUID(bytes=statics.epoch)
        )
        if await self._claim(statics):
            return True
        # Who breaks off here leaves a room without name and members, which retention finds.
        await self.forget(statics)
        return False

    async def _claim(self, statics: Statics) -> bool:
        patience, mine = Patience(), UUID(bytes=statics.room_id)
        while True:
            try:
                claim = await self._cql.cas(_CLAIM, statics.name, mine)
                if claim.applied:
                    return True
                holder: UUID = claim.rows[0]["room_id"]
                if holder == mine:
                    return True
                other = await self.latest(RoomId(holder.bytes))
                if other is not None and not other.is_deleted:
                    return False
                if (await self._cql.cas(_CLAIM_AGAIN, mine, statics.name, holder)).applied:
                    return True
            except OutcomeUnknown:
                # The insert tells who has the name now: perhaps this room.
                pass
            await patience.pause()

    # -- changing

    async def change(self, old: Statics, new: Statics, *rows: Statement) -> bool:
        """Put ``new`` in the place of ``old``, and the rows with it; False if ``old`` is not what
        is there, and then it never happens.

        Raises:
            StoreUnavailable: nobody can say whether it happened, or will.
        """
        mine = uuid4()
        changes = (mine, *old.changes)[:CHANGES_KEPT]
        statements = [(_CHANGE, _changed(replace(new, changes=changes), old.version)), *rows]
        patience, may_be_done = Patience(), False
        while True:
            try:
                if (await self._cql.cas_batch(statements)).applied:
                    return True
                if not may_be_done:
                    return False
            except OutcomeUnknown:
                may_be_done = True
            now = await self.latest(old.room_id)
            if now is None:
                raise StoreUnavailable
            if mine in now.changes:
                return True
            if now.version > old.version:
                if now.version - old.version > CHANGES_KEPT:
                    raise StoreUnavailable
                return False
            # Not applied, but it may come late: the same again settles it.
            await patience.pause()

    async def delete(self, room_id: RoomId) -> bool:
        """Delete a private room; False when there is none."""
        patience = Patience()
        while True:
            async with self.turns.of(room_id):
                statics = await self.latest(room_id)
                if statics is None or not statics.is_there or not statics.is_private:
                    return False
                if await self.mark_deleted(statics):
                    return True
            await patience.pause()

    async def delete_if_empty(self, room_id: RoomId) -> bool:
        """Delete a room that nobody is in: an open one, or one whose making broke off.

        False when it is not there, or somebody is in it.
        """
        async with self.turns.of(room_id):
            statics = await self.latest(room_id)
            if statics is None or statics.is_deleted or statics.places > 0:
                return False
            return await self.mark_deleted(statics)

    async def mark_deleted(self, statics: Statics) -> bool:
        """Delete the room if it is still as ``statics`` say; what is left of it stays for now."""
        # Before it: nobody would know what is left, if we broke off.
        await self._cql.write(_NOTE_DELETED, UUID(bytes=statics.room_id), statics.name)
        deleted = replace(statics, is_deleted=True, version=statics.version + 1)
        return await self.change(statics, deleted)

    async def forget(self, statics: Statics) -> None:
        """Remove the partition, if it is still as ``statics`` say."""
        key = UUID(bytes=statics.room_id)
        try:
            await self._cql.cas_batch([(_FORGET, (key, statics.version)), (_FORGET_PLACES, (key,))])
        except OutcomeUnknown:
            # It does no harm, and is found again by who looks for what is left.
            return

    async def begin_epochs(self) -> int:
        """Give every room another epoch; return how many rooms are there."""
        count = 0
        due: list[tuple[UUID, UUID]] = []
        async for room_id, epoch, version, is_deleted in self._cql.scan(_EPOCHS):
            if is_deleted or not version:
                continue
            count += 1
            due.append((room_id, epoch))
            if len(due) == EPOCHS_AT_ONCE:
                await for_each(due, self._begin_epoch)
                due = []
        await for_each(due, self._begin_epoch)
        return count

    async def _begin_epoch(self, room: tuple[UUID, UUID]) -> None:
        room_id, old = room
        new = UUID(bytes=self._identifier())
        # Whatever refuses it, a second run of this among them, has begun another epoch.
        await settle(self._cql, _BEGIN_EPOCH, new, room_id, old, mark="epoch", mine=new)

    def _identifier(self) -> bytes:
        return self._random_bytes(IDENTIFIER_BYTES)


def _found(rows: Sequence[Row]) -> Statics | None:
    # What is left of a partition that was removed and then met a late write is no room.
    return Statics.of_row(rows[0]) if rows and rows[0][1] is not None else None


def _values(statics: Statics) -> list[Any]:
    """Return the values of ``COLUMNS``."""
    return [
        UUID(bytes=statics.room_id),
        statics.name,
        UUID(bytes=statics.epoch),
        _uuid(statics.owner),
        statics.owner_name,
        statics.members,
        statics.places,
        statics.version,
        statics.retention_s,
        statics.retention_messages,
        statics.shows_all_history,
        statics.created_at,
        statics.is_deleted,
        list(statics.changes),
    ]


def _changed(new: Statics, old_version: int) -> list[Any]:
    """Return the values of ``_CHANGE``."""
    return [
        _uuid(new.owner),
        new.owner_name,
        new.members,
        new.places,
        new.version,
        new.is_deleted,
        list(new.changes),
        UUID(bytes=new.room_id),
        old_version,
    ]


def _uuid(identifier: bytes | None) -> UUID | None:
    return None if identifier is None else UUID(bytes=identifier)
