import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator

import pytest

from ilo.work_pool import QUEUED, ThreadWorkPool, usable_cores
from services.errors import Overloaded
from services.ports import WorkPool

PATIENCE_S = 5.0


class Gate:
    """Work that begins, and goes on when it is let through."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._lock = threading.Lock()
        self.begun = threading.Semaphore(0)
        self.at_once = 0
        self.most_at_once = 0

    def work(self) -> str:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        self.begun.release()
        assert self._open.wait(PATIENCE_S)
        with self._lock:
            self.at_once -= 1
        return "done"

    def let_through(self) -> None:
        self._open.set()

    async def has_begun(self, count: int) -> None:
        for _ in range(count):
            assert await asyncio.to_thread(self.begun.acquire, timeout=PATIENCE_S)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.let_through()


async def outcome(work: Awaitable[str]) -> str:
    return await work


async def fill(pool: ThreadWorkPool, work: Callable[[], str]) -> list[asyncio.Task[str]]:
    """Give the pool work until it refuses, and return what it took on."""
    taken: list[asyncio.Task[str]] = []
    while len(taken) < 1000:
        try:
            taken.append(asyncio.create_task(outcome(pool.run(work))))
        except Overloaded:
            return taken
    raise AssertionError("the pool has no bound")


async def test_it_is_a_work_pool() -> None:
    pool: WorkPool = ThreadWorkPool(1)

    assert await pool.run(lambda: 57) == 57


async def test_an_error_of_the_work_reaches_who_awaits_it() -> None:
    pool = ThreadWorkPool(1)

    def fail() -> int:
        raise LookupError("nothing here")

    with pytest.raises(LookupError, match="nothing here"):
        await pool.run(fail)
    pool.close()


async def test_as_many_run_at_once_as_there_are_workers_and_64_wait(gate: Gate) -> None:
    pool = ThreadWorkPool(3)

    taken = await fill(pool, gate.work)

    assert len(taken) == 3 + 64 == 3 + QUEUED
    await gate.has_begun(3)
    gate.let_through()
    assert {await task for task in taken} == {"done"}
    assert gate.most_at_once == 3
    pool.close()


async def test_there_is_one_worker_for_each_core(gate: Gate) -> None:
    pool = ThreadWorkPool(queued=0)

    taken = await fill(pool, gate.work)

    assert len(taken) == usable_cores() >= 1
    gate.let_through()
    for task in taken:
        await task
    pool.close()


async def test_a_place_is_free_again_as_soon_as_the_outcome_is_known(gate: Gate) -> None:
    pool = ThreadWorkPool(1, queued=0)

    for _ in range(200):
        assert await pool.run(lambda: "done") == "done"
    pool.close()


async def test_a_failed_work_frees_its_place() -> None:
    pool = ThreadWorkPool(1, queued=0)

    def fail() -> int:
        raise LookupError

    for _ in range(3):
        with pytest.raises(LookupError):
            await pool.run(fail)
    pool.close()


async def test_who_goes_away_gives_up_a_waiting_place_but_not_a_working_one(
    gate: Gate,
) -> None:
    pool = ThreadWorkPool(1, queued=2)
    working, *waiting = await fill(pool, gate.work)
    assert len(waiting) == 2
    await gate.has_begun(1)

    for task in (working, *waiting):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    # The one at work goes on, so two places are free, and neither less nor more.
    again = await fill(pool, gate.work)
    assert len(again) == 2
    gate.let_through()
    assert [await task for task in again] == ["done", "done"]
    assert gate.most_at_once == 1
    # Nothing was given back twice: all three places are there, and no fourth.
    last = Gate()
    assert len(await fill(pool, last.work)) == 3
    last.let_through()
    pool.close()


async def test_work_that_was_given_up_before_it_began_is_never_done(gate: Gate) -> None:
    pool = ThreadWorkPool(1, queued=1)
    done: list[str] = []
    at_work = asyncio.create_task(outcome(pool.run(gate.work)))
    given_up = pool.run(lambda: done.append("given up"))

    given_up.cancel()
    await asyncio.sleep(0)
    gate.let_through()
    await at_work
    pool.close()

    assert done == []


async def test_closing_finishes_what_was_taken_on_and_takes_no_more() -> None:
    pool = ThreadWorkPool(1)
    taken = [pool.run(lambda: "done") for _ in range(20)]

    pool.close()
    pool.close()

    with pytest.raises(Overloaded):
        pool.run(lambda: "done")
    assert [await work for work in taken] == ["done"] * 20


async def test_the_event_loop_goes_on_meanwhile(gate: Gate) -> None:
    pool = ThreadWorkPool(1)
    at_work = pool.run(gate.work)

    await gate.has_begun(1)
    assert not at_work.done()
    gate.let_through()

    assert await at_work == "done"
    pool.close()
