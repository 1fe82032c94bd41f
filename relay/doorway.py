"""Handshakes: who asks to come in, and what they are answered.

Nobody is admitted without the API's word. Whatever goes wrong, whoever asks is answered
within 5 s, and nothing they sent after the head is looked at before they are in.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID, uuid4

from websockets.http11 import Request
from websockets.server import ServerProtocol

from relay import hangups
from relay.admission import ROOMS_PATH, Wish, read_wish
from relay.answers import http_answer, problem_answer
from relay.connection import Connection
from relay.hangups import Refusal
from relay.headcount import Headcount
from relay.introspect import ApiUnavailable, Gatekeeper
from relay.news import News
from relay.outgoing import gap_frame, welcome_frame
from relay.resume import start_of
from relay.rooms import LiveRoom, Rooms
from relay.session import Session
from relay.tasks import Tasks
from relay.wire import text_frame
from services.errors import IloError, LimitReached, UserNotFound
from services.limits import Limits
from services.model import Entry, UserId
from services.rooms import Rooms as Membership

log = logging.getLogger("relay.doorway")
audit = logging.getLogger("potion")

MAX_HANDSHAKES: Final = 1024
"""How many handshakes may be in flight; one more is refused with 503."""
ENTER_TIMEOUT_S: Final = 1.5
"""With the time to ask the API, an answer to every handshake within 5 s."""


class Doorway:
    """Answers every request of this port. ``closed`` from the beginning of a shutdown on."""

    def __init__(
        self,
        gatekeeper: Gatekeeper,
        membership: Membership,
        rooms: Rooms,
        news: News,
        tasks: Tasks,
        limits: Limits,
        allowed_origins: frozenset[str],
        readiness: Callable[[], Awaitable[list[str]]],
    ) -> None:
        self.closed = False
        self._gatekeeper = gatekeeper
        self._membership = membership
        self._rooms = rooms
        self._news = news
        self._tasks = tasks
        self._limits = limits
        self._origins = allowed_origins
        self._readiness = readiness
        self._handshakes = 0
        self._users = Headcount()

    def left(self, user: UserId) -> None:
        """One connection of ``user`` that was admitted here is over."""
        self._users.go(user)

    def asked(self, connection: Connection, ws: ServerProtocol, request: Request) -> None:
        """Somebody yet unknown asks for something: the answer comes from a task of its own."""
        path = request.path.partition("?")[0]
        if not path.startswith(ROOMS_PATH):
            self._tasks.start(self._answer_http(connection, request, path))
            return
        response = ws.accept(request)
        if response.status_code != 101:
            upgrade = response.status_code == hangups.NO_UPGRADE.status
            self.refuse(
                connection,
                hangups.NO_UPGRADE if upgrade else hangups.BAD_HANDSHAKE,
                without_body=request.method == "HEAD",
            )
            return
        wish = read_wish(request.path, request.headers, self._origins)
        if isinstance(wish, Refusal):
            self.refuse(connection, wish)
        elif self.closed or self._handshakes >= MAX_HANDSHAKES:
            self.refuse(connection, hangups.UNAVAILABLE)
        else:
            if wish.subprotocol is not None:
                response.headers["Sec-WebSocket-Protocol"] = wish.subprotocol
            ws.send_response(response)
            answer = b"".join(ws.data_to_send())
            self._handshakes += 1
            self._tasks.start(self._admit(connection, wish, answer))

    async def _admit(self, connection: Connection, wish: Wish, answer: bytes) -> None:
        known = self._news.count
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
        session, room, entry = outcome
        if connection.closing or self.closed:
            self._rooms.left(room)
            self.refuse(connection, hangups.UNAVAILABLE)
            return
        floor = entry.room.floor_of(entry.membership)
        start = start_of(wish.cursor, epoch=room.epoch, floor=floor, head=entry.room.head)
        welcome = welcome_frame(
            room=room.name,
            username=session.username,
            epoch=room.epoch,
            head=entry.room.head,
            floor=floor,
            recovered=start.recovered,
            members_version=room.members_version,
            online=room.online_with(session.user_id),
            expires_at=session.expires_at,
            limits=self._limits,
        )
        answer += text_frame(welcome)
        if start.gap is not None:
            answer += text_frame(gap_frame(start.gap))
        self._users.come(session.user_id)
        connection.last_seq = start.last_seq
        if not entry.room.shows_all_history:
            connection.first_seq = entry.membership.joined_seq + 1
        connection.admitted(session, room, answer)
        if len(room.listeners) == 1:
            self._news.opened(room)
        if self._news.count != known:
            self._news.doubt(connection)
        audit.info(
            "connection admitted",
            extra={
                "member": session.username,
                "session": session.session_id,
                "room": room.name,
                "source": connection.client_address(),
            },
        )

    async def _judge(self, wish: Wish) -> tuple[Session, LiveRoom, Entry] | Refusal:
        """Ask the API, then look at the room; nothing else happens between that and the entry."""
        try:
            admitted = await self._gatekeeper.ask(wish.secret, wish.kind)
        except ApiUnavailable as error:
            log.warning("cannot admit anybody", extra={"reason": error.reason})
            return hangups.UNAVAILABLE
        if admitted is None:
            return hangups.NOT_LOGGED_IN
        if self._users.of(admitted.user_id) >= self._limits.connections_per_user:
            return hangups.TOO_MANY_CONNECTIONS
        try:
            async with asyncio.timeout(ENTER_TIMEOUT_S):
                entry = await self._membership.enter(wish.room, admitted.user_id, admitted.username)
        except UserNotFound:
            return hangups.NOT_LOGGED_IN
        except LimitReached as error:
            is_full = error.limit != "rooms_per_user"
            return hangups.ROOM_FULL if is_full else hangups.TOO_MANY_ROOMS
        except (IloError, TimeoutError) as error:
            log.warning("cannot open a room", extra={"reason": str(error) or "no answer in time"})
            return hangups.UNAVAILABLE
        if entry is None:
            return hangups.NOT_A_MEMBER
        room = self._rooms.opened(entry.room, str(UUID(bytes=entry.room.epoch)))
        here = room.connections_of(admitted.user_id)
        anywhere = self._users.of(admitted.user_id)
        if (
            here >= self._limits.connections_per_user_and_room
            or anywhere >= self._limits.connections_per_user
        ):
            self._rooms.left(room)
            return hangups.TOO_MANY_CONNECTIONS
        session = Session(
            admitted.user_id, admitted.username, admitted.session_id, admitted.expires_at
        )
        return session, room, entry

    def refuse(
        self, connection: Connection, refusal: Refusal, *, without_body: bool = False
    ) -> None:
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
        connection.refused(problem_answer(refusal, request_id, without_body=without_body))

    async def _answer_http(self, connection: Connection, request: Request, path: str) -> None:
        reasons = ["the relay is shutting down"] if self.closed else []
        if path == "/ready" and not reasons:
            reasons = await self._readiness()
        connection.refused(http_answer(request.method, path, reasons, uuid4()))
