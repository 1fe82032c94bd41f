"""Statements to Cassandra: prepared once, awaited on the event loop, sent again where that is safe.

The driver is touched here and in ``connection.py`` alone. It has threads of its own; nothing of
what it calls back runs there but the hand-over to the loop.
"""

import asyncio
import logging
import random
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from cassandra import DriverException
from cassandra.cluster import NoHostAvailable, ResponseFuture
from cassandra.connection import ConnectionException
from cassandra.protocol import ErrorMessage
from cassandra.query import BatchStatement, BatchType, BoundStatement

from services.errors import StoreUnavailable

log = logging.getLogger("store.cassandra")

ROWS: Final = "rows"
"""The profile of reads and plain writes: LOCAL_QUORUM, rows as tuples."""
SERIAL: Final = "serial"
"""The profile of reads that finish what others have begun: LOCAL_SERIAL, rows as tuples."""
CONDITIONAL: Final = "conditional"
"""The profile of conditional writes: LOCAL_QUORUM and LOCAL_SERIAL, rows as dictionaries."""

PROTOCOL_VERSION: Final = 5
"""That of Cassandra 4 and up; to say so saves the first connection its guesses."""
TRIES: Final = 6
FIRST_PAUSE_S: Final = 0.05
"""Before the second try at most; twice as much before each further one."""
LONGEST_S: Final = 10.0
"""After so long nothing is tried again."""
SCAN_PAGE: Final = 500

# All that comes of a network or of other machines; a statement that is wrong is a bug of ours.
_FAULTS = (DriverException, NoHostAvailable, ConnectionException, ErrorMessage)

Row = tuple[Any, ...]
Statement = tuple[str, Sequence[object]]
"""The text with ``?`` for each value, and the values."""


class OutcomeUnknown(StoreUnavailable):
    """A conditional write may be applied, or may yet be: reading again does not settle a no."""


class Cas(NamedTuple):
    """What became of a conditional write. ``rows`` are those that stood in its way, by column;
    empty when it was applied, or when what it asked for is not there at all."""

    applied: bool
    rows: Sequence[dict[str, Any]]


class _Shape:
    """Binds values to a prepared statement in a part of the time that the driver takes, which
    looks at each value from all sides; a group of messages has a thousand."""

    def __init__(self, prepared: Any) -> None:
        self._prepared = prepared
        self._encode = [_encoder(column.type) for column in prepared.column_metadata]

    def bind(self, values: Sequence[object]) -> Any:
        bound = BoundStatement(self._prepared)
        bound.values = [
            None if value is None else encode(value)
            for encode, value in zip(self._encode, values, strict=True)
        ]
        return bound


_ENCODERS: dict[str, Callable[[Any], bytes]] = {
    "bigint": struct.Struct(">q").pack,
    "int": struct.Struct(">i").pack,
    "uuid": lambda value: value if type(value) is bytes else value.bytes,
    "text": str.encode,
    "blob": bytes,
}


def _encoder(column: Any) -> Callable[[Any], bytes]:
    encode: Callable[[Any], bytes] = _ENCODERS.get(column.typename) or partial(
        column.serialize, protocol_version=PROTOCOL_VERSION
    )
    return encode


class Cql:
    """Runs statements on ``session``, which is None while there is no connection.

    Every method raises ``StoreUnavailable`` when there is no answer in time.
    """

    def __init__(self) -> None:
        self.session: Any = None
        self._prepared: dict[str, Any] = {}
        self._shapes: dict[str, _Shape] = {}

    def attach(self, session: Any) -> None:
        """Use the driver's session; ``detach`` before another one comes."""
        self.session = session

    def detach(self) -> None:
        self.session = None
        self._prepared = {}
        self._shapes = {}

    async def read(self, text: str, *values: object) -> list[Row]:
        """Return the rows; one page of ``default_fetch_size``, so say LIMIT where there may be
        more."""
        return await self._again(text, values, ROWS)

    async def read_serial(self, text: str, *values: object) -> list[Row]:
        """Return the rows of one partition after all conditional writes that were begun there."""
        return await self._again(text, values, SERIAL)

    async def write(self, text: str, *values: object) -> None:
        """Write what may be written twice: no condition, no counter."""
        await self._again(text, values, ROWS)

    async def scan(self, text: str, *values: object) -> AsyncIterator[Row]:
        """Yield the rows of as many pages as there are."""
        state: bytes | None = None
        while True:
            rows, state = await self._page(text, values, state)
            for row in rows:
                yield row
            if state is None:
                return

    async def cas(self, text: str, *values: object) -> Cas:
        """Write on a condition, once.

        Raises:
            OutcomeUnknown: it was sent, and nobody can say what became of it.
        """
        return await self._cas(await self._bound(text, values))

    async def cas_batch(self, statements: Sequence[Statement]) -> Cas:
        """Write all or nothing, in one partition; at least one statement has a condition.

        A uuid may be given as its 16 bytes.

        Raises:
            OutcomeUnknown: it was sent, and nobody can say what became of it.
        """
        # Many statements of few texts: only what is not prepared yet is waited for.
        shapes = {text: await self._shape(text) for text in dict(statements)}
        batch = BatchStatement(BatchType.UNLOGGED)
        for text, values in statements:
            batch.add(shapes[text].bind(values))
        return await self._cas(batch)

    # -- the inside

    async def _cas(self, statement: Any) -> Cas:
        try:
            response = await self._send(statement, CONDITIONAL)
        except _FAULTS as error:
            log.info("a conditional write has no answer", extra={"error": type(error).__name__})
            raise OutcomeUnknown from error
        rows: list[dict[str, Any]] = list(response.result())
        applied = bool(rows[0]["[applied]"])
        if applied:
            return Cas(True, [])
        # What is not there at all is told as a row that has nothing but the answer.
        return Cas(False, [row for row in rows if len(row) > 1])

    async def _again(self, text: str, values: Sequence[object], profile: str) -> list[Row]:
        rows, _ = await self._page(text, values, None, profile=profile)
        return rows

    async def _page(
        self,
        text: str,
        values: Sequence[object],
        state: bytes | None,
        *,
        profile: str = ROWS,
    ) -> tuple[list[Row], bytes | None]:
        """Return one page and where the next begins; tried again until it is late."""
        loop = asyncio.get_running_loop()
        until = loop.time() + LONGEST_S
        for tries in range(1, TRIES + 1):
            try:
                result = (
                    await self._send(await self._bound(text, values), profile, state)
                ).result()
            except _FAULTS as error:
                last = tries == TRIES or loop.time() >= until
                if last or self.session is None:
                    log.warning("Cassandra does not answer", extra={"error": type(error).__name__})
                    raise StoreUnavailable from error
                await asyncio.sleep(random.random() * FIRST_PAUSE_S * 2**tries)  # noqa: S311
            else:
                return list(result.current_rows), result.paging_state
        raise StoreUnavailable

    async def _bound(self, text: str, values: Sequence[object]) -> Any:
        return (await self._prepare(text)).bind(values)

    async def _shape(self, text: str) -> "_Shape":
        shape = self._shapes.get(text)
        if shape is None:
            session = self.session
            shape = _Shape(await self._prepare(text))
            if session is self.session:
                self._shapes[text] = shape
        return shape

    async def _prepare(self, text: str) -> Any:
        prepared: Any = self._prepared.get(text)
        if prepared is None:
            session = self._connected()
            try:
                prepared = await asyncio.to_thread(session.prepare, text)
            except _FAULTS as error:
                raise StoreUnavailable from error
            if session is self.session:
                self._prepared[text] = prepared
        return prepared

    def _send(
        self, statement: Any, profile: str, state: bytes | None = None
    ) -> asyncio.Future[ResponseFuture]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[ResponseFuture] = loop.create_future()
        response = self._connected().execute_async(
            statement, execution_profile=profile, paging_state=state
        )
        told = partial(_tell, loop, future, response)
        response.add_callbacks(lambda _rows: told(None), told)
        return future

    def _connected(self) -> Any:
        if self.session is None:
            raise StoreUnavailable
        return self.session


def _tell(
    loop: asyncio.AbstractEventLoop,
    future: asyncio.Future[Any],
    response: Any,
    error: BaseException | None,
) -> None:
    """Hand over to the loop, from a thread of the driver's."""
    try:
        loop.call_soon_threadsafe(_settle, future, response, error)
    except RuntimeError:
        # The loop was closed before the store was: there is nobody left to tell.
        return


def _settle(future: asyncio.Future[Any], response: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(response)
    else:
        future.set_exception(error)
