"""The tables: made or brought up to date by one process at a time, however many start at once.

Who works on them holds a lease, a row that expires. Cassandra itself does not keep two statements
that make the same table at once, sent to two nodes, from making two tables of one name.
"""

import logging
import random
import re
import time
import uuid
from importlib.resources import files
from typing import Any, Final, NamedTuple

from cassandra import OperationTimedOut, ReadTimeout, Timeout, WriteTimeout

from store.cassandra import diagnosis
from store.cassandra.connection import FAULTS, Connection
from store.cassandra.cql import CONDITIONAL, ROWS, SERIAL
from store.cassandra.errors import NotReady
from store.cassandra.settings import CassandraSettings
from store.errors import StoreRefused

SCHEMA_VERSION: Final = 1
STATEMENT_TIMEOUT_S: Final = 30.0
LEASE_S: Final = 120
"""Longer than any one statement takes; renewed before each."""
PATIENCE_S: Final = 60.0
"""How long a try waits for another process that holds the lease."""
LOOK_AGAIN_S: Final = 0.5
READ_TRIES: Final = 5

# From the version that is the key to the next one. They never change: tables of every version are
# about, and a step may have been done in part, so each statement must bear being run again.
STEPS: Final[dict[int, str]] = {}

log = logging.getLogger("store.cassandra")


class Migrated(NamedTuple):
    """``before`` is 0 when there was nothing; ``tables`` are those that were made."""

    before: int
    after: int
    tables: tuple[str, ...]


def migrate(connection: Connection, settings: CassandraSettings) -> Migrated:
    """Make the tables, or bring those of an older version up to date; blocks meanwhile.

    Raises:
        NotReady: Cassandra does not answer, or another process does not come to its end.
        StoreRefused: the tables are another program's, or of a version that we do not know.
    """
    # With more replicas than nodes a conditional write takes effect, but is never answered: each
    # would take its whole time.
    if (lacking := connection.lacks()) is not None:
        raise NotReady(lacking)
    try:
        return _Migration(connection, settings.keyspace).run()
    except FAULTS as error:
        if (lacking := connection.lacks()) is not None:
            raise NotReady(lacking) from error
        if isinstance(error, (OperationTimedOut, Timeout)):
            raise NotReady("Cassandra does not answer in time about the tables") from error
        raise diagnosis.why_not(settings, error) from error


class _Migration:
    def __init__(self, connection: Connection, keyspace: str) -> None:
        self._session = connection.session
        self._keyspace = keyspace
        # All who start at once send what makes tables to one node: it does one after the other.
        self._node = connection.first_host()
        self._me = uuid.uuid4()

    def run(self) -> Migrated:
        if self._version_table_missing():
            self._change(statements_of(_schema())[0])
        version = self._version()
        if version == SCHEMA_VERSION:
            return Migrated(version, version, ())
        until = time.monotonic() + PATIENCE_S
        while not self._take_lease():
            # It may be done by then, and the lease free again or not.
            if (version := self._version()) == SCHEMA_VERSION:
                return Migrated(version, version, ())
            if time.monotonic() > until:
                raise NotReady("another process has been changing the tables for a minute")
            time.sleep(LOOK_AGAIN_S)
        try:
            return self._work()
        finally:
            self._give_lease_back()

    def _work(self) -> Migrated:
        before = self._version()
        if before == SCHEMA_VERSION:
            return Migrated(before, before, ())
        there = self._tables()
        for statement in _statements(before):
            self._keep_lease()
            self._change(statement)
        made = tuple(sorted(self._tables() - there))
        self._set_version(before)
        log.info("the tables are made", extra={"from": before, "to": SCHEMA_VERSION})
        return Migrated(before, SCHEMA_VERSION, made)

    # -- the version

    def _version_table_missing(self) -> bool:
        tables = self._tables()
        if "schema_version" in tables:
            return False
        # It comes first, so whoever made these is somebody else.
        if foreign := sorted(tables & _names(_schema())):
            raise StoreRefused(
                f'keyspace "{self._keyspace}" has tables of another program: {", ".join(foreign)};'
                " name another keyspace in Cassandra_keyspace"
            )
        return True

    def _version(self) -> int:
        """Return the version of the tables, 0 when there are none.

        Raises:
            StoreRefused: it is none that we know.
        """
        rows = self._read("SELECT version FROM schema_version WHERE part = 'tables'")
        version = int(rows[0][0]) if rows else 0
        if version not in {0, SCHEMA_VERSION, *STEPS}:
            raise StoreRefused(
                f'keyspace "{self._keyspace}" has schema version {version}; this Ilo knows version'
                f" {SCHEMA_VERSION}"
            )
        return version

    def _set_version(self, before: int) -> None:
        if before == 0:
            text = "INSERT INTO schema_version (part, version) VALUES ('tables', %s) IF NOT EXISTS"
            self._condition(text, SCHEMA_VERSION)
        else:
            text = "UPDATE schema_version SET version = %s WHERE part = 'tables' IF version = %s"
            self._condition(text, SCHEMA_VERSION, before)
        # Whoever was faster has written the same.
        if self._version() != SCHEMA_VERSION:
            raise NotReady("the version of the tables cannot be written")

    # -- the lease

    def _take_lease(self) -> bool:
        # Looked at first: many who write on a condition at once keep each other from it.
        if self._holder() is None:
            self._condition(
                "INSERT INTO schema_version (part, holder) VALUES ('lease', %s) IF NOT EXISTS"
                " USING TTL %s",
                self._me,
                LEASE_S,
            )
        return self._holder() == self._me

    def _keep_lease(self) -> None:
        self._condition(
            "UPDATE schema_version USING TTL %s SET holder = %s WHERE part = 'lease'"
            " IF holder = %s",
            LEASE_S,
            self._me,
            self._me,
        )
        if self._holder() != self._me:
            raise NotReady("another process has begun to change the tables")

    def _give_lease_back(self) -> None:
        try:
            self._condition(
                "DELETE FROM schema_version WHERE part = 'lease' IF holder = %s", self._me
            )
        except FAULTS:
            log.info("the lease on the tables is left to expire")

    def _holder(self) -> uuid.UUID | None:
        rows = self._read("SELECT holder FROM schema_version WHERE part = 'lease'")
        return rows[0][0] if rows else None

    # -- statements

    def _tables(self) -> set[str]:
        rows = self._execute(
            "SELECT table_name FROM system_schema.tables WHERE keyspace_name = %s",
            self._keyspace,
            profile=ROWS,
            host=self._node,
        )
        return {row[0] for row in rows}

    def _condition(self, text: str, *values: object) -> None:
        """Write on a condition; what has become of it is for the caller to read."""
        try:
            self._execute(text, *values, profile=CONDITIONAL)
        except (OperationTimedOut, WriteTimeout):
            log.info("a conditional write has no answer", extra={"table": "schema_version"})

    def _change(self, statement: str) -> None:
        """Change the schema, and wait until all nodes know."""
        future = self._session.execute_async(
            statement, timeout=STATEMENT_TIMEOUT_S, host=self._node
        )
        future.result()
        if not future.is_schema_agreed:
            raise NotReady("the nodes of Cassandra do not agree on the tables yet")

    def _read(self, text: str) -> list[Any]:
        """Read what others have begun to write as well; again where they are in the way."""
        for left in reversed(range(READ_TRIES)):
            try:
                return self._execute(text, profile=SERIAL)
            except (OperationTimedOut, ReadTimeout):
                if not left:
                    raise
                time.sleep(LOOK_AGAIN_S * (1 + random.random()))  # noqa: S311
        raise AssertionError

    def _execute(self, text: str, *values: object, profile: str, host: Any = None) -> list[Any]:
        return list(
            self._session.execute(text, values or None, execution_profile=profile, host=host)
        )


def _schema() -> str:
    return files("store.cassandra").joinpath("schema.cql").read_text("utf-8")


def _statements(before: int) -> list[str]:
    """Return what makes tables of the newest version of those of version ``before``."""
    if before == 0:
        return statements_of(_schema())
    return [
        statement
        for step in range(before, SCHEMA_VERSION)
        for statement in statements_of(STEPS[step])
    ]


def statements_of(text: str) -> list[str]:
    """Return the statements of a file of CQL, without its comments."""
    # A comment has a line of its own, and may have a semicolon.
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("--"))
    return [part.strip() for part in "\n".join(lines).split(";") if part.strip()]


def _names(text: str) -> set[str]:
    return set(re.findall(r"CREATE TABLE IF NOT EXISTS (\w+)", text))
