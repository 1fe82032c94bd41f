"""What several clients saw, held against what the rooms' logs hold in the end.

Whoever drives clients writes down what happens, as it happens; ``charges`` then says what was
promised and not kept. No I/O here, no clock, no waiting.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, NamedTuple


class Kind(Enum):
    """What can be wrong."""

    LOST = "lost"
    """Acknowledged, and not in the log."""
    DUPLICATE = "duplicate"
    """One message at two places of a log, or given to a connection twice."""
    PHANTOM = "phantom"
    """There although nobody sent it, or although its sender was told that it is not stored."""
    ORDER = "order"
    """A connection went back, or a sender's messages stand otherwise than they were sent."""
    GAP = "gap"
    """A hole in a log, or between two messages of a connection."""
    SENDER = "sender"
    """Under the name of somebody who did not send it."""
    SEQ = "seq"
    """Acknowledged or delivered with a seq or a time that is not the log's."""
    LIE = "lie"
    """Something told of the room that was not so: a gap that names what could be read, a head."""
    LEAK = "leak"
    """Given to somebody who may not read it: no member, not yet one, or it is below the floor."""
    GONE = "gone"
    """Forgotten before its time, or kept for ever."""
    END = "end"
    """Closed for a reason that does not hold, or not closed for one that does."""


class Charge(NamedTuple):
    kind: Kind
    detail: str

    def __str__(self) -> str:
        return f"{self.kind.value}: {self.detail}"


class Entry(NamedTuple):
    """One message, as a log holds it or as a connection was given it."""

    seq: int
    id: str
    sender: str
    sent_at: str
    text: str


class Log(NamedTuple):
    """One sequence of a room's: another epoch is another log."""

    room: str
    epoch: str


class _Name(NamedTuple):
    """What names a message for good."""

    room: str
    sender: str
    id: str


@dataclass(slots=True)
class _Sent:
    place: int
    text: str
    line: str
    acks: dict[tuple[Log, int, str], None] = field(default_factory=dict)
    not_stored: dict[Log, None] = field(default_factory=dict)
    may_come_later: bool = False
    may_come_again: dict[Log, None] = field(default_factory=dict)


class _Move(NamedTuple):
    """A cursor goes to ``to``, and what was between is not owed."""

    to: int


@dataclass(slots=True)
class _Heard:
    log: Log
    head: int
    given: list[Entry | _Move]


class History:
    """One run of clients and rooms, from the first message to the last."""

    def __init__(self) -> None:
        self._sent: dict[_Name, _Sent] = {}
        self._heard: dict[str, _Heard] = {}

    def sends(
        self, room: str, sender: str, message_id: str, text: str, line: str | None = None
    ) -> None:
        """``sender`` sends a message for the first time; sending it again is not told here.

        What is sent on one ``line`` has an order; without one it is the sender's only line.
        """
        name = _Name(room, sender, message_id)
        self._sent[name] = _Sent(len(self._sent), text, line or sender)

    def acked(self, log: Log, sender: str, message_id: str, seq: int, sent_at: str) -> None:
        """A message may be acknowledged more than once: each time the same."""
        self._sent[_Name(log.room, sender, message_id)].acks[log, seq, sent_at] = None

    def refused(
        self, log: Log, sender: str, message_id: str, stored: Literal["no", "unknown"]
    ) -> None:
        if stored == "no":
            self._sent[_Name(log.room, sender, message_id)].not_stored[log] = None

    def may_come_later(self, room: str, sender: str, message_id: str) -> None:
        """It was refused once and may be sent again: its place among its line's is open."""
        self._sent[_Name(room, sender, message_id)].may_come_later = True

    def may_come_again(self, log: Log, sender: str, message_id: str) -> None:
        """It was forgotten before it was sent again: then it is another message."""
        self._sent[_Name(log.room, sender, message_id)].may_come_again[log] = None

    def enters(self, connection: str, log: Log, head: int) -> None:
        """A connection is welcomed: it is owed everything after ``head``."""
        self._heard[connection] = _Heard(log, head, [])

    def receives(self, connection: str, entry: Entry) -> None:
        self._heard[connection].given.append(entry)

    def moves(self, connection: str, to: int) -> None:
        """A gap is told to the connection: it is owed everything after ``to``."""
        self._heard[connection].given.append(_Move(to))

    def unanswered(self) -> list[str]:
        """Return the ids that have neither an ack nor the word that they are not stored."""
        return [
            name.id for name, sent in self._sent.items() if not sent.acks and not sent.not_stored
        ]

    def charges(self, logs: Mapping[Log, Sequence[Entry]]) -> list[Charge]:
        """Return everything that is wrong; ``logs`` holds all that each log ever held."""
        found: list[Charge] = []
        for log, entries in logs.items():
            found += self._against_log(log, entries)
        found += self._against_acks(logs)
        for connection, heard in self._heard.items():
            found += self._against_connection(connection, heard, logs.get(heard.log, ()))
        return found

    def _against_log(self, log: Log, entries: Sequence[Entry]) -> Iterator[Charge]:
        seen: dict[_Name, int] = {}
        newest: dict[str, int] = {}
        for place, entry in enumerate(entries):
            where = f"{log.room}/{entry.seq}"
            if place and entry.seq != entries[place - 1].seq + 1:
                yield Charge(Kind.GAP, f"{where} follows {entries[place - 1].seq} in the log")
            name = _Name(log.room, entry.sender, entry.id)
            if name in seen and self._comes_again(log, entry):
                continue
            if name in seen:
                yield Charge(Kind.DUPLICATE, f"{entry.id} is {seen[name]} and {where}")
                continue
            seen[name] = entry.seq
            yield from self._against_senders(log.room, entry, where)
            sent = self._sent.get(name)
            if sent is None:
                continue
            if log in sent.not_stored:
                yield Charge(Kind.PHANTOM, f"{entry.id} was refused as not stored and is {where}")
            if sent.may_come_later or log in sent.may_come_again:
                continue
            if sent.place < newest.get(sent.line, 0):
                yield Charge(Kind.ORDER, f"{where} was sent before what stands before it")
            newest[sent.line] = max(sent.place, newest.get(sent.line, 0))

    def _comes_again(self, log: Log, entry: Entry) -> bool:
        sent = self._sent.get(_Name(log.room, entry.sender, entry.id))
        return sent is not None and log in sent.may_come_again

    def _against_senders(self, room: str, entry: Entry, where: str) -> Iterator[Charge]:
        sent = self._sent.get(_Name(room, entry.sender, entry.id))
        if sent is not None:
            if sent.text != entry.text:
                yield Charge(Kind.PHANTOM, f"{where} has another text than was sent")
        elif any((name.room, name.id) == (room, entry.id) for name in self._sent):
            yield Charge(Kind.SENDER, f"{where} is not from {entry.sender}")
        else:
            yield Charge(Kind.PHANTOM, f"{where} was never sent")

    def _against_acks(self, logs: Mapping[Log, Sequence[Entry]]) -> Iterator[Charge]:
        places = {
            log: {(entry.sender, entry.id): entry for entry in reversed(entries)}
            for log, entries in logs.items()
        }
        for name, sent in self._sent.items():
            for log, seq, sent_at in sent.acks:
                entry = places.get(log, {}).get((name.sender, name.id))
                told = (seq, sent_at, name.sender, name.id)
                if entry is None:
                    yield Charge(Kind.LOST, f"{name.id} was acknowledged as {name.room}/{seq}")
                elif told != (entry.seq, entry.sent_at, entry.sender, entry.id) and not any(
                    (one.seq, one.sent_at, one.sender, one.id) == told for one in logs[log]
                ):
                    yield Charge(Kind.SEQ, f"{name.id} was acknowledged as {seq}, is {entry.seq}")

    def _against_connection(
        self, connection: str, heard: _Heard, log: Sequence[Entry]
    ) -> Iterator[Charge]:
        by_seq = {entry.seq: entry for entry in log}
        in_log = {(entry.sender, entry.id) for entry in log}
        last = heard.head
        owed = _Owed(last)
        seqs: dict[int, None] = {}
        messages: dict[tuple[str, str], None] = {}
        for entry in heard.given:
            if isinstance(entry, _Move):
                owed.moves(entry.to)
                last = entry.to
                continue
            seq, where = entry.seq, f"{connection} was given {entry.seq}"
            known = (entry.sender, entry.id) in messages
            if seq in seqs or (known and not self._comes_again(heard.log, entry)):
                yield Charge(Kind.DUPLICATE, f"{where} twice")
                continue
            seqs[seq] = messages[entry.sender, entry.id] = None
            if seq <= last:
                yield Charge(Kind.ORDER, f"{where} after {last}")
            last = max(last, seq)
            owed.takes(seq)
            if by_seq.get(seq) == entry:
                continue
            wrong = list(self._against_senders(heard.log.room, entry, where))
            if wrong:
                yield from wrong
            elif (entry.sender, entry.id) in in_log:
                yield Charge(Kind.SEQ, f"{where}, which is another message in the log")
            else:
                yield Charge(Kind.PHANTOM, f"{where}, which the log does not have")
        missing = owed.missing()
        if missing is not None:
            yield Charge(Kind.GAP, f"{connection} was never given {missing}, but {last}")


class _Owed:
    """What a connection is owed: everything between its start, or the last gap, and its last."""

    def __init__(self, start: int) -> None:
        self._stretches = [(start, start)]
        self._taken: dict[int, None] = {}

    def moves(self, to: int) -> None:
        self._stretches.append((to, to))

    def takes(self, seq: int) -> None:
        self._taken[seq] = None
        start, last = self._stretches[-1]
        self._stretches[-1] = (start, max(last, seq))

    def missing(self) -> int | None:
        """Return the first that was owed and not taken."""
        for start, last in self._stretches:
            for seq in range(start + 1, last + 1):
                if seq not in self._taken:
                    return seq
        return None
