"""Pages: the members of a room, and the rooms of a user. In the order of code points.

The database orders texts by their bytes of UTF-8, which is that order.
"""

from uuid import UUID

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
from store.cassandra.cql import Cql, Row
from store.cassandra.reads import for_each, read_all
from store.cassandra.rooms import Rooms, Statics
from store.cassandra.user_rooms import PAGE, UserRooms, state_of
from store.cassandra.users import Users

_MEMBERS = (
    "SELECT username, user_id, joined, since FROM rooms WHERE room_id = ? AND username > ? LIMIT ?"
)
_KEYS = "SELECT user_id, key_version, public_key, key_created_at FROM users WHERE user_id IN ?"


class MemberPages:
    def __init__(self, cql: Cql, rooms: Rooms, users: Users) -> None:
        self._cql = cql
        self._rooms = rooms
        self._users = users
        self._user_rooms = UserRooms(cql, rooms)

    async def members(
        self, room_id: RoomId, after: Username | None, limit: int
    ) -> list[RoomMember]:
        """Return what ``services.ports.RoomStore.members`` promises."""
        if await self._rooms.statics(room_id) is None:
            return []
        page: list[RoomMember] = []
        name: str = after or ""
        while len(page) < limit:
            # A deleted account is not shown, and others are in its place on the page.
            wanted = min(limit - len(page), PAGE)
            rows = await self._cql.read(_MEMBERS, UUID(bytes=room_id), name, wanted)
            page += await self._with_keys(rows)
            if len(rows) < wanted:
                break
            name = rows[-1][0]
        return page

    async def rooms_of(
        self, user_id: UserId, after: RoomName | None, limit: int
    ) -> list[RoomOfUser]:
        """Return what ``services.ports.RoomStore.rooms_of`` promises."""
        username = await self._users.name_of(user_id)
        found: list[tuple[Statics, Membership]] = []
        if username is None or limit < 1:
            return []
        async for rows in self._user_rooms.pages(user_id, after, min(limit, PAGE)):
            found += await self._user_rooms.places(user_id, username, rows)
            if len(found) >= limit:
                break
        page = found[:limit]
        rooms = await for_each([statics for statics, _ in page], self._rooms.with_head)
        return [
            RoomOfUser(room, membership, statics.owner_name)
            for room, (statics, membership) in zip(rooms, page, strict=True)
        ]

    async def _with_keys(self, rows: list[Row]) -> list[RoomMember]:
        found = await read_all(self._cql, _KEYS, [row[1] for row in rows])
        # A deleted account has none.
        keys = {user_id: PublicKey(*key) for user_id, *key in found if key[0] is not None}
        return [
            RoomMember(name, state_of(joined), since, keys[user_id])
            for name, user_id, joined, since in rows
            if user_id in keys
        ]
