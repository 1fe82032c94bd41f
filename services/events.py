"""What one part of Ilo tells another, after the store has it: rooms changed, sessions ended.

An event is a hint and may be lost on its way: who keeps something in memory because of what the
store said asks the store again now and then. Nothing here is a secret.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from services.model import RoomId, UserId, Username

MemberChange = Literal["joined", "left", "removed", "invited", "uninvited"]


@dataclass(frozen=True, slots=True)
class SessionsEnded:
    """Some sessions of the user, or of anybody (None), may have ended: ask which."""

    user_id: UserId | None


@dataclass(frozen=True, slots=True)
class AccountDeleted:
    """All sessions of the user have ended; places in rooms are left after this."""

    user_id: UserId


@dataclass(frozen=True, slots=True)
class MemberChanged:
    """``members`` is how many have joined the room now."""

    room_id: RoomId
    change: MemberChange
    user_id: UserId
    username: Username
    key_version: int
    members_version: int
    members: int


@dataclass(frozen=True, slots=True)
class KeyChanged:
    """The user has another public key."""

    user_id: UserId
    username: Username
    key_version: int


@dataclass(frozen=True, slots=True)
class RoomDeleted:
    room_id: RoomId


Event: TypeAlias = SessionsEnded | AccountDeleted | MemberChanged | KeyChanged | RoomDeleted

Tell: TypeAlias = Callable[[Event], None]
"""Hands an event on; never waits and never fails."""


class Listeners:
    """Everybody in this process who wants to hear of events."""

    def __init__(self) -> None:
        self._listeners: list[Tell] = []

    def add(self, listener: Tell) -> None:
        self._listeners.append(listener)

    def tell(self, event: Event) -> None:
        """Hand the event on to all of them; to nobody, where nobody listens."""
        for listener in self._listeners:
            listener(event)
