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
from services.model import Draft, RoomId, UserId
from services.ports import Appended
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

    ``failures`` counts the times that the outcome of somebody's messages was unknown.
    """

    def __init__(self, connection: sqlite3.Connection, room_log: RoomLog) -> None:
        self.connection = connection
        self.log = room_log
        self.failures = 0
        self._told_failures = 0
        # Senders in rooms of whose messages that is so, with the number of the last failure.
        self._in_doubt: dict[tuple[RoomId, UserId], int] = {}
        self._may_come_back = False

    def requests(self, drafts: Sequence[Draft], done: Done) -> list[Append]:
        """Return what asks for the drafts; call it where outcomes are told."""
        return appends(drafts, done, self._told_failures)

    def commit(self, group: Group) -> list[Telling]:
        """Commit the group as a whole, or not at all; return what is to be told."""
        asked = group.appends
        drafts: list[Draft] = []
        for append in asked:
            drafts += append.drafts
        late = self._late(asked) if self._in_doubt and asked else set[int]()
        wanted = drafts
        if late:
            wanted = [draft for place, draft in enumerate(drafts) if place not in late]
        try:
            outcomes, results = self._commit(wanted, group.work)
            failed = False
        except sqlite3.Error as error:
            refusal = self._undo(error)
            outcomes = self._not_written(wanted, refusal)
            results = [Result(None, refusal()) for _ in group.work]
            failed = True
        if late:
            rest = iter(outcomes)
            outcomes = [
                StoreUnavailable() if place in late else next(rest) for place in range(len(drafts))
            ]
        appended = list(zip(drafts, outcomes, strict=True))
        told = tellings(asked, appended, group.work, results)
        if failed or late:
            told += self._doubt(appended)
        return told

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

    def _late(self, asked: Sequence[Append]) -> set[int]:
        """Return the places of drafts that were asked for in ignorance of a failure.

        They may follow, in their sender's mind, what was lost there: stored now, they would
        stand before it. Whoever else is queued is none of theirs.
        """
        # In the order of the questions: nobody asks any more who knows less than the first.
        known = asked[0].failures
        self._in_doubt = {who: number for who, number in self._in_doubt.items() if number > known}
        late: set[int] = set()
        place = 0
        for append in asked:
            for draft in append.drafts:
                if self._in_doubt.get((draft.room_id, draft.sender), 0) > append.failures:
                    late.add(place)
                place += 1
        return late

    def _doubt(self, appended: Sequence[Appended]) -> list[Telling]:
        """Remember whose outcome is unknown until they are told; return that telling."""
        unknown = [draft for draft, one in appended if isinstance(one, StoreUnavailable)]
        if not unknown:
            return []
        self.failures += 1
        for draft in unknown:
            self._in_doubt[draft.room_id, draft.sender] = self.failures
        return [partial(self._failure_told, self.failures)]

    def _commit(
        self, drafts: Sequence[Draft], work: Sequence[Work]
    ) -> tuple[list[Outcome], list[Result]]:
        execute = self.connection.execute
        changes = self.connection.total_changes
        execute("BEGIN IMMEDIATE")
        outcomes = self.log.append(drafts) if drafts else []
        results = [self.do(asked.job) for asked in work]
        execute("COMMIT")
        if self.connection.total_changes != changes:
            self._may_come_back = False
        return outcomes, results

    def _undo(self, error: sqlite3.Error) -> type[StorageFull | StoreUnavailable]:
        """Leave nothing of the group, and say what its callers are told."""
        self.log.forget()
        # What could not be synced may be in the WAL, and be found by the next process, until
        # another commit is written over it: it is not certain then what is not stored.
        full = (
            getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
            and not self._may_come_back
        )
        log.error("a commit failed", extra={"sqlite_error": _error_name(error)})
        # SQLite has done so itself after some errors.
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        self._may_come_back = not full
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
