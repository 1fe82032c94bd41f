"""The CQL of the rooms' log."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from services.model import Instant, MessageId, RoomId, UserId
from store.cassandra.buckets import BUCKET_SEQS, bucket_of
from store.cassandra.cql import Cas, Cql, OutcomeUnknown, Statement
from store.cassandra.heads import Heads
from store.cassandra.log import Answer, Conflict, Group, Mark, Marker, Unknown, Written

MAX_TTL_S = 20 * 365 * 24 * 60 * 60
"""Cassandra takes no longer one."""

# Without a TTL: the head stays when all messages have expired.
_HEAD = "UPDATE room_log SET head = ? WHERE room_id = ? AND bucket = ? IF head = ?"
_MESSAGE = (
    "INSERT INTO room_log (room_id, bucket, kind, n, mark_sender, mark_id,"
    " message_id, sender_name, sent_at, text)"
    " VALUES (?, ?, 0, ?, 00000000-0000-0000-0000-000000000000,"
    " 00000000-0000-0000-0000-000000000000, ?, ?, ?, ?) USING TTL ?"
)
_MARKER = (
    "INSERT INTO room_log (room_id, bucket, kind, n, mark_sender, mark_id, sent_at, ref, digest)"
    " VALUES (?, ?, 1, 0, ?, ?, ?, ?, ?) IF NOT EXISTS USING TTL ?"
)
_MARKERS = (
    "SELECT mark_sender, mark_id, ref, sent_at, digest FROM room_log"
    " WHERE room_id = ? AND bucket = ? AND kind = 1 AND n = 0 AND (mark_sender, mark_id) IN ?"
)


class CqlLogTable:
    """Implements ``store.cassandra.log.LogTable``."""

    def __init__(self, cql: Cql, heads: Heads) -> None:
        self._cql = cql
        self._heads = heads
        self.head = heads.of
        self.recorded = heads.recorded
        self.record = heads.record

    async def write(self, group: Group) -> Answer:
        room, bucket = group.room_id, bucket_of(group.after + 1)
        before = group.after if group.after % BUCKET_SEQS else None
        ttl_s = min(group.ttl_s, MAX_TTL_S)
        statements: list[Statement] = [(_HEAD, (group.last, room, bucket, before))]
        for n, (mark, name, sent_at, text, digest) in enumerate(group.messages, group.after + 1):
            sender, message = mark
            statements += (
                (_MESSAGE, (room, bucket, n, message, name, sent_at, text, ttl_s)),
                (_MARKER, (room, bucket, sender, message, sent_at, n, digest, ttl_s)),
            )
        try:
            return _answer(await self._cql.cas_batch(statements))
        except OutcomeUnknown:
            return Unknown()

    async def markers(
        self, room_id: RoomId, bucket: int, marks: Collection[Mark]
    ) -> dict[Mark, Marker]:
        wanted = [(UUID(bytes=sender), UUID(bytes=message)) for sender, message in marks]
        # Serial: of the write that filled the bucket no more may be known yet than the head.
        rows = await self._cql.read_serial(_MARKERS, UUID(bytes=room_id), bucket, wanted)
        return {
            _mark(sender, message): Marker(ref, sent_at, digest)
            for sender, message, ref, sent_at, digest in rows
        }


def _answer(cas: Cas) -> Answer:
    if cas.applied:
        return Written()
    head: int | None = None
    markers: dict[Mark, Marker] = {}
    for row in cas.rows:
        head = row["head"]
        if row["ref"] is not None:
            markers[_mark(row["mark_sender"], row["mark_id"])] = _marker(row)
    return Conflict(head, markers)


def _mark(sender: UUID, message: UUID) -> Mark:
    return UserId(sender.bytes), MessageId(message.bytes)


def _marker(row: Mapping[str, Any]) -> Marker:
    return Marker(row["ref"], Instant(row["sent_at"]), row["digest"])
