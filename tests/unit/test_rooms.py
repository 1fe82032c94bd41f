"""Who hears what: order, coalescing, the full, the ahead and the behind, under any interleaving."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from relay.rooms import MAX_WRITE_BYTES, SMALL_ROOM, LiveRoom, Rooms
from services.model import Epoch, Room, RoomId, RoomName, UserId

ANN, BOB = UserId(b"a" * 16), UserId(b"b" * 16)
ROOM = Room(RoomId(b"r" * 16), RoomName("chat"), Epoch(b"e" * 16), 0)
PAGE = 3


def frame(seq: int, size: int = 12) -> bytes:
    """Return a stand-in for a frame: its seq and its size, and filling."""
    return seq.to_bytes(8, "big") + size.to_bytes(4, "big") + bytes(size - 12)


def seqs_of(data: bytes) -> list[int]:
    seqs, at = [], 0
    while at < len(data):
        seqs.append(int.from_bytes(data[at : at + 8], "big"))
        at += int.from_bytes(data[at + 8 : at + 12], "big")
    return seqs


class Reader:
    """A listener as a connection is one; the store is a list of frames.

    ``takes`` is how many more writes it takes before it is full: then it leaves the fan-out.
    """

    def __init__(self, room: LiveRoom, store: list[bytes], user: UserId = ANN) -> None:
        self.room = room
        self.store = store
        self.user_id = user
        self.last_seq = len(store)
        self.begins_after = len(store)
        self.heard: list[int] = []
        self.writes: list[bytes] = []
        self.takes = 1_000_000
        self.is_full = False
        self.reads_store = False

    def write(self, data: bytes) -> None:
        assert not self.is_full, "a full listener was fed"
        self.writes.append(data)
        self.heard += seqs_of(data)
        self.takes -= 1
        if self.takes <= 0:
            self.fill()

    def fill(self) -> None:
        self.is_full = True
        self.room.stop_feeding(self)

    def drain(self) -> None:
        self.is_full, self.takes = False, 1_000_000
        self.room.feed(self)

    def catch_up(self) -> None:
        self.reads_store = not self.is_full

    def read_page(self) -> None:
        """Do what the relay does for a listener that is behind: one page."""
        if self.is_full:
            self.reads_store = False
            return
        page = self.store[self.last_seq : min(self.last_seq + PAGE, self.room.delivered)]
        if page:
            self.last_seq += len(page)
            self.write(b"".join(page))
        if self.last_seq >= self.room.delivered and not self.is_full:
            self.reads_store = False
            self.room.feed(self)

    def read_on(self) -> None:
        while self.reads_store:
            self.read_page()


@pytest.fixture
def store() -> list[bytes]:
    return []


@pytest.fixture
def room() -> LiveRoom:
    return LiveRoom(ROOM, "epoch")


def say(room: LiveRoom, store: list[bytes], count: int, size: int = 12) -> None:
    for _ in range(count):
        store.append(frame(len(store) + 1, size))
        room.stored(len(store), store[-1])


def entered(room: LiveRoom, store: list[bytes], user: UserId = ANN) -> Reader:
    reader = Reader(room, store, user)
    room.enter(reader)
    return reader


def test_what_comes_in_one_turn_leaves_as_one_write(room: LiveRoom, store: list[bytes]) -> None:
    ann, bob = entered(room, store), entered(room, store, BOB)
    say(room, store, 5)
    assert ann.writes == []

    room.deliver()

    assert ann.writes == bob.writes == [b"".join(store)]
    assert ann.heard == [1, 2, 3, 4, 5]


def test_nothing_is_written_when_nothing_came(room: LiveRoom, store: list[bytes]) -> None:
    ann = entered(room, store)
    say(room, store, 1)
    room.deliver()
    room.deliver()

    assert len(ann.writes) == 1


@pytest.mark.parametrize(
    ("sizes", "writes"),
    [
        ([MAX_WRITE_BYTES // 2] * 2, [2]),
        ([MAX_WRITE_BYTES // 2, MAX_WRITE_BYTES // 2 + 1], [1, 1]),
        ([MAX_WRITE_BYTES + 1], [1]),
        ([12, MAX_WRITE_BYTES + 1, 12], [1, 1, 1]),
        ([MAX_WRITE_BYTES // 4] * 9, [4, 4, 1]),
    ],
)
def test_a_joined_write_has_a_bound(
    room: LiveRoom, store: list[bytes], sizes: list[int], writes: list[int]
) -> None:
    ann = entered(room, store)
    for size in sizes:
        say(room, store, 1, size)

    room.deliver()

    assert MAX_WRITE_BYTES == 256 * 1024
    assert [len(seqs_of(data)) for data in ann.writes] == writes
    assert b"".join(ann.writes) == b"".join(store)


def test_a_listener_that_fills_up_within_a_fan_out_is_fed_no_further(
    room: LiveRoom, store: list[bytes]
) -> None:
    before, full, after = (entered(room, store) for _ in range(3))
    full.takes = 1
    say(room, store, 4, MAX_WRITE_BYTES)

    room.deliver()

    assert full.heard == [1]
    assert full.last_seq == 1
    assert before.heard == after.heard == [1, 2, 3, 4]
    full.drain()
    full.read_on()
    say(room, store, 1)
    room.deliver()
    assert full.heard == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("count", [SMALL_ROOM, SMALL_ROOM + 2])
def test_a_small_room_joins_what_a_listener_is_told_besides(
    room: LiveRoom, store: list[bytes], count: int
) -> None:
    readers = [entered(room, store) for _ in range(count)]
    absent = Reader(room, store)
    readers[1].takes = 1
    own = {readers[0]: frame(100), readers[1]: frame(101), absent: frame(102)}
    say(room, store, 2, MAX_WRITE_BYTES)

    room.deliver(own)

    is_small = count == SMALL_ROOM
    assert readers[0].heard == ([1, 100, 2] if is_small else [1, 2])
    assert readers[1].heard == ([1, 101] if is_small else [1])
    assert readers[2].heard == [1, 2]
    assert absent.heard == []
    # What nobody was given is left for the caller.
    assert list(own) == [absent] if is_small else len(own) == 3


def test_a_message_that_is_known_is_not_taken_again(room: LiveRoom, store: list[bytes]) -> None:
    ann = entered(room, store)
    say(room, store, 2)

    assert room.stored(2, store[1]) is False
    room.deliver()
    assert room.stored(1, store[0]) is False
    room.deliver()

    assert ann.heard == [1, 2]


def test_a_hole_sends_the_live_ones_to_the_store(room: LiveRoom, store: list[bytes]) -> None:
    ann = entered(room, store)
    say(room, store, 1)
    store.extend(frame(seq) for seq in (2, 3, 4))

    assert room.stored(4, store[3]) is True
    room.deliver()

    assert ann.heard == [1]
    assert ann.reads_store
    ann.read_on()
    say(room, store, 1)
    room.deliver()
    assert ann.heard == [1, 2, 3, 4, 5]


def test_who_is_ahead_of_the_node_waits_and_hears_nothing_twice(
    room: LiveRoom, store: list[bytes]
) -> None:
    store.extend(frame(seq) for seq in (1, 2))
    ann = entered(room, store)
    assert not ann.reads_store

    for seq in (1, 2, 3):
        if seq == 3:
            store.append(frame(3))
        room.stored(seq, store[seq - 1])
        room.deliver()

    assert ann.heard == [3]
    assert not ann.reads_store


def test_who_is_ahead_and_full_is_not_fed(room: LiveRoom, store: list[bytes]) -> None:
    store.append(frame(1))
    ann = entered(room, store)
    ann.fill()

    room.stored(1, store[0])
    room.deliver()
    say(room, store, 1)
    room.deliver()

    assert ann.heard == []
    ann.drain()
    ann.read_on()
    assert ann.heard == [2]


def test_who_left_hears_nothing(room: LiveRoom, store: list[bytes]) -> None:
    ann, bob = entered(room, store), entered(room, store, BOB)
    say(room, store, 1)
    room.deliver()

    room.leave(ann)
    room.leave(ann)
    say(room, store, 1)
    room.deliver()

    assert ann.heard == [1]
    assert bob.heard == [1, 2]


def test_connections_are_counted_by_user(room: LiveRoom, store: list[bytes]) -> None:
    first, second = entered(room, store), entered(room, store)
    entered(room, store, BOB)
    assert (room.connections_of(ANN), room.connections_of(BOB)) == (2, 1)

    room.leave(first)
    room.leave(first)
    assert room.connections_of(ANN) == 1
    room.leave(second)

    assert room.connections_of(ANN) == 0


def test_a_room_lives_here_while_somebody_listens() -> None:
    rooms = Rooms()
    live = rooms.opened(ROOM, "epoch")
    ann = entered(live, [])

    rooms.left(live)
    assert rooms.opened(ROOM, "epoch") is live
    assert list(rooms) == [live]
    live.leave(ann)
    rooms.left(live)

    assert rooms.get(ROOM.room_id) is None


def test_a_room_begins_where_the_store_is() -> None:
    room = LiveRoom(Room(ROOM.room_id, ROOM.name, ROOM.epoch, 41), "epoch")

    assert room.delivered == 41
    assert room.stored(41, frame(41)) is False
    assert room.stored(42, frame(42)) is True


class AnyInterleaving(RuleBasedStateMachine):
    """Messages are stored, told, missed and delivered; readers come, fill up, drain and go."""

    @initialize(head=st.integers(0, 2))
    def begin(self, head: int) -> None:
        self.store = [frame(seq) for seq in range(1, head + 1)]
        self.room = LiveRoom(Room(ROOM.room_id, ROOM.name, ROOM.epoch, head), "epoch")
        self.told = head
        self.readers: list[Reader] = []
        self.gone: list[tuple[Reader, list[int]]] = []

    @rule(count=st.integers(1, 5), size=st.sampled_from((12, MAX_WRITE_BYTES // 2)))
    def store_some(self, count: int, size: int) -> None:
        for _ in range(count):
            self.store.append(frame(len(self.store) + 1, size))

    @rule(count=st.integers(1, 5))
    def tell_the_room(self, count: int) -> None:
        for _ in range(min(count, len(self.store) - self.told)):
            self.told += 1
            assert self.room.stored(self.told, self.store[self.told - 1])

    @rule(back=st.integers(0, 3))
    def tell_again(self, back: int) -> None:
        if (seq := self.told - back) > 0 and seq <= self.room.delivered + len(self.room.pending):
            assert not self.room.stored(seq, self.store[seq - 1])

    @rule(count=st.integers(1, 3))
    def miss_some(self, count: int) -> None:
        self.told = max(self.told, min(len(self.store) - 1, self.told + count))

    @rule()
    def deliver(self) -> None:
        self.room.deliver()

    @rule(takes=st.integers(1, 4))
    def come(self, takes: int) -> None:
        reader = Reader(self.room, self.store)
        reader.takes = takes
        self.readers.append(reader)
        self.room.enter(reader)

    def some(self, place: int) -> Reader:
        return self.readers[place % len(self.readers)]

    @precondition(lambda self: self.readers)
    @rule(place=st.integers(0, 9))
    def fill(self, place: int) -> None:
        if not self.some(place).is_full:
            self.some(place).fill()

    @precondition(lambda self: self.readers)
    @rule(place=st.integers(0, 9))
    def drain(self, place: int) -> None:
        if self.some(place).is_full:
            self.some(place).drain()

    @precondition(lambda self: self.readers)
    @rule(place=st.integers(0, 9))
    def read_page(self, place: int) -> None:
        if self.some(place).reads_store:
            self.some(place).read_page()

    @precondition(lambda self: self.readers)
    @rule(place=st.integers(0, 9))
    def go(self, place: int) -> None:
        reader = self.some(place)
        self.readers.remove(reader)
        self.room.leave(reader)
        self.gone.append((reader, list(reader.heard)))

    @invariant()
    def each_hears_each_message_once_and_in_order(self) -> None:
        for reader in getattr(self, "readers", []):
            begin = reader.begins_after + 1
            assert reader.heard == list(range(begin, begin + len(reader.heard)))

    @invariant()
    def who_is_gone_hears_nothing(self) -> None:
        assert all(reader.heard == then for reader, then in getattr(self, "gone", []))

    def teardown(self) -> None:
        if not hasattr(self, "room"):
            return
        self.tell_the_room(len(self.store))
        self.room.deliver()
        for reader in self.readers:
            if reader.is_full:
                reader.drain()
            for _ in range(len(self.store) + 2):
                if reader.reads_store:
                    reader.read_page()
                elif reader.is_full:
                    reader.drain()
        # One more for all: whoever was lost on the way misses it.
        self.store.append(frame(len(self.store) + 1))
        self.tell_the_room(len(self.store))
        for reader in self.readers:
            reader.takes = 1_000_000
        self.room.deliver()
        for reader in self.readers:
            assert reader.heard == list(range(reader.begins_after + 1, self.room.delivered + 1))


TestAnyInterleaving: Callable[..., Any] = AnyInterleaving.TestCase
AnyInterleaving.TestCase.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
