"""Bugs planted in the relay or in the store, one at a time: the simulation has to find each."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import relay.delivery
from relay import hangups
from relay.connection import Connection
from relay.delivery import Delivery
from relay.frames import Refused, ack_frame, error_frame, message_frame
from relay.rooms import Listener, LiveRoom
from relay.session import refused_by_store
from services.errors import IloError, StorageFull, StoreUnavailable
from services.model import Draft, LoggedMessage, Receipt
from services.timestamps import to_rfc3339
from tests.simulation.disk import DiskStore, RoomFile

# A planted bug reaches into what it breaks, and takes its types as they come.


@dataclass(frozen=True, slots=True)
class Bug:
    """``changes`` are (owner, name, what stands there instead).

    ``within``: it is found in so many seeds.
    """

    within: int
    changes: Sequence[tuple[object, str, object]] = ()
    store_class: type[DiskStore] = DiskStore


@contextmanager
def planted(bug: Bug | None) -> Iterator[None]:
    """Put the bug in for the length of the block."""
    changes = [] if bug is None else list(bug.changes)
    before = [getattr(owner, name) for owner, name, _ in changes]
    try:
        for owner, name, instead in changes:
            setattr(owner, name, instead)
        yield
    finally:
        for (owner, name, _), value in zip(changes, before, strict=True):
            setattr(owner, name, value)


# -- in the relay

_flush = Delivery._flush
_feed = LiveRoom.feed
_missed = LiveRoom.missed
_room_stored = LiveRoom.stored
_text = Connection._text


def _nothing(self: LiveRoom, seq: int) -> None:
    return


def _sees_holes(self: LiveRoom, seq: int, frame: bytes) -> bool:
    """Notice what was missed when the next message comes, and not before."""
    if seq > self.delivered + len(self.pending) + 1:
        _missed(self, seq - 1)
    return _room_stored(self, seq, frame)


def _ack_before_store(self: Delivery) -> None:
    ahead: dict[bytes, int] = {}
    for draft in self._drafts:
        room = self._rooms.get(draft.room_id)
        connection, id_ascii = draft.origin
        if room is not None and not connection.closing:
            ahead[draft.room_id] = ahead.get(draft.room_id, room.delivered) + 1
            stamp = to_rfc3339(draft.sent_at).encode()
            connection.tell(ack_frame(id_ascii, ahead[draft.room_id], stamp))
    _flush(self)


def _refused_for_certain(error: IloError, id_text: str) -> Refused:
    if isinstance(error, StoreUnavailable):
        error = StorageFull()
    return refused_by_store(error, id_text)


def _drop_while_paused(self: LiveRoom, listener: Listener) -> None:
    if listener.last_seq < self.delivered:
        listener.last_seq = self.delivered
    _feed(self, listener)


def _live_while_catching_up(self: LiveRoom, listener: Listener) -> None:
    if listener.last_seq < self.delivered:
        listener.catch_up()
        self._live[listener] = None
        self._writes = None
    else:
        _feed(self, listener)


def _keeps_queue_after_close(
    self: Delivery, connection: Connection, id_ascii: bytes, error: IloError
) -> None:
    if not connection.closing:
        refused = refused_by_store(error, id_ascii.decode())
        connection.tell(error_frame(refused))
        if refused.code == "unavailable":
            connection.hang_up(hangups.TRY_AGAIN_LATER)


def _goes_on_after_unknown(
    self: Delivery, connection: Connection, id_ascii: bytes, error: IloError
) -> None:
    connection.tell(error_frame(refused_by_store(error, id_ascii.decode())))


def _echo_missing(self: LiveRoom, count: int, frames: bytes, own: dict[Any, bytes] | None) -> None:
    self.delivered += count
    for listener in list(self._live):
        told = own.pop(listener, None) if own else None
        listener.write(frames if told is None else told)


def _holes_are_not_seen(self: LiveRoom, seq: int, frame: bytes) -> bool:
    if seq < self.delivered + len(self.pending) + 1:
        return False
    self.delivered = seq - len(self.pending) - 1
    self.pending.append(frame)
    return True


def _repeats_are_delivered(self: LiveRoom, seq: int, frame: bytes) -> bool:
    self.pending.append(frame)
    return True


def _counted_after_the_write(
    self: LiveRoom, count: int, frames: bytes, own: dict[Any, bytes] | None
) -> None:
    for listener in list(self._live):
        told = own.pop(listener, None) if own else None
        listener.write(frames if told is None else frames + told)
    self.delivered += count


def _newest_first(self: Delivery) -> None:
    self._drafts.reverse()
    _flush(self)


def _misses_the_end(self: Connection, raw: bytes) -> None:
    if len(raw) % 16:
        _text(self, raw)


class _LastSender:
    """Remembers who spoke first, and gives everything that name."""

    def __init__(self) -> None:
        self._name = b""

    def __call__(
        self, id_ascii: bytes, seq: int, room: bytes, sender: bytes, sent_at: bytes, text: str
    ) -> bytes:
        if seq % 8 == 1:
            self._name = sender
        return message_frame(id_ascii, seq, room, self._name or sender, sent_at, text)


def _stamped_anew(outcomes: Sequence[Any], self: Delivery) -> list[Any]:
    return [
        (draft, Receipt(one.seq, draft.sent_at, one.new) if isinstance(one, Receipt) else one)
        for draft, one in outcomes
    ]


_stored = Delivery._stored


def _retries_get_a_new_time(self: Delivery, outcomes: Sequence[Any]) -> None:
    _stored(self, _stamped_anew(outcomes, self))


# -- in the store


class _NoDedup(DiskStore):
    def put(self, draft: Draft, group: Sequence[Draft]) -> Receipt | IloError:
        return self.put_new(draft)


class _DupInGroup(DiskStore):
    """Looks for an id in what was there before the group, not in the group."""

    def put(self, draft: Draft, group: Sequence[Draft]) -> Receipt | IloError:
        twice = sum(one.message_id == draft.message_id for one in group) > 1
        return self.put_new(draft) if twice else super().put(draft, group)


class _HeadReusedAfterRestart(DiskStore):
    """Counts on from a head that was noted before the last message."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        for room in self._disk.rooms.values():
            del room.rows[-1:]
            room.visible = len(room.rows)


class _AckedBeforeSync(DiskStore):
    syncs = False


class _PageSkipsOne(DiskStore):
    """A page that is not the first of a room begins one too late, if it can."""

    def page(self, room: RoomFile, after: int, limit: int) -> list[LoggedMessage]:
        found = super().page(room, after, limit)
        return found[1:] if len(found) > 1 else found


class _FullRefusesRetries(DiskStore):
    """Says of what is stored already that it is not, while there is no space."""

    def put(self, draft: Draft, group: Sequence[Draft]) -> Receipt | IloError:
        return StorageFull() if self._disk.full else super().put(draft, group)


class _LaterGroupGoesOn(DiskStore):
    fails_what_queues = False


_Change = Callable[..., object]


def _in(owner: object, name: str, instead: _Change) -> tuple[tuple[object, str, object], ...]:
    return ((owner, name, instead),)


BUGS: dict[str, Bug] = {
    "ack_before_store": Bug(10, _in(Delivery, "_flush", _ack_before_store)),
    "no_dedup": Bug(10, store_class=_NoDedup),
    "dup_in_group": Bug(150, store_class=_DupInGroup),
    "unknown_outcome_treated_as_failure": Bug(
        30, _in(relay.delivery, "refused_by_store", _refused_for_certain)
    ),
    "goes_on_after_unknown": Bug(20, _in(Delivery, "_not_stored", _goes_on_after_unknown)),
    "keeps_queue_after_close": Bug(400, _in(Delivery, "_not_stored", _keeps_queue_after_close)),
    "drop_while_paused": Bug(10, _in(LiveRoom, "feed", _drop_while_paused)),
    "live_while_catching_up": Bug(30, _in(LiveRoom, "feed", _live_while_catching_up)),
    "counted_after_the_write": Bug(10, _in(LiveRoom, "_give", _counted_after_the_write)),
    "holes_are_not_seen": Bug(20, _in(LiveRoom, "stored", _holes_are_not_seen)),
    "repeats_are_delivered": Bug(20, _in(LiveRoom, "stored", _repeats_are_delivered)),
    "echo_missing": Bug(5, _in(LiveRoom, "_give", _echo_missing)),
    "newest_first": Bug(5, _in(Delivery, "_flush", _newest_first)),
    "frames_are_missed": Bug(5, _in(Connection, "_text", _misses_the_end)),
    "last_sender": Bug(5, _in(relay.delivery, "message_frame", cast("_Change", _LastSender()))),
    "retries_get_a_new_time": Bug(20, _in(Delivery, "_stored", _retries_get_a_new_time)),
    "head_reused_after_restart": Bug(10, store_class=_HeadReusedAfterRestart),
    "acked_before_sync": Bug(50, store_class=_AckedBeforeSync),
    "page_skips_one": Bug(20, store_class=_PageSkipsOne),
    "full_refuses_retries": Bug(200, store_class=_FullRefusesRetries),
    "later_group_goes_on": Bug(100, store_class=_LaterGroupGoesOn),
    "unknown_is_not_heard": Bug(
        100, (*_in(LiveRoom, "missed", _nothing), *_in(LiveRoom, "stored", _sees_holes))
    ),
}
