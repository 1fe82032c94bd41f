"""Who is in a room, on every store: coming in, inviting, going, and who owns it then."""

import asyncio
import os
from dataclasses import replace

import pytest

from services.errors import InvalidInput, LimitReached, RoomNotFound, UserNotFound
from services.limits import Limits
from services.model import (
    Departure,
    Entry,
    Invited,
    Membership,
    Receipt,
    RoomId,
    RoomName,
    User,
    UserId,
    Username,
)
from services.ports import Store
from tests.support.store_samples import (
    LIMITS,
    NOON,
    Reopen,
    add_private_room,
    add_user,
    append,
    at,
    draft_for,
    enter,
    some_user,
)

TEA = RoomName("tea")


async def places(store: Store, room_id: RoomId) -> dict[Username, str]:
    return {m.username: m.state for m in await store.members(room_id, None, 1000)}


async def invite(store: Store, room_id: RoomId, user: User, ms: int = 0) -> Invited:
    return await store.invite(room_id, user.user_id, at(ms), LIMITS)


async def add_member(store: Store, name: RoomName, room_id: RoomId, user: User, ms: int) -> Entry:
    """Invite the user, who accepts."""
    await invite(store, room_id, user, ms)
    return await enter(store, name, user, at(ms))


# Open rooms


async def test_who_enters_an_open_room_first_makes_it_and_is_its_member(store: Store) -> None:
    ann = await add_user(store)

    entry = await enter(store, "tea", ann, at(5))

    room = entry.room
    assert entry == Entry(room, Membership(ann.user_id, "joined", 0, at(5)), joined=True)
    assert (room.name, room.owner, room.created_at) == ("tea", None, at(5))
    assert (room.head, room.floor, room.members, room.members_version) == (0, 1, 1, 1)
    assert (room.retention_s, room.retention_messages) == (None, None)
    assert room.shows_all_history
    assert await store.room(room.room_id) == await store.room_named(TEA) == room


async def test_who_has_joined_enters_again_without_joining(store: Store) -> None:
    ann = await add_user(store)
    first = await enter(store, "tea", ann)
    await append(store, draft_for(first.room, ann))

    again = await enter(store, "tea", ann, at(9), Limits(rooms_per_user=1))

    assert again == Entry(replace(first.room, head=1), first.membership, joined=False)


async def test_a_newcomer_joins_at_the_head(store: Store) -> None:
    ann, bob = await add_user(store), await add_user(store, "bob")
    room = (await enter(store, "tea", ann)).room
    await append(store, *(draft_for(room, ann) for _ in range(3)))

    entry = await enter(store, "tea", bob, at(7))

    assert entry.membership == Membership(bob.user_id, "joined", 3, at(7))
    assert (entry.room.members, entry.room.members_version) == (2, 2)
    assert await store.membership(room.room_id, bob.user_id) == entry.membership


async def test_many_who_enter_at_once_are_all_in_one_room(store: Store) -> None:
    users = [await add_user(store, f"user {n}") for n in range(30)]

    async with asyncio.TaskGroup() as group:
        entries = [group.create_task(enter(store, "tea", user)) for user in users]

    assert len({entry.result().room.room_id for entry in entries}) == 1
    room = await store.room_named(TEA)
    assert room is not None
    assert (room.members, room.members_version) == (30, 30)


async def test_one_who_enters_many_times_at_once_joins_once(store: Store) -> None:
    ann = await add_user(store)

    async with asyncio.TaskGroup() as group:
        entries = [group.create_task(enter(store, "tea", ann)) for _ in range(20)]

    assert sum(entry.result().joined for entry in entries) == 1
    room = await store.room_named(TEA)
    assert room is not None
    assert (room.members, room.members_version) == (1, 1)


async def test_an_account_that_is_not_there_or_is_deleted_enters_nothing(store: Store) -> None:
    ann = await add_user(store)
    await enter(store, "tea", ann)
    await store.delete_user(ann.user_id, at(1))

    for user_id in (ann.user_id, UserId(os.urandom(16))):
        for name in ("tea", "pub"):
            with pytest.raises(UserNotFound):
                await store.enter_room(RoomName(name), user_id, NOON, LIMITS)

    assert await store.room_named(RoomName("pub")) is None


async def test_one_open_room_above_rooms_per_user_is_refused_and_not_made(store: Store) -> None:
    ann, limits = await add_user(store), Limits(rooms_per_user=2)
    await enter(store, "one", ann, limits=limits)
    await enter(store, "two", ann, limits=limits)

    with pytest.raises(LimitReached) as refused:
        await store.enter_room(TEA, ann.user_id, NOON, limits)

    assert refused.value.limit == "rooms_per_user"
    assert await store.room_named(TEA) is None


async def test_one_member_above_members_per_open_room_is_refused(store: Store) -> None:
    limits = Limits(members_per_open_room=2)
    for n in range(2):
        await enter(store, "tea", await add_user(store, f"user {n}"), limits=limits)
    late = await add_user(store, "late")

    with pytest.raises(LimitReached) as refused:
        await store.enter_room(TEA, late.user_id, NOON, limits)

    assert refused.value.limit == "members_per_open_room"
    room = await store.room_named(TEA)
    assert room is not None
    assert (room.members, room.members_version) == (2, 2)


async def test_who_left_an_open_room_makes_place_and_may_come_again(store: Store) -> None:
    limits = Limits(members_per_open_room=1, rooms_per_user=1)
    ann, bob = await add_user(store), await add_user(store, "bob")
    room = (await enter(store, "tea", ann, limits=limits)).room
    await append(store, draft_for(room, ann))

    gone = await store.remove_member(room.room_id, ann.user_id)
    after = replace(room, head=1, members=0, members_version=2)
    assert gone == Departure("joined", after)
    assert await store.membership(room.room_id, ann.user_id) is None
    assert await store.room(room.room_id) == after

    entry = await enter(store, "tea", bob, limits=limits)
    assert (entry.room.room_id, entry.membership.joined_seq) == (room.room_id, 1)


# Private rooms


async def test_a_private_room_begins_with_its_owner(store: Store) -> None:
    ann = await add_user(store)

    room = await add_private_room(
        store, ann, retention_s=3600, retention_messages=7, shows_all_history=False
    )

    found = await store.room_named(room.name)
    assert found == replace(room, members=1, members_version=1)
    assert (found.owner, found.is_private, found.shows_all_history) == (ann.user_id, True, False)
    assert await store.membership(room.room_id, ann.user_id) == Membership(
        ann.user_id, "joined", 0, room.created_at
    )
    assert (await enter(store, room.name, ann)).joined is False


async def test_one_private_room_above_rooms_per_user_is_refused_and_not_made(store: Store) -> None:
    ann, limits = await add_user(store), Limits(rooms_per_user=1)
    await add_private_room(store, ann, limits=limits)

    with pytest.raises(LimitReached) as refused:
        await add_private_room(store, ann, limits=limits)

    assert refused.value.limit == "rooms_per_user"
    assert len(await store.rooms_of(ann.user_id, None, 10)) == 1


async def test_a_deleted_account_makes_no_private_room(store: Store) -> None:
    ann = await add_user(store)
    await store.delete_user(ann.user_id, at(1))

    with pytest.raises(UserNotFound):
        await add_private_room(store, ann)


async def test_a_private_room_takes_in_nobody_uninvited_and_is_not_made_by_its_name(
    store: Store,
) -> None:
    ann, bob = await add_user(store), await add_user(store, "bob")
    room = await add_private_room(store, ann)
    unknown = RoomName("~" + "x" * 22)

    assert await store.enter_room(room.name, bob.user_id, NOON, LIMITS) is None
    assert await store.enter_room(unknown, bob.user_id, NOON, LIMITS) is None

    assert await store.room_named(unknown) is None
    assert await places(store, room.room_id) == {"ann": "joined"}


async def test_who_is_invited_joins_by_entering(store: Store) -> None:
    ann, bob = await add_user(store), await add_user(store, "bob")
    room = await add_private_room(store, ann)
    await append(store, draft_for(room, ann), draft_for(room, ann))

    invited = await invite(store, room.room_id, bob, 1)

    after = replace(room, head=2, members=1, members_version=2)
    assert invited == Invited("invited", after, is_new=True)
    place = await store.membership(room.room_id, bob.user_id)
    assert place is not None
    assert (place.state, place.since) == ("invited", at(1))
    assert await places(store, room.room_id) == {"ann": "joined", "bob": "invited"}

    entry = await enter(store, room.name, bob, at(2))

    assert entry.joined
    assert entry.membership == Membership(bob.user_id, "joined", 2, at(2))
    assert entry.room == replace(room, head=2, members=2, members_version=3)


async def test_who_is_invited_or_a_member_stays_so(store: Store) -> None:
    ann, bob = await add_user(store), await add_user(store, "bob")
    room = await add_private_room(store, ann)
    first = await invite(store, room.room_id, bob, 1)
    tight = Limits(members_per_private_room=1, invitations_per_user=1)

    again = await store.invite(room.room_id, bob.user_id, at(9), tight)
    owner = await store.invite(room.room_id, ann.user_id, at(9), tight)

    assert again == Invited("invited", first.room, is_new=False)
    assert owner == Invited("joined", first.room, is_new=False)
    place = await store.membership(room.room_id, bob.user_id)
    assert place is not None
    assert place.since == at(1)


async def test_nobody_is_invited_to_an_open_a_deleted_or_an_unknown_room(store: Store) -> None:
    ann, bob = await add_user(store), await add_user(store, "bob")
    opened = (await enter(store, "tea", ann)).room
    deleted = await add_private_room(store, ann)
    await store.delete_room(deleted.room_id)

    for room_id in (opened.room_id, deleted.room_id, RoomId(os.urandom(16))):
        with pytest.raises(RoomNotFound):
            await invite(store, room_id, bob)


async def test_an_account_that_is_not_there_or_is_deleted_is_not_invited(store: Store) -> None:
    ann, bob = await add_user(store), await add_user(store, "bob")
    room = await add_private_room(store, ann)
    await store.delete_user(bob.user_id, at(1))

    for user in (bob, some_user("carl")):
        with pytest.raises(UserNotFound):
            await invite(store, room.room_id, user)


async def test_invited_users_count_for_members_per_private_room(store: Store) -> None:
    limits = Limits(members_per_private_room=3)
    ann, *others = [await add_user(store, name) for name in ("ann", "bob", "carl", "dora")]
    room = await add_private_room(store, ann)
    for user in others[:2]:
        await store.invite(room.room_id, user.user_id, NOON, limits)

    with pytest.raises(LimitReached) as refused:
        await store.invite(room.room_id, others[2].user_id, NOON, limits)
    assert refused.value.limit == "members_per_private_room"

    # Who accepts takes no place more, and who declines gives one back.
    await enter(store, room.name, others[0], limits=limits)
    with pytest.raises(LimitReached):
        await store.invite(room.room_id, others[2].user_id, NOON, limits)
    await store.remove_member(room.room_id, others[1].user_id)
    invited = await store.invite(room.room_id, others[2].user_id, NOON, limits)
    assert invited.is_new


async def test_one_invitation_above_invitations_per_user_is_refused(store: Store) -> None:
    limits = Limits(invitations_per_user=2)
    ann, bob = await add_user(store), await add_user(store, "bob")
    rooms = [await add_private_room(store, ann) for _ in range(3)]
    for room in rooms[:2]:
        await store.invite(room.room_id, bob.user_id, NOON, limits)

    with pytest.raises(LimitReached) as refused:
        await store.invite(rooms[2].room_id, bob.user_id, NOON, limits)
    assert refused.value.limit == "invitations_per_user"

    # An accepted one is none any more.
    await enter(store, rooms[0].name, bob)
    assert (await store.invite(rooms[2].room_id, bob.user_id, NOON, limits)).is_new


async def test_accepting_above_rooms_per_user_is_refused_and_the_invitation_stays(
    store: Store,
) -> None:
    limits = Limits(rooms_per_user=1)
    ann, bob = await add_user(store), await add_user(store, "bob")
    room = await add_private_room(store, ann)
    await invite(store, room.room_id, bob)
    await enter(store, "tea", bob, limits=limits)

    with pytest.raises(LimitReached) as refused:
        await store.enter_room(room.name, bob.user_id, NOON, limits)

    assert refused.value.limit == "rooms_per_user"
    assert await places(store, room.room_id) == {"ann": "joined", "bob": "invited"}


async def test_accepting_is_not_refused_for_members_per_open_room(store: Store) -> None:
    ann, bob = await add_user(store), await add_user(store, "bob")
    room = await add_private_room(store, ann)
    await invite(store, room.room_id, bob)

    entry = await enter(store, room.name, bob, limits=Limits(members_per_open_room=1))

    assert entry.joined


# Going


async def test_who_declines_is_invited_no_more(store: Store) -> None:
    ann, bob = await add_user(store), await add_user(store, "bob")
    room = await add_private_room(store, ann)
    await invite(store, room.room_id, bob)

    gone = await store.remove_member(room.room_id, bob.user_id)

    assert gone == Departure("invited", replace(room, members=1, members_version=3))
    assert await store.enter_room(room.name, bob.user_id, NOON, LIMITS) is None


async def test_who_is_not_in_a_room_cannot_go_and_changes_nothing(store: Store) -> None:
    ann, bob = await add_user(store), await add_user(store, "bob")
    room = await add_private_room(store, ann)

    assert await store.remove_member(room.room_id, bob.user_id) is None
    assert await store.remove_member(room.room_id, UserId(os.urandom(16))) is None
    assert await store.remove_member(RoomId(os.urandom(16)), ann.user_id) is None

    found = await store.room(room.room_id)
    assert found is not None
    assert found.members_version == 1


async def test_the_member_who_joined_first_inherits_the_room(store: Store) -> None:
    ann, bob, carl = [await add_user(store, name) for name in ("ann", "bob", "carl")]
    room = await add_private_room(store, ann)
    # Invited first, but joined last.
    await invite(store, room.room_id, bob, 1)
    await add_member(store, room.name, room.room_id, carl, 2)
    await enter(store, room.name, bob, at(3))

    gone = await store.remove_member(room.room_id, ann.user_id)

    assert gone is not None
    assert gone.room is not None
    assert (gone.room.owner, gone.room.members) == (carl.user_id, 2)
    assert (await store.room(room.room_id)) == gone.room


async def test_of_members_who_joined_at_once_the_least_user_id_inherits(store: Store) -> None:
    ann = await add_user(store)
    others = [await add_user(store, f"user {n}") for n in range(5)]
    room = await add_private_room(store, ann)
    for user in others:
        await add_member(store, room.name, room.room_id, user, 5)

    gone = await store.remove_member(room.room_id, ann.user_id)

    assert gone is not None
    assert gone.room is not None
    assert gone.room.owner == min(user.user_id for user in others)


async def test_a_room_whose_last_member_goes_is_deleted_with_its_invitations(
    store: Store,
) -> None:
    ann, bob = await add_user(store), await add_user(store, "bob")
    room = await add_private_room(store, ann)
    await invite(store, room.room_id, bob)
    await append(store, draft_for(room, ann))

    assert await store.remove_member(room.room_id, ann.user_id) == Departure("joined", None)

    assert await store.room(room.room_id) is None
    assert await store.rooms_of(bob.user_id, None, 10) == []
    assert await store.enter_room(room.name, bob.user_id, NOON, LIMITS) is None
    assert await store.messages_after(room.room_id, 0, 10, 1000) == []


async def test_another_member_goes_and_the_owner_stays_the_owner(store: Store) -> None:
    ann, bob = await add_user(store), await add_user(store, "bob")
    room = await add_private_room(store, ann)
    await add_member(store, room.name, room.room_id, bob, 1)

    gone = await store.remove_member(room.room_id, bob.user_id)

    assert gone == Departure("joined", replace(room, members=1, members_version=4))


# Deleting


async def test_a_deleted_private_room_is_gone_at_once_with_all_that_is_in_it(
    store: Store,
) -> None:
    ann, bob = await add_user(store), await add_user(store, "bob")
    room = await add_private_room(store, ann)
    await add_member(store, room.name, room.room_id, bob, 1)
    await append(store, draft_for(room, ann))

    assert await store.delete_room(room.room_id)

    assert await store.room(room.room_id) is None
    assert await store.room_named(room.name) is None
    assert await store.membership(room.room_id, bob.user_id) is None
    assert await store.members(room.room_id, None, 10) == []
    assert await store.rooms_of(ann.user_id, None, 10) == []
    assert await store.messages_after(room.room_id, 0, 10, 1000) == []
    assert await store.messages_before(room.room_id, None, 1, 10, 1000) == []
    assert await store.remove_member(room.room_id, bob.user_id) is None
    assert not await store.delete_room(room.room_id)


async def test_a_message_for_a_deleted_room_is_refused_and_no_other(store: Store) -> None:
    ann = await add_user(store)
    room, other = await add_private_room(store, ann), await add_private_room(store, ann)
    await append(store, draft_for(room, ann), draft_for(other, ann))
    await store.delete_room(room.room_id)

    refused, kept = await append(store, draft_for(room, ann), draft_for(other, ann))

    assert isinstance(refused, InvalidInput)
    assert (refused.pointer, refused.rule) == ("/room", "unknown")
    assert isinstance(kept, Receipt)
    assert kept.seq == 2


async def test_a_room_that_everybody_left_takes_no_message(store: Store) -> None:
    ann = await add_user(store)
    room = await add_private_room(store, ann)
    await append(store, draft_for(room, ann))
    await store.remove_member(room.room_id, ann.user_id)

    [refused] = await append(store, draft_for(room, ann))

    assert isinstance(refused, InvalidInput)


async def test_a_room_made_after_one_was_deleted_has_none_of_its_messages(store: Store) -> None:
    ann = await add_user(store)
    room = await add_private_room(store, ann)
    draft = draft_for(room, ann, "of the old room")
    await append(store, draft, draft_for(room, ann))
    await store.delete_room(room.room_id)

    again = await add_private_room(store, ann, name=room.name)

    assert again.room_id != room.room_id
    assert await store.messages_after(again.room_id, 0, 10, 1000) == []
    [outcome] = await append(store, draft._replace(room_id=again.room_id, text="new"))
    assert outcome == Receipt(1, draft.sent_at, new=True)


async def test_an_open_room_is_not_deleted_at_will(store: Store) -> None:
    room = (await enter(store, "tea", await add_user(store))).room

    assert not await store.delete_room(room.room_id)
    assert not await store.delete_room(RoomId(os.urandom(16)))

    assert await store.room(room.room_id) == room


# Deleted accounts


async def test_the_places_of_a_deleted_account_are_named_until_it_is_out(store: Store) -> None:
    ann, bob = await add_user(store), await add_user(store, "bob")
    opened = (await enter(store, "tea", ann)).room
    await enter(store, "tea", bob)
    private, other = await add_private_room(store, bob), await add_private_room(store, ann)
    await invite(store, private.room_id, ann)
    expected = {(room.room_id, ann.user_id) for room in (opened, private, other)}
    assert await store.leaving(10) == []

    await store.delete_user(ann.user_id, at(1))

    assert set(await store.leaving(10)) == expected
    assert len(await store.leaving(2)) == 2
    while places_left := await store.leaving(1):
        [(room_id, user_id)] = places_left
        assert await store.remove_member(room_id, user_id) is not None
        expected.remove((room_id, user_id))
    assert expected == set()
    assert await store.leaving(10) == []
    assert await store.room(other.room_id) is None
    assert await places(store, opened.room_id) == {"bob": "joined"}


async def test_who_is_to_leave_is_not_forgotten_when_the_store_is_opened_again(
    store: Store, reopen: Reopen
) -> None:
    ann = await add_user(store)
    room = (await enter(store, "tea", ann)).room
    await store.delete_user(ann.user_id, at(1))

    store = await reopen()

    assert await store.leaving(10) == [(room.room_id, ann.user_id)]


async def test_members_outlive_the_process(store: Store, reopen: Reopen) -> None:
    ann, bob = await add_user(store), await add_user(store, "bob")
    room = await add_private_room(store, ann, retention_s=7200)
    await invite(store, room.room_id, bob, 4)
    before = await store.room(room.room_id)

    store = await reopen()

    assert await store.room(room.room_id) == before
    assert await places(store, room.room_id) == {"ann": "joined", "bob": "invited"}
    assert (await enter(store, room.name, bob)).joined


# Accounts by their id


async def test_an_account_is_found_by_its_id_and_keeps_its_name_when_deleted(
    store: Store,
) -> None:
    ann = await add_user(store)
    assert await store.user(ann.user_id) == ann
    assert await store.user(UserId(os.urandom(16))) is None

    await store.delete_user(ann.user_id, at(3))

    deleted = await store.user(ann.user_id)
    assert deleted is not None
    assert (deleted.name, deleted.deleted_at, deleted.password_hash) == ("ann", at(3), "")
