"""Sessions and tickets in Cassandra. What has expired goes by itself, by its TTL."""

import uuid
from collections.abc import Sequence
from dataclasses import replace

from services.model import Instant, SecretHash, Session, SessionOwner, UserId
from services.secret_tokens import session_id
from store.cassandra.cql import Cql
from store.cassandra.keys import Keys
from store.cassandra.outcomes import add_row, settle
from store.cassandra.session_rows import ID_BYTES, find_session, find_sessions
from store.cassandra.users import Users

KEPT_S = 60
"""For how long a row stays after its session, for callers whose clock is behind."""

_ADD = (
    "INSERT INTO sessions (session_id, token_hash, user_id, generation, key_hash, created_at,"
    " expires_at) VALUES (?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS USING TTL ?"
)
_END = (
    "UPDATE sessions USING TTL ? SET ended_by = ? WHERE session_id = ?"
    " IF token_hash = ? AND ended_by = null"
)
_ADD_TICKET = (
    "INSERT INTO tickets (ticket_hash, token_hash, expires_at) VALUES (?, ?, ?) IF NOT EXISTS"
)
_FIND_TICKET = "SELECT token_hash, expires_at, used_by FROM tickets WHERE ticket_hash = ?"
_USE_TICKET = (
    "UPDATE tickets SET used_by = ? WHERE ticket_hash = ? IF token_hash != null AND used_by = null"
)


class Sessions:
    """Implements ``services.ports.SessionStore``."""

    def __init__(self, cql: Cql, users: Users, keys: Keys) -> None:
        self._cql = cql
        self._users = users
        self._keys = keys

    async def add_session(self, session: Session) -> None:
        await add_row(
            self._cql,
            _ADD,
            session.token_hash[:ID_BYTES],
            session.token_hash,
            uuid.UUID(bytes=session.user_id),
            session.generation,
            session.key_hash,
            session.created_at,
            session.expires_at,
            _ttl_s(session),
            mark="token_hash",
            mine=session.token_hash,
        )

    async def session(self, token_hash: SecretHash) -> SessionOwner | None:
        session = await find_session(self._cql, token_hash)
        account = None if session is None else await self._users.account(session.user_id)
        if session is None or account is None or account.user.deleted_at is not None:
            return None
        key = await self._keys.api_key(session.key_hash)
        # A session whose API key is not even known is as good as revoked.
        is_revoked = key is None or key.revoked_at is not None
        seen = replace(session, generation=account.generation_of(session))
        return SessionOwner(seen, account.user, is_revoked)

    async def end_session(self, token_hash: SecretHash) -> bool:
        session = await find_session(self._cql, token_hash)
        if session is None:
            return False
        mine = uuid.uuid4()
        outcome = await settle(
            self._cql,
            _END,
            # From now on as long as the row's own: the end outlives what it ends.
            _ttl_s(session),
            mine,
            token_hash[:ID_BYTES],
            token_hash,
            mark="ended_by",
            mine=mine,
        )
        return outcome.applied

    async def end_other_sessions(self, user_id: UserId, keep: SecretHash) -> None:
        await self._users.raise_generation(user_id, keep)

    async def ended_sessions(self, session_ids: Sequence[str], now: Instant) -> list[str]:
        found = await find_sessions(self._cql, map(bytes.fromhex, session_ids))
        alive = [session for session in found if session.expires_at > now]
        accounts = await self._users.accounts(session.user_id for session in alive)
        active = await self._keys.active_keys(session.key_hash for session in alive)
        valid = {
            session_id(session.token_hash)
            for session in alive
            if session.key_hash in active
            and (account := accounts.get(session.user_id)) is not None
            and account.has_current(session)
        }
        return [one for one in session_ids if one not in valid]

    async def add_ticket(
        self, ticket_hash: SecretHash, token_hash: SecretHash, expires_at: Instant
    ) -> None:
        await add_row(
            self._cql,
            _ADD_TICKET,
            ticket_hash,
            token_hash,
            expires_at,
            mark="token_hash",
            mine=token_hash,
        )

    async def use_ticket(self, ticket_hash: SecretHash, now: Instant) -> SecretHash | None:
        rows = await self._cql.read(_FIND_TICKET, ticket_hash)
        if not rows:
            return None
        token_hash, expires_at, used_by = rows[0]
        # What is left without an expiry is the use of a ticket that has gone meanwhile.
        if used_by is not None or expires_at is None or expires_at <= now:
            return None
        mine = uuid.uuid4()
        outcome = await settle(self._cql, _USE_TICKET, mine, ticket_hash, mark="used_by", mine=mine)
        return SecretHash(token_hash) if outcome.applied else None

    async def sweep(self, now: Instant) -> int:
        """Return 0: there is nothing to do here."""
        return 0


def _ttl_s(session: Session) -> int:
    """Return how long a row of the session stays, in whole seconds.

    By its own instants: what the wall clock says may be another time than theirs.
    """
    life_ms = max(0, session.expires_at - session.created_at)
    return -(-life_ms // 1000) + KEPT_S
