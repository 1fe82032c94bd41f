"""What the embedded store's file is like when messages are kept no longer."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from services.limits import Limits
from services.model import Receipt, Room, RoomName, User
from store.sqlite import SqliteStore
from store.sqlite.retention import DELETED_AT_ONCE
from tests.support.store_samples import (
    NOON,
    add_private_room,
    add_user,
    append,
    draft_for,
    enter,
)

ROOT = Path(__file__).resolve().parents[2]
CHILD = [sys.executable, "-m", "tests.support.retention_child"]
MIB = 1024 * 1024
KEPT = 10
FEW = Limits(retention_messages=KEPT, retention_s=10**9)


def sizes(data_dir: Path) -> tuple[int, int]:
    """Return the bytes of the file and of its WAL."""
    wal = data_dir / "ilo.db-wal"
    return (data_dir / "ilo.db").stat().st_size, wal.stat().st_size if wal.exists() else 0


def rows(data_dir: Path) -> list[tuple[int, int]]:
    """Return how many rows of the log each room still has, by its number."""
    with closing(sqlite3.connect(f"file:{data_dir / 'ilo.db'}?mode=ro", uri=True)) as file:
        return file.execute("SELECT room, count(*) FROM log GROUP BY room").fetchall()


async def say(store: SqliteStore, room: Room, ann: User, count: int, size: int) -> None:
    for _ in range(count // 50):
        await append(store, *(draft_for(room, ann, "x" * size) for _ in range(50)))


async def enforce(store: SqliteStore, limits: Limits) -> None:
    while await store.enforce_retention(NOON, limits):
        pass


def lines_until_killed(data_dir: Path, kill_after: int) -> list[str]:
    with subprocess.Popen(
        [*CHILD, str(data_dir)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(kill_after)]
        child.send_signal(signal.SIGKILL)
        return lines + child.stdout.readlines()


async def test_the_file_becomes_smaller_when_messages_are_kept_no_longer(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path)
    ann = await add_user(store)
    rooms = [(await enter(store, f"room {n}", ann)).room for n in range(4)]
    for room in rooms:
        await say(store, room, ann, 300, 16_000)
    await store.close()
    full, _ = sizes(tmp_path)
    assert full > 18 * MIB
    store = await SqliteStore.open(tmp_path)

    await enforce(store, FEW)
    for room in rooms:
        [outcome] = await append(store, draft_for(room, ann, "after"))
        assert isinstance(outcome, Receipt)
        assert outcome.seq == 301
    await store.close()

    assert sizes(tmp_path)[0] < MIB
    assert sizes(tmp_path)[1] == 0
    assert [count for _, count in rows(tmp_path)] == [KEPT + 1] * 4


async def test_a_deleted_room_gives_its_space_back(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path)
    ann = await add_user(store)
    room = await add_private_room(store, ann)
    await say(store, room, ann, 300, 16_000)

    await store.delete_room(room.room_id)
    await enforce(store, Limits())
    await store.close()

    assert sizes(tmp_path)[0] < MIB
    assert rows(tmp_path) == []


async def test_what_is_kept_no_longer_is_invisible_before_it_is_deleted(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path)
    ann = await add_user(store)
    room = (await enter(store, "tea", ann)).room
    await say(store, room, ann, 1000, 10)

    await store.enforce_retention(NOON, FEW)

    assert rows(tmp_path) == [(1, 1000 - DELETED_AT_ONCE)]
    found = await store.room(room.room_id)
    assert found is not None
    assert (found.floor, found.head) == (991, 1000)
    page = await store.messages_after(room.room_id, 0, 1000, MIB)
    assert [message.seq for message in page] == list(range(991, 1001))
    page = await store.messages_before(room.room_id, None, 1, 1000, MIB)
    assert [message.seq for message in page] == list(range(991, 1001))
    await store.close()


async def test_one_call_does_no_more_than_a_bounded_part(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path)
    ann = await add_user(store)
    room = await add_private_room(store, ann)
    other = (await enter(store, "tea", ann)).room
    for one in (room, other):
        await say(store, one, ann, 1000, 10)
    await store.delete_room(room.room_id)
    left = 2000

    while await store.enforce_retention(NOON, FEW):
        now = sum(count for _, count in rows(tmp_path))
        assert left - now <= DELETED_AT_ONCE
        left = now

    assert left == KEPT
    await store.close()


async def test_messages_are_stored_while_others_are_deleted(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path)
    ann = await add_user(store)
    room = (await enter(store, "tea", ann)).room
    await say(store, room, ann, 3000, 100)
    receipts: list[int] = []

    async def go_on() -> None:
        for _ in range(200):
            [outcome] = await append(store, draft_for(room, ann))
            assert isinstance(outcome, Receipt)
            receipts.append(outcome.seq)

    async with asyncio.TaskGroup() as group:
        group.create_task(go_on())
        group.create_task(enforce(store, FEW))
    await enforce(store, FEW)

    assert receipts == list(range(3001, 3201))
    page = await store.messages_after(room.room_id, 0, 1000, MIB)
    assert [message.seq for message in page] == list(range(3191, 3201))
    await store.close()


async def test_an_open_room_that_somebody_enters_meanwhile_is_not_deleted(
    tmp_path: Path,
) -> None:
    """The look finds it empty; the one who enters is there before the job."""
    store = await SqliteStore.open(tmp_path)
    ann = await add_user(store)
    for n in range(20):
        room = (await enter(store, f"room {n}", ann)).room
        await store.remove_member(room.room_id, ann.user_id)

    async def enter_all() -> list[bytes]:
        return [(await enter(store, f"room {n}", ann)).room.room_id for n in range(20)]

    async with asyncio.TaskGroup() as group:
        entered = group.create_task(enter_all())
        group.create_task(enforce(store, FEW))

    for n, room_id in enumerate(entered.result()):
        found = await store.room_named(RoomName(f"room {n}"))
        assert found is not None
        assert (found.room_id, found.members) == (room_id, 1)
    await store.close()


@pytest.mark.parametrize("kill_after", [1, 3, 8, 20])
async def test_kill_9_in_the_middle_of_it_leaves_a_store_that_is_right(
    tmp_path: Path, kill_after: int
) -> None:
    lines = lines_until_killed(tmp_path, kill_after)
    # The child says its floor after each part of what it does.
    floors = [int(line) for line in lines if line.endswith("\n")]
    assert floors

    store = await SqliteStore.open(tmp_path)
    room = await store.room_named(RoomName("tea"))
    assert room is not None
    assert room.head == 2000
    assert room.floor >= floors[-1]
    page = await store.messages_after(room.room_id, 0, 5000, MIB)
    assert [message.seq for message in page] == list(range(room.floor, 2001))
    await enforce(store, FEW)
    ann = await store.user_named("ann")
    assert ann is not None
    [outcome] = await append(store, draft_for(room, ann))
    assert isinstance(outcome, Receipt)
    assert outcome.seq == 2001
    await store.close()
    assert rows(tmp_path) == [(1, KEPT + 1)]
    assert sizes(tmp_path)[0] < MIB


def test_random_bytes_are_the_callers(tmp_path: Path) -> None:
    """Two runs with the same requests and the same randomness leave the same rooms."""

    async def run(data_dir: Path) -> list[tuple[object, ...]]:
        numbers = iter(range(1, 100))
        store = await SqliteStore.open(
            data_dir, random_bytes=lambda size: next(numbers).to_bytes(size, "big")
        )
        ann = await add_user(store)
        for name in ("tea", "pub"):
            await enter(store, name, ann)
        await store.begin_epochs()
        found = await store.rooms_of(ann.user_id, None, 10)
        await store.close()
        return [(one.room.room_id, one.room.epoch) for one in found]

    first = asyncio.run(run(tmp_path / "first"))
    assert first == asyncio.run(run(tmp_path / "second"))
    assert len({identifier for room in first for identifier in room}) == 4
