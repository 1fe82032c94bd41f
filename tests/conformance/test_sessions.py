"""Sessions, tickets and their sweeping, on every store."""

import asyncio
from dataclasses import replace

from services.model import ApiKey, SecretHash, SessionOwner
from services.ports import Store
from services.secret_tokens import session_id
from tests.support.store_samples import (
    NOON,
    Reopen,
    add_api_key,
    add_session,
    add_user,
    at,
    some_hash,
    some_session,
)

CALLERS = 50


async def is_current(store: Store, token_hash: SecretHash) -> bool:
    """Tell whether the session is of its user's generation."""
    owner = await store.session(token_hash)
    assert owner is not None
    return owner.session.generation == owner.user.session_generation


async def test_a_session_is_found_with_its_user_and_key(store: Store) -> None:
    key, ann = await add_api_key(store), await add_user(store)
    session = await add_session(store, ann, key)

    assert await store.session(session.token_hash) == SessionOwner(session, ann, key_revoked=False)


async def test_a_session_stays_when_the_store_is_opened_again(store: Store, reopen: Reopen) -> None:
    key, ann = await add_api_key(store), await add_user(store)
    session = await add_session(store, ann, key)

    store = await reopen()

    assert await store.session(session.token_hash) == SessionOwner(session, ann, key_revoked=False)


async def test_an_unknown_session_is_not_found(store: Store) -> None:
    await add_session(store, await add_user(store), await add_api_key(store))

    assert await store.session(some_hash()) is None


async def test_an_expired_session_is_found_for_the_caller_to_judge(store: Store) -> None:
    ann, key = await add_user(store), await add_api_key(store)
    session = some_session(ann, key, expires_at=at(-1))
    await store.add_session(session)

    owner = await store.session(session.token_hash)

    assert owner is not None
    assert owner.session == session


async def test_a_session_of_a_revoked_key_says_so(store: Store) -> None:
    key, ann = await add_api_key(store), await add_user(store)
    session = await add_session(store, ann, key)

    await store.revoke_api_key(key.key_hash, at(1))

    owner = await store.session(session.token_hash)
    assert owner is not None
    assert owner.key_revoked


async def test_a_session_of_a_key_that_was_never_there_counts_as_revoked(
    store: Store,
) -> None:
    ann, key = await add_user(store), await add_api_key(store)
    stray = replace(some_session(ann, key), key_hash=some_hash())
    await store.add_session(stray)

    owner = await store.session(stray.token_hash)

    assert owner is not None
    assert owner.key_revoked


async def test_a_session_ends_once(store: Store) -> None:
    session = await add_session(store, await add_user(store), await add_api_key(store))

    first = await store.end_session(session.token_hash)
    second = await store.end_session(session.token_hash)

    assert (first, second) == (True, False)
    assert await store.session(session.token_hash) is None


async def test_ending_the_others_keeps_one_session_and_other_users(store: Store) -> None:
    key = await add_api_key(store)
    ann, bob = await add_user(store, "ann"), await add_user(store, "bob")
    kept, other = await add_session(store, ann, key), await add_session(store, ann, key)
    bobs = await add_session(store, bob, key)

    await store.end_other_sessions(ann.user_id, kept.token_hash)

    assert await is_current(store, kept.token_hash)
    assert not await is_current(store, other.token_hash)
    assert await is_current(store, bobs.token_hash)


async def test_a_new_password_keeps_only_the_session_that_set_it(store: Store) -> None:
    key, ann = await add_api_key(store), await add_user(store)
    kept, other = await add_session(store, ann, key), await add_session(store, ann, key)

    await store.change_password(ann.user_id, "new hash", kept.token_hash)

    assert await is_current(store, kept.token_hash)
    assert not await is_current(store, other.token_hash)


async def test_a_session_that_was_ended_cannot_keep_itself(store: Store) -> None:
    key, ann = await add_api_key(store), await add_user(store)
    kept, ended = await add_session(store, ann, key), await add_session(store, ann, key)
    await store.end_other_sessions(ann.user_id, kept.token_hash)

    await store.end_other_sessions(ann.user_id, ended.token_hash)

    assert not await is_current(store, ended.token_hash)
    assert not await is_current(store, kept.token_hash)


async def test_nobody_keeps_a_session_of_somebody_else(store: Store) -> None:
    key = await add_api_key(store)
    ann, bob = await add_user(store, "ann"), await add_user(store, "bob")
    bobs = await add_session(store, bob, key)

    await store.end_other_sessions(ann.user_id, bobs.token_hash)

    owner = await store.session(bobs.token_hash)
    assert owner is not None
    assert owner.session == bobs


async def test_many_who_end_the_others_at_once_leave_one_session(store: Store) -> None:
    key, ann = await add_api_key(store), await add_user(store)
    all_sessions = [await add_session(store, ann, key) for _ in range(10)]

    async with asyncio.TaskGroup() as group:
        for session in all_sessions:
            group.create_task(store.end_other_sessions(ann.user_id, session.token_hash))

    # The first keeps itself; the next, ended by it, ends that one too.
    current = [await is_current(store, session.token_hash) for session in all_sessions]
    assert current.count(True) <= 1
    owner = await store.session(all_sessions[0].token_hash)
    assert owner is not None
    assert owner.user.session_generation == len(all_sessions)


async def test_a_session_of_an_older_generation_is_born_ended(store: Store) -> None:
    key, ann = await add_api_key(store), await add_user(store)
    await store.end_other_sessions(ann.user_id, some_hash())

    late = await add_session(store, ann, key)

    assert not await is_current(store, late.token_hash)


async def test_a_session_added_after_its_users_deletion_is_not_found(store: Store) -> None:
    key, ann = await add_api_key(store), await add_user(store)
    await store.delete_user(ann.user_id, at(1))

    late = await add_session(store, ann, key)

    assert await store.session(late.token_hash) is None


async def test_a_ticket_is_used_once(store: Store) -> None:
    ticket, token = some_hash(), some_hash()
    await store.add_ticket(ticket, token, at(30))

    assert await store.use_ticket(ticket, NOON) == token
    assert await store.use_ticket(ticket, NOON) is None


async def test_of_many_who_use_a_ticket_at_once_one_gets_it(store: Store) -> None:
    ticket, token = some_hash(), some_hash()
    await store.add_ticket(ticket, token, at(30))

    async with asyncio.TaskGroup() as group:
        uses = [group.create_task(store.use_ticket(ticket, NOON)) for _ in range(CALLERS)]

    results = [use.result() for use in uses]
    assert results.count(token) == 1
    assert results.count(None) == CALLERS - 1


async def test_an_unknown_ticket_gives_nothing(store: Store) -> None:
    assert await store.use_ticket(some_hash(), NOON) is None


async def test_a_ticket_ends_with_the_instant_it_expires(store: Store) -> None:
    just_valid, just_expired, token = some_hash(), some_hash(), some_hash()
    await store.add_ticket(just_valid, token, at(30))
    await store.add_ticket(just_expired, token, at(29))

    assert await store.use_ticket(just_valid, at(29)) == token
    assert await store.use_ticket(just_expired, at(29)) is None


async def test_sweeping_ends_and_leaves_what_is_valid(store: Store) -> None:
    key, ann = await add_api_key(store), await add_user(store)
    expired = some_session(ann, key, expires_at=at(10))
    valid = some_session(ann, key, expires_at=at(11))
    await store.add_session(expired)
    await store.add_session(valid)
    old, ticket, token = some_hash(), some_hash(), some_hash()
    await store.add_ticket(old, token, at(10))
    await store.add_ticket(ticket, token, at(11))

    # How many go at once is the store's own, and whether any do.
    swept = [await store.sweep(at(10)) for _ in range(3)]

    assert swept[-1] == 0
    ids = [session_id(session.token_hash) for session in (expired, valid)]
    assert await store.ended_sessions(ids, at(10)) == ids[:1]
    owner = await store.session(valid.token_hash)
    assert owner is not None
    assert owner.session == valid
    assert await store.use_ticket(old, at(10)) is None
    assert await store.use_ticket(ticket, at(10)) == token


# Which of them have ended


async def test_the_ids_of_valid_sessions_are_not_among_the_ended(store: Store) -> None:
    ann, key = await add_user(store), await add_api_key(store)
    sessions = [await add_session(store, ann, key) for _ in range(3)]
    ids = [session_id(session.token_hash) for session in sessions]

    assert await store.ended_sessions(ids, NOON) == []
    assert await store.ended_sessions([], NOON) == []


async def test_an_unknown_session_has_ended(store: Store) -> None:
    ann, key = await add_user(store), await add_api_key(store)
    known = session_id((await add_session(store, ann, key)).token_hash)
    # Beside it, on both sides.
    near = [f"{int(known, 16) + step:032x}" for step in (-1, 1)]
    asked = [near[0], known, near[1], session_id(some_hash())]

    assert await store.ended_sessions(asked, NOON) == [near[0], near[1], asked[3]]


async def test_a_session_has_ended_when_it_was_ended(store: Store) -> None:
    ann, key = await add_user(store), await add_api_key(store)
    one, other = await add_session(store, ann, key), await add_session(store, ann, key)
    await store.end_session(one.token_hash)

    asked = [session_id(one.token_hash), session_id(other.token_hash)]

    assert await store.ended_sessions(asked, NOON) == asked[:1]


async def test_a_session_has_ended_from_the_instant_at_which_it_expires(store: Store) -> None:
    ann, key = await add_user(store), await add_api_key(store)
    session = some_session(ann, key, expires_at=at(1000))
    await store.add_session(session)
    asked = [session_id(session.token_hash)]

    assert await store.ended_sessions(asked, at(999)) == []
    assert await store.ended_sessions(asked, at(1000)) == asked


async def test_sessions_of_an_older_generation_have_ended(store: Store) -> None:
    ann, key = await add_user(store), await add_api_key(store)
    kept, other = await add_session(store, ann, key), await add_session(store, ann, key)
    asked = [session_id(kept.token_hash), session_id(other.token_hash)]

    await store.end_other_sessions(ann.user_id, kept.token_hash)

    assert await store.ended_sessions(asked, NOON) == asked[1:]


async def test_sessions_of_a_revoked_key_have_ended(store: Store) -> None:
    ann, key, other_key = await add_user(store), await add_api_key(store), await add_api_key(store)
    gone, kept = await add_session(store, ann, key), await add_session(store, ann, other_key)
    asked = [session_id(gone.token_hash), session_id(kept.token_hash)]

    await store.revoke_api_key(key.key_hash, at(1))

    assert await store.ended_sessions(asked, NOON) == asked[:1]


async def test_sessions_of_a_key_that_nobody_knows_have_ended(store: Store) -> None:
    session = await add_session(
        store, await add_user(store), ApiKey(some_hash(), some_hash(), NOON)
    )
    asked = [session_id(session.token_hash)]

    assert await store.ended_sessions(asked, NOON) == asked


async def test_sessions_of_a_deleted_account_have_ended(store: Store) -> None:
    ann, bob, key = await add_user(store), await add_user(store, "bob"), await add_api_key(store)
    gone, kept = await add_session(store, ann, key), await add_session(store, bob, key)
    asked = [session_id(gone.token_hash), session_id(kept.token_hash)]

    await store.delete_user(ann.user_id, at(1))

    assert await store.ended_sessions(asked, NOON) == asked[:1]


async def test_as_many_sessions_as_a_relay_may_have_are_asked_for_at_once(store: Store) -> None:
    ann, key = await add_user(store), await add_api_key(store)
    ids = [session_id((await add_session(store, ann, key)).token_hash) for _ in range(200)]
    unknown = [session_id(some_hash()) for _ in range(5_000)]

    assert await store.ended_sessions(unknown + ids, NOON) == unknown
