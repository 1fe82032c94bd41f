"""Readiness: what is missing, looked at no more often than once a second."""

import asyncio

import pytest

from ilo.readiness import Readiness
from services.errors import StorageFull
from tests.support.memory_store import MemoryStore


class CountedStore(MemoryStore):
    def __init__(self) -> None:
        super().__init__()
        self.checks = 0
        self.hangs = False

    async def check(self) -> None:
        self.checks += 1
        if self.hangs:
            await asyncio.Event().wait()
        await super().check()


async def test_many_questions_at_once_cost_one_look_at_the_store() -> None:
    store = CountedStore()
    readiness = Readiness(store, asyncio.Event())

    answers = [await answer for answer in [asyncio.create_task(readiness()) for _ in range(50)]]

    assert answers == [[]] * 50
    assert store.checks == 1


async def test_what_the_store_refuses_is_the_reason() -> None:
    store = CountedStore()
    store.failure = StorageFull()

    assert await Readiness(store, asyncio.Event())() == ["the store is full"]


async def test_a_store_that_hangs_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ilo.readiness.CHECK_TIMEOUT_S", 0.01)
    store = CountedStore()
    store.hangs = True

    assert await Readiness(store, asyncio.Event())() == ["the store does not answer in time"]


async def test_from_the_beginning_of_a_shutdown_it_is_not_ready() -> None:
    stop = asyncio.Event()
    readiness = Readiness(CountedStore(), stop)
    assert await readiness() == []

    stop.set()

    assert await readiness() == ["it is shutting down"]
