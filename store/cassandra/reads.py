"""Many reads at once, but not too many."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from services.errors import StoreUnavailable

AT_ONCE = 64

K = TypeVar("K")
V = TypeVar("V")


async def read_all(keys: Iterable[K], read: Callable[[K], Awaitable[V]]) -> dict[K, V]:
    """Return what is read for each of the keys, each read once, ``AT_ONCE`` at a time.

    Raises:
        StoreUnavailable: one of them could not be read.
    """
    found: dict[K, V] = {}
    failure: StoreUnavailable | None = None
    waiting = iter(dict.fromkeys(keys))

    async def read_on() -> None:
        nonlocal failure
        for key in waiting:
            if failure is not None:
                return
            try:
                found[key] = await read(key)
            except StoreUnavailable as error:
                failure = error

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(read_on())
    if failure is not None:
        raise failure
    return found
