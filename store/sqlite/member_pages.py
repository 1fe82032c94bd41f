"""Pages: the members of a room, and the rooms of a user. In the order of code points."""

import sqlite3

from services.model import (
    Membership,
    PublicKey,
    RoomId,
    RoomMember,
    RoomName,
    RoomOfUser,
    UserId,
    Username,
)
from store.sqlite.members import state_of
from store.sqlite.rooms import ROOM_COLUMNS, ROOM_WIDTH, room_of

# SQLite compares the bytes of UTF-8, which is the order of code points. The keys are looked
# up for the page alone; a deleted account has none.
_MEMBERS = (
    "WITH page AS (SELECT u.name, u.user_id, m.joined, m.since"
    " FROM room_members AS m JOIN users AS u ON u.number = m.user"
    " WHERE m.room = (SELECT number FROM rooms WHERE room_id = ?)"
    " AND u.name > ? AND u.deleted_at IS NULL ORDER BY u.name LIMIT ?)"
    " SELECT page.name, page.joined, page.since, k.version, k.text, k.created_at"
    " FROM page JOIN public_keys AS k ON k.user_id = page.user_id AND k.version ="
    " (SELECT max(version) FROM public_keys WHERE user_id = page.user_id)"
    " ORDER BY page.name"
)
# Heads and owners, likewise.
_ROOMS = (
    "WITH page AS (SELECT r.number, m.joined, m.joined_seq, m.since"
    " FROM room_members AS m JOIN rooms AS r ON r.number = m.room"
    " WHERE m.user = (SELECT number FROM users WHERE user_id = ?)"
    " AND r.name > ? ORDER BY r.name LIMIT ?)"
    f" SELECT {ROOM_COLUMNS}, page.joined, page.joined_seq, page.since,"
    " (SELECT name FROM users WHERE number = rooms.owner)"
    " FROM page JOIN rooms ON rooms.number = page.number ORDER BY rooms.name"
)


def members(
    connection: sqlite3.Connection, room_id: RoomId, after: Username | None, limit: int
) -> list[RoomMember]:
    """Return what ``services.ports.RoomStore.members`` promises."""
    rows = connection.execute(_MEMBERS, (room_id, after or "", limit))
    return [
        RoomMember(name, state_of(joined), since, PublicKey(*key))
        for name, joined, since, *key in rows
    ]


def rooms_of(
    connection: sqlite3.Connection, user_id: UserId, after: RoomName | None, limit: int
) -> list[RoomOfUser]:
    """Return what ``services.ports.RoomStore.rooms_of`` promises."""
    page = []
    for row in connection.execute(_ROOMS, (user_id, after or "", limit)):
        joined, joined_seq, since, owner = row[ROOM_WIDTH:]
        membership = Membership(user_id, state_of(joined), joined_seq, since)
        page.append(RoomOfUser(room_of(row), membership, owner))
    return page
