"""Rooms in the data file."""

import os
import sqlite3

from services.model import Instant, Room, RoomName

_IDENTIFIER_BYTES = 16

_ROOM = (
    "SELECT room_id, name, epoch,"
    " (SELECT coalesce(max(seq), 0) FROM log WHERE room = number)"
    " FROM rooms WHERE name = ?"
)


def find_room(connection: sqlite3.Connection, name: RoomName) -> Room | None:
    row = connection.execute(_ROOM, (name,)).fetchone()
    return None if row is None else Room(*row)


def find_or_add_room(connection: sqlite3.Connection, name: RoomName, now: Instant) -> Room:
    connection.execute(
        "INSERT INTO rooms (room_id, name, epoch, created_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (name) DO NOTHING",
        (os.urandom(_IDENTIFIER_BYTES), name, os.urandom(_IDENTIFIER_BYTES), now),
    )
    return Room(*connection.execute(_ROOM, (name,)).fetchone())
