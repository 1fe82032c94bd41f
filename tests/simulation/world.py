"""One run: people and their devices, a network, and a process on a disk, all from one seed."""

import asyncio
import gc
import logging
from collections.abc import Callable
from dataclasses import dataclass

from services.limits import Limits
from services.model import Draft, Instant, PublicKey, User, Username
from store.sqlite.users import add_user
from tests.simulation.auditor import Auditor
from tests.simulation.bookkeeper import Bookkeeper
from tests.simulation.call import Call
from tests.simulation.chance import Chance
from tests.simulation.client import Client
from tests.simulation.deeds import Deeds
from tests.simulation.disk import Disk
from tests.simulation.loop import MS_A_SECOND, VirtualLoop
from tests.simulation.node import Node
from tests.simulation.people import Doorkeeper, People
from tests.simulation.signals import Signals
from tests.simulation.store import VirtualStore
from tests.support.history import History
from tests.support.ledger import Ledger
from tests.support.promises import Promises
from tests.support.relay import NOON

OPEN_ROOMS = ("chat", "tea")
SETTLE_S = 240
"""So long after the last fault everybody may take to have said and heard everything."""
LATE_S = 80
"""So long after the last fault everybody says one thing more: by then all is as it should be."""
HOUR_MS = 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one seed went. ``charges`` is empty when all promises were kept."""

    seed: int
    charges: list[str]
    trace_hash: str
    virtual_s: float
    messages: int
    trace: list[str]


class World:
    def __init__(
        self,
        seed: int,
        *,
        store_class: type[VirtualStore] = VirtualStore,
        client_class: type[Client] = Client,
        printed: bool = False,
    ) -> None:
        self.loop = VirtualLoop()
        self.chance = chance = Chance(seed, self.loop.time, printed=printed)
        self.store_class = store_class
        self._client_class = client_class
        self.failures: list[str] = []
        self._kept: list[asyncio.Task[None]] = []
        self._skew_ms = 0
        self.is_quiet = False
        self._refused: list[tuple[str, str, str]] = []
        self.limits = Limits(
            unacked_messages=4,
            frames_burst=1000,
            retention_messages=chance.pick((3, 8, 1000)),
            retention_s=chance.pick((15, 3600, 24 * 3600)),
        )
        self.history = History()
        self.ledger = Ledger()
        self.promises = Promises(self.ledger)
        self.signals = Signals(self.fail)
        self.disk = Disk(chance)
        self.book = Bookkeeper(self.disk, self.ledger, self.limits)
        self.disk.committed = self.committed
        self.disk.database.begins = self.book.begin
        self.disk.database.forgets = self.book.look_early
        self.auditor = Auditor(self)
        names = [f"u{number}" for number in range(chance.between(2, 4))]
        self.people = People(names, chance, self.clock)
        self.doorkeeper = Doorkeeper(self.people, chance, self.now_ms)
        for person in self.people.everybody.values():
            user = User(person.user_id, Username(person.name), person.name, "hash", NOON)
            add_user(self.disk.database, user, PublicKey(1, "key", NOON))
        self.open_rooms = OPEN_ROOMS[: chance.between(1, 2)]
        self.clients: list[Client] = []
        self.node: Node

    def now_ms(self) -> int:
        return round(self.loop.time() * MS_A_SECOND)

    def clock(self) -> Instant:
        return Instant(NOON + self.now_ms() + self._skew_ms)

    def fail(self, what: str) -> None:
        self.failures.append(what)

    def failed_read(self) -> None:
        self.chance.note("no answer of the store")
        self.ledger.blind_ms = self.now_ms()

    def refused(self, draft: Draft) -> None:
        """There was no space for it: the word may be lost, and it is sent again after others."""
        name = self.book.name_of(draft)
        if name is not None:
            self._refused.append(name)

    def committed(self, *, another: bool = False) -> None:
        """Look at what the database holds now; ``another``: it is not the one it was."""
        now_ms = self.now_ms()
        ended = self.book.look_again(now_ms) if another else self.book.look(now_ms)
        for room_id, user in ended:
            self.auditor.ended(room_id, user)

    def keep(self, task: asyncio.Task[None]) -> None:
        self._kept.append(task)

    def dial(self, call: Call, name: str) -> bool:
        return self.node.accept(call, name)

    def meet_in(self, room: str) -> None:
        """Everybody tries to come into a private room, invited or not."""
        for person in self.people.everybody.values():
            self._new_client(person.name, room)

    def _new_client(self, name: str, room: str) -> None:
        person = self.people.everybody[name]
        device = f"{name}-{len(self.clients)}"
        left = self.chance.between(2, 10)
        self.clients.append(self._client_class(self, person, device, room, left))

    async def live(self) -> None:
        """Run the faults, then let everything settle."""
        chance = self.chance
        self.node = Node(self)
        for name in self.people.everybody:
            room = self.open_rooms[0] if chance.happens(0.8) else self.open_rooms[-1]
            self._new_client(name, room)
            if chance.happens(0.2):
                self._new_client(name, chance.pick(self.open_rooms))
        for_s = chance.pick((8, 15, 30))
        self.keep(self.loop.create_task(Deeds(self).go_on(for_s)))
        await self._faults(for_s)
        await asyncio.sleep(LATE_S)
        self.failures += [f"late: {client.state()}" for client in self.clients if client.is_late]
        for client in self.clients:
            client.speak_again()
        for _ in range(SETTLE_S - LATE_S):
            await asyncio.sleep(1)
            if not self._unsettled():
                break
        # And nothing strange afterwards; what is due is forgotten meanwhile.
        await asyncio.sleep(20)
        self.failures += [f"stuck: {client.state()}" for client in self._unsettled()]
        for task in self._kept:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                self.fail(f"fault: {error!r}")

    def _unsettled(self) -> list[Client]:
        return [client for client in self.clients if not client.is_settled]

    async def _faults(self, for_s: int) -> None:
        chance, node = self.chance, self.node
        while self.loop.time() < for_s:
            await asyncio.sleep(chance.lag_ms(700) / MS_A_SECOND)
            faults = chance.faults
            link = node.some_link()
            if link is not None and chance.happens(faults.cut):
                link.cut()
            elif link is not None and chance.happens(faults.silence):
                link.fall_silent()
            if chance.happens(faults.kill):
                node.kill()
            elif chance.happens(faults.drain):
                node.drain()
            if chance.happens(0.4 if self.disk.full else faults.full):
                self.disk.full = not self.disk.full
                chance.note("disk is full" if self.disk.full else "disk has space")
            if chance.happens(faults.clock_jump):
                self.people.clock_jumps()
                self._skew_ms += chance.pick((-HOUR_MS, HOUR_MS))
                chance.note("the clock jumps by", self._skew_ms)
            if self.disk.backup is not None and chance.happens(faults.restore / 20):
                node.restore_while_running()
            if chance.happens(faults.restore / 5):
                self.disk.take_backup()
                chance.note("a backup is made")
        self.disk.full = False
        self.is_quiet = True
        chance.quiet()
        chance.note("faults end")

    def charges(self) -> list[str]:
        """Return everything that was promised and not kept."""
        self.book.look_last()
        for log, sender, message_id in self.ledger.came_again:
            self.history.may_come_again(log, sender, message_id)
        for room, sender, message_id in self._refused:
            self.history.may_come_later(room, sender, message_id)
        found = self.ledger.charges + self.promises.charges
        found += self.history.charges(self.ledger.entries())
        return self.failures + [str(charge) for charge in found]


class _Faults(logging.Handler):
    """Whatever the relay logs as its own fault is a charge."""

    def __init__(self, fail: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self._fail = fail

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self._fail(f"fault: {record.getMessage()} {error!r}")


def run(world: World, seed: int) -> Verdict:
    """Live through one world and judge it."""
    loop, log = world.loop, logging.getLogger("relay")
    faults = _Faults(world.fail)
    # What the store says of the disk's failures is no news here.
    quiet = [log, logging.getLogger("store"), logging.getLogger("potion")]
    propagate = [one.propagate for one in quiet]
    nowhere = logging.NullHandler()
    for one in quiet:
        one.propagate = False
        one.addHandler(nowhere)
    log.addHandler(faults)
    loop.set_exception_handler(
        lambda _, context: world.fail(f"fault: {context.get('exception') or context['message']!r}")
    )
    # Finalizers would run at a time of their own.
    collects = gc.isenabled()
    gc.disable()
    try:
        loop.run_until_complete(world.live())
        return Verdict(
            seed,
            world.charges(),
            world.chance.trace_hash(),
            loop.time(),
            sum(map(len, world.ledger.entries().values())),
            world.chance.lines,
        )
    finally:
        loop.end()
        world.disk.close()
        log.removeHandler(faults)
        for one, before in zip(quiet, propagate, strict=True):
            one.propagate = before
            one.removeHandler(nowhere)
        if collects:
            gc.enable()
