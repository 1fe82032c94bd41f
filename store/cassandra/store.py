"""The production store behind the services' port."""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from typing import Final

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
from store.cassandra.appender import Appender
from store.cassandra.connector import Connector
from store.cassandra.cql import Cql
from store.cassandra.errors import NotReady
from store.cassandra.heads import Heads
from store.cassandra.keys import Keys
from store.cassandra.known_rooms import KnownRooms, RoomFacts
from store.cassandra.log_table import CqlLogTable
from store.cassandra.member_pages import MemberPages
from store.cassandra.members import Members
from store.cassandra.pages import Pages
from store.cassandra.retention import Retention
from store.cassandra.rooms import RandomBytes, Rooms
from store.cassandra.sessions import Sessions
from store.cassandra.settings import CassandraSettings
from store.cassandra.users import Users

DEFAULT_RETENTION_S: Final = Limits().retention_s
CHECK_S: Final = 1.5
"""How long a look whether reading and writing work may take."""


class CassandraStore:
    """Implements ``services.ports.Store``, on one event loop; any number of processes share
    what it keeps.

    While there is no connection, every method raises ``StoreUnavailable``. ``random_bytes``
    makes the identifiers of rooms and epochs. ``retention_s`` is the operator's: messages of rooms
    without their own expire a day after it.
    """

    def __init__(
        self,
        settings: CassandraSettings,
        *,
        retention_s: int = DEFAULT_RETENTION_S,
        random_bytes: RandomBytes = os.urandom,
    ) -> None:
        self._cql = cql = Cql()
        self._connector = Connector(settings, cql)
        heads = Heads(cql)
        self._keys = Keys(cql)
        self._users = users = Users(cql)
        self._sessions = Sessions(cql, users, self._keys)
        self._rooms = rooms = Rooms(cql, heads, random_bytes)
        self._members = Members(cql, rooms, users)
        self._member_pages = MemberPages(cql, rooms, users)
        known = KnownRooms(self._facts, time.monotonic)
        self._pages = Pages(cql, heads, known)
        self._appender = Appender(CqlLogTable(cql, heads), known, users.name_of, retention_s)
        self._retention = Retention(cql, heads, rooms, self._appender)

    @classmethod
    async def open(
        cls,
        settings: CassandraSettings,
        *,
        retention_s: int = DEFAULT_RETENTION_S,
        random_bytes: RandomBytes = os.urandom,
    ) -> "CassandraStore":
        """Connect, and make the tables if need be; where nobody answers, go on trying afterwards.

        ``check`` says what is missing.

        Raises:
            StoreRefused: what is configured cannot be right.
        """
        store = cls(settings, retention_s=retention_s, random_bytes=random_bytes)
        try:
            await store._connector.open()
        except BaseException:
            await store.close()
            raise
        return store

    async def close(self) -> None:
        await self._appender.close()
        await self._connector.close()

    async def check(self) -> None:
        if (reason := self._connector.lacks()) is not None:
            raise NotReady(reason)
        try:
            async with asyncio.timeout(CHECK_S):
                if (reason := await self._connector.lacks_replicas()) is not None:
                    raise NotReady(reason)
                await self._cql.write(
                    "INSERT INTO checks (id, at) VALUES (1, toUnixTimestamp(now()))"
                )
                await self._cql.read("SELECT at FROM checks WHERE id = 1")
        except NotReady:
            raise
        except (StoreUnavailable, TimeoutError):
            told = self._connector.lacks() or "Cassandra has no quorum that answers in time"
            raise NotReady(told) from None

    async def add_api_key(self, key: ApiKey) -> None:
        await self._keys.add_api_key(key)

    async def api_key(self, key_hash: SecretHash) -> ApiKey | None:
        return await self._keys.api_key(key_hash)

    async def revoke_api_key(self, key_hash: SecretHash, at: Instant) -> bool:
        return await self._keys.revoke_api_key(key_hash, at)

    async def add_user(self, user: User, public_key: PublicKey) -> None:
        await self._users.add_user(user, public_key)

    async def user_named(self, name_key: str) -> User | None:
        return await self._users.user_named(name_key)

    async def user(self, user_id: UserId) -> User | None:
        return await self._users.user(user_id)

    async def change_password(self, user_id: UserId, password_hash: str, keep: SecretHash) -> bool:
        return await self._users.change_password(user_id, password_hash, keep)

    async def rehash_password(self, user_id: UserId, old_hash: str, new_hash: str) -> bool:
        return await self._users.rehash_password(user_id, old_hash, new_hash)

    async def public_key(self, user_id: UserId) -> PublicKey | None:
        return await self._users.public_key(user_id)

    async def add_public_key(self, user_id: UserId, text: str, if_version: int, at: Instant) -> int:
        return await self._users.add_public_key(user_id, text, if_version, at)

    async def delete_user(self, user_id: UserId, at: Instant) -> bool:
        return await self._users.delete_user(user_id, at)

    async def add_session(self, session: Session) -> None:
        await self._sessions.add_session(session)

    async def session(self, token_hash: SecretHash) -> SessionOwner | None:
        return await self._sessions.session(token_hash)

    async def end_session(self, token_hash: SecretHash) -> bool:
        return await self._sessions.end_session(token_hash)

    async def end_other_sessions(self, user_id: UserId, keep: SecretHash) -> None:
        await self._sessions.end_other_sessions(user_id, keep)

    async def ended_sessions(self, session_ids: Sequence[str], now: Instant) -> list[str]:
        return await self._sessions.ended_sessions(session_ids, now)

    async def add_ticket(
        self, ticket_hash: SecretHash, token_hash: SecretHash, expires_at: Instant
    ) -> None:
        await self._sessions.add_ticket(ticket_hash, token_hash, expires_at)

    async def use_ticket(self, ticket_hash: SecretHash, now: Instant) -> SecretHash | None:
        return await self._sessions.use_ticket(ticket_hash, now)

    async def sweep(self, now: Instant) -> int:
        return await self._sessions.sweep(now)

    async def enter_room(
        self, name: RoomName, user_id: UserId, now: Instant, limits: Limits
    ) -> Entry | None:
        return await self._members.enter_room(name, user_id, now, limits)

    async def add_private_room(self, room: Room, limits: Limits) -> None:
        await self._members.add_private_room(room, limits)

    async def room_named(self, name: RoomName) -> Room | None:
        return await self._rooms.find_named(name)

    async def room(self, room_id: RoomId) -> Room | None:
        return await self._rooms.find(room_id)

    async def membership(self, room_id: RoomId, user_id: UserId) -> Membership | None:
        return await self._members.membership(room_id, user_id)

    async def members(
        self, room_id: RoomId, after: Username | None, limit: int
    ) -> list[RoomMember]:
        return await self._member_pages.members(room_id, after, limit)

    async def rooms_of(
        self, user_id: UserId, after: RoomName | None, limit: int
    ) -> list[RoomOfUser]:
        return await self._member_pages.rooms_of(user_id, after, limit)

    async def invite(
        self, room_id: RoomId, user_id: UserId, now: Instant, limits: Limits
    ) -> Invited:
        return await self._members.invite(room_id, user_id, now, limits)

    async def remove_member(self, room_id: RoomId, user_id: UserId) -> Departure | None:
        departure = await self._members.remove_member(room_id, user_id)
        if departure is not None and departure.room is None:
            self._appender.forget_room(room_id)
        return departure

    async def delete_room(self, room_id: RoomId) -> bool:
        try:
            return await self._rooms.delete(room_id)
        finally:
            self._appender.forget_room(room_id)

    async def leaving(self, limit: int) -> list[tuple[RoomId, UserId]]:
        return await self._members.leaving(limit)

    async def enforce_retention(self, now: Instant, limits: Limits) -> int:
        return await self._retention.enforce(now, limits)

    async def begin_epochs(self) -> int:
        return await self._rooms.begin_epochs()

    def append(self, drafts: Sequence[Draft], done: Callable[[Sequence[Appended]], None]) -> None:
        self._appender.append(drafts, done)

    async def messages_after(
        self, room_id: RoomId, after: int, limit: int, max_bytes: int
    ) -> list[LoggedMessage]:
        return await self._pages.messages_after(room_id, after, limit, max_bytes)

    async def messages_before(
        self, room_id: RoomId, before: int | None, floor: int, limit: int, max_bytes: int
    ) -> list[LoggedMessage]:
        return await self._pages.messages_before(room_id, before, floor, limit, max_bytes)

    async def _facts(self, room_id: RoomId) -> RoomFacts | None:
        statics = await self._rooms.statics(room_id)
        return None if statics is None else RoomFacts(statics.retention_s)
