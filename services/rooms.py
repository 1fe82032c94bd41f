"""Rooms: who is in them, who may change that, and what members may read.

A room that the caller may not know of is answered as one that is not there (``RoomNotFound``),
whatever is asked. Changes are told to whoever keeps rooms in memory, after the store has them.
"""

import base64
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from services.errors import (
    MemberNotFound,
    NotLoggedIn,
    NotTheOwner,
    RoomNotFound,
    UserNotFound,
)
from services.events import MemberChange, MemberChanged, RoomDeleted, Tell
from services.limits import Limits
from services.lookup import user_called
from services.model import (
    Caller,
    Entry,
    Epoch,
    LoggedMessage,
    Membership,
    MemberState,
    Room,
    RoomId,
    RoomMember,
    RoomName,
    RoomOfUser,
    UserId,
    Username,
)
from services.ports import Clock, Store

PAGE_BYTES: Final = 511 * 1024
"""Of a page of messages as JSON, which with all else has at most 512 KiB."""
_BESIDES_TEXT: Final = 1024
"""At most so many bytes of JSON does a message have but for its text: a name of 64 characters may
take six bytes for each."""
MEMBERS_PAGE_BYTES: Final = 512 * 1024
"""Of public keys in a page of members, but for the first of them."""
PRIVATE_PREFIX: Final = "~"
_IDENTIFIER_BYTES: Final = 16
_LEAVING_AT_ONCE: Final = 100

History = Literal["joined", "all"]


@dataclass(frozen=True, slots=True)
class RoomView:
    """A room as one of its members, or who is invited, may see it.

    ``floor`` is the caller's own. ``members`` is a page of them; ``more`` tells of others after
    it.
    """

    room: Room
    floor: int
    owner: Username | None
    members: Sequence[RoomMember]
    more: bool


@dataclass(frozen=True, slots=True)
class RoomsPage:
    rooms: Sequence[RoomOfUser]
    more: bool


@dataclass(frozen=True, slots=True)
class MessagesPage:
    """Messages, oldest first; ``more`` tells that there were others after them. ``floor`` is the
    caller's own."""

    room: Room
    floor: int
    messages: Sequence[LoggedMessage]
    more: bool


class Rooms:
    """What may be done with rooms. ``limits`` hold for every user and room of this server."""

    def __init__(self, store: Store, limits: Limits, clock: Clock, tell: Tell) -> None:
        self._store = store
        self._limits = limits
        self._clock = clock
        self._tell = tell

    # -- coming in

    async def enter(self, name: RoomName, user_id: UserId, username: Username) -> Entry | None:
        """Return the room for somebody who connects, who is a member from then on.

        None when it is private and not for this user, or not there.

        Raises:
            LimitReached: the user has joined too many rooms, or the room has too many members.
            UserNotFound: the account is deleted.
        """
        entry = await self._store.enter_room(name, user_id, self._clock(), self._limits)
        if entry is not None and entry.joined:
            await self._member_changed(entry.room, "joined", user_id, username)
        return entry

    # -- making and looking

    async def create(
        self,
        caller: Caller,
        *,
        retention_s: int | None,
        retention_messages: int | None,
        history: History,
    ) -> RoomName:
        """Make a private room that the caller owns; return its name, which nobody can guess.

        Raises:
            LimitReached: the caller has joined as many rooms as one may.
        """
        name = base64.urlsafe_b64encode(secrets.token_bytes(_IDENTIFIER_BYTES)).rstrip(b"=")
        room = Room(
            RoomId(secrets.token_bytes(_IDENTIFIER_BYTES)),
            RoomName(PRIVATE_PREFIX + name.decode()),
            Epoch(secrets.token_bytes(_IDENTIFIER_BYTES)),
            head=0,
            owner=caller.user_id,
            retention_s=retention_s,
            retention_messages=retention_messages,
            shows_all_history=history == "all",
            created_at=self._clock(),
        )
        try:
            await self._store.add_private_room(room, self._limits)
        except UserNotFound:
            raise NotLoggedIn from None
        return room.name

    async def mine(self, caller: Caller, *, after: str | None, limit: int) -> RoomsPage:
        """Return up to ``limit`` of the caller's rooms and invitations, named above ``after``."""
        start = None if after is None else RoomName(after)
        rooms = await self._store.rooms_of(caller.user_id, start, limit + 1)
        return RoomsPage(rooms[:limit], len(rooms) > limit)

    async def view(self, caller: Caller, *, name: str, after: str | None, limit: int) -> RoomView:
        """Return the room with up to ``limit`` of its members, by name, after ``after``.

        A page of members may be shorter than ``limit`` for the size of their keys.
        """
        room, membership = await self._visible(caller, name)
        start = None if after is None else Username(after)
        found = await self._store.members(room.room_id, start, limit + 1)
        members = _members_within_bytes(found[:limit])
        return RoomView(
            room,
            room.floor_of(membership),
            await self._name_of(room.owner),
            members,
            len(found) > len(members),
        )

    async def messages(self, caller: Caller, *, name: str, after: int, limit: int) -> MessagesPage:
        """Return up to ``limit`` messages after the seq ``after`` that the caller may read."""
        room, membership = await self._visible(caller, name)
        if membership.state != "joined":
            raise RoomNotFound
        floor = room.floor_of(membership)
        start = max(after, floor - 1)
        found = await self._store.messages_after(room.room_id, start, limit, PAGE_BYTES)
        messages = _messages_within_bytes(found)
        last = messages[-1].seq if messages else start
        if messages and last > room.head:
            # Said after the look at the room, and before the one at its messages.
            room = replace(room, head=last)
        return MessagesPage(room, floor, messages, last < room.head)

    # -- members

    async def put_member(self, caller: Caller, *, name: str, username: str) -> MemberState:
        """Invite ``username``, or accept one's own invitation; return what the user is now.

        Who is a member, or invited, already stays so.

        Raises:
            NotTheOwner: only the owner invites; to an open room nobody does.
            UserNotFound: there is no such user.
            LimitReached: too many members and invitations, or rooms of the caller's.
        """
        room, membership = await self._visible(caller, name)
        if username == caller.username:
            if membership.state == "invited":
                try:
                    entry = await self.enter(room.name, caller.user_id, caller.username)
                except UserNotFound:
                    raise NotLoggedIn from None
                if entry is None:
                    raise RoomNotFound
            return "joined"
        if room.owner != caller.user_id:
            raise NotTheOwner
        user = await user_called(self._store, username)
        if user is None:
            raise UserNotFound
        invited = await self._store.invite(room.room_id, user.user_id, self._clock(), self._limits)
        if invited.is_new:
            await self._member_changed(invited.room, "invited", user.user_id, user.name)
        return invited.state

    async def remove_member(self, caller: Caller, *, name: str, username: str) -> MemberState:
        """Leave, decline, or as the owner remove somebody; return what that user was.

        Raises:
            NotTheOwner: only the owner removes others; from an open room nobody does.
            MemberNotFound: the user is neither a member nor invited.
        """
        room, _ = await self._visible(caller, name)
        if username == caller.username:
            user_id, user_name, is_self = caller.user_id, caller.username, True
        else:
            if room.owner != caller.user_id:
                raise NotTheOwner
            user = await user_called(self._store, username)
            if user is None:
                raise MemberNotFound
            user_id, user_name, is_self = user.user_id, user.name, False
        was = await self._remove(room.room_id, user_id, user_name, is_self=is_self)
        if was is None:
            raise RoomNotFound if is_self else MemberNotFound
        return was

    async def delete(self, caller: Caller, *, name: str) -> None:
        """Delete a private room with everything in it.

        Raises:
            NotTheOwner: only the owner may; an open room has none.
        """
        room, _ = await self._visible(caller, name)
        if room.owner != caller.user_id:
            raise NotTheOwner
        if not await self._store.delete_room(room.room_id):
            raise RoomNotFound
        self._tell(RoomDeleted(room.room_id))

    async def let_deleted_users_go(self) -> None:
        """Take deleted accounts out of the rooms that they were in, as if they had left."""
        while places := await self._store.leaving(_LEAVING_AT_ONCE):
            for room_id, user_id in places:
                name = await self._name_of(user_id) or Username("")
                await self._remove(room_id, user_id, name, is_self=True)

    # -- the inside

    async def _visible(self, caller: Caller, name: str) -> tuple[Room, Membership]:
        """Return the room and the caller's place in it, joined or invited."""
        room = await self._store.room_named(RoomName(name))
        if room is None:
            raise RoomNotFound
        membership = await self._store.membership(room.room_id, caller.user_id)
        if membership is None:
            raise RoomNotFound
        return room, membership

    async def _remove(
        self, room_id: RoomId, user_id: UserId, username: Username, *, is_self: bool
    ) -> MemberState | None:
        departure = await self._store.remove_member(room_id, user_id)
        if departure is None:
            return None
        if departure.room is None:
            self._tell(RoomDeleted(room_id))
        elif departure.was == "invited":
            await self._member_changed(departure.room, "uninvited", user_id, username)
        else:
            change: MemberChange = "left" if is_self else "removed"
            await self._member_changed(departure.room, change, user_id, username)
        return departure.was

    async def _member_changed(
        self, room: Room, change: MemberChange, user_id: UserId, username: Username
    ) -> None:
        key = await self._store.public_key(user_id)
        self._tell(
            MemberChanged(
                room.room_id,
                change,
                user_id,
                username,
                1 if key is None else key.version,
                room.members_version,
                room.members,
            )
        )

    async def _name_of(self, user_id: UserId | None) -> Username | None:
        user = None if user_id is None else await self._store.user(user_id)
        return None if user is None else user.name


def _messages_within_bytes(messages: Sequence[LoggedMessage]) -> Sequence[LoggedMessage]:
    """Return the first of them that fit a page: an escaped text is longer than itself."""
    size = 0
    for place, message in enumerate(messages):
        size += _BESIDES_TEXT + len(json.dumps(message.text, ensure_ascii=False).encode())
        if place and size > PAGE_BYTES:
            return messages[:place]
    return messages


def _members_within_bytes(members: Sequence[RoomMember]) -> Sequence[RoomMember]:
    size = 0
    for place, member in enumerate(members):
        size += len(member.public_key.text.encode())
        if place and size > MEMBERS_PAGE_BYTES:
            return members[:place]
    return members
