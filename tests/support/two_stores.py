"""Two Cassandra stores on the same tables, each on a line of its own that can be in trouble.

The driver has one node, and keeps the address at which it found it: so all its connections go
through the line's proxy.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from services.errors import IloError, StoreUnavailable
from store.cassandra.settings import CassandraSettings
from store.cassandra.store import CassandraStore
from tests.support.troubled_line import TroubledLine, troubled_line

if TYPE_CHECKING:
    from tests.support.cassandra.keyspaces import Keyspace

T = TypeVar("T")

LONGEST_S = 40.0
"""Far more than a caller waits: ten seconds for each thing that an operation tries again."""
READY_S = 60.0


@dataclass
class TwoStores:
    """``longest_s`` is how long the longest answer took."""

    stores: list[CassandraStore] = field(default_factory=list)
    lines: list[TroubledLine] = field(default_factory=list)
    longest_s: float = 0.0

    def of(self, rival: int) -> CassandraStore:
        """Return the store that the rival of that number uses."""
        return self.stores[rival % len(self.stores)]

    async def told(self, act: Awaitable[T]) -> T | IloError:
        """Return the result or the error.

        Raises:
            TimeoutError: there was neither for ``LONGEST_S``.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(LONGEST_S):
                return await act
        except IloError as error:
            return error
        finally:
            self.longest_s = max(self.longest_s, loop.time() - began)

    async def all_told(self, acts: Sequence[Awaitable[T]]) -> list[T | IloError]:
        """Do all at once; return what became of each."""
        async with asyncio.TaskGroup() as tasks:
            begun = [tasks.create_task(self.told(act)) for act in acts]
        return [one.result() for one in begun]

    def trouble(self) -> None:
        for line in self.lines:
            line.begin()

    async def heal(self) -> None:
        """Return when both stores can read and write again."""
        for line in self.lines:
            await line.heal()
        for store in self.stores:
            await until_ready(store)


@asynccontextmanager
async def two_stores(keyspace: "Keyspace", *, time_out_s: float) -> AsyncIterator[TwoStores]:
    """Open them without trouble; ``time_out_s`` is that of their requests."""
    [host] = keyspace.contact_points
    made = TwoStores()
    async with AsyncExitStack() as stack:
        for seed in (1, 2):
            line = await stack.enter_async_context(
                troubled_line(host, keyspace.port, seed=seed, time_out_s=time_out_s)
            )
            made.lines.append(line)
            settings = CassandraSettings(("127.0.0.1",), line.proxy.port, keyspace.name)
            made.stores.append(await CassandraStore.open(settings))
            stack.push_async_callback(made.stores[-1].close)
        await made.heal()
        yield made
        # Before they are closed: they finish what was begun.
        await made.heal()


async def until_ready(store: CassandraStore) -> None:
    """Wait for Cassandra: a store may be opened before it is there."""
    async with asyncio.timeout(READY_S):
        while True:
            try:
                return await store.check()
            except StoreUnavailable:
                await asyncio.sleep(0.1)
