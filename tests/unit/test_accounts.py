"""Accounts over real services: the store is the fake that keeps the port's promises, and the
passwords are real Argon2id hashes of the cheapest profile."""

import asyncio
import unicodedata
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

import pytest

from ilo.work_pool import ThreadWorkPool
from services.accounts import Accounts
from services.errors import (
    BadCredentials,
    InvalidInput,
    KeyVersionConflict,
    LogInAgain,
    NameTaken,
    NotLoggedIn,
    NotYourself,
    Overloaded,
    StoreUnavailable,
    TooManyTries,
    UnknownApiKey,
    UserNotFound,
    WrongPassword,
)
from services.events import AccountDeleted, Event, KeyChanged, RoomDeleted, SessionsEnded
from services.guesses import Guesses, RateWindow
from services.keys import Keys, NewKey
from services.limits import Limits, Rates
from services.model import ApiKey, Caller, Instant, RoomId, SecretHash, User, UserId
from services.names import skeleton
from services.passwords import CHEAPEST, Argon2Profile, Passwords
from services.rooms import Rooms
from services.secret_tokens import new_api_key
from services.sessions import NewSession, Sessions
from tests.support.memory_store import MemoryStore

NOON = Instant(1_767_355_200_000)
HOME = "198.51.100.7"
WORK = "203.0.113.9"
SECRET = "Quitten-Gelee 57"
OTHER_SECRET = "Birnen-Kompott 58"
WRONG = "Pflaumen-Mus 59"
PUBLIC_KEY = "XzKSzgiX2qoPySbe5T4TSK2018V..."
PRIVATE_KEY = "-----BEGIN PRIVATE KEY-----\nMC4CAQA=\n-----END PRIVATE KEY-----\n"


class CountingPasswords(Passwords):
    """Real ones that count what they are asked for; the pool may be full for them."""

    hashed = 0
    verified = 0
    is_full = False
    begun: asyncio.Event | None = None
    while_hashing: Callable[[], Awaitable[object]] | None = None

    async def hash(self, password: str) -> str:
        if self.is_full:
            raise Overloaded
        self.hashed += 1
        password_hash = await super().hash(password)
        if self.while_hashing is not None:
            meanwhile, self.while_hashing = self.while_hashing, None
            await meanwhile()
        return password_hash

    async def verify(self, password_hash: str | None, password: str) -> bool:
        if self.is_full:
            raise Overloaded
        self.verified += 1
        if self.begun is not None:
            self.begun.set()
        return await super().verify(password_hash, password)


class CountingStore(MemoryStore):
    """Counts the look-ups of a login."""

    def __init__(self) -> None:
        super().__init__()
        self.looked_up: list[str] = []

    async def user_named(self, name_key: str) -> User | None:
        self.looked_up.append("user")
        return await super().user_named(name_key)

    async def api_key(self, key_hash: SecretHash) -> ApiKey | None:
        self.looked_up.append("key")
        return await super().api_key(key_hash)


@dataclass
class House:
    pool: ThreadWorkPool
    store: CountingStore = field(default_factory=CountingStore)
    wall: int = NOON
    now_s: float = 1000.0
    told: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.passwords = CountingPasswords(self.pool, CHEAPEST)
        self.guesses = Guesses(Rates(), lambda: self.now_s)
        self.keys = Keys(
            self.store,
            self.clock,
            RateWindow(20, 3600, lambda: self.now_s),
            self.told.append,
            issuance="open",
        )
        self.sessions = Sessions(
            self.store,
            self.clock,
            lifetime_s=3600,
            now_s=lambda: self.now_s,
            tell=self.told.append,
        )
        self.rooms = Rooms(self.store, Limits(), self.clock, self.told.append)
        self.accounts = self.with_passwords(self.passwords)

    def with_passwords(self, passwords: Passwords) -> Accounts:
        return Accounts(
            self.store,
            self.keys,
            self.sessions,
            passwords,
            self.guesses,
            self.rooms,
            self.clock,
            self.told.append,
        )

    def clock(self) -> Instant:
        return Instant(self.wall)

    async def key(self) -> NewKey:
        return await self.keys.create(source=HOME, admin=True)

    async def ready(self) -> "House":
        self.api_key = (await self.key()).key
        return self

    async def register(
        self,
        username: str = "ann",
        password: str = SECRET,
        public_key: str = PUBLIC_KEY,
        api_key: str | None = None,
    ) -> None:
        await self.accounts.register(
            username=username,
            password=password,
            public_key=public_key,
            api_key=api_key or self.api_key,
        )

    async def log_in(
        self,
        username: str = "ann",
        password: str = SECRET,
        api_key: str | None = None,
        source: str = HOME,
    ) -> NewSession:
        return await self.accounts.log_in(
            username=username,
            password=password,
            api_key=api_key or self.api_key,
            source=source,
        )

    async def caller(self, username: str = "ann") -> Caller:
        return await self.sessions.caller((await self.log_in(username)).token)

    async def change_password(
        self,
        caller: Caller,
        old: str = SECRET,
        new: str = OTHER_SECRET,
        username: str = "ann",
    ) -> None:
        await self.accounts.change_password(
            caller, username=username, old_password=old, new_password=new, source=HOME
        )

    async def is_logged_in(self, session: NewSession) -> bool:
        try:
            await self.sessions.caller(session.token)
        except NotLoggedIn:
            return False
        return True


@pytest.fixture
def pool() -> Iterator[ThreadWorkPool]:
    pool = ThreadWorkPool(1)
    yield pool
    pool.close()


@pytest.fixture
async def house(pool: ThreadWorkPool) -> House:
    return await House(pool).ready()


@pytest.fixture
async def ann_lives_here(house: House) -> House:
    await house.register()
    return house


# Registration


async def test_who_registers_can_log_in_and_be_looked_up(house: House) -> None:
    await house.register("Ειρήνη")

    session = await house.log_in("Ειρήνη")

    caller = await house.sessions.caller(session.token)
    assert (session.username, caller.username) == ("Ειρήνη", "Ειρήνη")
    found = await house.accounts.public_user("Ειρήνη")
    assert (found.username, found.created_at) == ("Ειρήνη", NOON)
    assert (found.public_key.version, found.public_key.text) == (1, PUBLIC_KEY)


async def test_two_users_have_two_ids(house: House) -> None:
    await house.register("ann")
    await house.register("bob")

    assert (await house.caller("ann")).user_id != (await house.caller("bob")).user_id


async def test_a_bad_api_key_is_told_before_anything_else_is_looked_at(house: House) -> None:
    revoked = await house.key()
    await house.keys.revoke(revoked.revoke_token)

    for api_key in (new_api_key(), revoked.key):
        with pytest.raises(UnknownApiKey):
            await house.register("no/name", "short", PRIVATE_KEY, api_key)

    assert house.passwords.hashed == 0


@pytest.mark.parametrize(
    ("pointer", "username", "password", "public_key"),
    [
        ("/username", "no/name", SECRET, PUBLIC_KEY),
        ("/password", "ann", "short", PUBLIC_KEY),
        ("/password", "ann", "Aa1!" * 257, PUBLIC_KEY),
        ("/public_key", "ann", SECRET, PRIVATE_KEY),
        ("/public_key", "ann", SECRET, "é" * 8193),
    ],
    ids=["name", "rules", "long password", "private key", "long key"],
)
async def test_what_breaks_a_rule_is_refused_before_any_hash(
    house: House, pointer: str, username: str, password: str, public_key: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await house.register(username, password, public_key)

    assert refused.value.pointer == pointer
    for value in (password, public_key):
        assert value not in f"{refused.value!r} {refused.value.detail}"
    assert house.passwords.hashed == 0


async def test_a_public_key_may_have_16_kib_to_the_byte(house: House) -> None:
    await house.register(public_key="é" * 8192)

    assert len((await house.accounts.public_user("ann")).public_key.text) == 8192


async def test_a_taken_name_costs_no_hash(ann_lives_here: House) -> None:
    hashed = ann_lives_here.passwords.hashed

    for username in ("ann", "ANN"):
        with pytest.raises(NameTaken):
            await ann_lives_here.register(username)

    assert ann_lives_here.passwords.hashed == hashed


async def test_of_many_who_want_one_name_at_once_one_gets_it(house: House) -> None:
    outcomes: list[str] = []

    async def register(number: int) -> None:
        try:
            await house.register(public_key=f"key {number}")
        except NameTaken:
            outcomes.append("taken")
        else:
            outcomes.append(f"key {number}")

    async with asyncio.TaskGroup() as tasks:
        for number in range(20):
            tasks.create_task(register(number))

    assert outcomes.count("taken") == 19
    winner = next(outcome for outcome in outcomes if outcome != "taken")
    assert (await house.accounts.public_user("ann")).public_key.text == winner


async def test_a_password_typed_on_another_keyboard_is_the_same(house: House) -> None:
    await house.register(password="Süße-Quitte 57")

    await house.log_in(password=unicodedata.normalize("NFD", "Süße-Quitte 57"))


# Login


async def test_nobody_learns_from_a_login_what_was_wrong(ann_lives_here: House) -> None:
    house = ann_lives_here
    revoked = await house.key()
    await house.keys.revoke(revoked.revoke_token)
    half_a_pair = "\ud800" + SECRET
    attempts = {
        "unknown user": house.log_in(username="nobody"),
        "another spelling": house.log_in(username="Ann"),
        "no possible name": house.log_in(username="../?"),
        "wrong password": house.log_in(password=WRONG),
        "password against the rules": house.log_in(password="x"),
        "no possible password": house.log_in(password=half_a_pair),
        "unknown key": house.log_in(api_key=new_api_key()),
        "revoked key": house.log_in(api_key=revoked.key),
        "all of it": house.log_in("nobody", WRONG, new_api_key()),
    }

    for attempt, log_in in attempts.items():
        house.store.looked_up.clear()
        verified, hashed = house.passwords.verified, house.passwords.hashed

        with pytest.raises(BadCredentials) as refused:
            await log_in

        assert str(refused.value) == str(BadCredentials()), attempt
        assert house.store.looked_up == ["key", "user"], attempt
        assert house.passwords.verified - verified == 1, attempt
        assert house.passwords.hashed == hashed, attempt


@pytest.mark.parametrize("username", ["ann", "nobody"])
async def test_failures_count_alike_whether_there_is_an_account(
    ann_lives_here: House, username: str
) -> None:
    house = ann_lives_here
    for attempt in range(10):
        # A bad key counts like a bad password, beside the right password too.
        password, api_key = (SECRET, new_api_key()) if attempt % 2 else (WRONG, None)
        with pytest.raises(BadCredentials):
            await house.log_in(username, password, api_key)
    verified = house.passwords.verified

    with pytest.raises(TooManyTries) as refused:
        await house.log_in(username)

    assert refused.value.retry_after_s == 300
    assert house.passwords.verified == verified


async def test_another_spelling_is_no_way_around_the_count(ann_lives_here: House) -> None:
    house = ann_lives_here
    for attempt in range(10):
        with pytest.raises(BadCredentials):
            await house.log_in("ann" if attempt % 2 else "ANN", WRONG)

    with pytest.raises(TooManyTries):
        await house.log_in("ann")
    await house.log_in("ann", source=WORK)


async def test_many_guesses_at_once_get_no_further_than_one_by_one(
    ann_lives_here: House,
) -> None:
    house = ann_lives_here
    outcomes: list[type[Exception]] = []

    async def guess(number: int) -> None:
        try:
            await house.log_in(password=f"{WRONG} {number}")
        except (BadCredentials, TooManyTries) as refusal:
            outcomes.append(type(refusal))

    async with asyncio.TaskGroup() as tasks:
        for number in range(60):
            tasks.create_task(guess(number))

    assert outcomes.count(BadCredentials) == 10
    assert house.passwords.verified == 10


async def test_only_size_is_refused_otherwise(ann_lives_here: House) -> None:
    house = ann_lives_here

    for pointer, username, password in (
        ("/password", "ann", "é" * 513),
        ("/password", "nobody", "é" * 513),
        ("/username", "n" * 65, SECRET),
    ):
        for _ in range(20):
            with pytest.raises(InvalidInput) as refused:
                await house.log_in(username, password)
            assert refused.value.pointer == pointer
    assert house.passwords.verified == 0
    # Nor did it count as a guess.
    await house.log_in()


async def test_an_overload_is_not_a_failure_of_who_logs_in(ann_lives_here: House) -> None:
    house = ann_lives_here
    house.passwords.is_full = True
    for _ in range(20):
        with pytest.raises(Overloaded):
            await house.log_in()
    house.passwords.is_full = False

    await house.log_in()


async def test_a_login_that_is_given_up_is_not_a_failure(ann_lives_here: House) -> None:
    house = ann_lives_here
    for _ in range(20):
        house.passwords.begun = asyncio.Event()
        log_in = asyncio.create_task(house.log_in(password=WRONG))
        await house.passwords.begun.wait()
        log_in.cancel()
        with pytest.raises(asyncio.CancelledError):
            await log_in

    await house.log_in()


async def test_a_login_makes_a_hash_of_an_older_profile_anew(ann_lives_here: House) -> None:
    house = ann_lives_here
    now = CountingPasswords(house.pool, Argon2Profile(memory_kib=16, passes=1, lanes=1))
    house.accounts = house.with_passwords(now)
    before = await house.log_in()
    assert now.hashed == 1

    after = await house.log_in()

    assert now.hashed == 1
    kept = await house.store.user_named(skeleton("ann"))
    assert kept is not None
    assert not now.needs_rehash(kept.password_hash)
    assert await house.is_logged_in(before)
    assert await house.is_logged_in(after)


async def test_a_hash_that_cannot_be_made_anew_now_does_not_spoil_the_login(
    ann_lives_here: House,
) -> None:
    house = ann_lives_here

    class FullForHashes(Passwords):
        async def hash(self, password: str) -> str:
            raise Overloaded

    profile = Argon2Profile(memory_kib=16, passes=1, lanes=1)
    house.accounts = house.with_passwords(FullForHashes(house.pool, profile))

    assert await house.is_logged_in(await house.log_in())


async def test_a_session_ends_with_the_key_it_was_made_with(ann_lives_here: House) -> None:
    house = ann_lives_here
    key = await house.key()
    session = await house.log_in(api_key=key.key)
    other = await house.log_in()

    await house.keys.revoke(key.revoke_token)

    assert not await house.is_logged_in(session)
    assert await house.is_logged_in(other)


# Looking up


@pytest.mark.parametrize("username", ["nobody", "Zoë".upper(), "Zoe\u0308", "zoë", "", "a/b"])
async def test_a_name_has_one_spelling(house: House, username: str) -> None:
    await house.register("Zoë")

    with pytest.raises(UserNotFound):
        await house.accounts.public_user(username)

    assert (await house.accounts.public_user("Zoë")).username == "Zoë"


# One's own things


async def test_only_oneself_may_change_what_is_ones_own(ann_lives_here: House) -> None:
    house = ann_lives_here
    await house.register("bob")
    ann = await house.caller()

    # Whether the other is there or not, and in every spelling but one's own.
    for username in ("bob", "nobody", "ANN", ""):
        with pytest.raises(NotYourself):
            await house.change_password(ann, username=username)
        with pytest.raises(NotYourself):
            await house.accounts.change_public_key(
                ann, username=username, public_key="new", if_version=1
            )
        with pytest.raises(NotYourself):
            await house.accounts.delete(ann, username=username)

    assert (await house.accounts.public_user("bob")).public_key.version == 1
    await house.log_in("bob")


async def test_a_new_password_counts_and_the_old_one_does_not(ann_lives_here: House) -> None:
    house = ann_lives_here

    await house.change_password(await house.caller())

    await house.log_in(password=OTHER_SECRET)
    with pytest.raises(BadCredentials):
        await house.log_in()


async def test_a_new_password_ends_the_other_sessions_at_once(ann_lives_here: House) -> None:
    house = ann_lives_here
    here, elsewhere = await house.log_in(), await house.log_in()
    for session in (here, elsewhere):
        assert await house.is_logged_in(session)

    await house.change_password(await house.sessions.caller(here.token))

    assert await house.is_logged_in(here)
    assert not await house.is_logged_in(elsewhere)


@pytest.mark.parametrize(
    ("pointer", "old", "new"),
    [
        ("/new_password", SECRET, "short"),
        ("/new_password", SECRET, "Aa1!" * 257),
        ("/old_password", "Aa1!" * 257, OTHER_SECRET),
    ],
    ids=["rules", "long new", "long old"],
)
async def test_a_password_change_against_the_rules_does_no_work_and_counts_for_nothing(
    ann_lives_here: House, pointer: str, old: str, new: str
) -> None:
    house = ann_lives_here
    ann = await house.caller()
    verified, hashed = house.passwords.verified, house.passwords.hashed

    for _ in range(20):
        with pytest.raises(InvalidInput) as refused:
            await house.change_password(ann, old, new)
        assert refused.value.pointer == pointer
        assert old not in repr(refused.value)
        assert new not in repr(refused.value)

    assert (house.passwords.verified, house.passwords.hashed) == (verified, hashed)
    await house.change_password(ann)


async def test_wrong_old_passwords_count_as_failed_logins(ann_lives_here: House) -> None:
    house = ann_lives_here
    session = await house.log_in()
    ann = await house.sessions.caller(session.token)
    for _ in range(5):
        with pytest.raises(WrongPassword):
            await house.change_password(ann, old=WRONG)
        with pytest.raises(BadCredentials):
            await house.log_in(password=WRONG)

    with pytest.raises(TooManyTries):
        await house.change_password(ann)
    with pytest.raises(TooManyTries):
        await house.log_in()

    assert await house.is_logged_in(session)
    await house.log_in(source=WORK)


async def test_a_session_that_another_change_ended_has_not_the_last_word(
    ann_lives_here: House,
) -> None:
    house = ann_lives_here
    ann, thief = await house.caller(), await house.caller()

    async def ann_is_quicker() -> None:
        await house.change_password(ann)

    # The thief's old password was right when it was looked at.
    house.passwords.while_hashing = ann_is_quicker
    with pytest.raises(NotLoggedIn):
        await house.change_password(thief, new="Stolen-Apples 60")

    await house.log_in(password=OTHER_SECRET)


async def test_a_new_public_key_has_the_next_version(ann_lives_here: House) -> None:
    house = ann_lives_here
    ann = await house.caller()

    version = await house.accounts.change_public_key(
        ann, username="ann", public_key="new", if_version=1
    )

    assert version == 2
    found = await house.accounts.public_user("ann")
    assert (found.public_key.version, found.public_key.text) == (2, "new")
    with pytest.raises(KeyVersionConflict):
        await house.accounts.change_public_key(
            ann, username="ann", public_key="newer", if_version=1
        )


@pytest.mark.parametrize("public_key", [PRIVATE_KEY, "k" * 16_385], ids=["private", "long"])
async def test_a_public_key_against_the_rules_changes_nothing(
    ann_lives_here: House, public_key: str
) -> None:
    house = ann_lives_here
    ann = await house.caller()

    with pytest.raises(InvalidInput) as refused:
        await house.accounts.change_public_key(
            ann, username="ann", public_key=public_key, if_version=1
        )

    assert refused.value.pointer == "/public_key"
    assert (await house.accounts.public_user("ann")).public_key.text == PUBLIC_KEY


async def test_a_deleted_account_is_gone_but_its_name_is_not_free(
    ann_lives_here: House,
) -> None:
    house = ann_lives_here
    session, elsewhere = await house.log_in(), await house.log_in()
    assert await house.is_logged_in(elsewhere)

    await house.accounts.delete(await house.sessions.caller(session.token), username="ann")

    assert not await house.is_logged_in(session)
    assert not await house.is_logged_in(elsewhere)
    with pytest.raises(UserNotFound):
        await house.accounts.public_user("ann")
    with pytest.raises(BadCredentials):
        await house.log_in()
    for username in ("ann", "Ann"):
        with pytest.raises(NameTaken):
            await house.register(username)


async def test_it_takes_a_session_of_5_minutes_at_most_to_delete_an_account(
    ann_lives_here: House,
) -> None:
    house = ann_lives_here
    ann = await house.caller()
    house.wall += 300_001

    with pytest.raises(LogInAgain):
        await house.accounts.delete(ann, username="ann")

    assert (await house.accounts.public_user("ann")).username == "ann"
    house.wall -= 1
    await house.accounts.delete(ann, username="ann")


async def test_who_is_deleted_meanwhile_is_not_logged_in(ann_lives_here: House) -> None:
    house = ann_lives_here
    ann = await house.caller()
    await house.store.delete_user(UserId(ann.user_id), NOON)

    with pytest.raises(NotLoggedIn):
        await house.change_password(ann)
    with pytest.raises(NotLoggedIn):
        await house.accounts.change_public_key(ann, username="ann", public_key="new", if_version=1)
    with pytest.raises(NotLoggedIn):
        await house.accounts.delete(ann, username="ann")


async def test_another_password_is_told_as_the_end_of_sessions(ann_lives_here: House) -> None:
    house = ann_lives_here
    caller = await house.caller()
    house.told.clear()

    with pytest.raises(WrongPassword):
        await house.change_password(caller, old=WRONG)
    assert house.told == []

    await house.change_password(caller)
    assert house.told == [SessionsEnded(caller.user_id)]


async def test_another_public_key_is_told_with_its_version(ann_lives_here: House) -> None:
    house = ann_lives_here
    caller = await house.caller()
    house.told.clear()

    with pytest.raises(KeyVersionConflict):
        await house.accounts.change_public_key(
            caller, username="ann", public_key="another", if_version=7
        )
    assert house.told == []

    await house.accounts.change_public_key(
        caller, username="ann", public_key="another", if_version=1
    )
    assert house.told == [KeyChanged(caller.user_id, caller.username, 2)]


async def test_who_is_deleted_has_left_all_rooms(ann_lives_here: House) -> None:
    house = ann_lives_here
    caller = await house.caller()
    name = await house.rooms.create(
        caller, retention_s=None, retention_messages=None, history="joined"
    )
    room = await house.store.room_named(name)
    assert room is not None
    house.told.clear()

    await house.accounts.delete(caller, username="ann")

    assert house.told == [
        SessionsEnded(caller.user_id),
        AccountDeleted(caller.user_id),
        RoomDeleted(room.room_id),
    ]
    assert await house.store.room_named(name) is None


async def test_a_store_that_fails_after_the_deletion_does_not_undo_it(
    ann_lives_here: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = ann_lives_here
    caller = await house.caller()
    name = await house.rooms.create(
        caller, retention_s=None, retention_messages=None, history="joined"
    )

    async def leaving(_limit: int) -> list[tuple[RoomId, UserId]]:
        raise StoreUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(house.store, "leaving", leaving)
        await house.accounts.delete(caller, username="ann")
    with pytest.raises(BadCredentials):
        await house.log_in()

    # Who sweeps comes later.
    await house.rooms.let_deleted_users_go()
    assert await house.store.room_named(name) is None


async def test_no_repr_shows_a_secret(ann_lives_here: House) -> None:
    house = ann_lives_here
    session = await house.log_in()
    caller = await house.sessions.caller(session.token)
    user = await house.store.user_named(skeleton("ann"))
    assert user is not None
    found = await house.accounts.public_user("ann")

    shown = " ".join(map(repr, (session, caller, user, found, house.accounts, house.keys)))

    for secret in (SECRET, session.token[6:], house.api_key, user.password_hash):
        assert secret not in shown
