"""One id names one message for good, on every store: however late, and whoever is first."""

from services.errors import IdReused
from services.model import Draft, Receipt, Room, User
from services.ports import Store
from tests.support.store_samples import (
    Reopen,
    add_private_room,
    add_user,
    append,
    appending,
    draft_for,
    open_room,
)

# More than two buckets of 512, by which other stores cut their log.
MANY = 1_300


async def say_much(store: Store, room: Room, ann: User) -> list[Draft]:
    drafts = [draft_for(room, ann, f"{n}") for n in range(MANY)]
    for start in range(0, MANY, 100):
        await append(store, *drafts[start : start + 100])
    return drafts


async def test_many_messages_later_each_id_still_has_its_first_receipt(store: Store) -> None:
    ann, room = await add_user(store), await open_room(store)
    drafts = await say_much(store, room, ann)
    some = [0, 1, 511, 512, 513, 1023, 1024, MANY - 1]

    outcomes = await append(store, *(drafts[place] for place in some))

    assert outcomes == [Receipt(place + 1, drafts[place].sent_at, new=False) for place in some]
    [after] = await append(store, draft_for(room, ann))
    assert isinstance(after, Receipt)
    assert after.seq == MANY + 1


async def test_many_messages_later_and_after_a_restart_too(store: Store, reopen: Reopen) -> None:
    ann, room = await add_user(store), await open_room(store)
    drafts = await say_much(store, room, ann)

    store = await reopen()
    new = draft_for(room, ann, "new")
    outcomes = await append(store, drafts[0], new, drafts[700], drafts[0]._replace(text="x"))

    assert outcomes[:3] == [
        Receipt(1, drafts[0].sent_at, new=False),
        Receipt(MANY + 1, new.sent_at, new=True),
        Receipt(701, drafts[700].sent_at, new=False),
    ]
    assert isinstance(outcomes[3], IdReused)


async def test_two_appends_at_once_of_an_old_id_get_the_first_receipt_both(store: Store) -> None:
    ann, room = await add_user(store), await open_room(store)
    drafts = await say_much(store, room, ann)
    fresh = [draft_for(room, ann, f"fresh {n}") for n in range(2)]

    one = appending(store, [drafts[3], fresh[0]])
    other = appending(store, [fresh[1], drafts[3]])
    outcomes = [outcome for _, outcome in [*await one, *await other]]

    first = Receipt(4, drafts[3].sent_at, new=False)
    assert outcomes == [
        first,
        Receipt(MANY + 1, fresh[0].sent_at, new=True),
        Receipt(MANY + 2, fresh[1].sent_at, new=True),
        first,
    ]


async def test_two_appends_at_once_of_a_new_id_store_it_once(store: Store) -> None:
    ann, room = await add_user(store), await open_room(store)
    draft = draft_for(room, ann)

    one, other = appending(store, [draft]), appending(store, [draft])

    assert [outcome for _, outcome in [*await one, *await other]] == [
        Receipt(1, draft.sent_at, new=True),
        Receipt(1, draft.sent_at, new=False),
    ]


async def test_one_id_names_a_message_of_each_sender(store: Store) -> None:
    ann, bob, room = await add_user(store), await add_user(store, "bob"), await open_room(store)
    draft = draft_for(room, ann, "of ann")
    other = draft._replace(sender=bob.user_id, text="of bob")

    outcomes = await append(store, draft, other, draft, other)

    assert [(o.seq, o.new) for o in outcomes if isinstance(o, Receipt)] == [
        (1, True),
        (2, True),
        (1, False),
        (2, False),
    ]


async def test_an_id_is_recognised_after_its_sender_left_and_came_again(store: Store) -> None:
    ann, bob = await add_user(store), await add_user(store, "bob")
    room = await add_private_room(store, ann)
    draft = draft_for(room, bob)
    await append(store, draft)
    await store.remove_member(room.room_id, bob.user_id)

    assert await append(store, draft) == [Receipt(1, draft.sent_at, new=False)]
