"""What is kept of a room and for how long, on every store."""

from collections.abc import Sequence
from dataclasses import replace

from services.limits import Limits
from services.model import (
    Draft,
    Instant,
    LoggedMessage,
    Receipt,
    Room,
    RoomId,
    RoomName,
    User,
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
)

HOUR_S = 3600
HOUR_MS = HOUR_S * 1000
FOR_GOOD = Limits(retention_s=10**9, retention_messages=10**6)


def counting(messages: int) -> Limits:
    """Return limits by which that many messages are kept, however old."""
    return Limits(retention_s=10**9, retention_messages=messages)


def ageing(seconds: int) -> Limits:
    """Return limits by which messages are kept for that long, however many."""
    return Limits(retention_s=seconds, retention_messages=10**6)


async def enforce(store: Store, now: Instant, limits: Limits) -> int:
    """Do all that is due; return how much that was."""
    done = 0
    while part := await store.enforce_retention(now, limits):
        done += part
    return done


async def say(
    store: Store, room: Room, ann: User, count: int, sent_at: Instant = NOON
) -> list[Draft]:
    drafts = [draft_for(room, ann, f"{n}")._replace(sent_at=sent_at) for n in range(count)]
    await append(store, *drafts)
    return drafts


async def seqs(store: Store, room_id: RoomId) -> list[int]:
    return seqs_of(await store.messages_after(room_id, 0, 1_000_000, 1 << 30))


def seqs_of(messages: Sequence[LoggedMessage]) -> list[int]:
    return [message.seq for message in messages]


async def now(store: Store, room: Room) -> Room:
    found = await store.room(room.room_id)
    assert found is not None
    return found


async def test_nothing_is_done_where_nothing_is_due(store: Store) -> None:
    ann = await add_user(store)
    room = (await enter(store, "tea", ann)).room
    await say(store, room, ann, 5)

    assert await enforce(store, NOON, LIMITS) == 0

    assert await seqs(store, room.room_id) == [1, 2, 3, 4, 5]
    assert (await now(store, room)).floor == 1


async def test_the_newest_messages_are_kept_up_to_the_count(store: Store) -> None:
    ann = await add_user(store)
    room = (await enter(store, "tea", ann)).room
    await say(store, room, ann, 10)
    assert await enforce(store, NOON, counting(10)) == 0

    assert await enforce(store, NOON, counting(4)) > 0

    assert await seqs(store, room.room_id) == [7, 8, 9, 10]
    found = await now(store, room)
    assert (found.floor, found.head) == (7, 10)
    assert await enforce(store, NOON, counting(4)) == 0


async def test_messages_are_kept_until_they_are_older_than_the_age(store: Store) -> None:
    ann = await add_user(store)
    room = (await enter(store, "tea", ann)).room
    await say(store, room, ann, 3, at(0))
    await say(store, room, ann, 2, at(1))
    limits = ageing(HOUR_S)

    assert await enforce(store, at(HOUR_MS), limits) == 0
    assert await enforce(store, at(HOUR_MS + 1), limits) > 0

    assert await seqs(store, room.room_id) == [4, 5]
    found = await now(store, room)
    assert (found.floor, found.head) == (4, 5)


async def test_a_room_of_which_nothing_is_kept_goes_on_from_its_head(store: Store) -> None:
    ann = await add_user(store)
    room = (await enter(store, "tea", ann)).room
    await say(store, room, ann, 5)

    await enforce(store, at(HOUR_MS + 1), ageing(HOUR_S))

    found = await now(store, room)
    assert (found.head, found.floor, found.epoch) == (5, 6, room.epoch)
    assert await seqs(store, room.room_id) == []
    entry = await enter(store, "tea", await add_user(store, "bob"))
    assert entry.membership.joined_seq == 5
    [outcome] = await append(store, draft_for(room, ann))
    assert isinstance(outcome, Receipt)
    assert outcome.seq == 6


async def test_a_head_is_not_forgotten_when_the_store_is_opened_again(
    store: Store, reopen: Reopen
) -> None:
    ann = await add_user(store)
    room = (await enter(store, "tea", ann)).room
    await say(store, room, ann, 5)
    await enforce(store, at(HOUR_MS + 1), ageing(HOUR_S))

    store = await reopen()

    [outcome] = await append(store, draft_for(room, ann))
    assert isinstance(outcome, Receipt)
    assert outcome.seq == 6
    assert await seqs(store, room.room_id) == [6]


async def test_a_floor_is_never_lowered(store: Store) -> None:
    ann = await add_user(store)
    room = (await enter(store, "tea", ann)).room
    await say(store, room, ann, 10)
    await enforce(store, NOON, counting(2))

    assert await enforce(store, NOON, FOR_GOOD) == 0

    assert (await now(store, room)).floor == 9


async def test_a_rooms_own_retention_is_what_counts_for_it(store: Store) -> None:
    ann = await add_user(store)
    short = await add_private_room(store, ann, retention_messages=2)
    long = await add_private_room(store, ann, retention_messages=8)
    old = await add_private_room(store, ann, retention_s=3 * HOUR_S)
    for room in (short, long, old):
        await say(store, room, ann, 9)

    limits = Limits(retention_messages=5, retention_s=2 * HOUR_S)
    await enforce(store, NOON, limits)

    assert len(await seqs(store, short.room_id)) == 2
    assert len(await seqs(store, long.room_id)) == 8
    assert len(await seqs(store, old.room_id)) == 5

    await enforce(store, at(2 * HOUR_MS + 1), limits)

    assert await seqs(store, short.room_id) == await seqs(store, long.room_id) == []
    assert len(await seqs(store, old.room_id)) == 5


async def test_many_messages_and_rooms_are_done_in_many_parts(store: Store) -> None:
    ann = await add_user(store)
    rooms = [(await enter(store, f"room {n}", ann)).room for n in range(410)]
    for room in rooms[::40]:
        await say(store, room, ann, 300)

    await enforce(store, NOON, counting(3))

    for room in rooms:
        expected = [298, 299, 300] if room in rooms[::40] else []
        assert await seqs(store, room.room_id) == expected


async def test_an_old_message_behind_a_newer_one_waits_for_it(store: Store) -> None:
    ann = await add_user(store)
    room = (await enter(store, "tea", ann)).room
    await say(store, room, ann, 1, at(HOUR_MS))
    await say(store, room, ann, 1, at(0))

    await enforce(store, at(HOUR_MS + 1), ageing(HOUR_S))

    assert await seqs(store, room.room_id) == [1, 2]


async def test_more_old_messages_than_are_looked_at_in_one_go_all_go(store: Store) -> None:
    ann = await add_user(store)
    room = (await enter(store, "tea", ann)).room
    await say(store, room, ann, 4_500)
    await say(store, room, ann, 2, at(HOUR_MS))

    await enforce(store, at(HOUR_MS + 1), ageing(HOUR_S))

    assert await seqs(store, room.room_id) == [4501, 4502]


async def test_pages_begin_at_the_floor(store: Store) -> None:
    ann = await add_user(store)
    room = (await enter(store, "tea", ann)).room
    await say(store, room, ann, 10)
    await enforce(store, NOON, counting(5))
    room_id = room.room_id

    assert seqs_of(await store.messages_after(room_id, 0, 3, 1000)) == [6, 7, 8]
    assert seqs_of(await store.messages_after(room_id, 6, 3, 1000)) == [7, 8, 9]
    assert seqs_of(await store.messages_before(room_id, None, 1, 100, 1000)) == [6, 7, 8, 9, 10]
    assert seqs_of(await store.messages_before(room_id, 7, 1, 100, 1000)) == [6]
    assert seqs_of(await store.messages_before(room_id, 6, 1, 100, 1000)) == []


async def test_a_retry_of_what_is_kept_has_its_receipt_whatever_was_deleted(store: Store) -> None:
    ann = await add_user(store)
    room = (await enter(store, "tea", ann)).room
    drafts = await say(store, room, ann, 10)
    await enforce(store, NOON, counting(5))

    outcomes = await append(store, *drafts[5:])

    assert outcomes == [Receipt(seq, NOON, new=False) for seq in range(6, 11)]


async def test_messages_of_deleted_accounts_keep_their_senders_name(store: Store) -> None:
    ann = await add_user(store)
    room = (await enter(store, "tea", ann)).room
    await say(store, room, ann, 1)
    await store.delete_user(ann.user_id, at(1))

    await enforce(store, NOON, LIMITS)

    [message] = await store.messages_after(room.room_id, 0, 10, 1000)
    assert message.sender == "ann"


# Rooms that go


async def test_an_open_room_with_neither_members_nor_messages_is_deleted(store: Store) -> None:
    ann = await add_user(store)
    room = (await enter(store, "tea", ann)).room
    await say(store, room, ann, 3)
    await store.remove_member(room.room_id, ann.user_id)

    assert await enforce(store, NOON, ageing(HOUR_S)) == 0
    assert await store.room(room.room_id) is not None
    await enforce(store, at(HOUR_MS + 1), ageing(HOUR_S))

    assert await store.room(room.room_id) is None
    assert await store.room_named(RoomName("tea")) is None
    again = (await enter(store, "tea", ann)).room
    assert again.room_id != room.room_id
    assert (again.head, again.floor) == (0, 1)
    [outcome] = await append(store, draft_for(again, ann))
    assert isinstance(outcome, Receipt)
    assert outcome.seq == 1


async def test_a_room_with_members_stays_without_messages(store: Store) -> None:
    ann = await add_user(store)
    opened = (await enter(store, "tea", ann)).room
    private = await add_private_room(store, ann)

    assert await enforce(store, at(HOUR_MS + 1), ageing(HOUR_S)) == 0

    assert await store.room(opened.room_id) == opened
    assert await store.room(private.room_id) is not None


async def test_a_message_for_a_room_that_was_deleted_by_retention_is_refused(
    store: Store,
) -> None:
    ann = await add_user(store)
    room = (await enter(store, "tea", ann)).room
    await say(store, room, ann, 3)
    await store.remove_member(room.room_id, ann.user_id)
    await enforce(store, at(HOUR_MS + 1), ageing(HOUR_S))

    [outcome] = await append(store, draft_for(room, ann))

    assert not isinstance(outcome, Receipt)


async def test_what_was_said_in_deleted_rooms_is_work_until_it_is_gone(store: Store) -> None:
    ann = await add_user(store)
    rooms = [await add_private_room(store, ann) for _ in range(3)]
    kept = await add_private_room(store, ann)
    for room in [*rooms, kept]:
        await say(store, room, ann, 250)
    for room in rooms:
        await store.delete_room(room.room_id)

    await enforce(store, NOON, LIMITS)

    assert await enforce(store, NOON, LIMITS) == 0
    assert await seqs(store, kept.room_id) == list(range(1, 251))


# Restored


async def test_every_room_gets_another_epoch_and_is_the_same_otherwise(store: Store) -> None:
    ann = await add_user(store)
    opened = (await enter(store, "tea", ann)).room
    private = await add_private_room(store, ann, retention_messages=3)
    await say(store, private, ann, 5)
    await enforce(store, NOON, LIMITS)
    before = [await now(store, room) for room in (opened, private)]

    assert await store.begin_epochs() == 2

    after = [await now(store, room) for room in (opened, private)]
    assert len({room.epoch for room in before + after}) == 4
    assert [replace(room, epoch=old.epoch) for room, old in zip(after, before, strict=True)] == (
        before
    )
    [outcome] = await append(store, draft_for(private, ann))
    assert isinstance(outcome, Receipt)
    assert outcome.seq == 6
    assert await seqs(store, private.room_id) == [3, 4, 5, 6]


async def test_a_new_epoch_outlives_the_process(store: Store, reopen: Reopen) -> None:
    room = (await enter(store, "tea", await add_user(store))).room
    await store.begin_epochs()
    begun = await now(store, room)

    store = await reopen()

    assert await now(store, room) == begun
    assert begun.epoch != room.epoch


async def test_a_store_without_rooms_begins_no_epochs(store: Store) -> None:
    assert await store.begin_epochs() == 0
