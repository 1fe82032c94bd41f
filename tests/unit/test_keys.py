from typing import Literal

import pytest

from services.errors import (
    AdminOnly,
    ApiKeyNotFound,
    StoreUnavailable,
    TooManyTries,
    UnknownRevokeToken,
)
from services.events import Event, SessionsEnded
from services.guesses import RateWindow
from services.keys import Keys
from services.model import Instant, SecretHash
from services.secret_tokens import hash_api_key, hash_secret, new_api_key, new_revoke_token
from tests.support.memory_store import MemoryStore

NOON = Instant(1_767_355_200_000)
HOME = "198.51.100.7"


def keys_in(
    store: MemoryStore,
    *,
    count: int = 20,
    admin_only: bool = False,
    told: list[Event] | None = None,
) -> Keys:
    told = [] if told is None else told
    window = RateWindow(count, 3600, lambda: 0.0)
    issuance: Literal["admin", "open"] = "admin" if admin_only else "open"
    return Keys(store, lambda: NOON, window, told.append, issuance=issuance)


async def test_a_new_key_is_active_and_only_hashes_of_it_are_kept() -> None:
    store = MemoryStore()
    keys = keys_in(store)

    new = await keys.create(source=HOME, admin=False)

    key_hash = hash_api_key(new.key)
    assert await keys.active_hash(new.key) == key_hash
    assert await keys.active_hash(new.key.upper()) == key_hash
    kept = await store.api_key(key_hash)
    assert kept is not None
    assert kept.revoke_hash == hash_secret(new.revoke_token)
    assert kept.created_at == NOON
    assert kept.revoked_at is None


async def test_an_unknown_key_is_not_active() -> None:
    assert await keys_in(MemoryStore()).active_hash(new_api_key()) is None


async def test_a_revoke_token_revokes_its_key_once() -> None:
    store = MemoryStore()
    keys = keys_in(store)
    new = await keys.create(source=HOME, admin=False)
    other = await keys.create(source=HOME, admin=False)

    await keys.revoke(new.revoke_token)

    assert await keys.active_hash(new.key) is None
    assert await keys.active_hash(other.key) is not None
    with pytest.raises(UnknownRevokeToken):
        await keys.revoke(new.revoke_token)


async def test_knowing_a_key_is_no_right_to_revoke_it() -> None:
    store = MemoryStore()
    keys = keys_in(store)
    new = await keys.create(source=HOME, admin=False)

    forged = new_revoke_token(hash_api_key(new.key))
    for token in (new.key, forged, new.revoke_token[:-1], "", "ilo_r_" + "A" * 86):
        with pytest.raises(UnknownRevokeToken):
            await keys.revoke(token)

    assert await keys.active_hash(new.key) is not None


async def test_the_admin_revokes_any_key_once() -> None:
    store = MemoryStore()
    keys = keys_in(store)
    new = await keys.create(source=HOME, admin=False)

    await keys.revoke_as_admin(new.key.upper())

    assert await keys.active_hash(new.key) is None
    for key in (new.key, new_api_key()):
        with pytest.raises(ApiKeyNotFound):
            await keys.revoke_as_admin(key)
    with pytest.raises(UnknownRevokeToken):
        await keys.revoke(new.revoke_token)


async def test_a_source_makes_so_many_keys_and_the_admin_any_number() -> None:
    keys = keys_in(MemoryStore(), count=2)
    for _ in range(2):
        await keys.create(source=HOME, admin=False)

    with pytest.raises(TooManyTries):
        await keys.create(source=HOME, admin=False)

    await keys.create(source="203.0.113.9", admin=False)
    await keys.create(source=HOME, admin=True)


async def test_where_the_admin_issues_keys_nobody_else_does() -> None:
    keys = keys_in(MemoryStore(), count=0, admin_only=True)

    with pytest.raises(AdminOnly):
        await keys.create(source=HOME, admin=False)

    new = await keys.create(source=HOME, admin=True)
    assert await keys.active_hash(new.key) is not None


async def test_the_repr_of_a_new_key_shows_neither_secret() -> None:
    new = await keys_in(MemoryStore()).create(source=HOME, admin=False)

    assert new.key not in repr(new)
    assert new.revoke_token not in repr(new)
    assert new.revoke_token[6:] not in repr(new)


async def test_a_revoked_key_is_told_as_the_end_of_anybodys_sessions() -> None:
    told: list[Event] = []
    store = MemoryStore()
    keys = keys_in(store, told=told)
    one = await keys.create(source=HOME, admin=False)
    other = await keys.create(source=HOME, admin=False)
    assert told == []

    await keys.revoke(one.revoke_token)
    assert told == [SessionsEnded(None)]

    await keys.revoke_as_admin(other.key)
    assert told == [SessionsEnded(None)] * 2


async def test_a_revocation_without_an_answer_is_told_too() -> None:
    class LosesAnswers(MemoryStore):
        async def revoke_api_key(self, key_hash: SecretHash, at: Instant) -> bool:
            await super().revoke_api_key(key_hash, at)
            raise StoreUnavailable

    told: list[Event] = []
    keys = keys_in(LosesAnswers(), told=told)
    new = await keys.create(source=HOME, admin=False)

    with pytest.raises(StoreUnavailable):
        await keys.revoke(new.revoke_token)

    assert told == [SessionsEnded(None)]
