"""One id names one message for good, on every store: however late, and whoever is first.

What a sender had seen when it first sent an id tells the store from where on to look for it.
"""

from dataclasses import replace
from hashlib import sha256

import pytest

from services.errors import IdReused
from services.model import Draft, MessageId, PublicKey, Receipt, Room, User, UserId
from services.ports import Store
from tests.support.store_samples import (
    NOON,
    Reopen,
    add_private_room,
    add_user,
    append,
    appending,
    draft_for,
    open_room,
    some_user,
)

SENDER = UserId(b"\x5e" * 16)
# Found by looking for it: SHA-256 of the sender and either of them begins with the same 63 bits.
ALIKE = [
    MessageId(b"\x1d" * 8 + bytes.fromhex(x)) for x in ("4a5d2b531280ec3d", "3e0578da5e4c6194")
]

# More than two buckets of 512, by which other stores cut their log.
MANY = 1_300


async def say_much(store: Store, room: Room, ann: User) -> list[Draft]:
    drafts: list[Draft] = []
    for seen in range(0, MANY, 100):
        some = [draft_for(room, ann, f"{seen + n}")._replace(after=seen) for n in range(100)]
        await append(store, *some)
        drafts += some
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


@pytest.mark.parametrize("place", [1, 300, 511, 512, 600])
async def test_a_sender_who_does_not_say_what_it_had_seen_is_known_for_512_messages(
    store: Store, place: int
) -> None:
    ann, room = await add_user(store), await open_room(store)
    await append(store, *(draft_for(room, ann) for _ in range(place)))
    draft = draft_for(room, ann)
    await append(store, draft)
    await append(store, *(draft_for(room, ann) for _ in range(511)))

    outcomes = await append(store, draft, draft._replace(text="another"))

    assert outcomes[0] == Receipt(place + 1, draft.sent_at, new=False)
    assert isinstance(outcomes[1], IdReused)


async def test_a_sender_that_has_seen_what_nobody_else_has_is_known_for_as_long(
    store: Store,
) -> None:
    ann, room = await add_user(store), await open_room(store)
    draft = draft_for(room, ann)._replace(after=10**12)
    await append(store, draft)
    await append(store, *(draft_for(room, ann) for _ in range(511)))

    assert await append(store, draft) == [Receipt(1, draft.sent_at, new=False)]


async def test_a_retry_that_meets_the_next_bucket_gets_its_first_receipt(store: Store) -> None:
    ann, room = await add_user(store), await open_room(store)
    await append(store, *(draft_for(room, ann) for _ in range(510)))
    drafts = [draft_for(room, ann)._replace(after=510) for _ in range(4)]
    first = await append(store, *drafts)

    again = await append(store, *drafts)

    assert [(one.seq, one.new) for one in first if isinstance(one, Receipt)] == [
        (seq, True) for seq in range(511, 515)
    ]
    assert [(one.seq, one.new) for one in again if isinstance(one, Receipt)] == [
        (seq, False) for seq in range(511, 515)
    ]


async def test_ids_with_hashes_that_are_alike_in_63_bits_name_two_messages(store: Store) -> None:
    hashes = {int.from_bytes(sha256(SENDER + one).digest()[:8], "big") >> 1 for one in ALIKE}
    assert len(hashes) == 1
    ann, room = replace(some_user("ann"), user_id=SENDER), await open_room(store)
    await store.add_user(ann, PublicKey(1, "key of ann", NOON))
    one, other = (draft_for(room, ann, f"{n}")._replace(message_id=ALIKE[n]) for n in range(2))

    outcomes = [*await append(store, one), *await append(store, other, one, other)]

    assert [(told.seq, told.new) for told in outcomes if isinstance(told, Receipt)] == [
        (1, True),
        (2, True),
        (1, False),
        (2, False),
    ]
