"""What one connection is told, held at once against what the store held at that time.

``History`` judges in the end what became of messages; this judges the words around them:
``welcome``, ``gap``, ``history`` and the close codes, and whether somebody may hear at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from tests.support.history import Charge, Entry, Kind, Log
from tests.support.ledger import Kept, Ledger

_NOWHERE = Log("", "")
MEMBER_NO_MORE = 4403
ROOM_DELETED = 4410


class Gap(NamedTuple):
    from_seq: int
    to_seq: int
    reason: str


class Asked(NamedTuple):
    """A question for older messages; ``before`` is None for the newest."""

    before: int | None
    limit: int
    at_ms: int


class Page(NamedTuple):
    """A page of messages over the API: what was asked for, and what was told with them."""

    after: int
    limit: int
    at_ms: int
    floor: int
    head: int
    more: bool


@dataclass(slots=True)
class Visit:
    """One connection from its handshake on. ``since`` and ``epoch`` are the cursor it showed.

    ``gap`` is one that has to come before any message. ``last`` is how far it was given.
    """

    name: str
    user: str
    dialed_ms: int
    since: int | None
    epoch: str | None
    welcomed_ms: int = 0
    log: Log = _NOWHERE
    last: int = 0
    gap: Gap | None = None


class Promises:
    """Collects ``charges``; each method is called when a client hears of what it names."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.charges: list[Charge] = []

    def welcomed(
        self, visit: Visit, log: Log, head: int, floor: int, *, recovered: bool, now_ms: int
    ) -> bool:
        """Judge a ``welcome``; False when it is of a log that there never was."""
        kept = self._ledger.logs.get(log)
        if kept is None:
            self._charge(Kind.PHANTOM, visit, f"was welcomed to {log}, which never was")
            return False
        visit.log, visit.welcomed_ms = log, now_ms
        first, last = kept.heads.at(visit.dialed_ms), kept.heads.now
        if not first <= head <= last:
            self._charge(Kind.LIE, visit, f"was told the head {head}, it was {first} to {last}")
        own = self._own_floors(kept, visit, visit.dialed_ms)
        if not own:
            self._charge(Kind.LEAK, visit, "was let in and is no member")
            own = [1]
        first = max(min(own), kept.floors.at(visit.dialed_ms))
        last = max(max(own), kept.floors.now)
        if not first <= floor <= last:
            self._charge(Kind.LIE, visit, f"was told the floor {floor}, it was {first} to {last}")
        visit.gap = self._due_gap(visit, head, floor)
        visit.last = head
        if visit.since is not None:
            visit.last = visit.since
        if recovered != (visit.since is not None and visit.gap is None):
            self._charge(Kind.LIE, visit, f"was told that it is recovered: {recovered}")
        return True

    def told_gap(self, visit: Visit, gap: Gap) -> None:
        kept = self._ledger.logs[visit.log]
        if visit.gap is not None:
            if gap != visit.gap:
                self._charge(Kind.LIE, visit, f"was told {gap} instead of {visit.gap}")
            visit.gap = None
        elif gap.reason != "retention" or gap.from_seq != visit.last + 1:
            self._charge(Kind.LIE, visit, f"was told {gap} at {visit.last}")
        elif gap.to_seq < gap.from_seq or gap.to_seq >= self._floor(kept, visit):
            self._charge(Kind.LIE, visit, f"was told {gap}, which it could read")
        visit.last = gap.to_seq if gap.reason == "retention" else gap.from_seq - 1

    def given(self, visit: Visit, seq: int) -> None:
        """Judge that a message was sent to the connection."""
        if visit.gap is not None:
            self._charge(Kind.LIE, visit, f"was given {seq} without {visit.gap}")
            visit.gap = None
        visit.last = max(visit.last, seq)
        kept = self._ledger.logs[visit.log]
        own = self._own_floors(kept, visit, visit.dialed_ms)
        if own and seq < min(own):
            self._charge(Kind.LEAK, visit, f"was given {seq} of before it joined")
        stored_ms = kept.stored_ms.get(seq)
        if stored_ms is not None and not self._ledger.may_hear(
            kept.room_id, visit.user, visit.welcomed_ms, max(stored_ms, visit.welcomed_ms)
        ):
            self._charge(Kind.LEAK, visit, f"was given {seq} and is no member")

    def looked_back(
        self,
        visit: Visit,
        asked: Asked,
        entries: Sequence[Entry],
        *,
        more: bool,
    ) -> None:
        """Judge the answer to a question for older messages."""
        kept = self._ledger.logs[visit.log]
        seqs = [entry.seq for entry in entries]
        what = f"looked back before {asked.before} and got {seqs}"
        if not self._ledger.may_hear(kept.room_id, visit.user, visit.welcomed_ms, asked.at_ms):
            self._charge(Kind.LEAK, visit, f"{what}, and is no member")
        if any(kept.entries.get(entry.seq) != entry for entry in entries):
            self._charge(Kind.PHANTOM, visit, f"{what}, which the log does not have")
        own = min(self._own_floors(kept, visit, visit.dialed_ms), default=1)
        floor = max(own, kept.floors.at(asked.at_ms))
        if seqs and seqs[0] < floor:
            self._charge(Kind.LEAK, visit, f"{what}, below the floor {floor}")
        if any(later != seq + 1 for seq, later in pairwise(seqs)):
            self._charge(Kind.ORDER, visit, what)
        if len(seqs) > asked.limit:
            self._charge(Kind.LIE, visit, f"{what}, more than {asked.limit}")
        # What it should be, by the oldest and the newest that there could be an answer of.
        before = asked.before
        newest = [kept.heads.at(asked.at_ms), kept.heads.now]
        if before is not None:
            newest = [min(before - 1, one) for one in newest]
        highest_floor = self._floor(kept, visit)
        if seqs and not newest[0] <= seqs[-1] <= newest[1]:
            self._charge(Kind.GAP, visit, f"{what}, and the newest is {newest[0]}")
        # Of a deleted room there is nothing, also where that was not told yet.
        elif not seqs and newest[0] >= highest_floor and not kept.is_deleted:
            self._charge(Kind.GAP, visit, f"{what}, and there was {newest[0]}")
        if seqs and not more and seqs[0] > highest_floor:
            self._charge(Kind.LIE, visit, f"{what} as the oldest, and it is {highest_floor}")
        if seqs and more and seqs[0] <= floor:
            self._charge(Kind.LIE, visit, f"{what} and more, below the floor {floor}")

    def read(self, user: str, log: Log, page: Page, entries: Sequence[Entry]) -> None:
        """Judge a page of messages that the user was given over the API."""
        visit = Visit(f"{user}'s page", user, page.at_ms, None, None, page.at_ms, log)
        kept = self._ledger.logs[log]
        own = self._own_floors(kept, visit, page.at_ms)
        seqs = [entry.seq for entry in entries]
        if not own:
            self._charge(Kind.LEAK, visit, "is of a room where it is no member")
            return
        floor = max(min(own), kept.floors.at(page.at_ms))
        if seqs and seqs[0] < floor:
            self._charge(Kind.LEAK, visit, f"has {seqs}, below the floor {floor}")
        if any(kept.entries.get(entry.seq) != entry for entry in entries):
            self._charge(Kind.PHANTOM, visit, f"has {seqs}, which the log does not have")
        if any(later != seq + 1 for seq, later in pairwise(seqs)):
            self._charge(Kind.ORDER, visit, f"has {seqs}")
        if len(seqs) > page.limit:
            self._charge(Kind.LIE, visit, f"has {seqs}, more than {page.limit}")
        first = max(page.after + 1, floor)
        if seqs and seqs[0] > max(first, self._floor(kept, visit)):
            self._charge(Kind.GAP, visit, f"has {seqs} after {page.after}, the first is {first}")
        highest = max(page.after, self._floor(kept, visit) - 1)
        if not seqs and not page.more and kept.heads.at(page.at_ms) > highest:
            self._charge(Kind.GAP, visit, f"after {page.after} is empty")
        if seqs and not page.more and seqs[-1] < kept.heads.at(page.at_ms):
            self._charge(Kind.LIE, visit, f"has {seqs} and no more")

    def hung_up(self, visit: Visit, code: int) -> None:
        """Judge why the relay has closed the connection."""
        kept = self._ledger.logs.get(visit.log)
        if kept is None:
            return
        if code == MEMBER_NO_MORE:
            stays = self._ledger.stays_since(kept.room_id, visit.user, visit.dialed_ms)
            if any(stay.to_ms is None and stay.from_ms <= visit.dialed_ms for stay in stays):
                self._charge(Kind.END, visit, "was told that it is no member, and is one")
        elif code == ROOM_DELETED and kept.ended_ms is None:
            self._charge(Kind.END, visit, "was told that the room is deleted, and it is not")

    # -- the inside

    def _due_gap(self, visit: Visit, head: int, floor: int) -> Gap | None:
        """Return what the contract says about the cursor, by what the welcome told."""
        if visit.since is None:
            return None
        if visit.epoch is not None and visit.epoch != visit.log.epoch:
            return Gap(floor, head, "epoch")
        if visit.since > head:
            return Gap(head + 1, visit.since, "ahead")
        if visit.since < floor - 1:
            return Gap(visit.since + 1, floor - 1, "retention")
        return None

    def _own_floors(self, kept: Kept, visit: Visit, since_ms: int) -> list[int]:
        """Return the oldest seq that the user may read, by each membership since then."""
        stays = self._ledger.stays_since(kept.room_id, visit.user, since_ms)
        reads_all = kept.rules.is_open or kept.rules.shows_all
        return [1 if reads_all else stay.joined_seq + 1 for stay in stays]

    def _floor(self, kept: Kept, visit: Visit) -> int:
        own = self._own_floors(kept, visit, visit.dialed_ms)
        return max(kept.floors.now, max(own, default=1))

    def _charge(self, kind: Kind, visit: Visit, what: str) -> None:
        self.charges.append(Charge(kind, f"{visit.name} {what}"))
