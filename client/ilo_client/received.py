"""What was received in a room: each message once, none again, and none for strangers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ilo_client.events import Warning_
from ilo_client.memory import Memory
from ilo_client.opening import Opened
from ilo_client.replay import Known, Last, judge

FORMER_EPOCHS: Final = 10_000
"""So many messages of earlier epochs are known again, in each room."""
DEVICES: Final = 64
"""So many devices of a sender are remembered, in each room."""


@dataclass(frozen=True, slots=True)
class Taken:
    """``is_new``: the application has not had it. ``warnings`` are about its device's chain."""

    is_new: bool
    warnings: tuple[Warning_, ...]


class Received:
    """What came in one room, in ``memory``."""

    def __init__(self, memory: Memory, room: str) -> None:
        self._memory = memory
        self._room = room

    def take_in(self, opened: Opened, place: tuple[str, int]) -> Taken:
        """Judge a message that the relay sends at ``place`` (epoch, seq), and remember it.

        Raises:
            Refused: it was here before: `replay`.
        """
        who = [self._room, opened.sender]
        epoch, seq = place
        with self._memory.transaction() as db:
            row = db.execute(
                "SELECT digest, epoch, seq, is_taken FROM known"
                " WHERE room = ? AND sender = ? AND mid = ?",
                [*who, opened.mid],
            ).fetchone()
            known = None if row is None else Known(*row[:3])
            device = db.execute(
                "SELECT seq, digest, is_gap_told FROM devices"
                " WHERE room = ? AND sender = ? AND device = ?",
                [*who, opened.link.device],
            ).fetchone()
            last = None if device is None else Last(*device[:2])
            verdict = judge(opened, place, live=True, known=known, last=last)
            if verdict.is_repeat:
                # After a crash it comes again at its place. In another epoch, which a restored
                # backup begins, what was taken before is not shown again.
                is_here = row is not None and tuple(row[1:3]) == place
                return Taken(is_here or not row[3], ())
            db.execute(
                "INSERT INTO known VALUES (?, ?, ?, ?, ?, ?, 0)",
                [*who, opened.mid, opened.digest, epoch, seq],
            )
            if verdict.last is not None:
                db.execute(
                    "INSERT OR REPLACE INTO devices VALUES (?, ?, ?, ?, ?, 0)",
                    [*who, opened.link.device, verdict.last.seq, verdict.last.digest],
                )
        is_told = device is not None and bool(device[2])
        return Taken(True, () if is_told else verdict.warnings)

    def look_back(self, opened: Opened, place: tuple[str, int]) -> None:
        """Judge a message of the history; nothing is remembered.

        Raises:
            Refused: it is not what was here under its name: `replay`.
        """
        with self._memory.reading() as db:
            row = db.execute(
                "SELECT digest, epoch, seq FROM known WHERE room = ? AND sender = ? AND mid = ?",
                [self._room, opened.sender, opened.mid],
            ).fetchone()
        judge(opened, place, live=False, known=None if row is None else Known(*row), last=None)

    def gap_told(self) -> None:
        """The application was told that messages are missing here: nobody needs to warn again."""
        with self._memory.transaction() as db:
            db.execute("UPDATE devices SET is_gap_told = 1 WHERE room = ?", [self._room])

    def forget(self, epoch: str, floor: int) -> None:
        """Forget what the relay has no more: nothing of it can come again unnoticed, because it
        is behind what its device said last."""
        with self._memory.transaction() as db:
            db.execute(
                "DELETE FROM known WHERE room = ? AND epoch = ? AND seq < ?",
                [self._room, epoch, floor],
            )
            db.execute(
                "DELETE FROM known WHERE room = ? AND epoch <> ? AND rowid NOT IN (SELECT rowid"
                " FROM known WHERE room = ? AND epoch <> ? ORDER BY rowid DESC LIMIT ?)",
                [self._room, epoch, self._room, epoch, FORMER_EPOCHS],
            )
            db.execute(
                "DELETE FROM devices WHERE room = ? AND rowid IN (SELECT rowid FROM (SELECT rowid,"
                " row_number() OVER (PARTITION BY sender ORDER BY rowid DESC) AS nth"
                " FROM devices WHERE room = ?) WHERE nth > ?)",
                [self._room, self._room, DEVICES],
            )

    # -- who can read

    def members_are(self, kids: Mapping[str, Iterable[str]], place: tuple[str, int]) -> None:
        """These are the members, with the ids of their keys; the newest message is at ``place``."""
        with self._memory.transaction() as db:
            for username, theirs in kids.items():
                for kid in theirs:
                    db.execute(
                        "INSERT OR REPLACE INTO readers VALUES (?, ?, ?, NULL, NULL)",
                        [self._room, kid, username],
                    )
                db.execute(
                    "UPDATE readers SET gone_epoch = NULL, gone_seq = NULL"
                    " WHERE room = ? AND username = ?",
                    [self._room, username],
                )
            rows = db.execute(
                "SELECT DISTINCT username FROM readers WHERE room = ? AND gone_seq IS NULL",
                [self._room],
            ).fetchall()
            for (username,) in rows:
                if username not in kids:
                    db.execute(
                        "UPDATE readers SET gone_epoch = ?, gone_seq = ?"
                        " WHERE room = ? AND username = ?",
                        [*place, self._room, username],
                    )

    def strangers(self, kids: Iterable[str], place: tuple[str, int]) -> frozenset[str]:
        """Return which of ``kids`` belong to nobody who was a member at ``place``, as far as that
        is known here."""
        found: set[str] = set()
        with self._memory.reading() as db:
            for kid in kids:
                row = db.execute(
                    "SELECT gone_epoch, gone_seq FROM readers WHERE room = ? AND kid = ?",
                    [self._room, kid],
                ).fetchone()
                if row is None or (row[0] == place[0] and row[1] < place[1]):
                    found.add(kid)
        return frozenset(found)
