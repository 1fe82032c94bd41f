"""The rows of sessions, as they were added: nothing in one changes but that it ends."""

from services.model import Instant, SecretHash, Session, UserId
from store.cassandra.cql import Cql

ID_BYTES = 16
"""An id is the first part of the token's hash (``services.secret_tokens.session_id``)."""

_FIND = (
    "SELECT token_hash, user_id, generation, key_hash, created_at, expires_at, ended_by"
    " FROM sessions WHERE session_id = ?"
)


async def find_session(cql: Cql, session_id: bytes) -> Session | None:
    """Return the session, expired or not; None when it is unknown or was ended by itself."""
    rows = await cql.read(_FIND, session_id)
    if not rows:
        return None
    token_hash, user_id, generation, key_hash, created_at, expires_at, ended_by = rows[0]
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


async def find_by_token(cql: Cql, token_hash: SecretHash) -> Session | None:
    """Return the session of that token; see ``find_session``."""
    session = await find_session(cql, token_hash[:ID_BYTES])
    return session if session is not None and session.token_hash == token_hash else None
