"""Bugs in how the relay delivers: who is given what, when, and what is said of it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import relay.delivery
import relay.doorway
from relay import hangups
from relay.connection import Connection
from relay.delivery import CATCH_UP_BYTES, CATCH_UP_PAGE, Delivery
from relay.doorway import Doorway
from relay.frames import Refused
from relay.hangups import Refusal
from relay.outgoing import ack_frame, error_frame, head_frame, message_frame
from relay.resume import Cursor, Gap, Start, forgotten, start_of
from relay.rooms import Listener, LiveRoom
from relay.server import Relay
from relay.session import refused_by_store
from relay.wire import text_frame
from services.errors import IloError, StorageFull, StoreUnavailable
from services.model import Receipt, UserId
from services.timestamps import to_rfc3339
from tests.simulation.bug import Bug, bug

_deliver = Delivery._flush
_stored = Delivery._stored
_feed = LiveRoom.feed
_missed = LiveRoom.missed
_room_stored = LiveRoom.stored
_tell_others = LiveRoom.tell_others
_text = Connection._text
_judge = Doorway._judge


def _ack_before_store(self: Delivery) -> None:
    ahead: dict[bytes, int] = {}
    for draft in self._drafts:
        room = self._rooms.get(draft.room_id)
        connection, id_ascii = draft.origin
        if room is not None and not connection.closing:
            ahead[draft.room_id] = ahead.get(draft.room_id, room.delivered) + 1
            stamp = to_rfc3339(draft.sent_at).encode()
            connection.tell(ack_frame(id_ascii, ahead[draft.room_id], stamp))
    _deliver(self)


def _refused_for_certain(error: IloError, id_text: str) -> Refused:
    if isinstance(error, StoreUnavailable):
        error = StorageFull()
    return refused_by_store(error, id_text)


def _drop_while_paused(self: LiveRoom, listener: Listener) -> None:
    if listener.last_seq < self.delivered:
        listener.last_seq = self.delivered
    _feed(self, listener)


def _live_before_replay(self: LiveRoom, listener: Listener) -> None:
    if listener.last_seq < self.delivered:
        listener.catch_up()
        self._live[listener] = None
        self._writes = None
    else:
        _feed(self, listener)


async def _live_after_the_last_page(self: Delivery, connection: Connection) -> None:
    room = connection.room
    try:
        while room is not None and connection.can_be_fed():
            page = await self._store.messages_after(
                room.room_id, connection.last_seq, CATCH_UP_PAGE, CATCH_UP_BYTES
            )
            if not connection.can_be_fed() or not page:
                break
            connection.last_seq = page[-1].seq
            connection.write(
                b"".join(text_frame(relay.delivery._logged(room, one)) for one in page)
            )
            if len(page) < CATCH_UP_PAGE:
                break
    except IloError:
        connection.hang_up(hangups.TRY_AGAIN_LATER)
    self._catching_up.discard(connection)
    if room is not None and connection.can_be_fed():
        connection.last_seq = max(connection.last_seq, room.delivered)
        room.feed(connection)


def _keeps_queue_after_close(
    self: Delivery, connection: Connection, id_ascii: bytes, error: IloError
) -> None:
    if not connection.closing:
        refused = refused_by_store(error, id_ascii.decode())
        connection.tell(error_frame(refused))
        if refused.code == "unavailable":
            connection.hang_up(hangups.TRY_AGAIN_LATER)


def _error_instead_of_close(
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
    _deliver(self)


def _misses_the_end(self: Connection, raw: bytes) -> None:
    if len(raw) % 16:
        _text(self, raw)


class _FirstSender:
    """Remembers who spoke first of eight, and gives everything that name."""

    def __init__(self) -> None:
        self._name = b""

    def __call__(
        self, id_ascii: bytes, seq: int, room: bytes, sender: bytes, sent_at: bytes, text: str
    ) -> bytes:
        if seq % 8 == 1:
            self._name = sender
        return message_frame(id_ascii, seq, room, self._name or sender, sent_at, text)


def _retries_get_a_new_time(self: Delivery, outcomes: Sequence[Any]) -> None:
    _stored(
        self,
        [
            (draft, Receipt(one.seq, draft.sent_at, one.new) if isinstance(one, Receipt) else one)
            for draft, one in outcomes
        ],
    )


# -- resume


def _one_too_early(cursor: Cursor | None, *, epoch: str, floor: int, head: int) -> Start:
    """At the end of every eight messages."""
    start = start_of(cursor, epoch=epoch, floor=floor, head=head)
    if start.recovered and start.last_seq >= max(floor, 8) and start.last_seq % 8 == 0:
        return replace(start, last_seq=start.last_seq - 1)
    return start


def _epoch_is_not_looked_at(cursor: Cursor | None, *, epoch: str, floor: int, head: int) -> Start:
    if cursor is not None and cursor.epoch is not None:
        cursor = Cursor(cursor.seq, epoch)
    return start_of(cursor, epoch=epoch, floor=floor, head=head)


def _gap_not_told(cursor: Cursor | None, *, epoch: str, floor: int, head: int) -> Start:
    start = start_of(cursor, epoch=epoch, floor=floor, head=head)
    return replace(start, gap=None)


def _always_recovered(cursor: Cursor | None, *, epoch: str, floor: int, head: int) -> Start:
    start = start_of(cursor, epoch=epoch, floor=floor, head=head)
    return replace(start, recovered=cursor is not None)


def _zero_is_no_cursor(cursor: Cursor | None, *, epoch: str, floor: int, head: int) -> Start:
    if cursor is not None and cursor.seq == 0:
        return Start(head, recovered=True)
    return start_of(cursor, epoch=epoch, floor=floor, head=head)


async def _ahead_from_memory(self: Doorway, wish: Any) -> Any:
    return await _from_memory(self, wish, with_cursor=True)


async def _join_from_memory(self: Doorway, wish: Any) -> Any:
    return await _from_memory(self, wish, with_cursor=False)


async def _from_memory(self: Doorway, wish: Any, *, with_cursor: bool) -> Any:
    """Take for the head what this node has delivered."""
    outcome = await _judge(self, wish)
    if isinstance(outcome, Refusal) or (wish.cursor is not None) != with_cursor:
        return outcome
    session, room, entry = outcome
    return session, room, replace(entry, room=replace(entry.room, head=room.delivered))


# -- gaps of slow readers, history, signals, heads


def _one_too_many(last_seq: int, floor: int) -> Gap | None:
    gap = forgotten(last_seq, floor)
    return None if gap is None else Gap(gap.from_seq, gap.to_seq + 1, gap.reason)


async def _skips_in_silence(self: Delivery, connection: Connection, room: LiveRoom) -> None:
    stored = await self._store.room(room.room_id)
    if stored is not None:
        connection.last_seq = max(connection.last_seq, stored.floor - 1)


def _history_without_end(id_text: str, messages: Sequence[bytes], *, more: bool) -> bytes:
    return relay.outgoing.history_frame(id_text, messages, more=True)


def _history_newest_first(id_text: str, messages: Sequence[bytes], *, more: bool) -> bytes:
    return relay.outgoing.history_frame(id_text, messages[::-1], more=more)


def _also_to_oneself(self: LiveRoom, user: UserId | None, payload: bytes) -> None:
    _tell_others(self, None, payload)


def _head_of_tomorrow(self: Relay, connection: Connection) -> None:
    connection.tell(head_frame(cast("LiveRoom", connection.room).delivered + 1))


def _nothing(self: LiveRoom, seq: int) -> None:
    return


def _sees_holes(self: LiveRoom, seq: int, frame: bytes) -> bool:
    """Notice what was missed when the next message comes, and not before."""
    if seq > self.delivered + len(self.pending) + 1:
        _missed(self, seq - 1)
    return _room_stored(self, seq, frame)


BUGS: dict[str, Bug] = {
    "ack_before_store": bug(10, (Delivery, "_flush", _ack_before_store)),
    "unknown_outcome_treated_as_failure": bug(
        200, (relay.delivery, "refused_by_store", _refused_for_certain)
    ),
    "error_instead_of_close": bug(150, (Delivery, "_not_stored", _error_instead_of_close)),
    "keeps_queue_after_close": bug(
        50, (Delivery, "_not_stored", _keeps_queue_after_close), start=200
    ),
    "drop_while_paused": bug(20, (LiveRoom, "feed", _drop_while_paused)),
    "live_before_replay": bug(150, (LiveRoom, "feed", _live_before_replay)),
    "lost_wakeup_on_resume": bug(200, (Delivery, "_catch_up", _live_after_the_last_page)),
    "counted_after_the_write": bug(20, (LiveRoom, "_give", _counted_after_the_write)),
    "holes_are_not_seen": bug(150, (LiveRoom, "stored", _holes_are_not_seen)),
    "repeats_are_delivered": bug(150, (LiveRoom, "stored", _repeats_are_delivered)),
    "unknown_is_not_heard": bug(
        200, (LiveRoom, "missed", _nothing), (LiveRoom, "stored", _sees_holes)
    ),
    "echo_missing": bug(10, (LiveRoom, "_give", _echo_missing)),
    "newest_first": bug(10, (Delivery, "_flush", _newest_first)),
    "frames_are_missed": bug(10, (Connection, "_text", _misses_the_end)),
    "first_sender": bug(10, (relay.delivery, "message_frame", _FirstSender())),
    "retries_get_a_new_time": bug(150, (Delivery, "_stored", _retries_get_a_new_time)),
    "resume_off_by_one": bug(150, (relay.doorway, "start_of", _one_too_early)),
    "epoch_is_not_looked_at": bug(150, (relay.doorway, "start_of", _epoch_is_not_looked_at)),
    "gap_not_told": bug(150, (relay.doorway, "start_of", _gap_not_told)),
    "always_recovered": bug(150, (relay.doorway, "start_of", _always_recovered)),
    "zero_is_no_cursor": bug(150, (relay.doorway, "start_of", _zero_is_no_cursor)),
    "ahead_from_memory": bug(200, (Doorway, "_judge", _ahead_from_memory)),
    "join_from_memory": bug(200, (Doorway, "_judge", _join_from_memory)),
    "gap_names_one_too_many": bug(200, (relay.delivery, "forgotten", _one_too_many)),
    "slow_reader_skips_in_silence": bug(200, (Delivery, "_skip_forgotten", _skips_in_silence)),
    "history_without_end": bug(150, (relay.delivery, "history_frame", _history_without_end)),
    "history_newest_first": bug(150, (relay.delivery, "history_frame", _history_newest_first)),
    "signals_to_oneself": bug(150, (LiveRoom, "tell_others", _also_to_oneself)),
    "head_of_tomorrow": bug(20, (Relay, "tell_head", _head_of_tomorrow)),
}
