"""One run: a relay that dies and comes back, clients, a network and a disk, all from one seed."""

import asyncio
import gc
import logging
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from relay.connection import Connection
from relay.introspect import Admitted, ApiUnavailable, TokenKind
from relay.server import Relay, RelaySettings
from services.limits import Limits
from services.model import Instant, UserId, Username
from tests.simulation.chance import Chance
from tests.simulation.client import Call, Client
from tests.simulation.disk import Disk, DiskStore
from tests.simulation.loop import MS_A_SECOND, Process, VirtualLoop
from tests.simulation.network import Link
from tests.support.history import Entry, History
from tests.support.relay import DAY_MS, NOON, contract, token_of, user_id_of

ROOMS = ("chat", "tea")
LIMITS = Limits(unacked_messages=4, frames_burst=1000)
SETTLE_S = 180
"""So long after the last fault everybody may take to have said and heard everything."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one seed went. ``charges`` is empty when all promises were kept."""

    seed: int
    charges: list[str]
    trace_hash: str
    virtual_s: float
    messages: int
    trace: list[str]


class Doorkeeper:
    """Lets everybody in who is known, now and then late, and sometimes cannot tell."""

    def __init__(self, world: "World") -> None:
        self._world = world

    async def ask(self, token: str, kind: TokenKind) -> Admitted | None:
        chance = self._world.chance
        await asyncio.sleep(chance.lag_ms(20) / MS_A_SECOND)
        if chance.happens(chance.faults.refused):
            raise ApiUnavailable("simulated")
        return self._world.people.get(token)


class Node:
    """A relay and the process it lives in: killed at any moment, or asked to end in order."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._process: Process
        self._relay: Relay | None = None
        self._links: list[Link] = []
        self.start()

    def start(self) -> None:
        world = self._world
        world.chance.note("relay starts")
        self._links = []
        self._process = Process()
        self._process.enter(self._boot)

    def _boot(self) -> None:
        world, loop = self._world, self._world.loop
        store = world.store_class(loop, world.chance, world.disk)
        relay = Relay(
            contract(),
            RelaySettings(LIMITS),
            store,
            Doorkeeper(world),
            world.clock,
            _always_ready,
        )
        relay.now_s = loop.time
        self._relay = relay
        # Without a socket it looks after the connections, and listens nowhere.
        world.keep(loop.create_task(relay.start([])))

    def accept(self, call: Call, name: str) -> bool:
        """Connect the call with the relay; False when there is none."""
        if self._relay is None:
            return False
        link = Link(self._world.loop, self._world.chance, name, self._process)
        self._links = [one for one in self._links if not one.is_over]
        self._links.append(link)
        link.open(call, Connection(self._relay))
        return True

    def some_link(self) -> Link | None:
        links = [link for link in self._links if not link.is_over]
        return self._world.chance.pick(links) if links else None

    def kill(self, *, power: bool) -> None:
        """End the process between two of its steps; without power the disk forgets, too."""
        if self._relay is None:
            return
        self._world.chance.note("relay is killed")
        self._end()
        if power:
            self._world.disk.lose_power()

    def drain(self) -> None:
        """Ask the relay to end in order; it is started again when it has."""
        if self._relay is not None:
            self._world.chance.note("relay drains")
            self._process.enter(self._begin_drain, self._relay)

    def _begin_drain(self, relay: Relay) -> None:
        self._world.keep(asyncio.get_running_loop().create_task(self._drain(relay)))

    async def _drain(self, relay: Relay) -> None:
        await relay.drain()
        if self._relay is relay:
            self._world.chance.note("relay has drained")
            self._end()

    def _end(self) -> None:
        self._process.kill()
        self._relay = None
        for link in self._links:
            link.cut()
        self._world.loop.outside(self._world.chance.lag_ms(1000), self.start)


class World:
    def __init__(
        self,
        seed: int,
        *,
        store_class: type[DiskStore] = DiskStore,
        printed: bool = False,
    ) -> None:
        self.loop = VirtualLoop()
        self.chance = Chance(seed, self.loop.time, printed=printed)
        self.history = History()
        self.store_class = store_class
        self.failures: list[str] = []
        self._kept: list[asyncio.Task[None]] = []
        names = [f"u{number}" for number in range(self.chance.between(2, 4))]
        users = {UserId(user_id_of(name)): Username(name) for name in names}
        self.disk = Disk(self.chance, users)
        expires_at = Instant(NOON + DAY_MS)
        self.people = {
            token_of(name): Admitted(user, Username(name), user.hex(), expires_at)
            for user, name in users.items()
        }
        self._names = names
        self.clients: list[Client] = []

    def now_ms(self) -> int:
        return round(self.loop.time() * MS_A_SECOND)

    def clock(self) -> Instant:
        return Instant(NOON + self.now_ms())

    def fail(self, what: str) -> None:
        self.failures.append(what)

    def keep(self, task: asyncio.Task[None]) -> None:
        self._kept.append(task)

    def dial(self, call: Call, name: str) -> bool:
        return self._node.accept(call, name)

    async def live(self) -> None:
        """Run the faults, then let everything settle."""
        chance = self.chance
        self._node = Node(self)
        for name in self._names:
            room = ROOMS[0] if chance.happens(0.8) else ROOMS[1]
            self.clients.append(Client(self, name, room, chance.between(4, 14)))
        await self._faults(chance.pick((8, 15, 30)))
        for _ in range(SETTLE_S):
            await asyncio.sleep(1)
            if not self._unsettled():
                break
        # And nothing strange afterwards.
        await asyncio.sleep(5)
        self.failures += [f"stuck: {client.state()}" for client in self._unsettled()]
        for task in self._kept:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                self.fail(f"fault: {error!r}")

    def _unsettled(self) -> list[Client]:
        return [client for client in self.clients if not client.is_settled]

    async def _faults(self, for_s: int) -> None:
        chance, node = self.chance, self._node
        while self.loop.time() < for_s:
            await asyncio.sleep(chance.lag_ms(700) / MS_A_SECOND)
            faults = chance.faults
            link = node.some_link()
            if link is not None and chance.happens(faults.cut):
                link.cut()
            elif link is not None and chance.happens(faults.silence):
                link.fall_silent()
            if chance.happens(faults.kill):
                node.kill(power=chance.happens(faults.power_loss))
            elif chance.happens(faults.drain):
                node.drain()
            if chance.happens(0.4 if self.disk.full else faults.full):
                self.disk.full = not self.disk.full
                chance.note("disk is full" if self.disk.full else "disk has space")
        self.disk.full = False
        chance.quiet()
        chance.note("faults end")

    def logs(self) -> dict[str, list[Entry]]:
        return self.disk.logs()


async def _always_ready() -> list[str]:
    return []


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
    propagates, log.propagate = log.propagate, False
    log.addHandler(faults)
    loop.set_exception_handler(
        lambda _, context: world.fail(f"fault: {context.get('exception') or context['message']!r}")
    )
    # Finalizers would run at a time of their own.
    collects = gc.isenabled()
    gc.disable()
    try:
        loop.run_until_complete(world.live())
        logs = world.logs()
        for draft in world.disk.refused:
            # The word of it may be lost with its connection: then it is sent again after others.
            name, sender = world.disk.with_id(draft.room_id).name, world.disk.users[draft.sender]
            world.history.may_come_later(name, sender, str(UUID(bytes=draft.message_id)))
        charges = world.failures + [str(charge) for charge in world.history.charges(logs)]
        return Verdict(
            seed,
            charges,
            world.chance.trace_hash(),
            loop.time(),
            sum(map(len, logs.values())),
            world.chance.lines,
        )
    finally:
        loop.end()
        log.removeHandler(faults)
        log.propagate = propagates
        if collects:
            gc.enable()
