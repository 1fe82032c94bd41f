"""API keys in Cassandra."""

import uuid
from collections.abc import Iterable

from services.model import ApiKey, Instant, SecretHash
from store.cassandra.cql import Cql
from store.cassandra.outcomes import add_row, settle
from store.cassandra.reads import read_all

_ADD = (
    "INSERT INTO api_keys (key_hash, revoke_hash, created_at, revoked_at)"
    " VALUES (?, ?, ?, ?) IF NOT EXISTS"
)
_FIND = "SELECT key_hash, revoke_hash, created_at, revoked_at FROM api_keys WHERE key_hash = ?"
_FIND_ALL = "SELECT key_hash, revoked_at FROM api_keys WHERE key_hash IN ?"
# The condition on the other hash: an update would make the row of a key that is not there.
_REVOKE = (
    "UPDATE api_keys SET revoked_at = ?, revoked_by = ? WHERE key_hash = ?"
    " IF revoke_hash != null AND revoked_at = null AND revoked_by = null"
)


class Keys:
    """Implements ``services.ports.KeyStore``."""

    def __init__(self, cql: Cql) -> None:
        self._cql = cql

    async def add_api_key(self, key: ApiKey) -> None:
        await add_row(
            self._cql,
            _ADD,
            key.key_hash,
            key.revoke_hash,
            key.created_at,
            key.revoked_at,
            mark="revoke_hash",
            mine=key.revoke_hash,
        )

    async def api_key(self, key_hash: SecretHash) -> ApiKey | None:
        rows = await self._cql.read(_FIND, key_hash)
        return ApiKey(*rows[0]) if rows else None

    async def active_keys(self, key_hashes: Iterable[SecretHash]) -> set[SecretHash]:
        """Return those of the hashes whose key is there and not revoked."""
        rows = await read_all(self._cql, _FIND_ALL, key_hashes)
        return {SecretHash(key_hash) for key_hash, revoked_at in rows if revoked_at is None}

    async def revoke_api_key(self, key_hash: SecretHash, at: Instant) -> bool:
        # Whoever revoked it first stays in the row, so there is nothing to guess.
        mine = uuid.uuid4()
        outcome = await settle(self._cql, _REVOKE, at, mine, key_hash, mark="revoked_by", mine=mine)
        return outcome.applied
