"""The tables of Cassandra, made or brought up to date by hand, before any process starts."""

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from ilo.refusals import CommandRefused
from ilo.settings import Settings
from ilo.stores import cassandra_settings
from store.errors import StoreRefused

if TYPE_CHECKING:
    from store.cassandra.migrations import Migrated
    from store.cassandra.settings import CassandraSettings

PAUSES_S: Final = (0.5, 1.0, 2.0)
"""A Cassandra that others are just making tables in may not answer in time at first."""


def migrate_tables(settings: Settings) -> str:
    """Make the tables as a start would; return in words what was done. Blocks meanwhile.

    Raises:
        CommandRefused: there is no Cassandra in the settings, or it is not ready.
    """
    if settings.cassandra is None:
        raise CommandRefused(
            "migrate: Cassandra_address is missing; the embedded store is brought up to date by"
            " its start"
        )
    from store.cassandra.errors import NotReady

    found = cassandra_settings(settings.cassandra)
    try:
        done = _patiently(found)
    except (NotReady, StoreRefused) as error:
        raise CommandRefused(f"migrate: {error}") from None
    place = f'keyspace "{found.keyspace}"'
    if done.before == done.after:
        return f"{place}: nothing to do, its tables have version {done.after}"
    made = f"; tables made: {', '.join(done.tables)}" if done.tables else ""
    return f"{place}: version {done.before} has become {done.after}{made}"


def _patiently(settings: "CassandraSettings") -> "Migrated":
    from store.cassandra.errors import NotReady

    for pause_s in PAUSES_S:
        with suppress(NotReady):
            return _migrated(settings)
        time.sleep(pause_s)
    return _migrated(settings)


def _migrated(settings: "CassandraSettings") -> "Migrated":
    from store.cassandra.connection import Connection
    from store.cassandra.migrations import migrate

    connection = Connection.make(settings)
    try:
        return migrate(connection, settings)
    finally:
        connection.close()
