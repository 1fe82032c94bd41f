"""The room log: dense ``seq`` per room, one row per ``(room, sender, message_id)``.

``RoomLog`` lives on the writer thread and counts ``seq`` in memory, which is right because
nobody else writes; whatever fails makes it forget and read the file again.
"""

import sqlite3
from collections.abc import Sequence
from typing import TypeAlias

from services.errors import IdReused, IloError, InvalidInput, StorageFull, StoreUnavailable
from services.model import Draft, Instant, LoggedMessage, Receipt, RoomId, UserId
from store.utf8 import utf8_bytes

Outcome: TypeAlias = Receipt | IloError
_Value: TypeAlias = int | bytes | str

# A statement of many rows takes a sixth less CPU than as many statements. A conflict undoes
# the transaction: the default, undoing the statement, would need a journal for each.
_INSERT = (
    "INSERT OR ROLLBACK INTO log (room, seq, sender, message_id, sent_at, text)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
_VALUES_A_ROW = 6
_ROWS_AT_ONCE = 20
_INSERT_MANY = _INSERT + ", (?, ?, ?, ?, ?, ?)" * (_ROWS_AT_ONCE - 1)
_VALUES_AT_ONCE = _ROWS_AT_ONCE * _VALUES_A_ROW

# A room of which nothing is kept still counts on: its floor knows the head.
HEAD = "max(coalesce((SELECT max(seq) FROM log WHERE room = rooms.number), 0), rooms.floor - 1)"
_ROOM = f"SELECT number, {HEAD} FROM rooms WHERE room_id = ?"
_USER = "SELECT number FROM users WHERE user_id = ?"
_STORED = "SELECT seq, sent_at, text FROM log WHERE room = ? AND sender = ? AND message_id = ?"
_MESSAGES = (
    "SELECT l.seq, l.message_id, u.name, l.sent_at, l.text"
    " FROM log AS l JOIN users AS u ON u.number = l.sender"
    " WHERE l.room = (SELECT number FROM rooms WHERE room_id = :room)"
    " AND l.seq >= (SELECT max(:floor, floor) FROM rooms WHERE room_id = :room)"
)
_MESSAGES_AFTER = _MESSAGES + " ORDER BY l.seq LIMIT :limit"
_MESSAGES_BEFORE = _MESSAGES + " AND l.seq < :before ORDER BY l.seq DESC LIMIT :limit"
_NO_END = 2**63 - 1

# Rooms and senders remembered: some 200 bytes each.
_MAX_REMEMBERED = 100_000


class _OpenRoom:
    __slots__ = ("head", "number")

    def __init__(self, number: int, head: int) -> None:
        self.number = number
        self.head = head


class RoomLog:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._rooms: dict[RoomId, _OpenRoom] = {}
        self._senders: dict[UserId, int] = {}

    def append(self, drafts: Sequence[Draft]) -> list[Outcome]:
        """Write the drafts and return what becomes of each, should the transaction commit.

        Must be the first in its transaction: it may begin it anew. A draft that names an
        unknown room or sender, or is no Unicode, gets ``InvalidInput``.
        """
        if self._knows_all_of(drafts):
            try:
                return self._append_new(drafts)
            # A message that is there already, or a text that is no Unicode: the group is
            # written again, with a look at each draft.
            except (sqlite3.IntegrityError, UnicodeEncodeError):
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                self._connection.execute("BEGIN IMMEDIATE")
                self.forget()
        return self._append_with_care(drafts)

    def not_written(
        self, drafts: Sequence[Draft], refusal: type[StorageFull | StoreUnavailable]
    ) -> list[Outcome]:
        """Return what becomes of drafts of which nothing was written, looking at each.

        One that was stored before has its receipt all the same: "not stored" would be a lie.
        """
        outcomes: list[Outcome] = []
        for room_id, sender, message_id, _, text, _, _ in drafts:
            room, number = self._room(room_id), self._sender(sender)
            first = None
            if room is not None and number is not None:
                key = (room.number, number, message_id)
                first = self._connection.execute(_STORED, key).fetchone()
            if first is None:
                outcomes.append(refusal())
            elif first[2] == text:
                outcomes.append(Receipt(first[0], first[1], False))
            else:
                outcomes.append(IdReused())
        return outcomes

    def forget(self) -> None:
        """Read the file again from now on: what was counted may not have been written."""
        self._rooms.clear()
        self._senders.clear()

    def forget_room(self, room_id: RoomId) -> None:
        """Read the room again from now on; it may be deleted."""
        self._rooms.pop(room_id, None)

    def _append_new(self, drafts: Sequence[Draft]) -> list[Outcome]:
        rooms = self._rooms
        senders = self._senders
        values: list[_Value] = []
        receipts: list[Outcome] = []
        for room_id, sender, message_id, sent_at, text, _, _ in drafts:
            room = rooms[room_id]
            room.head = seq = room.head + 1
            values += (room.number, seq, senders[sender], message_id, sent_at, text)
            receipts.append(Receipt(seq, sent_at, True))
        self._insert(values)
        return receipts

    def _append_with_care(self, drafts: Sequence[Draft]) -> list[Outcome]:
        values: list[_Value] = []
        outcomes: list[Outcome] = []
        written: dict[tuple[int, int, bytes], tuple[int, Instant, str]] = {}
        for room_id, sender, message_id, sent_at, text, _, _ in drafts:
            room = self._room(room_id)
            number = self._sender(sender)
            if room is None:
                outcomes.append(InvalidInput("/room", "unknown", "there is no such room"))
                continue
            if number is None:
                outcomes.append(InvalidInput("/sender", "unknown", "there is no such user"))
                continue
            if not _is_unicode(text):
                outcomes.append(InvalidInput("/text", "unicode", "a text must be Unicode"))
                continue
            key = (room.number, number, message_id)
            first = written.get(key) or self._connection.execute(_STORED, key).fetchone()
            if first is None:
                room.head = seq = room.head + 1
                written[key] = (seq, sent_at, text)
                values += (room.number, seq, number, message_id, sent_at, text)
                outcomes.append(Receipt(seq, sent_at, True))
            elif first[2] == text:
                outcomes.append(Receipt(first[0], first[1], False))
            else:
                outcomes.append(IdReused())
        self._insert(values)
        return outcomes

    def _insert(self, values: list[_Value]) -> None:
        execute = self._connection.execute
        rest = len(values) - len(values) % _VALUES_AT_ONCE
        for start in range(0, rest, _VALUES_AT_ONCE):
            execute(_INSERT_MANY, values[start : start + _VALUES_AT_ONCE])
        for start in range(rest, len(values), _VALUES_A_ROW):
            execute(_INSERT, values[start : start + _VALUES_A_ROW])

    def _knows_all_of(self, drafts: Sequence[Draft]) -> bool:
        """Look up rooms and senders not met lately; False when one of them is unknown."""
        if len(self._rooms) > _MAX_REMEMBERED or len(self._senders) > _MAX_REMEMBERED:
            self.forget()
        found: list[_OpenRoom | int | None] = []
        found += map(self._room, {draft[0] for draft in drafts}.difference(self._rooms))
        found += map(self._sender, {draft[1] for draft in drafts}.difference(self._senders))
        return None not in found

    def _room(self, room_id: RoomId) -> _OpenRoom | None:
        room = self._rooms.get(room_id)
        if room is None:
            row = self._connection.execute(_ROOM, (room_id,)).fetchone()
            if row is not None:
                room = self._rooms[room_id] = _OpenRoom(*row)
        return room

    def _sender(self, user_id: UserId) -> int | None:
        number = self._senders.get(user_id)
        if number is None:
            row = self._connection.execute(_USER, (user_id,)).fetchone()
            if row is not None:
                number = self._senders[user_id] = row[0]
        return number


def messages_after(
    connection: sqlite3.Connection, room_id: RoomId, after: int, limit: int, max_bytes: int
) -> list[LoggedMessage]:
    """Return what ``services.ports.RoomStore.messages_after`` promises."""
    wanted = {"room": room_id, "floor": after + 1, "limit": limit}
    return _within_bytes(connection.execute(_MESSAGES_AFTER, wanted), max_bytes)


def messages_before(
    connection: sqlite3.Connection,
    room_id: RoomId,
    before: int | None,
    floor: int,
    limit: int,
    max_bytes: int,
) -> list[LoggedMessage]:
    """Return what ``services.ports.RoomStore.messages_before`` promises."""
    end = _NO_END if before is None else before
    wanted = {"room": room_id, "floor": floor, "before": end, "limit": limit}
    page = _within_bytes(connection.execute(_MESSAGES_BEFORE, wanted), max_bytes)
    page.reverse()
    return page


def _within_bytes(cursor: sqlite3.Cursor, max_bytes: int) -> list[LoggedMessage]:
    """Return the messages from the first on until their texts are too much, but at least one."""
    page: list[LoggedMessage] = []
    size = 0
    try:
        for message in map(LoggedMessage._make, cursor):
            size += utf8_bytes(message.text)
            if page and size > max_bytes:
                break
            page.append(message)
    finally:
        # An unfinished read would keep the WAL from being emptied.
        cursor.close()
    return page


def _is_unicode(text: str) -> bool:
    """False for a text with half of a surrogate pair, which UTF-8 cannot hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
