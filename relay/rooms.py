"""Who hears what: the rooms that have listeners on this node, and what each of them is fed.

A listener is *live* while it has been given everything its room delivered here, and then costs
one call a delivery. Otherwise it is *behind*: its own ``last_seq`` says how far it got,
and it reads on from the store until it is live again. No I/O here, no clock, no waiting.
"""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from relay.headcount import Headcount
from relay.outgoing import json_text, member_frame, presence_frame
from relay.presence import Presence
from services.events import MemberChanged
from services.model import Room, RoomId, RoomName, UserId, Username

MAX_WRITE_BYTES = 256 * 1024
"""A joined write is at most this, so that a listener's high-water mark is met in between."""

SMALL_ROOM = 16
"""Up to so many listeners a second write to one of them weighs more than looking for it."""


BIG_ROOM = 100
"""Above so many users, single ones are no news: counts and versions are told, once a second."""

_TOLD_CHANGES = frozenset({"joined", "left", "removed"})


class Listener(Protocol):
    """One connection in a room. ``members_version`` is the one that it was told last."""

    last_seq: int
    members_version: int
    user_id: UserId

    @property
    def write(self) -> Callable[[bytes], object]:
        """Hand bytes to the client's socket; never waits."""
        ...

    def tell(self, payload: bytes) -> None:
        """Send one frame to this client alone; without effect when it is going."""
        ...

    def catch_up(self) -> None:
        """Read on from the store after ``last_seq``: the listener is behind."""
        ...


class LiveRoom:
    """One room with listeners here. ``delivered`` is the newest seq given to the live ones.

    ``members`` and ``members_version`` are the newest that this node has heard of; with
    ``members_missed`` some change before that was not told here, and a listener may be a member no
    more. ``members_news`` and ``online_news`` wait for the next ``look_after``.
    """

    __slots__ = (
        "_head_before",
        "_live",
        "_users",
        "_waiting",
        "_writes",
        "delivered",
        "epoch",
        "fed_at",
        "is_private",
        "listeners",
        "members",
        "members_missed",
        "members_news",
        "members_version",
        "name",
        "name_json",
        "online_news",
        "pending",
        "presence",
        "room_id",
    )

    def __init__(self, room: Room, epoch: str) -> None:
        self.room_id: RoomId = room.room_id
        self.name: RoomName = room.name
        self.name_json = json_text(room.name)
        self.epoch = epoch
        self.is_private = room.is_private
        self.members = room.members
        self.members_version = room.members_version
        self.members_missed = self.members_news = self.online_news = False
        self.presence = Presence()
        self.delivered = room.head
        self.fed_at = 0.0
        self.listeners: dict[Listener, None] = {}
        self.pending: list[bytes] = []
        self._head_before = 0
        self._live: dict[Listener, None] = {}
        self._waiting: dict[Listener, None] = {}
        self._users = Headcount()
        self._writes: list[Callable[[bytes], object]] | None = None

    def enter(self, listener: Listener, username: Username) -> None:
        """Take the listener in, to be fed from ``listener.last_seq`` on."""
        user = listener.user_id
        self.listeners[listener] = None
        self._users.come(user)
        if self.presence.come(user, username):
            self._tell_presence("online", user, username)
        self.feed(listener)

    def leave(self, listener: Listener, now_s: float) -> None:
        """Forget the listener; without effect when it is not here."""
        if self.listeners.pop(listener, self) is self:
            return
        self.stop_feeding(listener)
        self._users.go(listener.user_id)
        if not self._users.of(listener.user_id):
            self.presence.go(listener.user_id, now_s)

    def connections_of(self, user: UserId) -> int:
        return self._users.of(user)

    def online_with(self, user: UserId) -> int:
        """Return how many users are online, ``user`` counted."""
        return len(self.presence) + (user not in self.presence)

    def listeners_of(self, user: UserId) -> list[Listener]:
        return [listener for listener in self.listeners if listener.user_id == user]

    def feed(self, listener: Listener) -> None:
        """Make the listener live if it has everything delivered so far.

        One that is behind is told to catch up. One that is ahead (the store has answered it
        before this node heard of the newest messages) waits for the room to come up with it.
        """
        if listener.last_seq == self.delivered:
            self._live[listener] = None
            self._writes = None
            # Who is behind is told of no member.
            if listener.members_version != self.members_version:
                listener.members_version = self.members_version
                listener.tell(member_frame(self.members_version))
        elif listener.last_seq > self.delivered:
            self._waiting[listener] = None
        else:
            listener.catch_up()

    def stop_feeding(self, listener: Listener) -> None:
        """Take a live listener out of the fan-out; its ``last_seq`` is what it was given last."""
        self._waiting.pop(listener, None)
        if self._live.pop(listener, self) is not self:
            listener.last_seq = self.delivered
            self._writes = None

    def stored(self, seq: int, frame: bytes) -> bool:
        """Take the frame of message ``seq`` for the next ``deliver``; False when it is known.

        A hole (this node missed what is between) makes every live listener read from the store.
        """
        expected = self.delivered + len(self.pending) + 1
        if seq < expected:
            return False
        if seq > expected:
            self.missed(seq - 1)
        self.pending.append(frame)
        return True

    def missed(self, seq: int) -> None:
        """Let every live listener read up to message ``seq`` from the store, if it is news here.

        It is stored, and this node was not told so at the time.
        """
        if seq < self.delivered + len(self.pending) + 1:
            return
        self.deliver()
        fallen = list(self._live)
        for listener in fallen:
            self.stop_feeding(listener)
        self.delivered = seq
        for listener in fallen:
            listener.catch_up()

    def deliver(self, own: dict[Any, bytes] | None = None) -> None:
        """Give what is pending to every live listener, each frame once and in order.

        ``own`` is what single listeners are told besides. A small room takes that of its
        listeners out and joins it to what they are given: one write instead of two.
        """
        pending, self.pending = self.pending, []
        if len(pending) == 1:
            self._give(1, pending[0], own)
        else:
            for count, joined in _joined(pending):
                self._give(count, joined, own)
        if self._waiting:
            waiting, self._waiting = self._waiting, {}
            for listener in waiting:
                self.feed(listener)

    def _give(self, count: int, frames: bytes, own: dict[Any, bytes] | None) -> None:
        # Before the writes: a listener that is full after its write has been given this, too.
        self.delivered += count
        if own and len(self._live) <= SMALL_ROOM:
            # A copy: a listener that is full leaves during the walk.
            for listener in list(self._live):
                told = own.pop(listener, None)
                listener.write(frames if told is None else frames + told)
            return
        writes = self._writes
        if writes is None:
            writes = self._writes = [listener.write for listener in self._live]
        for write in writes:
            write(frames)

    # -- what is not kept

    def tell_others(self, user: UserId | None, payload: bytes) -> None:
        """Send one frame to every live listener but those of ``user``."""
        # A copy: a listener that is full leaves during the walk.
        for listener in list(self._live):
            if listener.user_id != user:
                listener.tell(payload)

    def member_changed(self, event: MemberChanged) -> None:
        """Tell the others, and remember, that the members are other ones."""
        self.members = event.members
        if event.members_version > self.members_version + 1:
            self.members_missed = True
        self.members_version = max(self.members_version, event.members_version)
        if not self.is_private and event.members > BIG_ROOM:
            self.members_news = True
        elif event.change in _TOLD_CHANGES:
            self._tell_members(
                event.user_id,
                member_frame(self.members_version, event.change, event.username, event.key_version),
            )
        else:
            self._tell_members(event.user_id, member_frame(self.members_version))

    def key_changed(self, user: UserId, username: Username, key_version: int) -> None:
        """Tell the others that a member has another public key."""
        if self.is_private or self.members <= BIG_ROOM:
            payload = member_frame(self.members_version, "key_changed", username, key_version)
            self.tell_others(user, payload)

    def has_members(self, members: int, version: int) -> None:
        """The store says so, or has said so to somebody who comes in only now.

        What has changed was not told here, or not to them, at the time.
        """
        if version != self.members_version:
            self.members_missed = True
        if version > self.members_version:
            self.members, self.members_version = members, version
            self.members_news = True

    def has_head(self, head: int) -> None:
        """The store says so. What it had the last time, and is not here yet, was missed."""
        self.missed(self._head_before)
        self._head_before = head

    def look_after(self, now_s: float) -> None:
        """Tell what was put off, and who did not come back; to be called once a second."""
        if self.presence.is_changing:
            for user, username in self.presence.gone(now_s):
                self._tell_presence("offline", user, username)
        if self.members_news:
            self.members_news = False
            self._tell_members(None, member_frame(self.members_version))
        if self.online_news:
            self.online_news = False
            self.tell_others(None, presence_frame(len(self.presence)))

    def _tell_presence(self, event: str, user: UserId, username: Username) -> None:
        online = len(self.presence)
        if online > BIG_ROOM:
            self.online_news = True
        else:
            self.tell_others(user, presence_frame(online, event, username))

    def _tell_members(self, user: UserId | None, payload: bytes) -> None:
        for listener in list(self._live):
            if listener.user_id != user:
                listener.members_version = self.members_version
                listener.tell(payload)


def _joined(frames: list[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield (how many, joined) with at most MAX_WRITE_BYTES a time, but at least one frame."""
    begin, size = 0, 0
    for place, frame in enumerate(frames):
        if size and size + len(frame) > MAX_WRITE_BYTES:
            yield place - begin, b"".join(frames[begin:place])
            begin, size = place, 0
        size += len(frame)
    if size:
        yield len(frames) - begin, b"".join(frames[begin:])


class Rooms:
    """The rooms that have listeners here, by id."""

    __slots__ = ("_rooms",)

    def __init__(self) -> None:
        self._rooms: dict[RoomId, LiveRoom] = {}

    def get(self, room_id: RoomId) -> LiveRoom | None:
        return self._rooms.get(room_id)

    def opened(self, room: Room, epoch: str) -> LiveRoom:
        """Return the live room; it begins at ``room.head`` when there was none here."""
        live = self._rooms.get(room.room_id)
        if live is None:
            live = self._rooms[room.room_id] = LiveRoom(room, epoch)
        else:
            live.has_members(room.members, room.members_version)
        return live

    def left(self, room: LiveRoom) -> None:
        """Forget the room if nobody listens any more."""
        if not room.listeners:
            self._rooms.pop(room.room_id, None)

    def __iter__(self) -> Iterator[LiveRoom]:
        return iter(list(self._rooms.values()))
