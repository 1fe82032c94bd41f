"""Looks for secrets in all that a store keeps: in whatever column, and in whatever form."""

import base64
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.support.cassandra.keyspaces import Keyspace

LEFT_OUT = 3
"""Characters at either end of base64 that depend on what is beside it."""


def plain(value: object) -> bytes:
    """Return what a column holds, as bytes."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, uuid.UUID):
        return value.bytes + str(value).encode()
    if isinstance(value, list):
        return b" ".join(plain(one) for one in value)
    return str(value).encode()


def everything(session: Any, place: "Keyspace") -> bytes:
    """Return all columns of all rows of all tables, and the texts of all prepared statements."""
    text = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = %s"
    parts: list[bytes] = []
    for (table,) in session.execute(text, [place.name]):
        for row in session.execute(f"SELECT * FROM {place.name}.{table}"):
            parts += [plain(value) for value in row]
    statements = "SELECT logged_keyspace, query_string FROM system.prepared_statements"
    for keyspace, statement in session.execute(statements):
        if keyspace == place.name:
            parts.append(statement.encode())
    return b"\n".join(parts)


def encodings(secret: bytes) -> Iterator[bytes]:
    """Yield the secret as it is, in hexadecimal, and in base64 wherever in a text it begins."""
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(bytes(before) + secret).rstrip(b"=")[before + 1 :][:-LEFT_OUT]


def forms(secret: str) -> set[bytes]:
    """Return the forms that the secret may have in a table; of a token also what it encodes."""
    found = set(encodings(secret.encode()))
    # Of a token the middle is enough to make it useless to hide the rest.
    found.add(secret[len(secret) // 4 : len(secret) * 3 // 4].encode())
    if secret.startswith("ilo_"):
        # A revoke token begins with the hash of its key, which is kept.
        random = base64.urlsafe_b64decode(secret[6:] + "=" * (-len(secret[6:]) % 4))[-32:]
        found |= set(encodings(random))
    else:
        try:
            found |= set(encodings(uuid.UUID(secret).bytes))
        except ValueError:
            return found
    return found


def found_in(secrets: dict[str, str], kept: bytes) -> list[str]:
    return [name for name, secret in secrets.items() if any(one in kept for one in forms(secret))]
