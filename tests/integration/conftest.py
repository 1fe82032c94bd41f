"""A running relay for the tests of the relay, on the loop that it runs on."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
import uvloop

from services.ports import Store
from store.sqlite import SqliteStore
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
