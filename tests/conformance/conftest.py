"""Every test here runs on every store: what one promises, all keep.

``store`` is a fresh one. A test that asks for ``reopen`` runs on the stores that outlive
their process: it closes the store and returns another on the same data.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from services.ports import Store
from store.sqlite import SqliteStore
from tests.support.memory_store import MemoryStore
from tests.support.store_samples import Reopen

if TYPE_CHECKING:
    from tests.support.cassandra.keyspaces import Keyspace

OpenStore = Callable[[], Awaitable[Store]]

STORES = ["sqlite", "cassandra", "memory"]
DURABLE = ["sqlite", "cassandra"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "kind" in metafunc.fixturenames:
        durable = "reopen" in metafunc.fixturenames
        metafunc.parametrize("kind", DURABLE if durable else STORES)


@pytest.fixture
def open_store(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> OpenStore:
    """Opens a store of that kind on the data of this test."""
    if kind == "sqlite":
        return lambda: SqliteStore.open(tmp_path / "data")
    if kind == "cassandra":
        return on_cassandra(request.getfixturevalue("keyspace"))

    async def open_memory() -> Store:
        return MemoryStore()

    return open_memory


def on_cassandra(keyspace: "Keyspace") -> OpenStore:
    # The driver takes a while to import, and the other stores do without.
    from store.cassandra.settings import CassandraSettings
    from store.cassandra.store import CassandraStore
    from tests.support.two_stores import until_ready

    where = CassandraSettings(
        tuple(keyspace.contact_points), keyspace.port, keyspace.name, keyspace.datacenter
    )

    async def open_cassandra() -> Store:
        store = await CassandraStore.open(where)
        await until_ready(store)
        return store

    return open_cassandra


@pytest.fixture
async def opened(open_store: OpenStore) -> AsyncIterator[list[Store]]:
    """All stores that the test has opened, the one in use last."""
    stores = [await open_store()]
    yield stores
    for store in stores:
        await store.close()


@pytest.fixture
def store(opened: list[Store]) -> Store:
    return opened[0]


@pytest.fixture
def reopen(open_store: OpenStore, opened: list[Store]) -> Reopen:
    async def close_and_open() -> Store:
        await opened[-1].close()
        opened.append(await open_store())
        return opened[-1]

    return close_and_open
