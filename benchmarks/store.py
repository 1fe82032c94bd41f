"""Durable appends: how many a second, and what one costs the processor.

    python -m benchmarks.store [FOLDER]

FOLDER is on the disk to measure; a temporary one by default.
"""

import asyncio
import os
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import uvloop

from services.limits import Limits
from services.model import (
    Draft,
    Instant,
    MessageId,
    PublicKey,
    RoomId,
    RoomName,
    User,
    UserId,
    Username,
)
from services.ports import Appended, Store
from store.sqlite import SqliteStore

TEXT = "x7Kq" * 175  # 700 characters: a short message, encrypted and framed
USERS = 64
ROOMS = 200
NOW = Instant(1_700_000_000_000)


@dataclass(frozen=True, slots=True)
class Figures:
    """Times in microseconds a message, latencies in milliseconds."""

    messages: int
    seconds: float
    cpu_us: float
    p50_ms: float
    p99_ms: float

    def __str__(self) -> str:
        return (
            f"{self.messages / self.seconds:9,.0f} appends/s {self.cpu_us:6.1f} CPU us"
            f"   p50 {self.p50_ms:6.2f} ms   p99 {self.p99_ms:6.2f} ms"
        )


class Bench:
    """Makes its drafts before the clock starts: the figures are the store's alone."""

    def __init__(self, store: Store, rooms: Sequence[RoomId], senders: Sequence[UserId]) -> None:
        self._store = store
        self._rooms = rooms
        self._senders = senders

    async def callers(self, callers: int, messages: int) -> Figures:
        """Each caller waits for its receipt before it sends the next message."""
        calls = [[self._draft(number)] for number in range(messages)]
        return await self._measure(calls, under_way=callers)

    async def room_rounds(self, rounds: int) -> Figures:
        """One message for every room in one call, the next call after its receipts."""
        width = len(self._rooms)
        calls = [
            [self._draft(first + n) for n in range(width)]
            for first in range(0, rounds * width, width)
        ]
        return await self._measure(calls, under_way=1)

    async def _measure(self, calls: list[list[Draft]], under_way: int) -> Figures:
        messages = sum(map(len, calls))
        begun_at = [0.0] * messages
        latencies: list[float] = []
        finished = asyncio.get_running_loop().create_future()
        rest = iter(calls)

        def call() -> None:
            if (drafts := next(rest, None)) is not None:
                begun_at[cast("int", drafts[0].origin)] = time.perf_counter()
                self._store.append(drafts, stored)

        def stored(outcomes: Sequence[Appended]) -> None:
            now = time.perf_counter()
            for draft, _ in outcomes:
                # The first of a call stands for it.
                if begun := begun_at[cast("int", draft.origin)]:
                    latencies.append(now - begun)
                    call()
            if len(latencies) == len(calls):
                finished.set_result(None)

        cpu, started = _cpu_s(), time.perf_counter()
        for _ in range(under_way):
            call()
        await finished
        seconds, cpu = time.perf_counter() - started, _cpu_s() - cpu
        latencies.sort()
        return Figures(
            messages,
            seconds,
            cpu / messages * 1e6,
            latencies[len(latencies) // 2] * 1e3,
            latencies[len(latencies) * 99 // 100] * 1e3,
        )

    def _draft(self, number: int) -> Draft:
        return Draft(
            # Prime to the number of rooms, so that each has its turn, far from the last.
            self._rooms[number * 83 % len(self._rooms)],
            self._senders[number * 7 % len(self._senders)],
            MessageId(os.urandom(16)),
            NOW,
            TEXT,
            None,
            number,
        )


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def _prepare(store: Store, rooms: int) -> Bench:
    senders = [UserId(number.to_bytes(16, "big")) for number in range(USERS)]
    for number, sender in enumerate(senders):
        name = f"user-{number}"
        user = User(sender, Username(name), name, "no-password", NOW)
        await store.add_user(user, PublicKey(1, "no-key", NOW))
    opened: list[RoomId] = []
    for number in range(rooms):
        name = RoomName(f"room-{number}")
        entry = await store.enter_room(name, senders[0], NOW, Limits())
        assert entry is not None
        opened.append(entry.room.room_id)
    return Bench(store, opened, senders)


@asynccontextmanager
async def _fresh_bench(folder: Path) -> AsyncIterator[Bench]:
    with tempfile.TemporaryDirectory(dir=folder) as data_dir:
        store = await SqliteStore.open(Path(data_dir))
        try:
            yield await _prepare(store, ROOMS)
        finally:
            await store.close()


async def main(folder: Path) -> None:
    for callers, messages in ((1, 2_000), (64, 30_000), (256, 60_000)):
        async with _fresh_bench(folder) as bench:
            figures = await bench.callers(callers, messages)
        print(f"{callers:4} callers, {ROOMS} rooms        {figures}", flush=True)
    for rounds in (200, 600):
        async with _fresh_bench(folder) as bench:
            figures = await bench.room_rounds(rounds)
        print(f"{rounds:4} commits of {ROOMS} rooms    {figures}", flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else temporary)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main(folder))
