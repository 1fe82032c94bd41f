"""The rooms' log in memory: the same promises as the table in Cassandra, and faults by request."""

from collections.abc import Collection
from dataclasses import dataclass, field

from services.model import RoomId
from store.cassandra import buckets
from store.cassandra.buckets import bucket_of
from store.cassandra.log import Answer, Conflict, Group, Mark, Marker, NewMessage, Written


@dataclass(slots=True)
class Bucket:
    """A partition; ``written_at`` is when that was last so, in whatever its writer counts."""

    head: int
    messages: dict[int, NewMessage] = field(default_factory=dict)
    markers: dict[Mark, Marker] = field(default_factory=dict)
    written_at: float = 0.0


class MemoryLog:
    """What is stored, for any number of nodes; each write happens at one moment."""

    def __init__(self) -> None:
        self.buckets: dict[tuple[RoomId, int], Bucket] = {}
        self.records: dict[RoomId, tuple[int, int]] = {}
        self.written: list[Group] = []

    def apply(self, group: Group, now: float = 0.0) -> Answer:
        key = (group.room_id, bucket_of(group.after + 1))
        assert bucket_of(group.last) == key[1], "a group goes beyond its bucket"
        bucket = self.buckets.get(key)
        head = None if bucket is None else bucket.head
        wanted = group.after if group.after % buckets.BUCKET_SEQS else None
        known = {} if bucket is None else bucket.markers
        found = {one.mark: known[one.mark] for one in group.messages if one.mark in known}
        if head != wanted or found:
            return Conflict(head, found)
        bucket = self.buckets.setdefault(key, Bucket(group.last))
        bucket.head, bucket.written_at = group.last, now
        for seq, one in enumerate(group.messages, group.after + 1):
            bucket.messages[seq] = one
            bucket.markers[one.mark] = Marker(seq, one.sent_at, one.digest)
        self.written.append(group)
        return Written()

    def head(self, room_id: RoomId) -> int:
        recorded, floor = self.recorded(room_id)
        head = max(recorded, floor - 1)
        while True:
            bucket = self.buckets.get((room_id, bucket_of(head + 1)))
            if bucket is None:
                return head
            head = max(head, bucket.head)
            if head % buckets.BUCKET_SEQS:
                return head

    def recorded(self, room_id: RoomId) -> tuple[int, int]:
        return self.records.get(room_id, (0, 1))

    def record(self, room_id: RoomId, seq: int) -> None:
        recorded, floor = self.recorded(room_id)
        self.records[room_id] = (max(recorded, seq), floor)

    def raise_floor(self, room_id: RoomId, floor: int) -> None:
        recorded, old = self.recorded(room_id)
        self.records[room_id] = (recorded, max(old, floor))


class MemoryLogTable:
    """Implements ``store.cassandra.log.LogTable``."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    async def write(self, group: Group) -> Answer:
        return self._log.apply(group)

    async def markers(
        self, room_id: RoomId, bucket: int, marks: Collection[Mark]
    ) -> dict[Mark, Marker]:
        found = self._log.buckets.get((room_id, bucket))
        known = {} if found is None else found.markers
        return {mark: known[mark] for mark in marks if mark in known}

    async def head(self, room_id: RoomId) -> tuple[int, int]:
        return self._log.head(room_id), self._log.recorded(room_id)[1]

    async def recorded(self, room_id: RoomId) -> tuple[int, int]:
        return self._log.recorded(room_id)

    async def record(self, room_id: RoomId, seq: int) -> None:
        self._log.record(room_id, seq)
