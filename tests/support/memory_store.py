"""A store that keeps everything in memory and every promise of the port but durability."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from services.errors import KeyVersionConflict, NameTaken, StoreUnavailable, UserNotFound
from services.model import (
    ApiKey,
    Instant,
    PublicKey,
    SecretHash,
    Session,
    SessionOwner,
    User,
    UserId,
)
from services.ports import Store
from services.secret_tokens import session_id
from store.sqlite import SqliteStore
from tests.support.memory_rooms import MemoryRooms


class MemoryStore(MemoryRooms):
    """Implements ``services.ports.Store``; see ``MemoryRooms`` for ``failure``."""

    def __init__(self, random_bytes: Callable[[int], bytes] = os.urandom) -> None:
        super().__init__(random_bytes)
        self._api_keys: dict[SecretHash, ApiKey] = {}
        self._user_ids: dict[str, UserId] = {}
        self._sessions: dict[SecretHash, Session] = {}
        self._tickets: dict[SecretHash, tuple[SecretHash, Instant]] = {}

    async def check(self) -> None:
        self._fail_if_told()

    async def close(self) -> None:
        self.failure = StoreUnavailable()
        # Outcomes under way were scheduled before this.
        await asyncio.sleep(0)

    async def add_api_key(self, key: ApiKey) -> None:
        self._fail_if_told()
        self._api_keys[key.key_hash] = key

    async def api_key(self, key_hash: SecretHash) -> ApiKey | None:
        self._fail_if_told()
        return self._api_keys.get(key_hash)

    async def revoke_api_key(self, key_hash: SecretHash, at: Instant) -> bool:
        self._fail_if_told()
        key = self._api_keys.get(key_hash)
        if key is None or key.revoked_at is not None:
            return False
        self._api_keys[key_hash] = replace(key, revoked_at=at)
        return True

    async def add_user(self, user: User, public_key: PublicKey) -> None:
        self._fail_if_told()
        if user.name_key in self._user_ids:
            raise NameTaken
        self._user_ids[user.name_key] = user.user_id
        self._users[user.user_id] = user
        self._public_keys[user.user_id] = public_key

    async def user_named(self, name_key: str) -> User | None:
        self._fail_if_told()
        user_id = self._user_ids.get(name_key)
        return None if user_id is None else self._account(user_id)

    async def user(self, user_id: UserId) -> User | None:
        self._fail_if_told()
        return self._users.get(user_id)

    async def change_password(self, user_id: UserId, password_hash: str, keep: SecretHash) -> bool:
        self._fail_if_told()
        if self._account(user_id) is None:
            return False
        await self.end_other_sessions(user_id, keep)
        self._users[user_id] = replace(self._users[user_id], password_hash=password_hash)
        return True

    async def rehash_password(self, user_id: UserId, old_hash: str, new_hash: str) -> bool:
        self._fail_if_told()
        user = self._account(user_id)
        if user is None or user.password_hash != old_hash:
            return False
        self._users[user_id] = replace(user, password_hash=new_hash)
        return True

    async def public_key(self, user_id: UserId) -> PublicKey | None:
        self._fail_if_told()
        return self._public_keys.get(user_id)

    async def add_public_key(self, user_id: UserId, text: str, if_version: int, at: Instant) -> int:
        self._fail_if_told()
        newest = self._public_keys.get(user_id)
        if newest is None:
            raise UserNotFound
        if newest.version != if_version:
            raise KeyVersionConflict
        self._public_keys[user_id] = PublicKey(if_version + 1, text, at)
        return if_version + 1

    async def delete_user(self, user_id: UserId, at: Instant) -> bool:
        self._fail_if_told()
        user = self._account(user_id)
        if user is None:
            return False
        self._users[user_id] = replace(user, password_hash="", deleted_at=at)
        del self._public_keys[user_id]
        for session in [s for s in self._sessions.values() if s.user_id == user_id]:
            del self._sessions[session.token_hash]
        return True

    async def add_session(self, session: Session) -> None:
        self._fail_if_told()
        self._sessions[session.token_hash] = session

    async def session(self, token_hash: SecretHash) -> SessionOwner | None:
        self._fail_if_told()
        session = self._sessions.get(token_hash)
        user = None if session is None else self._account(session.user_id)
        if session is None or user is None:
            return None
        key = self._api_keys.get(session.key_hash)
        return SessionOwner(session, user, key is None or key.revoked_at is not None)

    async def end_session(self, token_hash: SecretHash) -> bool:
        self._fail_if_told()
        return self._sessions.pop(token_hash, None) is not None

    async def end_other_sessions(self, user_id: UserId, keep: SecretHash) -> None:
        self._fail_if_told()
        user = self._account(user_id)
        if user is None:
            return
        raised = user.session_generation + 1
        self._users[user_id] = replace(user, session_generation=raised)
        kept = self._sessions.get(keep)
        if kept is not None and (kept.user_id, kept.generation) == (user_id, raised - 1):
            self._sessions[keep] = replace(kept, generation=raised)

    async def ended_sessions(self, session_ids: Sequence[str], now: Instant) -> list[str]:
        self._fail_if_told()
        valid = {
            session_id(session.token_hash)
            for session in self._sessions.values()
            if self._is_valid(session, now)
        }
        return [one for one in session_ids if one not in valid]

    async def add_ticket(
        self, ticket_hash: SecretHash, token_hash: SecretHash, expires_at: Instant
    ) -> None:
        self._fail_if_told()
        self._tickets[ticket_hash] = (token_hash, expires_at)

    async def use_ticket(self, ticket_hash: SecretHash, now: Instant) -> SecretHash | None:
        self._fail_if_told()
        token_hash, expires_at = self._tickets.pop(ticket_hash, (None, now))
        return token_hash if expires_at > now else None

    async def sweep(self, now: Instant) -> int:
        self._fail_if_told()
        sessions = [k for k, s in self._sessions.items() if s.expires_at <= now]
        tickets = [k for k, (_, at) in self._tickets.items() if at <= now]
        for token_hash in sessions:
            del self._sessions[token_hash]
        for ticket_hash in tickets:
            del self._tickets[ticket_hash]
        return len(sessions) + len(tickets)

    def _is_valid(self, session: Session, now: Instant) -> bool:
        user, key = self._account(session.user_id), self._api_keys.get(session.key_hash)
        return (
            user is not None
            and session.generation == user.session_generation
            and session.expires_at > now
            and key is not None
            and key.revoked_at is None
        )


@asynccontextmanager
async def memory_or_sqlite(kind: str, folder: Path) -> AsyncIterator[Store]:
    """Open a store in memory, or with ``kind`` "sqlite" the embedded one in ``folder``."""
    store: Store = MemoryStore()
    if kind == "sqlite":
        store = await SqliteStore.open(folder / "data")
    yield store
    await store.close()
