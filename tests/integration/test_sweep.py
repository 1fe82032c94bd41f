"""Ilo deletes by itself, now and then, what is to be kept no longer."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from ilo import wiring
from services.errors import StoreUnavailable
from services.events import Event, Listeners, MemberChanged
from services.limits import Limits
from services.rooms import Rooms
from tests.support.memory_store import MemoryStore
from tests.support.store_samples import NOON, add_user, append, draft_for, enter

WAIT_S = 30.0
LIMITS = Limits(retention_s=3600)


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "SWEEP_S", 0.01)


@asynccontextmanager
async def sweeping(store: MemoryStore) -> AsyncIterator[list[Event]]:
    """Sweep meanwhile; the list is what was told of it."""
    told: list[Event] = []
    listeners = Listeners()
    listeners.add(told.append)
    rooms = Rooms(store, LIMITS, wiring.wall_clock, listeners.tell)
    sweeper = asyncio.create_task(wiring._sweep(store, rooms, LIMITS))
    yield told
    assert not sweeper.done()
    sweeper.cancel()


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(WAIT_S):
        found = False
        while not found:
            await asyncio.sleep(0.01)
            found = await is_so()


async def test_messages_older_than_the_retention_go(store: MemoryStore) -> None:
    ann = await add_user(store)
    room = (await enter(store, "tea", ann)).room
    new = draft_for(room, ann, "new")._replace(sent_at=wiring.wall_clock())
    await append(store, draft_for(room, ann, "old"), draft_for(room, ann, "old"), new)

    async def is_new_alone() -> bool:
        page = await store.messages_after(room.room_id, 0, 10, 1000)
        return [message.text for message in page] == ["new"]

    async with sweeping(store):
        await until(is_new_alone)


async def test_deleted_accounts_leave_their_rooms_and_it_is_told(store: MemoryStore) -> None:
    ann, bob = await add_user(store), await add_user(store, "bob")
    room = (await enter(store, "tea", ann)).room
    await enter(store, "tea", bob)
    await store.delete_user(ann.user_id, NOON)

    async def is_out() -> bool:
        return await store.membership(room.room_id, ann.user_id) is None

    async with sweeping(store) as told:
        await until(is_out)

    [event] = told
    assert isinstance(event, MemberChanged)
    assert (event.change, event.username, event.members) == ("left", "ann", 1)


async def test_a_store_that_does_not_answer_is_warned_of_and_asked_again(
    store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    ann = await add_user(store)
    room = (await enter(store, "tea", ann)).room
    await append(store, draft_for(room, ann))
    store.failure = StoreUnavailable()

    async def is_warned() -> bool:
        return "cannot sweep" in caplog.text

    async def is_empty() -> bool:
        return await store.messages_after(room.room_id, 0, 10, 1000) == []

    async with sweeping(store):
        await until(is_warned)
        store.failure = None
        await until(is_empty)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()
