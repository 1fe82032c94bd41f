"""What becomes of old messages: hidden by the floor at once, deleted by whole buckets later.

A pass walks through all rooms with what is recorded of their heads; only of those where something
may be due it reads more. Any number of processes may do so at once.
"""

from collections.abc import AsyncIterator
from typing import Final, NamedTuple
from uuid import UUID

from services.limits import Limits
from services.model import Instant, RoomId
from store.cassandra.appender import Appender
from store.cassandra.buckets import bucket_of, last_of
from store.cassandra.cql import Cql, Row
from store.cassandra.heads import Heads
from store.cassandra.reads import ITEMS_AT_ONCE, for_each
from store.cassandra.rooms import Rooms

DONE_AT_ONCE: Final = 200
"""Floors raised, buckets and rooms deleted in one call, but for the last room's."""
WALKED_AT_ONCE: Final = 2000
"""Messages whose age one look asks for, in each room."""
BUCKETS_AT_ONCE: Final = 64
REST_S: Final = 600
"""What nobody writes to any more is left alone for so long before it is deleted: somebody may
have been about to, and a write that comes after the deletion would stay."""

_ROOMS: Final = (
    "SELECT DISTINCT token(room_id), room_id, owner, places, members_version, created_at,"
    " retention_s, retention_messages, is_deleted FROM rooms"
)
_HEADS: Final = "SELECT token(room_id), room_id, seq, floor, oldest_at, purged FROM room_heads"
_AGES: Final = (
    "SELECT n, sent_at FROM room_log WHERE room_id = ? AND bucket = ? AND kind = 0 AND n >= ?"
)
# Never lowered by a late one: of two at the same floor the larger value stays.
_OLDEST: Final = "UPDATE room_heads USING TIMESTAMP ? SET oldest_at = ? WHERE room_id = ?"
_PURGED: Final = "UPDATE room_heads USING TIMESTAMP ? SET purged = ? WHERE room_id = ?"
_PURGED_OF: Final = "SELECT purged FROM room_heads WHERE room_id = ?"
_REST: Final = (
    "SELECT writetime(head), toUnixTimestamp(now()) FROM room_log"
    " WHERE room_id = ? AND bucket = ? LIMIT 1"
)
_DELETE_BUCKET: Final = "DELETE FROM room_log WHERE room_id = ? AND bucket = ?"
_DELETED: Final = "SELECT room_id, name, deleted_at, toUnixTimestamp(now()) FROM deleted_rooms"
_FORGET_NOTE: Final = "DELETE FROM deleted_rooms WHERE room_id = ?"
_FORGET_HEAD: Final = "DELETE FROM room_heads WHERE room_id = ?"
_FREE_NAME: Final = "DELETE FROM room_names WHERE name = ? IF room_id = ?"
_PLACES: Final = "SELECT user_id FROM rooms WHERE room_id = ?"
_FORGET_PLACE: Final = (
    "DELETE FROM rooms_by_user USING TIMESTAMP ? WHERE user_id = ? AND name = ? AND room_id = ?"
)


class _Room(NamedTuple):
    """``is_left``: an open room with nobody in it. ``making_since`` is None when it is made.
    ``seq`` is a lower bound of the head. Nothing is older than ``oldest_at``; None where nobody
    has looked. Buckets below ``purged`` are deleted."""

    room_id: RoomId
    is_left: bool
    making_since: Instant | None
    retention_s: int | None
    retention_messages: int | None
    seq: int
    floor: int
    oldest_at: Instant | None
    purged: int


class _Due(NamedTuple):
    """A room in which something may be due; ``floor`` is the one that its count gives."""

    room: _Room
    floor: int
    may_be_old: bool
    oldest_kept_at: Instant
    now: Instant


class Retention:
    """Keeps the promise of ``services.ports.RoomStore.enforce_retention``."""

    def __init__(self, cql: Cql, heads: Heads, rooms: Rooms, appender: Appender) -> None:
        self._cql = cql
        self._heads = heads
        self._rooms = rooms
        self._appender = appender
        self._walk: AsyncIterator[_Room] | None = None

    async def enforce(self, now: Instant, limits: Limits) -> int:
        """Do a bounded part of what is due; 0 when a walk through all rooms found nothing."""
        await self._appender.record_heads()
        if done := await self._purge_deleted():
            return done
        from_first = False
        while True:
            if self._walk is None:
                self._walk, from_first = self._all_rooms(), True
            walk, self._walk = self._walk, None
            due: list[_Due] = []
            async for room in walk:
                one = _due(room, now, limits)
                if one is not None:
                    due.append(one)
                if len(due) == ITEMS_AT_ONCE:
                    done += sum(await for_each(due, self._enforce))
                    due = []
                if done >= DONE_AT_ONCE:
                    # The next call goes on behind this one.
                    self._walk = walk
                    return done
            done += sum(await for_each(due, self._enforce))
            if done or from_first:
                return done

    # -- rooms that stay

    async def _all_rooms(self) -> AsyncIterator[_Room]:
        """Yield the rooms with their records: both tables come in the order of their tokens."""
        records = self._cql.scan(_HEADS)
        record: Row | None = await anext(records, None)
        async for (
            token,
            key,
            owner,
            places,
            version,
            created_at,
            age_s,
            count,
            is_deleted,
        ) in self._cql.scan(_ROOMS):
            while record is not None and record[0] < token:
                record = await anext(records, None)
            seq, floor, oldest_at, purged = None, None, None, None
            if record is not None and record[1] == key:
                seq, floor, oldest_at, purged = record[2:]
            if not is_deleted:
                yield _Room(
                    RoomId(key.bytes),
                    owner is None and not places,
                    Instant(created_at or 0) if not version else None,
                    age_s,
                    count,
                    seq or 0,
                    floor or 1,
                    oldest_at,
                    purged or 0,
                )

    async def _enforce(self, due: "_Due") -> int:
        room, floor = due.room, due.floor
        if floor > room.floor:
            await self._heads.raise_floor(room.room_id, floor)
        if due.may_be_old:
            floor = await self._look(room.room_id, floor, due.oldest_kept_at, due.now)
        done = int(floor > room.floor)
        if bucket_of(floor) > room.purged:
            done += await self._purge(room.room_id, room.purged, bucket_of(floor), must_rest=True)
        if room.is_left and floor > room.seq and await self._is_empty(room, due.now):
            done += await self._rooms.delete_if_empty(room.room_id)
            self._appender.forget_room(room.room_id)
        return done

    async def _look(
        self, room_id: RoomId, floor: int, oldest_kept_at: Instant, now: Instant
    ) -> int:
        """Raise the floor above what is older, and above what has expired; return it.

        Remembers when to look again.
        """
        head, floor_now = await self._heads.of(room_id)
        seq = floor = max(floor, floor_now)
        oldest_at = now
        walked = 0
        while seq <= head and walked < WALKED_AT_ONCE:
            # Serial, so that nothing up to the head is overlooked.
            rows = await self._cql.read_serial(_AGES, UUID(bytes=room_id), bucket_of(seq), seq)
            young = next((row for row in rows if row[1] >= oldest_kept_at), None)
            if young is not None:
                seq, oldest_at = young[0], Instant(young[1])
                break
            walked += len(rows) + 1
            seq = min(last_of(bucket_of(seq)), max([head, *(row[0] for row in rows)])) + 1
        else:
            if seq <= head:
                oldest_at = Instant(oldest_kept_at - 1)
        if seq > floor:
            await self._heads.raise_floor(room_id, seq)
        await self._cql.write(_OLDEST, seq, oldest_at, UUID(bytes=room_id))
        return seq

    async def _is_empty(self, room: _Room, now: Instant) -> bool:
        """Tell whether nothing is kept of the room; one that may be being made is left alone."""
        if room.making_since is not None and now - room.making_since < REST_S * 1000:
            return False
        head, floor = await self._heads.of(room.room_id)
        return floor > head

    # -- what is below the floors, and rooms that go

    async def _purge(self, room_id: RoomId, first: int, end: int, *, must_rest: bool) -> int:
        """Delete the buckets from ``first`` to before ``end``, some of them; return how many."""
        key = UUID(bytes=room_id)
        bucket = first
        while bucket < min(end, first + BUCKETS_AT_ONCE):
            if must_rest:
                rows = await self._cql.read(_REST, key, bucket)
                written_at_us = rows[0][0] if rows else None
                if written_at_us is not None and rows[0][1] - written_at_us // 1000 < REST_S * 1000:
                    break
            await self._cql.write(_DELETE_BUCKET, key, bucket)
            bucket += 1
        if bucket > first:
            await self._cql.write(_PURGED, bucket, bucket, key)
        return bucket - first

    async def _purge_deleted(self) -> int:
        """Delete some of what is left of deleted rooms; return how much."""
        done = 0
        async for key, name, deleted_at, server_now in self._cql.scan(_DELETED):
            if server_now - deleted_at >= REST_S * 1000:
                done += await self._purge_room(RoomId(key.bytes), name)
            if done >= DONE_AT_ONCE:
                break
        return done

    async def _purge_room(self, room_id: RoomId, name: str) -> int:
        """Delete what is left of the room, its note at last, or some of its buckets; return how
        much that was."""
        key = UUID(bytes=room_id)
        statics = await self._rooms.latest(room_id)
        if statics is not None and not statics.is_deleted:
            # Who noted it broke off, and the room lives.
            await self._cql.write(_FORGET_NOTE, key)
            return 1
        head, _ = await self._heads.of(room_id)
        rows = await self._cql.read(_PURGED_OF, key)
        first, end = (rows[0][0] or 0) if rows else 0, bucket_of(head + 1) + 1
        if first < end:
            done = await self._purge(room_id, first, end, must_rest=False)
            if first + done < end:
                return done
        if statics is not None:
            for (user,) in await self._cql.read(_PLACES, key):
                if user is not None:
                    await self._cql.write(_FORGET_PLACE, statics.version, user, name, key)
        # If this has no answer, the name points at a room that is gone: whoever wants it next
        # takes it all the same.
        await self._cql.cas(_FREE_NAME, name, key)
        await self._cql.write(_FORGET_HEAD, key)
        if statics is not None:
            await self._rooms.forget(statics)
        await self._cql.write(_FORGET_NOTE, key)
        return 1


def _due(room: _Room, now: Instant, limits: Limits) -> _Due | None:
    """Return what may be due in the room by what is recorded of it; None: nothing."""
    age_s = limits.retention_s if room.retention_s is None else room.retention_s
    count = room.retention_messages
    if count is None:
        count = limits.retention_messages
    oldest_kept_at = Instant(now - age_s * 1000)
    floor = max(room.floor, room.seq - count + 1)
    may_be_old = room.oldest_at is None or room.oldest_at < oldest_kept_at
    may_be_empty = room.is_left and floor > room.seq
    has_buckets = bucket_of(floor) > room.purged
    if not (floor > room.floor or may_be_old or may_be_empty or has_buckets):
        return None
    return _Due(room, floor, may_be_old, oldest_kept_at, now)
