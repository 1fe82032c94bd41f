"""A connection to Cassandra that counts its conditional writes, by what became of them."""

from collections import Counter
from collections.abc import Awaitable, Sequence

from store.cassandra.cql import Cas, Cql, OutcomeUnknown, Statement

counted: Counter[str] = Counter()
"""Of all connections: ``applied``, ``refused``, ``unknown``."""


class CountingCql(Cql):
    async def cas(self, text: str, *values: object) -> Cas:
        return await _count(super().cas(text, *values))

    async def cas_batch(self, statements: Sequence[Statement]) -> Cas:
        return await _count(super().cas_batch(statements))


async def _count(write: Awaitable[Cas]) -> Cas:
    try:
        cas = await write
    except OutcomeUnknown:
        counted["unknown"] += 1
        raise
    counted["applied" if cas.applied else "refused"] += 1
    return cas
