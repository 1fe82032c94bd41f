"""Every test here runs on every store: what one promises, all keep.

``store`` is a fresh one. A test that asks for ``reopen`` runs on the stores that outlive
their process: it closes the store and returns another on the same data.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from services.ports import Store
from store.sqlite import SqliteStore
from tests.support.memory_store import MemoryStore
from tests.support.store_samples import Reopen

OpenStore = Callable[[Path], Awaitable[Store]]


async def open_memory(data_dir: Path) -> Store:
    return MemoryStore()


STORES: dict[str, OpenStore] = {"sqlite": SqliteStore.open, "memory": open_memory}
DURABLE = ["sqlite"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "kind" in metafunc.fixturenames:
        durable = "reopen" in metafunc.fixturenames
        metafunc.parametrize("kind", DURABLE if durable else list(STORES))


@pytest.fixture
async def opened(kind: str, tmp_path: Path) -> AsyncIterator[list[Store]]:
    """All stores that the test has opened, the one in use last."""
    stores = [await STORES[kind](tmp_path / "data")]
    yield stores
    for store in stores:
        await store.close()


@pytest.fixture
def store(opened: list[Store]) -> Store:
    return opened[0]


@pytest.fixture
def reopen(kind: str, opened: list[Store], tmp_path: Path) -> Reopen:
    async def close_and_open() -> Store:
        await opened[-1].close()
        opened.append(await STORES[kind](tmp_path / "data"))
        return opened[-1]

    return close_and_open
