"""API keys in Cassandra."""

import uuid

from services.model import ApiKey, Instant, SecretHash
from store.cassandra.cql import Cql
from store.cassandra.outcomes import add_row, settle

_ADD = (
    "INSERT INTO api_keys (key_hash, revoke_hash, created_at, revoked_at)"
    " VALUES (?, ?, ?, ?) IF NOT EXISTS"
)
_FIND = "SELECT key_hash, revoke_hash, created_at, revoked_at FROM api_keys WHERE key_hash = ?"
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

    async def revoke_api_key(self, key_hash: SecretHash, at: Instant) -> bool:
        # Whoever revoked it first stays in the row, so there is nothing to guess.
        mine = uuid.uuid4()
        outcome = await settle(self._cql, _REVOKE, at, mine, key_hash, mark="revoked_by", mine=mine)
        return outcome.applied
