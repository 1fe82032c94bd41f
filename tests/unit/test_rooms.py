"""Who hears what: order, coalescing, the full, the ahead and the behind, under any interleaving."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
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
from services.events import MemberChange, MemberChanged
from services.model import Epoch, Room, RoomId, RoomName, UserId, Username

ANN, BOB, EVE = UserId(b"a" * 16), UserId(b"b" * 16), UserId(b"e" * 16)
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
        self.members_version = room.members_version
        self.told: list[Any] = []
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

    def tell(self, payload: bytes) -> None:
        assert not self.is_full, "a full listener was told something"
        self.told.append(orjson.loads(payload))
        self.takes -= 1
        if self.takes <= 0:
            self.fill()

    def take_told(self) -> list[Any]:
        told, self.told = self.told, []
        return told

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


def name_of(user: UserId) -> Username:
    return Username(user.decode()[0])


def entered(room: LiveRoom, store: list[bytes], user: UserId = ANN) -> Reader:
    reader = Reader(room, store, user)
    room.enter(reader, name_of(user))
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

    room.leave(ann, 0.0)
    room.leave(ann, 0.0)
    say(room, store, 1)
    room.deliver()

    assert ann.heard == [1]
    assert bob.heard == [1, 2]


def test_connections_are_counted_by_user(room: LiveRoom, store: list[bytes]) -> None:
    first, second = entered(room, store), entered(room, store)
    entered(room, store, BOB)
    assert (room.connections_of(ANN), room.connections_of(BOB)) == (2, 1)

    room.leave(first, 0.0)
    room.leave(first, 0.0)
    assert room.connections_of(ANN) == 1
    room.leave(second, 0.0)

    assert room.connections_of(ANN) == 0


def test_a_room_lives_here_while_somebody_listens() -> None:
    rooms = Rooms()
    live = rooms.opened(ROOM, "epoch")
    ann = entered(live, [])

    rooms.left(live)
    assert rooms.opened(ROOM, "epoch") is live
    assert list(rooms) == [live]
    live.leave(ann, 0.0)
    rooms.left(live)

    assert rooms.get(ROOM.room_id) is None


def test_a_room_begins_where_the_store_is() -> None:
    room = LiveRoom(Room(ROOM.room_id, ROOM.name, ROOM.epoch, 41), "epoch")

    assert room.delivered == 41
    assert room.stored(41, frame(41)) is False
    assert room.stored(42, frame(42)) is True


# -- what is not kept


def member_event(
    change: MemberChange, user: UserId, version: int, *, members: int = 3
) -> MemberChanged:
    return MemberChanged(ROOM.room_id, change, user, name_of(user), 7, version, members)


def with_three() -> tuple[LiveRoom, dict[UserId, Reader]]:
    """Return an open room with three users, who have been told of each other."""
    room = LiveRoom(ROOM, "epoch")
    readers = {user: entered(room, [], user) for user in (ANN, BOB, EVE)}
    for reader in readers.values():
        reader.take_told()
    return room, readers


def told_all(readers: dict[UserId, Reader]) -> dict[UserId, list[Any]]:
    return {user: reader.take_told() for user, reader in readers.items()}


def test_a_signal_goes_to_the_others_and_to_none_of_ones_own_connections() -> None:
    room, readers = with_three()
    anns_other = entered(room, [], ANN)

    room.tell_others(ANN, b'{"type":"signal"}')

    signal = [{"type": "signal"}]
    assert told_all(readers) == {ANN: [], BOB: signal, EVE: signal}
    assert anns_other.told == []


def test_who_is_behind_hears_no_signal_and_no_presence_then_or_later() -> None:
    room, readers = with_three()
    readers[BOB].fill()

    room.tell_others(ANN, b'{"type":"signal"}')
    entered(room, [], UserId(b"x" * 16))
    readers[BOB].drain()

    assert readers[BOB].told == []
    assert len(readers[EVE].told) == 2


def test_somebody_comes_online_with_the_first_connection_and_is_told_to_the_others() -> None:
    room = LiveRoom(ROOM, "epoch")
    ann = entered(room, [], ANN)
    bob = entered(room, [], BOB)
    entered(room, [], BOB)

    online = {"type": "presence", "event": "online", "username": "b", "online": 2}
    assert ann.told == [online]
    assert bob.told == []
    assert (room.online_with(BOB), room.online_with(EVE)) == (2, 3)


def test_somebody_goes_offline_ten_seconds_after_the_last_connection() -> None:
    room, readers = with_three()
    second = entered(room, [], BOB)
    room.leave(readers.pop(BOB), 0.0)
    room.look_after(50.0)
    assert told_all(readers) == {ANN: [], EVE: []}
    room.leave(second, 50.0)

    room.look_after(59.9)
    assert told_all(readers) == {ANN: [], EVE: []}
    room.look_after(60.0)

    offline = [{"type": "presence", "event": "offline", "username": "b", "online": 2}]
    assert told_all(readers) == {ANN: offline, EVE: offline}
    room.look_after(61.0)
    assert told_all(readers) == {ANN: [], EVE: []}


def user(number: int) -> UserId:
    return UserId(b"%016d" % number)


def test_above_100_online_the_count_is_told_to_all_and_once_at_each_look() -> None:
    room = LiveRoom(ROOM, "epoch")
    ann = entered(room, [], ANN)
    for number in range(99):
        entered(room, [], user(number))
    assert ann.take_told()[-1]["online"] == 100

    many = [entered(room, [], user(number)) for number in range(99, 104)]
    assert ann.take_told() == []
    room.look_after(1.0)

    count = {"type": "presence", "online": 105}
    assert ann.take_told() == many[-1].take_told() == [count]
    room.look_after(2.0)
    assert ann.take_told() == []
    for reader in many:
        room.leave(reader, 2.0)
    room.look_after(12.0)
    assert [(one["event"], one["online"]) for one in ann.take_told()] == [("offline", 100)] * 5


@pytest.mark.parametrize("change", ["joined", "left", "removed"])
def test_a_change_of_the_members_is_told_to_the_others(change: MemberChange) -> None:
    room, readers = with_three()

    room.member_changed(member_event(change, EVE, 4))

    frame = {"type": "member", "event": change, "username": "e", "key_version": 7}
    frame = {**frame, "members_version": 4}
    assert told_all(readers) == {ANN: [frame], BOB: [frame], EVE: []}
    assert (room.members, room.members_version) == (3, 4)


@pytest.mark.parametrize("change", ["invited", "uninvited"])
def test_an_invitation_is_told_by_the_version_alone(change: MemberChange) -> None:
    room, readers = with_three()

    room.member_changed(member_event(change, UserId(b"x" * 16), 4))

    only = [{"type": "member", "members_version": 4}]
    assert told_all(readers) == {ANN: only, BOB: only, EVE: only}


def test_in_a_big_open_room_changes_are_told_by_the_version_once_at_each_look() -> None:
    room, readers = with_three()
    room.member_changed(member_event("joined", user(1), 98, members=100))
    assert all(told[0]["event"] == "joined" for told in told_all(readers).values())

    for version in (99, 100, 101):
        room.member_changed(member_event("joined", user(version), version, members=101))
    assert told_all(readers) == {ANN: [], BOB: [], EVE: []}
    room.look_after(1.0)
    room.look_after(2.0)

    only = [{"type": "member", "members_version": 101}]
    assert told_all(readers) == {ANN: only, BOB: only, EVE: only}


def test_a_big_private_room_tells_every_change() -> None:
    private = replace(ROOM, owner=ANN)
    room = LiveRoom(private, "epoch")
    ann = entered(room, [], ANN)

    room.member_changed(member_event("joined", user(1), 5, members=400))
    room.key_changed(user(1), Username("x"), 2)

    assert [frame["event"] for frame in ann.told] == ["joined", "key_changed"]


def test_a_new_key_is_told_to_the_others_with_the_version_that_the_members_have() -> None:
    room, readers = with_three()
    room.member_changed(member_event("joined", user(1), 4))
    told_all(readers)

    room.key_changed(EVE, name_of(EVE), 8)

    frame = {"type": "member", "event": "key_changed", "username": "e", "key_version": 8}
    frame = {**frame, "members_version": 4}
    assert told_all(readers) == {ANN: [frame], BOB: [frame], EVE: []}


def test_in_a_big_open_room_a_new_key_is_not_told() -> None:
    room, readers = with_three()
    room.member_changed(member_event("joined", user(1), 4, members=101))
    room.look_after(1.0)
    told_all(readers)

    room.key_changed(EVE, name_of(EVE), 8)
    room.look_after(2.0)

    assert told_all(readers) == {ANN: [], BOB: [], EVE: []}


def test_who_was_behind_is_told_the_version_of_the_members_when_live_again() -> None:
    room, readers = with_three()
    readers[BOB].fill()
    for version in (4, 5):
        room.member_changed(member_event("joined", user(version), version))
    assert readers[BOB].told == []

    readers[BOB].drain()

    assert readers[BOB].take_told() == [{"type": "member", "members_version": 5}]
    readers[BOB].fill()
    readers[BOB].drain()
    assert readers[BOB].told == []


def test_a_version_never_goes_back() -> None:
    room, readers = with_three()

    room.member_changed(member_event("left", user(1), 5))
    room.member_changed(member_event("joined", user(1), 4))
    room.has_members(3, 3)
    room.look_after(1.0)

    assert [frame["members_version"] for frame in readers[ANN].told] == [5, 5]
    assert room.members_version == 5


def test_what_the_store_knows_and_nobody_told_is_told_at_the_next_look() -> None:
    room, readers = with_three()

    room.has_members(9, 6)
    assert told_all(readers) == {ANN: [], BOB: [], EVE: []}
    room.look_after(1.0)

    only = [{"type": "member", "members_version": 6}]
    assert told_all(readers) == {ANN: only, BOB: only, EVE: only}
    assert room.members == 9


def test_a_room_knows_up_to_where_it_has_heard_of_every_change() -> None:
    room, _ = with_three()
    for version in (1, 2):
        room.member_changed(member_event("joined", user(version), version))
    assert room.members_heard == 2

    room.member_changed(member_event("joined", user(4), 4))
    room.member_changed(member_event("joined", user(5), 5))
    room.has_members(9, 6)

    assert (room.members_heard, room.members_version) == (2, 6)


def test_only_what_the_store_had_the_last_time_counts_as_missed() -> None:
    store: list[bytes] = []
    room = LiveRoom(ROOM, "epoch")
    ann = entered(room, store)
    store.extend(frame(seq) for seq in (1, 2))

    room.has_head(2)
    ann.read_on()
    assert ann.heard == []
    # One of them was on its way; the other is news to nobody.
    room.stored(1, store[0])
    room.deliver()
    room.has_head(2)

    ann.read_on()
    assert ann.heard == [1, 2]
    say(room, store, 1)
    room.deliver()
    assert ann.heard == [1, 2, 3]


def test_what_came_in_time_is_not_missed() -> None:
    store: list[bytes] = []
    room = LiveRoom(ROOM, "epoch")
    ann = entered(room, store)
    store.append(frame(1))
    room.has_head(1)
    room.stored(1, store[0])
    room.deliver()

    room.has_head(1)

    assert not ann.reads_store
    assert ann.heard == [1]


class AnyInterleaving(RuleBasedStateMachine):
    """Messages are stored, told, missed and delivered; readers come, fill up, drain and go.

    Members change, somebody signals, time passes, and now and then the store is looked at.
    """

    @initialize(head=st.integers(0, 2))
    def begin(self, head: int) -> None:
        self.store = [frame(seq) for seq in range(1, head + 1)]
        self.room = LiveRoom(Room(ROOM.room_id, ROOM.name, ROOM.epoch, head), "epoch")
        self.told = head
        self.version = 0
        self.concerned = UserId(b"")
        self.now_s = 0.0
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

    @rule(takes=st.integers(1, 4), user=st.sampled_from([ANN, BOB, EVE]))
    def come(self, takes: int, user: UserId) -> None:
        reader = Reader(self.room, self.store, user)
        reader.takes = takes
        self.readers.append(reader)
        self.room.enter(reader, name_of(user))

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
        self.room.leave(reader, self.now_s)
        self.gone.append((reader, list(reader.heard)))

    @rule(user=st.sampled_from([ANN, BOB, EVE]))
    def signal(self, user: UserId) -> None:
        self.tell(user, lambda: self.room.tell_others(user, b'{"type":"signal"}'))

    @rule(
        user=st.sampled_from([ANN, BOB, EVE]),
        change=st.sampled_from(["joined", "left", "removed", "invited", "uninvited"]),
        members=st.sampled_from([2, 100, 101]),
    )
    def change_a_member(self, user: UserId, change: MemberChange, members: int) -> None:
        self.version += 1
        self.concerned = user
        event = MemberChanged(ROOM.room_id, change, user, name_of(user), 1, self.version, members)
        self.tell(user, lambda: self.room.member_changed(event), later=members > 100)

    def tell(self, user: UserId, act: Callable[[], None], *, later: bool = False) -> None:
        """See that every live listener of another user is told one frame, and nobody else any."""
        live = set(self.room._live)
        before = {reader: len(reader.told) for reader in self.readers}
        act()
        for reader in self.readers:
            told = reader in live and reader.user_id != user and not later
            assert len(reader.told) - before[reader] == told

    @rule(seconds=st.integers(0, 6))
    def look_after(self, seconds: int) -> None:
        self.now_s += seconds
        self.room.look_after(self.now_s)

    @rule(behind=st.integers(0, 3))
    def look_at_the_store(self, behind: int) -> None:
        self.room.has_head(max(0, len(self.store) - behind))
        self.told = max(self.told, self.room.delivered + len(self.room.pending))

    @invariant()
    def who_is_online_is_who_is_there_or_was_a_moment_ago(self) -> None:
        there = {reader.user_id for reader in getattr(self, "readers", [])}
        for user in there:
            assert user in self.room.presence
            assert self.room.connections_of(user) == len(self.room.listeners_of(user))

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
        self.room.look_after(self.now_s + 1)
        for reader in self.readers:
            assert reader.members_version == self.version or reader.user_id == self.concerned
            assert reader.heard == list(range(reader.begins_after + 1, self.room.delivered + 1))


TestAnyInterleaving: Callable[..., Any] = AnyInterleaving.TestCase
AnyInterleaving.TestCase.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
