"""Sessions and tickets in Cassandra when conditional writes have no answer.

Whatever is told is true: of many one succeeds, and what arrives late changes nothing.
"""

import asyncio
from dataclasses import replace

import pytest

from services.errors import StoreUnavailable
from services.model import SecretHash
from services.secret_tokens import session_id
from store.cassandra.cql import TRIES, Cql
from store.cassandra.sessions import KEPT_S
from tests.support.cassandra_faults import Fault, FaultyCql
from tests.support.cassandra_parts import (
    RACERS,
    SEEDS,
    Parts,
    added_session,
    added_user,
    each_fault,
    parts_on,
    told,
)
from tests.support.store_samples import NOON, at, some_hash

# Sessions


@each_fault
async def test_a_session_that_was_ended_does_not_come_back(
    parts: Parts, others: Parts, fault: Fault
) -> None:
    user = await added_user(others)
    parts.cql.meet(Fault.NONE, fault)
    session = await added_session(parts, user)
    assert await others.sessions.session(session.token_hash) is not None

    assert await others.sessions.end_session(session.token_hash)
    await parts.cql.deliver()

    assert await others.sessions.session(session.token_hash) is None
    ids = [session_id(session.token_hash)]
    assert await others.sessions.ended_sessions(ids, NOON) == ids


@each_fault
async def test_who_ended_a_session_is_told_so_and_nobody_else(
    parts: Parts, others: Parts, fault: Fault
) -> None:
    session = await added_session(others, await added_user(others))
    told_others: list[bool] = []

    async def others_do_so() -> None:
        told_others.append(await others.sessions.end_session(session.token_hash))

    parts.cql.meet(fault, meanwhile=others_do_so)
    told_us = await parts.sessions.end_session(session.token_hash)

    assert told_us is (fault is Fault.ANSWER_LOST)
    assert told_others == [not told_us]


@each_fault
async def test_the_other_sessions_are_ended_once(parts: Parts, others: Parts, fault: Fault) -> None:
    user = await added_user(others)
    kept, other = [await added_session(others, user) for _ in range(2)]
    parts.cql.meet(fault)

    await parts.sessions.end_other_sessions(user.user_id, kept.token_hash)
    new = replace(user, session_generation=1)
    late = await added_session(others, new)
    await parts.cql.deliver()

    assert await others.users.user(user.user_id) == new
    ids = [session_id(one.token_hash) for one in (kept, other, late)]
    assert await others.sessions.ended_sessions(ids, NOON) == ids[1:2]


async def test_a_row_stays_for_the_life_of_its_session_whatever_the_time_is(
    real: Cql, others: Parts
) -> None:
    session = await added_session(others, await added_user(others))

    text = "SELECT TTL(token_hash) FROM sessions WHERE session_id = ?"
    [[ttl_s]] = await real.read(text, session.token_hash[:16])

    life_s = (session.expires_at - session.created_at) // 1000
    assert life_s < ttl_s <= life_s + KEPT_S


# Tickets


@each_fault
async def test_of_two_who_use_a_ticket_one_gets_it(
    parts: Parts, others: Parts, fault: Fault
) -> None:
    ticket, token = some_hash(), some_hash()
    await others.sessions.add_ticket(ticket, token, at(30))
    told_others: list[SecretHash | None] = []

    async def others_do_so() -> None:
        told_others.append(await others.sessions.use_ticket(ticket, NOON))

    parts.cql.meet(fault, meanwhile=others_do_so)
    told_us = await parts.sessions.use_ticket(ticket, NOON)
    await parts.cql.deliver()

    is_ours = fault is Fault.ANSWER_LOST
    assert (told_us, told_others) == ((token, [None]) if is_ours else (None, [token]))


@each_fault
async def test_a_ticket_that_was_used_does_not_come_back(
    parts: Parts, others: Parts, fault: Fault
) -> None:
    ticket, token = some_hash(), some_hash()
    parts.cql.meet(fault)
    await parts.sessions.add_ticket(ticket, token, at(30))
    assert await others.sessions.use_ticket(ticket, NOON) == token

    await parts.cql.deliver()

    assert await others.sessions.use_ticket(ticket, NOON) is None


@each_fault
async def test_who_never_hears_of_a_ticket_does_not_get_it(
    parts: Parts, others: Parts, fault: Fault
) -> None:
    ticket, token = some_hash(), some_hash()
    await others.sessions.add_ticket(ticket, token, at(30))
    parts.cql.meet(*[fault] * TRIES)

    with pytest.raises(StoreUnavailable):
        await parts.sessions.use_ticket(ticket, NOON)
    assert parts.cql.sent == TRIES

    # Used up by a write without an answer, or free for the next.
    told_others = await others.sessions.use_ticket(ticket, NOON)
    assert told_others == (None if fault is Fault.ANSWER_LOST else token)
    await parts.cql.deliver()
    assert await others.sessions.use_ticket(ticket, NOON) is None


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_race_for_a_ticket_has_at_most_one_winner_whatever_happens(
    real: Cql, seed: int
) -> None:
    racers = [parts_on(FaultyCql(real, seed=seed * RACERS + n)) for n in range(RACERS)]
    ticket, token = some_hash(), some_hash()
    parts = racers[0]
    await told(parts.sessions.add_ticket(ticket, token, at(30)))

    async with asyncio.TaskGroup() as group:
        uses = [
            group.create_task(told(racer.sessions.use_ticket(ticket, NOON))) for racer in racers
        ]
    for racer in racers:
        racer.cql.heal()
        await racer.cql.deliver()
    last = await parts.sessions.use_ticket(ticket, NOON)

    assert [*(use.result() for use in uses), last].count(token) <= 1
