"""A running relay for the tests of the relay, on the loop that it runs on."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uvloop

from services.ports import Store
from store.cassandra import outcomes
from store.cassandra.connection import Connection
from store.cassandra.cql import Cql
from store.cassandra.settings import CassandraSettings
from tests.support.cassandra_faults import FaultyCql
from tests.support.cassandra_parts import Parts, parts_on
from tests.support.memory_store import MemoryStore, memory_or_sqlite
from tests.support.relay import House, open_house

if TYPE_CHECKING:
    from tests.support.cassandra.keyspaces import Keyspace, Sweeper

LoopFactories = Mapping[str, Callable[[], asyncio.AbstractEventLoop]]


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> LoopFactories:
    if item.path.name.startswith("test_relay_"):
        return {"uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the relay look after its connections often: the tests move its clocks themselves."""
    monkeypatch.setattr("relay.server.SWEEP_S", 0.01)


@pytest.fixture
async def house(often: None) -> AsyncIterator[House]:
    """A relay on a store in memory."""
    async with open_house(MemoryStore()) as opened:
        yield opened


@pytest.fixture(params=["memory", "sqlite"])
async def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    async with memory_or_sqlite(request.param, tmp_path) as store:
        yield store


@pytest.fixture
async def any_house(any_store: Store, often: None) -> AsyncIterator[House]:
    """A relay, once on a store in memory and once on the embedded one."""
    async with open_house(any_store) as opened:
        yield opened


@pytest.fixture(scope="session")
def store_connection(own_keyspace: "tuple[Keyspace, Sweeper]") -> Iterator[Connection]:
    """The store's connection to tables that tests share: they use names of their own."""
    place, _ = own_keyspace
    made = Connection.make(CassandraSettings(place.contact_points, place.port, place.name))
    yield made
    made.close()


@pytest.fixture
def real(store_connection: Connection, monkeypatch: pytest.MonkeyPatch) -> Cql:
    """A connection that answers, for tests that do not wait long for one that does not."""
    monkeypatch.setattr(outcomes, "FIRST_PAUSE_S", 0.001)
    cql = Cql()
    cql.attach(store_connection.session)
    return cql


@pytest.fixture
def parts(real: Cql) -> Parts:
    """Those whose writes meet faults."""
    return parts_on(FaultyCql(real))


@pytest.fixture
def others(real: Cql) -> Parts:
    """Those of another process, which nothing happens to."""
    return parts_on(FaultyCql(real))
