"""Every table of the Cassandra store, by what the driver knows of it and by what is in it.

No partition grows without a bound: what bounds it is said here for each table.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from services.errors import LimitReached
from services.model import Receipt, RoomName
from store.cassandra.connection import Connection
from store.cassandra.rooms import CHANGES_KEPT
from store.cassandra.settings import CassandraSettings
from store.cassandra.store import CassandraStore
from tests.support.store_samples import (
    LIMITS,
    NOON,
    add_private_room,
    add_user,
    append,
    draft_for,
    enter,
    open_room,
)
from tests.support.two_stores import until_ready

if TYPE_CHECKING:
    from tests.support.cassandra.keyspaces import Keyspace

ONE_ROW = {
    "schema_version",
    "api_keys",
    "user_names",
    "users",
    "sessions",
    "tickets",
    "room_names",
    "leaving_users",
    "deleted_rooms",
    "room_heads",
    "checks",
}
"""Tables whose partitions are one row: their key is one thing's."""
SEVERAL_ROWS = {
    "rooms": "members_per_open_room, or members_per_private_room with those invited",
    "rooms_by_user": "rooms_per_user and invitations_per_user",
    "room_log": "512 messages and 512 markers",
}
"""All others, and what bounds their partitions."""
BOUNDED_TYPES = {
    "bigint",
    "blob",
    "boolean",
    "int",
    "text",
    "tinyint",
    "uuid",
    "frozen<list<uuid>>",
}
"""A collection that is not frozen would be rows of its own."""
BUCKET_MESSAGES = 512
MESSAGES = 1_100
MANY = 100


def settings_of(place: "Keyspace") -> CassandraSettings:
    return CassandraSettings(place.contact_points, place.port, place.name)


@pytest.fixture
async def store(keyspace: "Keyspace") -> AsyncIterator[CassandraStore]:
    opened = await CassandraStore.open(settings_of(keyspace))
    await until_ready(opened)
    yield opened
    await opened.close()


def known(place: "Keyspace") -> Any:
    """Return what the driver knows of the keyspace."""
    connection = Connection.make(settings_of(place))
    try:
        return connection.session.cluster.metadata.keyspaces[place.name]
    finally:
        connection.close()


def beside_tables(keyspace: Any) -> list[str]:
    """Return what there is that is no table: indexes, views, functions, types."""
    of_tables = [[*table.indexes, *table.views] for table in keyspace.tables.values()]
    of_keyspace = [*keyspace.indexes, *keyspace.views, *keyspace.user_types, *keyspace.functions]
    return sorted({str(name) for names in [*of_tables, of_keyspace] for name in names})


def columns(keyspace: Any) -> dict[str, str]:
    """Return the type of each column that is not bounded."""
    return {
        f"{table.name}.{column.name}": column.cql_type
        for table in keyspace.tables.values()
        for column in table.columns.values()
        if column.cql_type not in BOUNDED_TYPES
    }


def test_there_are_tables_whose_partitions_are_bounded_and_nothing_else(
    keyspace: "Keyspace",
) -> None:
    found = known(keyspace)

    assert beside_tables(found) == []
    assert columns(found) == {}
    assert set(found.tables) == ONE_ROW | set(SEVERAL_ROWS)
    with_rows = {name for name, table in found.tables.items() if table.clustering_key}
    assert with_rows == set(SEVERAL_ROWS)


def test_an_index_and_a_growing_column_would_be_seen(
    bare_keyspace: "Keyspace", cassandra_session: Any
) -> None:
    name = bare_keyspace.name
    cassandra_session.execute(f"CREATE TABLE {name}.t (id int PRIMARY KEY, a text, b list<text>)")
    cassandra_session.execute(f"CREATE INDEX by_a ON {name}.t (a)")
    cassandra_session.execute(f"CREATE CUSTOM INDEX also_by_a ON {name}.t (a) USING 'sai'")

    found = known(bare_keyspace)

    assert beside_tables(found) == ["also_by_a", "by_a"]
    assert columns(found) == {"t.b": "list<text>"}


async def rows(session: Any, place: "Keyspace", table: str, key: str) -> dict[Any, int]:
    """Return how many rows there are in each partition."""
    text = f"SELECT {key}, COUNT(*) FROM {place.name}.{table} GROUP BY {key}"
    found = await asyncio.to_thread(session.execute, text)
    return {tuple(row[:-1]): row[-1] for row in found}


async def test_a_partition_of_the_log_has_512_messages_and_their_markers(
    store: CassandraStore, keyspace: "Keyspace", cassandra_session: Any
) -> None:
    room, ann = await open_room(store), await add_user(store)
    drafts = [draft_for(room, ann) for _ in range(MESSAGES)]

    outcomes = [
        one for n in range(0, MESSAGES, 100) for one in await append(store, *drafts[n : n + 100])
    ]
    assert [one.seq for one in outcomes if isinstance(one, Receipt)] == list(range(1, MESSAGES + 1))
    # A second time: nothing is added.
    await append(store, *(one._replace(after=0) for one in drafts[:100]))

    key = UUID(bytes=room.room_id)
    found = await rows(cassandra_session, keyspace, "room_log", "room_id, bucket")
    assert found == {
        (key, 0): 2 * BUCKET_MESSAGES,
        (key, 1): 2 * BUCKET_MESSAGES,
        (key, 2): 2 * (MESSAGES - 2 * BUCKET_MESSAGES),
    }


async def test_a_partition_of_a_room_has_no_more_rows_than_places(
    store: CassandraStore, keyspace: "Keyspace", cassandra_session: Any
) -> None:
    limits = replace(LIMITS, members_per_open_room=3, members_per_private_room=3)
    users = [await add_user(store, f"user {n}") for n in range(5)]
    private = await add_private_room(store, users[0])

    for user in users[:3]:
        opened = (await enter(store, "tea", user, limits=limits)).room
    for user in users[3:]:
        with pytest.raises(LimitReached):
            await store.enter_room(RoomName("tea"), user.user_id, NOON, limits)
    for user in users[1:3]:
        await store.invite(private.room_id, user.user_id, NOON, limits)
    for user in users[3:]:
        with pytest.raises(LimitReached):
            await store.invite(private.room_id, user.user_id, NOON, limits)

    expected = {(UUID(bytes=room.room_id),): 3 for room in (opened, private)}
    assert await rows(cassandra_session, keyspace, "rooms", "room_id") == expected


async def test_a_room_remembers_no_more_changes_than_it_says(
    store: CassandraStore, keyspace: "Keyspace", cassandra_session: Any
) -> None:
    ann = await add_user(store, "ann")
    room = await open_room(store)

    for _ in range(CHANGES_KEPT):
        await enter(store, room.name, ann)
        await store.remove_member(room.room_id, ann.user_id)

    text = f"SELECT members_version, changes FROM {keyspace.name}.rooms"
    [row] = await asyncio.to_thread(cassandra_session.execute, text)
    assert row[0] > 2 * CHANGES_KEPT
    assert len(row[1]) == CHANGES_KEPT <= MANY


async def test_a_partition_of_a_users_rooms_has_no_more_than_the_user_may_have(
    store: CassandraStore, keyspace: "Keyspace", cassandra_session: Any
) -> None:
    limits = replace(LIMITS, rooms_per_user=3, invitations_per_user=2)
    ann, host = await add_user(store, "ann"), await add_user(store, "host")
    private = [await add_private_room(store, host) for _ in range(3)]

    for number in range(6):
        room = (await enter(store, f"left {number}", ann, limits=limits)).room
        await store.remove_member(room.room_id, ann.user_id)
    for number in range(3):
        await enter(store, f"stays {number}", ann, limits=limits)
    with pytest.raises(LimitReached):
        await store.enter_room(RoomName("one more"), ann.user_id, NOON, limits)
    for room in private[:2]:
        await store.invite(room.room_id, ann.user_id, NOON, limits)
    with pytest.raises(LimitReached):
        await store.invite(private[2].room_id, ann.user_id, NOON, limits)

    found = await rows(cassandra_session, keyspace, "rooms_by_user", "user_id")
    assert found == {
        (UUID(bytes=ann.user_id),): limits.rooms_per_user + limits.invitations_per_user,
        (UUID(bytes=host.user_id),): len(private),
    }
