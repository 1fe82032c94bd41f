"""A log table far away: what is asked of it may arrive late or never, and so may its answers."""

import asyncio
import random
from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from typing import TypeVar

from services.errors import StoreUnavailable
from services.model import RoomId
from store.cassandra.log import Answer, Group, Mark, Marker, Unknown
from tests.simulation.loop import VirtualLoop
from tests.support.memory_log_table import MemoryLog, MemoryLogTable

T = TypeVar("T")

TIMEOUT_MS = 6_000
LATEST_MS = 40_000
"""A write that nobody waits for any more may still arrive by then."""
PAUSE_MS = 700_000
"""A process that stands still, longer than a full bucket is left alone."""


@dataclass(frozen=True, slots=True)
class Faults:
    """How likely each is, at most; half of them are off in a run."""

    lost_before: float = 0.15
    lost_after: float = 0.2
    late: float = 0.25
    unavailable: float = 0.08
    failed_read: float = 0.08
    slow: float = 0.2
    pause: float = 0.02
    kill: float = 0.02
    cut: float = 0.05
    twice: float = 0.1


class Chance:
    """The dice of one run."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)  # noqa: S311  # a run has to be repeatable
        self.faults = replace(
            Faults(),
            **{
                one.name: getattr(Faults(), one.name)
                * self.dice.random()
                * (self.dice.random() < 0.5)
                for one in fields(Faults)
            },
        )

    def quiet(self) -> None:
        """From here on there are no faults."""
        self.faults = Faults(**dict.fromkeys((one.name for one in fields(Faults)), 0.0))

    def happens(self, fault: str) -> bool:
        probability: float = getattr(self.faults, fault)
        return probability > 0 and self.dice.random() < probability

    def lag_ms(self) -> int:
        if self.happens("slow"):
            return self.dice.randint(100, TIMEOUT_MS - 1)
        return self.dice.randint(1, 12)


class FaultyTable(MemoryLogTable):
    """Implements ``store.cassandra.log.LogTable``, for one node."""

    def __init__(self, log: MemoryLog, chance: Chance, loop: VirtualLoop) -> None:
        super().__init__(log)
        self._chance = chance
        self._loop = loop

    async def write(self, group: Group) -> Answer:
        chance = self._chance
        if chance.happens("unavailable"):
            raise StoreUnavailable
        answer: asyncio.Future[Answer] = self._loop.create_future()
        if chance.happens("lost_before"):
            self._loop.outside(TIMEOUT_MS, settle, answer, Unknown())
        elif chance.happens("late"):
            self._loop.outside(chance.dice.randint(1, LATEST_MS), self._arrive, group, None)
            self._loop.outside(TIMEOUT_MS, settle, answer, Unknown())
        elif chance.happens("lost_after"):
            self._loop.outside(chance.lag_ms(), self._arrive, group, None)
            self._loop.outside(TIMEOUT_MS, settle, answer, Unknown())
        else:
            self._loop.outside(chance.lag_ms(), self._arrive, group, answer)
        return await answer

    async def markers(
        self, room_id: RoomId, bucket: int, marks: Collection[Mark]
    ) -> dict[Mark, Marker]:
        await self.far()
        found = await super().markers(room_id, bucket, marks)
        await self.far()
        return found

    async def head(self, room_id: RoomId) -> tuple[int, int]:
        await self.far()
        found = await super().head(room_id)
        await self.far()
        return found

    async def recorded(self, room_id: RoomId) -> tuple[int, int]:
        # No pause behind it: no answer to a request is that old.
        await self.far()
        return await super().recorded(room_id)

    async def record(self, room_id: RoomId, seq: int) -> None:
        await self.far()
        await super().record(room_id, seq)
        await self.far()

    async def far(self) -> None:
        """Wait for what is asked, or answered, to arrive."""
        if self._chance.happens("pause"):
            await self._after(PAUSE_MS + self._chance.lag_ms())
        await self._after(self._chance.lag_ms())
        if self._chance.happens("failed_read"):
            raise StoreUnavailable

    async def _after(self, delay_ms: int) -> None:
        future: asyncio.Future[None] = self._loop.create_future()
        self._loop.outside(delay_ms, settle, future, None)
        await future

    def _arrive(self, group: Group, answer: "asyncio.Future[Answer] | None") -> None:
        told = self._log.apply(group, self._loop.time())
        if answer is not None:
            self._loop.outside(self._chance.lag_ms(), settle, answer, told)


def settle(future: "asyncio.Future[T]", value: T) -> None:
    if not future.done():
        future.set_result(value)
