"""Where a connection begins to read, and what it is told cannot be had. No I/O, no clock.

A client's cursor is held against what the store said of the room at one moment.
"""

from dataclasses import dataclass
from typing import Literal

Reason = Literal["retention", "epoch", "ahead"]


@dataclass(frozen=True, slots=True)
class Cursor:
    """The seq of the newest message that a client took, 0 for none, and the epoch it is of.

    ``epoch`` is None only where ``seq`` is 0.
    """

    seq: int
    epoch: str | None


@dataclass(frozen=True, slots=True)
class Gap:
    """The messages ``from_seq`` to ``to_seq`` cannot be had; none, where that is below."""

    from_seq: int
    to_seq: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Start:
    """A connection is sent everything after ``last_seq``, and told of the gap before it.

    ``recovered``: everything after its cursor follows.
    """

    last_seq: int
    recovered: bool = False
    gap: Gap | None = None


def start_of(cursor: Cursor | None, *, epoch: str, floor: int, head: int) -> Start:
    """Return where to begin in a room that has ``floor`` to ``head``, for one of its members.

    Without a cursor nothing is replayed. ``floor`` is the member's own, ``head`` + 1 if they may
    read nothing.
    """
    if cursor is None:
        return Start(head)
    if cursor.epoch is not None and cursor.epoch != epoch:
        return Start(floor - 1, gap=Gap(floor, head, "epoch"))
    if cursor.seq > head:
        return Start(head, gap=Gap(head + 1, cursor.seq, "ahead"))
    if cursor.seq < floor - 1:
        return Start(floor - 1, gap=Gap(cursor.seq + 1, floor - 1, "retention"))
    return Start(cursor.seq, recovered=True)


def forgotten(last_seq: int, floor: int) -> Gap | None:
    """Return the gap between what a reader has and the oldest message that is still kept."""
    if floor <= last_seq + 1:
        return None
    return Gap(last_seq + 1, floor - 1, "retention")
