"""Bugs in what the store writes, what it says of it, and what it forgets."""

import sqlite3
from collections.abc import Sequence
from typing import Any

import store.sqlite.log
import store.sqlite.retention
from services.errors import StorageFull, StoreUnavailable
from services.limits import Limits
from services.model import Draft, Instant
from store.sqlite.committer import Committer
from store.sqlite.log import Outcome, RoomLog
from store.sqlite.requests import Append, Group, Telling
from store.sqlite.retention import Due, find_due
from tests.simulation import disk
from tests.simulation.bug import Bug, bug
from tests.simulation.disk import Disk
from tests.simulation.store import VirtualStore

_commit = Committer.commit
_undo = Committer._undo
_not_written = RoomLog.not_written
_append_with_care = RoomLog._append_with_care
_open = VirtualStore.__init__
_plan = Disk._plan
_image = disk.empty_image


def _image_with_ids_twice() -> bytes:
    """Return an empty database in which one id may name two messages."""
    with sqlite3.connect(":memory:", isolation_level=None) as connection:
        connection.deserialize(_image())
        connection.execute("DROP INDEX log_by_id")
        connection.execute("CREATE INDEX log_by_id ON log (room, sender, message_id)")
        image = connection.serialize()
    connection.close()
    return image


def _look_at_none(self: RoomLog, drafts: Sequence[Draft]) -> list[Outcome]:
    self._knows_all_of(drafts)
    return self._append_new(drafts)


def _look_at_the_file_alone(self: RoomLog, drafts: Sequence[Draft]) -> list[Outcome]:
    """Look for each id in what was there before the group, not in the group."""
    self._knows_all_of(drafts)
    known = [one for one in drafts if _stored(self, one) is not None]
    return _append_with_care(self, drafts) if known else self._append_new(drafts)


def _stored(self: RoomLog, draft: Draft) -> Any:
    room, sender = self._room(draft.room_id), self._sender(draft.sender)
    assert room is not None
    key = (room.number, sender, draft.message_id)
    return self._connection.execute(store.sqlite.log._STORED, key).fetchone()


_NEWEST_ALONE = (
    "SELECT seq, sent_at, text FROM log WHERE room = ? AND sender = ? AND message_id = ?"
    " AND seq > (SELECT max(l.seq) FROM log AS l WHERE l.room = log.room) - 2"
)


def _count_from_before(self: VirtualStore, the_disk: Disk, *more: Any) -> None:
    """Count on from a head that was noted before the last message."""
    the_disk.query("DELETE FROM log WHERE place IN (SELECT max(place) FROM log GROUP BY room)")
    _open(self, the_disk, *more)


class _Unsynced:
    """Puts back, when a process starts, what the file held before its last commit."""

    def __init__(self) -> None:
        self._before: dict[Disk, bytes] = {}

    def plan(self, the_disk: Disk) -> Any:
        self._before[the_disk] = the_disk.database.serialize()
        return _plan(the_disk)

    def recover(self, the_disk: Disk) -> bool:
        before = self._before.pop(the_disk, None)
        if before is None:
            return False
        the_disk.roll_back()
        the_disk.database.deserialize(before)
        return True


def _full_refuses_retries(
    self: RoomLog, drafts: Sequence[Draft], refusal: type[StorageFull | StoreUnavailable]
) -> list[Outcome]:
    return [refusal() for _ in drafts]


def _refuse_after_reread(self: Committer, error: sqlite3.Error) -> type[StorageFull]:
    """What is not found after a failed commit is taken for not stored."""
    _undo(self, error)
    return StorageFull


def _full_is_certain(self: Committer, error: sqlite3.Error) -> type[Any]:
    """What found no space is not stored, whatever was tried with it before."""
    self._may_come_back = False
    refusal = _undo(self, error)
    self._may_come_back = False
    return refusal


def _nobody_is_late(self: Committer, asked: Sequence[Append]) -> set[int]:
    return set()


def _late_once(self: Committer, group: Group) -> list[Telling]:
    """Whoever is refused for being late is not in doubt for it."""
    before = dict(self._in_doubt)
    failures = self.failures
    told = _commit(self, group)
    if before and self.failures == failures + 1:
        self._in_doubt = {who: n for who, n in self._in_doubt.items() if who not in before}
    return told


_messages_after = store.sqlite.log.messages_after


def _page_after(connection: sqlite3.Connection, **wanted: Any) -> Any:
    found = _messages_after(connection, **wanted)
    return found[1:] if len(found) > 2 else found


_messages_before = store.sqlite.log.messages_before


def _before_is_included(connection: sqlite3.Connection, before: int | None, **wanted: Any) -> Any:
    later = None if before is None else before + 1
    return _messages_before(connection, before=later, **wanted)


def _forgets_one_too_many(
    connection: sqlite3.Connection, after: int, now: Instant, limits: Limits
) -> Due:
    due = find_due(connection, after, now, limits)
    return Due([(floor + 1, room) for floor, room in due.floors], due.full, due.empty, due.last)


def _forgets_nothing(
    connection: sqlite3.Connection, after: int, now: Instant, limits: Limits
) -> Due:
    return Due([], [], [], 0)


async def _same_epoch(self: VirtualStore) -> int:
    return 0


_IDS_TWICE = (disk, "empty_image", _image_with_ids_twice)
_UNSYNCED = _Unsynced()

BUGS: dict[str, Bug] = {
    "no_dedup": bug(20, _IDS_TWICE, (RoomLog, "append", _look_at_none)),
    "dup_in_group": bug(300, _IDS_TWICE, (RoomLog, "append", _look_at_the_file_alone)),
    "dedup_newest_only": bug(
        50,
        _IDS_TWICE,
        (store.sqlite.log, "_STORED", _NEWEST_ALONE),
        (RoomLog, "_knows_all_of", lambda self, drafts: False),
    ),
    "head_reused_after_restart": bug(50, (VirtualStore, "__init__", _count_from_before)),
    "acked_before_sync": bug(
        100,
        (Disk, "_plan", lambda self: _UNSYNCED.plan(self)),
        (Disk, "recover", lambda self: _UNSYNCED.recover(self)),
    ),
    "full_refuses_retries": bug(400, (RoomLog, "not_written", _full_refuses_retries)),
    "refuse_after_reread": bug(200, (Committer, "_undo", _refuse_after_reread)),
    "full_is_certain": bug(0, (Committer, "_undo", _full_is_certain)),
    "later_group_goes_on": bug(200, (Committer, "_late", _nobody_is_late)),
    "late_once": bug(0, (Committer, "commit", _late_once)),
    "page_skips_one": bug(100, (store.sqlite.log, "messages_after", _page_after)),
    "history_before_included": bug(50, (store.sqlite.log, "messages_before", _before_is_included)),
    "forgets_one_too_many": bug(20, (store.sqlite.retention, "find_due", _forgets_one_too_many)),
    "forgets_nothing": bug(20, (store.sqlite.retention, "find_due", _forgets_nothing)),
    "same_epoch_after_restore": bug(200, (VirtualStore, "begin_epochs", _same_epoch)),
}
