"""The relay: listens, admits, keeps what is said, tells everybody in the room, and drains.

What is said in one turn of the event loop goes to the store as one group. Nothing is sent to
anyone, and nothing acknowledged, before the store has it.
"""

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast
from uuid import UUID, uuid4

import orjson
from websockets.http11 import Request
from websockets.server import ServerProtocol

from relay import hangups
from relay.admission import ROOMS_PATH, Wish, read_wish
from relay.answers import http_answer, problem_answer
from relay.connection import CATCH_UP_BYTES, CATCH_UP_PAGE, Connection
from relay.frames import (
    FrameReader,
    Say,
    ack_frame,
    error_frame,
    head_frame,
    message_frame,
    welcome_frame,
)
from relay.hangups import Refusal
from relay.introspect import ApiUnavailable, Gatekeeper
from relay.rooms import LiveRoom, Rooms
from relay.session import Pace, Session, refused_by_store
from relay.wire import text_frame
from services.errors import IloError
from services.limits import Limits
from services.messages import Messages
from services.model import Draft, Instant, LoggedMessage, Receipt, UserId
from services.ports import Appended, Clock, RoomStore
from services.timestamps import to_rfc3339

log = logging.getLogger("relay.server")
audit = logging.getLogger("potion")

SWEEP_S: Final = 1.0
PING_S: Final = 20.0
HEAD_S: Final = 20.0
MAX_HANDSHAKES: Final = 1024
"""How many handshakes may be in flight; one more is refused with 503."""
OPEN_ROOM_TIMEOUT_S: Final = 1.5
"""With the time to ask the API, an answer to every handshake within 5 s."""
DRAIN_S: Final = 5.0
BACKLOG: Final = 4096
KERNEL_UNSENT_BYTES: Final = 128 * 1024
"""How much the kernel takes for a client before the network does. Without a bound it takes some
MiB, and a slow client's progress shows only when a third of that has gone out."""


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """``allowed_origins`` are compared letter by letter with the header ``Origin``."""

    limits: Limits = field(default_factory=Limits)
    allowed_origins: frozenset[str] = frozenset()


class Relay:
    """One node's WebSocket door."""

    def __init__(
        self,
        contract: Mapping[str, Any],
        settings: RelaySettings,
        store: RoomStore,
        gatekeeper: Gatekeeper,
        clock: Clock,
        readiness: Callable[[], Awaitable[list[str]]],
    ) -> None:
        """``contract`` is asyncapi.yaml as loaded; ``readiness`` lists what is missing."""
        self.limits = settings.limits
        self.reader = FrameReader(contract, settings.limits)
        self.pace = Pace(settings.limits)
        self.now_s: Callable[[], float] = time.monotonic
        self._origins = settings.allowed_origins
        self._store = store
        self._messages = Messages(store, clock)
        self._gatekeeper = gatekeeper
        self._clock = clock
        self._readiness = readiness
        self._rooms = Rooms()
        self._connections: dict[Connection, None] = {}
        self._per_user: dict[UserId, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._catching_up: set[Connection] = set()
        self._handshakes = 0
        self._drafts: list[Draft] = []
        self._unstored = 0
        self._turn_at = Instant(0)
        self._stamp: tuple[Instant, bytes] = (Instant(0), b"")
        self._draining = False
        self._changed = asyncio.Event()
        self._servers: list[asyncio.Server] = []
        self._sweeper: asyncio.Task[None] | None = None

    # -- begin and end

    async def start(
        self, sockets: Sequence[socket.socket], tls: ssl.SSLContext | None = None
    ) -> None:
        """Accept connections on the bound ``sockets``."""
        loop = asyncio.get_running_loop()
        self.now_s = loop.time
        self.call_soon = loop.call_soon
        for sock in sockets:
            if hasattr(socket, "TCP_NOTSENT_LOWAT"):
                # Accepted sockets inherit it.
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, KERNEL_UNSENT_BYTES)
            self._servers.append(
                await loop.create_server(
                    lambda: Connection(self), sock=sock, ssl=tls, backlog=BACKLOG
                )
            )
        self._sweeper = loop.create_task(self._sweep())

    async def drain(self) -> None:
        """Refuse the new, store what was said, say goodbye to all; at most ``DRAIN_S`` or so."""
        self._draining = True
        for server in self._servers:
            server.close()
        # Else those who go on talking would keep us until the deadline, and get no goodbye.
        for connection in list(self._connections):
            connection.stop_listening()
        deadline = self.now_s() + DRAIN_S
        await self._until(lambda: not self._drafts and not self._unstored, deadline)
        for connection in list(self._connections):
            connection.hang_up(hangups.GOING_AWAY)
        await self._until(lambda: not self._connections, deadline)
        for connection in list(self._connections):
            connection.transport.abort()
        if self._sweeper is not None:
            self._sweeper.cancel()
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _until(self, done: Callable[[], bool], deadline: float) -> None:
        """Wait while draining until ``done``, looked at after each change, or the deadline."""
        while not done():
            self._changed.clear()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._changed.wait()
            except TimeoutError:
                return

    # -- connections come and go

    def connected(self, connection: Connection) -> None:
        self._connections[connection] = None

    def lost(self, connection: Connection) -> None:
        self._connections.pop(connection, None)
        self.left(connection, 1006)
        self._changed.set()

    def left(self, connection: Connection, code: int) -> None:
        """The connection is out of its room; what it said before is still stored."""
        room, connection.room = connection.room, None
        session = connection.session
        if room is None or session is None:
            return
        room.leave(connection)
        self._rooms.left(room)
        self._one_less(session.user_id)
        audit.info(
            "connection closed",
            extra={"member": session.username, "session": session.session_id, "code": code},
        )

    def failed(self, connection: Connection, fault: Exception) -> None:
        """End a connection for a fault of ours."""
        log.error("a fault in the relay", exc_info=fault)
        connection.hang_up(hangups.INTERNAL)

    def _one_less(self, user: UserId) -> None:
        left = self._per_user[user] - 1
        if left:
            self._per_user[user] = left
        else:
            del self._per_user[user]

    # -- admission

    def asked(self, connection: Connection, ws: ServerProtocol, request: Request) -> None:
        """Somebody yet unknown asks for something: the answer comes from a task of its own."""
        path = request.path.partition("?")[0]
        if not path.startswith(ROOMS_PATH):
            self._spawn(self._answer_http(connection, request, path))
            return
        response = ws.accept(request)
        if response.status_code != 101:
            upgrade = response.status_code == hangups.NO_UPGRADE.status
            self.refuse(
                connection,
                hangups.NO_UPGRADE if upgrade else hangups.BAD_HANDSHAKE,
            )
            return
        wish = read_wish(request.path, request.headers, self._origins)
        if isinstance(wish, Refusal):
            self.refuse(connection, wish)
        elif self._draining or self._handshakes >= MAX_HANDSHAKES:
            self.refuse(connection, hangups.UNAVAILABLE)
        else:
            if wish.subprotocol is not None:
                response.headers["Sec-WebSocket-Protocol"] = wish.subprotocol
            ws.send_response(response)
            answer = b"".join(ws.data_to_send())
            self._handshakes += 1
            self._spawn(self._admit(connection, wish, answer))

    async def _admit(self, connection: Connection, wish: Wish, answer: bytes) -> None:
        try:
            outcome = await self._judge(wish)
        except Exception:
            # Whoever waits is told, whatever went wrong; the fault is logged with the task.
            self.refuse(connection, hangups.UNAVAILABLE)
            raise
        finally:
            self._handshakes -= 1
        if isinstance(outcome, Refusal):
            self.refuse(connection, outcome)
            return
        session, room, head = outcome
        if connection.closing or self._draining:
            self._rooms.left(room)
            self.refuse(connection, hangups.UNAVAILABLE)
            return
        welcome = welcome_frame(
            room=room.name,
            username=session.username,
            epoch=room.epoch,
            head=head,
            expires_at=session.expires_at,
            limits=self.limits,
        )
        self._per_user[session.user_id] = self._per_user.get(session.user_id, 0) + 1
        connection.last_seq = head
        connection.admitted(session, room, answer + text_frame(welcome))
        audit.info(
            "connection admitted",
            extra={
                "member": session.username,
                "session": session.session_id,
                "room": room.name,
                "source": connection.client_address(),
            },
        )

    async def _judge(self, wish: Wish) -> tuple[Session, LiveRoom, int] | Refusal:
        """Ask the API, then look at the room; nothing else happens between that and the entry."""
        try:
            admitted = await self._gatekeeper.ask(wish.secret, wish.kind)
        except ApiUnavailable as error:
            log.warning("cannot admit anybody", extra={"reason": error.reason})
            return hangups.UNAVAILABLE
        if admitted is None:
            return hangups.NOT_LOGGED_IN
        if wish.is_private:
            return hangups.NOT_A_MEMBER
        try:
            async with asyncio.timeout(OPEN_ROOM_TIMEOUT_S):
                stored = await self._store.open_room(wish.room, self._clock())
        except (IloError, TimeoutError) as error:
            log.warning("cannot open a room", extra={"reason": str(error) or "no answer in time"})
            return hangups.UNAVAILABLE
        room = self._rooms.opened(stored, str(UUID(bytes=stored.epoch)))
        here = room.connections_of(admitted.user_id)
        anywhere = self._per_user.get(admitted.user_id, 0)
        if (
            here >= self.limits.connections_per_user_and_room
            or anywhere >= self.limits.connections_per_user
        ):
            self._rooms.left(room)
            return hangups.TOO_MANY_CONNECTIONS
        session = Session(
            admitted.user_id, admitted.username, admitted.session_id, admitted.expires_at
        )
        return session, room, stored.head

    def refuse(self, connection: Connection, refusal: Refusal) -> None:
        """Answer a handshake with a problem (RFC 9457), and close."""
        request_id = uuid4()
        audit.info(
            "connection refused",
            extra={
                "reason": refusal.reason,
                "status": int(refusal.status),
                "source": connection.client_address(),
                "request": str(request_id),
            },
        )
        connection.refused(problem_answer(refusal, request_id))

    async def _answer_http(self, connection: Connection, request: Request, path: str) -> None:
        reasons = ["the relay is shutting down"] if self._draining else []
        if path == "/ready" and not reasons:
            reasons = await self._readiness()
        connection.refused(http_answer(request.method, path, reasons, uuid4()))

    # -- messages

    def say(self, connection: Connection, room: LiveRoom, said: Say) -> None:
        """Keep what was said; the group of this turn of the loop goes to the store together."""
        if not self._drafts:
            self.call_soon(self._flush)
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
            if new:
                room = self._rooms.get(draft.room_id)
                if room is not None:
                    frame = message_frame(
                        id_ascii, seq, room.name_json, connection.sender_json, stamp, draft.text
                    )
                    if room.stored(seq, text_frame(frame)):
                        fed[room] = None
            ack = text_frame(ack_frame(id_ascii, seq, stamp))
            acks[connection] = acks[connection] + ack if connection in acks else ack
        now = self.now_s()
        for room in fed:
            room.fed_at = now
            room.deliver(acks)
        for connection, frames in acks.items():
            connection.tell_raw(frames, now)
        for connection in senders:
            connection.may_go_on()
        if self._draining:
            self._changed.set()

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
        if connection not in self._catching_up and connection.can_be_fed:
            self._catching_up.add(connection)
            self._spawn(self._catch_up(connection))

    async def _catch_up(self, connection: Connection) -> None:
        try:
            while connection.can_be_fed:
                room = cast("LiveRoom", connection.room)
                if connection.last_seq >= room.delivered:
                    break
                page = await self._store.messages_after(
                    room.room_id, connection.last_seq, CATCH_UP_PAGE, CATCH_UP_BYTES
                )
                # What the store has and this node has not delivered yet comes by the room.
                due = [message for message in page if message.seq <= room.delivered]
                if connection.closing:
                    return
                if not due:
                    log.error("a message is missing in the store", extra={"room": room.name})
                    connection.hang_up(hangups.INTERNAL)
                    return
                connection.last_seq = due[-1].seq
                connection.write(b"".join(self._logged_frame(room, one) for one in due))
        except IloError:
            connection.hang_up(hangups.TRY_AGAIN_LATER)
        finally:
            self._catching_up.discard(connection)
        if connection.can_be_fed:
            cast("LiveRoom", connection.room).feed(connection)

    def _logged_frame(self, room: LiveRoom, message: LoggedMessage) -> bytes:
        return text_frame(
            message_frame(
                str(UUID(bytes=message.message_id)).encode(),
                message.seq,
                room.name_json,
                orjson.dumps(message.sender),
                to_rfc3339(message.sent_at).encode(),
                message.text,
            )
        )

    # -- now and then

    async def _sweep(self) -> None:
        """Look after every connection once in ``SWEEP_S``; everything here is short."""
        last_ping = self.now_s()
        while True:
            await asyncio.sleep(SWEEP_S)
            now, wall = self.now_s(), self._clock()
            ping = now - last_ping >= PING_S
            if ping:
                last_ping = now
            for connection in list(self._connections):
                session = connection.session
                if session is not None and session.expires_at <= wall:
                    connection.hang_up(hangups.SESSION_ENDED)
                connection.look_after(now, head_after_s=HEAD_S, ping=ping)

    def tell_head(self, connection: Connection) -> None:
        connection.tell(head_frame(cast("LiveRoom", connection.room).delivered))

    # -- tasks

    call_soon: Callable[..., Any]

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a fault in the relay", exc_info=error)
