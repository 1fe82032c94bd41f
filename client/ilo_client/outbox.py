"""What this device has to say and is not acknowledged, and how its messages are linked.

In each room one message at a time is under way. It is kept sealed, before it is sent, so that it
is the same after a crash; when it had to be sealed again, all its forms are kept, since one that
was sent before may be the one that is stored.
"""

from dataclasses import dataclass, field

from ilo_client.envelope import Link
from ilo_client.memory import Memory


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A sealed message. ``after`` is the newest seq of ``epoch`` when it was made."""

    mid: str
    text: str = field(repr=False)
    digest: str
    seq: int
    epoch: str
    after: int

    def after_in(self, epoch: str) -> int:
        """Return what is to be said as `after`; in another epoch nothing counts."""
        return self.after if epoch == self.epoch else 0


class Outbox:
    """The outbox of one room. Who changes it keeps others out: see `Home.one_at_a_time`."""

    def __init__(self, memory: Memory, room: str) -> None:
        self._memory = memory
        self._room = room

    def next_link(self) -> Link:
        """Return the place of the next new message in this device's chain."""
        with self._memory.reading() as db:
            row = db.execute(
                "SELECT seq, digest FROM links WHERE room = ?", [self._room]
            ).fetchone()
        device = self._memory.device
        return Link(device, 1, None) if row is None else Link(device, int(row[0]) + 1, str(row[1]))

    def forms(self) -> list[Outgoing]:
        """Return every form of the message under way, the newest first; empty if there is none."""
        with self._memory.reading() as db:
            rows = db.execute(
                "SELECT mid, text, digest, seq, epoch, after FROM outbox WHERE room = ?"
                " ORDER BY attempt DESC",
                [self._room],
            ).fetchall()
        return [Outgoing(*row) for row in rows]

    def put(self, form: Outgoing) -> None:
        """Keep a form, as the newest one."""
        with self._memory.transaction() as db:
            db.execute(
                "INSERT INTO outbox SELECT ?, coalesce(max(attempt), 0) + 1, ?, ?, ?, ?, ?, ?"
                " FROM outbox WHERE room = ?",
                [
                    self._room,
                    form.mid,
                    form.text,
                    form.digest,
                    form.seq,
                    form.epoch,
                    form.after,
                    self._room,
                ],
            )

    def stored(self, form: Outgoing) -> None:
        """The relay has ``form``: the next message follows it."""
        with self._memory.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO links VALUES (?, ?, ?)",
                [self._room, form.seq, form.digest],
            )
            db.execute("DELETE FROM outbox WHERE room = ?", [self._room])

    def drop(self) -> None:
        """The message under way is refused for good, in every form: its link is free again."""
        with self._memory.transaction() as db:
            db.execute("DELETE FROM outbox WHERE room = ?", [self._room])
