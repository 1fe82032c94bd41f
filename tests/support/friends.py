"""People with the library, whose loop runs in a thread of its own: company for a window."""

import asyncio
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from tests.support.encrypted import Company, company

Some = TypeVar("Some")


class Friends:
    """``people`` makes them; `do` waits for what they do, `begin` does not."""

    def __init__(self, loop: asyncio.AbstractEventLoop, people: Company) -> None:
        self._loop = loop
        self.people = people

    def begin(self, work: Coroutine[Any, Any, Some]) -> Future[Some]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def do(self, work: Coroutine[Any, Any, Some]) -> Some:
        return self.begin(work).result(60)


@contextmanager
def friends_at(folder: Path, api_url: str) -> Iterator[Friends]:
    """Run their loop until the end of the block; then they leave."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="friends", daemon=True)
    thread.start()
    opened = company(folder, api_url)
    try:
        people = asyncio.run_coroutine_threadsafe(opened.__aenter__(), loop).result(60)
        yield Friends(loop, people)
    finally:
        ends = opened.__aexit__(None, None, None)
        asyncio.run_coroutine_threadsafe(ends, loop).result(60)
        shut = loop.shutdown_default_executor()
        asyncio.run_coroutine_threadsafe(shut, loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
