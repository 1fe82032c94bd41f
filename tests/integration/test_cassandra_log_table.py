"""The table of the log: in Cassandra, and the double in memory that the simulation runs on."""

import asyncio
import os
from collections.abc import Sequence
from hashlib import sha256

import pytest

from services.model import Instant, MessageId, RoomId, UserId, Username
from store.cassandra.buckets import BUCKET_SEQS, bucket_of, last_of
from store.cassandra.heads import Heads
from store.cassandra.log import Conflict, Group, LogTable, Marker, NewMessage, Written
from store.cassandra.log_table import CqlLogTable
from tests.support.cassandra_log import some_room
from tests.support.memory_log_table import MemoryLog, MemoryLogTable

ANN, BOB = UserId(b"a" * 16), UserId(b"b" * 16)
TTL_S = 3600


@pytest.fixture(params=["cassandra", "memory"])
def table(request: pytest.FixtureRequest) -> LogTable:
    if request.param == "memory":
        return MemoryLogTable(MemoryLog())
    cql = request.getfixturevalue("real")
    return CqlLogTable(cql, Heads(cql))


def message(text: str = "hello", sender: UserId = ANN) -> NewMessage:
    mark = (sender, MessageId(os.urandom(16)))
    return NewMessage(mark, Username("ann"), Instant(5), text, sha256(text.encode()).digest())


def marker(seq: int, one: NewMessage) -> Marker:
    return Marker(seq, one.sent_at, one.digest)


def group(room_id: RoomId, after: int, *messages: NewMessage) -> Group:
    return Group(room_id, after, messages, TTL_S)


async def fill(table: LogTable, room_id: RoomId, head: int) -> list[NewMessage]:
    """Write messages up to ``head`` into a room that is empty; return them."""
    written: list[NewMessage] = []
    while len(written) < head:
        after = len(written)
        count = min(head, after + 64, last_of(bucket_of(after + 1))) - after
        some = [message() for _ in range(count)]
        assert await table.write(group(room_id, after, *some)) == Written()
        written += some
    return written


async def test_the_first_group_of_a_room_is_written(table: LogTable) -> None:
    room_id = some_room()

    assert await table.head(room_id) == (0, 1)
    assert await table.write(group(room_id, 0, message(), message())) == Written()
    assert await table.head(room_id) == (2, 1)


async def test_a_group_goes_on_from_the_head_alone_and_is_told_where_that_is(
    table: LogTable,
) -> None:
    room_id = some_room()
    await fill(table, room_id, 3)

    for after in (0, 2, 4):
        assert await table.write(group(room_id, after, message())) == Conflict(3, {})
    assert await table.head(room_id) == (3, 1)
    assert await table.write(group(room_id, 3, message())) == Written()


async def test_a_group_with_a_known_mark_is_refused_as_a_whole_and_shown_what_is_there(
    table: LogTable,
) -> None:
    room_id = some_room()
    first, second = await fill(table, room_id, 2)
    other = first._replace(text="other", digest=bytes(32))

    for after in (2, 1):
        answer = await table.write(group(room_id, after, message(), other, second))
        assert answer == Conflict(2, {first.mark: marker(1, first), second.mark: marker(2, second)})
    assert await table.head(room_id) == (2, 1)


async def test_the_same_id_of_another_sender_is_not_known(table: LogTable) -> None:
    room_id = some_room()
    [first] = await fill(table, room_id, 1)
    other = first._replace(mark=(BOB, first.mark[1]))

    assert await table.write(group(room_id, 1, other)) == Written()


async def test_a_group_that_was_written_is_found_when_it_is_sent_again(table: LogTable) -> None:
    room_id = some_room()
    mine = group(room_id, 0, message("1"), message("2"))
    await table.write(mine)
    await table.write(group(room_id, 2, message("3")))

    answer = await table.write(mine)

    assert isinstance(answer, Conflict)
    assert answer.head == 3
    assert mine.is_among(answer.markers)
    twin = [one._replace(sent_at=Instant(6)) for one in mine.messages]
    assert not group(room_id, 0, *twin).is_among(answer.markers)
    assert not group(room_id, 1, *mine.messages).is_among(answer.markers)


async def test_the_next_bucket_begins_empty(table: LogTable) -> None:
    room_id = some_room()
    await fill(table, room_id, BUCKET_SEQS)

    assert await table.write(group(room_id, BUCKET_SEQS + 1, message())) == Conflict(None, {})
    assert await table.write(group(room_id, BUCKET_SEQS, message())) == Written()
    assert await table.write(group(room_id, BUCKET_SEQS, message())) == Conflict(
        BUCKET_SEQS + 1, {}
    )
    assert await table.head(room_id) == (BUCKET_SEQS + 1, 1)


async def test_of_many_groups_at_once_one_goes_on(table: LogTable) -> None:
    room_id = some_room()
    await fill(table, room_id, 1)

    async with asyncio.TaskGroup() as writers:
        tries = [writers.create_task(table.write(group(room_id, 1, message()))) for _ in range(8)]

    answers = [one.result() for one in tries]
    assert answers.count(Written()) == 1
    assert await table.head(room_id) == (2, 1)


async def test_the_marks_of_a_full_bucket_name_its_messages(table: LogTable) -> None:
    room_id = some_room()
    written = await fill(table, room_id, BUCKET_SEQS + 2)
    wanted = [written[0], written[300], written[BUCKET_SEQS - 1]]
    elsewhere: Sequence[NewMessage] = [written[BUCKET_SEQS], message()]

    found = await table.markers(room_id, 0, [one.mark for one in (*wanted, *elsewhere)])

    assert found == {one.mark: marker(written.index(one) + 1, one) for one in wanted}


async def test_the_head_is_found_behind_what_is_recorded(table: LogTable) -> None:
    room_id = some_room()
    await fill(table, room_id, 2 * BUCKET_SEQS)
    for recorded in (0, 5, BUCKET_SEQS, 2 * BUCKET_SEQS, 7):
        await table.record(room_id, recorded)
        assert await table.head(room_id) == (2 * BUCKET_SEQS, 1)

    assert await table.recorded(room_id) == (2 * BUCKET_SEQS, 1)
