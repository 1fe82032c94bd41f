"""Users, sessions and drafts for tests of stores, and an append that can be awaited."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from itertools import count

from services.errors import IloError, NameTaken
from services.limits import Limits
from services.model import (
    ApiKey,
    Draft,
    Entry,
    Epoch,
    Instant,
    MessageId,
    PublicKey,
    Receipt,
    Room,
    RoomId,
    RoomName,
    SecretHash,
    Session,
    User,
    UserId,
    Username,
)
from services.ports import Appended, Store

NOON = Instant(1_700_000_000_000)
LONGEST_WAIT_S = 60.0
LIMITS = Limits()
DAY_MS = 24 * 60 * 60 * 1000

Outcome = Receipt | IloError
Reopen = Callable[[], Awaitable[Store]]
"""Close the store in use and return another one on the same data."""

_ticks = count(NOON)


def at(ms_after_noon: int) -> Instant:
    return Instant(NOON + ms_after_noon)


def some_hash() -> SecretHash:
    return SecretHash(os.urandom(32))


def some_user(name: str = "ann") -> User:
    return User(UserId(os.urandom(16)), Username(name), name, f"hash of {name}", NOON)


def some_session(user: User, key: ApiKey, *, expires_at: Instant | None = None) -> Session:
    return Session(
        some_hash(),
        user.user_id,
        user.session_generation,
        key.key_hash,
        NOON,
        at(DAY_MS) if expires_at is None else expires_at,
    )


async def add_user(store: Store, name: str = "ann") -> User:
    user = some_user(name)
    await store.add_user(user, PublicKey(1, f"key of {name}", NOON))
    return user


async def add_api_key(store: Store) -> ApiKey:
    key = ApiKey(some_hash(), some_hash(), NOON)
    await store.add_api_key(key)
    return key


async def add_session(store: Store, user: User, key: ApiKey) -> Session:
    session = some_session(user, key)
    await store.add_session(session)
    return session


async def open_room(store: Store, name: str = "tea") -> Room:
    """Return the open room as its host, the one member, finds it."""
    host = await add_user_once(store, f"host of {name}")
    return (await enter(store, name, host)).room


async def add_user_once(store: Store, name: str) -> User:
    try:
        return await add_user(store, name)
    except NameTaken:
        user = await store.user_named(name)
        assert user is not None
        return user


async def enter(
    store: Store, name: str, user: User, now: Instant = NOON, limits: Limits = LIMITS
) -> Entry:
    """Return the user's entry into the room, which must let the user in."""
    entry = await store.enter_room(RoomName(name), user.user_id, now, limits)
    assert entry is not None
    return entry


async def add_private_room(
    store: Store,
    owner: User,
    *,
    name: RoomName | None = None,
    retention_s: int | None = None,
    retention_messages: int | None = None,
    shows_all_history: bool = True,
    limits: Limits = LIMITS,
) -> Room:
    """Return the room as it was asked for: the store counts its owner as a member."""
    room = Room(
        RoomId(os.urandom(16)),
        RoomName("~" + os.urandom(11).hex()) if name is None else name,
        Epoch(os.urandom(16)),
        head=0,
        owner=owner.user_id,
        retention_s=retention_s,
        retention_messages=retention_messages,
        shows_all_history=shows_all_history,
        created_at=NOON,
    )
    await store.add_private_room(room, limits)
    return room


def draft_for(room: Room, sender: User, text: str = "hello") -> Draft:
    """Return a draft with an id of its own, sent a millisecond after the one before."""
    return Draft(
        room.room_id,
        sender.user_id,
        MessageId(os.urandom(16)),
        Instant(next(_ticks)),
        text,
    )


def appending(store: Store, drafts: Sequence[Draft]) -> asyncio.Future[list[Appended]]:
    """Hand ``drafts`` over now; the future has their outcomes, in the order told."""
    told: list[Appended] = []
    future: asyncio.Future[list[Appended]] = asyncio.get_running_loop().create_future()

    def done(outcomes: Sequence[Appended]) -> None:
        told.extend(outcomes)
        assert len(told) <= len(drafts), "a draft was told twice"
        if len(told) == len(drafts):
            future.set_result(told)

    def waited_too_long() -> None:
        if not future.done():
            future.set_exception(TimeoutError("a draft was not told"))

    asyncio.get_running_loop().call_later(LONGEST_WAIT_S, waited_too_long)
    store.append(drafts, done)
    return future


async def append(store: Store, *drafts: Draft) -> list[Outcome]:
    """Return the outcomes of ``drafts``, in their order; a store keeps that of each room."""
    of_rooms: dict[RoomId, list[Appended]] = {}
    for one in await appending(store, drafts):
        of_rooms.setdefault(one[0].room_id, []).append(one)
    told = [of_rooms[draft.room_id].pop(0) for draft in drafts]
    assert [draft for draft, _ in told] == list(drafts)
    return [outcome for _, outcome in told]
