"""Keys and accounts in Cassandra when conditional writes have no answer.

Whatever is told is true: of many one succeeds, and what arrives late changes nothing.
"""

import asyncio
import uuid
from dataclasses import replace

import pytest

from services.errors import KeyVersionConflict, NameTaken, StoreUnavailable
from services.model import ApiKey, PublicKey, User, UserId
from services.secret_tokens import session_id
from store.cassandra import users
from store.cassandra.cql import TRIES, Cql
from store.cassandra.users import Users
from tests.support.cassandra_faults import Fault, FaultyCql
from tests.support.cassandra_parts import (
    RACERS,
    SEEDS,
    Parts,
    added_session,
    added_user,
    each_fault,
    new_user,
    parts_on,
    told,
)
from tests.support.store_samples import NOON, at, some_hash

# API keys


@each_fault
async def test_a_key_is_added_and_stays_revoked(parts: Parts, others: Parts, fault: Fault) -> None:
    key = ApiKey(some_hash(), some_hash(), NOON)
    parts.cql.meet(fault)
    await parts.keys.add_api_key(key)
    await others.keys.revoke_api_key(key.key_hash, at(1))

    await parts.cql.deliver()

    assert await others.keys.api_key(key.key_hash) == replace(key, revoked_at=at(1))


@each_fault
async def test_who_revoked_a_key_is_told_so_and_nobody_else(
    parts: Parts, others: Parts, fault: Fault
) -> None:
    key = ApiKey(some_hash(), some_hash(), NOON)
    await others.keys.add_api_key(key)
    told_others: list[bool] = []

    async def others_do_so() -> None:
        told_others.append(await others.keys.revoke_api_key(key.key_hash, at(1)))

    parts.cql.meet(fault, meanwhile=others_do_so)
    # At the same instant: that cannot be what tells them apart.
    told_us = await parts.keys.revoke_api_key(key.key_hash, at(1))

    assert told_us is (fault is Fault.ANSWER_LOST)
    assert told_others == [not told_us]


# Registration


@each_fault
@pytest.mark.parametrize("write", [0, 1], ids=["account", "name"])
async def test_an_account_is_added_once_its_outcome_is_known(
    parts: Parts, others: Parts, fault: Fault, write: int
) -> None:
    user = new_user()
    parts.cql.meet(*[Fault.NONE] * write, fault)

    await parts.users.add_user(user, PublicKey(1, "key", NOON))
    await others.users.add_public_key(user.user_id, "newer", 1, at(1))
    await parts.cql.deliver()

    assert await others.users.user_named(user.name_key) == user
    assert await others.users.public_key(user.user_id) == PublicKey(2, "newer", at(1))


@each_fault
async def test_a_name_that_two_claim_at_once_has_one_owner(
    parts: Parts, others: Parts, fault: Fault
) -> None:
    user = new_user()
    rival = replace(new_user(), name=user.name, name_key=user.name_key)
    told_rival: list[object] = []

    async def rival_registers() -> None:
        told_rival.append(
            await told(others.users.add_user(rival, PublicKey(1, "key of the rival", NOON)))
        )

    parts.cql.meet(Fault.NONE, fault, meanwhile=rival_registers)
    told_us = await told(parts.users.add_user(user, PublicKey(1, "key", NOON)))
    await parts.cql.deliver()

    is_ours = fault is Fault.ANSWER_LOST
    assert (told_us, told_rival) == ((None, [NameTaken]) if is_ours else (NameTaken, [None]))
    winner, loser = (user, rival) if is_ours else (rival, user)
    assert await others.users.user_named(user.name_key) == winner
    assert await others.users.user(loser.user_id) is None


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_race_for_a_name_has_at_most_one_winner_whatever_happens(
    real: Cql, seed: int
) -> None:
    racers = [parts_on(FaultyCql(real, seed=seed * RACERS + n)) for n in range(RACERS)]
    first = new_user()
    claims = [replace(new_user(), name=first.name, name_key=first.name_key) for _ in racers]

    async with asyncio.TaskGroup() as group:
        tries = [
            group.create_task(told(racer.users.add_user(claim, PublicKey(1, "key", NOON))))
            for racer, claim in zip(racers, claims, strict=True)
        ]
    for racer in racers:
        racer.cql.heal()
        await racer.cql.deliver()

    results = [one.result() for one in tries]
    winners = [claim for claim, result in zip(claims, results, strict=True) if result is None]
    owner = await racers[0].users.user_named(first.name_key)
    assert len(winners) <= 1
    if winners:
        assert owner == winners[0]
    else:
        # The name is somebody's who was told that nobody knows.
        assert owner is not None
        of_owner = [claim.user_id for claim in claims].index(owner.user_id)
        assert results[of_owner] is StoreUnavailable


# Passwords, keys and deletion


@each_fault
async def test_a_new_password_is_set_and_ends_the_other_sessions_once(
    parts: Parts, others: Parts, fault: Fault
) -> None:
    user = await added_user(others)
    kept, other = [await added_session(others, user) for _ in range(2)]
    ids = [session_id(one.token_hash) for one in (kept, other)]
    parts.cql.meet(fault)

    assert await parts.users.change_password(user.user_id, "new", kept.token_hash)
    await parts.cql.deliver()

    changed = replace(user, password_hash="new", session_generation=1)
    assert await others.users.user(user.user_id) == changed
    assert await others.sessions.ended_sessions(ids, NOON) == ids[1:]


@each_fault
async def test_a_password_of_which_nobody_knows_is_never_set_over_a_later_one(
    parts: Parts, others: Parts, fault: Fault
) -> None:
    user = await added_user(others)

    async def set_another() -> None:
        assert await others.users.change_password(user.user_id, "later", some_hash())

    parts.cql.meet(fault, meanwhile=set_another)
    with pytest.raises(StoreUnavailable):
        await parts.users.change_password(user.user_id, "new", some_hash())
    await parts.cql.deliver()

    found = await others.users.user(user.user_id)
    assert found is not None
    assert found.password_hash == "later"


async def test_a_change_that_has_found_another_generation_is_made_upon_that(
    parts: Parts, others: Parts
) -> None:
    user = await added_user(others)
    kept = await added_session(others, user)
    read = parts.users.account

    async def read_and_be_late(user_id: UserId) -> users.Account | None:
        account = await read(user_id)
        if account is not None and account.user.session_generation == 0:
            await others.users.raise_generation(user_id, kept.token_hash)
        return account

    parts.users.account = read_and_be_late  # type: ignore[method-assign]

    assert await parts.users.change_password(user.user_id, "new", kept.token_hash)

    changed = replace(user, password_hash="new", session_generation=2)
    assert await others.users.user(user.user_id) == changed
    assert await others.sessions.ended_sessions([session_id(kept.token_hash)], NOON) == []


@pytest.mark.parametrize("seed", SEEDS)
async def test_what_is_told_of_passwords_one_after_the_other_is_true(real: Cql, seed: int) -> None:
    parts, others = parts_on(FaultyCql(real, seed=seed)), parts_on(FaultyCql(real))
    user = await added_user(others)
    possible = {user.password_hash}

    for n in range(8):
        result = await told(parts.users.change_password(user.user_id, f"hash {n}", some_hash()))
        if result is True:
            possible = {f"hash {n}"}
        else:
            assert result is StoreUnavailable
            possible.add(f"hash {n}")
        found = await others.users.user(user.user_id)
        assert found is not None
        assert found.password_hash in possible
    parts.cql.heal()
    await parts.cql.deliver()

    found = await others.users.user(user.user_id)
    assert found is not None
    assert found.password_hash in possible


@each_fault
async def test_a_rehash_is_made_once_its_outcome_is_known(
    parts: Parts, others: Parts, fault: Fault
) -> None:
    user = await added_user(others)
    parts.cql.meet(fault)

    assert await parts.users.rehash_password(user.user_id, user.password_hash, "better")
    await others.users.change_password(user.user_id, "later", some_hash())
    await parts.cql.deliver()

    found = await others.users.user(user.user_id)
    assert found is not None
    assert found.password_hash == "later"


@each_fault
async def test_a_key_is_replaced_once(parts: Parts, others: Parts, fault: Fault) -> None:
    user = await added_user(others)
    parts.cql.meet(fault)

    assert await parts.users.add_public_key(user.user_id, "new", 1, at(1)) == 2
    assert await others.users.add_public_key(user.user_id, "newer", 2, at(2)) == 3
    await parts.cql.deliver()

    assert await others.users.public_key(user.user_id) == PublicKey(3, "newer", at(2))


@each_fault
async def test_of_two_who_replace_a_key_nobody_is_told_a_version_that_is_not_theirs(
    parts: Parts, others: Parts, fault: Fault
) -> None:
    user = await added_user(others)
    told_others: list[object] = []

    async def others_do_so() -> None:
        told_others.append(await told(others.users.add_public_key(user.user_id, "x", 1, at(1))))

    parts.cql.meet(fault, meanwhile=others_do_so)
    told_us = await told(parts.users.add_public_key(user.user_id, "new", 1, at(1)))
    await parts.cql.deliver()

    if fault is Fault.ANSWER_LOST:
        assert (told_us, told_others) == (2, [KeyVersionConflict])
        assert await others.users.public_key(user.user_id) == PublicKey(2, "new", at(1))
    else:
        assert (told_us, told_others) == (StoreUnavailable, [2])
        assert await others.users.public_key(user.user_id) == PublicKey(2, "x", at(1))


@each_fault
async def test_who_deleted_an_account_is_told_so_and_nobody_else(
    parts: Parts, others: Parts, fault: Fault
) -> None:
    user = await added_user(others)
    told_others: list[bool] = []

    async def others_do_so() -> None:
        told_others.append(await others.users.delete_user(user.user_id, at(1)))

    parts.cql.meet(fault, meanwhile=others_do_so)
    told_us = await parts.users.delete_user(user.user_id, at(1))
    await parts.cql.deliver()

    assert told_us is (fault is Fault.ANSWER_LOST)
    assert told_others == [not told_us]
    deleted = replace(user, password_hash="", deleted_at=at(1))
    assert await others.users.user(user.user_id) == deleted


async def test_a_deleted_account_keeps_no_secret(real: Cql, others: Parts) -> None:
    user = await added_user(others)
    kept = await added_session(others, user)
    await others.users.raise_generation(user.user_id, kept.token_hash)

    await others.users.delete_user(user.user_id, at(1))

    secrets = "password_hash, public_key, key_version, key_created_at, kept_session"
    [row] = await real.read(
        f"SELECT {secrets} FROM users WHERE user_id = ?",
        uuid.UUID(bytes=user.user_id),
    )
    assert row == ("", None, None, None, None)


async def is_leaving(real: Cql, user: User) -> bool:
    text = "SELECT user_id FROM leaving_users WHERE user_id = ?"
    return await real.read(text, uuid.UUID(bytes=user.user_id)) != []


async def enter_a_room(real: Cql, user: User) -> None:
    await real.write(
        "INSERT INTO rooms_by_user (user_id, name, room_id, joined) VALUES (?, 'tea', ?, true)",
        uuid.UUID(bytes=user.user_id),
        uuid.uuid4(),
    )


async def test_only_who_is_in_a_room_has_to_leave_one(real: Cql, others: Parts) -> None:
    ann, bob = await added_user(others), await added_user(others)
    await enter_a_room(real, ann)

    for user in (ann, bob):
        await others.users.delete_user(user.user_id, at(1))

    assert [await is_leaving(real, user) for user in (ann, bob)] == [True, False]


async def test_who_is_to_leave_is_known_before_the_account_is_deleted(
    real: Cql, parts: Parts
) -> None:
    user = await added_user(parts)
    await enter_a_room(real, user)
    parts.cql.meet(*[Fault.LOST] * TRIES)

    with pytest.raises(StoreUnavailable):
        await parts.users.delete_user(user.user_id, at(1))

    assert await is_leaving(real, user)


async def test_who_enters_a_first_room_while_being_deleted_leaves_it(
    real: Cql, parts: Parts
) -> None:
    user = await added_user(parts)

    async def enter() -> None:
        await enter_a_room(real, user)

    parts.cql.meet(Fault.NONE, meanwhile=enter)
    await parts.users.delete_user(user.user_id, at(1))

    assert await is_leaving(real, user)


async def test_names_are_remembered_for_good_but_not_too_many(
    real: Cql, others: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(users, "MAX_NAMES", 2)
    ann, bob, eve = [await added_user(others) for _ in range(3)]
    accounts = Users(real)
    for user in (ann, bob, ann, eve):
        assert await accounts.name_of(user.user_id) == user.name
    assert await accounts.name_of(UserId(bytes(16))) is None

    real.detach()

    assert await accounts.name_of(ann.user_id) == ann.name
    assert await accounts.name_of(eve.user_id) == eve.name
    with pytest.raises(StoreUnavailable):
        await accounts.name_of(bob.user_id)
