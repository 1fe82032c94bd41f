"""The rows of sessions, as they were added: nothing in one changes but that it ends."""

from collections.abc import Iterable

from services.model import Instant, SecretHash, Session, UserId
from store.cassandra.cql import Cql, Row
from store.cassandra.reads import read_all

ID_BYTES = 16
"""An id is the first part of the token's hash (``services.secret_tokens.session_id``)."""

_COLUMNS = "token_hash, user_id, generation, key_hash, created_at, expires_at, ended_by"
_FIND = f"SELECT {_COLUMNS} FROM sessions WHERE session_id = ?"
_FIND_ALL = f"SELECT {_COLUMNS} FROM sessions WHERE session_id IN ?"


async def find_session(cql: Cql, token_hash: SecretHash) -> Session | None:
    """Return the session, expired or not; None when it is unknown or was ended by itself."""
    rows = await cql.read(_FIND, token_hash[:ID_BYTES])
    session = _session(rows[0]) if rows else None
    return session if session is not None and session.token_hash == token_hash else None


async def find_sessions(cql: Cql, session_ids: Iterable[bytes]) -> list[Session]:
    """Return those that there are and that were not ended by themselves, in any order."""
    rows = await read_all(cql, _FIND_ALL, session_ids)
    return [session for row in rows if (session := _session(row)) is not None]


def _session(row: Row) -> Session | None:
    token_hash, user_id, generation, key_hash, created_at, expires_at, ended_by = row
    # What is left without a hash is the end of a session that has expired meanwhile.
    if ended_by is not None or token_hash is None:
        return None
    return Session(
        SecretHash(token_hash),
        UserId(user_id.bytes),
        generation,
        SecretHash(key_hash),
        Instant(created_at),
        Instant(expires_at),
    )
