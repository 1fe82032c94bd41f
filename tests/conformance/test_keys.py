"""API keys, on every store."""

from services.model import ApiKey
from services.ports import Store
from tests.support.store_samples import add_api_key, at, some_hash


async def test_a_key_is_found_by_its_hash_as_it_was_added(store: Store) -> None:
    key = await add_api_key(store)

    assert await store.api_key(key.key_hash) == key


async def test_an_unknown_key_is_not_found(store: Store) -> None:
    await add_api_key(store)

    assert await store.api_key(some_hash()) is None


async def test_a_revoked_key_is_found_with_the_time_of_its_revocation(store: Store) -> None:
    key = await add_api_key(store)

    revoked = await store.revoke_api_key(key.key_hash, at(5))

    assert revoked
    assert await store.api_key(key.key_hash) == ApiKey(
        key.key_hash, key.revoke_hash, key.created_at, revoked_at=at(5)
    )


async def test_a_key_is_revoked_once_and_keeps_the_first_time(store: Store) -> None:
    key = await add_api_key(store)
    await store.revoke_api_key(key.key_hash, at(5))

    again = await store.revoke_api_key(key.key_hash, at(6))

    assert not again
    found = await store.api_key(key.key_hash)
    assert found is not None
    assert found.revoked_at == at(5)


async def test_revoking_an_unknown_key_says_so(store: Store) -> None:
    assert not await store.revoke_api_key(some_hash(), at(5))
