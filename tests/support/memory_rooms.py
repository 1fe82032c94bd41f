"""Rooms, members and messages of the store that keeps everything in memory."""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from services.errors import (
    IdReused,
    IloError,
    InvalidInput,
    LimitReached,
    RoomNotFound,
    UserNotFound,
)
from services.limits import Limits
from services.model import (
    Departure,
    Draft,
    Entry,
    Epoch,
    Instant,
    Invited,
    LoggedMessage,
    Membership,
    MessageId,
    PublicKey,
    Receipt,
    Room,
    RoomId,
    RoomMember,
    RoomName,
    RoomOfUser,
    User,
    UserId,
    Username,
)
from services.ports import Appended
from services.rooms import PRIVATE_PREFIX

ROOMS_AT_ONCE = 100
"""What ``enforce_retention`` looks at in one call."""


@dataclass(slots=True)
class _Row:
    message_id: MessageId
    sender: UserId
    sent_at: Instant
    text: str


@dataclass(slots=True)
class _StoredRoom:
    """``room`` is right but for its head and its counts; ``rows`` are what is kept, by seq."""

    room: Room
    places: dict[UserId, Membership] = field(default_factory=dict)
    rows: dict[int, _Row] = field(default_factory=dict)
    seqs: dict[tuple[UserId, MessageId], int] = field(default_factory=dict)

    def now(self) -> Room:
        return replace(self.room, members=self.joined())

    def joined(self) -> int:
        return sum(place.state == "joined" for place in self.places.values())

    def put(self, place: Membership) -> None:
        self.places[place.user_id] = place
        self.changed()

    def changed(self) -> None:
        self.room = replace(self.room, members_version=self.room.members_version + 1)


class MemoryRooms:
    """Implements ``services.ports.RoomStore``.

    ``failure`` may be set to the error that every method is to raise, and every draft to get.
    ``random_bytes`` makes the identifiers of rooms and epochs.
    """

    def __init__(self, random_bytes: Callable[[int], bytes] = os.urandom) -> None:
        self.failure: IloError | None = None
        self._random_bytes = random_bytes
        self._users: dict[UserId, User] = {}
        self._public_keys: dict[UserId, PublicKey] = {}
        self._room_ids: dict[RoomName, RoomId] = {}
        self._rooms: dict[RoomId, _StoredRoom] = {}

    # -- coming in

    async def enter_room(
        self, name: RoomName, user_id: UserId, now: Instant, limits: Limits
    ) -> Entry | None:
        self._fail_if_told()
        if self._account(user_id) is None:
            raise UserNotFound
        stored = self._named(name)
        if stored is None and name.startswith(PRIVATE_PREFIX):
            return None
        place = None if stored is None else stored.places.get(user_id)
        if stored is not None:
            if place is not None and place.state == "joined":
                return Entry(stored.now(), place, joined=False)
            if stored.room.is_private and place is None:
                return None
        self._check_rooms_of(user_id, limits)
        if stored is None or not stored.room.is_private:
            members = 0 if stored is None else stored.joined()
            if members + 1 > limits.members_per_open_room:
                raise LimitReached("members_per_open_room")
        if stored is None:
            room_id, epoch = RoomId(self._random_bytes(16)), Epoch(self._random_bytes(16))
            stored = self._keep(Room(room_id, name, epoch, head=0, created_at=now))
        place = Membership(user_id, "joined", stored.room.head, now)
        stored.put(place)
        return Entry(stored.now(), place, joined=True)

    async def add_private_room(self, room: Room, limits: Limits) -> None:
        self._fail_if_told()
        if room.owner is None or self._account(room.owner) is None:
            raise UserNotFound
        self._check_rooms_of(room.owner, limits)
        stored = self._keep(replace(room, head=0, floor=1, members=0, members_version=0))
        stored.put(Membership(room.owner, "joined", 0, room.created_at))

    # -- looking

    async def room_named(self, name: RoomName) -> Room | None:
        self._fail_if_told()
        stored = self._named(name)
        return None if stored is None else stored.now()

    async def room(self, room_id: RoomId) -> Room | None:
        self._fail_if_told()
        stored = self._rooms.get(room_id)
        return None if stored is None else stored.now()

    async def membership(self, room_id: RoomId, user_id: UserId) -> Membership | None:
        self._fail_if_told()
        stored = self._rooms.get(room_id)
        return None if stored is None else stored.places.get(user_id)

    async def members(
        self, room_id: RoomId, after: Username | None, limit: int
    ) -> list[RoomMember]:
        self._fail_if_told()
        stored = self._rooms.get(room_id)
        found = [
            RoomMember(user.name, place.state, place.since, self._public_keys[user.user_id])
            for place in ([] if stored is None else stored.places.values())
            if (user := self._account(place.user_id)) is not None
            and (after is None or user.name > after)
        ]
        return sorted(found, key=lambda member: member.username)[:limit]

    async def rooms_of(
        self, user_id: UserId, after: RoomName | None, limit: int
    ) -> list[RoomOfUser]:
        self._fail_if_told()
        found = []
        for stored in self._rooms.values():
            place, room = stored.places.get(user_id), stored.now()
            if place is not None and (after is None or room.name > after):
                owner = None if room.owner is None else self._users[room.owner].name
                found.append(RoomOfUser(room, place, owner))
        return sorted(found, key=lambda one: one.room.name)[:limit]

    # -- members

    async def invite(
        self, room_id: RoomId, user_id: UserId, now: Instant, limits: Limits
    ) -> Invited:
        self._fail_if_told()
        stored = self._rooms.get(room_id)
        if stored is None or not stored.room.is_private:
            raise RoomNotFound
        if self._account(user_id) is None:
            raise UserNotFound
        place = stored.places.get(user_id)
        if place is not None:
            return Invited(place.state, stored.now(), is_new=False)
        if len(stored.places) + 1 > limits.members_per_private_room:
            raise LimitReached("members_per_private_room")
        if self._count(user_id, "invited") + 1 > limits.invitations_per_user:
            raise LimitReached("invitations_per_user")
        stored.put(Membership(user_id, "invited", 0, now))
        return Invited("invited", stored.now(), is_new=True)

    async def remove_member(self, room_id: RoomId, user_id: UserId) -> Departure | None:
        self._fail_if_told()
        stored = self._rooms.get(room_id)
        place = None if stored is None else stored.places.pop(user_id, None)
        if stored is None or place is None:
            return None
        stored.changed()
        if stored.room.owner == user_id:
            heirs = [p for p in stored.places.values() if p.state == "joined"]
            if not heirs:
                self._delete(stored)
                return Departure(place.state, None)
            heir = min(heirs, key=lambda p: (p.since, p.user_id))
            stored.room = replace(stored.room, owner=heir.user_id)
        return Departure(place.state, stored.now())

    async def delete_room(self, room_id: RoomId) -> bool:
        self._fail_if_told()
        stored = self._rooms.get(room_id)
        if stored is None or not stored.room.is_private:
            return False
        self._delete(stored)
        return True

    async def leaving(self, limit: int) -> list[tuple[RoomId, UserId]]:
        self._fail_if_told()
        places = [
            (room_id, user_id)
            for room_id, stored in self._rooms.items()
            for user_id in stored.places
            if self._account(user_id) is None
        ]
        return places[:limit]

    # -- what is kept

    async def enforce_retention(self, now: Instant, limits: Limits) -> int:
        self._fail_if_told()
        done = rooms_with_work = 0
        for stored in list(self._rooms.values()):
            worked = self._enforce(stored, now, limits)
            done += worked
            rooms_with_work += worked > 0
            if rooms_with_work == ROOMS_AT_ONCE:
                break
        return done

    async def begin_epochs(self) -> int:
        self._fail_if_told()
        for stored in self._rooms.values():
            stored.room = replace(stored.room, epoch=Epoch(self._random_bytes(16)))
        return len(self._rooms)

    # -- messages

    def append(self, drafts: Sequence[Draft], done: Callable[[Sequence[Appended]], None]) -> None:
        if not drafts:
            return
        outcomes: list[Appended]
        if self.failure is None:
            outcomes = [(draft, self._append(draft)) for draft in drafts]
        else:
            outcomes = [(draft, self.failure) for draft in drafts]
        asyncio.get_running_loop().call_soon(done, outcomes)

    async def messages_after(
        self, room_id: RoomId, after: int, limit: int, max_bytes: int
    ) -> list[LoggedMessage]:
        self._fail_if_told()
        stored = self._rooms.get(room_id)
        if stored is None:
            return []
        first = max(after + 1, stored.room.floor)
        seqs = range(first, min(stored.room.head, first + limit - 1) + 1)
        return self._page(stored, seqs, max_bytes)

    async def messages_before(
        self, room_id: RoomId, before: int | None, floor: int, limit: int, max_bytes: int
    ) -> list[LoggedMessage]:
        self._fail_if_told()
        stored = self._rooms.get(room_id)
        if stored is None:
            return []
        head = stored.room.head
        last = head if before is None else min(head, before - 1)
        first = max(floor, stored.room.floor, last - limit + 1)
        return self._page(stored, range(last, first - 1, -1), max_bytes)[::-1]

    # -- the inside

    def _page(
        self, stored: _StoredRoom, seqs: Sequence[int], max_bytes: int
    ) -> list[LoggedMessage]:
        page: list[LoggedMessage] = []
        for seq in seqs:
            row = stored.rows[seq]
            max_bytes -= len(row.text.encode())
            if page and max_bytes < 0:
                break
            name = self._users[row.sender].name
            page.append(LoggedMessage(seq, row.message_id, name, row.sent_at, row.text))
        return page

    def _append(self, draft: Draft) -> Receipt | IloError:
        room_id, sender, message_id, sent_at, text, _, _ = draft
        stored = self._rooms.get(room_id)
        if stored is None:
            return InvalidInput("/room", "unknown", "there is no such room")
        if sender not in self._users:
            return InvalidInput("/sender", "unknown", "there is no such user")
        if not text.isascii() and not _is_unicode(text):
            return InvalidInput("/text", "unicode", "a text must be Unicode")
        new = stored.room.head + 1
        seq = stored.seqs.setdefault((sender, message_id), new)
        if seq == new:
            stored.room = replace(stored.room, head=new)
            stored.rows[new] = _Row(message_id, sender, sent_at, text)
            return Receipt(new, sent_at, True)
        first = stored.rows[seq]
        return Receipt(seq, first.sent_at, False) if text == first.text else IdReused()

    def _enforce(self, stored: _StoredRoom, now: Instant, limits: Limits) -> int:
        room = stored.room
        age_s = limits.retention_s if room.retention_s is None else room.retention_s
        kept = room.retention_messages
        if kept is None:
            kept = limits.retention_messages
        floor = room.floor
        while floor <= room.head and stored.rows[floor].sent_at < now - age_s * 1000:
            floor += 1
        floor = max(floor, room.head - kept + 1)
        for seq in range(room.floor, floor):
            row = stored.rows.pop(seq)
            del stored.seqs[row.sender, row.message_id]
        stored.room = replace(room, floor=floor)
        if floor > room.head and not room.is_private and not stored.places:
            self._delete(stored)
            return 1
        return floor - room.floor

    def _keep(self, room: Room) -> _StoredRoom:
        stored = self._rooms[room.room_id] = _StoredRoom(room)
        self._room_ids[room.name] = room.room_id
        return stored

    def _delete(self, stored: _StoredRoom) -> None:
        del self._rooms[stored.room.room_id], self._room_ids[stored.room.name]

    def _named(self, name: RoomName) -> _StoredRoom | None:
        room_id = self._room_ids.get(name)
        return None if room_id is None else self._rooms[room_id]

    def _check_rooms_of(self, user_id: UserId, limits: Limits) -> None:
        if self._count(user_id, "joined") + 1 > limits.rooms_per_user:
            raise LimitReached("rooms_per_user")

    def _count(self, user_id: UserId, state: str) -> int:
        places = [stored.places.get(user_id) for stored in self._rooms.values()]
        return sum(place is not None and place.state == state for place in places)

    def _account(self, user_id: UserId) -> User | None:
        user = self._users.get(user_id)
        return None if user is None or user.deleted_at is not None else user

    def _fail_if_told(self) -> None:
        if self.failure is not None:
            raise self.failure


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
