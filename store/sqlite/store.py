"""The embedded store behind the services' port."""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from services.errors import StoreUnavailable
from services.limits import Limits
from services.model import (
    ApiKey,
    Departure,
    Draft,
    Entry,
    Instant,
    Invited,
    LoggedMessage,
    Membership,
    PublicKey,
    Room,
    RoomId,
    RoomMember,
    RoomName,
    RoomOfUser,
    SecretHash,
    Session,
    SessionOwner,
    User,
    UserId,
    Username,
)
from services.ports import Appended
from store.sqlite import keys, log, member_pages, members, rooms, sessions, users
from store.sqlite.committer import Committer
from store.sqlite.database import (
    SCHEMA_VERSION,
    make_data_dir,
    open_database,
    open_reader,
)
from store.sqlite.lock import FileLock
from store.sqlite.requests import Job
from store.sqlite.retention import Retention
from store.sqlite.rooms import RandomBytes
from store.sqlite.writer import Writer

T = TypeVar("T")

FILE_NAME = "ilo.db"
LOCK_NAME = "ilo.db.lock"


class SqliteStore:
    """Implements ``services.ports.Store``, for one process and one event loop.

    Writes share the commits of ``writer``. Reads see what is committed: single rows, some
    microseconds each, on the event loop; pages on a thread of their own. ``random_bytes``
    makes the identifiers of rooms and epochs, on the writer's thread.
    """

    def __init__(
        self,
        file: Path,
        lock: FileLock,
        database: sqlite3.Connection,
        random_bytes: RandomBytes = os.urandom,
    ) -> None:
        self._lock = lock
        self._random_bytes = random_bytes
        self._rows = open_reader(file)
        self._pages = open_reader(file)
        self._pager = ThreadPoolExecutor(1, thread_name_prefix="ilo-store-pages")
        self._log = log.RoomLog(database)
        self._writer = Writer(Committer(database, self._log))
        self._retention = Retention(self._log, self._read_page, self._writer.do)
        self._closed = False

    @classmethod
    async def open(cls, data_dir: Path, *, random_bytes: RandomBytes = os.urandom) -> "SqliteStore":
        """Open the store in ``data_dir``, making the folder and the file if need be.

        Raises:
            StoreRefused: another process uses it, or the file is not one we know.
            OSError: the folder or the file cannot be made or opened.
        """
        file = data_dir / FILE_NAME
        lock, database = await asyncio.to_thread(_open, data_dir, file)
        return cls(file, lock, database, random_bytes)

    @staticmethod
    def is_in(data_dir: Path) -> bool:
        """Whether ``open`` would find a file in the folder, and not make one."""
        return (data_dir / FILE_NAME).is_file()

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

    async def user(self, user_id: UserId) -> User | None:
        return self._read(partial(users.find_user_by_id, user_id=user_id))

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

    async def ended_sessions(self, session_ids: Sequence[str], now: Instant) -> list[str]:
        return await self._read_page(
            partial(sessions.ended_sessions, session_ids=session_ids, now=now)
        )

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

    async def enter_room(
        self, name: RoomName, user_id: UserId, now: Instant, limits: Limits
    ) -> Entry | None:
        entry = self._read(partial(members.find_entry, name=name, user_id=user_id))
        if entry is not None:
            return entry
        return await self._writer.do(
            partial(
                members.enter_room,
                name=name,
                user_id=user_id,
                now=now,
                limits=limits,
                random_bytes=self._random_bytes,
            )
        )

    async def add_private_room(self, room: Room, limits: Limits) -> None:
        await self._writer.do(partial(members.add_private_room, room=room, limits=limits))

    async def room_named(self, name: RoomName) -> Room | None:
        return self._read(partial(rooms.find_room_named, name=name))

    async def room(self, room_id: RoomId) -> Room | None:
        return self._read(partial(rooms.find_room, room_id=room_id))

    async def membership(self, room_id: RoomId, user_id: UserId) -> Membership | None:
        return self._read(partial(members.find_membership, room_id=room_id, user_id=user_id))

    async def members(
        self, room_id: RoomId, after: Username | None, limit: int
    ) -> list[RoomMember]:
        return await self._read_page(
            partial(member_pages.members, room_id=room_id, after=after, limit=limit)
        )

    async def rooms_of(
        self, user_id: UserId, after: RoomName | None, limit: int
    ) -> list[RoomOfUser]:
        return await self._read_page(
            partial(member_pages.rooms_of, user_id=user_id, after=after, limit=limit)
        )

    async def invite(
        self, room_id: RoomId, user_id: UserId, now: Instant, limits: Limits
    ) -> Invited:
        return await self._writer.do(
            partial(members.invite, room_id=room_id, user_id=user_id, now=now, limits=limits)
        )

    async def remove_member(self, room_id: RoomId, user_id: UserId) -> Departure | None:
        return await self._writer.do(
            partial(members.remove_member, log=self._log, room_id=room_id, user_id=user_id)
        )

    async def delete_room(self, room_id: RoomId) -> bool:
        return await self._writer.do(
            partial(rooms.delete_private_room, log=self._log, room_id=room_id)
        )

    async def leaving(self, limit: int) -> list[tuple[RoomId, UserId]]:
        places = await self._read_page(partial(members.find_leaving, limit=limit))
        if not places and self._read(members.anybody_leaves):
            await self._writer.do(members.forget_who_left)
        return places

    async def enforce_retention(self, now: Instant, limits: Limits) -> int:
        return await self._retention.enforce(now, limits)

    async def begin_epochs(self) -> int:
        return await self._writer.do(partial(rooms.begin_epochs, random_bytes=self._random_bytes))

    def append(self, drafts: Sequence[Draft], done: Callable[[Sequence[Appended]], None]) -> None:
        self._writer.append(drafts, done)

    async def messages_after(
        self, room_id: RoomId, after: int, limit: int, max_bytes: int
    ) -> list[LoggedMessage]:
        return await self._read_page(
            partial(
                log.messages_after,
                room_id=room_id,
                after=after,
                limit=limit,
                max_bytes=max_bytes,
            )
        )

    async def messages_before(
        self, room_id: RoomId, before: int | None, floor: int, limit: int, max_bytes: int
    ) -> list[LoggedMessage]:
        return await self._read_page(
            partial(
                log.messages_before,
                room_id=room_id,
                before=before,
                floor=floor,
                limit=limit,
                max_bytes=max_bytes,
            )
        )

    async def _read_page(self, query: Job[T]) -> T:
        """Read what may be much, on its own thread."""
        if self._closed:
            raise StoreUnavailable
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._pager, query, self._pages)
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
