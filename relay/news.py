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
from relay.tasks import Tasks
from services.errors import IloError
from services.events import Event, KeyChanged, MemberChanged, RoomDeleted, SessionsEnded
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
        self._is_asking = False
        self._is_looking = False
        self._rechecked_s: float | None = None

    def heard(self, event: Event) -> None:
        """Act on an event; never waits."""
        match event:
            case MemberChanged(room_id, change, user_id):
                self.count += 1
                room = self._rooms.get(room_id)
                if room is not None:
                    if change in ("left", "removed"):
                        # Told late, it is not about who has joined anew since.
                        _end(
                            (
                                one
                                for one in room.listeners_of(user_id)
                                if cast("Connection", one).member_as_of < event.members_version
                            ),
                            hangups.MEMBER_NO_MORE,
                        )
                    room.member_changed(event)
            case RoomDeleted(room_id):
                self.count += 1
                room = self._rooms.get(room_id)
                if room is not None:
                    _end(room.listeners, hangups.ROOM_DELETED)
            case SessionsEnded(user_id):
                self.count += 1
                self._suspect(one for one in self._connections if user_id in (None, one.user_id))
            case KeyChanged():
                self._tasks.start(self._tell_of_key(event))
            case _:
                assert_never(event)

    def doubt(self, connection: Connection) -> None:
        """Look again at somebody who came in while ``count`` went up."""
        self._suspect([connection])
        self._tasks.start(self._look_at_member(connection))

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
        asked: list[str] = []
        try:
            while self._suspects:
                asked = list(self._suspects)[:SESSIONS_AT_ONCE]
                # Before the question: who is suspected meanwhile is asked about once more.
                for session_id in asked:
                    del self._suspects[session_id]
                ended = await self._gatekeeper.ended(asked)
                if ended:
                    _end(self._with_sessions(ended), hangups.SESSION_ENDED)
        except ApiUnavailable as error:
            self._suspects.update(dict.fromkeys(asked))
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

    async def _look_at_member(self, connection: Connection) -> None:
        room = connection.room
        if room is None:
            return
        try:
            membership = await self._store.membership(room.room_id, connection.user_id)
        except IloError:
            # It is what it was when they came in, until the next look.
            room.members_missed = True
            return
        if membership is None or membership.state != "joined":
            _end([connection], hangups.MEMBER_NO_MORE)

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
        if stored.members_version > room.members_version:
            room.has_members(stored.members, stored.members_version)
        if room.members_missed:
            room.members_missed = False
            for listener in list(room.listeners):
                await self._look_at_member(cast("Connection", listener))

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
