"""How long something is tried again, and who tries first."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from weakref import WeakValueDictionary

from services.errors import StoreUnavailable

LONGEST_S: Final = 10.0
LONGEST_TURN_S: Final = 30.0
"""So long one waits for those before, who each get on: many may come into one room at once."""
FIRST_PAUSE_S: Final = 0.02
"""The first pause at most; twice as much each further one."""
LONGEST_PAUSE_S: Final = 1.0


class Patience:
    """For one operation, from now on."""

    def __init__(self) -> None:
        self._until = asyncio.get_running_loop().time() + LONGEST_S
        self._longest = FIRST_PAUSE_S

    async def pause(self) -> None:
        """Wait a little, at random, longer each time.

        Raises:
            StoreUnavailable: it has been tried for long enough.
        """
        if asyncio.get_running_loop().time() >= self._until:
            raise StoreUnavailable
        await asyncio.sleep(random.random() * self._longest)  # noqa: S311
        self._longest = min(2 * self._longest, LONGEST_PAUSE_S)


class Turns:
    """Lets those of one process who want the same thing have it one after the other.

    Other processes are met in the database, which decides. A conflict there costs all who are
    in it a round trip, and thirty who begin together have hundreds.
    """

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, thing: bytes) -> AsyncIterator[None]:
        """Hold the turn.

        Raises:
            StoreUnavailable: it did not come in time.
        """
        lock = self._locks.get(thing)
        if lock is None:
            lock = self._locks[thing] = asyncio.Lock()
        try:
            async with asyncio.timeout(LONGEST_TURN_S):
                await lock.acquire()
        except TimeoutError:
            raise StoreUnavailable from None
        try:
            yield
        finally:
            lock.release()
