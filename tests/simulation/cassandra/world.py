"""Several nodes that append to the same rooms, and people who send until they are told.

A person sends in order, some messages ahead of their acks. Told that the store is unavailable,
cut off, or not answered for long, they connect to some node and send all that is unacked again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from services.errors import IloError, StoreUnavailable
from services.model import Draft, Instant, MessageId, Receipt, RoomId, UserId, Username
from services.ports import Appended
from store.cassandra import buckets
from store.cassandra.appender import Appender
from store.cassandra.buckets import bucket_of, last_of
from store.cassandra.known_rooms import KnownRooms, RoomFacts
from tests.simulation.cassandra.faulty_table import Chance, FaultyTable
from tests.simulation.loop import Process, VirtualLoop
from tests.support.history import Charge, Entry, History, Kind, Log
from tests.support.memory_log_table import MemoryLog

UNACKED = 6
"""What a person sends ahead of the acks."""
LOOK_MS = 5_000
"""Who waits for acks looks up now and then."""
PATIENCE_MS = 30_000
"""Without an answer for so long, a person connects anew."""
REST_MS = 600_000
"""A full bucket below the floor is deleted when nobody wrote to it for so long."""
TROUBLE_MS = 60_000
LONGEST_MS = 4_000_000
EPOCH = "1"


@dataclass(frozen=True, slots=True)
class Verdict:
    seed: int
    charges: tuple[str, ...]
    trace_hash: str
    messages: int
    virtual_s: float


@dataclass(slots=True)
class _Message:
    """``certain``: whoever was asked for it, once, has answered or will."""

    id: MessageId
    text: str
    after: int | None
    is_acked: bool = False
    asked: int = 0
    certain: bool = True
    new: int = 0


class Node:
    """One process with an appender. ``asked`` is what it owes an outcome, by room, in order."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.process = Process()
        self.asked: dict[RoomId, list[Draft]] = {}
        self.appender: Appender | None = None
        self.process.enter(self._start)

    def _start(self) -> None:
        world = self.world
        table = FaultyTable(world.log, world.chance, world.loop)

        async def find(_: RoomId) -> RoomFacts:
            await table.far()
            return RoomFacts(None)

        async def name_of(sender: UserId) -> Username:
            return Username(sender.hex())

        rooms = KnownRooms(find, world.loop.time)
        self.appender = Appender(table, rooms, name_of, 1000, world.chance.dice.random)

    def append(self, drafts: Sequence[Draft]) -> None:
        self.process.enter(self._append, drafts)

    def _append(self, drafts: Sequence[Draft]) -> None:
        assert self.appender is not None
        for draft in drafts:
            self.asked.setdefault(draft.room_id, []).append(draft)
        self.appender.append(drafts, self._told)

    def _told(self, outcomes: Sequence[Appended]) -> None:
        for draft, outcome in outcomes:
            asked = self.asked[draft.room_id]
            if not asked or asked[0] is not draft:
                self.world.charge(Kind.ORDER, "an outcome came out of turn")
            if draft in asked:
                asked.remove(draft)
            person, attempt, message = draft.origin
            if isinstance(outcome, StoreUnavailable):
                # As the relay does: the connection is closed, and what is on its way is dropped.
                person.closed = max(person.closed, attempt)
            self.world.judge(person, draft, message, outcome)
            # As a connection would be: told in the same moment, on another machine later.
            self.world.loop.outside(
                self.world.chance.lag_ms(), person.hears, attempt, message, outcome
            )


class Person:
    """One who says something in one room, and what they know of it."""

    def __init__(self, world: "World", name: UserId, room_id: RoomId, count: int) -> None:
        self.world = world
        self.name = name
        self.room_id = room_id
        self.left = count
        self.unacked: list[_Message] = []
        self.attempt = self.closed = 0
        self.node: Node | None = None
        self.heard_at = 0.0

    @property
    def is_done(self) -> bool:
        return not self.left and not self.unacked

    def act(self) -> None:
        """Say something, or look whether the connection is any good."""
        world = self.world
        if self.is_done:
            return
        silent = self.unacked and world.loop.time() - self.heard_at > PATIENCE_MS / 1000
        if self.node is None or silent or world.chance.happens("cut"):
            self._connect()
        said: list[_Message] = []
        most = min(self.left, UNACKED - len(self.unacked), world.chance.dice.randint(0, 4))
        for _ in range(most):
            said.append(self._new_message())
        self._send(said)
        if said and world.chance.happens("twice"):
            self._send(said[-1:])
        waits = not self.left or len(self.unacked) == UNACKED
        pace_ms = LOOK_MS if waits else world.pace_ms
        world.loop.outside(world.chance.dice.randint(5, pace_ms), self.act)

    def hears(self, attempt: int, message: _Message, outcome: Receipt | IloError) -> None:
        if attempt != self.attempt:
            return
        self.heard_at = self.world.loop.time()
        if isinstance(outcome, Receipt):
            if not message.is_acked:
                message.is_acked = True
                self.unacked.remove(message)
            self.world.history.acked(
                self.world.log_of(self.room_id),
                self.name.hex(),
                message.id.hex(),
                outcome.seq,
                str(outcome.sent_at),
            )
        elif isinstance(outcome, StoreUnavailable):
            # The relay closes the connection: nothing more is heard on it.
            self._connect()
        else:
            self.world.charge(Kind.LIE, f"{message.id.hex()} is refused: {outcome}")

    def _connect(self) -> None:
        self.attempt += 1
        self.heard_at = self.world.loop.time()
        self.node = self.world.chance.dice.choice(self.world.nodes)
        self._send(self.unacked)

    def _new_message(self) -> _Message:
        world = self.world
        self.left -= 1
        number = len(world.messages)
        message = _Message(
            MessageId(number.to_bytes(16, "big")),
            f"text {number}",
            max(0, world.log.head(self.room_id) - world.chance.dice.randint(0, 3))
            if world.says_after
            else None,
        )
        world.messages.append(message)
        self.unacked.append(message)
        room = self.room_id.hex()
        world.history.sends(room, self.name.hex(), message.id.hex(), message.text)
        return message

    def _send(self, messages: Sequence[_Message]) -> None:
        assert self.node is not None
        world, drafts = self.world, []
        for message in messages:
            message.asked += self.closed < self.attempt
            world.sent += 1
            at = Instant(round(world.loop.time() * 1000) * 1000 + world.sent % 1000)
            drafts.append(
                Draft(
                    self.room_id,
                    self.name,
                    message.id,
                    at,
                    message.text,
                    message.after,
                    (self, self.attempt, message),
                )
            )
        if drafts and self.closed < self.attempt:
            self.node.append(drafts)


@dataclass(slots=True)
class World:
    seed: int
    loop: VirtualLoop
    chance: Chance = field(init=False)
    log: MemoryLog = field(default_factory=MemoryLog)
    history: History = field(default_factory=History)
    nodes: list[Node] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    messages: list[_Message] = field(default_factory=list)
    charges: dict[str, None] = field(default_factory=dict)
    forgotten: dict[RoomId, int] = field(default_factory=dict)
    gone: dict[MessageId, None] = field(default_factory=dict)
    says_after: bool = True
    pace_ms: int = 100
    sent: int = 0

    def __post_init__(self) -> None:
        self.chance = Chance(self.seed)

    def log_of(self, room_id: RoomId) -> Log:
        return Log(room_id.hex(), EPOCH)

    def charge(self, kind: Kind, detail: str) -> None:
        self.charges[str(Charge(kind, detail))] = None

    def judge(
        self, person: Person, draft: Draft, message: _Message, outcome: Receipt | IloError
    ) -> None:
        """Hold an outcome against what is stored, at the moment it is told."""
        name = message.id.hex()
        if isinstance(outcome, StoreUnavailable):
            message.certain = False
            return
        if not isinstance(outcome, Receipt):
            log = self.log_of(draft.room_id)
            self.history.refused(log, person.name.hex(), name, "no")
            return
        bucket = self.log.buckets.get((draft.room_id, bucket_of(outcome.seq)))
        stored = None if bucket is None else bucket.messages.get(outcome.seq)
        forgotten = outcome.seq <= self.forgotten.get(draft.room_id, 0)
        if not forgotten and (stored is None or stored.mark != (draft.sender, draft.message_id)):
            self.charge(Kind.LOST, f"{name} is told as {outcome.seq}, which is not so")
        message.new += outcome.new
        if message.new > 1 and message.id not in self.gone:
            self.charge(Kind.DUPLICATE, f"{name} is told as new twice")
        if message.asked == 1 and message.certain and not outcome.new:
            self.charge(Kind.LIE, f"{name} was asked for once, and is told as not new")

    # -- what happens beside

    def begin(self) -> None:
        dice = self.chance.dice
        self.says_after = dice.random() < 0.7
        rooms = [RoomId(bytes([n] * 16)) for n in range(1, dice.randint(1, 2) + 1)]
        self.nodes = [Node(self) for _ in range(dice.randint(1, 3))]
        count = dice.randint(2, 4)
        # Without `after` no more is promised than the last bucket's worth.
        most = 60 if self.says_after else buckets.BUCKET_SEQS
        self.pace_ms = dice.choice([50, 400, 3_000])
        for room_id in rooms:
            for n in range(count):
                name = UserId(bytes([n + 1] * 16))
                self.people.append(Person(self, name, room_id, most // count))
        for person in self.people:
            self.loop.outside(dice.randint(1, 50), person.act)
        self.loop.outside(dice.randint(100, 2_000), self._trouble)
        self.loop.outside(TROUBLE_MS + 1, self._retain)
        self.loop.outside(TROUBLE_MS, self._quieten)

    def _trouble(self) -> None:
        """Kill a node now and then; another starts in its place."""
        if self.chance.happens("kill"):
            place = self.chance.dice.randrange(len(self.nodes))
            dead = self.nodes[place]
            dead.process.kill()
            for asked in dead.asked.values():
                for draft in asked:
                    draft.origin[2].certain = False
            self.nodes[place] = Node(self)
        self.loop.outside(self.chance.dice.randint(100, 2_000), self._trouble)

    def _quieten(self) -> None:
        """After some time all works; but who stands still does so to the end."""
        self.chance.quiet()

    def _retain(self) -> None:
        """Raise floors, and delete full buckets below them in which nobody writes any more."""
        now = self.loop.time()
        for room_id in {person.room_id: None for person in self.people}:
            floor = self.log.head(room_id) - 3
            if floor > 1:
                self.log.raise_floor(room_id, floor)
        for (room_id, number), bucket in list(self.log.buckets.items()):
            floor = self.log.recorded(room_id)[1]
            for seq, one in bucket.messages.items():
                if seq < floor:
                    sender, message_id = one.mark
                    self.gone[message_id] = None
                    log = self.log_of(room_id)
                    self.history.may_come_again(log, sender.hex(), message_id.hex())
            self.forgotten[room_id] = floor - 1
            if last_of(number) < floor and now - bucket.written_at >= REST_MS / 1000:
                del self.log.buckets[room_id, number]
        self.loop.outside(REST_MS // 8, self._retain)

    # -- the end

    def is_over(self) -> bool:
        if self.chance.faults.pause or self.loop.time() * 1000 < TROUBLE_MS:
            return False
        return all(person.is_done for person in self.people) and not any(
            node.asked[room_id] for node in self.nodes for room_id in node.asked
        )

    def verdict(self) -> Verdict:
        if not self.is_over():
            self.charge(Kind.END, "somebody was never answered")
        logs: dict[Log, list[Entry]] = {self.log_of(person.room_id): [] for person in self.people}
        for group in self.log.written:
            for seq, one in enumerate(group.messages, group.after + 1):
                sender, message_id = one.mark
                logs[self.log_of(group.room_id)].append(
                    Entry(seq, message_id.hex(), sender.hex(), str(one.sent_at), one.text)
                )
        found = [str(charge) for charge in self.history.charges(logs)]
        return Verdict(
            self.seed,
            tuple(dict.fromkeys([*found, *self.charges])),
            sha256(repr(self.log.written).encode()).hexdigest()[:16],
            len(self.messages),
            self.loop.time(),
        )


def run(seed: int) -> Verdict:
    loop = VirtualLoop()
    try:
        world = World(seed, loop)
        loop.outside(1, world.begin)

        def look() -> None:
            if world.is_over() or loop.time() * 1000 > LONGEST_MS:
                loop.stop()
            else:
                loop.outside(5_000, look)

        loop.outside(5_000, look)
        loop.set_exception_handler(
            lambda _, context: world.charge(Kind.LIE, f"a bug: {context.get('exception')!r}")
        )
        loop.run_forever()
        return world.verdict()
    finally:
        loop.end()
