"""Pages of messages backwards, of a room's members and of a user's rooms, on every store."""

import os
from dataclasses import replace

import pytest

from services.model import (
    LoggedMessage,
    Membership,
    PublicKey,
    Room,
    RoomId,
    RoomMember,
    RoomName,
    RoomOfUser,
    User,
    UserId,
    Username,
)
from services.ports import Store
from tests.support.store_samples import (
    LIMITS,
    NOON,
    add_private_room,
    add_user,
    append,
    at,
    draft_for,
    enter,
)

ALL_BYTES = 1 << 30
# In the order of their code points, which is not that of UTF-16, nor of any language.
NAMES = ["Zoe", "ann", "bob", "zoe", "\u00e1nn", "\ufb01", "\uff5e", "\U0001f375", "\U0001f600"]


async def say(store: Store, room: Room, ann: User, *texts: str) -> None:
    await append(store, *(draft_for(room, ann, text) for text in texts))


async def room_of_ten(store: Store) -> Room:
    ann = await add_user(store)
    room = (await enter(store, "tea", ann)).room
    await say(store, room, ann, *(f"{n}" for n in range(1, 11)))
    return room


def seqs(messages: list[LoggedMessage]) -> list[int]:
    return [message.seq for message in messages]


# Messages, backwards


@pytest.mark.parametrize(
    ("before", "floor", "limit", "expected"),
    [
        (None, 1, 3, [8, 9, 10]),
        (None, 1, 100, list(range(1, 11))),
        (None, 9, 100, [9, 10]),
        (None, 11, 100, []),
        (11, 1, 2, [9, 10]),
        (10, 1, 2, [8, 9]),
        (5, 4, 100, [4]),
        (5, 5, 100, []),
        (2, 1, 100, [1]),
        (1, 1, 100, []),
        (1000, 1, 1, [10]),
        (4, 0, 100, [1, 2, 3]),
    ],
)
async def test_the_newest_messages_before_a_seq_come_oldest_first(
    store: Store, before: int | None, floor: int, limit: int, expected: list[int]
) -> None:
    room = await room_of_ten(store)

    page = await store.messages_before(room.room_id, before, floor, limit, ALL_BYTES)

    assert seqs(page) == expected
    assert [message.text for message in page] == [str(seq) for seq in expected]


async def test_a_page_backwards_takes_no_older_message_that_is_too_much(store: Store) -> None:
    ann = await add_user(store)
    room = (await enter(store, "tea", ann)).room
    # 4, 6, 4 and 4 bytes of UTF-8.
    await say(store, room, ann, "four", "\u00e1\u00e1\u00e1", "4444", "\U0001f375")

    async def page(max_bytes: int) -> list[int]:
        return seqs(await store.messages_before(room.room_id, None, 1, 10, max_bytes))

    assert await page(8) == [3, 4]
    assert await page(13) == [3, 4]
    assert await page(14) == [2, 3, 4]
    assert await page(1) == [4]
    assert await page(18) == [1, 2, 3, 4]


async def test_a_page_backwards_ends_where_one_message_does_not_fit(store: Store) -> None:
    ann = await add_user(store)
    room = (await enter(store, "tea", ann)).room
    await say(store, room, ann, "1", "x" * 100, "3")

    page = await store.messages_before(room.room_id, None, 1, 10, 50)

    assert seqs(page) == [3]


async def test_an_unknown_room_has_no_pages(store: Store) -> None:
    await room_of_ten(store)
    nowhere = RoomId(os.urandom(16))

    assert await store.messages_before(nowhere, None, 1, 10, ALL_BYTES) == []
    assert await store.messages_after(nowhere, 0, 10, ALL_BYTES) == []
    assert await store.members(nowhere, None, 10) == []
    assert await store.room(nowhere) is None
    assert await store.membership(nowhere, UserId(os.urandom(16))) is None


async def test_a_read_backwards_sees_what_was_told(store: Store) -> None:
    ann = await add_user(store)
    room = (await enter(store, "tea", ann)).room
    for n in range(1, 20):
        await say(store, room, ann, f"{n}")
        page = await store.messages_before(room.room_id, None, 1, 1, ALL_BYTES)
        assert seqs(page) == [n]


# Members


async def test_members_come_in_the_order_of_code_points_page_by_page(store: Store) -> None:
    for name in reversed(NAMES):
        room = (await enter(store, "tea", await add_user(store, name))).room
    found: list[str] = []
    after: Username | None = None

    while page := await store.members(room.room_id, after, 2):
        assert len(page) == 2 or len(found) == len(NAMES) - 1
        found += [member.username for member in page]
        after = page[-1].username

    assert found == NAMES == sorted(NAMES)


async def test_a_member_is_shown_with_state_time_and_newest_key(store: Store) -> None:
    ann, bob = await add_user(store), await add_user(store, "bob")
    room = await add_private_room(store, ann)
    await store.invite(room.room_id, bob.user_id, at(5), LIMITS)
    await store.add_public_key(bob.user_id, "second key", 1, at(6))
    await store.add_public_key(bob.user_id, "third key", 2, at(7))

    assert await store.members(room.room_id, None, 10) == [
        RoomMember(Username("ann"), "joined", room.created_at, PublicKey(1, "key of ann", NOON)),
        RoomMember(Username("bob"), "invited", at(5), PublicKey(3, "third key", at(7))),
    ]


async def test_a_deleted_account_is_not_shown_and_takes_no_place_on_a_page(store: Store) -> None:
    users = [await add_user(store, name) for name in ("ann", "bob", "carl")]
    for user in users:
        room = (await enter(store, "tea", user)).room
    await store.delete_user(users[0].user_id, at(1))

    page = await store.members(room.room_id, None, 2)

    assert [member.username for member in page] == ["bob", "carl"]


async def test_a_name_that_is_not_a_members_may_begin_a_page(store: Store) -> None:
    for name in ("ann", "carl"):
        room = (await enter(store, "tea", await add_user(store, name))).room

    page = await store.members(room.room_id, Username("bob"), 10)

    assert [member.username for member in page] == ["carl"]


# Rooms


async def test_rooms_of_a_user_come_in_the_order_of_code_points_page_by_page(
    store: Store,
) -> None:
    ann, bob = await add_user(store), await add_user(store, "bob")
    for name in ("b", "a", "B", "a.1", "a-1", "9"):
        await enter(store, name, ann)
    await enter(store, "not hers", bob)
    private = await add_private_room(store, ann)
    expected = ["9", "B", "a", "a-1", "a.1", "b", private.name]
    found: list[str] = []
    after: RoomName | None = None

    while page := await store.rooms_of(ann.user_id, after, 3):
        found += [one.room.name for one in page]
        after = page[-1].room.name

    assert found == expected == sorted(expected)


async def test_a_room_of_a_user_is_shown_as_it_is_with_place_and_owner(store: Store) -> None:
    ann, bob = await add_user(store), await add_user(store, "bob")
    tea = (await enter(store, "tea", bob, at(1))).room
    await say(store, tea, bob, "one", "two")
    private = await add_private_room(store, ann, name=RoomName("~private"))
    await store.invite(private.room_id, bob.user_id, at(3), LIMITS)

    assert await store.rooms_of(bob.user_id, None, 10) == [
        RoomOfUser(replace(tea, head=2), Membership(bob.user_id, "joined", 0, at(1)), owner=None),
        RoomOfUser(
            replace(private, members=1, members_version=2),
            Membership(bob.user_id, "invited", 0, at(3)),
            owner=Username("ann"),
        ),
    ]


async def test_a_user_in_no_room_has_no_rooms(store: Store) -> None:
    ann = await add_user(store)

    assert await store.rooms_of(ann.user_id, None, 10) == []
    assert await store.rooms_of(UserId(os.urandom(16)), None, 10) == []
