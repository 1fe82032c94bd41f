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


class _Name(NamedTuple):
    """What names a message for good."""

    room: str
    sender: str
    id: str


@dataclass(slots=True)
class _Sent:
    place: int
    text: str
    acks: dict[tuple[int, str], None] = field(default_factory=dict)
    not_stored: bool = False
    may_come_later: bool = False


@dataclass(slots=True)
class _Heard:
    room: str
    head: int
    entries: list[Entry]


class History:
    """One run of clients and rooms, from the first message to the last."""

    def __init__(self) -> None:
        self._sent: dict[_Name, _Sent] = {}
        self._heard: dict[str, _Heard] = {}

    def sends(self, room: str, sender: str, message_id: str, text: str) -> None:
        """``sender`` sends a message for the first time; sending it again is not told here."""
        self._sent[_Name(room, sender, message_id)] = _Sent(len(self._sent), text)

    def acked(self, room: str, sender: str, message_id: str, seq: int, sent_at: str) -> None:
        """A message may be acknowledged more than once: each time the same."""
        self._sent[_Name(room, sender, message_id)].acks[seq, sent_at] = None

    def refused(
        self, room: str, sender: str, message_id: str, stored: Literal["no", "unknown"]
    ) -> None:
        if stored == "no":
            self._sent[_Name(room, sender, message_id)].not_stored = True

    def may_come_later(self, room: str, sender: str, message_id: str) -> None:
        """It was refused once and may be sent again: its place among its sender's is open."""
        self._sent[_Name(room, sender, message_id)].may_come_later = True

    def enters(self, connection: str, room: str, head: int) -> None:
        """A connection is welcomed: it is owed everything after ``head``."""
        self._heard[connection] = _Heard(room, head, [])

    def receives(self, connection: str, entry: Entry) -> None:
        self._heard[connection].entries.append(entry)

    def unanswered(self) -> list[str]:
        """Return the ids that have neither an ack nor the word that they are not stored."""
        return [
            name.id for name, sent in self._sent.items() if not sent.acks and not sent.not_stored
        ]

    def charges(self, logs: Mapping[str, Sequence[Entry]]) -> list[Charge]:
        """Return everything that is wrong; ``logs`` holds each room's log at the end."""
        found: list[Charge] = []
        for room, log in logs.items():
            found += self._against_log(room, log)
        places = {
            _Name(room, entry.sender, entry.id): entry
            for room, log in logs.items()
            for entry in reversed(log)
        }
        found += self._against_acks(places, logs)
        for connection, heard in self._heard.items():
            found += self._against_connection(connection, heard, logs.get(heard.room, ()))
        return found

    def _against_log(self, room: str, log: Sequence[Entry]) -> Iterator[Charge]:
        seen: dict[_Name, int] = {}
        newest: dict[str, int] = {}
        for place, entry in enumerate(log):
            where = f"{room}/{entry.seq}"
            if place and entry.seq != log[place - 1].seq + 1:
                yield Charge(Kind.GAP, f"{where} follows {log[place - 1].seq} in the log")
            name = _Name(room, entry.sender, entry.id)
            if name in seen:
                yield Charge(Kind.DUPLICATE, f"{entry.id} is {seen[name]} and {where}")
                continue
            seen[name] = entry.seq
            yield from self._against_senders(room, entry, where)
            sent = self._sent.get(name)
            if sent is None:
                continue
            if sent.not_stored:
                yield Charge(Kind.PHANTOM, f"{entry.id} was refused as not stored and is {where}")
            if sent.may_come_later:
                continue
            if sent.place < newest.get(entry.sender, 0):
                yield Charge(Kind.ORDER, f"{where} was sent before what stands before it")
            newest[entry.sender] = max(sent.place, newest.get(entry.sender, 0))

    def _against_senders(self, room: str, entry: Entry, where: str) -> Iterator[Charge]:
        sent = self._sent.get(_Name(room, entry.sender, entry.id))
        if sent is not None:
            if sent.text != entry.text:
                yield Charge(Kind.PHANTOM, f"{where} has another text than was sent")
        elif any((name.room, name.id) == (room, entry.id) for name in self._sent):
            yield Charge(Kind.SENDER, f"{where} is not from {entry.sender}")
        else:
            yield Charge(Kind.PHANTOM, f"{where} was never sent")

    def _against_acks(
        self, places: Mapping[_Name, Entry], logs: Mapping[str, Sequence[Entry]]
    ) -> Iterator[Charge]:
        for name, sent in self._sent.items():
            entry = places.get(name)
            for seq, sent_at in sent.acks:
                told = (seq, sent_at, name.sender, name.id)
                if entry is None:
                    yield Charge(Kind.LOST, f"{name.id} was acknowledged as {name.room}/{seq}")
                elif told != (entry.seq, entry.sent_at, entry.sender, entry.id) and not any(
                    (one.seq, one.sent_at, one.sender, one.id) == told for one in logs[name.room]
                ):
                    yield Charge(Kind.SEQ, f"{name.id} was acknowledged as {seq}, is {entry.seq}")

    def _against_connection(
        self, connection: str, heard: _Heard, log: Sequence[Entry]
    ) -> Iterator[Charge]:
        by_seq = {entry.seq: entry for entry in log}
        in_log = {(entry.sender, entry.id) for entry in log}
        last = heard.head
        seqs: dict[int, None] = {}
        messages: dict[tuple[str, str], None] = {}
        for entry in heard.entries:
            seq, where = entry.seq, f"{connection} was given {entry.seq}"
            if seq in seqs or (entry.sender, entry.id) in messages:
                yield Charge(Kind.DUPLICATE, f"{where} twice")
                continue
            seqs[seq] = messages[entry.sender, entry.id] = None
            if seq <= last:
                yield Charge(Kind.ORDER, f"{where} after {last}")
            last = max(last, seq)
            if by_seq.get(seq) == entry:
                continue
            wrong = list(self._against_senders(heard.room, entry, where))
            if wrong:
                yield from wrong
            elif (entry.sender, entry.id) in in_log:
                yield Charge(Kind.SEQ, f"{where}, which is another message in the log")
            else:
                yield Charge(Kind.PHANTOM, f"{where}, which the log does not have")
        missing = [seq for seq in range(heard.head + 1, last + 1) if seq not in seqs]
        if missing:
            yield Charge(Kind.GAP, f"{connection} was never given {missing[0]}, but {last}")
