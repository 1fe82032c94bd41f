"""A data file of an older schema becomes one of ours, as a whole or not at all."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from services.model import (
    ApiKey,
    Epoch,
    MessageId,
    PublicKey,
    Receipt,
    Room,
    RoomId,
    RoomName,
    SecretHash,
    Session,
    User,
    UserId,
    Username,
)
from store.sqlite import SqliteStore, StoreRefused, database
from store.sqlite.database import APPLICATION_ID, SCHEMA_VERSION
from store.sqlite.migrations import STEPS
from tests.support.store_samples import (
    LIMITS,
    NOON,
    add_user,
    append,
    at,
    draft_for,
    enter,
    open_room,
)

SCHEMA_1 = Path(__file__).with_name("schema_1.sql").read_text("utf-8")

ANN = User(UserId(b"a" * 16), Username("ann"), "ann", "hash of ann", NOON)
GONE = UserId(b"g" * 16)
KEY = ApiKey(SecretHash(b"k" * 32), SecretHash(b"r" * 32), NOON)
SESSION = Session(SecretHash(b"s" * 32), ANN.user_id, 0, KEY.key_hash, NOON, at(1000))
TEA = Room(RoomId(b"t" * 16), RoomName("tea"), Epoch(b"e" * 16), head=3, created_at=NOON)
PUB = Room(RoomId(b"p" * 16), RoomName("pub"), Epoch(b"f" * 16), head=0, created_at=NOON)
MESSAGE_IDS = [MessageId(bytes([n]) * 16) for n in range(1, 4)]


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    """A closed data file as version 0.1.0 left it, with something in every table."""
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    file = data_dir / "ilo.db"
    file.touch(mode=0o600)
    with closing(sqlite3.connect(file, isolation_level=None)) as old:
        old.execute("PRAGMA auto_vacuum = INCREMENTAL")
        old.executescript(
            "BEGIN EXCLUSIVE;\n"
            f"PRAGMA application_id = {APPLICATION_ID};\nPRAGMA user_version = 1;\n"
            f"{SCHEMA_1}COMMIT;"
        )
        old.execute("PRAGMA journal_mode = WAL")
        old.execute(
            "INSERT INTO api_keys VALUES (?, ?, ?, NULL)", (KEY.key_hash, KEY.revoke_hash, NOON)
        )
        old.executemany(
            "INSERT INTO users VALUES (?, ?, ?, ?, ?, 0, ?, ?)",
            [
                (1, ANN.user_id, "ann", "ann", "hash of ann", NOON, None),
                (2, GONE, "gone", "gone", "", NOON, NOON),
            ],
        )
        old.execute("INSERT INTO public_keys VALUES (?, 1, 'key of ann', ?)", (ANN.user_id, NOON))
        old.execute(
            "INSERT INTO sessions VALUES (?, ?, 0, ?, ?, ?)",
            (SESSION.token_hash, ANN.user_id, KEY.key_hash, NOON, SESSION.expires_at),
        )
        old.execute("INSERT INTO tickets VALUES (?, ?, ?)", (b"x" * 32, b"s" * 32, NOON + 9))
        old.executemany(
            "INSERT INTO rooms VALUES (?, ?, ?, ?, ?)",
            [(7, TEA.room_id, "tea", TEA.epoch, NOON), (8, PUB.room_id, "pub", PUB.epoch, NOON)],
        )
        old.executemany(
            "INSERT INTO log (room, seq, sender, message_id, sent_at, text)"
            " VALUES (7, ?, ?, ?, ?, ?)",
            [
                (seq, 2 if seq == 2 else 1, message_id, NOON + seq, f"text {seq}")
                for seq, message_id in enumerate(MESSAGE_IDS, 1)
            ],
        )
    return file


def version(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        found: tuple[int] = connection.execute("PRAGMA user_version").fetchone()
    return found[0]


def layout(file: Path) -> dict[str, list[object]]:
    """Return what each table and index is made of, whatever words made it."""
    with closing(sqlite3.connect(file)) as connection:
        tables = connection.execute(
            "SELECT name, type FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%'"
        ).fetchall()
        return {
            name: connection.execute(
                f"PRAGMA {'table_xinfo' if kind == 'table' else 'index_xinfo'}({name})"
            ).fetchall()
            for name, kind in tables
        }


async def test_all_that_an_older_file_held_is_there_afterwards(old_file: Path) -> None:
    store = await SqliteStore.open(old_file.parent)

    assert await store.user_named("ann") == ANN
    gone = await store.user(GONE)
    assert gone is not None
    assert gone.deleted_at == NOON
    assert await store.public_key(ANN.user_id) == PublicKey(1, "key of ann", NOON)
    assert await store.api_key(KEY.key_hash) == KEY
    owner = await store.session(SESSION.token_hash)
    assert owner is not None
    assert (owner.session, owner.user) == (SESSION, ANN)
    assert await store.use_ticket(SecretHash(b"x" * 32), NOON) == SESSION.token_hash
    assert await store.room_named(RoomName("tea")) == TEA
    assert await store.room_named(RoomName("pub")) == PUB
    messages = await store.messages_after(TEA.room_id, 0, 10, 1000)
    assert [(m.seq, m.message_id, m.sender, m.text) for m in messages] == [
        (1, MESSAGE_IDS[0], "ann", "text 1"),
        (2, MESSAGE_IDS[1], "gone", "text 2"),
        (3, MESSAGE_IDS[2], "ann", "text 3"),
    ]
    assert await store.leaving(10) == []
    await store.close()


async def test_an_older_file_is_used_like_a_new_one(old_file: Path) -> None:
    store = await SqliteStore.open(old_file.parent)

    entry = await enter(store, "tea", ANN)
    assert (entry.room.room_id, entry.membership.joined_seq) == (TEA.room_id, 3)
    again = draft_for(TEA, ANN, "text 1")._replace(message_id=MESSAGE_IDS[0])
    outcomes = await append(store, again, draft_for(TEA, ANN, "new"))
    assert [o.seq for o in outcomes if isinstance(o, Receipt)] == [1, 4]
    await enter(store, "new", await add_user(store, "bob"))
    # A room that nobody is in, and in which nothing was said.
    while await store.enforce_retention(NOON, LIMITS):
        pass
    assert await store.room_named(RoomName("pub")) is None
    await store.close()

    store = await SqliteStore.open(old_file.parent)
    assert (await open_room(store, "tea")).head == 4
    await store.close()


async def test_an_older_file_has_the_layout_of_a_new_one_afterwards(
    old_file: Path, tmp_path: Path
) -> None:
    for data_dir in (old_file.parent, tmp_path / "new"):
        await (await SqliteStore.open(data_dir)).close()

    assert version(old_file) == SCHEMA_VERSION
    assert layout(old_file) == layout(tmp_path / "new" / "ilo.db")


async def test_a_migration_that_fails_leaves_the_file_as_it_was(
    old_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = layout(old_file)
    broken = {1: STEPS[1] + "CREATE TABLE users (twice INTEGER);\n"}
    monkeypatch.setattr(database, "STEPS", broken)

    with pytest.raises(StoreRefused, match="cannot be opened"):
        await SqliteStore.open(old_file.parent)

    assert version(old_file) == 1
    assert layout(old_file) == before
    monkeypatch.undo()
    store = await SqliteStore.open(old_file.parent)
    assert await store.room_named(RoomName("tea")) == TEA
    await store.close()


async def test_an_older_file_that_was_not_closed_loses_nothing(
    old_file: Path, tmp_path: Path
) -> None:
    killed = tmp_path / "killed"
    killed.mkdir(mode=0o700)
    with closing(sqlite3.connect(old_file, isolation_level=None)) as old:
        old.execute(
            "INSERT INTO log (room, seq, sender, message_id, sent_at, text)"
            " VALUES (7, 4, 1, ?, ?, 'in the WAL')",
            (b"w" * 16, NOON),
        )
        # As after kill -9: the WAL holds what the file does not.
        for suffix in ("", "-wal"):
            shutil.copy(f"{old_file}{suffix}", killed / f"ilo.db{suffix}")

    store = await SqliteStore.open(killed)

    room = await store.room_named(RoomName("tea"))
    assert room is not None
    assert room.head == 4
    await store.close()
