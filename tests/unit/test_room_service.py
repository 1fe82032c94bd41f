"""What `services/rooms.py` allows, hides and tells, on the store that keeps the port's promises."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import pytest

from services.errors import (
    IloError,
    LimitReached,
    MemberNotFound,
    NotLoggedIn,
    NotTheOwner,
    RoomNotFound,
    StoreUnavailable,
    UserNotFound,
)
from services.events import Event, MemberChange, MemberChanged, RoomDeleted
from services.limits import Limits
from services.model import (
    Caller,
    Departure,
    Draft,
    Instant,
    MessageId,
    PublicKey,
    Room,
    RoomId,
    RoomName,
    SecretHash,
    User,
    UserId,
    Username,
)
from services.names import skeleton
from services.ports import Appended
from services.rooms import MEMBERS_PAGE_BYTES, History, Rooms
from tests.support.memory_store import MemoryStore

NOON: Final = Instant(1_767_355_200_000)
MISSING: Final = "~" + "A" * 22


class House:
    """Rooms with everybody who is asked for, and what was told."""

    def __init__(self, **limits: int) -> None:
        self.store = MemoryStore()
        self.told: list[Event] = []
        self.wall = int(NOON)
        self.rooms = Rooms(
            self.store, Limits(**limits), lambda: Instant(self.wall), self.told.append
        )

    async def user(self, name: str, public_key: str = "") -> Caller:
        user_id = UserId(name.encode().ljust(16, b".")[:16])
        user = User(user_id, Username(name), skeleton(name), "a hash", NOON)
        await self.store.add_user(user, PublicKey(1, public_key or f"{name}'s key", NOON))
        return caller(user)

    async def make(self, owner: Caller, history: History = "joined") -> RoomName:
        return await self.rooms.create(
            owner, retention_s=None, retention_messages=None, history=history
        )

    async def room(self, name: RoomName) -> Room:
        room = await self.store.room_named(name)
        assert room is not None
        return room

    async def add(self, owner: Caller, name: RoomName, *others: Caller) -> None:
        """Make the others members, one by one."""
        for other in others:
            await self.rooms.put_member(owner, name=name, username=other.username)
            await self.rooms.put_member(other, name=name, username=other.username)
            self.wall += 1000

    async def say(self, who: Caller, name: str, *texts: str) -> None:
        room = await self.room(RoomName(name))
        told: list[Appended] = []
        drafts = [
            Draft(
                room.room_id,
                who.user_id,
                MessageId(f"{text:.16}".encode().ljust(16, b".")[:16]),
                NOON,
                text,
            )
            for text in texts
        ]
        done = asyncio.Event()

        def hear(outcomes: Sequence[Appended]) -> None:
            told.extend(outcomes)
            if len(told) == len(drafts):
                done.set()

        self.store.append(drafts, hear)
        await done.wait()
        assert not [outcome for _, outcome in told if isinstance(outcome, IloError)]

    async def members(self, who: Caller, name: str) -> dict[str, str]:
        view = await self.rooms.view(who, name=name, after=None, limit=400)
        return {member.username: member.state for member in view.members}

    async def texts(self, who: Caller, name: str, after: int = 0, limit: int = 200) -> list[str]:
        page = await self.rooms.messages(who, name=name, after=after, limit=limit)
        return [message.text for message in page.messages]


def caller(user: User) -> Caller:
    return Caller(
        user_id=user.user_id,
        username=user.name,
        session_id="0" * 32,
        token_hash=SecretHash(b"t" * 32),
        key_hash=SecretHash(b"k" * 32),
        session_created_at=NOON,
        expires_at=NOON,
    )


@pytest.fixture
def house() -> House:
    return House()


async def doings(house: House, who: Caller, name: str) -> list[Callable[[], Awaitable[object]]]:
    """Return all that one can try with a room."""
    rooms = house.rooms
    return [
        lambda: rooms.view(who, name=name, after=None, limit=400),
        lambda: rooms.messages(who, name=name, after=0, limit=100),
        lambda: rooms.put_member(who, name=name, username=who.username),
        lambda: rooms.put_member(who, name=name, username="ann"),
        lambda: rooms.put_member(who, name=name, username="nobody at all"),
        lambda: rooms.remove_member(who, name=name, username=who.username),
        lambda: rooms.remove_member(who, name=name, username="ann"),
        lambda: rooms.remove_member(who, name=name, username="nobody at all"),
        lambda: rooms.delete(who, name=name),
    ]


# Making


async def test_a_room_is_private_its_makers_and_has_a_name_that_nobody_guesses(
    house: House,
) -> None:
    ann = await house.user("ann")

    names = {await house.make(ann) for _ in range(50)}

    assert len(names) == 50
    for name in names:
        assert re.fullmatch(r"~[A-Za-z0-9_-]{22}", name)
        room = await house.room(name)
        assert (room.is_private, room.owner, room.head, room.members) == (True, ann.user_id, 0, 1)
        assert room.members_version >= 1
        assert await house.members(ann, name) == {"ann": "joined"}
    assert house.told == []


async def test_a_room_keeps_what_it_was_made_with(house: House) -> None:
    ann = await house.user("ann")

    name = await house.rooms.create(ann, retention_s=3600, retention_messages=7, history="all")

    room = await house.room(name)
    assert (room.retention_s, room.retention_messages, room.shows_all_history) == (3600, 7, True)
    room = await house.room(await house.make(ann))
    assert (room.retention_s, room.retention_messages, room.shows_all_history) == (
        None,
        None,
        False,
    )


async def test_who_has_joined_as_many_rooms_as_one_may_makes_no_other() -> None:
    house = House(rooms_per_user=3)
    ann, bob = await house.user("ann"), await house.user("bob")
    first = await house.make(ann)
    await house.make(ann)
    await house.make(ann)

    with pytest.raises(LimitReached) as refused:
        await house.make(ann)

    assert refused.value.limit == "rooms_per_user"
    page = await house.rooms.mine(ann, after=None, limit=100)
    assert len(page.rooms) == 3
    await house.make(bob)
    await house.rooms.remove_member(ann, name=first, username="ann")
    await house.make(ann)


async def test_who_is_deleted_meanwhile_makes_no_room(house: House) -> None:
    ann = await house.user("ann")
    await house.store.delete_user(ann.user_id, NOON)

    with pytest.raises(NotLoggedIn):
        await house.make(ann)


# Who may know of a room


async def never_invited(_house: House, _name: RoomName, _ann: Caller, _bob: Caller) -> None:
    pass


async def declined(house: House, name: RoomName, ann: Caller, bob: Caller) -> None:
    await house.rooms.put_member(ann, name=name, username="bob")
    await house.rooms.remove_member(bob, name=name, username="bob")


async def uninvited(house: House, name: RoomName, ann: Caller, bob: Caller) -> None:
    await house.rooms.put_member(ann, name=name, username="bob")
    await house.rooms.remove_member(ann, name=name, username=bob.username)


async def left(house: House, name: RoomName, ann: Caller, bob: Caller) -> None:
    await house.add(ann, name, bob)
    await house.rooms.remove_member(bob, name=name, username="bob")


async def removed(house: House, name: RoomName, ann: Caller, bob: Caller) -> None:
    await house.add(ann, name, bob)
    await house.rooms.remove_member(ann, name=name, username="bob")


async def deleted(house: House, name: RoomName, ann: Caller, bob: Caller) -> None:
    await house.add(ann, name, bob)
    await house.rooms.delete(ann, name=name)


@pytest.mark.parametrize(
    "become", [never_invited, declined, uninvited, left, removed, deleted], ids=lambda f: f.__name__
)
async def test_a_stranger_finds_no_room_whatever_is_tried(
    house: House, become: Callable[[House, RoomName, Caller, Caller], Awaitable[None]]
) -> None:
    ann, bob = await house.user("ann"), await house.user("bob")
    name = await house.make(ann)
    await become(house, name, ann, bob)
    house.told.clear()

    for place in (name, MISSING, "never opened"):
        for doing in await doings(house, bob, place):
            with pytest.raises(RoomNotFound):
                await doing()

    assert await house.rooms.enter(name, bob.user_id, bob.username) is None
    assert (await house.rooms.mine(bob, after=None, limit=100)).rooms == []
    assert house.told == []


async def test_a_room_of_others_that_is_open_is_not_there_for_who_has_not_joined(
    house: House,
) -> None:
    ann, bob = await house.user("ann"), await house.user("bob")
    await house.rooms.enter(RoomName("tea"), ann.user_id, ann.username)

    for doing in await doings(house, bob, "tea"):
        with pytest.raises(RoomNotFound):
            await doing()


async def test_who_is_invited_looks_at_the_room_but_does_not_read(house: House) -> None:
    ann, bob = await house.user("ann"), await house.user("bob")
    name = await house.make(ann, history="all")
    await house.say(ann, name, "one")
    await house.rooms.put_member(ann, name=name, username="bob")

    view = await house.rooms.view(bob, name=name, after=None, limit=400)

    assert (view.owner, view.room.head, view.floor) == ("ann", 1, 2)
    assert await house.members(bob, name) == {"ann": "joined", "bob": "invited"}
    with pytest.raises(RoomNotFound):
        await house.texts(bob, name)
    with pytest.raises(NotTheOwner):
        await house.rooms.delete(bob, name=name)
    with pytest.raises(NotTheOwner):
        await house.rooms.remove_member(bob, name=name, username="ann")


# Inviting and accepting


async def test_an_invitation_is_accepted_by_the_invited_alone(house: House) -> None:
    ann, bob = await house.user("ann"), await house.user("bob")
    name = await house.make(ann)

    assert await house.rooms.put_member(ann, name=name, username="bob") == "invited"
    # The owner cannot accept for another.
    assert await house.rooms.put_member(ann, name=name, username="bob") == "invited"
    assert await house.members(ann, name) == {"ann": "joined", "bob": "invited"}
    assert await house.rooms.put_member(bob, name=name, username="bob") == "joined"
    assert await house.rooms.put_member(bob, name=name, username="bob") == "joined"
    assert await house.rooms.put_member(ann, name=name, username="bob") == "joined"
    assert await house.members(ann, name) == {"ann": "joined", "bob": "joined"}


async def test_who_connects_accepts(house: House) -> None:
    ann, bob = await house.user("ann"), await house.user("bob")
    name = await house.make(ann)
    await house.rooms.put_member(ann, name=name, username="bob")

    entry = await house.rooms.enter(name, bob.user_id, bob.username)
    again = await house.rooms.enter(name, bob.user_id, bob.username)

    assert entry is not None
    assert again is not None
    assert (entry.joined, again.joined, again.membership.state) == (True, False, "joined")
    assert [said(event) for event in house.told] == [("invited", "bob", 1), ("joined", "bob", 2)]


async def test_only_the_owner_invites_and_nobody_learns_who_exists(house: House) -> None:
    ann, bob = await house.user("ann"), await house.user("bob")
    await house.user("carol")
    name = await house.make(ann)
    await house.add(ann, name, bob)
    house.told.clear()

    for username in ("carol", "nobody at all", "ann"):
        with pytest.raises(NotTheOwner):
            await house.rooms.put_member(bob, name=name, username=username)
    with pytest.raises(UserNotFound):
        await house.rooms.put_member(ann, name=name, username="nobody at all")
    # A name has one spelling.
    with pytest.raises(UserNotFound):
        await house.rooms.put_member(ann, name=name, username="Carol")

    assert house.told == []
    assert await house.members(ann, name) == {"ann": "joined", "bob": "joined"}


async def test_nobody_invites_to_removes_from_or_deletes_an_open_room(house: House) -> None:
    ann, bob = await house.user("ann"), await house.user("bob")
    for one in (ann, bob):
        await house.rooms.enter(RoomName("tea"), one.user_id, one.username)
    await house.user("carol")
    house.told.clear()

    for doing in (
        lambda: house.rooms.put_member(ann, name="tea", username="carol"),
        lambda: house.rooms.remove_member(ann, name="tea", username="bob"),
        lambda: house.rooms.delete(ann, name="tea"),
    ):
        with pytest.raises(NotTheOwner):
            await doing()

    assert house.told == []
    assert await house.members(ann, "tea") == {"ann": "joined", "bob": "joined"}
    assert await house.rooms.put_member(ann, name="tea", username="ann") == "joined"
    view = await house.rooms.view(ann, name="tea", after=None, limit=400)
    assert (view.owner, view.room.is_private, view.room.shows_all_history) == (None, False, True)


async def test_members_and_invitations_of_a_private_room_are_counted_together() -> None:
    house = House(members_per_private_room=3)
    ann = await house.user("ann")
    others = [await house.user(name) for name in ("bob", "carol", "dan")]
    name = await house.make(ann)
    await house.add(ann, name, others[0])
    await house.rooms.put_member(ann, name=name, username="carol")

    with pytest.raises(LimitReached) as refused:
        await house.rooms.put_member(ann, name=name, username="dan")

    assert refused.value.limit == "members_per_private_room"
    assert await house.rooms.put_member(ann, name=name, username="carol") == "invited"
    await house.rooms.remove_member(others[1], name=name, username="carol")
    assert await house.rooms.put_member(ann, name=name, username="dan") == "invited"


async def test_invitations_of_a_user_are_counted_until_they_are_accepted_or_declined() -> None:
    house = House(invitations_per_user=2)
    ann, bob = await house.user("ann"), await house.user("bob")
    names = [await house.make(ann) for _ in range(4)]
    for name in names[:2]:
        await house.rooms.put_member(ann, name=name, username="bob")

    with pytest.raises(LimitReached) as refused:
        await house.rooms.put_member(ann, name=names[2], username="bob")

    assert refused.value.limit == "invitations_per_user"
    await house.rooms.put_member(bob, name=names[0], username="bob")
    await house.rooms.put_member(ann, name=names[2], username="bob")
    await house.rooms.remove_member(bob, name=names[1], username="bob")
    await house.rooms.put_member(ann, name=names[3], username="bob")


async def test_an_invitation_above_the_limit_of_rooms_can_be_declined_but_not_accepted() -> None:
    house = House(rooms_per_user=1)
    ann, bob = await house.user("ann"), await house.user("bob")
    name = await house.make(ann)
    await house.make(bob)
    await house.rooms.put_member(ann, name=name, username="bob")

    with pytest.raises(LimitReached) as refused:
        await house.rooms.put_member(bob, name=name, username="bob")

    assert refused.value.limit == "rooms_per_user"
    assert await house.members(ann, name) == {"ann": "joined", "bob": "invited"}
    assert await house.rooms.remove_member(bob, name=name, username="bob") == "invited"


async def test_who_is_deleted_meanwhile_accepts_nothing(house: House) -> None:
    ann, bob = await house.user("ann"), await house.user("bob")
    name = await house.make(ann)
    await house.rooms.put_member(ann, name=name, username="bob")
    await house.store.delete_user(bob.user_id, NOON)

    with pytest.raises((NotLoggedIn, RoomNotFound)):
        await house.rooms.put_member(bob, name=name, username="bob")
    with pytest.raises(UserNotFound):
        await house.rooms.put_member(ann, name=name, username="bob")


# Going


async def test_the_owner_removes_members_and_takes_invitations_back(house: House) -> None:
    ann, bob, carol = [await house.user(name) for name in ("ann", "bob", "carol")]
    name = await house.make(ann)
    await house.add(ann, name, bob)
    await house.rooms.put_member(ann, name=name, username="carol")

    with pytest.raises(NotTheOwner):
        await house.rooms.remove_member(bob, name=name, username="carol")
    assert await house.rooms.remove_member(ann, name=name, username="bob") == "joined"
    assert await house.rooms.remove_member(ann, name=name, username="carol") == "invited"
    for username in ("bob", "carol", "nobody at all", "Bob"):
        with pytest.raises(MemberNotFound):
            await house.rooms.remove_member(ann, name=name, username=username)

    assert await house.members(ann, name) == {"ann": "joined"}
    assert carol.username == "carol"


async def test_who_was_removed_may_be_invited_again_and_reads_from_then_on(house: House) -> None:
    ann, bob = await house.user("ann"), await house.user("bob")
    name = await house.make(ann)
    await house.add(ann, name, bob)
    await house.say(ann, name, "one")
    assert await house.texts(bob, name) == ["one"]

    await house.rooms.remove_member(ann, name=name, username="bob")
    await house.say(ann, name, "two")
    await house.add(ann, name, bob)
    await house.say(ann, name, "three")

    assert await house.texts(bob, name) == ["three"]


async def test_when_the_owner_leaves_the_one_who_joined_first_owns_the_room(house: House) -> None:
    ann, bob, carol = [await house.user(name) for name in ("ann", "bob", "carol")]
    name = await house.make(ann)
    # By name it would be bob.
    await house.add(ann, name, carol, bob)

    await house.rooms.remove_member(ann, name=name, username="ann")

    view = await house.rooms.view(bob, name=name, after=None, limit=400)
    assert view.owner == "carol"
    with pytest.raises(NotTheOwner):
        await house.rooms.delete(bob, name=name)
    assert await house.rooms.remove_member(carol, name=name, username="bob") == "joined"


async def test_who_is_only_invited_inherits_nothing(house: House) -> None:
    ann, bob = await house.user("ann"), await house.user("bob")
    name = await house.make(ann)
    room = await house.room(name)
    await house.rooms.put_member(ann, name=name, username="bob")
    house.told.clear()

    await house.rooms.remove_member(ann, name=name, username="ann")

    assert house.told == [RoomDeleted(room.room_id)]
    assert await house.store.room_named(name) is None
    with pytest.raises(RoomNotFound):
        await house.rooms.put_member(bob, name=name, username="bob")


async def test_a_deleted_room_is_gone_and_told_once(house: House) -> None:
    ann, bob = await house.user("ann"), await house.user("bob")
    name = await house.make(ann)
    room = await house.room(name)
    await house.add(ann, name, bob)
    house.told.clear()

    with pytest.raises(NotTheOwner):
        await house.rooms.delete(bob, name=name)
    assert house.told == []
    await house.rooms.delete(ann, name=name)
    with pytest.raises(RoomNotFound):
        await house.rooms.delete(ann, name=name)

    assert house.told == [RoomDeleted(room.room_id)]


async def test_deleted_accounts_leave_their_rooms_and_their_rooms_pass_on(house: House) -> None:
    ann, bob, carol = [await house.user(name) for name in ("ann", "bob", "carol")]
    passed_on, kept, alone = [await house.make(one) for one in (ann, bob, ann)]
    lonely = await house.room(alone)
    await house.add(ann, passed_on, bob)
    await house.add(bob, kept, ann)
    await house.rooms.put_member(bob, name=kept, username="carol")
    await house.store.delete_user(ann.user_id, NOON)
    house.told.clear()

    await house.rooms.let_deleted_users_go()
    told = list(house.told)
    await house.rooms.let_deleted_users_go()

    assert house.told == told
    assert RoomDeleted(lonely.room_id) in told
    changes = [event for event in told if isinstance(event, MemberChanged)]
    assert {(event.change, event.username, event.members) for event in changes} == {
        ("left", "ann", 1)
    }
    assert {event.room_id for event in changes} == {
        (await house.room(passed_on)).room_id,
        (await house.room(kept)).room_id,
    }
    assert await house.members(bob, passed_on) == {"bob": "joined"}
    assert (await house.room(passed_on)).owner == bob.user_id
    assert await house.members(carol, kept) == {"bob": "joined", "carol": "invited"}


async def test_invitations_of_deleted_accounts_go_too(house: House) -> None:
    ann, bob = await house.user("ann"), await house.user("bob")
    name = await house.make(ann)
    await house.rooms.put_member(ann, name=name, username="bob")
    await house.store.delete_user(bob.user_id, NOON)
    house.told.clear()

    await house.rooms.let_deleted_users_go()

    assert [said(event) for event in house.told] == [("uninvited", "bob", 1)]
    assert await house.members(ann, name) == {"ann": "joined"}


# What is told


def said(event: Event) -> tuple[MemberChange, str, int]:
    assert isinstance(event, MemberChanged)
    return event.change, event.username, event.members


async def test_each_change_is_told_once_with_the_version_that_it_made(house: House) -> None:
    ann, bob, carol = [await house.user(name) for name in ("ann", "bob", "carol")]
    await house.store.add_public_key(bob.user_id, "another", 1, NOON)
    name = await house.make(ann)
    rooms = house.rooms
    steps: list[tuple[Callable[[], Awaitable[object]], MemberChange, Caller, int]] = [
        (lambda: rooms.put_member(ann, name=name, username="bob"), "invited", bob, 1),
        (lambda: rooms.put_member(bob, name=name, username="bob"), "joined", bob, 2),
        (lambda: rooms.put_member(ann, name=name, username="carol"), "invited", carol, 2),
        (lambda: rooms.remove_member(carol, name=name, username="carol"), "uninvited", carol, 2),
        (lambda: rooms.put_member(ann, name=name, username="carol"), "invited", carol, 2),
        (lambda: rooms.remove_member(ann, name=name, username="carol"), "uninvited", carol, 2),
        (lambda: rooms.remove_member(ann, name=name, username="bob"), "removed", bob, 1),
        (lambda: rooms.put_member(ann, name=name, username="bob"), "invited", bob, 1),
        (lambda: rooms.put_member(bob, name=name, username="bob"), "joined", bob, 2),
        (lambda: rooms.remove_member(bob, name=name, username="bob"), "left", bob, 1),
    ]
    before = await house.room(name)

    for step, change, who, members in steps:
        house.told.clear()
        await step()
        room = await house.room(name)

        key_version = 2 if who is bob else 1
        assert house.told == [
            MemberChanged(
                room.room_id,
                change,
                who.user_id,
                who.username,
                key_version,
                before.members_version + 1,
                members,
            )
        ]
        assert (room.members_version, room.members) == (before.members_version + 1, members)
        before = room


async def test_what_changes_nothing_is_told_to_nobody(house: House) -> None:
    ann, bob = await house.user("ann"), await house.user("bob")
    name = await house.make(ann)
    await house.rooms.put_member(ann, name=name, username="bob")
    before = await house.room(name)
    house.told.clear()

    await house.rooms.put_member(ann, name=name, username="bob")
    await house.rooms.put_member(ann, name=name, username="ann")
    await house.rooms.enter(name, ann.user_id, ann.username)
    with pytest.raises(MemberNotFound):
        await house.rooms.remove_member(ann, name=name, username="carol")

    assert house.told == []
    assert await house.room(name) == before
    assert bob.username == "bob"


async def test_what_the_store_refuses_is_not_told(house: House) -> None:
    ann, bob = await house.user("ann"), await house.user("bob")
    name = await house.make(ann)
    await house.add(ann, name, bob)
    house.told.clear()
    house.store.failure = StoreUnavailable()

    for doing in (
        lambda: house.rooms.put_member(ann, name=name, username="carol"),
        lambda: house.rooms.remove_member(bob, name=name, username="bob"),
        lambda: house.rooms.delete(ann, name=name),
        lambda: house.rooms.enter(RoomName("tea"), ann.user_id, ann.username),
        house.rooms.let_deleted_users_go,
    ):
        with pytest.raises(StoreUnavailable):
            await doing()

    assert house.told == []


async def test_whoever_is_told_finds_it_in_the_store() -> None:
    seen: list[tuple[str, bool]] = []

    class Asking(MemoryStore):
        """Answers whether a change was stored when it was told."""

        stored: frozenset[str] = frozenset()

        async def remove_member(self, room_id: RoomId, user_id: UserId) -> Departure | None:
            departure = await super().remove_member(room_id, user_id)
            self.stored |= {"left"}
            return departure

        async def delete_room(self, room_id: RoomId) -> bool:
            is_deleted = await super().delete_room(room_id)
            self.stored |= {"deleted"}
            return is_deleted

    store = Asking()

    def hear(event: Event) -> None:
        if isinstance(event, RoomDeleted):
            seen.append(("deleted", "deleted" in store.stored))
        elif isinstance(event, MemberChanged) and event.change == "left":
            seen.append(("left", "left" in store.stored))

    house = House()
    house.store = store
    house.rooms = Rooms(store, Limits(), lambda: NOON, hear)
    ann, bob = await house.user("ann"), await house.user("bob")
    name = await house.make(ann)
    await house.add(ann, name, bob)

    await house.rooms.remove_member(bob, name=name, username="bob")
    await house.rooms.delete(ann, name=name)

    assert seen == [("left", True), ("deleted", True)]


# Pages


async def test_rooms_come_in_pages_by_name(house: House) -> None:
    ann, bob = await house.user("ann"), await house.user("bob")
    names = [await house.make(ann) for _ in range(3)]
    invited = await house.make(bob)
    await house.rooms.put_member(bob, name=invited, username="ann")
    for name in ("tea", "Tea", "0"):
        await house.rooms.enter(RoomName(name), ann.user_id, ann.username)
    all_of_them = sorted([*names, invited, "tea", "Tea", "0"])

    for limit in (1, 2, 6, 7, 8):
        found: list[str] = []
        after, more = None, True
        while more:
            page = await house.rooms.mine(ann, after=after, limit=limit)
            assert len(page.rooms) == min(limit, len(all_of_them) - len(found))
            found += [place.room.name for place in page.rooms]
            after, more = found[-1], page.more
            assert more is (len(found) < len(all_of_them))
        assert found == all_of_them

    page = await house.rooms.mine(ann, after=None, limit=100)
    places = {place.room.name: place for place in page.rooms}
    assert {name for name, place in places.items() if place.membership.state == "invited"} == {
        invited
    }
    assert places[invited].owner == "bob"
    assert places[names[0]].owner == "ann"
    assert places[RoomName("tea")].owner is None
    last = await house.rooms.mine(ann, after=all_of_them[-1], limit=1)
    assert (last.rooms, last.more) == ([], False)


async def test_members_come_in_pages_by_name(house: House) -> None:
    ann = await house.user("ann")
    others = [await house.user(name) for name in ("Zoe", "bob", "åsa", "🦊", "carol")]
    name = await house.make(ann)
    await house.add(ann, name, *others)
    everybody = sorted(["ann", *(other.username for other in others)])

    for limit in (1, 4, 5, 6, 7):
        found: list[str] = []
        after, more = None, True
        while more:
            view = await house.rooms.view(ann, name=name, after=after, limit=limit)
            assert len(view.members) == min(limit, len(everybody) - len(found))
            found += [member.username for member in view.members]
            after, more = found[-1], view.more
            assert more is (len(found) < len(everybody))
        assert found == everybody


async def test_a_page_of_members_is_shorter_where_their_keys_are_long(house: House) -> None:
    most = 16 * 1024
    ann = await house.user("a", "k" * most)
    names = [f"b{number:02}" for number in range(MEMBERS_PAGE_BYTES // most + 3)]
    room = await house.make(ann)
    for name in names:
        await house.user(name, "k" * most)
        await house.rooms.put_member(ann, name=room, username=name)

    first = await house.rooms.view(ann, name=room, after=None, limit=400)
    after = first.members[-1].username
    second = await house.rooms.view(ann, name=room, after=after, limit=400)

    assert (len(first.members), first.more) == (MEMBERS_PAGE_BYTES // most, True)
    assert second.more is False
    assert [m.username for m in (*first.members, *second.members)] == ["a", *names]


async def test_messages_come_in_pages_from_the_floor_on(house: House) -> None:
    ann, bob = await house.user("ann"), await house.user("bob")
    name = await house.make(ann)
    await house.say(ann, name, "one", "two")
    await house.add(ann, name, bob)
    await house.say(ann, name, "three", "four", "five")

    assert await house.texts(ann, name) == ["one", "two", "three", "four", "five"]
    for after in (0, 1, 2):
        assert await house.texts(bob, name, after) == ["three", "four", "five"]
    assert await house.texts(bob, name, 3) == ["four", "five"]
    assert await house.texts(bob, name, 5) == []
    assert await house.texts(bob, name, 10**15) == []

    page = await house.rooms.messages(bob, name=name, after=0, limit=2)
    assert ([m.seq for m in page.messages], page.more, page.floor) == ([3, 4], True, 3)
    page = await house.rooms.messages(bob, name=name, after=0, limit=3)
    assert ([m.seq for m in page.messages], page.more, page.room.head) == ([3, 4, 5], False, 5)
    page = await house.rooms.messages(bob, name=name, after=5, limit=1)
    assert (list(page.messages), page.more) == ([], False)


async def test_with_all_of_the_history_a_new_member_reads_what_was_said_before(
    house: House,
) -> None:
    ann, bob = await house.user("ann"), await house.user("bob")
    name = await house.make(ann, history="all")
    await house.say(ann, name, "one")
    await house.add(ann, name, bob)
    await house.rooms.enter(RoomName("tea"), ann.user_id, ann.username)
    await house.say(ann, "tea", "hello")
    await house.rooms.enter(RoomName("tea"), bob.user_id, bob.username)

    assert await house.texts(bob, name) == ["one"]
    assert await house.texts(bob, "tea") == ["hello"]
    view = await house.rooms.view(bob, name="tea", after=None, limit=1)
    assert view.floor == 1


async def test_what_is_no_longer_kept_is_below_the_floor(house: House) -> None:
    ann = await house.user("ann")
    name = await house.rooms.create(ann, retention_s=None, retention_messages=2, history="all")
    await house.say(ann, name, "one", "two", "three")
    while await house.store.enforce_retention(NOON, Limits()):
        pass

    view = await house.rooms.view(ann, name=name, after=None, limit=1)
    page = await house.rooms.messages(ann, name=name, after=0, limit=1)

    assert (view.floor, view.room.head) == (2, 3)
    assert ([m.text for m in page.messages], page.more, page.floor) == (["two"], True, 2)
