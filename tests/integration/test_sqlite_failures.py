"""What the embedded store says and keeps when the disk or its own thread fails."""

import asyncio
import os
import resource
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest

from services.errors import IdReused, StorageFull, StoreUnavailable, UserNotFound
from services.model import Draft, PublicKey, Receipt, Room, User
from services.ports import Store
from store.sqlite import SqliteStore, users
from store.sqlite.log import Outcome, RoomLog
from tests.support.store_samples import (
    NOON,
    add_api_key,
    add_user,
    append,
    appending,
    draft_for,
    open_room,
    some_user,
)

LONG_TEXT = "x" * 256 * 1024
MIB = 1024 * 1024
WAIT_S = 30.0


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = await SqliteStore.open(tmp_path / "data")
    yield opened
    await opened.close()


@contextmanager
def largest_file(size_bytes: int) -> Iterator[None]:
    """Let this process write no file beyond ``size_bytes``: the kernel says EFBIG."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 4 MiB."""
    # Not in pytest's own folders: were we killed, its next run could not clear them.
    with tempfile.TemporaryDirectory(prefix="ilo-small-disk-") as folder:
        mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder]
        if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode != 0:
            pytest.skip("mounting a small file system needs root")
        try:
            yield Path(folder)
        finally:
            # Lazily: a failed test may have left the store open.
            subprocess.run(["umount", "--lazy", folder], check=True)


async def stored_texts(store: Store, room: Room) -> list[str]:
    page = await store.messages_after(room.room_id, 0, 1_000_000, 1 << 30)
    assert [message.seq for message in page] == list(range(1, len(page) + 1))
    return [message.text for message in page]


async def append_until_refused(store: Store, room: Room, ann: User) -> list[Draft]:
    """Return the drafts that were stored before the first that was not."""
    stored: list[Draft] = []
    while True:
        draft = draft_for(room, ann, LONG_TEXT)
        [outcome] = await append(store, draft)
        if not isinstance(outcome, Receipt):
            assert isinstance(outcome, StorageFull)
            return stored
        assert outcome.seq == len(stored) + 1
        stored.append(draft)


async def test_a_full_disk_refuses_and_goes_on_when_space_returns(small_disk: Path) -> None:
    store = await SqliteStore.open(small_disk / "data")
    ann, room, other = await add_user(store), await open_room(store), await open_room(store, "b")
    stored = await append_until_refused(store, room, ann)

    refused = [draft_for(r, ann, LONG_TEXT) for r in (room, other, room)]
    outcomes = await append(store, *refused)

    assert [type(outcome) for outcome in outcomes] == [StorageFull] * 3
    assert len(await stored_texts(store, room)) == len(stored) >= 1

    resize = ["mount", "-o", "remount,size=64m", str(small_disk)]
    await asyncio.to_thread(subprocess.run, resize, check=True)
    again = await append(store, *refused)

    assert [o.seq for o in again if isinstance(o, Receipt) and o.new] == [
        len(stored) + 1,
        1,
        len(stored) + 2,
    ]
    await store.check()
    await store.close()
    store = await SqliteStore.open(small_disk / "data")
    assert len(await stored_texts(store, room)) == len(stored) + 2
    await store.close()


async def test_a_full_database_refuses_and_goes_on_when_space_returns(
    store: SqliteStore,
) -> None:
    ann, room, other = await add_user(store), await open_room(store), await open_room(store, "b")
    first = draft_for(room, ann, "first")
    [kept] = await append(store, first)
    assert isinstance(kept, Receipt)
    writer = store._writer

    def no_more_pages(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA max_page_count = 1")  # as many as there are

    await writer.do(no_more_pages)

    refused = [draft_for(other, ann, "small"), draft_for(room, ann, LONG_TEXT)]
    reused = first._replace(text="another")
    told = appending(store, [*refused, first, reused])
    with pytest.raises(StorageFull):
        await store.add_user(some_user("bob"), PublicKey(1, LONG_TEXT, NOON))

    outcomes = [outcome for _, outcome in await told]
    assert [type(outcome) for outcome in outcomes[:2]] == [StorageFull] * 2
    # Stored before: to say that it is not would be a lie.
    assert outcomes[2] == Receipt(kept.seq, kept.sent_at, new=False)
    assert isinstance(outcomes[3], IdReused)
    assert await stored_texts(store, room) == ["first"]
    assert await store.user_named("bob") is None

    def more_pages(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA max_page_count = 1000000")

    await writer.do(more_pages)
    again = await append(store, *refused)

    assert [o.seq for o in again if isinstance(o, Receipt) and o.new] == [1, 2]
    assert len(await stored_texts(store, room)) == 2
    await add_user(store, "bob")


async def test_what_was_asked_for_behind_a_failed_commit_is_not_stored_either(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, room = await add_user(store), await open_room(store)
    first, second = draft_for(room, ann, "first"), draft_for(room, ann, "second")
    begun, goes_on = Event(), Event()
    really_append = RoomLog.append

    def fail_once(self: RoomLog, drafts: Sequence[Draft]) -> list[Outcome]:
        monkeypatch.setattr(RoomLog, "append", really_append)
        begun.set()
        assert goes_on.wait(WAIT_S)
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(RoomLog, "append", fail_once)
    told = appending(store, [first])
    assert await asyncio.to_thread(begun.wait, WAIT_S)
    behind = appending(store, [second])
    goes_on.set()
    # The loop stands still: the failure has happened, and nobody was told of it yet.
    deadline = time.monotonic() + WAIT_S
    while not store._writer._committer.failures:
        assert time.monotonic() < deadline
    third = draft_for(room, ann, "third")
    unaware = appending(store, [third])

    outcomes = [*await told, *await behind, *await unaware]
    assert [type(outcome) for _, outcome in outcomes] == [StoreUnavailable] * 3
    assert await stored_texts(store, room) == []
    again = await append(store, first, second, third)
    assert [o.seq for o in again if isinstance(o, Receipt) and o.new] == [1, 2, 3]


async def test_a_write_that_fails_is_unavailable_and_numbers_stay_dense(
    store: SqliteStore,
) -> None:
    ann, room = await add_user(store), await open_room(store)
    await append(store, draft_for(room, ann, "first"))
    lost = draft_for(room, ann, LONG_TEXT)

    with largest_file(MIB // 8):
        outcomes = await append(store, lost, draft_for(room, ann, "second"))
        with pytest.raises(StoreUnavailable):
            await store.add_user(some_user("bob"), PublicKey(1, LONG_TEXT, NOON))

    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 2
    [again] = await append(store, lost)
    assert again == Receipt(2, lost.sent_at, new=True)
    assert await stored_texts(store, room) == ["first", LONG_TEXT]
    await store.check()


async def test_a_job_that_breaks_a_rule_takes_nothing_of_its_commit_along(
    store: SqliteStore,
) -> None:
    ann, room = await add_user(store), await open_room(store)
    key = await add_api_key(store)

    told = appending(store, [draft_for(room, ann)])
    async with asyncio.TaskGroup() as group:
        bob = group.create_task(add_user(store, "bob"))
        with pytest.raises(sqlite3.IntegrityError):
            await store.add_api_key(key)

    assert isinstance((await told)[0][1], Receipt)
    assert await store.user_named("bob") == bob.result()
    assert await store.api_key(key.key_hash) == key


async def test_a_job_that_refuses_leaves_nothing_of_itself(store: SqliteStore) -> None:
    ann = some_user("ann")

    def writes_then_refuses(connection: sqlite3.Connection) -> None:
        users.add_user(connection, ann, PublicKey(1, "key", NOON))
        raise UserNotFound

    async with asyncio.TaskGroup() as group:
        bob = group.create_task(add_user(store, "bob"))
        with pytest.raises(UserNotFound):
            await store._writer.do(writes_then_refuses)

    assert await store.user_named("ann") is None
    assert await store.user_named("bob") == bob.result()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_nobody_waits_for_a_writer_that_died_of_a_bug(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, room = await add_user(store), await open_room(store)

    def bug(log: RoomLog, drafts: Sequence[Draft]) -> list[Outcome]:
        raise RuntimeError("a bug")

    monkeypatch.setattr(RoomLog, "append", bug)
    async with asyncio.timeout(10):
        first = appending(store, [draft_for(room, ann)])
        behind = [appending(store, [draft_for(room, ann)]) for _ in range(10)]
        with pytest.raises(StoreUnavailable):
            await add_user(store, "bob")

        for told in (first, *behind):
            assert [type(outcome) for _, outcome in await told] == [StoreUnavailable]
        with pytest.raises(StoreUnavailable):
            await store.check()
        [late] = await append(store, draft_for(room, ann))
        assert isinstance(late, StoreUnavailable)
