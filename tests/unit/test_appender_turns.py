"""Several appenders of one room: who writes without a pause must not keep the others out."""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest

from services.model import Draft, Instant, MessageId, Receipt, RoomId, UserId, Username
from services.ports import Appended
from store.cassandra import appender as module
from store.cassandra.appender import Appender
from store.cassandra.known_rooms import KnownRooms, RoomFacts
from store.cassandra.log import Answer, Group
from tests.simulation.loop import VirtualLoop
from tests.support.memory_log_table import MemoryLog, MemoryLogTable

ROOM = RoomId(bytes(16))
ONE_WAY_S = 0.005
APPENDERS = 4
BEGUN_S = 3.0
"""By then all have met."""
UNTIL_S = 23.0
LONGEST_S = module.COURTESY_S + 10 * ONE_WAY_S
"""Between two writes of one appender: its wait, and some tries in the turns of others."""


class FarTable(MemoryLogTable):
    """Whose writes take as long there as back."""

    async def write(self, group: Group) -> Answer:
        await asyncio.sleep(ONE_WAY_S)
        answer = await super().write(group)
        await asyncio.sleep(ONE_WAY_S)
        return answer


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    made = VirtualLoop()
    yield made
    made.end()


def _appender(log: MemoryLog) -> Appender:
    async def facts(_: RoomId) -> RoomFacts:
        return RoomFacts(None)

    async def name(sender: UserId) -> Username:
        return Username(sender.hex())

    rooms = KnownRooms(facts, asyncio.get_running_loop().time)
    return Appender(FarTable(log), rooms, name, 1000, chance=lambda: 0.5)


def _draft(sender: int, number: int) -> Draft:
    message_id = MessageId(number.to_bytes(16, "big"))
    return Draft(
        ROOM, UserId(bytes([sender]) * 16), message_id, Instant(0), str(number), None, None
    )


def _keep_asking(appender: Appender, sender: int, written_at: list[float]) -> None:
    """Always have one message asked for while another one is written."""
    loop, numbers = asyncio.get_running_loop(), iter(range(1_000_000))

    def ask(told: Sequence[Appended] = ()) -> None:
        written_at.extend(loop.time() for _, outcome in told if isinstance(outcome, Receipt))
        appender.append([_draft(sender, next(numbers))], ask)

    ask()
    ask()


async def _longest_waits() -> list[float]:
    """Return how long each appender was kept out at most, all of them busy, in seconds."""
    log = MemoryLog()
    written_at: list[list[float]] = [[] for _ in range(APPENDERS)]
    for sender, times in enumerate(written_at):
        _keep_asking(_appender(log), sender, times)
        await asyncio.sleep(BEGUN_S / APPENDERS)
    await asyncio.sleep(UNTIL_S - BEGUN_S)
    return [
        max(later - sooner for sooner, later in pairwise([BEGUN_S, *times, UNTIL_S]))
        for times in ([one for one in times if one > BEGUN_S] for times in written_at)
    ]


def test_no_appender_of_a_busy_room_is_kept_out_of_it(loop: VirtualLoop) -> None:
    waits = loop.run_until_complete(_longest_waits())

    assert max(waits) < LONGEST_S


@pytest.mark.parametrize("without", ["COURTESY_S", "BREAK_S"])
def test_without_courtesy_or_breaks_one_would_be_kept_out_for_seconds(
    loop: VirtualLoop, monkeypatch: pytest.MonkeyPatch, without: str
) -> None:
    monkeypatch.setattr(module, without, 0.0)

    waits = loop.run_until_complete(_longest_waits())

    assert max(waits) > 10 * LONGEST_S
