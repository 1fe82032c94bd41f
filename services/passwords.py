"""Turns passwords into Argon2id hashes and checks them, off the event loop.

Each hash costs tens of milliseconds and ``Argon2Profile.memory_kib`` of memory by design; how
many are made at once, and how many may wait, is the work pool's to bound.
"""

import secrets
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from services.ports import WorkPool


@dataclass(frozen=True, slots=True)
class Argon2Profile:
    """What one hash costs: memory in KiB, passes over it, and lanes (RFC 9106 §3.1)."""

    memory_kib: int
    passes: int
    lanes: int


STANDARD = Argon2Profile(memory_kib=19 * 1024, passes=2, lanes=1)
CHEAPEST = Argon2Profile(memory_kib=8, passes=1, lanes=1)
"""Protects nothing; it makes tests quick."""


class Passwords:
    """Hashes and verifies passwords, which come in their one normal form and within size.

    Making this object makes one hash, so that there is one to verify against for users that
    do not exist.
    """

    def __init__(self, pool: WorkPool, profile: Argon2Profile = STANDARD) -> None:
        self._pool = pool
        self._hasher = PasswordHasher(
            time_cost=profile.passes,
            memory_cost=profile.memory_kib,
            parallelism=profile.lanes,
        )
        self._nobodys_hash = self._hasher.hash(secrets.token_urlsafe())

    # The work is handed over as a closure: a partial would show the password in its repr.

    async def hash(self, password: str) -> str:
        """Return a new hash of ``password`` in PHC form, with its salt and profile.

        Raises:
            Overloaded: too many are waiting; nothing was done.
        """

        def work() -> str:
            return self._hasher.hash(password)

        return await self._pool.run(work)

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether ``password_hash`` is one of ``password``.

        None stands for the hash of a user that does not exist: the same work, and False.

        Raises:
            Overloaded: too many are waiting; nothing was done.
        """
        tried = self._nobodys_hash if password_hash is None else password_hash

        def work() -> bool:
            try:
                return self._hasher.verify(tried, password)
            except VerifyMismatchError:
                return False

        return await self._pool.run(work) and password_hash is not None

    def needs_rehash(self, password_hash: str) -> bool:
        """Whether the hash was made with another profile than the one of today."""
        return self._hasher.check_needs_rehash(password_hash)
