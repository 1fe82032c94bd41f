"""The embedded store behind the services' port."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from services.errors import StoreUnavailable
from services.model import (
    ApiKey,
    Draft,
    Instant,
    LoggedMessage,
    PublicKey,
    Room,
    RoomId,
    RoomName,
    SecretHash,
    Session,
    SessionOwner,
    User,
    UserId,
)
from services.ports import Appended
from store.sqlite import keys, log, rooms, sessions, users
from store.sqlite.database import (
    SCHEMA_VERSION,
    make_data_dir,
    open_database,
    open_reader,
)
from store.sqlite.lock import FileLock
from store.sqlite.writer import Job, Writer

T = TypeVar("T")

FILE_NAME = "ilo.db"
LOCK_NAME = "ilo.db.lock"


class SqliteStore:
    """Implements ``services.ports.Store``, for one process and one event loop.

    Writes share the commits of ``writer``. Reads see what is committed: single rows, some
    microseconds each, on the event loop; pages on a thread of their own.
    """

    def __init__(self, file: Path, lock: FileLock, database: sqlite3.Connection) -> None:
        self._lock = lock
        self._rows = open_reader(file)
        self._pages = open_reader(file)
        self._pager = ThreadPoolExecutor(1, thread_name_prefix="ilo-store-pages")
        self._writer = Writer(database)
        self._closed = False

    @classmethod
    async def open(cls, data_dir: Path) -> "SqliteStore":
        """Open the store in ``data_dir``, making the folder and the file if need be.

        Raises:
            StoreRefused: another process uses it, or the file is not one we know.
            OSError: the folder or the file cannot be made or opened.
        """
        file = data_dir / FILE_NAME
        lock, database = await asyncio.to_thread(_open, data_dir, file)
        return cls(file, lock, database)

    async def close(self) -> None:
        self._closed = True
        await self._writer.close()
        await asyncio.to_thread(self._pager.shutdown)
        self._rows.close()
        self._pages.close()
        self._lock.release()

    async def check(self) -> None:
        self._read(_read_something)
        await self._writer.do(_write_something)

    async def add_api_key(self, key: ApiKey) -> None:
        await self._writer.do(partial(keys.add_key, key=key))

    async def api_key(self, key_hash: SecretHash) -> ApiKey | None:
        return self._read(partial(keys.find_key, key_hash=key_hash))

    async def revoke_api_key(self, key_hash: SecretHash, at: Instant) -> bool:
        return await self._writer.do(partial(keys.revoke_key, key_hash=key_hash, at=at))

    async def add_user(self, user: User, public_key: PublicKey) -> None:
        await self._writer.do(partial(users.add_user, user=user, public_key=public_key))

    async def user_named(self, name_key: str) -> User | None:
        return self._read(partial(users.find_user, name_key=name_key))

    async def change_password(self, user_id: UserId, password_hash: str, keep: SecretHash) -> bool:
        return await self._writer.do(
            partial(
                users.change_password,
                user_id=user_id,
                password_hash=password_hash,
                keep=keep,
            )
        )

    async def rehash_password(self, user_id: UserId, old_hash: str, new_hash: str) -> bool:
        return await self._writer.do(
            partial(users.rehash_password, user_id=user_id, old_hash=old_hash, new_hash=new_hash)
        )

    async def public_key(self, user_id: UserId) -> PublicKey | None:
        return self._read(partial(users.find_public_key, user_id=user_id))

    async def add_public_key(self, user_id: UserId, text: str, if_version: int, at: Instant) -> int:
        return await self._writer.do(
            partial(
                users.add_public_key,
                user_id=user_id,
                text=text,
                if_version=if_version,
                at=at,
            )
        )

    async def delete_user(self, user_id: UserId, at: Instant) -> bool:
        return await self._writer.do(partial(users.delete_user, user_id=user_id, at=at))

    async def add_session(self, session: Session) -> None:
        await self._writer.do(partial(sessions.add_session, session=session))

    async def session(self, token_hash: SecretHash) -> SessionOwner | None:
        return self._read(partial(sessions.find_owner, token_hash=token_hash))

    async def end_session(self, token_hash: SecretHash) -> bool:
        return await self._writer.do(partial(sessions.end_session, token_hash=token_hash))

    async def end_other_sessions(self, user_id: UserId, keep: SecretHash) -> None:
        await self._writer.do(partial(users.raise_generation, user_id=user_id, keep=keep))

    async def add_ticket(
        self, ticket_hash: SecretHash, token_hash: SecretHash, expires_at: Instant
    ) -> None:
        await self._writer.do(
            partial(
                sessions.add_ticket,
                ticket_hash=ticket_hash,
                token_hash=token_hash,
                expires_at=expires_at,
            )
        )

    async def use_ticket(self, ticket_hash: SecretHash, now: Instant) -> SecretHash | None:
        return await self._writer.do(partial(sessions.use_ticket, ticket_hash=ticket_hash, now=now))

    async def sweep(self, now: Instant) -> int:
        return await self._writer.do(partial(sessions.sweep, now=now))

    async def open_room(self, name: RoomName, now: Instant) -> Room:
        room = self._read(partial(rooms.find_room, name=name))
        if room is not None:
            return room
        return await self._writer.do(partial(rooms.find_or_add_room, name=name, now=now))

    def append(self, drafts: Sequence[Draft], done: Callable[[Sequence[Appended]], None]) -> None:
        self._writer.append(drafts, done)

    async def messages_after(
        self, room_id: RoomId, after: int, limit: int, max_bytes: int
    ) -> list[LoggedMessage]:
        if self._closed:
            raise StoreUnavailable
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(
                self._pager,
                log.messages_after,
                self._pages,
                room_id,
                after,
                limit,
                max_bytes,
            )
        except sqlite3.Error as error:
            raise StoreUnavailable from error

    def _read(self, query: Job[T]) -> T:
        try:
            return query(self._rows)
        # Closed connections come here too.
        except sqlite3.Error as error:
            raise StoreUnavailable from error


def _open(data_dir: Path, file: Path) -> tuple[FileLock, sqlite3.Connection]:
    make_data_dir(data_dir)
    lock = FileLock.take(data_dir / LOCK_NAME)
    try:
        return lock, open_database(file)
    except BaseException:
        lock.release()
        raise


def _read_something(connection: sqlite3.Connection) -> None:
    connection.execute("SELECT 1 FROM rooms LIMIT 1").fetchone()


def _write_something(connection: sqlite3.Connection) -> None:
    # Writes the first page, though the number stays.
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
