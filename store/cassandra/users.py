"""Accounts and their public keys in Cassandra: one row each, and one for each name."""

import uuid
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from services.errors import KeyVersionConflict, NameTaken, StoreUnavailable, UserNotFound
from services.model import Instant, PublicKey, SecretHash, Session, User, UserId, Username
from store.cassandra.cql import Cql, Row
from store.cassandra.outcomes import Outcome, add_row, settle
from store.cassandra.patience import Patience
from store.cassandra.reads import read_all
from store.cassandra.session_rows import ID_BYTES, find_session

MAX_NAMES = 10_000
"""Names that are remembered: they never change."""

_ADD = (
    "INSERT INTO users (user_id, name, name_key, password_hash, session_generation, created_at,"
    " deleted_at, key_version, public_key, key_created_at, change)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS"
)
_CLAIM = "INSERT INTO user_names (name_key, user_id) VALUES (?, ?) IF NOT EXISTS"
_FORGET = "DELETE FROM users WHERE user_id = ? IF change = ?"
_FIND_NAMED = "SELECT user_id FROM user_names WHERE name_key = ?"
_COLUMNS = (
    "user_id, name, name_key, password_hash, created_at, session_generation, deleted_at,"
    " kept_session"
)
_FIND = f"SELECT {_COLUMNS} FROM users WHERE user_id = ?"
_FIND_ALL = f"SELECT {_COLUMNS} FROM users WHERE user_id IN ?"
_FIND_KEY = "SELECT key_version, public_key, key_created_at FROM users WHERE user_id = ?"
_FIND_NAME = "SELECT name FROM users WHERE user_id = ?"

# Each ends with `change != ?`, its own: so the row that refuses it shows who wrote last.
_RAISE = (
    "UPDATE users SET session_generation = ?, kept_session = ?, change = ? WHERE user_id = ?"
    " IF session_generation = ? AND deleted_at = null AND change != ?"
)
_RAISE_WITH_HASH = (
    "UPDATE users SET password_hash = ?, session_generation = ?, kept_session = ?, change = ?"
    " WHERE user_id = ?"
    " IF session_generation = ? AND deleted_at = null AND change != ?"
)
_REHASH = (
    "UPDATE users SET password_hash = ?, change = ? WHERE user_id = ?"
    " IF password_hash = ? AND deleted_at = null AND change != ?"
)
_ADD_KEY = (
    "UPDATE users SET key_version = ?, public_key = ?, key_created_at = ?, change = ?"
    " WHERE user_id = ? IF key_version = ? AND deleted_at = null AND change != ?"
)
_DELETE = (
    "UPDATE users SET deleted_at = ?, password_hash = '', key_version = null, public_key = null,"
    " key_created_at = null, kept_session = null, change = ? WHERE user_id = ?"
    " IF name_key != null AND deleted_at = null AND change != ?"
)

_FIND_ROOM = "SELECT room_id FROM rooms_by_user WHERE user_id = ? LIMIT 1"
_LEAVE = "INSERT INTO leaving_users (user_id) VALUES (?)"


@dataclass(frozen=True, slots=True)
class Account:
    """What the row of an account says of its user and of the user's sessions."""

    user: User
    kept_session: bytes | None

    def generation_of(self, session: Session) -> int:
        """Return the generation that a session of this user counts as."""
        if self.kept_session == session.token_hash[:ID_BYTES]:
            return self.user.session_generation
        return session.generation

    def has_current(self, session: Session) -> bool:
        """Tell whether the user is there, and has not ended the session along with others."""
        is_current = self.generation_of(session) == self.user.session_generation
        return is_current and self.user.deleted_at is None


class Users:
    """Implements ``services.ports.UserStore``.

    A change whose outcome cannot be told, because others came upon it, is ``StoreUnavailable``;
    it is never applied later, over one that came after it.
    """

    def __init__(self, cql: Cql) -> None:
        self._cql = cql
        self._names: OrderedDict[UserId, Username] = OrderedDict()

    async def add_user(self, user: User, public_key: PublicKey) -> None:
        user_id, mine = uuid.UUID(bytes=user.user_id), uuid.uuid4()
        # The account before its name: who finds the name finds the account.
        await add_row(
            self._cql,
            _ADD,
            user_id,
            user.name,
            user.name_key,
            user.password_hash,
            user.session_generation,
            user.created_at,
            user.deleted_at,
            public_key.version,
            public_key.text,
            public_key.created_at,
            mine,
            mark="change",
            mine=mine,
        )
        claim = await settle(
            self._cql, _CLAIM, user.name_key, user_id, mark="user_id", mine=user_id
        )
        if not claim.applied:
            # If not now, then never; but nobody comes upon it without a name.
            with suppress(StoreUnavailable):
                await settle(self._cql, _FORGET, user_id, mine, mark="change", mine=mine)
            raise NameTaken

    async def user_named(self, name_key: str) -> User | None:
        rows = await self._cql.read(_FIND_NAMED, name_key)
        user = await self.user(UserId(rows[0][0].bytes)) if rows else None
        return None if user is None or user.deleted_at is not None else user

    async def user(self, user_id: UserId) -> User | None:
        account = await self.account(user_id)
        return None if account is None else account.user

    async def account(self, user_id: UserId) -> Account | None:
        """Return the account, deleted or not; None for an unknown id."""
        rows = await self._cql.read(_FIND, uuid.UUID(bytes=user_id))
        return _account(rows[0]) if rows else None

    async def accounts(self, user_ids: Iterable[UserId]) -> dict[UserId, Account]:
        """Return those accounts that there are, deleted ones too."""
        keys = [uuid.UUID(bytes=user_id) for user_id in user_ids]
        rows = await read_all(self._cql, _FIND_ALL, keys)
        return {account.user.user_id: account for account in map(_account, rows)}

    async def name_of(self, user_id: UserId) -> Username | None:
        """Return the name of the account, deleted or not; None for an unknown id."""
        name = self._names.get(user_id)
        if name is not None:
            self._names.move_to_end(user_id)
            return name
        rows = await self._cql.read(_FIND_NAME, uuid.UUID(bytes=user_id))
        if not rows:
            return None
        name = self._names[user_id] = Username(rows[0][0])
        if len(self._names) > MAX_NAMES:
            self._names.popitem(last=False)
        return name

    async def change_password(self, user_id: UserId, password_hash: str, keep: SecretHash) -> bool:
        return await self._raise_generation(user_id, keep, password_hash)

    async def raise_generation(self, user_id: UserId, keep: SecretHash) -> bool:
        """End the user's sessions but ``keep``; False for a deleted or unknown account."""
        return await self._raise_generation(user_id, keep, None)

    async def rehash_password(self, user_id: UserId, old_hash: str, new_hash: str) -> bool:
        mine, key = uuid.uuid4(), uuid.UUID(bytes=user_id)
        outcome = await self._update(_REHASH, new_hash, mine, key, old_hash, mine)
        return outcome.applied

    async def public_key(self, user_id: UserId) -> PublicKey | None:
        rows = await self._cql.read(_FIND_KEY, uuid.UUID(bytes=user_id))
        # A deleted account has none.
        return PublicKey(*rows[0]) if rows and rows[0][0] is not None else None

    async def add_public_key(self, user_id: UserId, text: str, if_version: int, at: Instant) -> int:
        mine, key = uuid.uuid4(), uuid.UUID(bytes=user_id)
        version = if_version + 1
        outcome = await self._update(_ADD_KEY, version, text, at, mine, key, if_version, mine)
        if outcome.applied:
            return version
        if outcome.row is None or outcome.row["deleted_at"] is not None:
            raise UserNotFound
        raise KeyVersionConflict

    async def delete_user(self, user_id: UserId, at: Instant) -> bool:
        mine, key = uuid.uuid4(), uuid.UUID(bytes=user_id)
        # Before the deletion: afterwards nobody would know who has to leave, if we broke off.
        is_leaving = await self._leave(key)
        # Nothing is written upon a deletion: whoever did it stays in the row.
        outcome = await settle(self._cql, _DELETE, at, mine, key, mine, mark="change", mine=mine)
        # And who has come into a first room meanwhile.
        if not is_leaving:
            await self._leave(key)
        return outcome.applied

    # -- the inside

    async def _raise_generation(
        self, user_id: UserId, keep: SecretHash, password_hash: str | None
    ) -> bool:
        mine, key = uuid.uuid4(), uuid.UUID(bytes=user_id)
        patience = Patience()
        while True:
            account = await self.account(user_id)
            if account is None or account.user.deleted_at is not None:
                return False
            generation = account.user.session_generation
            kept = await self._kept(account, keep)
            values = (generation + 1, kept, mine, key, generation, mine)
            if password_hash is None:
                outcome = await self._update(_RAISE, *values)
            else:
                outcome = await self._update(_RAISE_WITH_HASH, password_hash, *values)
            if outcome.applied:
                return True
            # Somebody else raised it first.
            await patience.pause()

    async def _kept(self, account: Account, keep: SecretHash) -> bytes | None:
        """Return the id of the session ``keep`` if it is one of the user that has not ended."""
        session = await find_session(self._cql, keep)
        if session is None or session.user_id != account.user.user_id:
            return None
        return keep[:ID_BYTES] if account.has_current(session) else None

    async def _update(self, text: str, *values: object) -> Outcome:
        """Change an account; the last value is the ``change`` that it writes.

        Raises:
            StoreUnavailable: it was refused, and may have been applied before what refused it.
        """
        outcome = await settle(self._cql, text, *values, mark="change", mine=values[-1])
        if not outcome.applied and not outcome.is_certain:
            raise StoreUnavailable
        return outcome

    async def _leave(self, user_id: uuid.UUID) -> bool:
        """Note that the user leaves all rooms; False when there is none to leave."""
        if not await self._cql.read(_FIND_ROOM, user_id):
            return False
        await self._cql.write(_LEAVE, user_id)
        return True


def _account(row: Row) -> Account:
    user_id, *of_user, kept_session = row
    return Account(User(UserId(user_id.bytes), *of_user), kept_session)
