"""What outlives processes: one SQLite database in memory, and what may befall its statements.

What was committed stays. A commit that failed for an error of the disk may be found all the
same when the next process reads the file: it was written, and its end could not be synced.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from tests.simulation.chance import Chance

StrikeKind = Literal["statement", "undone", "done", "ghost"]
_WRITES = ("INSERT", "UPDATE", "DELETE")
_LATEST_STATEMENT = 6


class Killed(BaseException):
    """The process ends here, between two statements."""


@cache
def empty_image() -> bytes:
    """Return a database with the store's tables and nothing in them."""
    schema = files("store.sqlite").joinpath("schema.sql").read_text("utf-8")
    with sqlite3.connect(":memory:", isolation_level=None) as connection:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.executescript(schema)
        image = connection.serialize()
    connection.close()
    return image


def sqlite_error(name: str) -> sqlite3.OperationalError:
    """Return an error as SQLite raises it; ``name`` is one of its names of errors."""
    error = sqlite3.OperationalError("simulated")
    error.sqlite_errorname = name
    error.sqlite_errorcode = getattr(sqlite3, name)
    return error


class Database(sqlite3.Connection):
    """A connection whose statements meet what ``before`` does.

    ``begins`` hears of transactions, ``committed`` of their ends, and ``forgets`` of statements
    after which something is gone.
    """

    begins: Callable[[], None] | None = None
    before: Callable[[str], None] | None = None
    committed: Callable[[], None] | None = None
    forgets: Callable[[], None] | None = None

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        if self.before is not None:
            self.before(sql)
        if self.begins is not None and sql == "BEGIN IMMEDIATE":
            self.begins()
        if self.forgets is not None and sql.startswith("DELETE FROM room"):
            self.forgets()
        cursor = super().execute(sql, parameters)
        if sql == "COMMIT" and self.committed is not None:
            self.committed()
        return cursor

    def executemany(self, sql: str, parameters: Any, /) -> sqlite3.Cursor:
        if self.before is not None:
            self.before(sql)
        if self.forgets is not None:
            self.forgets()
        return super().executemany(sql, parameters)


class Disk:
    """Holds the database, and strikes at what is done with it."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self.full = False
        self.database = sqlite3.connect(":memory:", isolation_level=None, factory=Database)
        self.database.deserialize(empty_image())
        # The committed image that the next process may find, in place of what this one knows.
        self._ghost: bytes | None = None
        self._ghost_changes = 0
        self.committed: Callable[[], None] | None = None
        self.database.committed = self._committed
        self.backup: bytes | None = None

    def close(self) -> None:
        self.database.close()

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Read as somebody who stands outside: nothing befalls this."""
        return sqlite3.Connection.execute(self.database, sql, parameters).fetchall()

    # -- between processes

    def recover(self) -> bool:
        """A process starts; True when it finds a commit of which the last one did not know."""
        self.roll_back()
        ghost, self._ghost = self._ghost, None
        if ghost is None or not self._chance.happens(0.7):
            return False
        self.database.deserialize(ghost)
        return True

    def take_backup(self) -> None:
        self.backup = self.database.serialize()

    def restore(self) -> None:
        """Put the backup in the place of the database."""
        assert self.backup is not None
        self.roll_back()
        self._ghost = None
        self.database.deserialize(self.backup)

    def roll_back(self) -> None:
        if self.database.in_transaction:
            sqlite3.Connection.execute(self.database, "ROLLBACK")

    # -- what befalls

    @contextmanager
    def committing(self) -> Iterator[None]:
        """Let happen to one commit, within the block, what the dice say."""
        self.database.before = self._plan()
        try:
            yield
        finally:
            self.database.before = None

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Let a read, within the block, fail when the dice say so."""
        if self._chance.happens(self._chance.faults.failed_read):
            self.database.before = _no_read
        try:
            yield
        finally:
            self.database.before = None

    def _plan(self) -> Callable[[str], None] | None:
        chance, faults = self._chance, self._chance.faults
        # A disk that cannot sync seldom fails alone.
        kill = 0.3 if self._ghost is not None and faults.io_error else faults.kill_in_commit
        if chance.happens(kill):
            at_end = chance.happens(0.5)
            return _Kill(self, chance, -1 if at_end else chance.between(0, _LATEST_STATEMENT))
        if self.full:
            return _Full(self, chance)
        if chance.happens(faults.io_error):
            kinds: tuple[StrikeKind, ...] = ("statement", "undone", "done", "ghost")
            return _IoError(self, chance, chance.pick(kinds))
        return None

    def _committed(self) -> None:
        # What was written over it does not come back.
        if self.database.total_changes != self._ghost_changes:
            self._ghost = None
        if self.committed is not None:
            self.committed()

    def keep_ghost(self, before: bytes) -> None:
        """Commit, and show this process what was there before."""
        sqlite3.Connection.execute(self.database, "COMMIT")
        self._ghost = self.database.serialize()
        self._ghost_changes = self.database.total_changes
        self.database.deserialize(before)


def _no_read(sql: str) -> None:
    raise sqlite_error("SQLITE_IOERR")


class _Kill:
    """The process dies before the statement ``at``; for -1 beside the COMMIT."""

    def __init__(self, disk: Disk, chance: Chance, at: int) -> None:
        self._disk = disk
        self._chance = chance
        self._left = at

    def __call__(self, sql: str) -> None:
        if self._left == 0:
            self._chance.note("killed before", sql[:20])
            self._disk.database.before = None
            self._disk.roll_back()
            raise Killed
        self._left -= 1
        if self._left < -1 and sql == "COMMIT":
            self._disk.database.before = None
            if self._chance.happens(0.5):
                self._disk.database.execute("COMMIT")
                self._chance.note("killed after COMMIT")
            else:
                self._disk.roll_back()
                self._chance.note("killed before COMMIT")
            raise Killed


class _Full:
    """No space for what a transaction writes: found out at once, or at its COMMIT."""

    def __init__(self, disk: Disk, chance: Chance) -> None:
        self._disk = disk
        self._chance = chance
        self._at_commit = chance.happens(0.5)
        self._changes = disk.database.total_changes

    def __call__(self, sql: str) -> None:
        database = self._disk.database
        if self._at_commit:
            strikes = sql == "COMMIT" and database.total_changes > self._changes
        else:
            strikes = sql.startswith(_WRITES)
        if strikes:
            self._chance.note("disk is full at", sql[:20])
            if self._chance.happens(0.5):
                self._disk.roll_back()
            raise sqlite_error("SQLITE_FULL")


class _IoError:
    """One statement fails, or the COMMIT does: with or without what it was about.

    Perhaps what is asked afterwards fails, too.
    """

    def __init__(self, disk: Disk, chance: Chance, kind: StrikeKind) -> None:
        self._disk = disk
        self._chance = chance
        self._kind = kind
        self._left = chance.between(0, _LATEST_STATEMENT)
        self._struck = False
        self._goes_on = chance.happens(0.3)
        self._before = disk.database.serialize() if kind == "ghost" else b""

    def __call__(self, sql: str) -> None:
        if self._struck:
            if self._goes_on and sql.startswith("SELECT"):
                raise sqlite_error("SQLITE_IOERR")
            return
        if self._kind == "statement":
            self._left -= 1
            if self._left >= 0:
                return
        elif sql != "COMMIT":
            return
        self._struck = True
        self._chance.note("disk fails", self._kind, sql[:20])
        database = self._disk.database
        if self._kind == "done":
            database.before = None
            database.execute("COMMIT")
            database.before = self
        elif self._kind == "ghost":
            self._disk.keep_ghost(self._before)
        elif self._chance.happens(0.5):
            self._disk.roll_back()
        raise sqlite_error("SQLITE_IOERR")
