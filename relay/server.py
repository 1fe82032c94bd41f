"""The relay: listens, looks after its connections, and says goodbye to all of them in order."""

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from relay import hangups
from relay.connection import Connection
from relay.delivery import Delivery
from relay.doorway import Doorway
from relay.frames import FrameReader
from relay.introspect import Gatekeeper
from relay.news import News
from relay.outgoing import head_frame
from relay.rooms import LiveRoom, Rooms
from relay.session import Pace
from relay.tasks import Tasks
from services.events import Listeners
from services.limits import Limits
from services.model import Instant
from services.ports import Clock, Store
from services.rooms import Rooms as Membership

log = logging.getLogger("relay.server")
audit = logging.getLogger("potion")

SWEEP_S: Final = 1.0
PING_S: Final = 20.0
"""A peer that is dead is gone after twice this and two sweeps: within 45 s."""
HEAD_S: Final = 20.0
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
    """One node's WebSocket door. Made and used on one running event loop."""

    def __init__(
        self,
        contract: Mapping[str, Any],
        settings: RelaySettings,
        store: Store,
        gatekeeper: Gatekeeper,
        clock: Clock,
        readiness: Callable[[], Awaitable[list[str]]],
        events: Listeners,
    ) -> None:
        """``contract`` is asyncapi.yaml as loaded; ``readiness`` lists what is missing.

        The relay listens to ``events``, and tells there who has joined a room.
        """
        self.limits = settings.limits
        self.reader = FrameReader(contract, settings.limits)
        self.pace = Pace(settings.limits)
        self.now_s: Callable[[], float] = time.monotonic
        self.call_soon: Callable[..., Any] = asyncio.get_running_loop().call_soon
        self._clock = clock
        self._rooms = Rooms()
        self._tasks = Tasks()
        self._connections: dict[Connection, None] = {}
        self._news = News(self._connections, self._rooms, store, gatekeeper, self._tasks)
        events.add(self._news.heard)
        self.doorway = Doorway(
            gatekeeper,
            Membership(store, settings.limits, clock, events.tell),
            self._rooms,
            self._news,
            self._tasks,
            settings.limits,
            settings.allowed_origins,
            readiness,
        )
        self.delivery = Delivery(
            store,
            self._rooms,
            self._tasks,
            clock,
            # Looked up at each call: a test may have replaced them.
            lambda work: self.call_soon(work),
            lambda: self.now_s(),
        )
        self._changed = asyncio.Event()
        self._servers: list[asyncio.Server] = []
        self._sweeper: asyncio.Task[None] | None = None

    # -- begin and end

    async def start(
        self, sockets: Sequence[socket.socket], tls: ssl.SSLContext | None = None
    ) -> None:
        """Accept connections on the bound ``sockets``."""
        loop = asyncio.get_running_loop()
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
        self.doorway.closed = True
        for server in self._servers:
            server.close()
        # Else those who go on talking would keep us until the deadline, and get no goodbye.
        for connection in list(self._connections):
            connection.stop_listening()
        deadline = asyncio.get_running_loop().time() + DRAIN_S
        self.delivery.tell_when_idle(self._changed.set)
        await self._until(lambda: self.delivery.is_idle, deadline)
        for connection in list(self._connections):
            connection.hang_up(hangups.GOING_AWAY)
        await self._until(lambda: not self._connections, deadline)
        for connection in list(self._connections):
            connection.transport.abort()
        if self._sweeper is not None:
            self._sweeper.cancel()
        await self._tasks.stop()

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
        room.leave(connection, self.now_s())
        self._rooms.left(room)
        self.doorway.left(session.user_id)
        audit.info(
            "connection closed",
            extra={"member": session.username, "session": session.session_id, "code": code},
        )

    def failed(self, connection: Connection, fault: Exception) -> None:
        """End a connection for a fault of ours."""
        log.error("a fault in the relay", exc_info=fault)
        connection.hang_up(hangups.INTERNAL)

    # -- now and then

    async def _sweep(self) -> None:
        """Look after every connection once in ``SWEEP_S``; everything here is short."""
        while True:
            await asyncio.sleep(SWEEP_S)
            now, wall = self.now_s(), self._clock()
            for connection in list(self._connections):
                try:
                    self._look_after(connection, now, wall)
                except Exception as fault:  # noqa: BLE001  # the others are still looked after
                    self.failed(connection, fault)
            try:
                for room in self._rooms:
                    room.look_after(now)
                self._news.look_after(now)
            except Exception:
                log.exception("a fault in the relay")

    def _look_after(self, connection: Connection, now_s: float, wall: Instant) -> None:
        session = connection.session
        if session is not None and session.expires_at <= wall:
            connection.hang_up(hangups.SESSION_ENDED)
        connection.look_after(now_s, head_after_s=HEAD_S, ping_after_s=PING_S)

    def tell_head(self, connection: Connection) -> None:
        connection.tell(head_frame(cast("LiveRoom", connection.room).delivered))
