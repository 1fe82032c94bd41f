"""Virtual time, and processes that die without a word."""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from tests.simulation.loop import Process, Stuck, VirtualLoop


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    loop = VirtualLoop()
    yield loop
    loop.end()


def test_an_hour_passes_at_once(loop: VirtualLoop) -> None:
    loop.run_until_complete(asyncio.sleep(3600))

    assert loop.time() == 3600


def test_waiting_for_what_cannot_come_is_told(loop: VirtualLoop) -> None:
    with pytest.raises(Stuck):
        loop.run_until_complete(loop.create_future())


def test_a_killed_process_makes_no_further_step_and_no_finally_runs(loop: VirtualLoop) -> None:
    done: list[str] = []

    async def inner() -> None:
        await asyncio.sleep(2)
        done.append("inner")

    async def work() -> None:
        try:
            async with asyncio.timeout(5), asyncio.TaskGroup() as group:
                group.create_task(inner())
        finally:
            done.append("finally")

    def begin(work: Coroutine[Any, Any, None]) -> None:
        loop.create_task(work)
        loop.call_later(2, done.append, "timer")
        loop.call_later(0.5, done.append, "before")

    async def life() -> None:
        process, other = Process(), Process()
        process.enter(begin, work())
        other.enter(loop.call_later, 2, done.append, "another process")
        await asyncio.sleep(1)
        process.kill()
        process.enter(done.append, "dead")
        await asyncio.sleep(9)

    loop.run_until_complete(life())

    assert done == ["before", "another process"]


def test_a_simulation_has_no_threads(loop: VirtualLoop) -> None:
    async def leave() -> None:
        await asyncio.to_thread(list)

    with pytest.raises(RuntimeError, match="no threads"):
        loop.run_until_complete(leave())
