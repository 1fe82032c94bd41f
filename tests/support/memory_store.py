"""A store that keeps everything in memory and every promise of the port but durability."""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import replace

from services.errors import (
    IdReused,
    IloError,
    InvalidInput,
    KeyVersionConflict,
    NameTaken,
    StoreUnavailable,
    UserNotFound,
)
from services.model import (
    ApiKey,
    Draft,
    Epoch,
    Instant,
    LoggedMessage,
    MessageId,
    PublicKey,
    Receipt,
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


class _RoomLog:
    __slots__ = ("epoch", "log", "name", "seqs")

    def __init__(self, name: RoomName) -> None:
        self.name = name
        self.epoch = Epoch(os.urandom(16))
        self.log: list[tuple[MessageId, UserId, Instant, str]] = []
        self.seqs: dict[tuple[UserId, MessageId], int] = {}


class MemoryStore:
    """Implements ``services.ports.Store``.

    ``failure`` may be set to the error that every method is to raise, and every draft to get.
    """

    def __init__(self) -> None:
        self.failure: IloError | None = None
        self._api_keys: dict[SecretHash, ApiKey] = {}
        self._user_ids: dict[str, UserId] = {}
        self._users: dict[UserId, User] = {}
        self._public_keys: dict[UserId, PublicKey] = {}
        self._sessions: dict[SecretHash, Session] = {}
        self._tickets: dict[SecretHash, tuple[SecretHash, Instant]] = {}
        self._room_ids: dict[RoomName, RoomId] = {}
        self._rooms: dict[RoomId, _RoomLog] = {}

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

    async def open_room(self, name: RoomName, now: Instant) -> Room:
        self._fail_if_told()
        room_id = self._room_ids.get(name)
        if room_id is None:
            room_id = self._room_ids[name] = RoomId(os.urandom(16))
            self._rooms[room_id] = _RoomLog(name)
        room = self._rooms[room_id]
        return Room(room_id, room.name, room.epoch, len(room.log))

    def append(self, drafts: Sequence[Draft], done: Callable[[Sequence[Appended]], None]) -> None:
        if not drafts:
            return
        outcomes: list[Appended]
        if self.failure is None:
            outcomes = [(draft, self._append(draft)) for draft in drafts]
        else:
            outcomes = [(draft, self.failure) for draft in drafts]
        asyncio.get_running_loop().call_soon(done, outcomes)

    async def messages_after(
        self, room_id: RoomId, after: int, limit: int, max_bytes: int
    ) -> list[LoggedMessage]:
        self._fail_if_told()
        page: list[LoggedMessage] = []
        room = self._rooms.get(room_id)
        if room is None:
            return page
        for seq, entry in enumerate(room.log[after : after + limit], after + 1):
            message_id, sender, sent_at, text = entry
            max_bytes -= len(text.encode())
            if page and max_bytes < 0:
                break
            name = self._users[sender].name
            page.append(LoggedMessage(seq, message_id, name, sent_at, text))
        return page

    def _append(self, draft: Draft) -> Receipt | IloError:
        room_id, sender, message_id, sent_at, text, _, _ = draft
        room = self._rooms.get(room_id)
        if room is None:
            return InvalidInput("/room", "unknown", "there is no such room")
        if sender not in self._users:
            return InvalidInput("/sender", "unknown", "there is no such user")
        if not text.isascii() and not _is_unicode(text):
            return InvalidInput("/text", "unicode", "a text must be Unicode")
        log = room.log
        new = len(log) + 1
        seq = room.seqs.setdefault((sender, message_id), new)
        if seq == new:
            log.append((message_id, sender, sent_at, text))
            return Receipt(seq, sent_at, True)
        _, _, first_sent_at, first_text = log[seq - 1]
        return Receipt(seq, first_sent_at, False) if text == first_text else IdReused()

    def _account(self, user_id: UserId) -> User | None:
        user = self._users.get(user_id)
        return None if user is None or user.deleted_at is not None else user

    def _fail_if_told(self) -> None:
        if self.failure is not None:
            raise self.failure


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
