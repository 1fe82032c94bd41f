import base64
import hashlib
import re

import pytest

from services.events import Listeners
from services.introspection import Introspection, answer_to
from services.model import ApiKey, Instant, PublicKey, SecretHash, User, UserId, Username
from services.secret_tokens import new_secret
from services.sessions import Sessions
from services.tickets import Tickets
from tests.support.memory_store import MemoryStore

NOON = Instant(1_767_355_200_000)
KEY_HASH = SecretHash(b"k" * 32)
ANN = User(UserId(b"a" * 16), Username("ann"), "ann", "a hash", NOON)


class House:
    def __init__(self) -> None:
        self.store = MemoryStore()
        self.sessions = Sessions(
            self.store, lambda: NOON, lifetime_s=3600, now_s=lambda: 0.0, tell=Listeners().tell
        )
        self.tickets = Tickets(self.store, self.sessions, lambda: NOON)
        self.introspection = Introspection(self.sessions, self.tickets)


@pytest.fixture
async def house() -> House:
    house = House()
    await house.store.add_api_key(ApiKey(KEY_HASH, SecretHash(b"r" * 32), NOON))
    await house.store.add_user(ANN, PublicKey(1, "a key", NOON))
    return house


async def test_a_session_is_its_users_as_often_as_asked(house: House) -> None:
    token = (await house.sessions.start(ANN, KEY_HASH)).token

    for _ in range(2):
        caller = await house.introspection.ask(token, "session")
        assert caller is not None
        assert caller.user_id == ANN.user_id


async def test_a_ticket_is_used_up_by_the_question(house: House) -> None:
    token = (await house.sessions.start(ANN, KEY_HASH)).token
    ticket = (await house.tickets.create(await house.sessions.caller(token))).ticket

    assert await house.introspection.ask(ticket, "ticket") is not None
    assert await house.introspection.ask(ticket, "ticket") is None


async def test_the_other_kind_is_inactive_and_not_used_up(house: House) -> None:
    token = (await house.sessions.start(ANN, KEY_HASH)).token
    ticket = (await house.tickets.create(await house.sessions.caller(token))).ticket

    assert await house.introspection.ask(token, "ticket") is None
    assert await house.introspection.ask(ticket, "session") is None

    assert await house.introspection.ask(ticket, "ticket") is not None


async def test_an_answer_never_comes_from_memory(house: House) -> None:
    token = (await house.sessions.start(ANN, KEY_HASH)).token
    caller = await house.sessions.caller(token)

    await house.store.revoke_api_key(KEY_HASH, NOON)

    assert await house.sessions.caller(token) == caller
    assert await house.introspection.ask(token, "session") is None


async def test_ended_sessions_are_named_and_valid_ones_are_not(house: House) -> None:
    tokens = [(await house.sessions.start(ANN, KEY_HASH)).token for _ in range(3)]
    callers = [await house.sessions.caller(token) for token in tokens]
    ids = [caller.session_id for caller in callers]
    unknown = "0" * 32

    assert await house.introspection.ended(ids) == []
    await house.sessions.end(callers[0])
    assert set(await house.introspection.ended([*ids, unknown])) == {ids[0], unknown}
    await house.sessions.end_others(callers[1])
    assert set(await house.introspection.ended(ids)) == {ids[0], ids[2]}
    await house.store.revoke_api_key(KEY_HASH, NOON)
    assert set(await house.introspection.ended(ids)) == set(ids)


async def test_what_nobody_was_given_is_nobodys(house: House) -> None:
    for text in ("", "x", new_secret("s"), new_secret("t"), "\ud800", "ilo_s_" + "é" * 43):
        assert await house.introspection.ask(text, "session") is None
        assert await house.introspection.ask(text, "ticket") is None


def test_an_answer_is_to_one_question_only() -> None:
    nonce, token = "3q2-7wABCDEFGHIJKLMNOP", new_secret("s")

    answer = answer_to(nonce, token)

    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", answer)
    asked = f"{nonce}.{token}".encode()
    assert base64.urlsafe_b64decode(answer + "=") == hashlib.sha256(asked).digest()
    assert answer != answer_to(nonce, new_secret("s"))
    assert answer != answer_to("3q2-7wABCDEFGHIJKLMNOQ", token)
