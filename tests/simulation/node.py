"""The process that serves: the relay, the services and the store, killed at any moment."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from relay.connection import Connection
from relay.server import Relay, RelaySettings
from services.errors import IloError
from services.events import Event, Listeners
from services.rooms import Rooms
from tests.simulation.call import Call
from tests.simulation.loop import MS_A_SECOND, Process
from tests.simulation.network import Link
from tests.simulation.store import VirtualStore
from tests.support.relay import contract

if TYPE_CHECKING:
    from tests.simulation.world import World

RETENTION_MS = 2000
QUIET_RETENTION_MS = 15_000
RETENTION_AT_ONCE = 20


class LossyListeners(Listeners):
    """Hands events on, but now and then loses one; ``told`` hears of those that arrive."""

    def __init__(self, world: "World", told: Callable[[Event], None]) -> None:
        super().__init__()
        self._world = world
        self._told = told

    def tell(self, event: Event) -> None:
        chance = self._world.chance
        if chance.happens(chance.faults.lost_news):
            chance.note("lost", type(event).__name__)
            return
        chance.note("told", type(event).__name__)
        # First: who is hung up on leaves the room.
        self._told(event)
        super().tell(event)


class Node:
    """Comes back after each end. ``rooms`` is None while nothing serves."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._process: Process
        self._relay: Relay | None = None
        self.rooms: Rooms | None = None
        self.events: LossyListeners | None = None
        self._links: list[Link] = []
        self._is_restored = False
        self.start()

    def start(self) -> None:
        world = self._world
        world.chance.note("relay starts")
        self._links = []
        if world.disk.recover():
            world.chance.note("a commit was there after all")
            world.committed(another=True)
        self._process = Process()
        self._process.enter(self._boot)

    def _boot(self) -> None:
        self._world.keep(asyncio.get_running_loop().create_task(self._begin(self._process)))

    async def _begin(self, process: Process) -> None:
        world = self._world
        world.chance.note("store opens")
        store = world.store_class(
            world.disk,
            world.chance,
            lambda: self.kill(process),
            world.failed_read,
            world.book.retention_asked,
            world.refused,
        )
        while self._is_restored:
            try:
                await store.begin_epochs()
                self._is_restored = False
                world.book.resume()
                world.committed(another=True)
            except IloError:
                await asyncio.sleep(1)
        self.events = LossyListeners(world, world.auditor.told)
        relay = Relay(
            contract(),
            RelaySettings(world.limits),
            store,
            world.doorkeeper,
            world.clock,
            _always_ready,
            self.events,
        )
        relay.now_s = world.loop.time
        # Without a socket it looks after the connections, and listens nowhere.
        await relay.start([])
        self._relay = relay
        self.rooms = Rooms(
            store, world.limits, world.clock, self.events.tell, world.chance.some_bytes
        )
        await self._forget(store)

    async def _forget(self, store: VirtualStore) -> None:
        """Enforce retention now and then."""
        world = self._world
        while True:
            pause_ms = QUIET_RETENTION_MS if world.is_quiet else RETENTION_MS
            await asyncio.sleep(pause_ms / MS_A_SECOND)
            try:
                for _ in range(RETENTION_AT_ONCE):
                    if not await store.enforce_retention(world.clock(), world.limits):
                        break
            except IloError:
                continue

    # -- what is asked of it

    def do(self, deed: Callable[[Rooms], Coroutine[Any, Any, None]]) -> None:
        """Do something over the services, in the process; nothing when there is none."""
        if self.rooms is not None:
            self._process.enter(self._do, deed, self.rooms)

    def _do(self, deed: Callable[[Rooms], Coroutine[Any, Any, None]], rooms: Rooms) -> None:
        self._world.keep(asyncio.get_running_loop().create_task(deed(rooms)))

    def tell(self, event: Event) -> None:
        """Tell the process of an event that arose elsewhere in it."""
        if self.events is not None:
            self._process.enter(self.events.tell, event)

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

    def connections(self) -> list[Connection]:
        """Return those that are in a room."""
        if self._relay is None:
            return []
        return [one for one in self._relay._connections if one.room is not None]

    def restore_while_running(self) -> bool:
        """Nobody does so: a backup is put back when nothing serves."""
        return False

    # -- its end

    def kill(self, process: Process | None = None) -> None:
        """End the process between two of its steps; a ``process`` only if it still runs."""
        if self._process.alive and process in (None, self._process):
            self._world.chance.note("relay is killed")
            self._end()

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
        world = self._world
        self._process.kill()
        self._relay = self.rooms = self.events = None
        for link in self._links:
            link.cut()
        world.disk.roll_back()
        if world.disk.backup is not None and world.chance.happens(world.chance.faults.restore):
            world.chance.note("a backup is restored")
            world.book.pause()
            world.disk.restore()
            self._is_restored = True
        world.loop.outside(world.chance.lag_ms(1000), self.start)


async def _always_ready() -> list[str]:
    return []
