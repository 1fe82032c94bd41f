"""What a client remembers on disk, safe against a kill at any moment and against two processes.

Every method is one transaction: it is done, or it never began. None awaits; each may wait for the
disk, so that asynchronous code calls them in a thread.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Final
from uuid import uuid4

from ilo_client.failures import BrokenHome

BUSY_S: Final = 30.0
"""How long to wait for another process's transaction."""
VERSION: Final = 1

_TABLES: Final = """
CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE pins (
    username TEXT PRIMARY KEY, kid TEXT NOT NULL, card TEXT NOT NULL, created_at INTEGER NOT NULL,
    is_verified INTEGER NOT NULL, waiting TEXT, waiting_kid TEXT
);
CREATE TABLE former_pins (
    username TEXT NOT NULL, kid TEXT NOT NULL, card TEXT NOT NULL, PRIMARY KEY (username, kid)
);
CREATE TABLE known (
    room TEXT NOT NULL, sender TEXT NOT NULL, mid TEXT NOT NULL, digest TEXT NOT NULL,
    epoch TEXT NOT NULL, seq INTEGER NOT NULL, is_taken INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (room, sender, mid)
);
CREATE INDEX known_places ON known (room, epoch, seq);
CREATE TABLE devices (
    room TEXT NOT NULL, sender TEXT NOT NULL, device TEXT NOT NULL, seq INTEGER NOT NULL,
    digest TEXT NOT NULL, is_gap_told INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (room, sender, device)
);
CREATE TABLE readers (
    room TEXT NOT NULL, kid TEXT NOT NULL, username TEXT NOT NULL, gone_epoch TEXT,
    gone_seq INTEGER, PRIMARY KEY (room, kid)
);
CREATE TABLE links (room TEXT PRIMARY KEY, seq INTEGER NOT NULL, digest TEXT NOT NULL);
CREATE TABLE outbox (
    room TEXT NOT NULL, attempt INTEGER NOT NULL, mid TEXT NOT NULL, text TEXT NOT NULL,
    digest TEXT NOT NULL, seq INTEGER NOT NULL, epoch TEXT NOT NULL, after INTEGER NOT NULL,
    PRIMARY KEY (room, attempt)
);
CREATE TABLE cursors (room TEXT PRIMARY KEY, epoch TEXT NOT NULL, seq INTEGER NOT NULL);
CREATE TABLE labels (room TEXT PRIMARY KEY, label TEXT NOT NULL);
CREATE TABLE expelled (room TEXT NOT NULL, username TEXT NOT NULL, PRIMARY KEY (room, username));
"""


class Memory:
    """The file at ``path``, made if it is not there. May be used from any thread.

    Raises:
        BrokenHome: it is no such file, or a newer client's.
    """

    def __init__(self, path: Path) -> None:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        self._turn = RLock()
        self.db = sqlite3.connect(
            path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
        )
        try:
            self.db.execute("PRAGMA journal_mode = WAL")
            self.db.execute("PRAGMA synchronous = FULL")
            self.db.execute("PRAGMA secure_delete = ON")
            with self.transaction() as db:
                self._make(db)
        except sqlite3.DatabaseError as error:
            self.db.close()
            raise BrokenHome(f"memory.sqlite does not open: {error}") from None
        except BaseException:
            self.db.close()
            raise

    def _make(self, db: sqlite3.Connection) -> None:
        [version] = db.execute("PRAGMA user_version").fetchone()
        if version == VERSION:
            return
        if version != 0:
            raise BrokenHome("memory.sqlite is from a newer client")
        for statement in _TABLES.split(";"):
            db.execute(statement)
        db.execute("INSERT INTO notes VALUES ('device', ?)", [str(uuid4())])
        db.execute(f"PRAGMA user_version = {VERSION}")

    def __repr__(self) -> str:
        return "<Memory>"

    def close(self) -> None:
        with self._turn:
            self.db.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Do all of the block, or nothing of it; nobody else writes meanwhile."""
        with self._turn:
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield self.db
            except BaseException:
                self.db.execute("ROLLBACK")
                raise
            self.db.execute("COMMIT")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One look, by one statement."""
        with self._turn:
            yield self.db

    # -- notes

    @property
    def device(self) -> str:
        """This folder's name among the devices of its person; a random UUID."""
        device = self.note("device")
        if device is None:
            raise BrokenHome("memory.sqlite does not know its device")
        return device

    def note(self, name: str) -> str | None:
        with self.reading() as db:
            row = db.execute("SELECT value FROM notes WHERE name = ?", [name]).fetchone()
        return None if row is None else str(row[0])

    def keep_note(self, name: str, value: str | None) -> None:
        """Keep a note; None forgets it."""
        with self.transaction() as db:
            if value is None:
                db.execute("DELETE FROM notes WHERE name = ?", [name])
            else:
                db.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", [name, value])

    # -- rooms

    def label(self, room: str) -> str | None:
        """Return what this person calls ``room``."""
        with self.reading() as db:
            row = db.execute("SELECT label FROM labels WHERE room = ?", [room]).fetchone()
        return None if row is None else str(row[0])

    def keep_label(self, room: str, label: str | None) -> None:
        with self.transaction() as db:
            if label is None:
                db.execute("DELETE FROM labels WHERE room = ?", [room])
            else:
                db.execute("INSERT OR REPLACE INTO labels VALUES (?, ?)", [room, label])

    def expelled(self, room: str) -> frozenset[str]:
        """Return whom this person removed from ``room`` and has not invited again."""
        with self.reading() as db:
            rows = db.execute("SELECT username FROM expelled WHERE room = ?", [room]).fetchall()
        return frozenset(str(name) for (name,) in rows)

    def expel(self, room: str, username: str) -> None:
        with self.transaction() as db:
            db.execute("INSERT OR IGNORE INTO expelled VALUES (?, ?)", [room, username])

    def readmit(self, room: str, username: str) -> None:
        with self.transaction() as db:
            db.execute("DELETE FROM expelled WHERE room = ? AND username = ?", [room, username])

    def cursor(self, room: str) -> tuple[str, int] | None:
        """Return epoch and seq of the newest message of ``room`` that the application took."""
        with self.reading() as db:
            row = db.execute("SELECT epoch, seq FROM cursors WHERE room = ?", [room]).fetchone()
        return None if row is None else (str(row[0]), int(row[1]))

    def keep_cursor(self, room: str, epoch: str, seq: int) -> None:
        """The application took everything up to ``seq``. Within an epoch it only moves on."""
        with self.transaction() as db:
            db.execute(
                "INSERT INTO cursors VALUES (?, ?, ?) ON CONFLICT (room) DO UPDATE SET"
                " seq = CASE WHEN epoch = excluded.epoch THEN max(seq, excluded.seq)"
                " ELSE excluded.seq END, epoch = excluded.epoch",
                [room, epoch, seq],
            )
            db.execute(
                "UPDATE known SET is_taken = 1"
                " WHERE room = ? AND epoch = ? AND seq <= ? AND is_taken = 0",
                [room, epoch, seq],
            )

    def forget_room(self, room: str) -> None:
        """Forget where one was in a room that one is no member of any more, and what is unsent.

        What protects against repeated messages stays: one may come back.
        """
        with self.transaction() as db:
            db.execute("DELETE FROM cursors WHERE room = ?", [room])
            db.execute("DELETE FROM outbox WHERE room = ?", [room])
            db.execute("DELETE FROM labels WHERE room = ?", [room])
            db.execute("DELETE FROM expelled WHERE room = ?", [room])
