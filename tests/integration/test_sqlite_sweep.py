"""What the embedded store sweeps: here nothing that has expired goes by itself."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from store.sqlite import SqliteStore
from store.sqlite.sessions import MAX_SWEPT
from tests.support.store_samples import (
    add_api_key,
    add_user,
    at,
    some_hash,
    some_session,
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = await SqliteStore.open(tmp_path / "data")
    yield opened
    await opened.close()


async def test_a_sweep_deletes_what_has_expired_and_says_how_much(store: SqliteStore) -> None:
    key, ann = await add_api_key(store), await add_user(store)
    expired = some_session(ann, key, expires_at=at(10))
    valid = some_session(ann, key, expires_at=at(11))
    await store.add_session(expired)
    await store.add_session(valid)
    await store.add_ticket(some_hash(), some_hash(), at(10))
    await store.add_ticket(some_hash(), some_hash(), at(11))

    swept = await store.sweep(at(10))

    assert swept == 2
    assert await store.session(expired.token_hash) is None
    assert await store.session(valid.token_hash) is not None
    assert await store.sweep(at(10)) == 0


async def test_a_sweep_takes_a_bounded_number_and_the_next_the_rest(store: SqliteStore) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(MAX_SWEPT + 1):
            group.create_task(store.add_ticket(some_hash(), some_hash(), at(10)))

    assert [await store.sweep(at(10)) for _ in range(3)] == [MAX_SWEPT, 1, 0]
