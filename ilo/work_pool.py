"""Threads for heavy computation, so that the event loop stays free."""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from services.errors import Overloaded

T = TypeVar("T")

QUEUED = 64
"""How much may wait beyond what the workers have in hand."""


def usable_cores() -> int:
    """Return how many cores this process may use, as far as the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class ThreadWorkPool:
    """A bounded number of threads with a bounded queue; implements ``WorkPool``.

    ``workers`` is one for each usable core unless it is given. A place in the queue is free
    again when its work is over, or was given up before it began; that its caller has gone
    away does not stop work that has begun, and does not free its place either.
    """

    def __init__(self, workers: int | None = None, *, queued: int = QUEUED) -> None:
        threads = usable_cores() if workers is None else workers
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="ilo-work")
        self._places = threading.BoundedSemaphore(threads + queued)
        self._closed = False

    def run(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        """Run ``work`` on a thread; to be called on the event loop.

        Raises:
            Overloaded: the queue is full, or the pool is closed; nothing was started.
        """
        if self._closed or not self._places.acquire(blocking=False):
            raise Overloaded
        begun = self._executor.submit(work)
        # First of the callbacks: whoever awaits the outcome finds the place free.
        begun.add_done_callback(self._leave)
        return asyncio.wrap_future(begun)

    def close(self) -> None:
        """Finish what was taken on, then end the threads. Blocks meanwhile; safe to call twice."""
        self._closed = True
        self._executor.shutdown(wait=True)

    def _leave(self, _: "Future[T]") -> None:
        self._places.release()
