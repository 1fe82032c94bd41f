"""Looks whether those who may not be there any more are gone in time."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from relay.connection import Connection
from services.events import Event, MemberChanged, RoomDeleted, SessionsEnded
from tests.simulation.people import Session
from tests.support.ledger import TOLD_GRACE_MS, UNTOLD_GRACE_MS

if TYPE_CHECKING:
    from tests.simulation.world import World

SLACK_MS = 10
DOOR_GRACE_MS = 4000
"""A gatekeeper that did not answer is asked again after a second, and answers in some time."""


class Auditor:
    def __init__(self, world: "World") -> None:
        self._world = world

    # -- members

    def told(self, event: Event) -> None:
        """An event comes to the relay now: those whom it concerns are gone two seconds later."""
        world = self._world
        match event:
            case MemberChanged(room_id, change, user_id, name) if change in ("left", "removed"):
                # Who has joined anew meanwhile is not meant.
                those = [
                    one
                    for one in self._in(room_id)
                    if one.user_id == user_id and one.member_as_of < event.members_version
                ]
                self._told_of_end(room_id, [name], those)
            case RoomDeleted(room_id):
                self._told_of_end(room_id, list(world.people.everybody), self._in(room_id))
            case SessionsEnded(user_id):
                for session in list(world.people.sessions.values()):
                    if session.ended_ms is not None and session.person.user_id == user_id:
                        self._later(TOLD_GRACE_MS, self._look_for_session, session)
            case _:
                pass

    def _told_of_end(
        self, room_id: bytes, users: Sequence[str], concerned: list[Connection]
    ) -> None:
        world, room = self._world, room_id.hex()
        for user in users:
            if world.ledger.stay(room, user) is None:
                world.ledger.told(room, user, world.now_ms())
        self._later(TOLD_GRACE_MS, self._look_for_these, concerned)

    def _look_for_these(self, connections: list[Connection]) -> None:
        here = self._world.node.connections()
        for one in connections:
            if one in here and not one.closing:
                self._world.fail(f"end: {_who(one)} is there 2 s after it was told to go")

    def ended(self, room_id: str, user: str) -> None:
        """A membership has ended in the store, told or not."""
        self._later(UNTOLD_GRACE_MS, self._look_for_member, room_id, user)

    def _look_for_member(self, room_id: str, user: str) -> None:
        world = self._world
        stays = world.ledger.stays.get((room_id, user), [])
        if stays[-1].to_ms is None:
            return
        left_ms = world.ledger.silent_ms(stays[-1], world.now_ms() + 1) - world.now_ms()
        if left_ms > 0:
            self._later(left_ms, self._look_for_member, room_id, user)
            return
        for one in self._in(bytes.fromhex(room_id)):
            if one.session is not None and one.session.username == user and not one.closing:
                world.fail(f"end: {_who(one)} is there and has been no member for a minute")

    # -- sessions

    def session_ended(self, session: Session) -> None:
        self._later(UNTOLD_GRACE_MS, self._look_for_session_at_last, session)

    def _look_for_session(self, session: Session) -> None:
        left_ms = self._world.doorkeeper.blind_ms + DOOR_GRACE_MS - self._world.now_ms()
        if left_ms > 0:
            self._later(left_ms, self._look_for_session, session)
        else:
            self._charge_session(session)

    def _look_for_session_at_last(self, session: Session) -> None:
        left_ms = self._world.doorkeeper.blind_ms + UNTOLD_GRACE_MS - self._world.now_ms()
        if left_ms > 0:
            self._later(left_ms, self._look_for_session_at_last, session)
        else:
            self._charge_session(session)

    def _charge_session(self, session: Session) -> None:
        for one in self._world.node.connections():
            if one.session is not None and one.session.session_id == session.session_id:
                self._world.fail(f"end: {_who(one)} is there, and its session has ended")

    # -- the inside

    def _in(self, room_id: bytes) -> list[Connection]:
        return [
            one
            for one in self._world.node.connections()
            if one.room is not None and one.room.room_id == room_id
        ]

    def _later(self, delay_ms: int, look: object, *what: object) -> None:
        self._world.loop.outside(delay_ms + SLACK_MS, look, *what)  # type: ignore[arg-type]


def _who(connection: Connection) -> str:
    session = connection.session
    return "nobody" if session is None else session.username
