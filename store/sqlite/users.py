"""Accounts and their public keys in the data file."""

import sqlite3

from services.errors import KeyVersionConflict, NameTaken, UserNotFound
from services.model import Instant, PublicKey, SecretHash, User, UserId

_NEWEST_KEY = (
    "SELECT k.version, k.text, k.created_at"
    " FROM users AS u JOIN public_keys AS k ON k.user_id = u.user_id"
    " WHERE u.user_id = ? AND u.deleted_at IS NULL ORDER BY k.version DESC LIMIT 1"
)


def add_user(connection: sqlite3.Connection, user: User, public_key: PublicKey) -> None:
    taken = connection.execute(
        "SELECT 1 FROM users WHERE name_key = ?", (user.name_key,)
    ).fetchone()
    if taken is not None:
        raise NameTaken
    connection.execute(
        "INSERT INTO users (user_id, name, name_key, password_hash, created_at,"
        " session_generation, deleted_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            user.user_id,
            user.name,
            user.name_key,
            user.password_hash,
            user.created_at,
            user.session_generation,
            user.deleted_at,
        ),
    )
    _add_key(connection, user.user_id, public_key)


def find_user(connection: sqlite3.Connection, name_key: str) -> User | None:
    row = connection.execute(
        "SELECT user_id, name, name_key, password_hash, created_at, session_generation,"
        " deleted_at FROM users WHERE name_key = ? AND deleted_at IS NULL",
        (name_key,),
    ).fetchone()
    return None if row is None else User(*row)


def find_user_by_id(connection: sqlite3.Connection, user_id: UserId) -> User | None:
    """Return the account, deleted or not."""
    row = connection.execute(
        "SELECT user_id, name, name_key, password_hash, created_at, session_generation,"
        " deleted_at FROM users WHERE user_id = ?",
        (user_id,),
    ).fetchone()
    return None if row is None else User(*row)


def change_password(
    connection: sqlite3.Connection, user_id: UserId, password_hash: str, keep: SecretHash
) -> bool:
    if not raise_generation(connection, user_id, keep):
        return False
    connection.execute(
        "UPDATE users SET password_hash = ? WHERE user_id = ?", (password_hash, user_id)
    )
    return True


def raise_generation(connection: sqlite3.Connection, user_id: UserId, keep: SecretHash) -> bool:
    """End the user's sessions but ``keep``; False for a deleted or unknown account."""
    row = connection.execute(
        "UPDATE users SET session_generation = session_generation + 1"
        " WHERE user_id = ? AND deleted_at IS NULL RETURNING session_generation",
        (user_id,),
    ).fetchone()
    if row is None:
        return False
    # Only a session of the generation that ends now: one that was ended earlier stays so.
    connection.execute(
        "UPDATE sessions SET generation = ?"
        " WHERE token_hash = ? AND user_id = ? AND generation = ?",
        (row[0], keep, user_id, row[0] - 1),
    )
    return True


def rehash_password(
    connection: sqlite3.Connection, user_id: UserId, old_hash: str, new_hash: str
) -> bool:
    cursor = connection.execute(
        "UPDATE users SET password_hash = ?"
        " WHERE user_id = ? AND password_hash = ? AND deleted_at IS NULL",
        (new_hash, user_id, old_hash),
    )
    return cursor.rowcount == 1


def find_public_key(connection: sqlite3.Connection, user_id: UserId) -> PublicKey | None:
    row = connection.execute(_NEWEST_KEY, (user_id,)).fetchone()
    return None if row is None else PublicKey(*row)


def add_public_key(
    connection: sqlite3.Connection,
    user_id: UserId,
    text: str,
    if_version: int,
    at: Instant,
) -> int:
    newest = find_public_key(connection, user_id)
    if newest is None:
        raise UserNotFound
    if newest.version != if_version:
        raise KeyVersionConflict
    _add_key(connection, user_id, PublicKey(if_version + 1, text, at))
    return if_version + 1


def delete_user(connection: sqlite3.Connection, user_id: UserId, at: Instant) -> bool:
    cursor = connection.execute(
        "UPDATE users SET deleted_at = ?, password_hash = ''"
        " WHERE user_id = ? AND deleted_at IS NULL",
        (at, user_id),
    )
    if cursor.rowcount == 0:
        return False
    connection.execute("DELETE FROM public_keys WHERE user_id = ?", (user_id,))
    connection.execute("DELETE FROM sessions WHERE user_id = ?", (user_id,))
    connection.execute(
        "INSERT INTO leaving_users (user) SELECT number FROM users WHERE user_id = ?"
        " AND EXISTS (SELECT 1 FROM room_members WHERE room_members.user = users.number)",
        (user_id,),
    )
    return True


def _add_key(connection: sqlite3.Connection, user_id: UserId, key: PublicKey) -> None:
    connection.execute(
        "INSERT INTO public_keys (user_id, version, text, created_at) VALUES (?, ?, ?, ?)",
        (user_id, key.version, key.text, key.created_at),
    )
