"""Accounts and public keys, on every store."""

import asyncio
from dataclasses import replace

import pytest

from services.errors import KeyVersionConflict, NameTaken, UserNotFound
from services.model import PublicKey, UserId
from services.ports import Store
from tests.support.store_samples import (
    NOON,
    Reopen,
    add_api_key,
    add_session,
    add_user,
    append,
    at,
    draft_for,
    open_room,
    some_hash,
    some_user,
)

RACERS = 50


async def claims(store: Store, name: str) -> bool:
    try:
        await add_user(store, name)
    except NameTaken:
        return False
    return True


async def test_a_user_is_found_by_name_key_as_added(store: Store) -> None:
    user = replace(some_user("ann"), name_key="skeleton of ann")
    await store.add_user(user, PublicKey(1, "key", NOON))

    assert await store.user_named("skeleton of ann") == user
    assert await store.user_named("ann") is None


async def test_of_many_who_claim_a_name_at_once_one_gets_it(store: Store) -> None:
    async with asyncio.TaskGroup() as group:
        tries = [group.create_task(claims(store, "ann")) for _ in range(RACERS)]

    assert [t.result() for t in tries].count(True) == 1


async def test_who_loses_a_race_for_a_name_changes_nothing(store: Store) -> None:
    ann = await add_user(store, "ann")
    other = some_user("ann")

    with pytest.raises(NameTaken):
        await store.add_user(other, PublicKey(1, "another key", NOON))

    assert await store.user_named("ann") == ann
    assert await store.public_key(ann.user_id) == PublicKey(1, "key of ann", NOON)
    assert await store.public_key(other.user_id) is None


async def test_a_user_stays_when_the_store_is_opened_again(store: Store, reopen: Reopen) -> None:
    ann = await add_user(store, "ann")

    store = await reopen()

    assert await store.user_named("ann") == ann
    assert not await claims(store, "ann")


async def test_a_deleted_name_can_neither_be_found_nor_claimed(store: Store) -> None:
    ann = await add_user(store, "ann")

    deleted = await store.delete_user(ann.user_id, at(1))

    assert deleted
    assert await store.user_named("ann") is None
    assert not await claims(store, "ann")


async def test_a_user_is_deleted_once(store: Store) -> None:
    ann = await add_user(store)
    await store.delete_user(ann.user_id, at(1))

    assert not await store.delete_user(ann.user_id, at(2))


async def test_deletion_takes_the_users_keys_and_sessions_and_nobody_elses(
    store: Store,
) -> None:
    key = await add_api_key(store)
    ann, bob = await add_user(store, "ann"), await add_user(store, "bob")
    anns, bobs = await add_session(store, ann, key), await add_session(store, bob, key)

    await store.delete_user(ann.user_id, at(1))

    assert await store.session(anns.token_hash) is None
    assert await store.public_key(ann.user_id) is None
    assert await store.session(bobs.token_hash) is not None
    assert await store.public_key(bob.user_id) is not None


async def test_nothing_of_a_deleted_account_can_be_changed(store: Store) -> None:
    ann = await add_user(store)
    await store.delete_user(ann.user_id, at(1))

    assert not await store.change_password(ann.user_id, "new hash", some_hash())
    assert not await store.rehash_password(ann.user_id, ann.password_hash, "new hash")
    assert not await store.rehash_password(ann.user_id, "", "new hash")
    with pytest.raises(UserNotFound):
        await store.add_public_key(ann.user_id, "new key", 1, at(2))


async def test_messages_keep_the_name_of_a_deleted_author(store: Store) -> None:
    ann, room = await add_user(store, "ann"), await open_room(store)
    await append(store, draft_for(room, ann))

    await store.delete_user(ann.user_id, at(1))

    page = await store.messages_after(room.room_id, 0, 10, 1000)
    assert [message.sender for message in page] == ["ann"]


async def test_a_new_password_is_set(store: Store) -> None:
    ann = await add_user(store, "ann")

    assert await store.change_password(ann.user_id, "new hash", some_hash())

    found = await store.user_named("ann")
    assert found == replace(ann, password_hash="new hash", session_generation=1)


async def test_a_rehash_replaces_only_the_hash_it_was_made_from(store: Store) -> None:
    ann = await add_user(store, "ann")

    late = await store.rehash_password(ann.user_id, "an older hash", "wrong")
    right = await store.rehash_password(ann.user_id, ann.password_hash, "better hash")

    assert (late, right) == (False, True)
    assert await store.user_named("ann") == replace(ann, password_hash="better hash")


async def test_key_versions_count_from_one_without_holes(store: Store) -> None:
    ann = await add_user(store)

    versions = [await store.add_public_key(ann.user_id, f"key {n}", n, at(n)) for n in (1, 2, 3)]

    assert versions == [2, 3, 4]
    assert await store.public_key(ann.user_id) == PublicKey(4, "key 3", at(3))


@pytest.mark.parametrize("stale", [0, 1, 3])
async def test_a_key_upon_another_version_is_refused_and_not_kept(store: Store, stale: int) -> None:
    ann = await add_user(store)
    await store.add_public_key(ann.user_id, "second", 1, at(1))

    with pytest.raises(KeyVersionConflict):
        await store.add_public_key(ann.user_id, "third", stale, at(2))

    assert await store.public_key(ann.user_id) == PublicKey(2, "second", at(1))


async def test_of_many_who_replace_a_key_at_once_one_does(store: Store) -> None:
    ann = await add_user(store)

    async def replaces(text: str) -> str | None:
        try:
            await store.add_public_key(ann.user_id, text, 1, at(1))
        except KeyVersionConflict:
            return None
        return text

    async with asyncio.TaskGroup() as group:
        tries = [group.create_task(replaces(f"key {n}")) for n in range(RACERS)]

    [winner] = [text for t in tries if (text := t.result()) is not None]
    assert await store.public_key(ann.user_id) == PublicKey(2, winner, at(1))


async def test_nobodys_key_is_neither_found_nor_replaced(store: Store) -> None:
    nobody = UserId(bytes(16))

    assert await store.public_key(nobody) is None
    with pytest.raises(UserNotFound):
        await store.add_public_key(nobody, "key", 1, NOON)
    assert not await store.delete_user(nobody, NOON)
