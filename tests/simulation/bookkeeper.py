"""Reads the database after each commit, and writes down in a ledger what it holds."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from services.limits import Limits
from services.model import Draft, Instant
from services.rooms import PRIVATE_PREFIX
from services.timestamps import to_rfc3339
from store.sqlite.log import HEAD
from tests.simulation.disk import Disk
from tests.support.history import Charge, Entry, Kind, Log
from tests.support.ledger import Kept, Ledger, Rules

_ROOMS = " ".join(
    (
        "SELECT number, room_id, name, epoch, floor, owner IS NULL, shows_all_history,",
        "retention_s, retention_messages,",
        HEAD,
        "FROM rooms ORDER BY number",
    )
)
_ENTRIES = (
    "SELECT l.seq, l.message_id, u.name, l.sent_at, l.text FROM log AS l"
    " JOIN users AS u ON u.number = l.sender WHERE l.room = ? AND l.seq > ? ORDER BY l.seq"
)
_MEMBERS = (
    "SELECT r.room_id, u.name, m.joined_seq, m.since FROM room_members AS m"
    " JOIN rooms AS r ON r.number = m.room JOIN users AS u ON u.number = m.user"
    " WHERE m.joined ORDER BY r.number, u.number"
)


class Place(NamedTuple):
    """Where a member of a room has joined it."""

    joined_seq: int
    since: int


class Bookkeeper:
    """``limits`` are those for rooms that say nothing of their own."""

    def __init__(self, disk: Disk, ledger: Ledger, limits: Limits) -> None:
        self._disk = disk
        self._ledger = ledger
        self._limits = limits
        self._numbers: dict[int, Log] = {}
        self._places: dict[tuple[str, str], Place] = {}
        self._early: dict[int, list[Entry]] = {}
        self._early_places: dict[tuple[str, str], Place] = {}
        self._now = self._latest = Instant(0)
        self._changes = -1
        self._paused = False
        self._is_another = False

    def retention_asked(self, now: Instant, limits: Limits) -> None:
        """From here on floors are raised by that clock; a job may be of an earlier one.

        The clock may have gone back since, and the job's commit be there after all.
        """
        del limits
        self._now, self._latest = now, max(now, self._latest)

    def pause(self) -> None:
        """The database is put back to what it was: nothing counts before it has its epochs."""
        self._paused = True

    def resume(self) -> None:
        self._paused = False

    def begin(self) -> None:
        """A transaction begins: what was seen of one before, that failed, never was."""
        self._early, self._early_places = {}, {}

    def look_early(self) -> None:
        """Note what the transaction has written: it may be forgotten within the same one."""
        self._early = {
            number: self._entries_after(number, self._ledger.logs[log].heads.now)
            for number, log in self._numbers.items()
        }
        self._early_places |= self._members()

    def look(self, now_ms: int) -> list[tuple[str, str]]:
        """Write down what has changed; return the places (room, user) that have ended."""
        changes = self._disk.database.total_changes
        if self._paused or changes == self._changes:
            return []
        self._changes = changes
        return self._look(now_ms)

    def look_again(self, now_ms: int) -> list[tuple[str, str]]:
        """Do the same although nothing was written: the database is another one."""
        self.begin()
        self._is_another = True
        ended = self._look(now_ms)
        self._is_another = False
        return ended

    def _look(self, now_ms: int) -> list[tuple[str, str]]:
        rows = self._disk.query(_ROOMS)
        self._look_at_rooms(rows, now_ms)
        self._early = {}
        return self._look_at_members(now_ms)

    def look_last(self) -> None:
        """Write down what the rooms hold in the end."""
        for number, log in self._numbers.items():
            self._ledger.ends_with(log, self._entries_after(number, 0))

    def owner_of(self, room: str) -> str | None:
        """Return the owner of the room by that name; None when there is none."""
        rows = self._disk.query(
            "SELECT u.name FROM rooms AS r JOIN users AS u ON u.number = r.owner WHERE r.name = ?",
            (room,),
        )
        return rows[0][0] if rows else None

    def lets_in(self, room: str, user: str) -> bool:
        """Tell whether the user can come into the room: all open ones, and where one is invited."""
        if not room.startswith(PRIVATE_PREFIX):
            return True
        return bool(
            self._disk.query(
                "SELECT 1 FROM room_members AS m JOIN rooms AS r ON r.number = m.room"
                " JOIN users AS u ON u.number = m.user WHERE r.name = ? AND u.name = ?",
                (room, user),
            )
        )

    def private_rooms(self) -> list[str]:
        return [log.room for log in self._numbers.values() if log.room.startswith(PRIVATE_PREFIX)]

    def log_of(self, room: str) -> Kept | None:
        """Return the room's log as it is now; None when there is no such room."""
        for log in self._numbers.values():
            if log.room == room:
                return self._ledger.logs[log]
        return None

    def name_of(self, draft: Draft) -> tuple[str, str, str] | None:
        """Return what names the message: its room, its sender and its id; None without a room."""
        rooms = self._disk.query("SELECT name FROM rooms WHERE room_id = ?", (draft.room_id,))
        if not rooms:
            return None
        (room,) = rooms[0]
        (user,) = self._disk.query("SELECT name FROM users WHERE user_id = ?", (draft.sender,))[0]
        return room, user, str(UUID(bytes=draft.message_id))

    # -- the inside

    def _look_at_rooms(self, rows: Sequence[Any], now_ms: int) -> None:
        there: dict[int, Log] = {}
        for number, early in self._early.items():
            for entry in early:
                self._ledger.stores(self._numbers[number], now_ms, entry)
        for number, room_id, name, epoch, floor, *own, head in rows:
            log = there[number] = Log(name, str(UUID(bytes=epoch)))
            kept = self._ledger.logs.get(log)
            if kept is None:
                kept, known = self._open(log, room_id.hex(), own, now_ms, head=head, floor=floor), 0
            else:
                known = kept.heads.now
            if head > known:
                for entry in self._entries_after(number, known):
                    self._ledger.stores(log, now_ms, entry)
            if floor != kept.floors.now:
                now = self._latest if self._is_another else self._now
                sent_before = Instant(now - kept.rules.kept_ms)
                self._ledger.raises_floor(log, now_ms, floor, to_rfc3339(sent_before))
        room_ids = {self._ledger.logs[log].room_id: None for log in there.values()}
        for number, log in self._numbers.items():
            if there.get(number) != log:
                gone = self._ledger.logs[log].room_id not in room_ids
                self._ledger.ends(log, now_ms, deleted=gone)
        self._numbers = there

    def _open(
        self, log: Log, room_id: str, own: Sequence[Any], now_ms: int, *, head: int, floor: int
    ) -> Kept:
        is_open, shows_all, retention_s, retention_messages = own
        rules = Rules(
            bool(is_open),
            bool(shows_all),
            self._limits.retention_messages if retention_messages is None else retention_messages,
            (self._limits.retention_s if retention_s is None else retention_s) * 1000,
        )
        kept = Kept(log, room_id, rules, now_ms, head=head, floor=floor)
        self._ledger.opens(kept)
        return kept

    def _look_at_members(self, now_ms: int) -> list[tuple[str, str]]:
        early, self._early_places = self._early_places, {}
        ended = self._turn_into(self._places | early, now_ms) if early else []
        return ended + self._turn_into(self._members(), now_ms)

    def _turn_into(self, there: dict[tuple[str, str], Place], now_ms: int) -> list[tuple[str, str]]:
        """Write down how the members became those, and return the places that ended."""
        ended = [who for who, place in self._places.items() if there.get(who) != place]
        for room_id, user in ended:
            self._ledger.leaves(room_id, user, now_ms)
        for who, place in there.items():
            if self._places.get(who) != place:
                self._ledger.joins(*who, place.joined_seq, now_ms)
                self._check(*who, place)
        self._places = there
        return ended

    def _check(self, room_id: str, user: str, place: Place) -> None:
        """Whoever joins does so at the head, and reads what comes after it."""
        for log in self._numbers.values():
            kept = self._ledger.logs[log]
            head = kept.heads.now
            if kept.room_id == room_id and place.joined_seq != head and not self._is_another:
                what = f"{user} joined {log.room} at {place.joined_seq} of {head}"
                self._ledger.charges.append(Charge(Kind.LEAK, what))

    def _members(self) -> dict[tuple[str, str], Place]:
        return {
            (room_id.hex(), name): Place(joined_seq, since)
            for room_id, name, joined_seq, since in self._disk.query(_MEMBERS)
        }

    def _entries_after(self, number: int, after: int) -> list[Entry]:
        return [
            Entry(seq, str(UUID(bytes=message_id)), name, to_rfc3339(sent_at), text)
            for seq, message_id, name, sent_at, text in self._disk.query(_ENTRIES, (number, after))
        ]
