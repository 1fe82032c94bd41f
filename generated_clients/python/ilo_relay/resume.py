"""Where a client is in its room: what it asks for when it comes back, and what of that is new.

Does no I/O and keeps no clock.
"""

from dataclasses import dataclass
from typing import Final, Literal, assert_never

from ilo_relay.acked import Acked
from ilo_relay.errors import InvalidFrame
from ilo_relay.frames import Ack, Event, Gap, Head, MessageOut, Welcome
from ilo_relay.line import LineLost
from ilo_relay.memory import Newest

REMEMBERED: Final = 10_000
"""So many shown messages are known again by sender and id, and so many acknowledged ones."""


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a room: behind the message ``seq`` of ``epoch``, or before the first one with 0.

    Kept, and given as ``since`` and ``epoch`` to another client, that one goes on from here.
    """

    epoch: str
    seq: int


class Resume:
    """The cursor of one client, moved by MessageOut and Gap only.

    ``cursor`` is where the next connection goes on: behind what was put into the queue, which may
    be further than what the application has taken from it.
    """

    def __init__(self, since: int | None, epoch: str | None) -> None:
        if since is None and epoch is not None:
            raise InvalidFrame("epoch", "means nothing without since")
        if since and epoch is None:
            raise InvalidFrame("since", "needs its epoch, unless it is 0")
        self.cursor: Position | None = None
        if since is not None and epoch is not None:
            self.cursor = Position(epoch, since)
        self._since = since
        self._epoch: str | None = None
        self._username: str | None = None
        self._shown: Newest[tuple[str, str], Literal[True]] = Newest(REMEMBERED)
        self._acks = Acked(REMEMBERED)
        self._behind_since_s: float | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        return self._acks.missing

    def query(self) -> dict[str, str]:
        """Return what to ask for at the next connect."""
        if self.cursor is not None:
            return {"since": str(self.cursor.seq), "epoch": self.cursor.epoch}
        return {} if self._since is None else {"since": str(self._since)}

    def came_in(self, welcome: Welcome) -> Position:
        """Return where the client is, now that it was welcomed."""
        self._epoch, self._username = welcome.epoch, welcome.username
        self._behind_since_s = None
        if self.cursor is None:
            self.cursor = Position(welcome.epoch, welcome.head if self._since is None else 0)
        if self.cursor.epoch != welcome.epoch:
            self._acks.in_another_epoch()
        return self.cursor

    def seen(self) -> int:
        """Return the newest seq that was seen in the epoch of this connection."""
        cursor = self._at()
        return cursor.seq if cursor.epoch == self._epoch else 0

    def place_after(self, event: Event) -> Position:
        """Return where the cursor is when ``event`` is handed on.

        Raises:
            LineLost: something is missing before it.
        """
        cursor = self._at()
        if isinstance(event, Gap):
            return self._place_after_gap(event, cursor)
        if not isinstance(event, MessageOut):
            return cursor
        self._see_that_epoch_is_the_same(cursor)
        if event.seq > cursor.seq + 1:
            raise LineLost(f"the relay sent {event.seq} after {cursor.seq}")
        return Position(cursor.epoch, max(cursor.seq, event.seq))

    def is_repeat(self, event: Event) -> bool:
        """Tell whether the application has had ``event`` before."""
        if not isinstance(event, MessageOut):
            return False
        return event.seq <= self._at().seq or (event.sender, event.id) in self._shown

    def handed_on(self, event: Event, place: Position) -> None:
        """``event`` is in the queue, or was had before: the cursor is at ``place`` now."""
        self.cursor = place
        if isinstance(event, (MessageOut, Gap)):
            self._behind_since_s = None
        if isinstance(event, MessageOut):
            self._shown.add((event.sender, event.id), True)
            if event.sender == self._username:
                self._acks.came(event.id)
        elif isinstance(event, Gap) and event.reason == "epoch":
            self._acks.begins_at(event)

    def acked(self, ack: Ack) -> None:
        """A message of this client is stored. That moves no cursor."""
        self._acks.acked(ack)

    def told_of(self, head: Head, now_s: float, patience_s: float) -> None:
        """Compare the cursor with the room's head.

        Raises:
            LineLost: for ``patience_s`` the room has been further, and nothing of that came.
        """
        if head.seq <= self.seen():
            self._behind_since_s = None
        elif self._behind_since_s is None:
            self._behind_since_s = now_s
        elif now_s - self._behind_since_s > patience_s:
            raise LineLost(f"nothing came after {self.seen()}, and the head is {head.seq}")

    def _place_after_gap(self, gap: Gap, cursor: Position) -> Position:
        match gap.reason:
            case "epoch":
                return Position(self._epoch or cursor.epoch, gap.from_seq - 1)
            case "ahead":
                self._see_that_epoch_is_the_same(cursor)
                return Position(cursor.epoch, gap.from_seq - 1)
            case "retention":
                self._see_that_epoch_is_the_same(cursor)
                return Position(cursor.epoch, max(cursor.seq, gap.to_seq))
            case _:
                assert_never(gap.reason)

    def _see_that_epoch_is_the_same(self, cursor: Position) -> None:
        if cursor.epoch != self._epoch:
            raise LineLost("the relay went on in another epoch and named no gap")

    def _at(self) -> Position:
        assert self.cursor is not None, "it is there since the first welcome"
        return self.cursor
