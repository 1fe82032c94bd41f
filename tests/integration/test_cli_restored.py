"""`ilo restored`: after a backup was put back, every room has a new epoch."""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

from services.model import Receipt, Room, RoomName
from store.sqlite import SqliteStore
from tests.support.store_samples import add_user, append, draft_for, enter

ROOT = Path(__file__).parents[2]
NAMES = ("tea", "pub")


def restored(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ilo", "restored", "--config", str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


async def make_rooms(data_dir: Path, messages: int) -> dict[RoomName, Room]:
    """Let ann say that much in every room; return the rooms."""
    store = await SqliteStore.open(data_dir)
    try:
        ann = await store.user_named("ann") or await add_user(store)
        rooms = {}
        for name in NAMES:
            room = (await enter(store, name, ann)).room
            await append(store, *(draft_for(room, ann) for _ in range(messages)))
            found = await store.room(room.room_id)
            assert found is not None
            rooms[found.name] = found
        return rooms
    finally:
        await store.close()


def test_rooms_go_on_after_their_head_in_a_new_epoch(tmp_path: Path) -> None:
    data_dir = tmp_path / "ilo-data"
    before = asyncio.run(make_rooms(data_dir, 3))

    done = restored(tmp_path)

    assert (done.returncode, done.stdout, done.stderr) == (0, "rooms with a new epoch: 2\n", "")
    after = asyncio.run(make_rooms(data_dir, 2))
    for name, room in after.items():
        old = before[name]
        assert room.epoch != old.epoch
        assert (room.room_id, room.head, room.floor) == (old.room_id, old.head + 2, old.floor)
    assert len({room.epoch for room in after.values()}) == 2


def test_a_number_given_out_again_is_of_another_epoch(tmp_path: Path) -> None:
    """The point of it all: by (epoch, seq) a client never takes one message for another."""
    data_dir, backup = tmp_path / "ilo-data", tmp_path / "backup.db"
    asyncio.run(make_rooms(data_dir, 3))
    shutil.copy(data_dir / "ilo.db", backup)
    lost = asyncio.run(make_rooms(data_dir, 5))
    shutil.copy(backup, data_dir / "ilo.db")

    assert restored(tmp_path).returncode == 0

    again = asyncio.run(make_rooms(data_dir, 5))
    for name, room in again.items():
        assert room.head == lost[name].head
        assert room.epoch != lost[name].epoch


async def test_what_the_backup_holds_can_still_be_read(tmp_path: Path) -> None:
    data_dir = tmp_path / "ilo-data"
    [tea, _] = (await make_rooms(data_dir, 3)).values()

    await asyncio.to_thread(restored, tmp_path)

    store = await SqliteStore.open(data_dir)
    page = await store.messages_after(tea.room_id, 0, 10, 1000)
    assert [message.seq for message in page] == [1, 2, 3]
    ann = await store.user_named("ann")
    assert ann is not None
    [outcome] = await append(store, draft_for(tea, ann))
    assert isinstance(outcome, Receipt)
    assert outcome.seq == 4
    await store.close()


async def test_a_store_in_use_is_refused_and_left_alone(tmp_path: Path) -> None:
    data_dir = tmp_path / "ilo-data"
    before = await make_rooms(data_dir, 1)
    store = await SqliteStore.open(data_dir)

    done = await asyncio.to_thread(restored, tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"ilo: the store cannot be opened: {data_dir} is in use by process {os.getpid()}\n"
    )
    for name, room in before.items():
        assert await store.room_named(name) == room
    await store.close()


def test_a_folder_without_a_store_is_refused_and_none_is_made(tmp_path: Path) -> None:
    done = restored(tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"ilo: {tmp_path / 'ilo-data'}: there is no store in this folder\n"
    assert not (tmp_path / "ilo-data").exists()


def test_a_configuration_that_is_not_right_is_refused(tmp_path: Path) -> None:
    (tmp_path / "general_config.yaml").write_text("limits: {retention_s: 1}\n")

    done = restored(tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert "limits.retention_s: must be at least 3600" in done.stderr
