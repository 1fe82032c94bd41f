"""API keys in the data file."""

import sqlite3

from services.model import ApiKey, Instant, SecretHash


def add_key(connection: sqlite3.Connection, key: ApiKey) -> None:
    connection.execute(
        "INSERT INTO api_keys (key_hash, revoke_hash, created_at, revoked_at) VALUES (?, ?, ?, ?)",
        (key.key_hash, key.revoke_hash, key.created_at, key.revoked_at),
    )


def find_key(connection: sqlite3.Connection, key_hash: SecretHash) -> ApiKey | None:
    row = connection.execute(
        "SELECT key_hash, revoke_hash, created_at, revoked_at FROM api_keys WHERE key_hash = ?",
        (key_hash,),
    ).fetchone()
    return None if row is None else ApiKey(*row)


def revoke_key(connection: sqlite3.Connection, key_hash: SecretHash, at: Instant) -> bool:
    cursor = connection.execute(
        "UPDATE api_keys SET revoked_at = ? WHERE key_hash = ? AND revoked_at IS NULL",
        (at, key_hash),
    )
    return cursor.rowcount == 1
