"""The one thread that writes: requests that queue during a commit share the next one.

The rest of the writer belongs to the event loop: every method is called there, and every
outcome is told there, after the commit that made it durable.
"""

import asyncio
import logging
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import groupby
from operator import attrgetter
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, NamedTuple, TypeAlias, TypeVar

from services.errors import IloError, StorageFull, StoreUnavailable
from services.model import Draft
from services.ports import Appended
from store.sqlite.log import Outcome, RoomLog

T = TypeVar("T")
Job: TypeAlias = Callable[[sqlite3.Connection], T]
Done: TypeAlias = Callable[[Sequence[Appended]], None]

# A commit ends with the request that reaches one of these, and no request is larger.
MAX_GROUP_DRAFTS = 4096
MAX_GROUP_CHARACTERS = 16 * 1024 * 1024

# What a job may raise without harm to the others of its commit: a refusal, or a fault of
# its caller's. Any other error of SQLite's fails them all.
_JOBS_OWN_ERRORS = (
    IloError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    ValueError,
    OverflowError,
)

log = logging.getLogger(__name__)


class _Append(NamedTuple):
    """``failures`` is how many failed commits its caller had been told of."""

    drafts: Sequence[Draft]
    characters: int
    done: Done
    failures: int


class _Work(NamedTuple):
    job: Job[Any]
    future: asyncio.Future[Any]


class _Result(NamedTuple):
    """What a job returned, or the error it raised."""

    value: object
    error: Exception | None


class _Group(NamedTuple):
    appends: list[_Append]
    work: list[_Work]


_Telling: TypeAlias = Callable[[], None]


class _Tellings:
    """Calls to make on the event loop, one after the other.

    An object, since the loop may log what it calls, and with which arguments: ours would
    show messages.
    """

    __slots__ = ("_loop", "_rest")

    def __init__(self, loop: asyncio.AbstractEventLoop, tellings: Iterable[_Telling]) -> None:
        self._loop = loop
        self._rest = deque(tellings)

    def __call__(self) -> None:
        try:
            while self._rest:
                self._rest.popleft()()
        finally:
            # One listener's bug, which the loop reports, is not the others'.
            if self._rest:
                self._loop.call_soon(self)


class Writer:
    """Owns ``connection`` until ``close`` has returned. Made on a running event loop."""

    def __init__(self, connection: sqlite3.Connection, log: RoomLog) -> None:
        self._connection = connection
        self._log = log
        self._loop = asyncio.get_running_loop()
        # Bounded by its callers: members wait for their acks, requests for their answers.
        self._queue: SimpleQueue[_Append | _Work | None] = SimpleQueue()
        self._closed = False
        # Commits of unknown outcome: those that happened, and those that were told.
        self._failures = self._told_failures = 0
        # A daemon, so that a program that forgot to close us can end; SQLite survives it.
        self._thread = Thread(target=self._run, name="ilo-store-writer", daemon=True)
        self._thread.start()

    def append(self, drafts: Sequence[Draft], done: Done) -> None:
        """Keep the promise of ``services.ports.RoomStore.append``."""
        if not drafts:
            return
        if self._closed:
            refused = [(draft, StoreUnavailable()) for draft in drafts]
            self._loop.call_soon(_Tellings(self._loop, [partial(done, refused)]))
            return
        for piece in _pieces(drafts):
            self._queue.put(_Append(piece, _characters(piece), done, self._told_failures))

    async def do(self, job: Job[T]) -> T:
        """Run ``job`` in a transaction and return its result once that is durable.

        An ``IloError`` from ``job`` undoes what it wrote and comes out here.

        Raises:
            StorageFull: nothing was written.
            StoreUnavailable: it may or may not have been written.
        """
        if self._closed:
            raise StoreUnavailable
        future: asyncio.Future[T] = self._loop.create_future()
        self._queue.put(_Work(job, future))
        return await future

    async def close(self) -> None:
        """Write what was asked for, empty the WAL into the file, and end the thread."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    # From here on down, the writer thread.

    def _run(self) -> None:
        group: _Group | None = None
        try:
            while (group := self._next_group()) is not None:
                self._tell(self._store(group))
            self._checkpoint()
        finally:
            self._connection.close()
            # After close() there is nobody left to tell. Otherwise we die of a bug: no
            # caller may wait for ever, and nothing is written on a false footing.
            self._tell([partial(self._bury, group)])

    def _next_group(self) -> _Group | None:
        """Wait for a request and take those that queue behind it; None when closed."""
        group = _Group([], [])
        drafts = characters = 0
        request = self._queue.get()
        while request is not None:
            if isinstance(request, _Append):
                group.appends.append(request)
                drafts += len(request.drafts)
                characters += request.characters
            else:
                group.work.append(request)
            if (
                drafts >= MAX_GROUP_DRAFTS
                or characters >= MAX_GROUP_CHARACTERS
                or len(group.work) >= MAX_GROUP_DRAFTS
            ):
                return group
            try:
                request = self._queue.get_nowait()
            except Empty:
                return group
        if not group.appends and not group.work:
            return None
        # Once more for ourselves, after this group.
        self._queue.put(None)
        return group

    def _store(self, group: _Group) -> list[_Telling]:
        """Commit the group as a whole, or not at all; return what is to be told."""
        if self._failures and any(ask.failures < self._failures for ask in group.appends):
            return self._refuse_late(group)
        drafts: list[Draft] = []
        for append in group.appends:
            drafts += append.drafts
        told: list[_Telling] = []
        try:
            outcomes, results = self._commit(drafts, group.work)
        except sqlite3.Error as error:
            refusal = self._undo(error)
            outcomes = self._not_written(drafts, refusal)
            results = [_Result(None, refusal()) for _ in group.work]
            if refusal is StoreUnavailable:
                self._failures += 1
                told = [partial(self._failure_told, self._failures)]
        return _tellings(group, list(zip(drafts, outcomes, strict=True)), results) + told

    def _refuse_late(self, group: _Group) -> list[_Telling]:
        """Store the group without what was asked for in ignorance of a failed commit.

        It may follow, in its sender's mind, what was lost there: stored now, it would stand
        before it.
        """
        late = [ask for ask in group.appends if ask.failures < self._failures]
        refused = [(draft, StoreUnavailable()) for ask in late for draft in ask.drafts]
        rest = [ask for ask in group.appends if ask.failures >= self._failures]
        return [
            *_tellings(_Group(late, []), refused, []),
            *self._store(_Group(rest, group.work)),
        ]

    def _commit(
        self, drafts: Sequence[Draft], work: Sequence[_Work]
    ) -> tuple[list[Outcome], list[_Result]]:
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        outcomes = self._log.append(drafts) if drafts else []
        results = [self._do(asked.job) for asked in work]
        execute("COMMIT")
        return outcomes, results

    def _do(self, job: Job[Any]) -> _Result:
        execute = self._connection.execute
        execute("SAVEPOINT job")
        try:
            result = _Result(job(self._connection), None)
        except _JOBS_OWN_ERRORS as error:
            execute("ROLLBACK TO job")
            result = _Result(None, error)
        execute("RELEASE job")
        return result

    def _undo(self, error: sqlite3.Error) -> type[StorageFull | StoreUnavailable]:
        """Leave nothing of the group, and say what its callers are told."""
        self._log.forget()
        full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        log.error("a commit failed", extra={"sqlite_error": _error_name(error)})
        # SQLite has done so itself after some errors.
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        return StorageFull if full else StoreUnavailable

    def _not_written(
        self, drafts: Sequence[Draft], refusal: type[StorageFull | StoreUnavailable]
    ) -> list[Outcome]:
        try:
            return self._log.not_written(drafts, refusal)
        except sqlite3.Error:
            # Nothing can be looked up, so nothing can be said for certain.
            return [StoreUnavailable() for _ in drafts]

    def _checkpoint(self) -> None:
        try:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            # Nothing is lost: the next start reads the WAL.
            log.warning("the last checkpoint failed", extra={"sqlite_error": _error_name(error)})

    def _tell(self, tellings: Iterable[_Telling]) -> None:
        try:
            self._loop.call_soon_threadsafe(_Tellings(self._loop, tellings))
        except RuntimeError:
            # The loop was closed before the store was.
            log.warning("outcomes came after the event loop's end")

    # And the event loop again.

    def _failure_told(self, failures: int) -> None:
        self._told_failures = failures

    def _bury(self, group: _Group | None) -> None:
        """Refuse the group that was not told, what is queued, and what will come."""
        self._closed = True
        while group is not None:
            tellings = _tellings(
                group,
                [(draft, StoreUnavailable()) for ask in group.appends for draft in ask.drafts],
                [_Result(None, StoreUnavailable()) for _ in group.work],
            )
            self._loop.call_soon(_Tellings(self._loop, tellings))
            group = None if self._queue.empty() else self._next_group()


def _characters(drafts: Sequence[Draft]) -> int:
    return sum([len(draft[4]) for draft in drafts])


def _pieces(drafts: Sequence[Draft]) -> list[Sequence[Draft]]:
    """Cut into copies that fit one commit each: the caller may go on using its list."""
    if len(drafts) <= MAX_GROUP_DRAFTS and _characters(drafts) <= MAX_GROUP_CHARACTERS:
        return [drafts[:]]
    pieces: list[Sequence[Draft]] = []
    piece: list[Draft] = []
    characters = 0
    for draft in drafts:
        characters += len(draft.text)
        if piece and (characters > MAX_GROUP_CHARACTERS or len(piece) == MAX_GROUP_DRAFTS):
            pieces.append(piece)
            piece = []
            characters = len(draft.text)
        piece.append(draft)
    pieces.append(piece)
    return pieces


def _tellings(
    group: _Group, appended: Sequence[Appended], results: Sequence[_Result]
) -> list[_Telling]:
    """Return the calls to make: one for neighbours that share a ``done``, one for each job.

    Only neighbours: a room's drafts must come in order, whoever is told.
    """
    tellings: list[_Telling] = []
    start = 0
    for done, neighbours in groupby(group.appends, attrgetter("done")):
        end = start + sum(len(append.drafts) for append in neighbours)
        tellings.append(partial(done, appended[start:end]))
        start = end
    for asked, result in zip(group.work, results, strict=True):
        tellings.append(partial(_settle, asked.future, result))
    return tellings


def _settle(future: asyncio.Future[Any], result: _Result) -> None:
    if future.done():
        return
    if result.error is None:
        future.set_result(result.value)
    else:
        future.set_exception(result.error)


def _error_name(error: sqlite3.Error) -> str:
    """Return SQLite's name of the error; its text might quote what it was about."""
    name: str = getattr(error, "sqlite_errorname", type(error).__name__)
    return name
