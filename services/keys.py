"""API keys: an app has one, and all of its users send it.

So knowing a key gives no right to end it; the revoke token does, or being the admin.
"""

import secrets
from dataclasses import dataclass, field
from typing import Literal

from services.errors import AdminOnly, ApiKeyNotFound, UnknownRevokeToken
from services.events import SessionsEnded, Tell
from services.guesses import RateWindow
from services.model import ApiKey, SecretHash
from services.ports import Clock, KeyStore
from services.secret_tokens import (
    hash_api_key,
    hash_secret,
    new_api_key,
    new_revoke_token,
    split_revoke_token,
)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key and the token that revokes it, told this once: only their hashes are kept."""

    key: str = field(repr=False)
    revoke_token: str = field(repr=False)


class Keys:
    """Makes, finds and revokes API keys.

    ``creations`` is taken from once for each key that anyone but the admin makes.
    """

    def __init__(
        self,
        store: KeyStore,
        clock: Clock,
        creations: RateWindow,
        tell: Tell,
        *,
        issuance: Literal["open", "admin"],
    ) -> None:
        self._store = store
        self._clock = clock
        self._creations = creations
        self._tell = tell
        self._issuance = issuance

    async def create(self, *, source: str, admin: bool) -> NewKey:
        """Make a key. ``source`` is the address that asks, ``admin`` whether it proved to be one.

        Raises:
            AdminOnly: only the admin makes keys here.
            TooManyTries: this source has made as many as it may for now.
        """
        if not admin:
            if self._issuance == "admin":
                raise AdminOnly
            self._creations.take(source)
        key = new_api_key()
        key_hash = hash_api_key(key)
        revoke_token = new_revoke_token(key_hash)
        await self._store.add_api_key(
            ApiKey(key_hash, hash_secret(revoke_token), created_at=self._clock())
        )
        return NewKey(key, revoke_token)

    async def revoke(self, revoke_token: str) -> None:
        """Revoke the key of that token for good; sessions made with the key end.

        Raises:
            UnknownRevokeToken: no key has that token, or it is revoked already.
        """
        hashes = split_revoke_token(revoke_token)
        if hashes is None:
            raise UnknownRevokeToken
        key_hash, revoke_hash = hashes
        key = await self._store.api_key(key_hash)
        if key is None or not secrets.compare_digest(key.revoke_hash, revoke_hash):
            raise UnknownRevokeToken
        if not await self._revoke(key_hash):
            raise UnknownRevokeToken

    async def revoke_as_admin(self, key: str) -> None:
        """Revoke the key for good; sessions made with it end.

        Raises:
            ApiKeyNotFound: there is no such key, or it is revoked already.
        """
        if not await self._revoke(hash_api_key(key)):
            raise ApiKeyNotFound

    async def active_hash(self, key: str) -> SecretHash | None:
        """Return the hash of the key; None when it is unknown or revoked."""
        key_hash = hash_api_key(key)
        found = await self._store.api_key(key_hash)
        return key_hash if found is not None and found.revoked_at is None else None

    async def _revoke(self, key_hash: SecretHash) -> bool:
        try:
            return await self._store.revoke_api_key(key_hash, self._clock())
        finally:
            # Without an answer from the store too: it may have done it.
            self._tell(SessionsEnded(None))
