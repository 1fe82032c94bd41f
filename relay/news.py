"""What this node is told by others, and what it asks again in case it was not told.

Rooms change and sessions end over REST. Who is told of it closes the sockets concerned at once;
since an event may be lost on its way, everything is asked again every ``RECHECK_S``.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import Final, assert_never, cast

from relay import hangups
from relay.connection import Connection
from relay.hangups import Hangup
from relay.introspect import ApiUnavailable, Gatekeeper
from relay.rooms import Listener, LiveRoom, Rooms
from relay.session import Session
from relay.tasks import Tasks
from services.errors import IloError
from services.events import (
    AccountDeleted,
    Event,
    KeyChanged,
    MemberChanged,
    RoomDeleted,
    SessionsEnded,
)
from services.model import RoomId, RoomName
from services.ports import RoomStore

log = logging.getLogger("relay.news")

RECHECK_S: Final = 30.0
"""How long something that was told, and lost on its way, goes unnoticed."""
SESSIONS_AT_ONCE: Final = 1000
"""So many sessions one question may have; the contract's bound."""
ROOMS_AT_ONCE: Final = 100
"""After so many rooms everybody else has a turn; so many of a user's are read at once."""


class News:
    """``connections`` are all of this node, also those that are not admitted yet.

    ``count`` goes up with every event after which somebody may not be let in as known before.
    """

    def __init__(
        self,
        connections: Iterable[Connection],
        rooms: Rooms,
        store: RoomStore,
        gatekeeper: Gatekeeper,
        tasks: Tasks,
    ) -> None:
        self.count = 0
        self._connections = connections
        self._rooms = rooms
        self._store = store
        self._gatekeeper = gatekeeper
        self._tasks = tasks
        self._suspects: dict[str, None] = {}
        self._doubted: dict[str, list[Connection]] = {}
        self._is_asking = False
        self._is_looking = False
        self._rechecked_s: float | None = None

    def heard(self, event: Event) -> None:
        """Act on an event; never waits."""
        match event:
            case MemberChanged(room_id, change, user_id):
                room = self._rooms.get(room_id)
                if change in ("left", "removed"):
                    self.count += 1
                    if room is not None:
                        _end(room.listeners_of(user_id), hangups.MEMBER_NO_MORE)
                if room is not None:
                    room.member_changed(event)
            case RoomDeleted(room_id):
                self.count += 1
                room = self._rooms.get(room_id)
                if room is not None:
                    _end(room.listeners, hangups.ROOM_DELETED)
            case SessionsEnded(user_id):
                self.count += 1
                self._doubt(one for one in self._connections if user_id in (None, one.user_id))
            case AccountDeleted(user_id):
                self.count += 1
                # Before the rooms are left: for this the contract has another code.
                gone = [one for one in self._connections if one.user_id == user_id]
                _end(gone, hangups.SESSION_ENDED)
            case KeyChanged():
                self._tasks.start(self._tell_of_key(event))
            case _:
                assert_never(event)

    def doubt(self, connection: Connection) -> None:
        """Look again at somebody who came in while ``count`` went up."""
        self._suspect([connection])
        self._tasks.start(self._doubt_member(connection))

    def opened(self, room: LiveRoom) -> None:
        """Look once more at a room that has its first listener here.

        Of what was stored after the store was asked, and before it was here, nobody told it.
        """
        self._tasks.start(self._look_for_missed(room))

    def look_after(self, now_s: float) -> None:
        """Do what could not be done when it was told, and from time to time everything again."""
        if self._rechecked_s is None:
            self._rechecked_s = now_s
        elif now_s - self._rechecked_s >= RECHECK_S:
            self._rechecked_s = now_s
            self._suspect(self._connections)
            if not self._is_looking:
                self._is_looking = True
                self._tasks.start(self._look_at_rooms())
        self._ask_about_suspects()

    # -- sessions

    def _doubt(self, connections: Iterable[Connection]) -> None:
        """Suspect them, and take nothing from them before the answer: what somebody says after
        the end of their session was told is not kept."""
        doubted = [one for one in connections if one.session is not None and not one.closing]
        for connection in doubted:
            session = cast("Session", connection.session)
            self._doubted.setdefault(session.session_id, []).append(connection)
            connection.doubt()
        self._suspect(doubted)

    def _trust(self, session_ids: Iterable[str]) -> None:
        """Listen again to those who were doubted, and are not doubted anew."""
        for session_id in session_ids:
            if session_id not in self._suspects:
                for connection in self._doubted.pop(session_id, ()):
                    connection.trust()

    def _suspect(self, connections: Iterable[Connection]) -> None:
        for connection in connections:
            if connection.session is not None and not connection.closing:
                self._suspects[connection.session.session_id] = None
        self._ask_about_suspects()

    def _ask_about_suspects(self) -> None:
        if self._suspects and not self._is_asking:
            self._is_asking = True
            self._tasks.start(self._ask())

    async def _ask(self) -> None:
        """Ask about the suspects until there are none; what has no answer waits."""
        try:
            while self._suspects:
                asked = list(self._suspects)[:SESSIONS_AT_ONCE]
                # Before the question: who is suspected meanwhile may have ended after the answer.
                for session_id in asked:
                    del self._suspects[session_id]
                try:
                    ended = await self._gatekeeper.ended(asked)
                except ApiUnavailable:
                    # Nobody is silent for as long as that takes.
                    self._trust(asked)
                    self._suspects.update(dict.fromkeys(asked))
                    raise
                if ended:
                    _end(self._with_sessions(ended), hangups.SESSION_ENDED)
                self._trust(asked)
        except ApiUnavailable as error:
            log.warning("cannot ask which sessions have ended", extra={"reason": error.reason})
        finally:
            self._is_asking = False

    def _with_sessions(self, session_ids: frozenset[str]) -> list[Connection]:
        return [
            one
            for one in self._connections
            if one.session is not None and one.session.session_id in session_ids
        ]

    # -- members and rooms

    async def _doubt_member(self, connection: Connection) -> None:
        room = connection.room
        try:
            await self._look_at_member(connection)
        except IloError:
            # It is what it was when they came in, until somebody can say otherwise.
            if room is not None:
                room.members_heard = 0

    async def _look_at_member(self, connection: Connection) -> None:
        room = connection.room
        if room is None:
            return
        membership = await self._store.membership(room.room_id, connection.user_id)
        if membership is None or membership.state != "joined":
            is_there = await self._store.room(room.room_id) is not None
            _end([connection], hangups.MEMBER_NO_MORE if is_there else hangups.ROOM_DELETED)

    async def _look_for_missed(self, room: LiveRoom) -> None:
        try:
            stored = await self._store.room(room.room_id)
        except IloError:
            # The next look at all rooms finds it.
            return
        if stored is not None:
            room.missed(stored.head)

    async def _look_at_rooms(self) -> None:
        try:
            for place, room in enumerate(self._rooms, 1):
                await self._look_at_room(room)
                if place % ROOMS_AT_ONCE == 0:
                    await asyncio.sleep(0)
        except IloError as error:
            log.warning("cannot look at the rooms", extra={"reason": str(error)})
        finally:
            self._is_looking = False

    async def _look_at_room(self, room: LiveRoom) -> None:
        stored = await self._store.room(room.room_id)
        if stored is None:
            _end(room.listeners, hangups.ROOM_DELETED)
            return
        room.has_head(stored.head)
        if stored.members_version > room.members_heard:
            room.has_members(stored.members, stored.members_version)
            for listener in list(room.listeners):
                await self._look_at_member(cast("Connection", listener))
            room.members_heard = stored.members_version

    async def _tell_of_key(self, event: KeyChanged) -> None:
        """Tell the rooms of the user that are here: also where the user is not connected."""
        after: RoomName | None = None
        try:
            while True:
                page = await self._store.rooms_of(event.user_id, after, ROOMS_AT_ONCE)
                for one in page:
                    room = self._rooms.get(RoomId(one.room.room_id))
                    if room is not None and one.membership.state == "joined":
                        room.key_changed(event.user_id, event.username, event.key_version)
                if len(page) < ROOMS_AT_ONCE:
                    return
                after = page[-1].room.name
        except IloError as error:
            log.warning("cannot tell of a new key", extra={"reason": str(error)})


def _end(listeners: Iterable[Listener], hangup: Hangup) -> None:
    # A copy: who is hung up on leaves the room.
    for listener in list(listeners):
        cast("Connection", listener).hang_up(hangup)
