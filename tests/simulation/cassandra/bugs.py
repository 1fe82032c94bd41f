"""Bugs in how messages get into the log, each of which some seeds find."""

from collections.abc import Iterable, Sequence
from typing import Any

from services.errors import IloError, StorageFull, StoreUnavailable
from services.model import Draft, Receipt, RoomId
from store.cassandra import drafts as the_drafts
from store.cassandra.appender import Appender, _Asked, _Room
from store.cassandra.buckets import bucket_of
from store.cassandra.drafts import Drafts
from store.cassandra.log import Answer, Conflict, Group, Mark, Marker, Unknown, Written
from tests.simulation.bug import Bug, bug

_tell = Appender._tell
_run = Appender._run
_outcomes = Drafts.outcomes

Told = list[tuple[_Asked, Receipt | IloError]]


async def _ack_unknown(self: Appender, group: Group, until: float) -> Answer:
    """What has no answer will be stored."""
    answer = await self._table.write(group)
    return Written() if isinstance(answer, Unknown) else answer


async def _count_anew(self: Appender, group: Group, until: float) -> Answer:
    """What has no answer is written again behind the head, wherever that is by now."""
    answer = await self._table.write(group)
    return Conflict(None, {}) if isinstance(answer, Unknown) else answer


def _never_ours(self: Group, markers: dict[Mark, Marker]) -> bool:
    return False


def _always_ours(self: Group, markers: dict[Mark, Marker]) -> bool:
    return True


async def _begin_at_once(self: Appender, room_id: RoomId, room: _Room, head: int) -> bool:
    return True


async def _look_at_nothing(
    self: Appender, room_id: RoomId, room: _Room, drafts: Drafts, below: int
) -> None:
    """Look for an id in the current bucket only."""


def _refuse_these(self: Appender, room: _Room, told: Told) -> None:
    """What waits behind a refused message is written."""
    self._tell(told)


def _tell_backwards(self: Appender, told: Iterable[Any], untold: Any = None) -> None:
    _tell(self, reversed(list(told)), untold)


def _not_stored(self: Drafts) -> Any:
    """What has no outcome is told as not stored."""
    return (StorageFull() if isinstance(o, StoreUnavailable) else o for o in _outcomes(self))


def _append_side_by_side(self: Appender, drafts: Sequence[Draft], done: Any) -> None:
    """Two groups of one room are written at the same time."""
    for draft in drafts:
        room = self._rooms.setdefault(draft.room_id, _Room())
        room.queue.append((draft, done))
        room.task = self._loop.create_task(_run(self, draft.room_id, room))


def _always_new(self: Drafts) -> Any:
    return (o._replace(new=True) if isinstance(o, Receipt) else o for o in _outcomes(self))


def _first_of_nothing(after: int | None, head: int, last: int) -> int:
    """Who does not say what it had seen is looked for in no full bucket."""
    return last + 1 if after is None or after > head else bucket_of(after + 1)


BUGS: dict[str, Bug] = {
    "an unknown outcome is acknowledged": bug(10, (Appender, "_write", _ack_unknown)),
    "what is unknown is counted anew": bug(25, (Appender, "_write", _count_anew)),
    "whatever is in the way is one's own": bug(30, (Group, "is_among", _always_ours)),
    "what was found to be one's own is not new": bug(25, (Group, "is_among", _never_ours)),
    "a bucket is begun without asking": bug(
        80, (Appender, "_may_begin", _begin_at_once), start=200_000
    ),
    "ids are looked for in the current bucket": bug(10, (Appender, "_look_back", _look_at_nothing)),
    "no previous bucket without after": bug(40, (the_drafts, "_first_bucket", _first_of_nothing)),
    "a refusal lets later drafts pass": bug(20, (Appender, "_refuse", _refuse_these)),
    "outcomes are told backwards": bug(5, (Appender, "_tell", _tell_backwards)),
    "what is unknown is told as not stored": bug(5, (Drafts, "outcomes", _not_stored)),
    "two groups of a room at once": bug(5, (Appender, "append", _append_side_by_side)),
    "what was there before is new": bug(8, (Drafts, "outcomes", _always_new)),
}
