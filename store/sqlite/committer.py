"""What the writer decides: what is written with one commit, and what is told about it.

Knows no thread, no queue and no event loop: ``commit`` is called for one group after the
other, and what it returns is to be called where the outcomes are waited for, in that order.
"""

import logging
import sqlite3
from collections.abc import Sequence
from functools import partial
from typing import Any

from services.errors import IloError, StorageFull, StoreUnavailable
from services.model import Draft
from store.sqlite.log import Outcome, RoomLog
from store.sqlite.requests import (
    Append,
    Done,
    Group,
    Job,
    Result,
    Telling,
    Work,
    appends,
    tellings,
)

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


class Committer:
    """Writes to ``connection``, as nobody else does, with the log that is on it.

    ``failures`` counts the commits of unknown outcome that happened.
    """

    def __init__(self, connection: sqlite3.Connection, room_log: RoomLog) -> None:
        self.connection = connection
        self.log = room_log
        self.failures = 0
        self._told_failures = 0

    def requests(self, drafts: Sequence[Draft], done: Done) -> list[Append]:
        """Return what asks for the drafts; call it where outcomes are told."""
        return appends(drafts, done, self._told_failures)

    def commit(self, group: Group) -> list[Telling]:
        """Commit the group as a whole, or not at all; return what is to be told."""
        if not self.failures or all(ask.failures >= self.failures for ask in group.appends):
            return self._store(group.appends, group.work)
        late = [ask for ask in group.appends if ask.failures < self.failures]
        # Asked for in ignorance of a failed commit. It may follow, in its sender's mind, what
        # was lost there: stored now, it would stand before it.
        refused = [(draft, StoreUnavailable()) for ask in late for draft in ask.drafts]
        rest = [ask for ask in group.appends if ask.failures >= self.failures]
        return [*tellings(late, refused, [], []), *self._store(rest, group.work)]

    def checkpoint(self) -> None:
        """Empty the WAL into the file."""
        try:
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            # Nothing is lost: the next start reads the WAL.
            log.warning("the last checkpoint failed", extra={"sqlite_error": _error_name(error)})

    def do(self, job: Job[Any]) -> Result:
        """Run the job inside the transaction; what it refuses leaves nothing behind."""
        execute = self.connection.execute
        execute("SAVEPOINT job")
        try:
            result = Result(job(self.connection), None)
        except _JOBS_OWN_ERRORS as error:
            execute("ROLLBACK TO job")
            result = Result(None, error)
        execute("RELEASE job")
        return result

    def _store(self, asked: Sequence[Append], work: Sequence[Work]) -> list[Telling]:
        drafts: list[Draft] = []
        for append in asked:
            drafts += append.drafts
        told: list[Telling] = []
        try:
            outcomes, results = self._commit(drafts, work)
        except sqlite3.Error as error:
            refusal = self._undo(error)
            outcomes = self._not_written(drafts, refusal)
            results = [Result(None, refusal()) for _ in work]
            if refusal is StoreUnavailable:
                self.failures += 1
                told = [partial(self._failure_told, self.failures)]
        appended = list(zip(drafts, outcomes, strict=True))
        return tellings(asked, appended, work, results) + told

    def _commit(
        self, drafts: Sequence[Draft], work: Sequence[Work]
    ) -> tuple[list[Outcome], list[Result]]:
        execute = self.connection.execute
        execute("BEGIN IMMEDIATE")
        outcomes = self.log.append(drafts) if drafts else []
        results = [self.do(asked.job) for asked in work]
        execute("COMMIT")
        return outcomes, results

    def _undo(self, error: sqlite3.Error) -> type[StorageFull | StoreUnavailable]:
        """Leave nothing of the group, and say what its callers are told."""
        self.log.forget()
        full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        log.error("a commit failed", extra={"sqlite_error": _error_name(error)})
        # SQLite has done so itself after some errors.
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        return StorageFull if full else StoreUnavailable

    def _not_written(
        self, drafts: Sequence[Draft], refusal: type[StorageFull | StoreUnavailable]
    ) -> list[Outcome]:
        try:
            return self.log.not_written(drafts, refusal)
        except sqlite3.Error:
            # Nothing can be looked up, so nothing can be said for certain.
            return [StoreUnavailable() for _ in drafts]

    def _failure_told(self, failures: int) -> None:
        self._told_failures = failures


def _error_name(error: sqlite3.Error) -> str:
    """Return SQLite's name of the error; its text might quote what it was about."""
    name: str = getattr(error, "sqlite_errorname", type(error).__name__)
    return name
