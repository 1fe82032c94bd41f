"""Keeps the connection: tries for as long as it takes, each time with a new one."""

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Final, TypeVar

from store.cassandra.connection import REPLICATION, Connection
from store.cassandra.cql import Cql
from store.cassandra.errors import NotReady
from store.cassandra.migrations import migrate
from store.cassandra.settings import CassandraSettings
from store.errors import StoreRefused

T = TypeVar("T")

FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 4.0

log = logging.getLogger("store.cassandra")


class Connector:
    """Attaches ``cql`` to a session as soon as there is one; the driver keeps it from then on."""

    def __init__(self, settings: CassandraSettings, cql: Cql) -> None:
        self._settings = settings
        self._cql = cql
        self._connection: Connection | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._reason = "the connection to Cassandra has not been tried yet"
        self._trying: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Try once, and go on in the background if there may be an answer later.

        Raises:
            StoreRefused: what is configured cannot be right.
        """
        try:
            await self._try()
        except NotReady as missing:
            self._note(str(missing))
            self._trying = asyncio.create_task(self._try_on())

    def lacks(self) -> str | None:
        """Say why there is nobody to ask; None if there seems to be somebody."""
        if self._connection is None:
            return self._reason
        return self._connection.lacks_nodes()

    async def lacks_replicas(self) -> str | None:
        """Ask for the keyspace, and say why it is of no use as it is; None if nothing hinders it.

        Raises:
            StoreUnavailable: there is no answer.
        """
        found = await self._cql.read(REPLICATION, self._settings.keyspace)
        return None if self._connection is None else self._connection.lacks_replicas(found)

    async def close(self) -> None:
        """Let go of the connection, or of the try that is under way. Safe to call twice."""
        if self._trying is not None:
            self._trying.cancel()
            await asyncio.wait([self._trying])
            self._trying = None
        self._cql.detach()
        with self._lock:
            self._closed, self._reason = True, "the store is closed"
            connection, self._connection = self._connection, None
        if connection is not None:
            await asyncio.to_thread(connection.close)

    async def _try_on(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            try:
                await self._try()
            except (NotReady, StoreRefused) as missing:
                self._note(str(missing))
            else:
                log.info("Cassandra is there", extra={"address": self._settings.place})
                return

    async def _try(self) -> None:
        connection = await _on_a_thread(self._connect)
        if connection is not None:
            self._cql.attach(connection.session)

    def _connect(self) -> Connection | None:
        """Connect and make the tables; None when the store was closed meanwhile."""
        connection = Connection.make(self._settings)
        try:
            migrate(connection, self._settings)
            with self._lock:
                if not self._closed:
                    self._connection = connection
                    return connection
        except BaseException:
            connection.close()
            raise
        connection.close()
        return None

    def _note(self, reason: str) -> None:
        """Keep what is missing, and log it when it is something new."""
        if reason != self._reason:
            log.warning("Cassandra is not ready; trying on", extra={"reason": reason})
        self._reason = reason


async def _on_a_thread(work: Callable[[], T]) -> T:
    """Run ``work`` on a thread that the end of the process does not wait for."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(done: Callable[[], None]) -> None:
        if not future.done():
            done()

    def run() -> None:
        try:
            try:
                outcome = work()
            except BaseException as error:  # noqa: BLE001  # for who awaits it
                told = error
                loop.call_soon_threadsafe(settle, lambda: future.set_exception(told))
            else:
                loop.call_soon_threadsafe(settle, lambda: future.set_result(outcome))
        except RuntimeError:
            # The loop was closed meanwhile: there is nobody left to tell.
            return

    threading.Thread(target=run, name="ilo-cassandra-connects", daemon=True).start()
    return await future
