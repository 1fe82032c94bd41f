"""Reads of many partitions, some at once: a row for each of thousands of keys."""

import asyncio
from collections.abc import Iterable

from services.errors import StoreUnavailable
from store.cassandra.cql import Cql, Row

KEYS_AT_ONCE = 32
"""In one query: one for each key would take the event loop twenty times as long."""
QUERIES_AT_ONCE = 4


async def read_all(cql: Cql, text: str, keys: Iterable[object]) -> list[Row]:
    """Return the rows of the keys, in any order. ``text`` ends in ``IN ?``; a key has one row.

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
                rows.extend(await cql.read(text, wanted[start : start + KEYS_AT_ONCE]))
            except StoreUnavailable as error:
                failure = error

    async with asyncio.TaskGroup() as group:
        for _ in range(QUERIES_AT_ONCE):
            group.create_task(read_on())
    if failure is not None:
        raise failure
    return rows
