"""Rooms and their log, on every store."""

import asyncio
import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from services.errors import IdReused, IloError, InvalidInput, StoreUnavailable
from services.limits import Limits
from services.model import (
    Instant,
    LoggedMessage,
    MessageId,
    Receipt,
    Room,
    RoomId,
    RoomName,
    UserId,
)
from services.ports import Appended, Store
from tests.support.store_samples import (
    NOON,
    Reopen,
    add_user,
    append,
    appending,
    draft_for,
    open_room,
)

ALL_BYTES = 1024 * 1024 * 1024
MESSAGE_BYTES = 256 * 1024


async def all_messages(store: Store, room: Room) -> list[LoggedMessage]:
    return await store.messages_after(room.room_id, 0, 1_000_000, ALL_BYTES)


async def texts(store: Store, room: Room) -> list[str]:
    return [message.text for message in await all_messages(store, room)]


def seqs(outcomes: Sequence[Receipt | IloError]) -> list[int]:
    """Return each ``seq``; fails unless all are receipts of new messages."""
    found = []
    for outcome in outcomes:
        assert isinstance(outcome, Receipt)
        assert outcome.new
        found.append(outcome.seq)
    return found


def seqs_told(outcomes: Sequence[Appended]) -> list[int]:
    return seqs([outcome for _, outcome in outcomes])


# Rooms


async def test_a_new_room_is_empty(store: Store) -> None:
    room = await open_room(store, "tea")

    assert (room.name, room.head) == ("tea", 0)
    assert await all_messages(store, room) == []


async def test_a_room_opened_again_is_the_same(store: Store) -> None:
    room, ann = await open_room(store), await add_user(store)
    await append(store, draft_for(room, ann), draft_for(room, ann))

    again = await open_room(store)

    assert again == replace(room, head=2)


async def test_many_who_open_a_room_at_once_get_the_same(store: Store) -> None:
    async with asyncio.TaskGroup() as group:
        opens = [group.create_task(open_room(store)) for _ in range(50)]

    assert len({o.result() for o in opens}) == 1


async def test_rooms_have_identifiers_of_16_bytes_of_their_own(store: Store) -> None:
    rooms = [await open_room(store, name) for name in ("tea", "Tea", "te\u00e1", "\U0001f375")]

    identifiers = {i for room in rooms for i in (room.room_id, room.epoch)}
    assert len(identifiers) == 2 * len(rooms)
    assert {len(identifier) for identifier in identifiers} == {16}


async def test_a_room_and_its_head_stay_when_the_store_is_opened_again(
    store: Store, reopen: Reopen
) -> None:
    room, ann = await open_room(store), await add_user(store)
    await append(store, *(draft_for(room, ann) for _ in range(7)))

    store = await reopen()

    assert await open_room(store) == replace(room, head=7)


# Order


async def test_messages_are_numbered_densely_from_one(store: Store) -> None:
    room, ann = await open_room(store), await add_user(store)

    first = await append(store, *(draft_for(room, ann) for _ in range(3)))
    second = await append(store, *(draft_for(room, ann) for _ in range(2)))

    assert seqs(first) + seqs(second) == [1, 2, 3, 4, 5]


async def test_numbering_goes_on_when_the_store_is_opened_again(
    store: Store, reopen: Reopen
) -> None:
    room, ann = await open_room(store), await add_user(store)
    await append(store, *(draft_for(room, ann) for _ in range(3)))

    store = await reopen()

    # Without open_room: the drafts may come first.
    assert seqs(await append(store, draft_for(room, ann))) == [4]


async def test_a_message_is_read_as_it_was_appended(store: Store) -> None:
    room, ann = await open_room(store), await add_user(store, "ann")
    draft = draft_for(room, ann, "hello")

    [outcome] = await append(store, draft)

    assert outcome == Receipt(1, draft.sent_at, new=True)
    assert await all_messages(store, room) == [
        LoggedMessage(1, draft.message_id, ann.name, draft.sent_at, "hello")
    ]


async def test_the_drafts_of_one_call_keep_their_order_in_each_of_many_rooms(
    store: Store,
) -> None:
    ann = await add_user(store)
    rooms = [await open_room(store, f"room {n}") for n in range(20)]
    drafts = [draft_for(room, ann, f"{n}") for n in range(10) for room in rooms]

    outcomes = await append(store, *drafts)

    assert all(isinstance(outcome, Receipt) for outcome in outcomes)
    for room in rooms:
        assert await texts(store, room) == [str(n) for n in range(10)]


async def test_outcomes_of_a_room_are_told_in_order_each_to_its_listener(
    store: Store,
) -> None:
    ann = await add_user(store)
    room, other = await open_room(store, "tea"), await open_room(store, "pub")
    told: list[int] = []
    finished = asyncio.get_running_loop().create_future()

    def listener(number: int) -> Callable[[Sequence[Appended]], None]:
        def done(outcomes: Sequence[Appended]) -> None:
            assert {draft.origin for draft, _ in outcomes} == {number}
            told.extend(
                seq
                for (draft, _), seq in zip(outcomes, seqs_told(outcomes), strict=True)
                if draft.room_id == room.room_id
            )
            if len(told) == 300:
                finished.set_result(None)

        return done

    listeners = [listener(number) for number in range(3)]
    for n in range(300):
        drafts = [draft_for(r, ann)._replace(origin=n % 3) for r in (other, room)]
        store.append(drafts, listeners[n % 3])
    async with asyncio.timeout(10):
        await finished

    assert told == list(range(1, 301))


async def test_writers_at_once_leave_neither_gap_nor_double(store: Store) -> None:
    users = [await add_user(store, f"user {n}") for n in range(20)]
    rooms = [await open_room(store, f"room {n}") for n in range(5)]
    received: dict[RoomId, list[int]] = defaultdict(list)

    async def write(writer: int) -> None:
        for n in range(25):
            room = rooms[(writer + n) % len(rooms)]
            draft = draft_for(room, users[writer], f"{writer} {n}")
            received[room.room_id] += seqs(await append(store, draft))

    async with asyncio.TaskGroup() as group:
        for writer in range(len(users)):
            group.create_task(write(writer))

    for room in rooms:
        log = await all_messages(store, room)
        assert [message.seq for message in log] == list(range(1, 101))
        assert sorted(received[room.room_id]) == list(range(1, 101))
        for user in users:
            mine = [int(m.text.split()[1]) for m in log if m.sender == user.name]
            assert mine == sorted(mine)


async def test_a_call_of_many_thousand_drafts_is_stored_in_order(store: Store) -> None:
    ann, room = await add_user(store), await open_room(store)
    drafts = [draft_for(room, ann, f"{n}") for n in range(9_001)]

    outcomes = await append(store, *drafts)

    assert seqs(outcomes) == list(range(1, 9_002))
    assert await texts(store, room) == [str(n) for n in range(9_001)]


async def test_the_caller_may_use_its_list_again_at_once(store: Store) -> None:
    ann, room = await add_user(store), await open_room(store)
    drafts = [draft_for(room, ann, "kept")]

    store.append(drafts, lambda outcomes: None)
    drafts[0] = draft_for(room, ann, "changed")
    drafts.append(draft_for(room, ann, "added"))
    await append(store, draft_for(room, ann, "last"))

    assert await texts(store, room) == ["kept", "last"]


async def test_no_drafts_are_no_call(store: Store) -> None:
    ann, room = await add_user(store), await open_room(store)
    calls: list[Sequence[Appended]] = []

    store.append([], calls.append)
    await append(store, draft_for(room, ann))

    assert calls == []


async def test_append_tells_nothing_before_it_returns(store: Store) -> None:
    ann, room = await add_user(store), await open_room(store)

    outcomes = appending(store, [draft_for(room, ann)])

    assert not outcomes.done()
    await outcomes


async def test_a_listener_that_fails_does_not_keep_the_others_from_theirs(
    store: Store,
) -> None:
    ann, room = await add_user(store), await open_room(store)
    reported: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(repr(context)))

    def fails(outcomes: Sequence[Appended]) -> None:
        raise RuntimeError("a bug of the listener")

    others = []
    # Many, so that some share a commit.
    for _ in range(20):
        store.append([draft_for(room, ann)], fails)
        others.append(appending(store, [draft_for(room, ann)]))

    assert [seqs_told(await other) for other in others] == [[n] for n in range(2, 41, 2)]
    # Neighbours may have been told, and have failed, in one call.
    assert 1 <= len(reported) <= 20
    assert all("a bug of the listener" in report for report in reported)


async def test_the_callers_own_is_handed_back_untouched(store: Store) -> None:
    ann, room = await add_user(store), await open_room(store)
    mine = object()
    draft = draft_for(room, ann)._replace(origin=mine, after=3)

    [(told, _)] = await appending(store, [draft])

    assert told.origin is mine
    assert told == draft


# Messages that are there already


async def test_a_message_sent_again_gets_its_first_receipt(store: Store) -> None:
    ann, room = await add_user(store), await open_room(store)
    draft = draft_for(room, ann)
    await append(store, draft_for(room, ann), draft)
    later = draft._replace(sent_at=Instant(draft.sent_at + 9), after=1)

    [outcome] = await append(store, later)

    assert outcome == Receipt(2, draft.sent_at, new=False)
    assert len(await all_messages(store, room)) == 2


async def test_a_message_sent_twice_in_one_call_is_stored_once(store: Store) -> None:
    ann, room = await add_user(store), await open_room(store)
    draft = draft_for(room, ann)
    between = draft_for(room, ann)
    later = draft._replace(sent_at=Instant(draft.sent_at + 9))

    outcomes = await append(store, draft, between, later)

    assert outcomes == [
        Receipt(1, draft.sent_at, new=True),
        Receipt(2, between.sent_at, new=True),
        Receipt(1, draft.sent_at, new=False),
    ]
    assert [m.seq for m in await all_messages(store, room)] == [1, 2]


async def test_a_message_sent_by_many_at_once_is_stored_once(store: Store) -> None:
    ann, room = await add_user(store), await open_room(store)
    draft = draft_for(room, ann)

    async with asyncio.TaskGroup() as group:
        tries = [group.create_task(append(store, draft)) for _ in range(20)]

    outcomes = [outcome for t in tries for outcome in t.result()]
    assert outcomes.count(Receipt(1, draft.sent_at, new=True)) == 1
    assert outcomes.count(Receipt(1, draft.sent_at, new=False)) == 19
    assert len(await all_messages(store, room)) == 1


async def test_a_message_sent_again_after_a_restart_gets_its_first_receipt(
    store: Store, reopen: Reopen
) -> None:
    ann, room = await add_user(store), await open_room(store)
    drafts = [draft_for(room, ann, f"{n}") for n in range(3)]
    await append(store, *drafts)

    store = await reopen()
    fresh = draft_for(room, ann, "fresh")
    outcomes = await append(store, drafts[1], fresh, drafts[0])

    assert outcomes == [
        Receipt(2, drafts[1].sent_at, new=False),
        Receipt(4, fresh.sent_at, new=True),
        Receipt(1, drafts[0].sent_at, new=False),
    ]
    assert await texts(store, room) == ["0", "1", "2", "fresh"]


async def test_a_message_sent_again_much_later_gets_its_first_receipt(
    store: Store,
) -> None:
    ann, room = await add_user(store), await open_room(store)
    draft = draft_for(room, ann)._replace(after=0)
    await append(store, draft)
    for _ in range(6):
        await append(store, *(draft_for(room, ann) for _ in range(200)))

    outcomes = await append(store, draft, draft)

    assert outcomes == [Receipt(1, draft.sent_at, new=False)] * 2


@pytest.mark.parametrize("together", [True, False])
async def test_an_id_used_for_another_text_is_refused_and_takes_no_number(
    store: Store, together: bool
) -> None:
    ann, room = await add_user(store), await open_room(store)
    draft = draft_for(room, ann, "first")
    other, last = draft._replace(text="other"), draft_for(room, ann, "last")

    if together:
        outcomes = await append(store, draft, other, last)
    else:
        outcomes = await append(store, draft) + await append(store, other, last)

    assert isinstance(outcomes[1], IdReused)
    assert seqs([outcomes[0], outcomes[2]]) == [1, 2]
    assert await texts(store, room) == ["first", "last"]


async def test_the_same_id_of_another_sender_or_in_another_room_is_another_message(
    store: Store,
) -> None:
    ann, bob = await add_user(store, "ann"), await add_user(store, "bob")
    tea, pub = await open_room(store, "tea"), await open_room(store, "pub")
    draft = draft_for(tea, ann)

    outcomes = await append(
        store,
        draft,
        draft._replace(sender=bob.user_id, text="bob's"),
        draft._replace(room_id=pub.room_id, text="at the pub"),
    )

    assert seqs(outcomes) == [1, 2, 1]


async def test_a_message_sent_again_disturbs_no_other_of_its_call(store: Store) -> None:
    ann = await add_user(store)
    rooms = [await open_room(store, f"room {n}") for n in range(5)]
    old = [draft_for(room, ann, "old") for room in rooms]
    await append(store, *old)
    new = [draft_for(room, ann, "new") for room in rooms]

    outcomes = await append(store, *(d for pair in zip(old, new, strict=True) for d in pair))

    assert [o.new for o in outcomes if isinstance(o, Receipt)] == [False, True] * 5
    assert seqs(outcomes[1::2]) == [2] * 5
    for room in rooms:
        assert await texts(store, room) == ["old", "new"]


# What cannot be stored


async def test_a_draft_for_nobodys_room_or_sender_is_refused_alone(store: Store) -> None:
    ann, room = await add_user(store), await open_room(store)
    good = draft_for(room, ann)

    outcomes = await append(
        store,
        good._replace(room_id=RoomId(bytes(16))),
        good._replace(sender=UserId(bytes(16))),
        good,
    )

    assert isinstance(outcomes[0], InvalidInput)
    assert isinstance(outcomes[1], InvalidInput)
    assert outcomes[2] == Receipt(1, good.sent_at, new=True)


async def test_half_a_surrogate_pair_is_refused_alone(store: Store) -> None:
    ann, room = await add_user(store), await open_room(store)

    outcomes = await append(
        store,
        draft_for(room, ann, "first"),
        draft_for(room, ann, "\ud83c"),
        draft_for(room, ann, "last"),
    )

    assert isinstance(outcomes[1], InvalidInput)
    assert "\ud83c" not in str(outcomes[1])
    assert seqs([outcomes[0], outcomes[2]]) == [1, 2]
    assert await texts(store, room) == ["first", "last"]


# Texts


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0",
        "a\0b",
        "gr\u00fc\u00df dich",
        "\U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f375",
        "e\u0301 is not \u00e9",
        "\u202eright to left",
        '{"type":"message"}\r\n\u2028',
        "'; DROP TABLE log; --",
    ],
)
async def test_texts_come_back_as_they_went_in(store: Store, text: str) -> None:
    ann, room = await add_user(store), await open_room(store)
    draft = draft_for(room, ann, text)
    await append(store, draft)

    assert await texts(store, room) == [text]
    assert await append(store, draft) == [Receipt(1, draft.sent_at, new=False)]


@pytest.mark.parametrize("character", ["x", "\u00e9", "\U0001f375"])
async def test_the_longest_texts_come_back_as_they_went_in(store: Store, character: str) -> None:
    ann, room = await add_user(store), await open_room(store)
    text = character * (MESSAGE_BYTES // len(character.encode()))
    # More than one group's worth.
    drafts = [draft_for(room, ann, text) for _ in range(70)]

    outcomes = await append(store, *drafts)

    assert seqs(outcomes) == list(range(1, 71))
    page = await store.messages_after(room.room_id, 0, 100, ALL_BYTES)
    assert [message.text == text for message in page] == [True] * 70


# Pages


@pytest.fixture
async def room_of_ten(store: Store) -> Room:
    """Ten messages of ten bytes each: "0.........", "1........." and so on."""
    ann, room = await add_user(store), await open_room(store)
    await append(store, *(draft_for(room, ann, f"{n}".ljust(10, ".")) for n in range(10)))
    return room


@pytest.mark.parametrize(
    ("after", "limit", "max_bytes", "expected"),
    [
        (0, 100, 1000, range(1, 11)),
        (0, 3, 1000, range(1, 4)),
        (4, 3, 1000, range(5, 8)),
        (9, 3, 1000, range(10, 11)),
        (10, 3, 1000, range(0)),
        (99, 3, 1000, range(0)),
        (0, 100, 30, range(1, 4)),
        (0, 100, 29, range(1, 3)),
        (5, 100, 20, range(6, 8)),
        (5, 100, 1, range(6, 7)),
        (5, 100, 0, range(6, 7)),
    ],
)
async def test_a_page_ends_at_its_limits(
    store: Store,
    room_of_ten: Room,
    after: int,
    limit: int,
    max_bytes: int,
    expected: range,
) -> None:
    page = await store.messages_after(room_of_ten.room_id, after, limit, max_bytes)

    assert [message.seq for message in page] == list(expected)


async def test_a_pages_bytes_are_those_of_utf_8(store: Store) -> None:
    ann, room = await add_user(store), await open_room(store)
    await append(store, *(draft_for(room, ann, "\U0001f375") for _ in range(3)))

    seven = await store.messages_after(room.room_id, 0, 10, 7)
    eight = await store.messages_after(room.room_id, 0, 10, 8)

    assert (len(seven), len(eight)) == (1, 2)


async def test_a_page_is_of_its_room_only(store: Store, room_of_ten: Room) -> None:
    other = await open_room(store, "other")

    assert await store.messages_after(other.room_id, 0, 100, 1000) == []
    assert await store.messages_after(RoomId(os.urandom(16)), 0, 100, 1000) == []


async def test_what_was_told_is_there_to_read(store: Store) -> None:
    ann, room = await add_user(store), await open_room(store)

    for n in range(1, 30):
        [outcome] = await append(store, draft_for(room, ann))
        page = await store.messages_after(room.room_id, n - 1, 10, 1000)
        assert isinstance(outcome, Receipt)
        assert [message.seq for message in page] == [outcome.seq]


# The end


async def test_a_store_that_works_says_so(store: Store) -> None:
    await store.check()


async def test_closing_finishes_what_was_begun(store: Store) -> None:
    ann, room = await add_user(store), await open_room(store)
    drafts = [draft_for(room, ann) for _ in range(100)]
    outcomes = appending(store, drafts)

    await store.close()

    assert outcomes.done()
    assert seqs([outcome for _, outcome in outcomes.result()]) == list(range(1, 101))


async def test_a_store_may_be_closed_twice_and_at_once(store: Store) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(store.close())
        group.create_task(store.close())
    await store.close()


async def test_a_closed_store_says_that_it_is_unavailable(store: Store) -> None:
    ann, room = await add_user(store), await open_room(store)
    await store.close()

    outcomes = await append(store, draft_for(room, ann), draft_for(room, ann))

    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 2
    with pytest.raises(StoreUnavailable):
        await store.check()
    with pytest.raises(StoreUnavailable):
        await store.user_named("ann")
    with pytest.raises(StoreUnavailable):
        await add_user(store, "bob")
    with pytest.raises(StoreUnavailable):
        await store.messages_after(room.room_id, 0, 10, 1000)
    with pytest.raises(StoreUnavailable):
        await store.enter_room(RoomName("tea"), ann.user_id, NOON, Limits())


async def test_one_id_may_serve_in_every_room_at_once(store: Store) -> None:
    ann = await add_user(store)
    rooms = [await open_room(store, f"room {n}") for n in range(200)]
    message_id = MessageId(os.urandom(16))

    outcomes = await append(
        store, *(draft_for(room, ann)._replace(message_id=message_id) for room in rooms)
    )

    assert seqs(outcomes) == [1] * 200


async def test_a_group_of_the_longest_texts_at_once_is_stored_in_order(store: Store) -> None:
    ann, room = await add_user(store), await open_room(store)
    text = "x" * (MESSAGE_BYTES - 2)
    drafts = [draft_for(room, ann, f"{n:02}{text}") for n in range(64)]

    outcomes = await append(store, *drafts)

    assert seqs(outcomes) == list(range(1, 65))
    assert [one[:2] for one in await texts(store, room)] == [f"{n:02}" for n in range(64)]
