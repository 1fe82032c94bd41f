"""A line to a database on which answers and requests come late, or never, by a seed."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import Enum, auto

from tests.support.tcp_proxy import TcpProxy, proxy_to


class Trouble(Enum):
    SLOW = auto()
    """Answers come late, but in time."""
    ANSWERS_LATE = auto()
    """Answers come when nobody waits for them any more."""
    REQUESTS_LATE = auto()
    """Requests arrive when nobody waits for their answers any more."""
    CUT_WITH_ANSWERS = auto()
    """Every connection is cut when the database has answered, and the answers are lost."""
    CUT = auto()
    """Every connection is cut at any moment; requests and answers on their way are lost."""


class TroubledLine:
    """``met`` counts the troubles that there were. ``time_out_s`` is that of those who wait."""

    def __init__(self, proxy: TcpProxy, seed: int, time_out_s: float) -> None:
        self.proxy = proxy
        self.met: Counter[Trouble] = Counter()
        self._chance = random.Random(seed)  # noqa: S311
        self._time_out_s = time_out_s
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """From now on there is trouble, again and again."""
        self._task = asyncio.create_task(self._trouble())

    async def heal(self) -> None:
        """Let no more trouble be; what is kept arrives."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
        self.proxy.answers.set()
        self.proxy.requests.set()

    async def _trouble(self) -> None:
        while True:
            await asyncio.sleep(self._chance.uniform(0.3, 2.0) * self._time_out_s)
            trouble = self._chance.choice(list(Trouble))
            await self._bring(trouble)
            self.met[trouble] += 1

    async def _bring(self, trouble: Trouble) -> None:
        proxy, late_s = self.proxy, self._chance.uniform(1.1, 1.6) * self._time_out_s
        match trouble:
            case Trouble.SLOW:
                proxy.answers.clear()
                await asyncio.sleep(late_s / 3)
            case Trouble.ANSWERS_LATE:
                proxy.answers.clear()
                await asyncio.sleep(late_s)
            case Trouble.REQUESTS_LATE:
                proxy.requests.clear()
                await asyncio.sleep(late_s)
            case Trouble.CUT_WITH_ANSWERS:
                proxy.has_kept.clear()
                proxy.answers.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(late_s):
                        await proxy.has_kept.wait()
                proxy.cut()
            case Trouble.CUT:
                proxy.cut()
        proxy.answers.set()
        proxy.requests.set()


@asynccontextmanager
async def troubled_line(
    host: str, port: int, *, seed: int, time_out_s: float
) -> AsyncIterator[TroubledLine]:
    """Make a line to the database at ``host``, without trouble before ``begin``."""
    async with proxy_to(port, host) as proxy:
        line = TroubledLine(proxy, seed, time_out_s)
        try:
            yield line
        finally:
            await line.heal()
