"""What a store held and when: the truth that clients' stories are held against.

Whoever runs the store writes down each commit, as it happens. Instants are milliseconds of the
run. No I/O here, no clock, no waiting.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.support.history import Charge, Entry, Kind, Log

TOLD_GRACE_MS = 2000
"""So long after a removal was told somebody may still hear the room."""
UNTOLD_GRACE_MS = 60_000
"""The same for a removal that was not told: the relay asks again by itself."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a room says of itself. ``is_open`` and ``shows_all`` let members read everything."""

    is_open: bool
    shows_all: bool
    kept_messages: int
    kept_ms: int


class _Steps:
    """A number that only grows, and when it did."""

    def __init__(self, at_ms: int, value: int) -> None:
        self._at = [at_ms]
        self._values = [value]

    @property
    def now(self) -> int:
        return self._values[-1]

    @property
    def since_ms(self) -> int:
        return self._at[-1]

    def grow(self, at_ms: int, value: int) -> None:
        self._at.append(at_ms)
        self._values.append(value)

    def at(self, at_ms: int) -> int:
        return self._values[max(bisect_right(self._at, at_ms) - 1, 0)]


class Kept:
    """One log: ``entries`` holds everything that ever stood in it, whatever became of it."""

    def __init__(
        self, log: Log, room_id: str, rules: Rules, at_ms: int, *, head: int, floor: int
    ) -> None:
        self.log = log
        self.room_id = room_id
        self.rules = rules
        self.entries: dict[int, Entry] = {}
        self.stored_ms: dict[int, int] = {}
        self.heads = _Steps(at_ms, head)
        self.floors = _Steps(at_ms, floor)
        self.ended_ms: int | None = None
        self.is_deleted = False


@dataclass(slots=True)
class Stay:
    """Somebody's membership in a room from its beginning to its end, if it has one."""

    user: str
    room_id: str
    joined_seq: int
    from_ms: int
    to_ms: int | None = None
    told_ms: int | None = None


@dataclass(slots=True)
class Ledger:
    """``blind_ms`` is when somebody last asked the store something and had no answer.

    ``came_again`` names what was sent again after it had been forgotten.
    """

    logs: dict[Log, Kept] = field(default_factory=dict)
    stays: dict[tuple[str, str], list[Stay]] = field(default_factory=dict)
    charges: list[Charge] = field(default_factory=list)
    came_again: list[tuple[Log, str, str]] = field(default_factory=list)
    blind_ms: int = 0

    # -- logs

    def opens(self, kept: Kept) -> None:
        self.logs[kept.log] = kept

    def ends(self, log: Log, at_ms: int, *, deleted: bool) -> None:
        """The log is over: its room is deleted, or goes on in another epoch."""
        kept = self.logs[log]
        if kept.ended_ms is None:
            kept.ended_ms, kept.is_deleted = at_ms, deleted

    def stores(self, log: Log, at_ms: int, entry: Entry) -> None:
        kept = self.logs[log]
        floor = kept.floors.now
        # Of an earlier epoch too: a backup lacks what had been forgotten, and has its floor.
        for one in self.logs.values():
            if one.room_id == kept.room_id and any(
                (old.sender, old.id) == (entry.sender, entry.id) and old.seq < floor
                for old in one.entries.values()
            ):
                self.came_again.append((log, entry.sender, entry.id))
        kept.entries[entry.seq] = entry
        kept.stored_ms[entry.seq] = at_ms
        if entry.seq > kept.heads.now:
            kept.heads.grow(at_ms, entry.seq)

    def has_forgotten(self, log: Log, sender: str, message_id: str) -> bool:
        """Tell whether the message was stored, and is kept no longer."""
        kept = self.logs[log]
        return any(
            (entry.sender, entry.id) == (sender, message_id) and entry.seq < kept.floors.now
            for entry in kept.entries.values()
        )

    def raises_floor(self, log: Log, at_ms: int, floor: int, sent_before: str) -> None:
        """The room forgets what is below ``floor``.

        Due are messages with ``sent_at`` before ``sent_before``, and those beyond the newest
        ones that the room keeps.
        """
        kept = self.logs[log]
        oldest = kept.heads.now - kept.rules.kept_messages + 1
        if floor < kept.floors.now:
            self.charges.append(Charge(Kind.GONE, f"the floor of {log.room} fell to {floor}"))
        for seq in range(kept.floors.now, floor):
            entry = kept.entries.get(seq)
            if seq >= oldest and (entry is None or entry.sent_at >= sent_before):
                self.charges.append(
                    Charge(Kind.GONE, f"{log.room}/{seq} was forgotten before its time")
                )
        kept.floors.grow(at_ms, floor)

    def ends_with(self, log: Log, present: Sequence[Entry]) -> None:
        """In the end the store holds these from the floor on, and nothing else."""
        kept = self.logs[log]
        floor = kept.floors.now
        for seq in [seq for seq in kept.entries if seq >= floor]:
            del kept.entries[seq]
        for entry in present:
            kept.entries[entry.seq] = entry
        if len(present) > kept.rules.kept_messages:
            self.charges.append(
                Charge(Kind.GONE, f"{log.room} keeps {len(present)} messages for ever")
            )

    def entries(self) -> dict[Log, list[Entry]]:
        return {
            log: [kept.entries[seq] for seq in sorted(kept.entries)]
            for log, kept in self.logs.items()
        }

    # -- members

    def joins(self, room_id: str, user: str, joined_seq: int, at_ms: int) -> None:
        self.stays.setdefault((room_id, user), []).append(Stay(user, room_id, joined_seq, at_ms))

    def leaves(self, room_id: str, user: str, at_ms: int) -> None:
        self.stays[room_id, user][-1].to_ms = at_ms

    def told(self, room_id: str, user: str, at_ms: int) -> None:
        """The relay was told that the membership has ended."""
        for stay in self.stays.get((room_id, user), ()):
            if stay.to_ms is not None and stay.told_ms is None:
                stay.told_ms = at_ms

    def stay(self, room_id: str, user: str) -> Stay | None:
        """Return the membership as it is now; None when there is none."""
        stays = self.stays.get((room_id, user))
        return stays[-1] if stays and stays[-1].to_ms is None else None

    def stays_since(self, room_id: str, user: str, since_ms: int) -> list[Stay]:
        """Return those memberships that were not over at ``since_ms``."""
        return [
            stay
            for stay in self.stays.get((room_id, user), ())
            if stay.to_ms is None or stay.to_ms >= since_ms
        ]

    def may_hear(self, room_id: str, user: str, since_ms: int, at_ms: int) -> bool:
        """Tell whether a connection that is there since then may be sent what is stored now."""
        return any(
            stay.from_ms <= at_ms
            and (stay.to_ms is None or at_ms <= self.silent_ms(stay, since_ms))
            for stay in self.stays.get((room_id, user), ())
        )

    def silent_ms(self, stay: Stay, since_ms: int) -> int:
        """Return when, at the latest, who has left the room does not hear it any more.

        Of the end only those connections are told that are there: since ``since_ms``.
        """
        assert stay.to_ms is not None
        if stay.told_ms is not None and since_ms <= stay.told_ms:
            return stay.told_ms + TOLD_GRACE_MS
        return max(stay.to_ms, self.blind_ms) + UNTOLD_GRACE_MS
