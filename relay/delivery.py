"""From what one member says to what everybody hears: kept first, then acknowledged and delivered.

What is said in one turn of the event loop goes to the store as one group. Nothing is sent to
anyone, and nothing acknowledged, before the store has it.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final, cast
from uuid import UUID

import orjson

from relay import hangups
from relay.connection import Connection
from relay.frames import Say
from relay.outgoing import ack_frame, error_frame, gap_frame, history_frame, message_frame
from relay.resume import forgotten
from relay.rooms import LiveRoom, Rooms
from relay.session import refused_by_store
from relay.tasks import Tasks
from relay.wire import text_frame
from services.errors import IloError
from services.messages import Messages
from services.model import Draft, Instant, LoggedMessage, Receipt
from services.ports import Appended, Clock, RoomStore
from services.timestamps import to_rfc3339

log = logging.getLogger("relay.delivery")

CATCH_UP_PAGE: Final = 200
CATCH_UP_BYTES: Final = 256 * 1024
HISTORY_BYTES: Final = 512 * 1024 - 256
"""Of messages in a ``history`` frame, which with all else has at most 512 KiB."""


class Delivery:
    """The way of the messages of one node."""

    def __init__(
        self,
        store: RoomStore,
        rooms: Rooms,
        tasks: Tasks,
        clock: Clock,
        call_soon: Callable[..., Any],
        now_s: Callable[[], float],
    ) -> None:
        self._store = store
        self._messages = Messages(store, clock)
        self._rooms = rooms
        self._tasks = tasks
        self._call_soon = call_soon
        self._now_s = now_s
        self._drafts: list[Draft] = []
        self._unstored = 0
        self._turn_at = Instant(0)
        self._stamp: tuple[Instant, bytes] = (Instant(0), b"")
        self._when_idle: Callable[[], None] | None = None
        self._catching_up: set[Connection] = set()

    @property
    def is_idle(self) -> bool:
        """Tell whether everything that was said has its outcome."""
        return not self._drafts and not self._unstored

    def tell_when_idle(self, told: Callable[[], None]) -> None:
        """Call ``told`` each time that the last outcome has come."""
        self._when_idle = told

    def say(self, connection: Connection, room: LiveRoom, said: Say) -> None:
        """Keep what was said; the group of this turn of the loop goes to the store together."""
        if not self._drafts:
            self._call_soon(self._flush)
            self._turn_at = self._messages.now()
        self._drafts.append(
            self._messages.draft(
                room.room_id,
                connection.user_id,
                self._turn_at,
                said.id,
                said.after,
                said.text,
                connection,
            )
        )

    def _flush(self) -> None:
        drafts, self._drafts = self._drafts, []
        if not drafts:
            return
        self._unstored += len(drafts)
        self._messages.append(drafts, self._stored)

    def _stored(self, outcomes: Sequence[Appended]) -> None:
        """Acknowledge and deliver what the store has; refuse what it has not."""
        self._unstored -= len(outcomes)
        fed: dict[LiveRoom, None] = {}
        acks: dict[Connection, bytes] = {}
        senders: dict[Connection, None] = {}
        for draft, outcome in outcomes:
            connection: Connection
            id_ascii: bytes
            connection, id_ascii = draft.origin
            connection.unacked -= 1
            senders[connection] = None
            if not isinstance(outcome, Receipt):
                self._not_stored(connection, id_ascii, outcome)
                continue
            seq, sent_at, new = outcome
            if sent_at != self._stamp[0]:
                self._stamp = (sent_at, to_rfc3339(sent_at).encode())
            stamp = self._stamp[1]
            room = self._rooms.get(draft.room_id)
            if room is not None and new:
                frame = message_frame(
                    id_ascii, seq, room.name_json, connection.sender_json, stamp, draft.text
                )
                if room.stored(seq, text_frame(frame)):
                    fed[room] = None
            elif room is not None:
                # The outcome of its first sending may have been unknown: now it is known.
                room.missed(seq)
            ack = text_frame(ack_frame(id_ascii, seq, stamp))
            acks[connection] = acks[connection] + ack if connection in acks else ack
        now = self._now_s()
        for room in fed:
            room.fed_at = now
            room.deliver(acks)
        for connection, frames in acks.items():
            connection.tell_raw(frames, now)
        for connection in senders:
            connection.may_go_on()
        if self._when_idle is not None and self.is_idle:
            self._when_idle()

    def _not_stored(self, connection: Connection, id_ascii: bytes, error: IloError) -> None:
        if connection.closing:
            return
        refused = refused_by_store(error, id_ascii.decode())
        connection.tell(error_frame(refused))
        if refused.code == "unavailable":
            # Whether it is stored is unknown: what comes after must not get before it.
            self._drafts = [draft for draft in self._drafts if draft.origin[0] is not connection]
            connection.hang_up(hangups.TRY_AGAIN_LATER)

    # -- listeners that are behind

    def catch_up(self, connection: Connection) -> None:
        """Feed the connection from the store until it is live, or full again."""
        if connection not in self._catching_up and connection.can_be_fed():
            self._catching_up.add(connection)
            self._tasks.start(self._catch_up(connection))

    async def _catch_up(self, connection: Connection) -> None:
        try:
            while connection.can_be_fed():
                room = cast("LiveRoom", connection.room)
                if connection.last_seq >= room.delivered:
                    break
                page = await self._store.messages_after(
                    room.room_id, connection.last_seq, CATCH_UP_PAGE, CATCH_UP_BYTES
                )
                if not connection.can_be_fed():
                    return
                if not page or page[0].seq > connection.last_seq + 1:
                    await self._skip_forgotten(connection, room)
                    continue
                # What the store has and this node has not delivered yet comes by the room.
                due = [message for message in page if message.seq <= room.delivered]
                connection.last_seq = due[-1].seq
                connection.write(b"".join(text_frame(_logged(room, one)) for one in due))
        except IloError:
            connection.hang_up(hangups.TRY_AGAIN_LATER)
        finally:
            self._catching_up.discard(connection)
        if connection.can_be_fed():
            cast("LiveRoom", connection.room).feed(connection)

    async def _skip_forgotten(self, connection: Connection, room: LiveRoom) -> None:
        """Tell a reader, who was slower than the room forgets, where it goes on."""
        stored = await self._store.room(room.room_id)
        if not connection.can_be_fed():
            return
        if stored is None:
            connection.hang_up(hangups.ROOM_DELETED)
            return
        gap = forgotten(connection.last_seq, max(stored.floor, connection.first_seq))
        if gap is None:
            log.error("a message is missing in the store", extra={"room": room.name})
            connection.hang_up(hangups.INTERNAL)
            return
        connection.last_seq = gap.to_seq
        connection.tell(gap_frame(gap))

    # -- older messages

    def look_back(self, connection: Connection) -> None:
        """Answer what the connection has asked for; later, when it takes nothing now."""
        if connection.can_be_fed():
            self._tasks.start(self._look_back(connection))

    async def _look_back(self, connection: Connection) -> None:
        asked, room = connection.asked, connection.room
        if asked is None or room is None:
            return
        try:
            stored = await self._store.room(room.room_id)
            floor = connection.first_seq if stored is None else stored.floor
            floor = max(floor, connection.first_seq)
            page = await self._store.messages_before(
                room.room_id, asked.before, floor, asked.limit, HISTORY_BYTES
            )
        except IloError as error:
            connection.tell(error_frame(refused_by_store(error, asked.id)))
            connection.hang_up(hangups.TRY_AGAIN_LATER)
            return
        if connection.asked is not asked or not connection.can_be_fed():
            return
        messages = _newest_that_fit([_logged(room, message) for message in page])
        more = bool(messages) and page[-len(messages)].seq > floor
        connection.tell(history_frame(asked.id, messages, more=more))
        connection.looked_back()


def _newest_that_fit(messages: Sequence[bytes]) -> Sequence[bytes]:
    size = 0
    for count, message in enumerate(reversed(messages)):
        size += len(message) + 1
        if count and size > HISTORY_BYTES:
            return messages[-count:]
    return messages


def _logged(room: LiveRoom, message: LoggedMessage) -> bytes:
    """Return the ``message`` frame's JSON of what is in the store."""
    return message_frame(
        str(UUID(bytes=message.message_id)).encode(),
        message.seq,
        room.name_json,
        orjson.dumps(message.sender),
        to_rfc3339(message.sent_at).encode(),
        message.text,
    )
