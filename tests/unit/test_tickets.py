import asyncio

import pytest

from services.events import Listeners
from services.model import ApiKey, Caller, Instant, PublicKey, SecretHash, User, UserId
from services.model import Username as Name
from services.secret_tokens import has_form, new_secret
from services.sessions import Sessions
from services.tickets import TICKET_LIFETIME_S, NewTicket, Tickets
from tests.support.memory_store import MemoryStore

NOON = Instant(1_767_355_200_000)
KEY_HASH = SecretHash(b"k" * 32)
ANN = User(UserId(b"a" * 16), Name("ann"), "ann", "a hash", NOON)


class House:
    """One user with one session, and a wall clock that stands still."""

    def __init__(self) -> None:
        self.wall: int = NOON
        self.store = MemoryStore()
        self.sessions = Sessions(
            self.store,
            self.clock,
            lifetime_s=3600,
            now_s=lambda: self.wall / 1000,
            tell=Listeners().tell,
        )
        self.tickets = Tickets(self.store, self.sessions, self.clock)

    def clock(self) -> Instant:
        return Instant(self.wall)

    async def caller(self) -> Caller:
        new = await self.sessions.start(ANN, KEY_HASH)
        return await self.sessions.caller(new.token)


@pytest.fixture
async def house() -> House:
    house = House()
    await house.store.add_api_key(ApiKey(KEY_HASH, SecretHash(b"r" * 32), NOON))
    await house.store.add_user(ANN, PublicKey(1, "a key", NOON))
    return house


async def test_a_ticket_is_good_once_for_its_session(house: House) -> None:
    caller = await house.caller()
    new = await house.tickets.create(caller)

    assert has_form(new.ticket, "t")
    assert new.expires_at == NOON + TICKET_LIFETIME_S * 1000 == NOON + 30_000
    assert await house.tickets.use(new.ticket) == caller
    assert await house.tickets.use(new.ticket) is None


async def test_of_many_who_show_one_ticket_at_once_one_gets_in(house: House) -> None:
    new = await house.tickets.create(await house.caller())

    async with asyncio.TaskGroup() as tasks:
        uses = [tasks.create_task(house.tickets.use(new.ticket)) for _ in range(20)]

    assert sum(use.result() is not None for use in uses) == 1


async def test_a_ticket_is_over_after_30_seconds(house: House) -> None:
    caller = await house.caller()
    early, late = await house.tickets.create(caller), await house.tickets.create(caller)

    house.wall += 29_999
    assert await house.tickets.use(early.ticket) is not None
    house.wall += 1

    assert await house.tickets.use(late.ticket) is None


async def test_a_ticket_is_worth_nothing_when_its_session_has_ended(house: House) -> None:
    caller = await house.caller()
    new = await house.tickets.create(caller)

    await house.sessions.end(caller)

    assert await house.tickets.use(new.ticket) is None


async def test_a_ticket_does_not_come_from_memory(house: House) -> None:
    caller = await house.caller()
    new = await house.tickets.create(caller)

    # As another node would do it: these sessions still remember the caller.
    await house.store.end_session(caller.token_hash)

    assert await house.tickets.use(new.ticket) is None


async def test_what_is_no_ticket_is_nobodys(house: House) -> None:
    token = (await house.sessions.start(ANN, KEY_HASH)).token

    for text in ("", token, new_secret("t"), token.replace("_s_", "_t_")):
        assert await house.tickets.use(text) is None


async def test_the_repr_of_a_ticket_does_not_show_it(house: House) -> None:
    new: NewTicket = await house.tickets.create(await house.caller())

    assert new.ticket not in repr(new)
    assert new.ticket[6:] not in repr(new)
