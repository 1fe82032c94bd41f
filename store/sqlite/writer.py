"""The one thread that writes: requests that queue during a commit share the next one.

The rest of the writer belongs to the event loop: every method is called there, and every
outcome is told there, after the commit that made it durable.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from services.errors import StoreUnavailable
from services.model import Draft
from store.sqlite.committer import Committer
from store.sqlite.requests import Append, Done, Group, Job, Result, Telling, Work

T = TypeVar("T")

log = logging.getLogger(__name__)


class _Tellings:
    """Calls to make on the event loop, one after the other.

    An object, since the loop may log what it calls, and with which arguments: ours would
    show messages.
    """

    __slots__ = ("_loop", "_rest")

    def __init__(self, loop: asyncio.AbstractEventLoop, tellings: Iterable[Telling]) -> None:
        self._loop = loop
        self._rest = deque(tellings)

    def __call__(self) -> None:
        try:
            while self._rest:
                self._rest.popleft()()
        finally:
            # One listener's bug, which the loop reports, is not the others'.
            if self._rest:
                self._loop.call_soon(self)


class Writer:
    """Runs ``committer`` until ``close`` has returned. Made on a running event loop."""

    def __init__(self, committer: Committer) -> None:
        self._committer = committer
        self._loop = asyncio.get_running_loop()
        # Bounded by its callers: members wait for their acks, requests for their answers.
        self._queue: SimpleQueue[Append | Work | None] = SimpleQueue()
        self._closed = False
        # A daemon, so that a program that forgot to close us can end; SQLite survives it.
        self._thread = Thread(target=self._run, name="ilo-store-writer", daemon=True)
        self._thread.start()

    def append(self, drafts: Sequence[Draft], done: Done) -> None:
        """Keep the promise of ``services.ports.RoomStore.append``."""
        if not drafts:
            return
        if self._closed:
            refused = [(draft, StoreUnavailable()) for draft in drafts]
            self._loop.call_soon(_Tellings(self._loop, [partial(done, refused)]))
            return
        for request in self._committer.requests(drafts, done):
            self._queue.put(request)

    async def do(self, job: Job[T]) -> T:
        """Run ``job`` in a transaction and return its result once that is durable.

        An ``IloError`` from ``job`` undoes what it wrote and comes out here.

        Raises:
            StorageFull: nothing was written.
            StoreUnavailable: it may or may not have been written.
        """
        if self._closed:
            raise StoreUnavailable
        future: asyncio.Future[T] = self._loop.create_future()
        self._queue.put(Work(job, partial(_settle, future)))
        return await future

    async def close(self) -> None:
        """Write what was asked for, empty the WAL into the file, and end the thread."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    # From here on down, the writer thread.

    def _run(self) -> None:
        group: Group | None = None
        try:
            while (group := self._next_group()) is not None:
                self._write(group)
            self._committer.checkpoint()
        finally:
            self._committer.connection.close()
            # After close() there is nobody left to tell. Otherwise we die of a bug: no
            # caller may wait for ever, and nothing is written on a false footing.
            self._tell([partial(self._bury, group)])

    def _write(self, group: Group) -> None:
        self._tell(self._committer.commit(group))

    def _next_group(self) -> Group | None:
        """Wait for a request and take those that queue behind it; None when closed."""
        request = self._queue.get()
        if request is None:
            return None
        group = Group()
        while request is not None:
            group.add(request)
            if group.is_full:
                return group
            try:
                request = self._queue.get_nowait()
            except Empty:
                return group
        # Once more for ourselves, after this group.
        self._queue.put(None)
        return group

    def _tell(self, tellings: Iterable[Telling]) -> None:
        try:
            self._loop.call_soon_threadsafe(_Tellings(self._loop, tellings))
        except RuntimeError:
            # The loop was closed before the store was.
            log.warning("outcomes came after the event loop's end")

    # And the event loop again.

    def _bury(self, group: Group | None) -> None:
        """Refuse the group that was not told, what is queued, and what will come."""
        self._closed = True
        while group is not None:
            self._loop.call_soon(_Tellings(self._loop, group.refused()))
            group = None if self._queue.empty() else self._next_group()


def _settle(future: asyncio.Future[Any], result: Result) -> None:
    if future.done():
        return
    if result.error is None:
        future.set_result(result.value)
    else:
        future.set_exception(result.error)
