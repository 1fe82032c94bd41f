"""Where each room's log begins and ends."""

from uuid import UUID

from services.model import RoomId
from store.cassandra.buckets import BUCKET_SEQS, bucket_of
from store.cassandra.cql import Cql

_RECORDED = "SELECT seq, floor FROM room_heads WHERE room_id = ?"
# A static column: the first row of the partition has it, whatever that row is.
_HEAD = "SELECT head FROM room_log WHERE room_id = ? AND bucket = ? LIMIT 1"
# The largest wins, in whatever order they come: the value is its own timestamp.
_RECORD = "UPDATE room_heads USING TIMESTAMP ? SET seq = ? WHERE room_id = ?"
_RAISE_FLOOR = "UPDATE room_heads USING TIMESTAMP ? SET floor = ? WHERE room_id = ?"


class Heads:
    """The newest seq and the oldest that may be read, of each room.

    Every method raises ``StoreUnavailable`` when there is no answer in time.
    """

    def __init__(self, cql: Cql) -> None:
        self._cql = cql

    async def of(self, room_id: RoomId) -> tuple[int, int]:
        """Return head and floor, (0, 1) for a room that never had a message.

        ``floor`` is at least 1, and ``head`` at least ``floor`` - 1. The head is no older than
        the newest message that anybody was told of before this was called.
        """
        recorded, floor = await self.recorded(room_id)
        # Nothing is kept below the floor, but what was there counts.
        head = max(recorded, floor - 1)
        while True:
            # After a full bucket this is the next one.
            found = await self._head_in(room_id, bucket_of(head + 1))
            if found is None or found < head:
                return head, floor
            head = found
            if head % BUCKET_SEQS:
                return head, floor

    async def recorded(self, room_id: RoomId) -> tuple[int, int]:
        """Return a lower bound of the head, and the floor."""
        rows = await self._cql.read(_RECORDED, UUID(bytes=room_id))
        seq, floor = rows[0] if rows else (None, None)
        return seq or 0, floor or 1

    async def record(self, room_id: RoomId, seq: int) -> None:
        """Remember that the head is at least ``seq``: it is found with fewer reads then."""
        await self._cql.write(_RECORD, seq, seq, UUID(bytes=room_id))

    async def raise_floor(self, room_id: RoomId, floor: int) -> None:
        """Let nobody read below ``floor`` any more; a lower one than there is changes nothing."""
        await self._cql.write(_RAISE_FLOOR, floor, floor, UUID(bytes=room_id))

    async def _head_in(self, room_id: RoomId, bucket: int) -> int | None:
        rows = await self._cql.read(_HEAD, UUID(bytes=room_id), bucket)
        head: int | None = rows[0][0] if rows else None
        return head
