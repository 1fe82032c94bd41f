"""What a process needs of the Cassandra store to append to the log and to read it."""

import asyncio
import os
from collections.abc import Sequence

from services.errors import IloError
from services.model import (
    Draft,
    Instant,
    LoggedMessage,
    MessageId,
    Receipt,
    RoomId,
    UserId,
    Username,
)
from services.ports import Appended
from store.cassandra.appender import Appender
from store.cassandra.cql import Cql
from store.cassandra.heads import Heads
from store.cassandra.known_rooms import KnownRooms, RoomFacts
from store.cassandra.log_table import CqlLogTable
from store.cassandra.pages import Pages

RETENTION_S = 3600


class LogParts:
    """Every room is there, and every sender is called by the first byte of their id."""

    def __init__(self, cql: Cql) -> None:
        known = KnownRooms(_find, asyncio.get_running_loop().time)
        self.heads = Heads(cql)
        self.table = CqlLogTable(cql, self.heads)
        self.pages = Pages(cql, self.heads, known)
        self.appender = Appender(self.table, known, _name_of, RETENTION_S)

    async def append(self, *drafts: Draft) -> list[Receipt | IloError]:
        """Return the outcomes of drafts of one room."""
        told: list[Appended] = []
        finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def done(outcomes: Sequence[Appended]) -> None:
            told.extend(outcomes)
            if len(told) == len(drafts):
                finished.set_result(None)

        self.appender.append(drafts, done)
        await finished
        assert [draft for draft, _ in told] == list(drafts)
        return [outcome for _, outcome in told]

    async def all_messages(self, room_id: RoomId) -> list[LoggedMessage]:
        return await self.pages.messages_after(room_id, 0, 1_000_000, 1 << 30)


def some_room() -> RoomId:
    return RoomId(os.urandom(16))


def some_draft(room_id: RoomId, sender: UserId, text: str = "hello") -> Draft:
    return Draft(room_id, sender, MessageId(os.urandom(16)), Instant(1_700_000_000_000), text)


async def _find(_: RoomId) -> RoomFacts:
    return RoomFacts(None)


async def _name_of(sender: UserId) -> Username:
    return Username(str(sender[0]))
