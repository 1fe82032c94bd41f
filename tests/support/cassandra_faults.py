"""A connection to Cassandra whose conditional writes have no answer when a test says so.

Reads and plain writes are those of the real one, and so is each conditional write that is sent:
only what the caller is told of it, and when it is sent, is made up.
"""

import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from enum import Enum, auto
from functools import partial

from store.cassandra.cql import Cas, Cql, OutcomeUnknown, Statement

Send = Callable[[], Awaitable[Cas]]
Meanwhile = Callable[[], Awaitable[object]]


async def _nothing() -> None:
    return


class Fault(Enum):
    """What becomes of a conditional write; of all but ``NONE`` the caller hears nothing."""

    NONE = auto()
    ANSWER_LOST = auto()
    """It is sent, and applied if its condition holds."""
    LOST = auto()
    LATE = auto()
    """It is on its way, and arrives with ``deliver``."""


class FaultyCql(Cql):
    """Uses the connection of ``real``. The next conditional writes meet the faults that ``meet``
    names; those after them what ``chance`` brings, which without a seed is nothing."""

    def __init__(self, real: Cql, *, seed: int | None = None, share: float = 0.5) -> None:
        super().__init__()
        self.attach(real.session)
        self.sent = 0
        """How many conditional writes the caller made."""
        self._chance = None if seed is None else random.Random(seed)  # noqa: S311
        self._share = share
        self._script: deque[tuple[Fault, Meanwhile]] = deque()
        self._under_way: list[Send] = []

    def meet(self, *faults: Fault, meanwhile: Meanwhile = _nothing) -> None:
        """Let the next conditional writes meet these, and others do ``meanwhile`` what it does
        after the last of them, before the caller hears of it."""
        self._script.extend((fault, _nothing) for fault in faults[:-1])
        self._script.append((faults[-1], meanwhile))

    def heal(self) -> None:
        """Let nothing go wrong from now on; what is under way stays so."""
        self._script.clear()
        self._chance = None

    async def deliver(self) -> None:
        """Let all arrive that is late, in some order if there is a seed."""
        under_way, self._under_way = self._under_way, []
        if self._chance is not None:
            self._chance.shuffle(under_way)
        for send in under_way:
            # Nobody waits for its answer any more.
            with suppress(OutcomeUnknown):
                await send()

    async def cas(self, text: str, *values: object) -> Cas:
        return await self._meet_fault(partial(super().cas, text, *values))

    async def cas_batch(self, statements: Sequence[Statement]) -> Cas:
        return await self._meet_fault(partial(super().cas_batch, list(statements)))

    async def _meet_fault(self, send: Send) -> Cas:
        self.sent += 1
        if self._chance is not None and self._under_way and self._chance.random() < self._share:
            await self.deliver()
        fault, meanwhile = self._next_fault()
        cas: Cas | None = None
        if fault in (Fault.NONE, Fault.ANSWER_LOST):
            cas = await send()
        elif fault is Fault.LATE:
            self._under_way.append(send)
        await meanwhile()
        if cas is None or fault is Fault.ANSWER_LOST:
            raise OutcomeUnknown
        return cas

    def _next_fault(self) -> tuple[Fault, Meanwhile]:
        if self._script:
            return self._script.popleft()
        if self._chance is None or self._chance.random() >= self._share:
            return Fault.NONE, _nothing
        faults = [Fault.ANSWER_LOST, Fault.LOST, Fault.LATE]
        return self._chance.choice(faults), _nothing
