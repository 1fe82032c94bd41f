"""A process that appends to Cassandra what it is asked to, as a relay does for its connections.

    python -m tests.support.appender_child CONTACT... --port PORT --keyspace NAME [--fault NAME]

A line on stdin is a JSON array: connection, number, and what a draft has. A line on stdout is one,
too: "ready"; a connection, a number, and what became of it; or an answer of the table that is worth
to be counted. After "unavailable" a connection is closed: what came on it and is not told yet
never will be. Ends with stdin.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from typing import Final

import uvloop

from services.errors import StoreUnavailable
from services.model import Draft, Instant, MessageId, Receipt, RoomId, UserId
from services.ports import Appended
from store.cassandra.log import Answer, Conflict, Group, Written
from store.cassandra.log_table import CqlLogTable
from store.cassandra.settings import CassandraSettings
from store.cassandra.store import CassandraStore
from tests.support.appender_faults import FAULTS

STDOUT: Final = 1
LOOK_AGAIN_S: Final = 0.2


def say(*words: object) -> None:
    os.write(STDOUT, json.dumps(words).encode() + b"\n")


class Connections:
    """Those of this process."""

    def __init__(self, store: CassandraStore) -> None:
        self._store = store
        self._closed: set[str] = set()

    def ask(self, line: bytes) -> None:
        connection, number, room, sender, message, sent_at, text, after = json.loads(line)
        if connection in self._closed:
            return
        draft = Draft(
            RoomId(bytes.fromhex(room)),
            UserId(bytes.fromhex(sender)),
            MessageId(bytes.fromhex(message)),
            Instant(sent_at),
            text,
            after,
            (connection, number),
        )
        self._store.append([draft], self._tell)

    def _tell(self, outcomes: Sequence[Appended]) -> None:
        for draft, outcome in outcomes:
            connection, number = draft.origin
            if connection in self._closed:
                continue
            if isinstance(outcome, Receipt):
                say(connection, number, outcome.seq, outcome.sent_at)
            elif isinstance(outcome, StoreUnavailable):
                self._closed.add(connection)
                say(connection, number, "unavailable")
            else:
                say(connection, number, type(outcome).__name__)


def count_answers() -> None:
    """Say what the table answers when it is not that a group is written."""
    write = CqlLogTable.write

    async def counted(table: CqlLogTable, group: Group) -> Answer:
        answer = await write(table, group)
        if not isinstance(answer, Written):
            say("conflict" if isinstance(answer, Conflict) else "unknown")
        return answer

    CqlLogTable.write = counted  # type: ignore[method-assign, assignment]


async def until_it_serves(store: CassandraStore) -> None:
    while True:
        try:
            return await store.check()
        except StoreUnavailable:
            await asyncio.sleep(LOOK_AGAIN_S)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("contact_points", nargs="+")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--keyspace", required=True)
    parser.add_argument("--fault", choices=sorted(FAULTS))
    asked = parser.parse_args()
    count_answers()
    if asked.fault is not None:
        FAULTS[asked.fault]()
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    store = await CassandraStore.open(
        CassandraSettings(tuple(asked.contact_points), asked.port, asked.keyspace)
    )
    await until_it_serves(store)
    say("ready")
    connections = Connections(store)
    while line := await lines.readline():
        connections.ask(line)
    await store.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
