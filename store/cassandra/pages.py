"""Messages read back, a page at a time, forwards and backwards."""

from collections.abc import Iterable
from typing import Final, NamedTuple
from uuid import UUID

from services.model import Instant, LoggedMessage, MessageId, RoomId, Username
from store.cassandra.buckets import BUCKET_SEQS, bucket_of, first_of, last_of
from store.cassandra.cql import Cql, Row
from store.cassandra.heads import Heads
from store.cassandra.known_rooms import KnownRooms
from store.utf8 import utf8_bytes

FIRST_ROWS: Final = 32
"""Asked for at once, before it is known how long the messages are: 8 MiB at the most."""

_MESSAGES = (
    "SELECT n, message_id, sender_name, sent_at, text, head FROM room_log"
    " WHERE room_id = ? AND bucket = ? AND kind = 0 AND n >= ? AND n <= ?"
)
_OLDEST_FIRST = _MESSAGES + " LIMIT ?"
_NEWEST_FIRST = _MESSAGES + " ORDER BY kind DESC, n DESC LIMIT ?"
_HEAD = "SELECT head FROM room_log WHERE room_id = ? AND bucket = ? LIMIT 1"


class _Piece(NamedTuple):
    """Rows of one bucket that follow each other, from the seq on that was asked for.

    ``is_all`` tells that they end where they should: at the limit, or at the head. Rows that are
    not there though the head is beyond them have expired.
    """

    messages: list[LoggedMessage]
    head: int
    is_all: bool


class _Page:
    """Takes messages until there are enough of them, or their texts are too much."""

    def __init__(self, limit: int, max_bytes: int) -> None:
        self.messages: list[LoggedMessage] = []
        self.is_full = limit <= 0
        self._limit = limit
        self._max_bytes = max_bytes
        self._bytes = 0

    @property
    def rows(self) -> int:
        """How many more to ask for at once, by the length of those that came before."""
        left = self._limit - len(self.messages)
        if not self.messages:
            return min(left, FIRST_ROWS)
        mean = self._bytes // len(self.messages) + 1
        return max(1, min(left, (self._max_bytes - self._bytes) // mean + 1))

    def take(self, messages: Iterable[LoggedMessage]) -> None:
        for message in messages:
            self._bytes += utf8_bytes(message.text)
            if self.messages and self._bytes > self._max_bytes:
                self.is_full = True
                return
            self.messages.append(message)
        self.is_full = len(self.messages) >= self._limit


class Pages:
    """Every method raises ``StoreUnavailable`` when there is no answer in time."""

    def __init__(self, cql: Cql, heads: Heads, rooms: KnownRooms) -> None:
        self._cql = cql
        self._heads = heads
        self._rooms = rooms

    async def messages_after(
        self, room_id: RoomId, after: int, limit: int, max_bytes: int
    ) -> list[LoggedMessage]:
        """Return what ``services.ports.RoomStore.messages_after`` promises."""
        if await self._rooms.get(room_id) is None:
            return []
        _, floor = await self._heads.recorded(room_id)
        seq = start = max(after + 1, floor)
        page = _Page(limit, max_bytes)
        while not page.is_full:
            piece = await self._ahead(room_id, seq, page.rows)
            if piece.messages:
                page.take(piece.messages)
                seq = piece.messages[-1].seq + 1
                is_end = seq > piece.head and piece.head % BUCKET_SEQS
                if piece.is_all and not is_end:
                    continue
            if page.messages or piece.head < seq:
                break
            # Nothing is left of what stood here: on to the first that is.
            seq = await self._first_kept(room_id, seq, piece.head)
        first = page.messages[0].seq if page.messages else seq
        if first > start:
            await self._heads.raise_floor(room_id, first)
        return page.messages

    async def messages_before(
        self, room_id: RoomId, before: int | None, floor: int, limit: int, max_bytes: int
    ) -> list[LoggedMessage]:
        """Return what ``services.ports.RoomStore.messages_before`` promises."""
        if await self._rooms.get(room_id) is None:
            return []
        head, kept = await self._heads.of(room_id)
        last = head if before is None else min(before - 1, head)
        first = max(floor, kept)
        page = _Page(limit, max_bytes)
        while last >= first and not page.is_full:
            rows = min(page.rows, last - max(first, first_of(bucket_of(last))) + 1)
            found = await self._back(room_id, last, rows)
            page.take(found)
            if len(found) < rows:
                break
            last = found[-1].seq - 1
        page.messages.reverse()
        return page.messages

    async def _ahead(self, room_id: RoomId, seq: int, limit: int) -> _Piece:
        room, bucket = UUID(bytes=room_id), bucket_of(seq)
        last = min(seq + limit - 1, last_of(bucket))
        asked = (_OLDEST_FIRST, room, bucket, seq, last, limit)
        rows = await self._cql.read(*asked)
        head = await self._head(room, bucket, rows)
        expected = min(last, head)
        if len(rows) < expected - seq + 1:
            # Of the newest write a single replica may have told the head, and none the rest; a
            # serial read brings it to all. What is missing then has expired.
            rows = await self._cql.read_serial(*asked)
        messages = _following(rows, seq, 1)
        return _Piece(messages, head, len(messages) == expected - seq + 1)

    async def _back(self, room_id: RoomId, last: int, limit: int) -> list[LoggedMessage]:
        bucket = bucket_of(last)
        asked = (_NEWEST_FIRST, UUID(bytes=room_id), bucket, first_of(bucket), last, limit)
        rows = await self._cql.read(*asked)
        if len(rows) < limit:
            rows = await self._cql.read_serial(*asked)
        return _following(rows, last, -1)

    async def _first_kept(self, room_id: RoomId, seq: int, head: int) -> int:
        """Return the seq of the first message of the bucket from ``seq`` on that has not expired,
        ``head`` + 1 when all have."""
        bucket = bucket_of(seq)
        asked = (_OLDEST_FIRST, UUID(bytes=room_id), bucket, seq, head, 1)
        rows = await self._cql.read(*asked)
        first: int = rows[0][0] if rows else head + 1
        return first

    async def _head(self, room: UUID, bucket: int, rows: list[Row]) -> int:
        """Return the head of the bucket, of which these rows were read; 0 when it is empty."""
        if not rows:
            rows = await self._cql.read(_HEAD, room, bucket)
        head: int | None = rows[0][-1] if rows else None
        return head or 0


def _following(rows: list[Row], seq: int, step: int) -> list[LoggedMessage]:
    """Return the messages from ``seq`` on up to the first that is missing."""
    messages: list[LoggedMessage] = []
    for n, message_id, name, sent_at, text, _ in rows:
        if n != seq:
            break
        messages.append(
            LoggedMessage(
                n, MessageId(message_id.bytes), Username(name), Instant(sent_at), text or ""
            )
        )
        seq += step
    return messages
