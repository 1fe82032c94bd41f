"""Whether this process can serve, and if not, why."""

import asyncio
import time
from typing import Final

from services.errors import IloError
from services.ports import Store

CHECK_TIMEOUT_S: Final = 2.0
REMEMBERED_S: Final = 1.0
"""Anybody may ask, and a look at the store costs a commit: one a second is enough."""


class Readiness:
    """Answers what is missing, a sentence each; nothing when all is there."""

    def __init__(self, store: Store, stop: asyncio.Event) -> None:
        """``stop`` is set from the beginning of a shutdown on."""
        self._store = store
        self._stop = stop
        self._looking = asyncio.Lock()
        self._reasons: list[str] = []
        self._looked_at = -REMEMBERED_S

    async def __call__(self) -> list[str]:
        if self._stop.is_set():
            return ["it is shutting down"]
        async with self._looking:
            if time.monotonic() - self._looked_at >= REMEMBERED_S:
                self._reasons = await self._look()
                self._looked_at = time.monotonic()
        return list(self._reasons)

    async def _look(self) -> list[str]:
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                await self._store.check()
        except TimeoutError:
            return ["the store does not answer in time"]
        except IloError as error:
            return [str(error)]
        return []
