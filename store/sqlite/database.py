"""The data file: where it lies, who may read it, what it must be, how we connect to it."""

import logging
import os
import sqlite3
from importlib.resources import files
from pathlib import Path

from store.errors import StoreRefused
from store.sqlite.migrations import STEPS

APPLICATION_ID = 0x496C6F53  # "IloS", in the file's header
SCHEMA_VERSION = 2

_MAGIC = b"SQLite format 3\0"
_HEADER_BYTES = 100
_SUFFIXES = ("", "-wal", "-shm", "-journal")

_PRAGMAS = (
    "synchronous = FULL",  # WAL alone would sync at checkpoints only
    "cache_size = -65536",  # KiB
    "wal_autocheckpoint = 8000",  # pages, 32 MiB
    "journal_size_limit = 67108864",  # bytes that a burst may leave behind
    "temp_store = MEMORY",  # a full disk elsewhere is not ours to meet
    "secure_delete = FAST",  # what is deleted is overwritten where it costs nothing
)

log = logging.getLogger(__name__)


def make_data_dir(data_dir: Path) -> None:
    """Make the folder for its owner alone; warn when others may enter an older one."""
    try:
        data_dir.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        if data_dir.stat().st_mode & 0o077:
            log.warning(
                "others may enter the data folder; chmod 700 ends that",
                extra={"data_dir": str(data_dir)},
            )


def open_database(file: Path) -> sqlite3.Connection:
    """Return the connection that writes; make the file and its tables if there are none.

    A file of an older schema becomes one of ours, as a whole or not at all.

    Raises:
        StoreRefused: the file is another program's, of a schema we do not know, or damaged.
    """
    new = _make_file(file)
    if not new:
        _refuse_foreign_header(file)
    connection = _connect(file, timeout_s=5.0)
    try:
        _check_schema(connection, file)
        for pragma in ("journal_mode = WAL", *_PRAGMAS):
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.DatabaseError as error:
        connection.close()
        raise StoreRefused(f"{file} cannot be opened: {error}") from None
    except StoreRefused:
        connection.close()
        raise
    _keep_to_owner(file)
    return connection


def open_reader(file: Path) -> sqlite3.Connection:
    """Return a connection that can only read, from any one thread at a time."""
    # Readers of a WAL do not wait for its writer; whoever else locks the file is not
    # waited for on the event loop.
    return _connect(file, timeout_s=0.1, mode="ro")


def _connect(file: Path, timeout_s: float, mode: str = "rw") -> sqlite3.Connection:
    return sqlite3.connect(
        f"{file.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=timeout_s,
        isolation_level=None,
        check_same_thread=False,
    )


def _make_file(file: Path) -> bool:
    """Make an empty file for its owner alone; False when there is one.

    SQLite gives its mode to the files beside it.
    """
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return False
    return True


def _refuse_foreign_header(file: Path) -> None:
    """Look without SQLite, which would write to a foreign file's journal."""
    with file.open("rb") as stream:
        header = stream.read(_HEADER_BYTES)
    # Empty: we were killed before the tables were made, in one transaction.
    if not header or file.with_name(f"{file.name}-journal").exists():
        return
    if len(header) < _HEADER_BYTES or not header.startswith(_MAGIC):
        raise StoreRefused(f"{file} is not an SQLite database")
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise StoreRefused(f"{file} is the database of another program")


def _check_schema(connection: sqlite3.Connection, file: Path) -> None:
    application = _number(connection, "PRAGMA application_id")
    version = _number(connection, "PRAGMA user_version")
    tables = _number(connection, "SELECT count(*) FROM sqlite_schema")
    if application == version == tables == 0:
        _make_tables(connection)
    elif application != APPLICATION_ID:
        raise StoreRefused(f"{file} is the database of another program")
    elif version in STEPS:
        _migrate(connection, version)
        log.info("the data file has a new schema", extra={"from": version, "to": SCHEMA_VERSION})
    elif version != SCHEMA_VERSION:
        raise StoreRefused(
            f"{file} has schema version {version}; this Ilo knows version {SCHEMA_VERSION}"
        )


def _make_tables(connection: sqlite3.Connection) -> None:
    # Before the first table, or never.
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    schema = files("store.sqlite").joinpath("schema.sql").read_text("utf-8")
    # Before WAL is on, so that the header of the main file says whose it is at once.
    connection.executescript(
        "BEGIN EXCLUSIVE;\n"
        f"PRAGMA application_id = {APPLICATION_ID};\n"
        f"PRAGMA user_version = {SCHEMA_VERSION};\n"
        f"{schema}"
        "COMMIT;"
    )


def _migrate(connection: sqlite3.Connection, version: int) -> None:
    steps = "".join(STEPS[step] for step in range(version, SCHEMA_VERSION))
    # Should a step fail, the connection is closed, and that undoes them all.
    connection.executescript(
        f"BEGIN EXCLUSIVE;\n{steps}PRAGMA user_version = {SCHEMA_VERSION};\nCOMMIT;"
    )


def _keep_to_owner(file: Path) -> None:
    """Take the right to read our files from everybody else, and say so."""
    for suffix in _SUFFIXES:
        part = file.with_name(file.name + suffix)
        if not part.exists() or not part.stat().st_mode & 0o077:
            continue
        try:
            part.chmod(0o600)
            log.warning("others could read a data file; not any more", extra=_path(part))
        except PermissionError:
            log.warning("others may read a data file, and it is not ours", extra=_path(part))


def _path(file: Path) -> dict[str, str]:
    return {"path": str(file)}


def _number(connection: sqlite3.Connection, query: str) -> int:
    row: tuple[int] = connection.execute(query).fetchone()
    return row[0]
