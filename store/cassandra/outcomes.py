"""Conditional writes that are sent again until it is known what became of them."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.errors import StoreUnavailable
from store.cassandra.cql import FIRST_PAUSE_S, LONGEST_S, TRIES, Cql, OutcomeUnknown


@dataclass(frozen=True, slots=True)
class Outcome:
    """``row`` is what stood in the way, None when nothing is there.

    ``is_certain`` is False when the write was refused after a try without an answer: that one may
    have been applied, if what it wrote may have been overwritten since.
    """

    applied: bool
    row: Mapping[str, Any] | None
    is_certain: bool


async def settle(cql: Cql, text: str, *values: object, mark: str, mine: object) -> Outcome:
    """Write on a condition, again if there was no answer, until there is one.

    The column ``mark`` has to be among those that a refusal shows, and a row with ``mine`` in it
    is our own: then it was a try before this one that was applied. The condition must never hold
    again once the write was applied, however late a try arrives.

    Raises:
        OutcomeUnknown: there was no answer, several times.
        StoreUnavailable: nothing was sent.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + LONGEST_S
    tries, is_certain = 0, True
    while True:
        tries += 1
        try:
            cas = await cql.cas(text, *values)
        except StoreUnavailable as error:
            is_certain = is_certain and not isinstance(error, OutcomeUnknown)
            if is_certain:
                raise
            if tries == TRIES or loop.time() >= until:
                raise OutcomeUnknown from error
            await asyncio.sleep(random.random() * FIRST_PAUSE_S * 2**tries)  # noqa: S311
        else:
            row = cas.rows[0] if cas.rows else None
            is_ours = row is not None and row[mark] == mine
            return Outcome(cas.applied or is_ours, row, is_certain)


async def add_row(cql: Cql, text: str, *values: object, mark: str, mine: object) -> None:
    """Insert ``IF NOT EXISTS`` a row whose key nobody else can have: it is random."""
    outcome = await settle(cql, text, *values, mark=mark, mine=mine)
    if not outcome.applied:
        raise RuntimeError("a random key is there already, in another row")
