"""Reads of many partitions, some at once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

from services.errors import StoreUnavailable
from store.cassandra.cql import Cql, Row

KEYS_AT_ONCE = 32
"""In one query: one for each key would take the event loop twenty times as long."""
QUERIES_AT_ONCE = 4
ITEMS_AT_ONCE = 32

T = TypeVar("T")
R = TypeVar("R")


async def read_all(cql: Cql, text: str, keys: Iterable[object], *values: object) -> list[Row]:
    """Return the rows of the keys, in any order. ``text`` ends in ``IN ?``, with ``values`` before
    it; a key has one row.

    Raises:
        StoreUnavailable: one of them could not be read.
    """
    wanted = list(dict.fromkeys(keys))
    starts = iter(range(0, len(wanted), KEYS_AT_ONCE))
    rows: list[Row] = []
    failure: StoreUnavailable | None = None

    async def read_on() -> None:
        nonlocal failure
        for start in starts:
            if failure is not None:
                return
            try:
                rows.extend(await cql.read(text, *values, wanted[start : start + KEYS_AT_ONCE]))
            except StoreUnavailable as error:
                failure = error

    async with asyncio.TaskGroup() as group:
        for _ in range(QUERIES_AT_ONCE):
            group.create_task(read_on())
    if failure is not None:
        raise failure
    return rows


async def for_each(items: Sequence[T], work: Callable[[T], Awaitable[R]]) -> list[R]:
    """Return what ``work`` returns for each item, in their order; ``ITEMS_AT_ONCE`` at a time.

    Raises:
        StoreUnavailable: one of them could not be done; the others may be, or not.
    """
    results: list[R] = []
    for start in range(0, len(items), ITEMS_AT_ONCE):
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(_done(work(item)))
                    for item in items[start : start + ITEMS_AT_ONCE]
                ]
        except BaseExceptionGroup as errors:
            # As it is: who calls knows nothing of groups.
            raise errors.exceptions[0] from errors
        results += [task.result() for task in tasks]
    return results


async def _done(awaitable: Awaitable[R]) -> R:
    return await awaitable
