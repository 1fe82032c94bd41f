"""Bugs in who may be in a room, in how long, and in what a client or an operator does."""

import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import relay.delivery
import relay.doorway
import relay.news
import store.sqlite.members
from relay import hangups
from relay.connection import Connection
from relay.delivery import Delivery
from relay.doorway import Doorway
from relay.hangups import Refusal
from relay.introspect import ApiUnavailable
from relay.news import News
from relay.rooms import LiveRoom
from services.events import Event, MemberChanged, RoomDeleted, SessionsEnded
from services.model import Instant, Membership, Room
from services.rooms import Rooms
from store.sqlite.rooms import begin_epochs
from tests.simulation.bug import Bug, bug
from tests.simulation.client import Client
from tests.simulation.node import Node

_heard = News.heard
_judge = Doorway._judge
_has_members = LiveRoom.has_members
_member_changed = LiveRoom.member_changed
_look_back = Delivery._look_back
_join = store.sqlite.members._join
_visible = Rooms._visible


def _deaf_to(*kinds: type[Event]) -> Any:
    def heard(self: News, event: Event) -> None:
        if not isinstance(event, kinds):
            _heard(self, event)

    return heard


async def _no_look(self: News) -> None:
    self._is_looking = False


def _no_doubt(self: News, connection: Connection) -> None:
    return


def _suspects_those_told(self: News, connections: Iterable[Connection]) -> None:
    """Suspect who has been told of, and never everybody."""
    if connections is not self._connections:
        _suspect(self, connections)


_suspect = News._suspect


async def _forgets_new_suspects(self: News) -> None:
    """Who is suspected while a question is under way is taken for asked."""
    try:
        while self._suspects:
            asked = list(self._suspects)
            ended = await self._gatekeeper.ended(asked)
            for session_id in asked:
                self._suspects.pop(session_id, None)
            if ended:
                relay.news._end(self._with_sessions(ended), hangups.SESSION_ENDED)
    except ApiUnavailable:
        pass
    finally:
        self._is_asking = False


def _changed_and_not_missed(self: LiveRoom, event: MemberChanged) -> None:
    """Whoever hears of one change has heard of those before it."""
    _member_changed(self, event)
    self.members_heard = max(self.members_heard, event.members_version)


def _has_members_of_itself(self: LiveRoom, members: int, version: int) -> None:
    """Someone else's newer members are no reason to look at those who are here."""
    _has_members(self, members, version)
    self.members_heard = max(self.members_heard, version)


async def _judge_as_of_old(self: Doorway, wish: Any) -> Any:
    """Who has joined a private room may read what was said there before."""
    outcome = await _judge(self, wish)
    if isinstance(outcome, Refusal):
        return outcome
    session, room, entry = outcome
    return session, room, replace(entry, membership=replace(entry.membership, joined_seq=0))


async def _looks_back_beyond(self: Delivery, connection: Connection) -> None:
    first, connection.first_seq = connection.first_seq, 1
    try:
        await _look_back(self, connection)
    finally:
        connection.first_seq = first


async def _replies_to_everybody(self: Rooms, caller: Any, name: str) -> tuple[Room, Membership]:
    """Take for a member of a room whoever knows its name."""
    room = await self._store.room_named(name)  # type: ignore[arg-type]
    if room is None:
        return await _visible(self, caller, name)
    membership = await self._store.membership(room.room_id, caller.user_id)
    return room, membership or Membership(caller.user_id, "joined", 0, Instant(0))


def _joins_at_the_beginning(
    connection: sqlite3.Connection, number: int, user: int, head: int, now: Instant
) -> Room:
    return _join(connection, number, user, 0, now)


_INVITED_IS_JOINED = store.sqlite.members._ENTRY.removesuffix(" AND m.joined")


def _restore_while_running(self: Node) -> bool:
    """Put the backup back under a relay that goes on."""
    world = self._world
    if world.disk.database.in_transaction:
        return False
    world.book.pause()
    world.disk.restore()
    begin_epochs(world.disk.database, world.chance.some_bytes)
    world.book.resume()
    world.committed(another=True)
    return True


BUGS: dict[str, Bug] = {
    "removed_hears_on": bug(150, (News, "heard", _deaf_to(MemberChanged))),
    "deleted_room_goes_on": bug(400, (News, "heard", _deaf_to(RoomDeleted))),
    "ended_session_goes_on": bug(150, (News, "heard", _deaf_to(SessionsEnded))),
    "rooms_are_not_looked_at": bug(150, (News, "_look_at_rooms", _no_look)),
    "sessions_are_not_looked_at": bug(150, (News, "_suspect", _suspects_those_told)),
    "new_suspects_are_forgotten": bug(0, (News, "_ask", _forgets_new_suspects)),
    "admitted_without_doubt": bug(200, (News, "doubt", _no_doubt)),
    "missed_change_is_forgotten": bug(
        200,
        (LiveRoom, "member_changed", _changed_and_not_missed),
        (LiveRoom, "has_members", _has_members_of_itself),
    ),
    "invited_is_joined": bug(200, (store.sqlite.members, "_ENTRY", _INVITED_IS_JOINED)),
    "joins_at_the_beginning": bug(150, (store.sqlite.members, "_join", _joins_at_the_beginning)),
    "reads_from_before_joining": bug(400, (Doorway, "_judge", _judge_as_of_old)),
    "looks_back_before_joining": bug(400, (Delivery, "_look_back", _looks_back_beyond)),
    "pages_for_everybody": bug(150, (Rooms, "_visible", _replies_to_everybody)),
    "ack_moves_cursor": bug(200, (Client, "ack_moves_cursor", True)),
    "restore_while_running": bug(200, (Node, "restore_while_running", _restore_while_running)),
}
