"""Who is in a room: how users come in, are invited, and go."""

import sqlite3

from services.errors import LimitReached, RoomNotFound, UserNotFound
from services.limits import Limits
from services.model import (
    Departure,
    Entry,
    Epoch,
    Instant,
    Invited,
    Membership,
    MemberState,
    Room,
    RoomId,
    RoomName,
    UserId,
)
from services.rooms import PRIVATE_PREFIX
from store.sqlite.log import RoomLog
from store.sqlite.rooms import (
    IDENTIFIER_BYTES,
    ROOM_COLUMNS,
    ROOM_WIDTH,
    RandomBytes,
    add_room,
    delete_room,
    find_room_named,
    number_of,
    room_now,
    room_of,
)

_ENTRY = (
    f"SELECT {ROOM_COLUMNS}, u.user_id, m.joined_seq, m.since"
    " FROM rooms JOIN users AS u JOIN room_members AS m ON m.room = rooms.number"
    " AND m.user = u.number"
    " WHERE rooms.name = ? AND u.user_id = ? AND u.deleted_at IS NULL AND m.joined"
)
_MEMBERSHIP = (
    "SELECT m.joined, m.joined_seq, m.since"
    " FROM rooms JOIN users AS u JOIN room_members AS m ON m.room = rooms.number"
    " AND m.user = u.number WHERE rooms.room_id = ? AND u.user_id = ?"
)
_COUNT = "SELECT count(*) FROM room_members WHERE user = ? AND joined = ?"
_PUT = (
    "INSERT INTO room_members (room, user, joined, joined_seq, since) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (room, user) DO UPDATE SET joined = excluded.joined,"
    " joined_seq = excluded.joined_seq, since = excluded.since"
)
_PLACE = (
    "SELECT rooms.number, rooms.owner, m.user, m.joined"
    " FROM rooms JOIN users AS u JOIN room_members AS m ON m.room = rooms.number"
    " AND m.user = u.number WHERE rooms.room_id = ? AND u.user_id = ?"
)
_HEIR = (
    "SELECT m.user FROM room_members AS m JOIN users AS u ON u.number = m.user"
    " WHERE m.room = ? AND m.joined ORDER BY m.since, u.user_id LIMIT 1"
)
_LEAVING = (
    "SELECT rooms.room_id, u.user_id FROM leaving_users AS l"
    " JOIN users AS u ON u.number = l.user JOIN room_members AS m ON m.user = l.user"
    " JOIN rooms ON rooms.number = m.room LIMIT ?"
)


def find_entry(connection: sqlite3.Connection, name: RoomName, user_id: UserId) -> Entry | None:
    """Return the room and the place of a user who has joined it; None for all others."""
    row = connection.execute(_ENTRY, (name, user_id)).fetchone()
    if row is None:
        return None
    found_id, joined_seq, since = row[ROOM_WIDTH:]
    return Entry(room_of(row), Membership(found_id, "joined", joined_seq, since), joined=False)


def find_membership(
    connection: sqlite3.Connection, room_id: RoomId, user_id: UserId
) -> Membership | None:
    row = connection.execute(_MEMBERSHIP, (room_id, user_id)).fetchone()
    return None if row is None else Membership(user_id, state_of(row[0]), row[1], row[2])


def state_of(joined: int) -> MemberState:
    return "joined" if joined else "invited"


def enter_room(
    connection: sqlite3.Connection,
    name: RoomName,
    user_id: UserId,
    now: Instant,
    limits: Limits,
    random_bytes: RandomBytes,
) -> Entry | None:
    """Do what ``services.ports.RoomStore.enter_room`` promises."""
    user = _account_number(connection, user_id)
    if user is None:
        raise UserNotFound
    entry = find_entry(connection, name, user_id)
    if entry is not None:
        return entry
    room = find_room_named(connection, name)
    if room is None:
        if name.startswith(PRIVATE_PREFIX):
            return None
        room = _new_open_room(name, now, random_bytes)
        _check_rooms_of(connection, user, limits)
        number = add_room(connection, room, None)
    else:
        membership = find_membership(connection, room.room_id, user_id)
        if room.is_private and membership is None:
            return None
        _check_rooms_of(connection, user, limits)
        number = number_of(connection, room.room_id)
    # The places of a private room were counted when its members were invited.
    if not room.is_private and room.members + 1 > limits.members_per_open_room:
        raise LimitReached("members_per_open_room")
    room = _join(connection, number, user, room.head, now)
    return Entry(room, Membership(user_id, "joined", room.head, now), joined=True)


def add_private_room(connection: sqlite3.Connection, room: Room, limits: Limits) -> None:
    """Do what ``services.ports.RoomStore.add_private_room`` promises."""
    owner = None if room.owner is None else _account_number(connection, room.owner)
    if owner is None:
        raise UserNotFound
    _check_rooms_of(connection, owner, limits)
    _join(connection, add_room(connection, room, owner), owner, 0, room.created_at)


def invite(
    connection: sqlite3.Connection, room_id: RoomId, user_id: UserId, now: Instant, limits: Limits
) -> Invited:
    """Do what ``services.ports.RoomStore.invite`` promises."""
    row = connection.execute(
        "SELECT number, places FROM rooms WHERE room_id = ? AND owner IS NOT NULL", (room_id,)
    ).fetchone()
    if row is None:
        raise RoomNotFound
    number, places = row
    user = _account_number(connection, user_id)
    if user is None:
        raise UserNotFound
    membership = find_membership(connection, room_id, user_id)
    if membership is not None:
        return Invited(membership.state, room_now(connection, number), is_new=False)
    if places + 1 > limits.members_per_private_room:
        raise LimitReached("members_per_private_room")
    if _count(connection, user, joined=False) + 1 > limits.invitations_per_user:
        raise LimitReached("invitations_per_user")
    connection.execute(_PUT, (number, user, 0, 0, now))
    connection.execute(
        "UPDATE rooms SET places = places + 1, members_version = members_version + 1"
        " WHERE number = ?",
        (number,),
    )
    return Invited("invited", room_now(connection, number), is_new=True)


def remove_member(
    connection: sqlite3.Connection, log: RoomLog, room_id: RoomId, user_id: UserId
) -> Departure | None:
    """Do what ``services.ports.RoomStore.remove_member`` promises."""
    row = connection.execute(_PLACE, (room_id, user_id)).fetchone()
    if row is None:
        return None
    number, owner, user, joined = row
    was = state_of(joined)
    connection.execute("DELETE FROM room_members WHERE room = ? AND user = ?", (number, user))
    if owner == user:
        row = connection.execute(_HEIR, (number,)).fetchone()
        if row is None:
            delete_room(connection, log, room_id, number)
            return Departure(was, None)
        (owner,) = row
    connection.execute(
        "UPDATE rooms SET owner = ?, members = members - ?, places = places - 1,"
        " members_version = members_version + 1 WHERE number = ?",
        (owner, joined, number),
    )
    return Departure(was, room_now(connection, number))


def find_leaving(connection: sqlite3.Connection, limit: int) -> list[tuple[RoomId, UserId]]:
    """Return up to ``limit`` places of deleted accounts."""
    return connection.execute(_LEAVING, (limit,)).fetchall()


def anybody_leaves(connection: sqlite3.Connection) -> bool:
    """Whether deleted accounts are remembered for the places that they have, or had."""
    return connection.execute("SELECT 1 FROM leaving_users LIMIT 1").fetchone() is not None


def forget_who_left(connection: sqlite3.Connection) -> None:
    """Remember no more those deleted accounts that have no place left."""
    connection.execute(
        "DELETE FROM leaving_users WHERE NOT EXISTS"
        " (SELECT 1 FROM room_members WHERE room_members.user = leaving_users.user)"
    )


def _new_open_room(name: RoomName, now: Instant, random_bytes: RandomBytes) -> Room:
    room_id, epoch = random_bytes(IDENTIFIER_BYTES), random_bytes(IDENTIFIER_BYTES)
    return Room(RoomId(room_id), name, Epoch(epoch), head=0, created_at=now)


def _account_number(connection: sqlite3.Connection, user_id: UserId) -> int | None:
    row = connection.execute(
        "SELECT number FROM users WHERE user_id = ? AND deleted_at IS NULL", (user_id,)
    ).fetchone()
    return None if row is None else row[0]


def _check_rooms_of(connection: sqlite3.Connection, user: int, limits: Limits) -> None:
    if _count(connection, user, joined=True) + 1 > limits.rooms_per_user:
        raise LimitReached("rooms_per_user")


def _count(connection: sqlite3.Connection, user: int, *, joined: bool) -> int:
    row: tuple[int] = connection.execute(_COUNT, (user, joined)).fetchone()
    return row[0]


def _join(connection: sqlite3.Connection, number: int, user: int, head: int, now: Instant) -> Room:
    """Make the user a member, invited before or not; return the room as it is then."""
    was_invited = connection.execute(
        "SELECT 1 FROM room_members WHERE room = ? AND user = ?", (number, user)
    ).fetchone()
    connection.execute(_PUT, (number, user, 1, head, now))
    connection.execute(
        "UPDATE rooms SET members = members + 1, places = places + ?,"
        " members_version = members_version + 1 WHERE number = ?",
        (was_invited is None, number),
    )
    return room_now(connection, number)
