"""What tests of the generated clients stand on."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from services.ports import Store
from tests.support.memory_store import MemoryStore, memory_or_sqlite
from tests.support.relay import House, open_house
from tests.support.typescript_clients import Driver, Wire, driving


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    with driving() as driven:
        yield driven


@pytest.fixture
async def wire(driver: Driver) -> AsyncIterator[Wire]:
    async with driver.wire() as opened:
        yield opened


@pytest.fixture
async def house(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr("relay.server.SWEEP_S", 0.01)
    async with open_house(MemoryStore()) as opened:
        await opened.know("ann")
        await opened.know("bob")
        yield opened


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    async with memory_or_sqlite(request.param, tmp_path) as made:
        yield made
