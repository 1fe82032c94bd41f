"""The rooms of a user: rows that are derived from the rooms, which decide.

A row is written before the change that it is for, with the version that the room reaches by it as
its timestamp, and is deleted after the change that ends the place, with the version reached by
that. So whatever breaks off leaves rows for places that are not there, and never a place without
a row. Why no real place loses its row, in whatever order these arrive, and with others between:

- A place that was made by version m has a row of timestamp m or newer, for nothing but its user's
  attempts writes rows, and each writes before its change.
- Who ends the place by version w deletes up to w. The user may come again only by a version above
  w, with a row above w: a late delete does not reach it. A late write of an attempt that failed
  does not live on either: the version it was for is w at most, and at the same timestamp a delete
  wins.
- Who finds a row of version r without a place deletes up to r only when the room has reached r,
  and the place is looked for after that was seen. Either the change to r was that attempt and its
  place has ended since, or it was another change and the attempt failed; its next has a version
  above r. While the room is below r, the attempt may yet succeed, and its row stays.
- For the same reason nobody takes a row of a failed attempt back at once: another attempt of the
  same user, at the same version, may have been the one that succeeded.

The state in a row is that of the attempt, which may have failed. So a place that is joined has a
row that says so, but a row that says so may be of an invitation: the counts ask the rooms before
they refuse anybody.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from services.limits import Limits
from services.model import Membership, MemberState, RoomId, RoomName, User, UserId, Username
from store.cassandra.cql import Cql, Row
from store.cassandra.reads import for_each, read_all
from store.cassandra.rooms import COLUMNS, WIDTH, Rooms, Statics

PAGE: Final = 200

_PUT = (
    "INSERT INTO rooms_by_user (user_id, name, room_id, joined, members_version)"
    " VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?"
)
_REMOVE = (
    "DELETE FROM rooms_by_user USING TIMESTAMP ? WHERE user_id = ? AND name = ? AND room_id = ?"
)
_ROWS = "SELECT name, room_id, joined, members_version FROM rooms_by_user WHERE user_id = ?"
_FIRST = f"{_ROWS} AND name > ? LIMIT ?"
_NEXT = f"{_ROWS} AND (name, room_id) > (?, ?) LIMIT ?"
_PLACES = (
    f"SELECT {COLUMNS}, user_id, joined, joined_seq, since FROM rooms"
    " WHERE username = ? AND room_id IN ?"
)
_PLACE = _PLACES.replace(" IN ?", " = ?")


@dataclass(frozen=True, slots=True)
class UserRoom:
    """A row: the user has, had, or may soon have a place in the room, by its ``version``."""

    name: RoomName
    room_id: RoomId
    state: MemberState
    version: int


class UserRooms:
    def __init__(self, cql: Cql, rooms: Rooms) -> None:
        self._cql = cql
        self._rooms = rooms

    async def place(
        self, room_id: RoomId, username: Username
    ) -> tuple[Statics, Membership] | tuple[None, None]:
        """Return the room with the user's place in it, both as of one moment; None for both when
        there is no place, or no room."""
        rows = await self._cql.read(_PLACE, username, UUID(bytes=room_id))
        if not rows:
            return None, None
        statics, membership = _of(rows[0])
        return (statics, membership) if statics.is_there else (None, None)

    async def put(self, user_id: UserId, statics: Statics, state: MemberState) -> None:
        """Write the row of a place that the version of ``statics`` gives, or shows."""
        await self._cql.write(
            _PUT,
            UUID(bytes=user_id),
            statics.name,
            UUID(bytes=statics.room_id),
            state == "joined",
            statics.version,
            statics.version,
        )

    async def remove(self, user_id: UserId, name: RoomName, room_id: RoomId, version: int) -> None:
        """Delete what was written for versions up to this one."""
        await self._cql.write(_REMOVE, version, UUID(bytes=user_id), name, UUID(bytes=room_id))

    async def pages(
        self, user_id: UserId, after: RoomName | None = None, limit: int = PAGE
    ) -> AsyncIterator[list[UserRoom]]:
        """Yield the rows by name, up to ``limit`` of them at once."""
        key = UUID(bytes=user_id)
        found = await self._cql.read(_FIRST, key, after or "", limit)
        while found:
            yield [
                UserRoom(RoomName(name), RoomId(room_id.bytes), state_of(joined), version)
                for name, room_id, joined, version in found
            ]
            if len(found) < limit:
                return
            name, room_id, *_ = found[-1]
            found = await self._cql.read(_NEXT, key, name, room_id, limit)

    async def places(
        self, user_id: UserId, username: Username, rows: list[UserRoom]
    ) -> list[tuple[Statics, Membership]]:
        """Return the places that the rows are of, in their order, and mend the other rows."""
        found = await read_all(
            self._cql, _PLACES, [UUID(bytes=row.room_id) for row in rows], username
        )
        places = {statics.room_id: (statics, membership) for statics, membership in map(_of, found)}
        wrong: list[UserRoom] = []
        right: list[tuple[Statics, Membership]] = []
        for row in rows:
            place = places.get(row.room_id)
            if place is not None and place[0].is_there:
                right.append(place)
            if place is None or not place[0].is_there or place[1].state != row.state:
                wrong.append(row)
        await for_each(wrong, lambda row: self._mend(user_id, username, row))
        return right

    async def has_all_rooms(self, user: User, limits: Limits) -> bool:
        """Whether one room more would be above ``rooms_per_user``."""
        return await self._has(user, "joined", limits.rooms_per_user)

    async def has_all_invitations(self, user: User, limits: Limits) -> bool:
        """Whether one more would be above ``invitations_per_user``."""
        return await self._has(user, "invited", limits.invitations_per_user)

    async def _has(self, user: User, state: MemberState, limit: int) -> bool:
        """Whether the user has ``limit`` places of that state, or more."""
        rows = [row async for page in self.pages(user.user_id) for row in page]
        if sum(row.state == state for row in rows) < limit:
            return False
        places = await self.places(user.user_id, user.name, rows)
        return sum(membership.state == state for _, membership in places) >= limit

    async def _mend(self, user_id: UserId, username: Username, row: UserRoom) -> None:
        """Make the row what the room says, if its version cannot come true any more."""
        statics = await self._rooms.latest(row.room_id)
        if statics is not None and statics.version < row.version:
            return
        _, membership = await self.place(row.room_id, username)
        if membership is None:
            await self.remove(user_id, row.name, row.room_id, row.version)
        elif statics is not None and membership.state != row.state:
            # At the same timestamp this may lose, and is done again when the room goes on.
            await self.put(user_id, statics, membership.state)


def state_of(joined: bool) -> MemberState:
    return "joined" if joined else "invited"


def _of(row: Row) -> tuple[Statics, Membership]:
    user_id, joined, joined_seq, since = row[WIDTH:]
    membership = Membership(UserId(user_id.bytes), state_of(joined), joined_seq, since)
    return Statics.of_row(row), membership
