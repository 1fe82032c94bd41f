"""What a node knows of rooms for a moment without asking again."""

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from services.model import RoomId

KNOWN_FOR_S: Final = 2.0
"""A room that is deleted elsewhere may go on here for so long."""
MAX_KNOWN: Final = 100_000


class RoomFacts(NamedTuple):
    """``retention_s`` is None where the operator's counts."""

    retention_s: int | None


class KnownRooms:
    """Rooms that are there, as ``find`` tells; ``now_s`` is monotonic."""

    def __init__(
        self, find: Callable[[RoomId], Awaitable[RoomFacts | None]], now_s: Callable[[], float]
    ) -> None:
        self._find = find
        self._now_s = now_s
        self._known: dict[RoomId, tuple[float, RoomFacts]] = {}

    async def get(self, room_id: RoomId) -> RoomFacts | None:
        """Return what is known and not older than ``KNOWN_FOR_S``; None: there is no such room."""
        asked_at = self._now_s()
        known = self._known.get(room_id)
        if known is not None and asked_at - known[0] < KNOWN_FOR_S:
            return known[1]
        self._known.pop(room_id, None)
        facts = await self._find(room_id)
        if facts is not None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[room_id] = (asked_at, facts)
        return facts

    def forget(self, room_id: RoomId) -> None:
        self._known.pop(room_id, None)
