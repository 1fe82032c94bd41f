"""What becomes of old messages: no longer shown at once, deleted a number at a time.

Looking for what is due reads, off the writer; only what is due is done there, and each job is
so small that the messages behind it hardly wait.
"""

import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

from services.limits import Limits
from services.model import Instant, RoomId
from store.sqlite.log import HEAD, RoomLog
from store.sqlite.rooms import delete_room

T = TypeVar("T")

ROOMS_AT_ONCE = 200
"""Rooms that one look takes."""
WALKED_AT_ONCE = 2000
"""Messages whose age one look asks for, but for the last room's."""
DELETED_AT_ONCE = 200
"""Messages that one job deletes."""
PAGES_AT_ONCE = 64
"""Pages of the file that one job gives back."""

_ROOMS = (
    "SELECT number, room_id, floor, retention_s, retention_messages,"
    f" owner IS NULL AND places = 0, {HEAD},"
    " (SELECT sent_at FROM log WHERE room = number AND seq = floor),"
    " EXISTS (SELECT 1 FROM log WHERE room = number AND seq < floor)"
    " FROM rooms WHERE number > ? ORDER BY number LIMIT ?"
)
_AGES = "SELECT seq, sent_at FROM log WHERE room = ? AND seq >= ? ORDER BY seq LIMIT ?"
_DELETE = (
    "DELETE FROM log WHERE place IN"
    " (SELECT place FROM log WHERE room = ? AND seq < ? ORDER BY seq LIMIT ?)"
)
_NO_END = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Due:
    """What one look has found. ``last`` is the number of the last room looked at, 0 at the end.

    ``floors`` are rooms' new floors, ``full`` the numbers of rooms with messages below theirs,
    ``empty`` open rooms with nobody and nothing in them.
    """

    floors: Sequence[tuple[int, RoomId]]
    full: Sequence[int]
    empty: Sequence[RoomId]
    last: int


class Runs(Protocol):
    """Runs a job on another thread."""

    def __call__(self, job: Callable[[sqlite3.Connection], T], /) -> Awaitable[T]: ...


class Retention:
    """Goes round the rooms. ``read`` looks on the thread of pages, ``write`` on the writer's."""

    def __init__(self, log: RoomLog, read: Runs, write: Runs) -> None:
        self._log = log
        self._read = read
        self._write = write
        self._after = 0

    async def enforce(self, now: Instant, limits: Limits) -> int:
        """Do what ``services.ports.RoomStore.enforce_retention`` promises."""
        deleted = await self._read(find_deleted)
        if deleted is not None:
            return await self._write(partial(purge_deleted, number=deleted))
        # Nothing is left when all rooms, from the first on, had nothing due.
        from_first = self._after == 0
        while True:
            due = await self._read(partial(find_due, after=self._after, now=now, limits=limits))
            # On to the next rooms, though these may have more: no room waits for another's
            # floor until all that is below the first one's is deleted.
            self._after = due.last
            if due.floors or due.full or due.empty:
                return await self._write(partial(do_due, log=self._log, due=due))
            if due.last == 0:
                if from_first:
                    break
                from_first = True
        if await self._read(count_free_pages):
            return await self._write(give_back)
        return 0


def find_deleted(connection: sqlite3.Connection) -> int | None:
    """Return the number of a deleted room that waits to be forgotten."""
    row = connection.execute("SELECT room FROM deleted_rooms LIMIT 1").fetchone()
    return None if row is None else row[0]


def find_due(connection: sqlite3.Connection, after: int, now: Instant, limits: Limits) -> Due:
    """Look at up to ``ROOMS_AT_ONCE`` rooms with numbers above ``after``."""
    floors: list[tuple[int, RoomId]] = []
    full: list[int] = []
    empty: list[RoomId] = []
    walked = 0
    rows: list[Any] = connection.execute(_ROOMS, (after, ROOMS_AT_ONCE)).fetchall()
    for number, room_id, floor, age_s, count, is_left, head, oldest, has_older in rows:
        kept = limits.retention_messages if count is None else count
        oldest_kept_at = now - (limits.retention_s if age_s is None else age_s) * 1000
        new_floor = max(floor, head - kept + 1)
        if oldest is not None and oldest < oldest_kept_at and walked < WALKED_AT_ONCE:
            aged = _first_kept(connection, number, floor, oldest_kept_at)
            walked += aged - floor
            new_floor = max(new_floor, aged)
        if new_floor > floor:
            floors.append((new_floor, room_id))
        if has_older or new_floor > floor:
            full.append(number)
        elif is_left and floor > head:
            empty.append(room_id)
    return Due(floors, full, empty, rows[-1][0] if len(rows) == ROOMS_AT_ONCE else 0)


def do_due(connection: sqlite3.Connection, log: RoomLog, due: Due) -> int:
    """Raise the floors, delete some of what is below them, and empty rooms that still are so."""
    done = len(due.floors)
    connection.executemany("UPDATE rooms SET floor = max(floor, ?) WHERE room_id = ?", due.floors)
    deleted = 0
    for number in due.full:
        deleted += _delete_below_floor(connection, number, DELETED_AT_ONCE - deleted)
        if deleted >= DELETED_AT_ONCE:
            break
    for room_id in due.empty:
        row = connection.execute(
            "SELECT number FROM rooms WHERE room_id = ? AND owner IS NULL AND places = 0"
            f" AND floor > {HEAD}",
            (room_id,),
        ).fetchone()
        if row is not None:
            delete_room(connection, log, room_id, row[0])
    return done + deleted + len(due.empty)


def purge_deleted(connection: sqlite3.Connection, number: int) -> int:
    """Delete some of what was said in the deleted room; with the last of it, its number."""
    deleted = connection.execute(_DELETE, (number, _NO_END, DELETED_AT_ONCE)).rowcount
    if deleted < DELETED_AT_ONCE:
        connection.execute("DELETE FROM deleted_rooms WHERE room = ?", (number,))
    return deleted + 1


def count_free_pages(connection: sqlite3.Connection) -> int:
    row: tuple[int] = connection.execute("PRAGMA freelist_count").fetchone()
    return row[0]


def give_back(connection: sqlite3.Connection) -> int:
    """Make the file smaller by up to ``PAGES_AT_ONCE`` pages; return by how many."""
    free = count_free_pages(connection)
    for _ in range(min(free, PAGES_AT_ONCE)):
        # One by one: the pragma does a page a step, and Python takes but one step.
        connection.execute("PRAGMA incremental_vacuum(1)")
    return free - count_free_pages(connection)


def _first_kept(connection: sqlite3.Connection, number: int, floor: int, since: int) -> int:
    """Return the seq of the first message from ``floor`` on that is not older than ``since``.

    Or of one before it: no more than ``WALKED_AT_ONCE`` are looked at.
    """
    kept = floor
    for seq, sent_at in connection.execute(_AGES, (number, floor, WALKED_AT_ONCE)).fetchall():
        if sent_at >= since:
            break
        kept = seq + 1
    return kept


def _delete_below_floor(connection: sqlite3.Connection, number: int, limit: int) -> int:
    row = connection.execute("SELECT floor FROM rooms WHERE number = ?", (number,)).fetchone()
    if row is None:
        return 0
    return connection.execute(_DELETE, (number, row[0], limit)).rowcount
