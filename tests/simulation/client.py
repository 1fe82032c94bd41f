"""A client as the contract wants it: it keeps a cursor, and sends again what has no ack."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from uuid import UUID

import orjson

from tests.simulation.call import Call
from tests.simulation.people import Person
from tests.support.history import Entry, Log
from tests.support.promises import Asked, Gap, Visit
from tests.support.websocket import message

if TYPE_CHECKING:
    from tests.simulation.world import World

ANSWER_MS = 10_000
"""Without an answer for so long a client tries another connection."""
QUIET_MS = 50_000
"""So long the relay is never quiet on a connection that works."""
LATE_MS = 65_000
"""By then a relay that has missed a message has looked for it."""
NOT_LOGGED_IN = 401
SESSION_ENDED = 4401
NOT_A_MEMBER = (403, 4403, 4410)


class Cursor(NamedTuple):
    """The newest message that was taken, by its log's epoch and its seq."""

    epoch: str
    seq: int


class Unacked(NamedTuple):
    """``after`` is None when the client does not say what it had seen."""

    text: str
    after: int | None


class Client:
    """One device of one person in one room; comes back whenever it is cut off.

    ``took`` is how far it has come by what it was given; ``cursor`` what it shows of that.
    """

    ack_moves_cursor = False

    def __init__(self, world: "World", person: Person, name: str, room: str, left: int) -> None:
        self.world = world
        self.person = person
        self.name = name
        self.room = room
        self.left = left
        self._said = 0
        self._calls = 0
        self.call: Call | None = None
        self.cursor: Cursor | None = None
        self.took: Cursor | None = None
        self._unacked: dict[str, Unacked] = {}
        self._asked_at_ms = 0
        self._later(world.chance.lag_ms(300), self._connect)
        self._later(world.chance.lag_ms(1000), self._speak)
        self._later(1000, self._look_after)

    @property
    def is_settled(self) -> bool:
        """Tell whether all was said and answered, and all was heard; true of who is away."""
        kept = self.world.book.log_of(self.room)
        if not self.world.book.lets_in(self.room, self.person.name):
            return self.call is None or not self.call.welcomed
        return (
            kept is not None
            and not self.left
            and not self._unacked
            and self.call is not None
            and self.call.welcomed
            and self.call.transport.works
            and self.took == Cursor(kept.log.epoch, kept.heads.now)
        )

    @property
    def is_late(self) -> bool:
        """Tell whether this client is there, and was not given what has been there for long."""
        kept, call = self.world.book.log_of(self.room), self.call
        if kept is None or call is None or not call.welcomed or not call.transport.works:
            return False
        now_ms = self.world.now_ms()
        return (
            not call.transport.is_deaf
            and now_ms - max(call.heard_at_ms, call.visit.welcomed_ms) < QUIET_MS
            and now_ms - max(kept.heads.since_ms, call.visit.welcomed_ms) > LATE_MS
            and self.took != Cursor(kept.log.epoch, kept.heads.now)
        )

    def state(self) -> str:
        call = "away" if self.call is None else self.call.name
        kept = self.world.book.log_of(self.room)
        head = None if kept is None else Cursor(kept.log.epoch, kept.heads.now)
        return (
            f"{self.name} in {self.room}: {call} at {self.took} of {head}, "
            f"{self.left} unsaid, {len(self._unacked)} unacked"
        )

    # -- what a connection tells

    def hung_up(self, call: Call, code: int) -> None:
        world = self.world
        if call.welcomed:
            world.promises.hung_up(call.visit, code)
        if code == SESSION_ENDED and world.people.was_never_over(call.session):
            world.fail(f"end: {call.name} was told that its session has ended, and it has not")
        if code in (SESSION_ENDED, NOT_LOGGED_IN) and self.person.session is call.session:
            world.people.log_in(self.person)
        if self.call is call:
            self.call = None
            mean_ms = world.chance.pick((5, 500))
            if code in NOT_A_MEMBER:
                mean_ms = 20_000 if world.is_quiet else 3000
            self._later(world.chance.lag_ms(mean_ms), self._connect)

    def heard(self, call: Call, frame: dict[str, Any]) -> None:
        match frame["type"]:
            case "welcome":
                self._welcomed(call, frame)
            case "gap":
                self._told_gap(call, Gap(frame["from_seq"], frame["to_seq"], frame["reason"]))
            case "message":
                self._took(call, _entry(frame))
            case "ack":
                self.world.history.acked(
                    call.visit.log, self.person.name, frame["id"], frame["seq"], frame["sent_at"]
                )
                self._answered(frame["id"])
                if self.ack_moves_cursor and self.cursor is not None:
                    self.cursor = Cursor(self.cursor.epoch, max(self.cursor.seq, frame["seq"]))
            case "error":
                self._refused(call, frame)
            case "history":
                asked = call.asked.pop(frame["id"])
                entries = [_entry(one) for one in frame["messages"]]
                self.world.promises.looked_back(call.visit, asked, entries, more=frame["more"])
            case "head":
                self._told_head(call, frame["seq"])
            case "member":
                version = frame["members_version"]
                if version < call.members_version:
                    self.world.fail(f"lie: {call.name} was told members_version {version} late")
                call.members_version = version
            case "signal":
                self.world.signals.heard(self, frame["sender"], frame["data"])
            case "presence":
                if frame["online"] < 1:
                    self.world.fail(f"lie: {call.name} was told that nobody is online")
            case other:
                self.world.fail(f"fault: {self.name} was told {other}")

    def _welcomed(self, call: Call, frame: dict[str, Any]) -> None:
        world, log = self.world, Log(self.room, frame["epoch"])
        head = frame["head"]
        known = world.promises.welcomed(
            call.visit,
            log,
            head,
            frame["floor"],
            recovered=frame["recovered"],
            now_ms=world.now_ms(),
        )
        if not known:
            call.transport.abort()
            return
        call.welcomed, call.members_version = True, frame["members_version"]
        owed_after = head
        if call.visit.since is not None:
            owed_after = call.visit.since
            if call.is_honest and self.took is not None and self.took.epoch == log.epoch:
                owed_after = self.took.seq
        world.history.enters(call.name, log, owed_after)
        # With a cursor that is not its own, and that the room has, it is where it asked to be.
        is_elsewhere = not call.is_honest and frame["recovered"]
        if call.visit.since is None or call.visit.epoch is None or is_elsewhere:
            self._goes_to(Cursor(log.epoch, owed_after))
        self._asked_at_ms = world.now_ms()
        if call.visit.gap is None or call.visit.gap.reason != "epoch":
            self._send_again(call)

    def _told_gap(self, call: Call, gap: Gap) -> None:
        self.world.promises.told_gap(call.visit, gap)
        to = gap.to_seq if gap.reason == "retention" else gap.from_seq - 1
        self.world.history.moves(call.name, to)
        self._goes_to(Cursor(call.visit.log.epoch, to))
        if gap.reason == "epoch":
            self._send_again(call)

    def _took(self, call: Call, entry: Entry) -> None:
        self.world.promises.given(call.visit, entry.seq)
        self.world.history.receives(call.name, entry)
        self._goes_to(Cursor(call.visit.log.epoch, entry.seq))

    def _goes_to(self, cursor: Cursor) -> None:
        if self.took is not None and self.took.epoch != cursor.epoch:
            # An `after` belongs to the epoch of its connection.
            self._unacked = {id_: Unacked(one.text, 0) for id_, one in self._unacked.items()}
        self.cursor = self.took = cursor

    def _refused(self, call: Call, frame: dict[str, Any]) -> None:
        if frame["id"] in call.asked:
            return
        unknown = frame["code"] == "unavailable"
        log, sender = call.visit.log, self.person.name
        # Sent again after it was forgotten, it is another message: of that one this is true.
        if not self.world.ledger.has_forgotten(log, sender, frame["id"]):
            stored: Literal["no", "unknown"] = "unknown" if unknown else "no"
            self.world.history.refused(log, sender, frame["id"], stored)
        if frame["code"] == "storage-full":
            self._answered(frame["id"])
        elif not unknown:
            self.world.fail(f"fault: {self.name} was told {frame['code']}")

    def _told_head(self, call: Call, seq: int) -> None:
        kept = self.world.ledger.logs[call.visit.log]
        if seq > kept.heads.now:
            self.world.fail(f"lie: {call.name} was told the head {seq}, it is {kept.heads.now}")

    def _answered(self, message_id: str) -> None:
        self._unacked.pop(message_id, None)
        self._asked_at_ms = self.world.now_ms()

    # -- what the client does of itself

    def _later(self, delay_ms: int, act: Callable[[], None]) -> None:
        self.world.loop.outside(delay_ms, act)

    def _connect(self) -> None:
        if self.call is not None:
            return
        self._calls += 1
        name = f"{self.name}/{self._calls}"
        since, epoch, is_honest = self._wish()
        visit = Visit(name, self.person.name, self.world.now_ms(), since, epoch)
        call = Call(self, visit, is_honest=is_honest)
        if self.world.dial(call, name):
            self.world.chance.note(name, "dials with", since, epoch)
            self.call = call
        else:
            self._later(self.world.chance.lag_ms(500), self._connect)

    def _wish(self) -> tuple[int | None, str | None, bool]:
        """Return the cursor to come back with, and whether it is the client's own."""
        chance, cursor = self.world.chance, self.cursor
        if cursor is None:
            return (0, None, False) if chance.happens(0.3) else (None, None, False)
        if chance.happens(chance.faults.wrong_cursor * 0.3):
            other = chance.pick(self.world.clients).cursor or cursor
            return chance.pick(
                (
                    (None, None, False),
                    (0, None, False),
                    (cursor.seq + 1000, cursor.epoch, False),
                    (chance.between(0, cursor.seq), cursor.epoch, False),
                    (cursor.seq, str(UUID(bytes=chance.some_bytes(16))), False),
                    (other.seq, other.epoch, other == cursor),
                )
            )
        return cursor.seq, cursor.epoch, True

    def _send_again(self, call: Call) -> None:
        for message_id, unacked in self._unacked.items():
            call.send(_frame(message_id, unacked))

    def _speak(self) -> None:
        # Several at once, so that groups, holds and pipelines happen.
        for _ in range(self.world.chance.between(1, 2)):
            if self.left:
                self._say()
        self._look_around()
        if self.left:
            mean_ms = self.world.chance.pick((5, 5, 2500))
            self._later(self.world.chance.lag_ms(mean_ms), self._speak)

    def speak_again(self) -> None:
        """Have something more to say, when all seemed to be said."""
        self.left += 1
        self._later(self.world.chance.lag_ms(1000), self._speak)

    def _say(self) -> None:
        chance, world = self.world.chance, self.world
        self.left -= 1
        self._said += 1
        message_id = str(UUID(bytes=chance.some_bytes(16)))
        text = f"{self.name} {self._said} {'.' * chance.between(0, 300)}"
        world.history.sends(self.room, self.person.name, message_id, text, self.name)
        if not self._unacked:
            self._asked_at_ms = world.now_ms()
        after = self.took.seq if self.took is not None and chance.happens(0.7) else None
        unacked = self._unacked[message_id] = Unacked(text, after)
        if self._may_send and self.call is not None:
            self.call.send(_frame(message_id, unacked))

    @property
    def _may_send(self) -> bool:
        """Tell whether all that has no ack has been sent on this connection."""
        call = self.call
        if call is None or not call.welcomed:
            return False
        return call.visit.gap is None or call.visit.gap.reason != "epoch"

    def _look_around(self) -> None:
        """Ask for older messages, or tell others something that is not kept."""
        chance, call = self.world.chance, self.call
        if call is None or not call.welcomed:
            return
        if chance.happens(0.15):
            question = str(UUID(bytes=chance.some_bytes(16)))
            newest = 1 if self.took is None else self.took.seq + 2
            before = chance.pick((None, chance.between(1, newest)))
            limit = chance.pick((1, 3, 50))
            frame = {"type": "history", "id": question, "limit": limit}
            call.asked[question] = Asked(before, limit, self.world.now_ms())
            call.send(orjson.dumps(frame if before is None else frame | {"before": before}))
        if chance.happens(0.15):
            call.send(orjson.dumps({"type": "signal", "data": self.world.signals.new(self)}))

    def _look_after(self) -> None:
        self._later(10_000 if self.world.is_quiet else 1000, self._look_after)
        call, now_ms, chance = self.call, self.world.now_ms(), self.world.chance
        if call is None:
            return
        if chance.happens(chance.faults.slow_reader):
            chance.note(call.name, "does not read")
            call.transport.pause_reading()
            self._later(chance.lag_ms(chance.pick((300, 3000, 30_000))), self._read_again(call))
        elif call.transport.is_deaf:
            return
        elif (
            now_ms - call.heard_at_ms > (QUIET_MS if call.welcomed else ANSWER_MS)
            or (self._unacked and now_ms - self._asked_at_ms > ANSWER_MS)
        ) and now_ms - call.heard_at_ms > ANSWER_MS:
            chance.note(call.name, "gives up")
            call.transport.abort()
            call.finish()

    def _read_again(self, call: Call) -> Callable[[], None]:
        def read_again() -> None:
            call.heard_at_ms = self.world.now_ms()
            call.transport.resume_reading()

        return read_again


def _entry(frame: dict[str, Any]) -> Entry:
    return Entry(
        frame["seq"], frame["id"], frame["sender"], frame["sent_at"], frame["data"]["message"]
    )


def _frame(message_id: str, unacked: Unacked) -> bytes:
    members = {} if unacked.after is None else {"after": unacked.after}
    return message(unacked.text, id=message_id, **members)
