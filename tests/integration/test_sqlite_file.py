"""The embedded store's file: who may read it, who may use it, and what it must be."""

import logging
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from store.sqlite import SqliteStore, StoreRefused
from store.sqlite.database import APPLICATION_ID, SCHEMA_VERSION
from tests.support.store_samples import add_user

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def careless_umask() -> Iterator[None]:
    """A process whose new files anybody may read and write."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def sizes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir()}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@contextmanager
def another_process(data_dir: Path) -> Iterator[int]:
    """The id of a process that has the store open; killed at the end."""
    command = [sys.executable, "-m", "tests.support.store_child", str(data_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            yield child.pid
        finally:
            child.kill()


async def make_store(data_dir: Path) -> Path:
    """Make a store with a user in it, close it, and return its file."""
    store = await SqliteStore.open(data_dir)
    await add_user(store, "ann")
    await store.close()
    return data_dir / "ilo.db"


async def make_store_again(data_dir: Path) -> None:
    store = await SqliteStore.open(data_dir)
    await store.close()


def set_pragma(file: Path, pragma: str) -> None:
    connection = sqlite3.connect(file)
    connection.execute(f"PRAGMA {pragma}")
    connection.close()


@pytest.mark.usefixtures("careless_umask")
async def test_only_the_owner_may_read_what_we_make(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data_dir = tmp_path / "new" / "data"
    store = await SqliteStore.open(data_dir)
    await add_user(store)

    modes = {path.name: mode(path) for path in data_dir.iterdir()}

    await store.close()
    assert caplog.text == ""  # it was never otherwise
    assert mode(data_dir) == 0o700
    assert modes == dict.fromkeys(["ilo.db", "ilo.db-wal", "ilo.db-shm", "ilo.db.lock"], 0o600)


async def test_a_folder_that_others_may_enter_is_left_and_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    data_dir.chmod(0o755)

    await make_store(data_dir)

    assert mode(data_dir) == 0o755
    assert "others may enter the data folder" in caplog.text


async def test_a_file_that_others_may_read_is_taken_from_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = await make_store(tmp_path / "data")
    file.chmod(0o644)

    await make_store_again(tmp_path / "data")

    assert mode(file) == 0o600
    assert "others could read a data file" in caplog.text


async def test_a_second_process_is_told_who_uses_the_store(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with (
        another_process(data_dir) as pid,
        pytest.raises(StoreRefused, match=rf"is in use by process {pid}$"),
    ):
        await SqliteStore.open(data_dir)

    # The lock went with the process, though it could not clean up.
    await make_store_again(data_dir)


async def test_one_process_opens_a_store_once(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "data")

    with pytest.raises(StoreRefused, match=f"in use by process {os.getpid()}$"):
        await SqliteStore.open(tmp_path / "data")

    assert await store.user_named("ann") is None
    await store.close()
    await make_store_again(tmp_path / "data")


@pytest.mark.parametrize("version", [0, SCHEMA_VERSION + 1])
async def test_an_unknown_schema_version_is_refused_and_left_alone(
    tmp_path: Path, version: int
) -> None:
    file = await make_store(tmp_path / "data")
    set_pragma(file, f"user_version = {version}")
    before = file.read_bytes()

    with pytest.raises(StoreRefused, match=f"has schema version {version}; this Ilo knows"):
        await SqliteStore.open(tmp_path / "data")

    assert file.read_bytes() == before
    set_pragma(file, f"user_version = {SCHEMA_VERSION}")
    await make_store_again(tmp_path / "data")


async def test_the_database_of_another_program_is_refused_and_left_alone(
    tmp_path: Path,
) -> None:
    # As after its program's crash: whoever opens it with SQLite empties its WAL into it.
    foreign = sqlite3.connect(tmp_path / "foreign.db")
    foreign.execute("PRAGMA journal_mode = WAL")
    foreign.execute("CREATE TABLE recipes (name TEXT)")
    foreign.commit()
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    for suffix in ("", "-wal"):
        shutil.copy(tmp_path / f"foreign.db{suffix}", data_dir / f"ilo.db{suffix}")
        (data_dir / f"ilo.db{suffix}").chmod(0o644)
    foreign.close()
    before = contents(data_dir)

    with pytest.raises(StoreRefused, match="is the database of another program"):
        await SqliteStore.open(data_dir)

    assert contents(data_dir) == before | {"ilo.db.lock": b""}
    assert mode(data_dir / "ilo.db") == 0o644


async def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "ilo.db"
    file.write_text("Dear diary")

    with pytest.raises(StoreRefused, match="is not an SQLite database"):
        await SqliteStore.open(tmp_path)

    assert file.read_text() == "Dear diary"


async def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    file = await make_store(tmp_path / "data")
    header = file.read_bytes()[:100]
    file.write_bytes(header + b"\xff" * 4000)

    with pytest.raises(StoreRefused, match="cannot be opened"):
        await SqliteStore.open(tmp_path / "data")


async def test_a_start_that_was_cut_off_before_the_tables_is_made_up_for(
    tmp_path: Path,
) -> None:
    (tmp_path / "ilo.db").touch(mode=0o600)

    file = await make_store(tmp_path)

    connection = sqlite3.connect(file)
    assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    connection.close()


async def test_a_closed_store_leaves_one_file_and_an_empty_lock(tmp_path: Path) -> None:
    await make_store(tmp_path)

    left = sizes(tmp_path)

    assert left.keys() <= {"ilo.db", "ilo.db.lock", "ilo.db-wal", "ilo.db-shm"}
    assert left["ilo.db"] > 0
    assert left.get("ilo.db-wal", 0) == 0
    assert left["ilo.db.lock"] == 0


async def test_what_is_logged_and_shown_names_no_secret(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    store = await SqliteStore.open(tmp_path)
    user = await add_user(store, "ann")
    await store.close()

    assert user.password_hash not in caplog.text + repr(store) + repr(user)
