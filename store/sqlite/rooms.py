"""Rooms in the data file: how they are found, made and deleted."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from services.model import Room, RoomId, RoomName
from store.sqlite.log import HEAD, RoomLog

RandomBytes: TypeAlias = Callable[[int], bytes]
"""Returns that many bytes that nobody can guess."""

IDENTIFIER_BYTES = 16

ROOM_COLUMNS = (
    f"rooms.room_id, rooms.name, rooms.epoch, {HEAD}, rooms.floor, rooms.members,"
    " rooms.members_version, (SELECT user_id FROM users WHERE number = rooms.owner),"
    " rooms.retention_s, rooms.retention_messages, rooms.shows_all_history, rooms.created_at"
)
ROOM_WIDTH = 12
_SHOWS_ALL_HISTORY = 10

# One more than the largest there ever was in what is kept: the log may still hold rows of
# deleted rooms, and their numbers must not come to mean another room.
_ADD = (
    "INSERT INTO rooms (number, room_id, name, epoch, created_at, owner, retention_s,"
    " retention_messages, shows_all_history) VALUES (1 + max("
    "coalesce((SELECT max(number) FROM rooms), 0),"
    " coalesce((SELECT max(room) FROM deleted_rooms), 0)), ?, ?, ?, ?, ?, ?, ?, ?)"
    " RETURNING number"
)


def room_of(row: Sequence[Any]) -> Room:
    """Return the room whose ``ROOM_COLUMNS`` the row begins with."""
    values = list(row[:ROOM_WIDTH])
    values[_SHOWS_ALL_HISTORY] = bool(values[_SHOWS_ALL_HISTORY])
    return Room(*values)


def find_room_named(connection: sqlite3.Connection, name: RoomName) -> Room | None:
    row = connection.execute(f"SELECT {ROOM_COLUMNS} FROM rooms WHERE name = ?", (name,)).fetchone()
    return None if row is None else room_of(row)


def find_room(connection: sqlite3.Connection, room_id: RoomId) -> Room | None:
    row = connection.execute(
        f"SELECT {ROOM_COLUMNS} FROM rooms WHERE room_id = ?", (room_id,)
    ).fetchone()
    return None if row is None else room_of(row)


def room_now(connection: sqlite3.Connection, number: int) -> Room:
    """Return the room of that number, which must be there."""
    row = connection.execute(
        f"SELECT {ROOM_COLUMNS} FROM rooms WHERE number = ?", (number,)
    ).fetchone()
    return room_of(row)


def number_of(connection: sqlite3.Connection, room_id: RoomId) -> int:
    """Return what stands for the room in other tables; the room must be there."""
    row: tuple[int] = connection.execute(
        "SELECT number FROM rooms WHERE room_id = ?", (room_id,)
    ).fetchone()
    return row[0]


def add_room(connection: sqlite3.Connection, room: Room, owner: int | None) -> int:
    """Add the room, without members and messages; return its number."""
    row: tuple[int] = connection.execute(
        _ADD,
        (
            room.room_id,
            room.name,
            room.epoch,
            room.created_at,
            owner,
            room.retention_s,
            room.retention_messages,
            room.shows_all_history,
        ),
    ).fetchone()
    return row[0]


def delete_room(connection: sqlite3.Connection, log: RoomLog, room_id: RoomId, number: int) -> None:
    """Delete the room and its members now, and leave what was said there to be deleted later."""
    connection.execute("DELETE FROM rooms WHERE number = ?", (number,))
    connection.execute("DELETE FROM room_members WHERE room = ?", (number,))
    connection.execute("INSERT INTO deleted_rooms (room) VALUES (?)", (number,))
    log.forget_room(room_id)


def delete_private_room(connection: sqlite3.Connection, log: RoomLog, room_id: RoomId) -> bool:
    row = connection.execute(
        "SELECT number FROM rooms WHERE room_id = ? AND owner IS NOT NULL", (room_id,)
    ).fetchone()
    if row is None:
        return False
    delete_room(connection, log, room_id, row[0])
    return True


def begin_epochs(connection: sqlite3.Connection, random_bytes: RandomBytes) -> int:
    numbers: list[tuple[int]] = connection.execute(
        "SELECT number FROM rooms ORDER BY number"
    ).fetchall()
    connection.executemany(
        "UPDATE rooms SET epoch = ? WHERE number = ?",
        [(random_bytes(IDENTIFIER_BYTES), number) for (number,) in numbers],
    )
    return len(numbers)
