"""Two appenders of one room: who writes without a pause must not keep the other one out."""

import asyncio
from collections.abc import Iterator, Sequence

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
LONGEST_WAIT_S = module.BREAK_EVERY_S + module.COURTESY_S


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


async def _appender(log: MemoryLog) -> Appender:
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


async def _wait_beside_a_busy_one() -> tuple[float, object]:
    """Return how long one message took, and what became of it."""
    loop, log = asyncio.get_running_loop(), MemoryLog()
    busy, other = await _appender(log), await _appender(log)
    numbers = iter(range(1_000_000))

    def ask(_: Sequence[Appended] = ()) -> None:
        busy.append([_draft(1, next(numbers))], ask)

    # Two of them, so that one is always asked for while the other one is written.
    ask()
    ask()
    await asyncio.sleep(1)
    told: asyncio.Future[object] = loop.create_future()
    began = loop.time()
    other.append([_draft(2, 0)], lambda outcomes: told.set_result(outcomes[0][1]))
    outcome = await told
    return loop.time() - began, outcome


def test_one_message_is_soon_written_beside_a_busy_appender(loop: VirtualLoop) -> None:
    waited, outcome = loop.run_until_complete(_wait_beside_a_busy_one())

    assert isinstance(outcome, Receipt)
    assert waited < LONGEST_WAIT_S


def test_without_courtesy_it_would_be_refused(
    loop: VirtualLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "COURTESY_S", 0.0)
    monkeypatch.setattr(module, "BREAK_S", 0.0)

    waited, outcome = loop.run_until_complete(_wait_beside_a_busy_one())

    assert not isinstance(outcome, Receipt)
    assert waited > LONGEST_WAIT_S
