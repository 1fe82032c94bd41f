"""Sessions and tickets in the data file."""

import sqlite3
from collections.abc import Sequence

from services.model import Instant, SecretHash, Session, SessionOwner, User

# Deleted a sweep, of each kind: more would hold up the messages behind it.
MAX_SWEPT = 1000

_SESSION_COLUMNS = 6
# A session whose API key is not even known is as good as revoked.
_OWNER = (
    "SELECT s.token_hash, s.user_id, s.generation, s.key_hash, s.created_at, s.expires_at,"
    " u.user_id, u.name, u.name_key, u.password_hash, u.created_at, u.session_generation,"
    " u.deleted_at, k.key_hash IS NULL OR k.revoked_at IS NOT NULL"
    " FROM sessions AS s JOIN users AS u ON u.user_id = s.user_id"
    " LEFT JOIN api_keys AS k ON k.key_hash = s.key_hash"
    " WHERE s.token_hash = ? AND u.deleted_at IS NULL"
)

_IS_VALID = (
    "SELECT 1 FROM sessions AS s JOIN users AS u ON u.user_id = s.user_id"
    " JOIN api_keys AS k ON k.key_hash = s.key_hash"
    " WHERE s.token_hash BETWEEN ? AND ? AND s.expires_at > ?"
    " AND s.generation = u.session_generation AND u.deleted_at IS NULL AND k.revoked_at IS NULL"
)
# An id is the first half of the hash (services.secret_tokens.session_id).
_FIRST_REST, _LAST_REST = bytes(16), b"\xff" * 16


def add_session(connection: sqlite3.Connection, session: Session) -> None:
    connection.execute(
        "INSERT INTO sessions (token_hash, user_id, generation, key_hash, created_at,"
        " expires_at) VALUES (?, ?, ?, ?, ?, ?)",
        (
            session.token_hash,
            session.user_id,
            session.generation,
            session.key_hash,
            session.created_at,
            session.expires_at,
        ),
    )


def find_owner(connection: sqlite3.Connection, token_hash: SecretHash) -> SessionOwner | None:
    row = connection.execute(_OWNER, (token_hash,)).fetchone()
    if row is None:
        return None
    return SessionOwner(
        Session(*row[:_SESSION_COLUMNS]), User(*row[_SESSION_COLUMNS:-1]), bool(row[-1])
    )


def end_session(connection: sqlite3.Connection, token_hash: SecretHash) -> bool:
    cursor = connection.execute("DELETE FROM sessions WHERE token_hash = ?", (token_hash,))
    return cursor.rowcount == 1


def ended_sessions(
    connection: sqlite3.Connection, session_ids: Sequence[str], now: Instant
) -> list[str]:
    """Return those of the ids whose session is not valid at ``now``."""
    ended = []
    for session_id in session_ids:
        start = bytes.fromhex(session_id)
        wanted = (start + _FIRST_REST, start + _LAST_REST, now)
        if connection.execute(_IS_VALID, wanted).fetchone() is None:
            ended.append(session_id)
    return ended


def add_ticket(
    connection: sqlite3.Connection,
    ticket_hash: SecretHash,
    token_hash: SecretHash,
    expires_at: Instant,
) -> None:
    connection.execute(
        "INSERT INTO tickets (ticket_hash, token_hash, expires_at) VALUES (?, ?, ?)",
        (ticket_hash, token_hash, expires_at),
    )


def use_ticket(
    connection: sqlite3.Connection, ticket_hash: SecretHash, now: Instant
) -> SecretHash | None:
    row = connection.execute(
        "DELETE FROM tickets WHERE ticket_hash = ? RETURNING token_hash, expires_at",
        (ticket_hash,),
    ).fetchone()
    if row is None or row[1] <= now:
        return None
    return SecretHash(row[0])


def sweep(connection: sqlite3.Connection, now: Instant) -> int:
    sessions = connection.execute(
        "DELETE FROM sessions WHERE token_hash IN"
        " (SELECT token_hash FROM sessions WHERE expires_at <= ? LIMIT ?)",
        (now, MAX_SWEPT),
    )
    tickets = connection.execute(
        "DELETE FROM tickets WHERE ticket_hash IN"
        " (SELECT ticket_hash FROM tickets WHERE expires_at <= ? LIMIT ?)",
        (now, MAX_SWEPT),
    )
    return sessions.rowcount + tickets.rowcount
