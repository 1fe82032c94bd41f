"""What was not told of a room's members is noticed, and asked about until there is an answer."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from relay.hangups import MEMBER_NO_MORE, SESSION_ENDED, Hangup
from relay.introspect import ApiUnavailable, Gatekeeper
from relay.news import News
from relay.rooms import LiveRoom, Rooms
from relay.session import Session
from relay.tasks import Tasks
from services.errors import StoreUnavailable
from services.events import MemberChanged, SessionsEnded
from services.model import (
    Epoch,
    Instant,
    Membership,
    Room,
    RoomId,
    RoomName,
    UserId,
    Username,
)
from services.ports import RoomStore

ANN, BOB, EVE = UserId(b"a" * 16), UserId(b"b" * 16), UserId(b"e" * 16)
ROOM = Room(RoomId(b"r" * 16), RoomName("tea"), Epoch(b"e" * 16), 0, members_version=5)


def joined(user: UserId, version: int) -> MemberChanged:
    return MemberChanged(ROOM.room_id, "joined", user, Username("eve"), 1, version, 3)


def test_changes_that_follow_each_other_are_all_that_there_were() -> None:
    live = LiveRoom(ROOM, "epoch")

    live.member_changed(joined(EVE, 6))
    live.member_changed(joined(BOB, 7))
    live.has_members(3, 7)

    assert not live.members_missed


def test_a_change_that_was_not_told_is_missed_though_a_later_one_was() -> None:
    live = LiveRoom(ROOM, "epoch")

    live.member_changed(joined(EVE, 7))

    assert live.members_missed


@pytest.mark.parametrize("version", [4, 6])
def test_who_comes_in_as_of_another_version_shows_that_something_was_missed(version: int) -> None:
    live = LiveRoom(ROOM, "epoch")

    live.has_members(3, version)

    assert live.members_missed
    assert live.members_version == max(5, version)


class _Listener:
    """As much of a connection as is asked about."""

    last_seq = 0
    members_version = 5
    member_as_of = 5
    closing = False

    def __init__(self, user: UserId, room: LiveRoom) -> None:
        self.user_id = user
        self.room = room
        self.session = Session(user, Username("bob"), "session-1", Instant(0))
        self.ended: list[Hangup] = []

    def write(self, data: bytes) -> None: ...

    def tell(self, payload: bytes) -> None: ...

    def catch_up(self) -> None: ...

    def hang_up(self, hangup: Hangup) -> None:
        self.ended.append(hangup)


class _Store:
    """Knows that nobody is a member any more; fails so often before it says so."""

    def __init__(self, failures: int) -> None:
        self._failures = failures

    async def room(self, room_id: RoomId) -> Room:
        return ROOM

    async def membership(self, room_id: RoomId, user_id: UserId) -> Membership | None:
        if self._failures:
            self._failures -= 1
            raise StoreUnavailable
        return None


class _Door:
    """Answers when ``opens`` is set, by what was true at the question."""

    def __init__(self) -> None:
        self.ended_sessions: list[str] = []
        self.opens = asyncio.Event()
        self.questions = 0
        self.fails = False

    async def ended(self, session_ids: Sequence[str]) -> frozenset[str]:
        self.questions += 1
        answer = frozenset(self.ended_sessions)
        await self.opens.wait()
        if self.fails:
            self.fails = False
            raise ApiUnavailable("of the test's")
        return answer & frozenset(session_ids)


def _node(failures: int = 0) -> tuple[News, _Listener, LiveRoom, _Door]:
    rooms, door = Rooms(), _Door()
    live = rooms.opened(ROOM, "epoch")
    listener = _Listener(BOB, live)
    live.enter(listener, Username("bob"))
    connections = cast("Any", [listener])
    store = cast("RoomStore", _Store(failures))
    return News(connections, rooms, store, cast("Gatekeeper", door), Tasks()), listener, live, door


async def _turn() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_was_removed_unheard_goes_with_the_next_look_though_versions_agree() -> None:
    news, bob, live, _ = _node(failures=1)
    # Bob's end was the change before this one, and nobody was told of it.
    news.heard(joined(EVE, 7))

    for now_s in (0.0, 30.0):
        news.look_after(now_s)
        await _turn()
    assert bob.ended == []
    assert live.members_missed

    news.look_after(60.0)
    await _turn()
    assert bob.ended == [MEMBER_NO_MORE]


async def test_a_removal_that_is_told_late_ends_nobody_who_has_joined_anew_since() -> None:
    news, bob, _, _ = _node()
    bob.member_as_of = 7
    removed = MemberChanged(ROOM.room_id, "removed", BOB, Username("bob"), 1, 6, 2)
    news.heard(removed)
    assert bob.ended == []

    news.heard(replace(removed, members_version=8))
    assert bob.ended == [MEMBER_NO_MORE]


async def test_a_session_that_ends_while_it_is_asked_about_is_asked_about_again() -> None:
    news, bob, _, door = _node()
    news.heard(SessionsEnded(BOB))
    await _turn()

    door.ended_sessions.append("session-1")
    news.heard(SessionsEnded(BOB))
    door.opens.set()
    await _turn()

    assert door.questions == 2
    assert bob.ended == [SESSION_ENDED]


async def test_a_question_without_an_answer_is_asked_again() -> None:
    news, bob, _, door = _node()
    door.ended_sessions.append("session-1")
    door.fails = True
    door.opens.set()
    news.heard(SessionsEnded(BOB))
    await _turn()
    assert bob.ended == []

    news.look_after(1.0)
    await _turn()

    assert bob.ended == [SESSION_ENDED]
