"""What a node is told by others, and what it asks again in case it was not told. No sockets."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest

from relay import hangups
from relay.connection import Connection
from relay.hangups import MEMBER_NO_MORE, ROOM_DELETED, SESSION_ENDED, Hangup
from relay.introspect import Admitted, ApiUnavailable, TokenKind
from relay.news import RECHECK_S, SESSIONS_AT_ONCE, News
from relay.rooms import LiveRoom, Rooms
from relay.session import Session
from relay.tasks import Tasks
from services.errors import StoreUnavailable
from services.events import (
    AccountDeleted,
    Event,
    KeyChanged,
    MemberChange,
    MemberChanged,
    RoomDeleted,
    SessionsEnded,
)
from services.limits import Limits
from services.model import Instant, RoomName, User, UserId, Username
from tests.support.memory_store import MemoryStore
from tests.support.store_samples import add_user, append, draft_for

NOON = Instant(1_767_355_200_000)
LIMITS = Limits()


class Gate:
    """Says which sessions have ended; while ``closed``, its answers wait, decided already."""

    def __init__(self) -> None:
        self.ended_sessions: set[str] = set()
        self.asked: list[list[str]] = []
        self.failure: ApiUnavailable | None = None
        self.opens = asyncio.Event()
        self.opens.set()

    async def ask(self, token: str, kind: TokenKind) -> Admitted | None:
        raise AssertionError("nobody comes in here")

    async def ended(self, session_ids: Sequence[str]) -> frozenset[str]:
        self.asked.append(list(session_ids))
        answer = frozenset(self.ended_sessions.intersection(session_ids))
        await self.opens.wait()
        if self.failure is not None:
            raise self.failure
        return answer


class Client:
    """What news needs of a connection."""

    def __init__(self, user: User, session_id: str) -> None:
        self.user_id = user.user_id
        self.session: Session | None = Session(user.user_id, user.name, session_id, NOON)
        self.room: LiveRoom | None = None
        self.closing = False
        self.last_seq = 0
        self.members_version = self.member_as_of = 0
        self.hangup: Hangup | None = None
        self.told: list[bytes] = []
        self.catches_up = False
        self.is_heard = True

    def doubt(self) -> None:
        self.is_heard = False

    def trust(self) -> None:
        self.is_heard = True

    def write(self, data: bytes) -> None:
        self.told.append(data)

    def tell(self, payload: bytes) -> None:
        self.told.append(payload)

    def catch_up(self) -> None:
        self.catches_up = True

    def hang_up(self, hangup: Hangup) -> None:
        if not self.closing:
            self.hangup, self.closing = hangup, True
            if self.room is not None:
                self.room.leave(self, 0.0)


class Node:
    def __init__(self) -> None:
        self.store = MemoryStore()
        self.gate = Gate()
        self.rooms = Rooms()
        self.connections: dict[Any, None] = {}
        self.news = News(
            cast("dict[Connection, None]", self.connections),
            self.rooms,
            self.store,
            self.gate,
            Tasks(),
        )

    async def join(self, name: str, room: str = "tea", session: str | None = None) -> Client:
        user = await self.store.user_named(name) or await add_user(self.store, name)
        entry = await self.store.enter_room(RoomName(room), user.user_id, NOON, LIMITS)
        assert entry is not None
        live = self.rooms.opened(entry.room, "epoch")
        client = Client(user, session or f"{name}'s")
        client.room, client.last_seq = live, entry.room.head
        client.members_version = live.members_version
        client.member_as_of = entry.room.members_version
        self.connections[client] = None
        live.enter(client, user.name)
        # As if the event had been heard.
        live.members_heard = live.members_version
        return client

    async def has_removed(self, client: Client) -> MemberChanged:
        """Take a member out of the room; return the event that tells of it."""
        room = client.room
        assert room is not None
        departure = await self.store.remove_member(room.room_id, client.user_id)
        assert departure is not None
        assert departure.room is not None
        now = departure.room
        name = Username("x")
        return MemberChanged(
            room.room_id, "removed", client.user_id, name, 1, now.members_version, now.members
        )

    async def recheck(self, at_s: float = RECHECK_S) -> None:
        self.news.look_after(0.0)
        self.news.look_after(at_s)
        await settle()


def changed(client: Client, change: MemberChange) -> MemberChanged:
    assert client.room is not None
    return MemberChanged(client.room.room_id, change, client.user_id, Username("x"), 1, 2, 2)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture
async def node() -> Node:
    return Node()


# -- events


async def test_who_is_removed_is_told_4403_and_nobody_else(node: Node) -> None:
    ann, bob, elsewhere = [
        await node.join(*who) for who in (("ann", "tea"), ("bob", "tea"), ("ann", "other"))
    ]
    second = await node.join("ann", "tea")

    node.news.heard(await node.has_removed(ann))

    assert [one.hangup for one in (ann, second)] == [MEMBER_NO_MORE] * 2
    assert [one.hangup for one in (bob, elsewhere)] == [None] * 2


async def test_a_removal_that_is_told_late_ends_nobody_who_has_joined_anew_since(
    node: Node,
) -> None:
    ann = await node.join("ann")
    removed = await node.has_removed(ann)
    again = await node.join("ann")

    node.news.heard(removed)

    assert ann.hangup is MEMBER_NO_MORE
    assert again.hangup is None


@pytest.mark.parametrize("change", ["joined", "invited", "uninvited"])
async def test_other_changes_end_no_connection(node: Node, change: MemberChange) -> None:
    ann = await node.join("ann")

    node.news.heard(changed(ann, change))

    assert ann.hangup is None


async def test_a_deleted_room_is_told_4410_to_all_of_it(node: Node) -> None:
    ann, bob, elsewhere = [
        await node.join(*who) for who in (("ann", "tea"), ("bob", "tea"), ("bob", "other"))
    ]
    assert ann.room is not None

    node.news.heard(RoomDeleted(ann.room.room_id))

    assert [one.hangup for one in (ann, bob, elsewhere)] == [ROOM_DELETED, ROOM_DELETED, None]


async def test_a_deleted_account_is_told_4401_at_once_and_before_its_rooms_are_left(
    node: Node,
) -> None:
    ann, second, bob = [
        await node.join(*who) for who in (("ann", "tea"), ("ann", "other"), ("bob", "tea"))
    ]

    node.news.heard(AccountDeleted(ann.user_id))
    node.news.heard(await node.has_removed(ann))

    assert [one.hangup for one in (ann, second, bob)] == [SESSION_ENDED, SESSION_ENDED, None]
    assert node.gate.asked == []


async def test_of_ended_sessions_the_api_says_which(node: Node) -> None:
    ann, other, bob = [
        await node.join("ann"),
        await node.join("ann", session="another of ann's"),
        await node.join("bob"),
    ]
    node.gate.ended_sessions = {"ann's", "bob's"}

    node.news.heard(SessionsEnded(ann.user_id))
    await settle()

    assert [one.hangup for one in (ann, other, bob)] == [SESSION_ENDED, None, None]
    assert node.gate.asked == [["ann's", "another of ann's"]]
    node.news.heard(SessionsEnded(None))
    await settle()
    assert bob.hangup == SESSION_ENDED


async def test_who_may_have_ended_is_not_heard_before_the_answer(node: Node) -> None:
    ann, other, bob = [
        await node.join("ann"),
        await node.join("ann", session="another of ann's"),
        await node.join("bob"),
    ]
    node.gate.ended_sessions = {"ann's"}
    node.gate.opens.clear()

    node.news.heard(SessionsEnded(ann.user_id))
    await settle()

    assert [one.is_heard for one in (ann, other, bob)] == [False, False, True]
    node.gate.opens.set()
    await settle()
    assert ann.hangup == SESSION_ENDED
    assert other.is_heard


async def test_who_is_doubted_anew_waits_for_the_newer_answer(node: Node) -> None:
    ann = await node.join("ann")
    node.gate.opens.clear()
    node.news.heard(SessionsEnded(ann.user_id))
    await settle()
    node.gate.ended_sessions = {"ann's"}

    node.news.heard(SessionsEnded(ann.user_id))
    node.gate.opens.set()
    await settle()

    assert ann.hangup == SESSION_ENDED
    assert len(node.gate.asked) == 2


async def test_nobody_is_silent_for_as_long_as_there_is_no_answer(node: Node) -> None:
    ann = await node.join("ann")
    node.gate.failure = ApiUnavailable("no answer")

    node.news.heard(SessionsEnded(ann.user_id))
    await settle()

    assert ann.is_heard
    assert ann.hangup is None


async def test_many_sessions_are_asked_about_a_thousand_at_once(node: Node) -> None:
    users = [await node.join("ann", session=str(number)) for number in range(2001)]
    node.gate.ended_sessions = {"0", "1000", "2000"}

    node.news.heard(SessionsEnded(users[0].user_id))
    await settle()

    assert SESSIONS_AT_ONCE == 1000
    assert [len(asked) for asked in node.gate.asked] == [1000, 1000, 1]
    ended = [number for number, one in enumerate(users) if one.hangup is not None]
    assert ended == [0, 1000, 2000]


async def test_a_session_that_ends_while_the_api_is_asked_is_asked_about_again(node: Node) -> None:
    ann = await node.join("ann")
    node.gate.opens.clear()
    node.news.heard(SessionsEnded(ann.user_id))
    await settle()

    # The answer under way says that she is logged in, as she was.
    node.gate.ended_sessions = {"ann's"}
    node.news.heard(SessionsEnded(ann.user_id))
    node.gate.opens.set()
    await settle()

    assert ann.hangup == SESSION_ENDED


async def test_what_the_api_did_not_answer_is_asked_again_every_second(node: Node) -> None:
    ann = await node.join("ann")
    node.gate.failure = ApiUnavailable("no answer")
    node.gate.ended_sessions = {"ann's"}
    node.news.heard(SessionsEnded(ann.user_id))
    await settle()
    for second in range(3):
        node.news.look_after(float(second))
        await settle()
    assert len(node.gate.asked) == 4
    assert not ann.closing

    node.gate.failure = None
    node.news.look_after(3.0)
    await settle()

    assert ann.hangup == SESSION_ENDED
    node.news.look_after(4.0)
    await settle()
    assert len(node.gate.asked) == 5


# -- somebody comes in meanwhile


async def test_every_event_after_which_somebody_may_not_come_in_is_counted(node: Node) -> None:
    ann = await node.join("ann")
    assert ann.room is not None
    events: list[Event] = [
        SessionsEnded(None),
        AccountDeleted(UserId(b"x" * 16)),
        RoomDeleted(ann.room.room_id),
        await node.has_removed(await node.join("bob")),
    ]
    for number, event in enumerate(events, 1):
        node.news.heard(event)
        assert node.news.count == number

    node.news.heard(KeyChanged(ann.user_id, Username("ann"), 2))
    for change in ("joined", "invited", "uninvited"):
        node.news.heard(changed(ann, change))

    assert node.news.count == 4
    await settle()


async def test_who_is_doubted_and_is_no_member_any_more_is_told_so(node: Node) -> None:
    ann, bob = await node.join("ann"), await node.join("bob")
    await node.has_removed(ann)

    node.news.doubt(cast("Connection", ann))
    node.news.doubt(cast("Connection", bob))
    await settle()

    assert (ann.hangup, bob.hangup) == (MEMBER_NO_MORE, None)


async def test_who_is_doubted_and_is_not_logged_in_any_more_is_told_so(node: Node) -> None:
    ann = await node.join("ann")
    node.gate.ended_sessions = {"ann's"}

    node.news.doubt(cast("Connection", ann))
    await settle()

    assert ann.hangup == SESSION_ENDED


async def test_who_is_doubted_while_the_room_is_deleted_is_told_so(node: Node) -> None:
    ann = await node.join("ann")
    await node.has_removed(ann)
    while await node.store.enforce_retention(NOON, LIMITS):
        pass

    node.news.doubt(cast("Connection", ann))
    await settle()

    assert ann.hangup == ROOM_DELETED


async def test_a_doubt_that_the_store_cannot_clear_is_cleared_by_the_recheck(node: Node) -> None:
    ann = await node.join("ann")
    await node.join("bob")
    assert ann.room is not None
    event = await node.has_removed(ann)
    # Heard before she was in: of her it ended nothing.
    ann.room.members_heard = ann.room.members_version = event.members_version
    node.store.failure = StoreUnavailable()
    node.news.doubt(cast("Connection", ann))
    await settle()
    assert not ann.closing

    node.store.failure = None
    await node.recheck()

    assert ann.hangup == MEMBER_NO_MORE


# -- what was told and lost


async def test_everything_is_asked_again_every_30_s_and_not_before(node: Node) -> None:
    ann, bob = await node.join("ann"), await node.join("bob")
    await node.has_removed(ann)
    node.gate.ended_sessions = {"bob's"}

    await node.recheck(RECHECK_S - 0.1)
    assert (ann.hangup, bob.hangup) == (None, None)
    node.news.look_after(RECHECK_S)
    await settle()

    assert RECHECK_S == 30.0
    assert (ann.hangup, bob.hangup) == (MEMBER_NO_MORE, SESSION_ENDED)


async def test_a_room_that_was_deleted_in_silence_is_noticed(node: Node) -> None:
    ann = await node.join("ann")
    await node.has_removed(ann)
    while await node.store.enforce_retention(NOON, LIMITS):
        pass

    await node.recheck()

    assert ann.hangup == ROOM_DELETED


async def test_a_removal_that_was_lost_is_noticed_though_later_changes_were_heard(
    node: Node,
) -> None:
    ann, bob = await node.join("ann"), await node.join("bob")
    assert bob.room is not None
    await node.has_removed(ann)
    eve = await add_user(node.store, "eve")
    entry = await node.store.enter_room(RoomName("tea"), eve.user_id, NOON, LIMITS)
    assert entry is not None
    version, members = entry.room.members_version, entry.room.members
    room_id = entry.room.room_id
    node.news.heard(MemberChanged(room_id, "joined", eve.user_id, eve.name, 1, version, members))
    assert bob.room.members_version == version

    await node.recheck()

    assert (ann.hangup, bob.hangup) == (MEMBER_NO_MORE, None)


async def test_a_removal_that_was_lost_is_noticed_though_somebody_came_in_later(
    node: Node,
) -> None:
    ann, bob = await node.join("ann"), await node.join("bob")
    await node.has_removed(ann)
    room = await node.store.room_named(RoomName("tea"))
    assert room is not None
    node.rooms.opened(room, "epoch")

    await node.recheck()

    assert (ann.hangup, bob.hangup) == (MEMBER_NO_MORE, None)


async def test_who_hears_everything_is_not_looked_at_member_by_member(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = await node.join("ann"), await node.join("bob")
    node.news.heard(await node.has_removed(ann))
    looked: list[UserId] = []

    async def membership(_room: object, user: UserId) -> None:
        looked.append(user)

    monkeypatch.setattr(node.store, "membership", membership)
    await node.recheck()

    assert looked == []
    assert bob.hangup is None


async def test_a_message_that_this_node_missed_is_read_after_the_second_look(node: Node) -> None:
    ann = await node.join("ann")
    room = await node.store.room_named(RoomName("tea"))
    user = await node.store.user_named("ann")
    assert room is not None
    assert user is not None
    await append(node.store, draft_for(room, user))

    await node.recheck()
    assert not ann.catches_up
    node.news.look_after(2 * RECHECK_S)
    await settle()

    assert ann.catches_up


async def test_a_store_that_fails_ends_nobody_and_is_asked_again(node: Node) -> None:
    ann, bob = await node.join("ann"), await node.join("bob")
    await node.has_removed(ann)
    node.store.failure = StoreUnavailable()
    await node.recheck()
    assert (ann.hangup, bob.hangup) == (None, None)

    node.store.failure = None
    node.news.look_after(2 * RECHECK_S)
    await settle()

    assert (ann.hangup, bob.hangup) == (MEMBER_NO_MORE, None)


# -- keys


async def test_a_new_key_is_told_in_every_room_of_the_user_that_is_here(node: Node) -> None:
    ann = await node.join("ann")
    names = [f"room-{number:03}" for number in range(150)]
    for name in names:
        await node.store.enter_room(RoomName(name), ann.user_id, NOON, LIMITS)
    here = [await node.join("bob", name) for name in (names[0], names[-1], "not-anns")]
    await node.store.remove_member(cast("LiveRoom", here[0].room).room_id, here[0].user_id)
    for one in (*here, ann):
        one.told.clear()

    node.news.heard(KeyChanged(ann.user_id, Username("ann"), 2))
    await settle()

    assert [len(one.told) for one in here] == [1, 1, 0]
    assert ann.told == []
    assert b'"key_changed"' in here[1].told[0]


def test_every_end_of_the_news_is_in_the_contract() -> None:
    assert {MEMBER_NO_MORE, ROOM_DELETED, SESSION_ENDED} <= set(hangups.HANGUPS)
