"""Who is in a room, in Cassandra: how users come in, are invited, and go.

Each change reads the room's version, and the rows after that; decides; and writes on the condition
that the version is still the same. So what was read is what is changed. Whoever else changed the
room meanwhile has it decided again.

The limits of a user are counted in the rows of the user's rooms, one change of a user at a time
in this process. Processes that let one user into several rooms at the same moment may go above
a limit by one for each of them.
"""

from dataclasses import replace
from typing import Final
from uuid import UUID

from services.errors import LimitReached, RoomNotFound, StoreUnavailable, UserNotFound
from services.limits import Limits
from services.model import (
    Departure,
    Entry,
    Instant,
    Invited,
    Membership,
    Room,
    RoomId,
    RoomName,
    User,
    UserId,
    Username,
)
from services.rooms import PRIVATE_PREFIX
from store.cassandra.cql import Cql, Statement
from store.cassandra.patience import Patience, Turns
from store.cassandra.rooms import Rooms, Statics
from store.cassandra.user_rooms import UserRooms
from store.cassandra.users import Users

PAGE: Final = 500

_PLACE = "SELECT joined, joined_seq, since FROM rooms WHERE room_id = ? AND username = ?"
_PUT = (
    "INSERT INTO rooms (room_id, username, user_id, joined, joined_seq, since)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
_REMOVE = "DELETE FROM rooms WHERE room_id = ? AND username = ?"
_PLACES = (
    "SELECT username, user_id, joined, since FROM rooms WHERE room_id = ? AND username > ? LIMIT ?"
)
_LEAVING = "SELECT user_id FROM leaving_users"
_HAS_LEFT = "DELETE FROM leaving_users WHERE user_id = ?"


class Members:
    def __init__(self, cql: Cql, rooms: Rooms, users: Users) -> None:
        self._cql = cql
        self._rooms = rooms
        self._users = users
        self._user_rooms = UserRooms(cql, rooms)
        self._user_turns = Turns()

    # -- coming in

    async def enter_room(
        self, name: RoomName, user_id: UserId, now: Instant, limits: Limits
    ) -> Entry | None:
        """Do what ``services.ports.RoomStore.enter_room`` promises."""
        user = await self._account(user_id)
        entry = await self._entry(name, user)
        if entry is not None:
            return entry
        async with self._user_turns.of(user_id):
            has_all = await self._user_rooms.has_all_rooms(user, limits)
            patience = Patience()
            while True:
                room_id = await self._rooms.id_of(name)
                statics = None
                if room_id is not None:
                    async with self._rooms.turns.of(room_id):
                        statics = await self._rooms.latest(room_id)
                        if statics is not None and not statics.is_deleted:
                            entry, is_decided = await self._join(
                                statics, user, now, limits, has_all=has_all
                            )
                            if is_decided:
                                return entry
                if statics is None or statics.is_deleted:
                    if name.startswith(PRIVATE_PREFIX):
                        return None
                    _check_open(0, limits, has_all=has_all)
                    await self._rooms.make_open(name, room_id, now)
                await patience.pause()

    async def add_private_room(self, room: Room, limits: Limits) -> None:
        """Do what ``services.ports.RoomStore.add_private_room`` promises."""
        if room.owner is None:
            raise UserNotFound
        owner = await self._account(room.owner)
        statics = _private_room(room, owner)
        async with self._user_turns.of(owner.user_id):
            if await self._user_rooms.has_all_rooms(owner, limits):
                raise LimitReached("rooms_per_user")
            if not await self._rooms.make(statics):
                # Nobody guesses the name of another's room: it was made twice.
                raise StoreUnavailable
            membership = Membership(owner.user_id, "joined", 0, room.created_at)
            if not await self._put(statics, replace(statics, members=1, places=1), membership):
                # Somebody has found it without members, and deleted it.
                raise StoreUnavailable

    async def invite(
        self, room_id: RoomId, user_id: UserId, now: Instant, limits: Limits
    ) -> Invited:
        """Do what ``services.ports.RoomStore.invite`` promises."""
        async with self._user_turns.of(user_id):
            patience = Patience()
            while True:
                async with self._rooms.turns.of(room_id):
                    invited = await self._invite(room_id, user_id, now, limits)
                if invited is not None:
                    return invited
                await patience.pause()

    # -- looking

    async def membership(self, room_id: RoomId, user_id: UserId) -> Membership | None:
        """Return the user's place in the room."""
        name = await self._users.name_of(user_id)
        if name is None:
            return None
        _, membership = await self._user_rooms.place(room_id, name)
        return membership

    # -- going

    async def remove_member(self, room_id: RoomId, user_id: UserId) -> Departure | None:
        """Do what ``services.ports.RoomStore.remove_member`` promises."""
        name = await self._users.name_of(user_id)
        if name is None:
            return None
        patience = Patience()
        while True:
            async with self._rooms.turns.of(room_id):
                departure, is_decided = await self._remove(room_id, user_id, name)
            if is_decided:
                return departure
            await patience.pause()

    async def leaving(self, limit: int) -> list[tuple[RoomId, UserId]]:
        """Do what ``services.ports.RoomStore.leaving`` promises."""
        places: list[tuple[RoomId, UserId]] = []
        async for (key,) in self._cql.scan(_LEAVING):
            user = await self._users.user(UserId(key.bytes))
            # It is noted before the account is deleted.
            if user is not None and user.deleted_at is not None:
                places += await self._places_of(user, limit - len(places))
            if len(places) >= limit:
                break
        return places

    # -- the inside

    async def _account(self, user_id: UserId) -> User:
        user = await self._users.user(user_id)
        if user is None or user.deleted_at is not None:
            raise UserNotFound
        return user

    async def _entry(self, name: RoomName, user: User) -> Entry | None:
        """Return the room and the place of a user who has joined it; None for all others."""
        room_id = await self._rooms.id_of(name)
        if room_id is None:
            return None
        statics, membership = await self._user_rooms.place(room_id, user.name)
        if statics is None or membership is None or membership.state != "joined":
            return None
        return Entry(await self._rooms.with_head(statics), membership, joined=False)

    async def _join(
        self, statics: Statics, user: User, now: Instant, limits: Limits, *, has_all: bool
    ) -> tuple[Entry | None, bool]:
        """Return the entry, and whether it is decided; else the room is another by now."""
        place = await self._place(statics.room_id, user)
        if place is not None and place.state == "joined":
            return Entry(await self._rooms.with_head(statics), place, joined=False), True
        if not statics.is_private:
            _check_open(statics.members, limits, has_all=has_all)
        elif place is None:
            return None, True
        elif has_all:
            # The places of a private room were counted when its members were invited.
            raise LimitReached("rooms_per_user")
        head, floor = await self._rooms.heads.of(statics.room_id)
        places = statics.places + (place is None)
        joined = replace(statics, members=statics.members + 1, places=places)
        membership = Membership(user.user_id, "joined", head, now)
        if not await self._put(statics, joined, membership):
            return None, False
        joined = replace(joined, version=statics.version + 1)
        return Entry(joined.room(head, floor), membership, joined=True), True

    async def _invite(
        self, room_id: RoomId, user_id: UserId, now: Instant, limits: Limits
    ) -> Invited | None:
        """Return what it came to; None if the room was changed meanwhile."""
        statics = await self._rooms.latest(room_id)
        if statics is None or not statics.is_there or not statics.is_private:
            raise RoomNotFound
        user = await self._account(user_id)
        place = await self._place(room_id, user)
        if place is not None:
            return Invited(place.state, await self._rooms.with_head(statics), is_new=False)
        if statics.places + 1 > limits.members_per_private_room:
            raise LimitReached("members_per_private_room")
        if await self._user_rooms.has_all_invitations(user, limits):
            raise LimitReached("invitations_per_user")
        invited = replace(statics, places=statics.places + 1)
        if not await self._put(statics, invited, Membership(user_id, "invited", 0, now)):
            return None
        invited = replace(invited, version=statics.version + 1)
        return Invited("invited", await self._rooms.with_head(invited), is_new=True)

    async def _put(self, old: Statics, new: Statics, membership: Membership) -> bool:
        """Give the user that place; False if the room was changed meanwhile.

        Raises:
            UserNotFound: the account is deleted.
        """
        new = replace(new, version=old.version + 1)
        await self._user_rooms.put(membership.user_id, new, membership.state)
        # After the row: the account was there, so who deletes it later finds the row.
        user = await self._account(membership.user_id)
        row = (
            UUID(bytes=old.room_id),
            user.name,
            UUID(bytes=membership.user_id),
            membership.state == "joined",
            membership.joined_seq,
            membership.since,
        )
        return await self._rooms.change(old, new, (_PUT, row))

    async def _remove(
        self, room_id: RoomId, user_id: UserId, username: Username
    ) -> tuple[Departure | None, bool]:
        """Return the departure, and whether it is decided; else the room is another by now."""
        statics = await self._rooms.latest(room_id)
        if statics is None or not statics.is_there:
            return None, True
        rows = await self._cql.read(_PLACE, UUID(bytes=room_id), username)
        if not rows:
            return None, True
        place = _membership(user_id, rows[0])
        left = replace(
            statics,
            members=statics.members - (place.state == "joined"),
            places=statics.places - 1,
            version=statics.version + 1,
        )
        is_owner = statics.owner == user_id
        if is_owner and left.members == 0:
            if not await self._rooms.mark_deleted(statics):
                return None, False
        else:
            if is_owner:
                owner, owner_name = await self._heir(room_id, user_id)
                left = replace(left, owner=owner, owner_name=owner_name)
            row: Statement = (_REMOVE, (UUID(bytes=room_id), username))
            if not await self._rooms.change(statics, left, row):
                return None, False
        await self._user_rooms.remove(user_id, statics.name, room_id, left.version)
        if is_owner and left.members == 0:
            return Departure(place.state, None), True
        return Departure(place.state, await self._rooms.with_head(left)), True

    async def _heir(self, room_id: RoomId, owner: UserId) -> tuple[UserId, Username]:
        """Return who joined first of the members but the owner, of several the least user id."""
        heirs: list[tuple[int, bytes, Username]] = []
        after = ""
        while True:
            rows = await self._cql.read(_PLACES, UUID(bytes=room_id), after, PAGE)
            heirs += [
                (since, user_id.bytes, username)
                for username, user_id, joined, since in rows
                if joined and user_id.bytes != owner
            ]
            if len(rows) < PAGE:
                break
            after = rows[-1][0]
        _, user_id, username = min(heirs)
        return UserId(user_id), username

    async def _place(self, room_id: RoomId, user: User) -> Membership | None:
        rows = await self._cql.read(_PLACE, UUID(bytes=room_id), user.name)
        return _membership(user.user_id, rows[0]) if rows else None

    async def _places_of(self, user: User, limit: int) -> list[tuple[RoomId, UserId]]:
        """Return places of a deleted account; forget it when it has none and gets none."""
        is_in_rooms = False
        places: list[tuple[RoomId, UserId]] = []
        async for rows in self._user_rooms.pages(user.user_id):
            is_in_rooms = True
            found = await self._user_rooms.places(user.user_id, user.name, rows)
            places += [(statics.room_id, user.user_id) for statics, _ in found]
            if len(places) >= limit:
                break
        if not is_in_rooms:
            await self._cql.write(_HAS_LEFT, UUID(bytes=user.user_id))
        return places[:limit]


def _membership(user_id: UserId, row: tuple[bool, int, Instant]) -> Membership:
    joined, joined_seq, since = row
    return Membership(user_id, "joined" if joined else "invited", joined_seq, since)


def _check_open(members: int, limits: Limits, *, has_all: bool) -> None:
    """Refuse one member more in an open room; ``has_all`` tells that the user is in too many."""
    if has_all:
        raise LimitReached("rooms_per_user")
    if members + 1 > limits.members_per_open_room:
        raise LimitReached("members_per_open_room")


def _private_room(room: Room, owner: User) -> Statics:
    """Return the room as it is while it is being made."""
    return Statics(
        room.room_id,
        room.name,
        room.epoch,
        owner.user_id,
        owner.name,
        retention_s=room.retention_s,
        retention_messages=room.retention_messages,
        shows_all_history=room.shows_all_history,
        created_at=room.created_at,
    )
