"""Keyspaces for tests: made anew, or emptied where something was written."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cassandra.cluster import EXEC_PROFILE_DEFAULT, ExecutionProfile
from cassandra.cluster import Cluster as Driver
from cassandra.policies import WhiteListRoundRobinPolicy

from store.cassandra.migrations import SCHEMA_VERSION, statements_of
from tests.support.cassandra.node import Contact

SCHEMA: Final = Path(__file__).resolve().parents[3] / "store" / "cassandra" / "schema.cql"
PROTOCOL: Final = 5
REQUEST_S: Final = 60.0
"""Tables are made and emptied while everything else on the machine is busy."""


@dataclass(frozen=True, slots=True)
class Keyspace(Contact):
    """A keyspace, and where it is."""

    name: str


@contextmanager
def connected(contact: Contact) -> Iterator[Any]:
    """Yield a session of the driver, of no keyspace, with ``contact_points`` and no others."""
    profile = ExecutionProfile(
        load_balancing_policy=WhiteListRoundRobinPolicy(contact.contact_points),
        request_timeout=REQUEST_S,
    )
    driver = Driver(
        contact.contact_points,
        port=contact.port,
        protocol_version=PROTOCOL,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        schema_metadata_enabled=False,
        token_metadata_enabled=False,
        connect_timeout=REQUEST_S,
        control_connection_timeout=REQUEST_S,
    )
    try:
        yield driver.connect()
    finally:
        driver.shutdown()


def make_keyspace(
    session: Any, contact: Contact, name: str, *, replicas: int = 1, durable: bool = True
) -> Keyspace:
    """Make an empty keyspace, which must not be there yet.

    With ``durable=False`` what is written is lost with the process, and emptying costs a tenth.
    """
    session.execute(
        f"CREATE KEYSPACE {name} WITH replication = "
        f"{{'class': 'NetworkTopologyStrategy', '{contact.datacenter}': {replicas}}} "
        f"AND durable_writes = {str(durable).lower()}"
    )
    return Keyspace(contact.contact_points, contact.port, contact.datacenter, name)


def make_tables(session: Any, keyspace: str) -> None:
    """Make the store's tables in ``keyspace``."""
    for statement in statements_of(SCHEMA.read_text("utf-8")):
        session.execute(statement.replace(" EXISTS ", f" EXISTS {keyspace}.", 1))
    # So that a store that is opened there finds nothing to do.
    session.execute(
        f"INSERT INTO {keyspace}.schema_version (part, version) VALUES ('tables', %s)"
        " IF NOT EXISTS",
        [SCHEMA_VERSION],
    )


class Sweeper:
    """Empties a keyspace: only the tables that were written to, all at once.

    The node's own counters tell which. Rows would not: a table without any may still hold
    the marks of what was deleted, and those would hide what the next test writes.
    """

    def __init__(self, session: Any, keyspace: str) -> None:
        self._session = session
        self._keyspace = keyspace
        self._writes: dict[str, int] = {}

    def empty(self) -> list[str]:
        """Return the tables that had to be emptied."""
        counted = self._count()
        written = [
            table for table, writes in counted.items() if writes != self._writes.get(table, 0)
        ]
        asked = [
            self._session.execute_async(f"TRUNCATE {self._keyspace}.{table}") for table in written
        ]
        for answer in asked:
            answer.result()
        self._writes = counted
        return written

    def _count(self) -> dict[str, int]:
        rows = self._session.execute(
            "SELECT keyspace_name, table_name, count FROM system_views.local_write_latency"
        )
        return {row.table_name: row.count for row in rows if row.keyspace_name == self._keyspace}
