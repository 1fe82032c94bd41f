"""Who hears what: the rooms that have listeners on this node, and what each of them is fed.

A listener is *live* while it has been given everything its room delivered here, and then costs
one call a delivery. Otherwise it is *behind*: its own ``last_seq`` says how far it got,
and it reads on from the store until it is live again. No I/O here, no clock, no waiting.
"""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from relay.frames import json_text
from relay.headcount import Headcount
from services.model import Room, RoomId, RoomName, UserId

MAX_WRITE_BYTES = 256 * 1024
"""A joined write is at most this, so that a listener's high-water mark is met in between."""

SMALL_ROOM = 16
"""Up to so many listeners a second write to one of them weighs more than looking for it."""


class Listener(Protocol):
    """One connection in a room."""

    last_seq: int
    user_id: UserId

    @property
    def write(self) -> Callable[[bytes], object]:
        """Hand bytes to the client's socket; never waits."""
        ...

    def catch_up(self) -> None:
        """Read on from the store after ``last_seq``: the listener is behind."""
        ...


class LiveRoom:
    """One room with listeners here. ``delivered`` is the newest seq given to the live ones."""

    __slots__ = (
        "_live",
        "_users",
        "_waiting",
        "_writes",
        "delivered",
        "epoch",
        "fed_at",
        "listeners",
        "name",
        "name_json",
        "pending",
        "room_id",
    )

    def __init__(self, room: Room, epoch: str) -> None:
        self.room_id: RoomId = room.room_id
        self.name: RoomName = room.name
        self.name_json = json_text(room.name)
        self.epoch = epoch
        self.delivered = room.head
        self.fed_at = 0.0
        self.listeners: dict[Listener, None] = {}
        self.pending: list[bytes] = []
        self._live: dict[Listener, None] = {}
        self._waiting: dict[Listener, None] = {}
        self._users = Headcount()
        self._writes: list[Callable[[bytes], object]] | None = None

    def enter(self, listener: Listener) -> None:
        """Take the listener in, to be fed from ``listener.last_seq`` on."""
        self.listeners[listener] = None
        self._users.come(listener.user_id)
        self.feed(listener)

    def leave(self, listener: Listener) -> None:
        """Forget the listener; without effect when it is not here."""
        if self.listeners.pop(listener, self) is self:
            return
        self.stop_feeding(listener)
        self._users.go(listener.user_id)

    def connections_of(self, user: UserId) -> int:
        return self._users.of(user)

    def feed(self, listener: Listener) -> None:
        """Make the listener live if it has everything delivered so far.

        One that is behind is told to catch up. One that is ahead (the store has answered it
        before this node heard of the newest messages) waits for the room to come up with it.
        """
        if listener.last_seq == self.delivered:
            self._live[listener] = None
            self._writes = None
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
        return live

    def left(self, room: LiveRoom) -> None:
        """Forget the room if nobody listens any more."""
        if not room.listeners:
            self._rooms.pop(room.room_id, None)

    def __iter__(self) -> Iterator[LiveRoom]:
        return iter(list(self._rooms.values()))
