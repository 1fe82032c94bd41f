"""Rooms in Cassandra when a write has no answer, when a process is gone between two writes, and
when several processes meet in one room."""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count

import pytest

from services.errors import LimitReached, RoomNotFound, StoreUnavailable, UserNotFound
from services.limits import Limits
from services.model import Epoch, Room, RoomId, RoomName, User
from store.cassandra.cql import Cas, Cql, Statement
from tests.support.cassandra_faults import Fault, FaultyCql
from tests.support.cassandra_rooms import (
    MeddledCql,
    RoomParts,
    Stopped,
    StoppingCql,
    new_number,
)
from tests.support.store_samples import LIMITS, NOON, at

FAULTS = [Fault.ANSWER_LOST, Fault.LOST, Fault.LATE]


@pytest.fixture
def parts(real: Cql) -> RoomParts:
    """A process without faults."""
    return RoomParts(real)


@dataclass(frozen=True, slots=True)
class Scene:
    """Three users; ann's open room with bob in it, and her private one with bob in it and carl
    invited. ``free`` is an open room that nobody is in, ``gone`` one that was deleted."""

    ann: User
    bob: User
    carl: User
    pub: Room
    den: Room
    free: RoomName
    gone: RoomName

    @property
    def users(self) -> list[User]:
        return [self.ann, self.bob, self.carl]


async def set_scene(parts: RoomParts) -> Scene:
    number = new_number()
    ann, bob, carl = [await parts.add_user(f"{name} {number}") for name in ("ann", "bob", "carl")]
    pub = await enter(parts, f"pub {number}", ann)
    await enter(parts, pub.name, bob)
    gone = await enter(parts, f"gone {number}", carl)
    await parts.members.remove_member(gone.room_id, carl.user_id)
    assert await parts.rooms.delete_if_empty(gone.room_id)
    den = a_private_room(ann, f"~den {number}")
    await parts.members.add_private_room(den, LIMITS)
    for user in (bob, carl):
        await parts.members.invite(den.room_id, user.user_id, NOON, LIMITS)
    await enter(parts, den.name, bob)
    return Scene(ann, bob, carl, pub, den, RoomName(f"free {number}"), gone.name)


def a_private_room(owner: User, name: str) -> Room:
    room_id, epoch = RoomId(os.urandom(16)), Epoch(os.urandom(16))
    return Room(room_id, RoomName(name), epoch, 0, owner=owner.user_id, created_at=NOON)


async def enter(parts: RoomParts, name: str, user: User) -> Room:
    entry = await parts.members.enter_room(RoomName(name), user.user_id, at(1), LIMITS)
    assert entry is not None
    return entry.room


# What is done, and what its caller is told, in words that are the same for every scene.


async def make_an_open_room(parts: RoomParts, scene: Scene) -> object:
    entry = await parts.members.enter_room(scene.free, scene.carl.user_id, at(2), LIMITS)
    assert entry is not None
    return entry.joined, entry.room.members, entry.room.members_version


async def take_the_name_of_a_deleted_room(parts: RoomParts, scene: Scene) -> object:
    entry = await parts.members.enter_room(scene.gone, scene.carl.user_id, at(2), LIMITS)
    assert entry is not None
    return entry.joined, entry.room.members, entry.room.members_version


async def enter_an_open_room(parts: RoomParts, scene: Scene) -> object:
    entry = await parts.members.enter_room(scene.pub.name, scene.carl.user_id, at(2), LIMITS)
    assert entry is not None
    return entry.joined, entry.room.members, entry.room.members_version


async def accept_an_invitation(parts: RoomParts, scene: Scene) -> object:
    entry = await parts.members.enter_room(scene.den.name, scene.carl.user_id, at(2), LIMITS)
    assert entry is not None
    return entry.joined, entry.room.members, entry.room.members_version


async def make_a_private_room(parts: RoomParts, scene: Scene) -> object:
    room = a_private_room(scene.carl, f"~nest {new_number()}")
    await parts.members.add_private_room(room, LIMITS)
    return None


async def invite_somebody(parts: RoomParts, scene: Scene) -> object:
    den = a_private_room(scene.bob, f"~room {new_number()}")
    await parts.members.add_private_room(den, LIMITS)
    invited = await parts.members.invite(den.room_id, scene.ann.user_id, at(2), LIMITS)
    return invited.state, invited.is_new, invited.room.members_version


async def leave_an_open_room(parts: RoomParts, scene: Scene) -> object:
    departure = await parts.members.remove_member(scene.pub.room_id, scene.bob.user_id)
    if departure is None or departure.room is None:
        return departure
    return departure.was, departure.room.members, departure.room.members_version


async def decline_an_invitation(parts: RoomParts, scene: Scene) -> object:
    departure = await parts.members.remove_member(scene.den.room_id, scene.carl.user_id)
    if departure is None or departure.room is None:
        return departure
    return departure.was, departure.room.members, departure.room.members_version


async def leave_ones_own_room(parts: RoomParts, scene: Scene) -> object:
    departure = await parts.members.remove_member(scene.den.room_id, scene.ann.user_id)
    if departure is None or departure.room is None:
        return departure
    return departure.was, departure.room.owner == scene.bob.user_id


async def leave_last(parts: RoomParts, scene: Scene) -> object:
    gone = await parts.members.remove_member(scene.den.room_id, scene.bob.user_id)
    last = await parts.members.remove_member(scene.den.room_id, scene.ann.user_id)
    return gone is not None, None if last is None else (last.was, last.room)


async def delete_a_private_room(parts: RoomParts, scene: Scene) -> object:
    return await parts.rooms.delete(scene.den.room_id)


Act = Callable[[RoomParts, Scene], Awaitable[object]]
ACTS: list[Act] = [
    make_an_open_room,
    take_the_name_of_a_deleted_room,
    enter_an_open_room,
    accept_an_invitation,
    make_a_private_room,
    invite_somebody,
    leave_an_open_room,
    decline_an_invitation,
    leave_ones_own_room,
    leave_last,
    delete_a_private_room,
]


async def shown(parts: RoomParts, scene: Scene) -> object:
    """Return all that users can see, in words that are the same for every scene."""
    rooms: list[object] = []
    for name in (scene.free, scene.gone, scene.pub.name, scene.den.name):
        room = await parts.rooms.find_named(name)
        if room is None:
            rooms.append(None)
            continue
        states = await parts.states(room.room_id)
        owner = [scene.users.index(user) for user in scene.users if user.user_id == room.owner]
        rooms.append((room.members, owner, {who.split()[0]: was for who, was in states.items()}))
    lists = []
    for user in scene.users:
        found = (await parts.rooms_of(user)).items()
        lists.append(sorted((name.split()[0], state) for name, state in found))
    return rooms, lists


async def look_for_contradictions(parts: RoomParts, users: list[User]) -> None:
    """Fail if one look shows what another one denies."""
    for user in users:
        for one in await parts.pages.rooms_of(user.user_id, None, 1000):
            room = one.room
            assert await parts.rooms.find_named(room.name) == room
            assert await parts.members.membership(room.room_id, user.user_id) == one.membership
            statics = await parts.rooms.latest(room.room_id)
            states = await parts.states(room.room_id)
            assert statics is not None
            assert statics.places == len(states)
            assert room.members == sum(state == "joined" for state in states.values())
            assert states[user.name] == one.membership.state
            if room.owner is not None:
                owner = await parts.users.name_of(room.owner)
                assert owner is not None
                assert (one.owner, states[owner]) == (owner, "joined")


# Unknown outcomes


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("act", ACTS)
async def test_a_write_without_an_answer_is_told_and_done_as_one_with_an_answer(
    parts: RoomParts, act: Act, fault: Fault
) -> None:
    scene = await set_scene(parts)
    told, seen = await act(parts, scene), await shown(parts, scene)

    for place in count():
        scene = await set_scene(parts)
        faulty = FaultyCql(parts.cql)
        faulty.meet(*[Fault.NONE] * place, fault)

        assert await act(RoomParts(faulty), scene) == told

        if faulty.sent <= place:
            break
        assert await shown(parts, scene) == seen
        await faulty.deliver()
        assert await shown(parts, scene) == seen
        await look_for_contradictions(parts, scene.users)
    assert place > 0


@pytest.mark.parametrize("act", [leave_an_open_room, decline_an_invitation, leave_ones_own_room])
async def test_who_had_no_answer_and_was_gone_by_then_is_told_so_when_others_came_after(
    parts: RoomParts, act: Act
) -> None:
    scene = await set_scene(parts)
    told = await act(parts, scene)
    scene = await set_scene(parts)
    other = await parts.add_user(f"dora {new_number()}")

    async def others_come() -> None:
        await parts.members.invite(scene.den.room_id, other.user_id, NOON, LIMITS)
        await enter(parts, scene.pub.name, other)

    faulty = FaultyCql(parts.cql)
    faulty.meet(Fault.ANSWER_LOST, meanwhile=others_come)

    assert await act(RoomParts(faulty), scene) == told


@pytest.mark.parametrize("act", [enter_an_open_room, leave_an_open_room, delete_a_private_room])
async def test_a_change_that_arrives_just_before_it_is_sent_again_is_told_as_done(
    parts: RoomParts, act: Act
) -> None:
    scene = await set_scene(parts)
    told = await act(parts, scene)
    scene = await set_scene(parts)

    class Overtaken(FaultyCql):
        async def cas_batch(self, statements: Sequence[Statement]) -> Cas:
            await self.deliver()
            return await super().cas_batch(statements)

    faulty = Overtaken(parts.cql)
    faulty.meet(Fault.LATE)

    assert await act(RoomParts(faulty), scene) == told
    assert faulty.sent == 2


async def test_a_change_that_was_lost_is_decided_again_when_others_came_first(
    parts: RoomParts,
) -> None:
    scene = await set_scene(parts)

    async def ann_leaves() -> None:
        await parts.members.remove_member(scene.pub.room_id, scene.ann.user_id)

    faulty = FaultyCql(parts.cql)
    faulty.meet(Fault.LATE, meanwhile=ann_leaves)

    assert await enter_an_open_room(RoomParts(faulty), scene) == (True, 2, 4)
    await faulty.deliver()
    assert len(await parts.states(scene.pub.room_id)) == 2
    await look_for_contradictions(parts, scene.users)


async def test_what_cannot_be_told_is_no_answer_and_neither_yes_nor_no(
    parts: RoomParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = await set_scene(parts)
    monkeypatch.setattr("store.cassandra.patience.LONGEST_S", 0.2)
    faulty = FaultyCql(parts.cql)
    faulty.meet(*[Fault.LOST] * 100)

    with pytest.raises(StoreUnavailable):
        await leave_an_open_room(RoomParts(faulty), scene)

    assert len(await parts.states(scene.pub.room_id)) == 2


# Processes that are gone


@pytest.mark.parametrize("act", ACTS)
async def test_what_a_process_left_undone_is_not_shown_and_hinders_nobody(
    parts: RoomParts, act: Act
) -> None:
    scene = await set_scene(parts)
    before = await shown(parts, scene)
    await act(parts, scene)
    after = await shown(parts, scene)

    for writes in count():
        scene = await set_scene(parts)
        try:
            await act(RoomParts(StoppingCql(parts.cql, writes)), scene)
        except Stopped:
            pass
        else:
            break

        await look_for_contradictions(parts, scene.users)
        if act not in (leave_last, invite_somebody):
            assert await shown(parts, scene) in (before, after)
        if act in (make_a_private_room, invite_somebody):
            # It is another room each time, so what was done stays done.
            continue
        await act(parts, scene)
        assert await shown(parts, scene) == after
        await look_for_contradictions(parts, scene.users)
    assert writes > 1


async def test_a_room_whose_making_broke_off_is_there_for_nobody_and_is_found_without_members(
    parts: RoomParts,
) -> None:
    scene = await set_scene(parts)
    # The partition and the name, and then no member.
    with pytest.raises(Stopped):
        await make_an_open_room(RoomParts(StoppingCql(parts.cql, 2)), scene)
    room_id = await parts.rooms.id_of(scene.free)
    assert room_id is not None

    assert await parts.rooms.find_named(scene.free) is None
    assert await parts.rooms.find(room_id) is None
    assert await parts.rooms.statics(room_id) is None
    assert await parts.states(room_id) == {}
    assert await parts.rooms.delete_if_empty(room_id)

    assert await make_an_open_room(parts, scene) == (True, 1, 1)
    assert await parts.rooms.id_of(scene.free) != room_id


async def test_a_room_with_somebody_in_it_is_not_deleted_as_empty(parts: RoomParts) -> None:
    scene = await set_scene(parts)

    assert not await parts.rooms.delete_if_empty(scene.pub.room_id)
    assert not await parts.rooms.delete_if_empty(scene.den.room_id)

    assert await parts.rooms.find_named(scene.pub.name) is not None


async def test_a_partition_is_removed_with_all_its_rows_as_long_as_nobody_changed_it(
    parts: RoomParts,
) -> None:
    scene = await set_scene(parts)
    await parts.rooms.delete(scene.den.room_id)
    statics = await parts.rooms.latest(scene.den.room_id)
    assert statics is not None
    assert statics.is_deleted

    await parts.rooms.forget(replace(statics, version=statics.version - 1))
    assert await parts.rooms.latest(scene.den.room_id) == statics
    await parts.rooms.forget(statics)

    key = [room_id async for (room_id, _) in parts.cql.scan("SELECT room_id, username FROM rooms")]
    assert scene.den.room_id not in [room_id.bytes for room_id in key]
    assert await parts.rooms_of(scene.bob) == {scene.pub.name: "joined"}


# Rows of a user's rooms, in whatever order they come


async def test_a_delete_that_comes_late_leaves_the_row_of_who_came_again(parts: RoomParts) -> None:
    scene = await set_scene(parts)
    # The change is done, and the row is not deleted yet.
    with pytest.raises(Stopped):
        await leave_an_open_room(RoomParts(StoppingCql(parts.cql, 1)), scene)
    left = await parts.rooms.statics(scene.pub.room_id)
    assert left is not None
    await enter(parts, scene.pub.name, scene.bob)

    await parts.user_rooms.remove(
        scene.bob.user_id, scene.pub.name, scene.pub.room_id, left.version
    )

    assert (await parts.rooms_of(scene.bob))[scene.pub.name] == "joined"


async def test_a_row_without_a_place_stays_while_its_change_may_come_true(
    parts: RoomParts,
) -> None:
    scene = await set_scene(parts)

    async def look() -> None:
        assert scene.pub.name not in await parts.rooms_of(scene.carl)

    meddled = RoomParts(MeddledCql(parts.cql, look))
    await enter_an_open_room(meddled, scene)

    assert (await parts.rooms_of(scene.carl))[scene.pub.name] == "joined"


async def test_a_row_without_a_place_goes_when_its_change_cannot_come_true(
    parts: RoomParts,
) -> None:
    scene = await set_scene(parts)
    with pytest.raises(Stopped):
        await enter_an_open_room(RoomParts(StoppingCql(parts.cql, 1)), scene)
    assert scene.pub.name not in await parts.rooms_of(scene.carl)
    assert scene.pub.name in await rows_of(parts, scene.carl)

    await parts.members.remove_member(scene.pub.room_id, scene.bob.user_id)
    assert scene.pub.name not in await parts.rooms_of(scene.carl)

    assert scene.pub.name not in await rows_of(parts, scene.carl)


async def test_an_attempt_that_broke_off_does_not_count_against_a_limit(parts: RoomParts) -> None:
    scene = await set_scene(parts)
    dora = await parts.add_user(f"dora {new_number()}")
    limits = Limits(rooms_per_user=1, invitations_per_user=1)
    stopping = RoomParts(StoppingCql(parts.cql, 1))
    with pytest.raises(Stopped):
        await stopping.members.enter_room(scene.pub.name, dora.user_id, NOON, limits)
    stopping = RoomParts(StoppingCql(parts.cql, 1))
    with pytest.raises(Stopped):
        await stopping.members.invite(scene.den.room_id, dora.user_id, NOON, limits)

    den = a_private_room(scene.ann, f"~other {new_number()}")
    await parts.members.add_private_room(den, LIMITS)
    invited = await parts.members.invite(den.room_id, dora.user_id, NOON, limits)
    assert invited.is_new
    entry = await parts.members.enter_room(scene.free, dora.user_id, NOON, limits)
    assert entry is not None

    with pytest.raises(LimitReached):
        await parts.members.enter_room(den.name, dora.user_id, NOON, limits)
    assert set(await parts.rooms_of(dora)) == {scene.free, den.name}


async def rows_of(parts: RoomParts, user: User) -> set[RoomName]:
    """Return the names in the derived rows, true or not."""
    return {row.name async for page in parts.user_rooms.pages(user.user_id) for row in page}


# Deleted accounts


async def test_who_comes_in_while_the_account_is_deleted_is_named_as_leaving(
    parts: RoomParts,
) -> None:
    scene = await set_scene(parts)

    async def delete() -> None:
        await parts.users.delete_user(scene.carl.user_id, at(3))
        await parts.members.remove_member(scene.den.room_id, scene.carl.user_id)
        # Nothing is left, but something may come.
        for _ in range(3):
            assert await leaving(parts, scene.carl) == []

    await enter_an_open_room(RoomParts(MeddledCql(parts.cql, delete)), scene)

    assert await leaving(parts, scene.carl) == [scene.pub.room_id]
    await parts.members.remove_member(scene.pub.room_id, scene.carl.user_id)
    for _ in range(2):
        assert await leaving(parts, scene.carl) == []
    assert not await is_noted(parts, scene.carl)


async def test_who_is_deleted_before_the_last_look_does_not_come_in(parts: RoomParts) -> None:
    scene = await set_scene(parts)
    await parts.members.remove_member(scene.den.room_id, scene.carl.user_id)

    class Deletes(Cql):
        """Deletes the account when the row is written."""

        async def write(self, text: str, *values: object) -> None:
            await super().write(text, *values)
            await parts.users.delete_user(scene.carl.user_id, at(3))

    deleting = Deletes()
    deleting.attach(parts.cql.session)
    with pytest.raises(UserNotFound):
        await enter_an_open_room(RoomParts(deleting), scene)

    assert scene.carl.name not in await parts.states(scene.pub.room_id)
    for _ in range(2):
        assert await leaving(parts, scene.carl) == []


async def leaving(parts: RoomParts, user: User) -> list[RoomId]:
    places = await parts.members.leaving(10_000)
    return [room_id for room_id, user_id in places if user_id == user.user_id]


async def is_noted(parts: RoomParts, user: User) -> bool:
    noted = [key.bytes async for (key,) in parts.cql.scan("SELECT user_id FROM leaving_users")]
    return user.user_id in noted


# Several processes


async def test_many_who_enter_at_once_by_several_processes_are_all_in_one_room(
    parts: RoomParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine the last of so many may give up before it is their turn.
    monkeypatch.setattr("store.cassandra.patience.LONGEST_S", 60.0)
    processes = [RoomParts(parts.cql) for _ in range(4)]
    users = [await parts.add_user(f"user {new_number()}") for _ in range(24)]
    name = RoomName(f"crowd {new_number()}")

    async with asyncio.TaskGroup() as group:
        entries = [
            group.create_task(processes[n % 4].members.enter_room(name, user.user_id, NOON, LIMITS))
            for n, user in enumerate([*users, *users])
        ]

    assert (
        sum(entry is not None and entry.joined for entry in map(asyncio.Task.result, entries)) == 24
    )
    room = await parts.rooms.find_named(name)
    assert room is not None
    assert (room.members, room.members_version) == (24, 24)
    await look_for_contradictions(parts, users)
    left = [row async for row in parts.cql.scan("SELECT DISTINCT room_id, name FROM rooms")]
    assert [room_id.bytes for room_id, at_name in left if at_name == name] == [room.room_id]


async def test_one_who_enters_many_rooms_at_once_stays_within_the_limit(parts: RoomParts) -> None:
    ann = await parts.add_user(f"ann {new_number()}")
    number, limits = new_number(), Limits(rooms_per_user=3)

    async def try_to_enter(n: int) -> bool:
        try:
            name = RoomName(f"many {number} {n}")
            return await parts.members.enter_room(name, ann.user_id, NOON, limits) is not None
        except LimitReached:
            return False

    async with asyncio.TaskGroup() as group:
        entries = [group.create_task(try_to_enter(n)) for n in range(12)]

    assert sum(entry.result() for entry in entries) == 3 == len(await parts.rooms_of(ann))


@pytest.mark.parametrize("seed", range(4))
async def test_with_faults_everywhere_counts_lists_and_versions_agree(
    parts: RoomParts, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311
    users = [await parts.add_user(f"user {new_number()}") for _ in range(6)]
    number = new_number()
    names = [RoomName(f"open {number} {n}") for n in range(2)]
    private = [a_private_room(users[n], f"~private {number} {n}") for n in range(2)]
    for room in private:
        await parts.members.add_private_room(room, LIMITS)
    faulty = [FaultyCql(parts.cql, seed=seed * 10 + n, share=0.25) for n in range(3)]
    changes: list[bool | None] = []

    async def live(process: RoomParts, seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311
        for _ in range(12):
            try:
                changes.append(await self_willed(process, chance, users, names, private))
            except StoreUnavailable:
                changes.append(None)

    async with asyncio.TaskGroup() as group:
        for process in map(RoomParts, faulty):
            group.create_task(live(process, chance.randrange(1 << 30)))
    for cql in faulty:
        cql.heal()
        await cql.deliver()

    await look_for_contradictions(parts, users)
    for user in users:
        listed = set(await parts.rooms_of(user))
        rooms = [
            await parts.rooms.find_named(name) for name in [*names, *(r.name for r in private)]
        ]
        inside = {
            room.name
            for room in rooms
            if room is not None
            and await parts.members.membership(room.room_id, user.user_id) is not None
        }
        assert listed == inside
    assert any(changes)


async def self_willed(
    parts: RoomParts,
    chance: random.Random,
    users: list[User],
    names: list[RoomName],
    private: list[Room],
) -> bool:
    """Do something; return whether it changed a room."""
    user, room = chance.choice(users), chance.choice(private)
    match chance.randrange(4):
        case 0:
            name = chance.choice([*names, room.name])
            entry = await parts.members.enter_room(name, user.user_id, NOON, LIMITS)
            return entry is not None and entry.joined
        case 1:
            found = await parts.rooms.find_named(chance.choice(names))
            if found is None:
                return False
            return await parts.members.remove_member(found.room_id, user.user_id) is not None
        case 2:
            return await parts.members.remove_member(room.room_id, user.user_id) is not None
        case _:
            try:
                invited = await parts.members.invite(room.room_id, user.user_id, NOON, LIMITS)
            except RoomNotFound:
                return False
            return invited.is_new
