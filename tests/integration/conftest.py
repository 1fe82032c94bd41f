"""A running relay for the tests of the relay, on the loop that it runs on."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import uvloop

from services.ports import Store
from store.cassandra import outcomes
from store.cassandra.cql import Cql
from store.sqlite import SqliteStore
from tests.support.cassandra_faults import FaultyCql
from tests.support.cassandra_node import open_session
from tests.support.cassandra_parts import Parts, parts_on
from tests.support.memory_store import MemoryStore
from tests.support.relay import House, open_house

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
    store: Store = MemoryStore()
    if request.param == "sqlite":
        store = await SqliteStore.open(tmp_path / "data")
    yield store
    await store.close()


@pytest.fixture
async def any_house(any_store: Store, often: None) -> AsyncIterator[House]:
    """A relay, once on a store in memory and once on the embedded one."""
    async with open_house(any_store) as opened:
        yield opened


@pytest.fixture(scope="session")
def cassandra_session() -> Iterator[Any]:
    """The driver's session on tables that tests share: they use names of their own."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    with open_session(f"ilo_test_accounts_{worker}") as connected:
        yield connected


@pytest.fixture
def real(cassandra_session: Any, monkeypatch: pytest.MonkeyPatch) -> Cql:
    """A connection that answers, for tests that do not wait long for one that does not."""
    monkeypatch.setattr(outcomes, "FIRST_PAUSE_S", 0.001)
    cql = Cql()
    cql.attach(cassandra_session)
    return cql


@pytest.fixture
def parts(real: Cql) -> Parts:
    """Those whose writes meet faults."""
    return parts_on(FaultyCql(real))


@pytest.fixture
def others(real: Cql) -> Parts:
    """Those of another process, which nothing happens to."""
    return parts_on(FaultyCql(real))
