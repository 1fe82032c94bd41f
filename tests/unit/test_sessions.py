import asyncio
from dataclasses import dataclass, field

import pytest

from services import sessions as sessions_module
from services.errors import NotLoggedIn, StoreUnavailable
from services.events import Event, SessionsEnded
from services.model import (
    ApiKey,
    Instant,
    PublicKey,
    SecretHash,
    SessionOwner,
    User,
    UserId,
    Username,
)
from services.secret_tokens import hash_secret, new_secret, session_id
from services.sessions import NewSession, Sessions
from tests.support.memory_store import MemoryStore

NOON = Instant(1_767_355_200_000)
LIFETIME_S = 3600
KEY_HASH = SecretHash(b"k" * 32)
OTHER_KEY_HASH = SecretHash(b"o" * 32)
REVOKE_HASH = SecretHash(b"r" * 32)


class CountingStore(MemoryStore):
    """Counts how often it is asked for a session, and can keep an answer back."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.is_gone = False
        self.answers: asyncio.Event | None = None

    async def session(self, token_hash: SecretHash) -> SessionOwner | None:
        self.asked += 1
        owner = await super().session(token_hash)
        if self.answers is not None:
            await self.answers.wait()
        return owner

    async def end_session(self, token_hash: SecretHash) -> bool:
        was_there = await super().end_session(token_hash)
        if self.is_gone:
            raise StoreUnavailable
        return was_there


@dataclass
class House:
    """A store with two users, the sessions in it, and two clocks that stand still."""

    store: CountingStore = field(default_factory=CountingStore)
    wall: int = NOON
    now_s: float = 1000.0
    told: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sessions = self.another_node()
        self.ann = user("ann")
        self.bob = user("bob")

    def another_node(self) -> Sessions:
        return Sessions(
            self.store,
            lambda: Instant(self.wall),
            lifetime_s=LIFETIME_S,
            now_s=lambda: self.now_s,
            tell=self.told.append,
        )

    async def ready(self) -> "House":
        for key_hash in (KEY_HASH, OTHER_KEY_HASH):
            await self.store.add_api_key(ApiKey(key_hash, REVOKE_HASH, NOON))
        for one in (self.ann, self.bob):
            await self.store.add_user(one, PublicKey(1, "a key", NOON))
        return self

    async def start(self, one: User | None = None) -> str:
        return (await self.sessions.start(one or self.ann, KEY_HASH)).token


def user(name: str) -> User:
    user_id = UserId(name.encode().ljust(16, b"."))
    return User(user_id, Username(name), name, "a hash", NOON)


@pytest.fixture
async def house() -> House:
    return await House().ready()


async def is_nobody(sessions: Sessions, token: str) -> bool:
    try:
        await sessions.caller(token)
    except NotLoggedIn:
        return True
    return False


async def test_a_token_tells_who_speaks(house: House) -> None:
    new = await house.sessions.start(house.ann, KEY_HASH)

    caller = await house.sessions.caller(new.token)

    assert (caller.user_id, caller.username) == (house.ann.user_id, "ann")
    assert caller.session_id == session_id(hash_secret(new.token))
    assert caller.token_hash == hash_secret(new.token)
    assert caller.key_hash == KEY_HASH
    assert caller.session_created_at == NOON
    assert caller.expires_at == new.expires_at == NOON + LIFETIME_S * 1000
    assert new.username == "ann"


async def test_two_sessions_have_two_tokens(house: House) -> None:
    assert await house.start() != await house.start()


async def test_no_other_text_is_a_token(house: House) -> None:
    token = await house.start()

    for other in ("", token[:-1], token + "\n", new_secret("s"), token.replace("_s_", "_t_")):
        assert await is_nobody(house.sessions, other)


async def test_what_has_not_the_form_of_a_token_costs_no_look_up(house: House) -> None:
    assert await is_nobody(house.sessions, new_secret("t"))
    assert await is_nobody(house.sessions, "x" * 10_000)

    assert house.store.asked == 0


async def test_a_session_ends_when_it_expires_to_the_millisecond(house: House) -> None:
    token = await house.start()
    house.wall += LIFETIME_S * 1000 - 1
    await house.sessions.caller(token)

    house.wall += 1

    # Remembered or not.
    assert await is_nobody(house.sessions, token)
    assert await is_nobody(house.another_node(), token)


async def test_a_session_of_an_older_generation_is_over(house: House) -> None:
    token, other = await house.start(), await house.start()
    await house.store.end_other_sessions(house.ann.user_id, keep=hash_secret(other))

    assert await is_nobody(house.sessions, token)
    assert (await house.sessions.caller(other)).username == "ann"
    # One that is started by who was read before is over from the beginning.
    assert await is_nobody(house.sessions, await house.start())


async def test_a_session_ends_with_its_api_key(house: House) -> None:
    token = await house.start()
    other = (await house.sessions.start(house.ann, OTHER_KEY_HASH)).token

    await house.store.revoke_api_key(KEY_HASH, NOON)

    assert await is_nobody(house.sessions, token)
    assert (await house.sessions.caller(other)).username == "ann"


async def test_a_session_ends_with_its_user(house: House) -> None:
    token = await house.start()

    await house.store.delete_user(house.ann.user_id, NOON)

    assert await is_nobody(house.sessions, token)


async def test_a_caller_is_remembered_for_less_than_2_seconds(house: House) -> None:
    token = await house.start()
    await house.sessions.caller(token)
    await house.another_node().end(await house.sessions.caller(token))
    assert house.store.asked == 1

    house.now_s += 1.75
    assert (await house.sessions.caller(token)).username == "ann"
    house.now_s += 0.25

    assert await is_nobody(house.sessions, token)


async def test_being_asked_for_does_not_prolong_what_is_remembered(house: House) -> None:
    token = await house.start()
    for _ in range(8):
        await house.sessions.caller(token)
        house.now_s += 0.5

    assert house.store.asked == 2


async def test_the_two_seconds_begin_when_the_store_is_asked(house: House) -> None:
    token = await house.start()
    house.store.answers = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(house.sessions.caller(token))
        await asyncio.sleep(0)
        house.now_s += 2
        house.store.answers.set()
    await house.another_node().end(await house.sessions.caller(token))

    assert house.store.asked == 2


async def test_a_fresh_caller_never_comes_from_memory(house: House) -> None:
    token = await house.start()
    caller = await house.sessions.caller(token)
    assert await house.sessions.fresh_caller(caller.token_hash) == caller

    await house.another_node().end(caller)

    assert (await house.sessions.caller(token)) == caller
    assert await house.sessions.fresh_caller(caller.token_hash) is None


async def test_an_ended_session_is_over_at_once(house: House) -> None:
    token, other = await house.start(), await house.start()
    caller = await house.sessions.caller(token)
    await house.sessions.caller(other)

    await house.sessions.end(caller)

    assert await is_nobody(house.sessions, token)
    assert (await house.sessions.caller(other)).username == "ann"
    await house.sessions.end(caller)


async def test_ending_the_others_leaves_this_one_and_other_users(house: House) -> None:
    token, elsewhere = await house.start(), await house.start()
    bobs = await house.start(house.bob)
    for remembered in (token, elsewhere, bobs):
        await house.sessions.caller(remembered)

    await house.sessions.end_others(await house.sessions.caller(token))

    assert await is_nobody(house.sessions, elsewhere)
    assert (await house.sessions.caller(token)).username == "ann"
    assert (await house.sessions.caller(bobs)).username == "bob"


async def test_an_answer_on_its_way_while_a_session_ends_is_not_remembered(
    house: House,
) -> None:
    token = await house.start()
    caller = await house.sessions.caller(token)
    house.now_s += 2
    house.store.answers = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(house.sessions.caller(token))
        await asyncio.sleep(0)
        await house.sessions.end(caller)
        house.store.answers.set()

    assert await is_nobody(house.sessions, token)


async def test_an_end_without_an_answer_may_have_happened(house: House) -> None:
    token = await house.start()
    caller = await house.sessions.caller(token)
    house.store.is_gone = True

    with pytest.raises(StoreUnavailable):
        await house.sessions.end(caller)

    assert await is_nobody(house.sessions, token)


async def test_what_is_remembered_is_bounded(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions_module, "MAX_REMEMBERED", 10)
    tokens = [await house.start() for _ in range(30)]
    for token in tokens:
        await house.sessions.caller(token)
    asked = house.store.asked

    assert len(house.sessions._remembered) == 10
    for token in tokens[-10:]:
        await house.sessions.caller(token)
    assert house.store.asked == asked


async def test_neither_store_nor_repr_has_the_token(house: House) -> None:
    new: NewSession = await house.sessions.start(house.ann, KEY_HASH)
    caller = await house.sessions.caller(new.token)

    kept = await house.store.session(caller.token_hash)
    for shown in (repr(new), repr(caller), repr(kept), repr(house.sessions)):
        assert new.token not in shown
        assert new.token[6:] not in shown


async def test_a_remembered_caller_is_who_the_store_said_a_moment_ago(house: House) -> None:
    token = (await house.sessions.start(house.ann, KEY_HASH)).token
    assert house.sessions.remembered_caller(token) is None
    caller = await house.sessions.caller(token)
    asked = house.store.asked

    assert house.sessions.remembered_caller(token) == caller
    await house.sessions.end(caller)
    assert house.sessions.remembered_caller(token) is None
    assert house.store.asked == asked
    with pytest.raises(NotLoggedIn):
        house.sessions.remembered_caller("no token")


async def test_the_end_of_sessions_is_told_as_the_users_and_nothing_else_is(house: House) -> None:
    token, other = await house.start(), await house.start()
    caller = await house.sessions.caller(token)
    assert house.told == []

    await house.sessions.end_others(caller)
    assert house.told == [SessionsEnded(house.ann.user_id)]

    await house.sessions.end(caller)
    assert house.told == [SessionsEnded(house.ann.user_id)] * 2
    assert await is_nobody(house.sessions, other)


async def test_an_end_without_an_answer_is_told_too(house: House) -> None:
    caller = await house.sessions.caller(await house.start())
    house.store.is_gone = True

    with pytest.raises(StoreUnavailable):
        await house.sessions.end(caller)

    assert house.told == [SessionsEnded(house.ann.user_id)]
