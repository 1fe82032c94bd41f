"""Who is online in one room. No I/O, no clock: the time comes with each call, in seconds."""

from typing import Final

from services.model import UserId, Username

GRACE_S: Final = 10.0
"""So long after the last connection is gone a user still counts as online: who only changes the
network was never away."""


class Presence:
    """The users that are connected to a room, or were until a moment ago."""

    __slots__ = ("_leaving", "_online")

    def __init__(self) -> None:
        self._online: dict[UserId, Username] = {}
        # When each counts as gone; those who left first come first.
        self._leaving: dict[UserId, float] = {}

    def __len__(self) -> int:
        return len(self._online)

    def __contains__(self, user: UserId) -> bool:
        return user in self._online

    @property
    def is_changing(self) -> bool:
        """Tell whether somebody's time is running out."""
        return bool(self._leaving)

    def come(self, user: UserId, username: Username) -> bool:
        """The user has a connection; True when that is news."""
        self._leaving.pop(user, None)
        if user in self._online:
            return False
        self._online[user] = username
        return True

    def go(self, user: UserId, now_s: float) -> None:
        """The user's last connection is gone."""
        self._leaving[user] = now_s + GRACE_S

    def gone(self, now_s: float) -> list[tuple[UserId, Username]]:
        """Take out and return those who did not come back in time."""
        over: list[tuple[UserId, Username]] = []
        for user, at in self._leaving.items():
            if at > now_s:
                break
            over.append((user, self._online[user]))
        for user, _ in over:
            del self._leaving[user], self._online[user]
        return over
