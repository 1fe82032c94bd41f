"""Faults to build into the Cassandra store's log: who judges what appenders did must find each."""

from collections.abc import Callable, Collection, Sequence
from typing import Final

from services.model import RoomId
from store.cassandra import log_table
from store.cassandra.cql import Cas, Cql, Statement
from store.cassandra.log import Answer, Conflict, Group, Mark, Marker, Unknown, Written
from store.cassandra.log_table import CqlLogTable


def let_batches_say(other: str, instead_of: str) -> None:
    """Change the log's batches, and leave out the values at the end that have no place then."""
    cas_batch = Cql.cas_batch

    def changed(statement: Statement) -> Statement:
        text, values = statement
        if " room_log " not in text:
            return statement
        text = text.replace(instead_of, other)
        return text, values[: text.count("?")]

    async def cas_changed_batch(cql: Cql, statements: Sequence[Statement]) -> Cas:
        return await cas_batch(cql, [changed(one) for one in statements])

    Cql.cas_batch = cas_changed_batch  # type: ignore[method-assign, assignment]


def write_at_any_head() -> None:
    """Who comes later writes over what is there."""
    let_batches_say(" IF head != -1", instead_of=" IF head = ?")


def know_no_message_again() -> None:
    async def none(
        table: CqlLogTable, room_id: RoomId, bucket: int, marks: Collection[Mark]
    ) -> dict[Mark, Marker]:
        return {}

    def answer(cas: Cas) -> Answer:
        return Written() if cas.applied else Conflict(cas.rows[0]["head"], {})

    let_batches_say("", instead_of=" IF NOT EXISTS")
    log_table._answer = answer
    CqlLogTable.markers = none  # type: ignore[method-assign, assignment]


def ack_what_has_no_answer() -> None:
    write = CqlLogTable.write

    async def hopeful(table: CqlLogTable, group: Group) -> Answer:
        answer = await write(table, group)
        return Written() if isinstance(answer, Unknown) else answer

    CqlLogTable.write = hopeful  # type: ignore[method-assign, assignment]


FAULTS: Final[dict[str, Callable[[], None]]] = {
    "writes-at-any-head": write_at_any_head,
    "stores-twice": know_no_message_again,
    "acks-unknown": ack_what_has_no_answer,
}
